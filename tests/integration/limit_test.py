"""A viewer behind a slow link: it tells the server, which then sends a smaller picture instead of one that does not fit."""
import time
import unittest

from lk.case import LiveKitTest
from lk.impair import Both, Path
from lk.launch import environment
from lk.relay import Relay
from lk.tap import VIDEO, Tap
from lk.wait import wait_until

ALONE = True  # bandwidth

FAST, SLOW = 4_000_000, 700_000


class SlowLink(LiveKitTest):
    def setUp(self):
        super().setUp()
        self.paths = Both(Path(delay=0.02), Path(delay=0.02, bps=FAST))
        relay = Relay(self.server, self.paths)
        self.addCleanup(relay.stop)
        self.peer("them").publish_video(640, 360, fps=10, simulcast=True, bitrate=1_500_000, noise=15)
        env = environment(self.server)
        env["LIVEKIT_URL"] = relay.url
        self.tap = Tap(self.path("tap"), f"livekitsrc room={self.room} identity=us name=r r.video_0 ! {VIDEO}video", env)
        self.addCleanup(self._end, self.tap)

    def rate(self, seconds=1.0):
        """Bit/s that get through to us, and packets that do not."""
        down = self.paths.down
        begin, lost, sent = time.monotonic(), down.lost.get("video", 0), down.bytes
        wait_until(lambda: time.monotonic() > begin + seconds, seconds + 5, "a moment")
        return 8 * (down.bytes - sent) / (time.monotonic() - begin), down.lost.get("video", 0) - lost

    def pictures(self, since):
        return len([1 for b in self.tap.buffers("video") if b.arrival > since and b.number() is not None])

    def wait_for_the_large_picture(self, timeout):
        wait_until(lambda: self.rate()[0] > 1.2 * SLOW, timeout, lambda: f"more than a slow link carries; {self.rate()}")

    def fits(self):
        """Pictures of three seconds in which hardly anything was too much for the link. A server that is not told never gets there:
        half of what it sends is lost then, and each picture with it."""
        begin, passed = time.time(), self.paths.down.passed.get("video", 0)
        lost = self.rate(3)[1]
        passed = self.paths.down.passed.get("video", 0) - passed
        # A few are the burst of an encoder that a busy machine held up.
        return self.pictures(begin) if lost <= passed / 20 else 0

    def test_the_picture_gets_smaller_and_large_again(self):
        self.wait_for_the_large_picture(40)
        self.paths.down.bps = SLOW
        wait_until(lambda: self.fits() >= 3, 60, lambda: f"pictures that fit; {self.rate()}")
        self.paths.down.bps = FAST
        self.wait_for_the_large_picture(60)

    def test_on_a_fast_link_it_stays_large(self):
        self.wait_for_the_large_picture(40)
        rates = sorted(self.rate(2)[0] for _ in range(5))
        self.assertGreater(rates[2], SLOW, f"half of the time; {rates}")


class TinyLink(LiveKitTest):
    """Not even the smallest picture fits: it pauses, and the sound goes on."""

    def test_the_picture_pauses_and_the_sound_goes_on(self):
        paths = Both(Path(delay=0.02), Path(delay=0.02, bps=FAST))
        relay = Relay(self.server, paths)
        self.addCleanup(relay.stop)
        them = self.peer("them")
        them.publish_video(320, 180, fps=10, bitrate=500_000, noise=40)
        them.publish_tone(600)
        env = environment(self.server)
        env["LIVEKIT_URL"] = relay.url
        ours = self.launch(f"livekitsrc room={self.room} identity=us name=r r.video_0 ! fakesink r.audio_0 ! fakesink",
                           messages=True, env=env)
        wait_until(lambda: paths.down.passed.get("video", 0) > 200, 30, lambda: f"video\n{ours.output[-2000:]}")
        paths.down.bps = 120_000
        ours.wait_for_output("paused=(boolean)true", 40)
        wait_until(lambda: self.lost_sound(paths.down) == 0, 30, "two seconds without a packet of sound lost")
        paths.down.bps = FAST
        ours.wait_for_output("paused=(boolean)false", 60)

    @staticmethod
    def lost_sound(path):
        begin, lost = time.monotonic(), path.lost.get("audio", 0)
        wait_until(lambda: time.monotonic() > begin + 2, 5, "two seconds")
        return path.lost.get("audio", 0) - lost


if __name__ == "__main__":
    unittest.main(verbosity=2)
