"""Many lives of our elements on a real server in one process: nothing may be left behind."""
import json
import os
import signal
import unittest

from lk import launch
from lk.case import LiveKitTest
from lk.wait import wait_until

PROGRAM = os.path.join(launch.BUILD, "tests", "integration", "lk-life")
# The counts of the requirement take minutes: LK_LIFE=full.
FULL = os.environ.get("LK_LIFE") == "full"
VIDEO = "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=15/1"


class Life(LiveKitTest):
    def usages(self, mode, rounds, pipeline, timeout):
        """What the program held after each round."""
        process = self.run_program([PROGRAM, mode, str(rounds), pipeline])
        code = process.wait(timeout)
        self.assertEqual(code, 0, process.output[-2000:])
        lines = [json.loads(line) for line in process.output.splitlines() if line.startswith("{")]
        self.assertEqual([line["round"] for line in lines], list(range(rounds)))
        return lines

    def assert_flat(self, usages, warm_up, rounds_of_requirement):
        """Growth after `warm_up` rounds, continued to the requirement's count, is at most 5 %."""
        after = usages[warm_up:]
        half = len(after) // 2
        for name, slack in (("threads", 2), ("files", 1), ("heap", 0), ("rss_kb", 0)):
            first = sorted(u[name] for u in after[:half])[half // 2]
            last = sorted(u[name] for u in after[half:])[half // 2]
            growth = (last - first) / half * rounds_of_requirement
            print(f"{self.id()}: {name} {after[0][name]} .. {after[-1][name]}, {growth:.0f} in {rounds_of_requirement} rounds")
            with self.subTest(name):
                self.assertLessEqual(growth, max(slack, first * 0.05),
                                     f"{name}: {[u[name] for u in usages][::max(1, len(usages) // 40)]}")

    def test_starts_and_stops_leave_nothing(self):
        peer = self.peer("other")
        peer.publish_tone(440)
        peer.publish_video(160, 120, name="picture")
        rounds = 300 if FULL else 40
        usages = self.usages("starts", rounds, f"{VIDEO} ! livekitsink name=sink room={self.room} identity=us "
                             "audiotestsrc is-live=true ! sink. "
                             f"livekitsrc name=src room={self.room} participants=other "
                             "src.audio_0 ! fakesink async=false src.video_0 ! fakesink async=false", 600)
        self.assert_flat(usages, rounds // 4, 300)
        seen = [args for _, name, args in peer.events if name == "track_published"]
        self.assertEqual(len(seen), 2 * rounds, "tracks that the other end was told of")

    def test_pads_that_come_and_go_leave_nothing(self):
        peer = self.peer("other")
        rounds = 100
        usages = self.usages("pads", rounds, f"livekitsink name=sink room={self.room} identity=us", 300)
        for event in ("track_published", "track_unpublished"):
            self.assertEqual(peer.event_names().count(event), rounds, event)
        self.assert_flat(usages, 20, 100)

    def test_who_publishes_again_and_again_is_heard_and_seen_each_time(self):
        """On one connection, so in sections and under SSRCs that were used before."""
        peer = self.peer("other")
        rounds = 8
        process = self.run_program([PROGRAM, "turns", str(rounds), f"livekitsink name=sink room={self.room} identity=us"])
        for turn in range(rounds):
            if turn % 2 == 0:
                peer.hear("us").wait_for_tone(400 + 50 * turn)
            else:
                peer.see("us").wait_for_pictures(5, size=(160, 120))
            process.signal(signal.SIGUSR1)
            wait_until(lambda count=turn + 1: peer.event_names().count("track_unpublished") == count, 10, "the end of a track")
        self.assertEqual(process.wait(20), 0, process.output[-2000:])


if __name__ == "__main__":
    unittest.main()
