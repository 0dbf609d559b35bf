// One participant in a browser, made of livekit-client. driver.js calls the functions of `lk`; what they return
// goes back as JSON.
"use strict";

const lk = (() => {
  const { Room, RoomEvent } = LivekitClient;
  let room;
  let context;
  const ears = new Map(); // track sid → AnalyserNode

  function publication (identity, name) {
    const found = [...(room.remoteParticipants.get (identity)?.trackPublications.values () ?? [])];
    return found.find ((one) => one.trackName === name);
  }

  function subscribed (identity, name) {
    const track = publication (identity, name)?.track;
    if (!track) throw new Error (`no track ${name} of ${identity} is subscribed`);
    return track;
  }

  /** What the receiver counted: decoded frames and their size, or samples. */
  async function received (track) {
    const stats = await track.receiver.getStats ();
    const inbound = [...stats.values ()].find ((one) => one.type === "inbound-rtp") ?? {};
    const codec = stats.get (inbound.codecId);
    return { codec: codec?.mimeType.toLowerCase (), decoded: inbound.framesDecoded ?? 0,
             width: inbound.frameWidth ?? 0, height: inbound.frameHeight ?? 0,
             packets: inbound.packetsReceived ?? 0, lost: inbound.packetsLost ?? 0 };
  }

  return {
    /** Everything as the SDK has it by default: one peer connection, simulcast, dynacast off. */
    async join (url, token) {
      room = new Room ();
      room.on (RoomEvent.TrackSubscribed, (track) => document.body.append (track.attach ()));
      await room.connect (url, token);
      return room.localParticipant.identity;
    },

    /** From now on what comes with the topic "ping" goes back with the topic "echo". */
    echo (reliable) {
      room.on (RoomEvent.DataReceived, (payload, _from, _kind, topic) => {
        if (topic === "ping") room.localParticipant.publishData (payload, { reliable, topic: "echo" });
      });
    },

    tracks (identity) {
      return [...(room.remoteParticipants.get (identity)?.trackPublications.values () ?? [])].map (
        (one) => ({ name: one.trackName, kind: one.kind, source: one.source, mime: one.mimeType.toLowerCase (),
                    muted: one.isMuted, subscribed: one.isSubscribed, size: one.dimensions }));
    },

    async picture (identity, name) {
      const track = subscribed (identity, name);
      const element = track.attachedElements[0];
      return { ...await received (track), shown: element.getVideoPlaybackQuality ().totalVideoFrames,
               shownWidth: element.videoWidth, shownHeight: element.videoHeight };
    },

    /** The strongest frequency of the last 0.34 s and how loud they were (RMS, full scale = 1). */
    async sound (identity, name) {
      const track = subscribed (identity, name);
      context ??= new AudioContext ({ sampleRate: 48000 });
      await context.resume ();
      let ear = ears.get (track.sid);
      if (!ear) {
        ear = context.createAnalyser ();
        ear.fftSize = 16384;
        ear.smoothingTimeConstant = 0;
        context.createMediaStreamSource (new MediaStream ([track.mediaStreamTrack])).connect (ear);
        ears.set (track.sid, ear);
      }
      const samples = new Float32Array (ear.fftSize);
      const bins = new Float32Array (ear.frequencyBinCount);
      ear.getFloatTimeDomainData (samples);
      ear.getFloatFrequencyData (bins);
      const rms = Math.sqrt (samples.reduce ((sum, x) => sum + x * x, 0) / samples.length);
      const peak = bins.reduce ((best, x, at) => (x > bins[best] ? at : best), 0);
      return { ...await received (track), rms, frequency: peak * context.sampleRate / ear.fftSize };
    },

    /** Chromium's fake devices: a moving picture with a clock, and one beep a second. */
    async publish (width, height) {
      const me = room.localParticipant;
      await me.setCameraEnabled (true, { resolution: { width, height, frameRate: 15 } });
      // The voice processing takes the beeps for noise.
      await me.setMicrophoneEnabled (true, { echoCancellation: false, noiseSuppression: false,
                                             autoGainControl: false });
      return [...me.trackPublications.values ()].map (
        (one) => ({ sid: one.trackSid, kind: one.kind, source: one.source, simulcast: one.simulcasted ?? false }));
    },

    async camera (on) {
      await room.localParticipant.setCameraEnabled (on);
    },

    async microphone (on) {
      await room.localParticipant.setMicrophoneEnabled (on);
    },

    async leave () {
      await room?.disconnect ();
    },
  };
})();
