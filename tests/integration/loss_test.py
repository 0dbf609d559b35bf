"""Lost packets: pictures that cannot be repeated are replaced by a key frame soon, sound is concealed, a join takes its time."""
import time
import unittest

import numpy as np

from lk import media, quality, tone
from lk.case import LiveKitTest
from lk.impair import Both, Path
from lk.launch import environment
from lk.relay import Relay
from lk.tap import AUDIO, VIDEO, Tap
from lk.wait import wait_until

ALONE = True  # recovery

HOLE = 0.5  # seconds in which every packet of the video is lost, repetitions too
SOON = 2.5  # within which pictures move again: 2 s, and a little for the machine


class Hole:
    """A relay's hook that loses the video of one direction for a while, and some packets at least."""

    def __init__(self, up):
        self.up = up
        self.begin = self.end = self.lost = 0

    def open(self):
        self.lost, self.end, self.begin = 0, 0, time.monotonic()

    def __call__(self, packet):
        if packet.kind == "video" and packet.up == self.up and self.begin and not self.end:
            self.lost += 1
            if self.lost > 5 and packet.at > self.begin + HOLE:
                self.end = time.monotonic()
            return None
        return 0.0


class Loss(LiveKitTest):
    def check(self, hole, seen):
        """`seen()`: (time, number) of the pictures so far. Opens the hole and waits until pictures go on."""
        wait_until(lambda: len(seen()) > 40, 30, "pictures before the loss")
        before = len(seen())
        hole.open()
        wait_until(lambda: hole.end, 15, lambda: f"the end of the hole, {hole.lost} packets deep")
        again = wait_until(lambda: next(((when, number) for when, number in seen()[before:] if when > hole.end), None),
                           20, lambda: f"pictures after the loss of {hole.lost} packets")
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


class Rough(LiveKitTest):
    """A path as of a bad mobile network: packets are lost at random, and late by different times."""

    def relay(self, loss, delay=0.1, jitter=0.03):
        paths = Both(Path(loss, delay, jitter), Path(loss, delay, jitter, seed=2))
        relay = Relay(self.server, paths)
        self.addCleanup(relay.stop)
        return relay.url, paths

    def test_a_first_join_with_each_fifth_packet_lost_comes_about(self):
        url, _ = self.relay(0.2, 0.03, 0)
        ours = self.launch(f"livekitsrc room={self.room} kinds=audio ! fakesink", messages=True, env={"LIVEKIT_URL": url})
        ours.wait_for_output("to=(string)connected", 14)

    def test_sound_is_whole_with_each_tenth_packet_lost(self):
        url, paths = self.relay(0.1)
        them = self.peer("them")
        them.publish_tone(600)
        env = environment(self.server)
        env["LIVEKIT_URL"] = url
        tap = Tap(self.path("tap"), f"livekitsrc room={self.room} identity=us kinds=audio name=r r.audio_0 ! {AUDIO}audio "
                  f"audiotestsrc is-live=true freq=700 ! livekitsink room={self.room} identity=us connect-timeout=20000", env)
        self.addCleanup(self._end, tap)
        ear = them.hear("us", timeout=25)
        ear.wait_for_tone(700, 20)
        wait_until(lambda: len(tap.buffers("audio")) > 400, 30, lambda: f"sound\n{tap.output}")
        wait_until(lambda: ear.last(8) is not None, 20, "eight seconds of ours")
        self.assertGreater(paths.down.share_lost("audio"), 0.05, "the path is as bad as it should be")
        heard = np.concatenate([b.samples() for b in tap.buffers("audio")])[-8 * 48000:]
        # Half of what was lost: a busy machine makes holes of its own.
        self.assertLess(quality.hole_share(heard, 600), 0.05, "share of 20 ms that we heard broken")
        self.assertLess(quality.hole_share(ear.last(8)[:, 0], 700), 0.05, "share of 20 ms that they heard broken")


class Copies(LiveKitTest):
    """Opus packets with a copy of the one before (in-band FEC), and a sound that nobody can guess: 20 ms each of another tone."""

    def bad_relay(self):
        self.paths = Both(Path(0.1, 0.03))
        relay = Relay(self.server, self.paths)
        self.addCleanup(relay.stop)
        return relay.url

    def test_of_the_packets_that_we_lose_the_other_end_has_to_make_up_few(self):
        ours = self.launch(
            f"filesrc location={media.hopping(90)} ! wavparse ! tee name=t livekitsink name=s room={self.room} identity=us "
            "connect-timeout=20000 t. ! queue ! audioconvert ! s.sink_0 "
            "t. ! queue ! audioconvert ! opusenc inband-fec=false ! s.sink_1", env={"LIVEKIT_URL": self.bad_relay()})
        them = self.peer("them")
        names = ("sink_0", "sink_1")
        for name in names:
            them.hear("us", name, timeout=30)
        # The server's reports of loss make the encoder put copies in.
        wait_until(lambda: them.sound_stats("us", names[0]).copies > 100, 40, lambda: f"copies\n{ours.output[-500:]}")
        before = [them.sound_stats("us", name) for name in names]

        def spared():
            """Thirty lost packets of each later: whether far fewer had to be made up with copies. What a busy machine adds it does not
            add to both alike, so the next thirty may say it."""
            now = [them.sound_stats("us", name) for name in names]
            with_copies, without = [stats - start for stats, start in zip(now, before)]
            if min(with_copies.lost, without.lost) < 30:
                return None
            before[:] = now
            self.assertGreater(with_copies.copies, 0.8 * with_copies.packets)
            self.assertEqual(without.copies, 0)
            print(f"{self.id()}: made up {with_copies.concealed / with_copies.samples:.1%} with copies, "
                  f"{without.concealed / without.samples:.1%} without", flush=True)
            return (without.concealed - with_copies.concealed) / 960 > 0.3 * without.lost
        wait_until(spared, 60, "fewer that are made up")

    def test_packets_that_others_lost_are_rebuilt_by_us(self):
        them = self.peer("them", url=self.bad_relay())
        them.publish_tone(tone.hopping)
        tap = Tap(self.path("tap"), f"livekitsrc room={self.room} identity=us kinds=audio name=r r.audio_0 ! {AUDIO}audio",
                  environment(self.server))
        self.addCleanup(self._end, tap)
        wait_until(lambda: self.paths.up.passed.get("audio", 0) > 250, 60, "five seconds, after which the SDK has heard of the loss")
        begin = len(tap.buffers("audio"))
        wait_until(lambda: len(tap.buffers("audio")) > begin + 600, 60, "twelve seconds")
        self.assertGreater(self.paths.up.share_lost("audio"), 0.05, "the path is as bad as it should be")
        heard = np.concatenate([b.samples() for b in tap.buffers("audio")[begin:]])
        shares = tone.hopping_share(heard)
        print(f"{self.id()}: {self.paths.up.share_lost('audio'):.1%} lost, right {shares}", flush=True)
        # Without the copies one in ten would be wrong in each two seconds; the others may have been interrupted by the machine.
        self.assertGreater(sorted(shares)[-2], 0.97, shares)


if __name__ == "__main__":
    unittest.main(verbosity=2)
