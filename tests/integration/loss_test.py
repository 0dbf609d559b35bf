"""Lost packets: pictures that cannot be repeated are replaced by a key frame soon, both ways."""
import time
import unittest

from lk import media
from lk.case import LiveKitTest
from lk.launch import environment
from lk.relay import Relay
from lk.tap import VIDEO, Tap
from lk.wait import wait_until

HOLE = 0.5  # seconds in which every packet of the video is lost, repetitions too
SOON = 2.5  # within which pictures move again: 2 s, and a little for the machine


class Hole:
    """A relay's hook that loses the video of one direction for a while."""

    def __init__(self, up):
        self.up = up
        self.begin = self.end = self.lost = 0

    def open(self):
        self.begin = time.monotonic()
        self.end = self.begin + HOLE

    def __call__(self, packet):
        if packet.kind == "video" and packet.up == self.up and self.begin <= time.monotonic() < self.end:
            self.lost += 1
            return None
        return 0.0


class Loss(LiveKitTest):
    def check(self, hole, seen):
        """`seen()`: (time, number) of the pictures so far. Opens the hole and waits until pictures go on."""
        wait_until(lambda: len(seen()) > 40, 30, "pictures before the loss")
        before = len(seen())
        hole.open()
        wait_until(lambda: time.monotonic() > hole.end, 5, "the end of the hole")
        again = wait_until(lambda: next(((when, number) for when, number in seen()[before:] if when > hole.end), None),
                           20, lambda: f"pictures after the loss of {hole.lost} packets")
        self.assertGreater(hole.lost, 5, "packets lost")
        self.assertLess(again[0] - hole.end, SOON, "seconds from the end of the loss to the next picture")
        # They go on: ten more in order, without a freeze.
        wait_until(lambda: len([1 for when, _ in seen() if when > again[0]]) > 10, SOON, "ten more pictures")
        numbers = [number for _, number in seen()]
        self.assertEqual(numbers, sorted(numbers))

    def test_a_viewer_of_ours_sees_again_what_it_publishes(self):
        hole = Hole(up=True)
        relay = Relay(self.server, hole)
        self.addCleanup(relay.stop)
        self.launch(f"filesrc location={media.counting_y4m(fps=15, seconds=60)} ! y4mdec ! livekitsink room={self.room} identity=us",
                    env={"LIVEKIT_URL": relay.url})
        eye = self.peer("them").see("us")
        self.check(hole, lambda: [(when, number) for when, number, *_ in list(eye.pictures) if number is not None])

    def test_we_see_again_what_others_publish(self):
        hole = Hole(up=False)
        relay = Relay(self.server, hole)
        self.addCleanup(relay.stop)
        self.peer("them").publish_video(fps=15)
        env = environment(self.server)
        env["LIVEKIT_URL"] = relay.url
        tap = Tap(self.path("tap"), f"livekitsrc room={self.room} identity=us name=r r.video_0 ! {VIDEO}video", env)
        self.addCleanup(self._end, tap)
        epoch = time.time() - time.monotonic()
        self.check(hole, lambda: [(b.arrival - epoch, number) for b in tap.buffers("video")
                                  if (number := b.number()) is not None])


if __name__ == "__main__":
    unittest.main(verbosity=2)
