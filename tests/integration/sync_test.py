"""Sound and picture of one participant come out as they were made, on time, and say when that was.

The publisher (lk/clocked.py, the official SDK) writes its wall clock into both, so what lies between a beep and the picture of
the same moment is known for each beep. A second SDK participant is no judge: its jitter buffer alone puts 20 to 80 ms there.
"""
import glob
import statistics
import sys
import time
import unittest

import numpy as np

from lk import clocked, media, tone
from lk.case import LiveKitTest
from lk.launch import Process, environment
from lk.relay import Relay
from lk.server import token
from lk.tap import AUDIO, VIDEO, Tap
from lk.wait import wait_until

ALONE = True  # milliseconds

QUIET = 0.3  # seconds between beeps at least
LEVEL = 0.05
SDK_OFFSET = 0.027  # seconds that the SDK itself puts between sound and picture: 25 to 34 ms

FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)


def shifted_clock(seconds):
    """Environment of a program whose wall clock is off by so much, and nothing else."""
    return {"LD_PRELOAD": FAKETIME, "FAKETIME": f"{seconds:+}", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0"}


def beeps(blocks):
    """[(index of the block, seconds into it, frequency)] of blocks of samples in order."""
    starts = np.cumsum([0] + [len(block) for block in blocks])
    sound = np.concatenate(blocks) if blocks else np.zeros(0)
    found, last = [], -48000
    for at in np.nonzero(np.abs(sound) > LEVEL)[0]:
        if at - last > 48000 * QUIET and at + 7200 < len(sound):
            index = int(np.searchsorted(starts, at, side="right")) - 1
            heard = tone.measure(sound[at + 2400:at + 7200])
            if heard.purity > 0.8:
                found.append((index, (at - starts[index]) / 48000, heard.frequency))
        last = at
    return found


class Received:
    """What one receiver got: for each beep when it came and how much later than the picture of the same moment."""

    def __init__(self, pictures, sound, shift=0.0):
        """`pictures`: (time, wall clock then, number); `sound`: (time, wall clock then, samples). `shift`: of the publisher's
        clock. Times on any one clock."""
        shown = [(clocked.time_of(number, wall + shift), when) for when, wall, number in pictures if number is not None]
        self.skews = []  # (time of the beep, the beep's own wall clock, seconds later than the picture)
        for index, into, frequency in beeps([samples for _, _, samples in sound]):
            second = clocked.second_of(frequency, sound[index][1] + shift)
            came = sound[index][0] + into
            near = [when + (second - made) for made, when in shown if abs(made - second) < 0.5]
            if near:
                self.skews.append((came, second, came - statistics.median(near)))


class Sync(LiveKitTest):
    def publish(self, env=None):
        full = environment(self.server)
        full.update(env or {})
        process = Process([sys.executable, clocked.__file__, self.server.url, token(self.server, self.room, "them")], full)
        self.addCleanup(process.kill)
        process.wait_for_output("published")

    def tap(self, url=None):
        """livekitsrc, both tracks decoded; its environment's URL may be a relay's."""
        env = environment(self.server)
        env["LIVEKIT_URL"] = url or self.server.url
        tap = Tap(self.path("tap"), f"livekitsrc room={self.room} identity=us name=r "
                  f"r.video_0 ! {VIDEO}video r.audio_0 ! {AUDIO}audio", env)
        self.addCleanup(self._end, tap)
        wait_until(lambda: tap.buffers("video"), 20, lambda: f"a picture:\n{tap.output}")
        return tap

    def record(self, tap, seconds):
        """What came until so many seconds after both tracks had a sender report, which may take 11 s."""
        wait_until(lambda: all(any(b.reference is not None for b in tap.buffers(name)) for name in ("video", "audio"))
                   or not tap.running, 25, "times of both tracks")
        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() > end or not tap.running, seconds + 5, "the recording")
        self.assertEqual(tap.interrupt(10)[0], 0, tap.output)
        return tap.buffers("video"), tap.buffers("audio")

    def check_alignment(self, slow=None):
        """From 4 s after the reports on beeps and pictures lie within 40 ms of where the publisher has them."""
        self.publish()
        relay = Relay(self.server, lambda packet: 0.3 if not packet.up and packet.kind == slow else 0.0)
        self.addCleanup(relay.stop)
        video, audio = self.record(self.tap(relay.url), 8.5)

        start = min(video[0].running, audio[0].running)
        reported = max(next(b.running for b in buffers if b.reference is not None) for buffers in (video, audio))
        # The server's first report for a track comes 3 s after its subscription, later where the SDK's was late.
        self.assertLess(reported - start, 11)
        ours = Received([(b.running, b.arrival, b.number()) for b in video],
                        [(b.running, b.arrival, b.samples()) for b in audio])
        by_reports = Received([(b.reference, b.arrival, b.number()) for b in video if b.reference is not None],
                              [(b.reference, b.arrival, b.samples()) for b in audio if b.reference is not None])
        settled = [(second, skew) for came, second, skew in ours.skews if came > reported + 4]
        self.assertGreaterEqual(len(settled), 3, ours.skews)
        if slow:  # or the test could not fail
            before = [skew for came, _, skew in ours.skews if came < reported]
            self.assertGreater(abs(statistics.median(before)), 0.2, ours.skews)
        # The publisher takes sound in blocks of 10 ms and sends packets of 20 ms; pictures go out at once.
        for _, skew in settled:
            self.assert_near(skew, SDK_OFFSET, 0.040, f"against what the publisher wrote; all {ours.skews}")
        own = {second: skew for _, second, skew in by_reports.skews}
        for second, skew in settled:
            self.assert_near(skew, own[second], 0.020, f"against the sender reports; all {ours.skews}")

    def check_times(self, shift=0):
        """Buffers say when they were made by the publisher's clock, which may differ from ours."""
        self.publish(shifted_clock(shift) if shift else None)
        video, audio = self.record(self.tap(), 5)
        errors = [b.reference - clocked.time_of(b.number(), b.arrival + shift)
                  for b in video if b.reference is not None and b.number() is not None]
        self.assertGreater(len(errors), 40, "pictures with a time")
        self.assert_near(statistics.median(errors), 0, 0.005, f"of {len(errors)}: {min(errors)} to {max(errors)}")
        # A publisher that is interrupted between taking a picture and the time says a wrong one.
        self.assertLess(statistics.quantiles(map(abs, errors), n=10)[-1], 0.010, f"of nine of ten pictures; all {errors}")
        heard = [b for b in audio if b.reference is not None]
        errors = [heard[index].reference + into - clocked.second_of(frequency, heard[index].arrival + shift)
                  for index, into, frequency in beeps([b.samples() for b in heard])]
        self.assertGreaterEqual(len(errors), 3, "beeps with a time")
        self.assert_near(statistics.median(errors), SDK_OFFSET, 0.015, f"sound; all {errors}")

    def test_times_are_when_the_publisher_captured(self):
        self.check_times()

    @unittest.skipUnless(FAKETIME, "libfaketime is not installed")
    def test_times_are_those_of_the_publisher_s_clock_when_it_is_5_s_behind(self):
        self.check_times(-5)

    def test_beep_and_picture_of_a_moment_come_together(self):
        self.check_alignment()

    def test_picture_on_a_path_300_ms_slower_is_waited_for(self):
        self.check_alignment("video")

    def test_sound_on_a_path_300_ms_slower_is_waited_for(self):
        self.check_alignment("audio")


class Published(LiveKitTest):
    """What livekitsink says of the time of its tracks, where one of them takes longer than the other to reach it."""

    def times(self, tap, name):
        return [b.reference for b in tap.buffers(name) if b.reference is not None]

    def timed(self, tap, name, seconds):
        """Whether a track said for so long when it was made: each waits for a first sender report of its own."""
        times = self.times(tap, name)
        return bool(times) and times[-1] - times[0] > seconds

    def skews(self, pictures, sound):
        """Seconds by which beeps are later than the pictures of the same moment, by what the pictures show."""
        late = []
        for index, into, frequency in beeps([samples for _, samples in sound]):
            came = sound[index][0] + into
            begins = [when - number / 25 for when, number in pictures if number is not None and abs(when - came) < 0.7]
            if begins:
                made = came - statistics.median(begins)
                late.append(made - clocked.second_of(frequency, made))
        return late

    def test_pictures_that_an_encoder_holds_for_300_ms_are_in_time_with_the_sound(self):
        path = media.beeping(60)
        self.launch(f"filesrc location={path} ! matroskademux name=d  livekitsink name=s room={self.room} identity=us "
                    "d.video_0 ! identity sync=true ! queue min-threshold-time=300000000 max-size-time=0 max-size-buffers=0 ! s. "
                    "d.audio_0 ! queue ! identity sync=true ! s.")
        them = self.peer("them")
        them.hear("us")
        them.see("us").wait_for_pictures(25)

        tap = Tap(self.path("tap"), f"livekitsrc room={self.room} identity=tap name=r r.video_0 ! {VIDEO}video r.audio_0 ! {AUDIO}audio",
                  environment(self.server))
        self.addCleanup(self._end, tap)
        wait_until(lambda: all(self.timed(tap, name, 6) for name in ("video", "audio")), 40,
                   lambda: "six seconds with times of each; there are " + ", ".join(
                       f"{name} {len(tap.buffers(name))}, {len(self.times(tap, name))} with times" for name in ("video", "audio")))
        self.assertEqual(tap.interrupt(10)[0], 0, tap.output)
        pictures = [(b.reference, b.number()) for b in tap.buffers("video") if b.reference is not None]
        sound = [(b.reference, b.samples()) for b in tap.buffers("audio") if b.reference is not None]
        late = self.skews(pictures, sound)
        self.assertGreaterEqual(len(late), 3, f"pictures {pictures[0]} to {pictures[-1]}, sound {sound[0][0]} to {sound[-1][0]}")
        for skew in late[1:]:  # the recording may begin in the middle of a beep
            self.assert_near(skew, 0, 0.005, f"by the sender reports; all {late}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
