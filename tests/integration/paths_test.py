"""Other ways to the server than UDP: TCP where UDP is closed, and its TURN server where nothing else may be used."""
import time
import unittest

from lk import media
from lk.case import LiveKitTest
from lk.launch import environment
from lk.server import serve
from lk.tap import AUDIO, VIDEO, Tap
from lk.wait import wait_until


class Paths(LiveKitTest):
    server_options = None
    options = ""  # of our elements
    soon = 12  # seconds until media arrives: a few, but this machine may be busy

    def check_publishing(self):
        start = time.monotonic()
        self.launch(f"livekitsink room={self.room} identity=us name=s {self.options} "
                    f"filesrc location={media.counting_y4m(fps=15, seconds=60)} ! y4mdec ! s. audiotestsrc is-live=true freq=700 ! s.")
        them = self.peer("them")
        them.hear("us").wait_for_tone(700)
        them.see("us").wait_for_pictures(15)
        self.assertLess(time.monotonic() - start, self.soon + 4, "seconds until sound and picture were there for a while")

    def check_subscribing(self):
        them = self.peer("them")
        them.publish_tone(600)
        them.publish_video(fps=15)
        start = time.monotonic()
        tap = Tap(self.path("tap"), f"livekitsrc room={self.room} identity=us name=r {self.options} "
                  f"r.video_0 ! {VIDEO}video r.audio_0 ! {AUDIO}audio", environment(self.server))
        self.addCleanup(self._end, tap)
        wait_until(lambda: tap.buffers("video") and any(abs(b.samples()).max() > 0.1 for b in tap.buffers("audio")), 20,
                   lambda: f"picture and sound:\n{tap.output}")
        self.assertLess(time.monotonic() - start, self.soon, "seconds until media arrived")
        wait_until(lambda: len([1 for b in tap.buffers("video") if b.number() is not None]) > 30, 10, "two seconds of pictures")
        numbers = [n for b in tap.buffers("video") if (n := b.number()) is not None]
        self.assertEqual(numbers, sorted(numbers))


class Tcp(Paths):
    server_options = {"rtc": "force_tcp: true"}

    def setUp(self):
        super().setUp()
        listening = ""
        for table in ("/proc/net/udp", "/proc/net/udp6"):
            with open(table, encoding="ascii") as lines:
                listening += lines.read()
        self.assertNotIn(f":{self.server.udp_port:04X} ", listening, "the server has no UDP port")

    def test_publishing_over_tcp_alone(self):
        self.check_publishing()

    def test_subscribing_over_tcp_alone(self):
        self.check_subscribing()


class Turn(Paths):
    options = "ice-transport-policy=relay"

    @classmethod
    def setUpClass(cls):
        cls.server_options = {"extra": f"turn:\n  enabled: true\n  domain: {serve.first_ipv4()}\n"
                                       f"  udp_port: {serve.free_port(serve.socket.SOCK_DGRAM)}\n"}
        super().setUpClass()

    def test_publishing_through_the_servers_turn_alone(self):
        self.check_publishing()

    def test_subscribing_through_the_servers_turn_alone(self):
        self.check_subscribing()


class NoTurn(Paths):
    """Also the proof that the cases of Turn go through the relay: without one nothing is found."""

    def test_relay_alone_without_a_relay_ends_in_one_clear_error(self):
        process = self.launch(f"livekitsrc room={self.room} ice-transport-policy=relay ! fakesink")
        self.assertNotEqual(process.wait(15), 0)
        self.assertIn("TURN", process.output)
        self.assertEqual(process.output.count("ERROR: from element"), 1, process.output)


if __name__ == "__main__":
    unittest.main(verbosity=2)
