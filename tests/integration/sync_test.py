"""Sound and picture of one participant come out as they were made: a flash and a beep each second."""
import asyncio
import subprocess
import time
import unittest

import numpy as np
from livekit import rtc

from lk import tone
from lk.case import LiveKitTest
from lk.peer import RATE, SOURCES, Peer, _run
from lk.recording import Recording
from lk.wait import wait_until

WIDTH, HEIGHT, FPS = 320, 180, 25
SIGNAL = 0.2  # seconds of each second with flash and beep


class FlashAndBeep(Peer):
    """Publishes both tracks; what belongs together is captured at the same moment."""

    def publish(self):
        _run(self._publish())

    async def _publish(self):
        sound, picture = rtc.AudioSource(RATE, 1, queue_size_ms=100), rtc.VideoSource(WIDTH, HEIGHT)
        local = self.room.local_participant
        await local.publish_track(rtc.LocalAudioTrack.create_audio_track("beep", sound),
                                  rtc.TrackPublishOptions(source=SOURCES["microphone"], dtx=False, red=False))
        await local.publish_track(rtc.LocalVideoTrack.create_video_track("flash", picture),
                                  rtc.TrackPublishOptions(source=SOURCES["camera"], simulcast=False))
        start = time.monotonic()
        self._pumps["beep"] = asyncio.create_task(self._pump(0.01, start, lambda n: self._beep(sound, n)))
        self._pumps["flash"] = asyncio.create_task(self._pump(1 / FPS, start, lambda n: self._flash(picture, n)))

    @staticmethod
    async def _pump(period, start, send):
        number = 0
        while True:
            done = send(number)
            if done is not None:
                await done
            number += 1
            await asyncio.sleep(max(0.0, start + number * period - time.monotonic()))

    @staticmethod
    def _beep(sink, number):
        count = RATE // 100
        loud = number % 100 < SIGNAL * 100
        data = tone.make(1000, number * count, count) if loud else np.zeros(count, np.int16)
        return sink.capture_frame(rtc.AudioFrame(data.tobytes(), RATE, 1, count))

    @staticmethod
    def _flash(sink, number):
        light = 235 if number % FPS < SIGNAL * FPS else 16
        data = np.full(WIDTH * HEIGHT * 3 // 2, 128, np.uint8)
        data[:WIDTH * HEIGHT] = light
        sink.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, data.tobytes()))


def rises(levels, times, threshold):
    """When the level goes up through the threshold."""
    high = np.asarray(levels) > threshold
    return [times[i] for i in range(1, len(high)) if high[i] and not high[i - 1]]


class Sync(LiveKitTest):
    def test_beep_and_flash_come_together(self):
        them = FlashAndBeep(self.server, self.room, "them")
        self.addCleanup(them.leave)
        them.publish()
        path = self.path("av.mkv")
        process = self.launch(
            f"livekitsrc name=r room={self.room} identity=us matroskamux name=m ! "
            f"filesink buffer-mode=unbuffered location={path} "
            "r.video_0 ! queue ! videoconvert ! videoscale ! video/x-raw,format=I420,width=32,height=18 ! m. "
            "r.audio_0 ! queue ! audioconvert ! audio/x-raw,format=S16LE,rate=48000,channels=1 ! m.", eos_on_shutdown=True)
        end = time.monotonic() + 13
        wait_until(lambda: time.monotonic() > end or not process.running, 20, "the recording")
        self.assertEqual(process.interrupt()[0], 0, process.output)

        recording = Recording(path)
        begin = float(recording.stream("audio")["start_time"])
        sound = np.abs(recording.sound()[:, 0])
        blocks = sound[:len(sound) // 48 * 48].reshape(-1, 48).max(axis=1)
        loud = np.array([blocks[max(0, i - 20):i + 1].max() for i in range(len(blocks))])
        beeps = rises(loud, begin + np.arange(len(loud)) / 1000, 0.1)
        raw = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-map", "0:v:0", "-vsync", "passthrough", "-f",
                              "rawvideo", "-pix_fmt", "gray", "-"], capture_output=True, check=True, timeout=60).stdout
        light = np.frombuffer(raw, np.uint8).reshape(-1, 18 * 32).mean(axis=1)
        times = recording.picture_times()
        flashes = rises(light[:len(times)], times[:len(light)], 120)
        late = [min((beep - flash for beep in beeps), key=abs) for flash in flashes]
        settled = [skew for flash, skew in zip(flashes, late) if flash > times[-1] - 4]
        self.assertGreaterEqual(len(settled), 2, (beeps, flashes))
        # What the SDK itself has between the two differs from session to session: +38 to +67 ms on a quiet machine, -17 on a
        # busy one. A picture lasts 40 ms. A path that is not aligned is 200 ms off and more.
        self.assert_near(float(np.median(settled)), 0.025, 0.080, f"seconds from flash to beep; all {late}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
