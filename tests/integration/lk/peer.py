"""The other end: a participant made of the official Python SDK, behind blocking methods.

All SDK objects live on one asyncio loop in a daemon thread; methods below hand work to it and wait, bounded.
"""
import asyncio
import time
from collections import deque
from dataclasses import astuple, dataclass

import numpy as np
from livekit import rtc

from . import counter, tone
from .loop import LoopThread
from .server import token
from .wait import wait_until

RATE = 48000
SOURCES = {"camera": rtc.TrackSource.SOURCE_CAMERA, "microphone": rtc.TrackSource.SOURCE_MICROPHONE,
           "screen-share": rtc.TrackSource.SOURCE_SCREENSHARE,
           "screen-share-audio": rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO,
           "unknown": rtc.TrackSource.SOURCE_UNKNOWN}
SOURCE_NAMES = {value: name for name, value in SOURCES.items()}
CODECS = {"vp8": rtc.VideoCodec.VP8, "h264": rtc.VideoCodec.H264, "vp9": rtc.VideoCodec.VP9,
          "av1": rtc.VideoCodec.AV1, "h265": rtc.VideoCodec.H265}

_thread = None


def _sdk():
    """Made by the first who needs it."""
    global _thread  # pylint: disable=global-statement
    _thread = _thread or LoopThread("sdk")
    return _thread


def _run(coroutine, timeout=20):
    return _sdk().call(coroutine, timeout)


@dataclass
class SoundStats:
    packets: int = 0
    lost: int = 0
    copies: int = 0
    samples: int = 0
    concealed: int = 0

    def __sub__(self, other):
        return SoundStats(*(a - b for a, b in zip(astuple(self), astuple(other))))


class Ear:
    """Hears one track; keeps the last minute of it."""

    def __init__(self, track, channels):
        self.channels = channels
        self._chunks = deque(maxlen=6000)
        self._task = asyncio.create_task(self._listen(rtc.AudioStream(track, sample_rate=RATE, num_channels=channels)))

    async def _listen(self, stream):
        async for event in stream:
            data = np.frombuffer(event.frame.data, dtype=np.int16).astype(np.float32) / 32768
            self._chunks.append((time.monotonic(), data.reshape(-1, self.channels)))

    def last(self, seconds):
        """The newest `seconds` of sound as an array of (samples, channels), or None while there is less."""
        chunks, have = [], 0
        for _, chunk in reversed(list(self._chunks)):
            chunks.append(chunk)
            have += len(chunk)
            if have >= seconds * RATE:
                return np.concatenate(chunks[::-1])[-int(seconds * RATE):]
        return None

    def tone(self, channel=0, seconds=0.5):
        sound = self.last(seconds)
        return tone.measure(sound[:, channel], RATE) if sound is not None else tone.Tone(0, 0, 0)

    def wait_for_tone(self, frequency, timeout=15, channel=0, within=2.0):
        """Until the newest half second is this tone and hardly anything else."""
        def heard():
            now = self.tone(channel)
            return now if abs(now.frequency - frequency) <= within and now.rms > 0.02 and now.purity > 0.8 else None
        return wait_until(heard, timeout, lambda: f"{frequency} Hz; heard {self.tone(channel)}")

    def wait_for_tones(self, frequencies, timeout=15):
        """Until the newest half second has each of these among its strong frequencies."""
        def heard():
            sound = self.last(0.5)
            return sound is not None and all(tone.share(sound[:, 0], f, RATE) > 0.8 / len(frequencies) / 2
                                             for f in frequencies)
        wait_until(heard, timeout, lambda: f"{frequencies} Hz; strongest {self.tone()}")

    def wait_for_silence(self, timeout=10, below=0.005):
        """Until the newest half second is silent, or nothing has arrived for a second (a muted track sends nothing)."""
        def quiet():
            if self._chunks and time.monotonic() - self._chunks[-1][0] > 1:
                return True
            sound = self.last(0.5)
            return sound is not None and float(np.sqrt(np.mean(sound ** 2))) < below
        wait_until(quiet, timeout, lambda: f"silence; heard {self.tone()}")


class Eye:
    """Sees one track; notes time, number and size of each picture."""

    def __init__(self, track):
        self.pictures = deque(maxlen=20000)
        self._task = asyncio.create_task(self._watch(rtc.VideoStream(track, format=rtc.VideoBufferType.I420)))

    async def _watch(self, stream):
        async for event in stream:
            frame = event.frame
            luma = np.frombuffer(frame.data, dtype=np.uint8, count=frame.width * frame.height)
            number = counter.read(luma.reshape(frame.height, frame.width))
            self.pictures.append((time.monotonic(), number, frame.width, frame.height))

    def wait_for_pictures(self, count, timeout=20, size=None):
        """The first `count` pictures (of `size` only, where given) as tuples (time, number, width, height)."""
        def enough():
            found = [p for p in list(self.pictures) if size is None or p[2:] == size]
            return found[:count] if len(found) >= count else None
        return wait_until(enough, timeout, lambda: f"{count} pictures of size {size}; saw {self.summary()}")

    def wait_for_new_pictures(self, count, timeout=20):
        """The next `count` pictures from now on."""
        start = time.monotonic()
        return wait_until(lambda: (lambda p: p[:count] if len(p) >= count else None)(
            [p for p in list(self.pictures) if p[0] > start]), timeout, lambda: f"{count} new pictures; saw {self.summary()}")

    def summary(self):
        sizes = {}
        for _, number, width, height in list(self.pictures):
            key = f"{width}x{height}{' unreadable' if number is None else ''}"
            sizes[key] = sizes.get(key, 0) + 1
        return sizes or "nothing"


class Peer:
    """One participant in a room."""

    def __init__(self, server, room, identity, auto_subscribe=True, url=None, **grants):
        self.identity = identity
        self.events = []
        self._published = {}
        self._pumps = {}
        self._sinks = {}
        self._senses = []
        jwt = token(server, room, identity, **grants)
        _run(self._connect(url or server.url, jwt, auto_subscribe))

    async def _connect(self, url, jwt, auto_subscribe):
        self.room = rtc.Room()
        for name in ("local_track_subscribed", "participant_connected", "participant_disconnected", "track_published", "track_unpublished",
                     "track_subscribed", "track_unsubscribed", "track_subscription_failed", "track_muted",
                     "track_unmuted", "active_speakers_changed", "participant_metadata_changed",
                     "participant_name_changed", "participant_attributes_changed", "connection_quality_changed",
                     "disconnected", "reconnecting", "reconnected"):
            self.room.on(name, lambda *args, name=name: self.events.append((time.monotonic(), name, args)))
        await self.room.connect(url, jwt, rtc.RoomOptions(auto_subscribe=auto_subscribe))

    # --- sending

    def publish_tone(self, frequency, name="tone", source="microphone", right=None, **options):
        """Publishes a sine, or what `frequency` (such as tone.hopping) makes; with `right` another sine on the right channel of a
        stereo track. Returns the track's sid."""
        return _run(self._publish_tone(frequency, name, source, right, options))

    async def _publish_tone(self, frequency, name, source, right, options):
        channels = 1 if right is None else 2
        sink = rtc.AudioSource(RATE, channels, queue_size_ms=100)
        track = rtc.LocalAudioTrack.create_audio_track(name, sink)
        publication = await self.room.local_participant.publish_track(
            track, rtc.TrackPublishOptions(source=SOURCES[source], **options))
        self._published[name] = (publication, track)
        self._pumps[name] = asyncio.create_task(self._pump_tone(sink, frequency, right, channels))
        return publication.sid

    @staticmethod
    async def _pump_tone(sink, frequency, right, channels):
        position, count = 0, RATE // 50
        while True:
            left = frequency(position, count) if callable(frequency) else tone.make(frequency, position, count)
            data = left if right is None else np.stack([left, tone.make(right, position, count)], axis=1)
            await sink.capture_frame(rtc.AudioFrame(data.tobytes(), RATE, channels, count))
            position += count

    def publish_video(self, width=640, height=360, fps=15, codec="vp8", name="picture", source="camera",
                      simulcast=False, bitrate=2_000_000, noise=0):
        """Publishes a counting picture. Returns the track's sid."""
        return _run(self._publish_video(width, height, fps, codec, name, source, simulcast, bitrate, noise))

    async def _publish_video(self, width, height, fps, codec, name, source, simulcast, bitrate, noise):
        sink = rtc.VideoSource(width, height)
        track = rtc.LocalVideoTrack.create_video_track(name, sink)
        publication = await self.room.local_participant.publish_track(track, rtc.TrackPublishOptions(
            source=SOURCES[source], video_codec=CODECS[codec], simulcast=simulcast,
            video_encoding=rtc.VideoEncoding(max_bitrate=bitrate, max_framerate=fps)))
        self._published[name] = (publication, track)
        self._sinks[name] = sink
        self._pumps[name] = asyncio.create_task(self._pump_video(sink, width, height, fps, noise))
        return publication.sid

    def resize(self, name, width, height, fps=15):
        """Goes on with pictures of another size in the same track."""
        self.freeze(name)

        async def go():
            self._pumps[name] = asyncio.create_task(self._pump_video(self._sinks[name], width, height, fps, 0))
        _run(go())

    def freeze(self, name):
        """Sends no more pictures, without saying so."""
        _sdk().post(self._pumps[name].cancel)

    @staticmethod
    async def _pump_video(sink, width, height, fps, noise):
        start, number = time.monotonic(), 0
        while True:
            picture = counter.draw_i420(number, width, height, noise)
            sink.capture_frame(rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, picture),
                               timestamp_us=int(number * 1e6 / fps))
            number += 1
            await asyncio.sleep(max(0.0, start + number / fps - time.monotonic()))

    def mute(self, name):
        _sdk().post(self._published[name][1].mute)

    def unmute(self, name):
        _sdk().post(self._published[name][1].unmute)

    def unpublish(self, name):
        publication, _ = self._published.pop(name)
        self._pumps.pop(name).cancel()
        _run(self.room.local_participant.unpublish_track(publication.sid))

    def update(self, metadata=None, name=None, attributes=None):
        async def go():
            if metadata is not None:
                await self.room.local_participant.set_metadata(metadata)
            if name is not None:
                await self.room.local_participant.set_name(name)
            if attributes is not None:
                await self.room.local_participant.set_attributes(attributes)
        _run(go())

    def allow_subscribers(self, identities):
        """Nobody else may subscribe to what we publish."""
        _sdk().post(lambda: self.room.local_participant.set_track_subscription_permissions(
            allow_all_participants=False,
            participant_permissions=[rtc.ParticipantTrackPermission(participant_identity=who, allow_all=True) for who in identities]))

    # --- receiving

    def participant(self, identity):
        return self.room.remote_participants.get(identity)

    def wait_for_participant(self, identity, timeout=15):
        return wait_until(lambda: self.participant(identity), timeout, f"participant {identity} in the room")

    def wait_for_no_participant(self, identity, timeout=15):
        wait_until(lambda: self.participant(identity) is None, timeout, f"participant {identity} gone")

    def publications(self, identity, kind=None):
        """The remote publications of a participant, by name order of arrival; `kind` is "audio" or "video"."""
        who = self.participant(identity)
        wanted = {"audio": rtc.TrackKind.KIND_AUDIO, "video": rtc.TrackKind.KIND_VIDEO}.get(kind)
        return [p for p in (list(who.track_publications.values()) if who else []) if wanted in (None, p.kind)]

    def wait_for_track(self, identity, kind, name=None, timeout=15):
        """A publication that is subscribed."""
        return wait_until(
            lambda: next((p for p in self.publications(identity, kind)
                          if p.track is not None and name in (None, p.name)), None),
            timeout, lambda: f"{kind} track {name or ''} of {identity}; there are "
                             f"{[(p.name, p.mime_type, p.subscribed) for p in self.publications(identity)]}")

    def wait_for_no_track(self, identity, name, timeout=10):
        wait_until(lambda: all(p.name != name for p in self.publications(identity)), timeout, f"track {name} unpublished")

    def hear(self, identity, name=None, channels=1, timeout=15):
        track = self.wait_for_track(identity, "audio", name, timeout).track
        return _run(self._sense(Ear, track, channels))

    def sound_stats(self, identity, name):
        """Of a subscribed sound: how many packets came, were lost and had a copy of the one before; how many samples were played and
        how many of them made up."""
        for stats in _run(self.wait_for_track(identity, "audio", name).track.get_stats()):
            if stats.HasField("inbound_rtp"):
                received, inbound = stats.inbound_rtp.received, stats.inbound_rtp.inbound
                return SoundStats(received.packets_received, received.packets_lost, inbound.fec_packets_received,
                                  inbound.total_samples_received, inbound.concealed_samples)
        return SoundStats()

    def see(self, identity, name=None, timeout=15):
        return _run(self._sense(Eye, self.wait_for_track(identity, "video", name, timeout).track))

    async def _sense(self, kind, *args):
        sense = kind(*args)
        self._senses.append(sense)
        return sense

    def subscribed_by_somebody(self):
        """Whether anybody subscribed to a track of ours."""
        return "local_track_subscribed" in self.event_names()

    def event_names(self):
        return [name for _, name, _ in list(self.events)]

    def wait_for_event(self, name, timeout=10, check=lambda *_: True):
        """Arguments of the first event of that name for which `check(*args)` holds."""
        return wait_until(lambda: next((args for _, n, args in list(self.events) if n == name and check(*args)), None),
                          timeout, lambda: f"event {name}; saw {self.event_names()}")

    def wait_for_speaker(self, identity, timeout=15):
        self.wait_for_event("active_speakers_changed", timeout,
                            lambda speakers: any(s.identity == identity for s in speakers))

    def leave(self):
        async def go():
            for task in [*self._pumps.values(), *(s._task for s in self._senses)]:
                task.cancel()
            await self.room.disconnect()
        if self.room is not None:
            _run(go())
            self.room = None


def source_name(publication):
    return SOURCE_NAMES.get(publication.source, "?")
