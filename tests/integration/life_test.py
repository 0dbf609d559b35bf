"""Many lives of our elements on a real server in one process: nothing may be left behind."""
import json
import os
import re
import signal
import statistics
import unittest

from lk import launch
from lk.case import LiveKitTest
from lk.wait import wait_until

ALONE = True  # threads, memory and chance

PROGRAM = os.path.join(launch.BUILD, "tests", "integration", "lk-life")
# The counts of the requirement take minutes: LK_LIFE=full.
FULL = os.environ.get("LK_LIFE") == "full"
VIDEO = "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=15/1"

# A busy machine is no fault of ours.
PATIENT = "connect-timeout=60000"


class Life(LiveKitTest):
    second_go = False  # crashes and leaks

    def usages(self, mode, rounds, pipeline, timeout):
        """What the program held after each round."""
        process = self.run_program([PROGRAM, mode, str(rounds), pipeline])
        code = process.wait(timeout)
        self.assertEqual(code, 0, process.output[-2000:])
        lines = [json.loads(line) for line in process.output.splitlines() if line.startswith("{")]
        self.assertEqual([line["round"] for line in lines], list(range(rounds)))
        return lines

    def assert_flat(self, usages, warm_up):
        """What is held at the end is at most 5 % more than after `warm_up` rounds. Medians, since pools of threads and
        of memory breathe. The heap in use is a fifth of the memory, so 10 % of it is the stricter bound."""
        after = usages[warm_up:]
        third = len(after) // 3
        for name, slack in (("threads", 2), ("files", 1), ("heap", 0), ("rss_kb", 0)):
            first, last = (statistics.median(u[name] for u in part) for part in (after[:third], after[-third:]))
            print(f"{self.id()}: {name} {first:.0f} -> {last:.0f}", flush=True)
            with self.subTest(name):
                self.assertLessEqual(last, max(first + slack, first * (1.05 if name != "heap" else 1.1)),
                                     f"{name}: {[u[name] for u in usages][::max(1, len(usages) // 40)]}")

    def other_end(self):
        peer = self.peer("other")
        peer.publish_tone(440)
        peer.publish_video(160, 120, name="picture")
        return peer

    def both_ends(self):
        """A pipeline that sends and receives sound and pictures."""
        return (f"{VIDEO} ! livekitsink name=sink room={self.room} identity=us {PATIENT} "
                "audiotestsrc is-live=true ! sink. "
                f"livekitsrc name=src room={self.room} participants=other {PATIENT} "
                "src.audio_0 ! fakesink async=false src.video_0 ! fakesink async=false")

    def test_starts_and_stops_leave_nothing(self):
        peer = self.other_end()
        rounds = 300 if FULL else 60
        usages = self.usages("starts", rounds, self.both_ends(), 600)
        self.assert_flat(usages, rounds // 3)
        seen = [args for _, name, args in peer.events if name == "track_published"]
        self.assertEqual(len(seen), 2 * rounds, "tracks that the other end was told of")

    def test_pads_that_come_and_go_leave_nothing(self):
        peer = self.peer("other")
        rounds = 100 if FULL else 60
        usages = self.usages("pads", rounds, f"livekitsink name=sink room={self.room} identity=us {PATIENT}", 300)
        for event in ("track_published", "track_unpublished"):
            self.assertEqual(peer.event_names().count(event), rounds, event)
        self.assert_flat(usages, rounds // 3)

    def test_who_publishes_again_and_again_is_heard_and_seen_each_time(self):
        """On one connection, so in sections and under SSRCs that were used before."""
        peer = self.peer("other")
        rounds = 8
        process = self.run_program([PROGRAM, "turns", str(rounds), f"livekitsink name=sink room={self.room} identity=us {PATIENT}"])
        for turn in range(rounds):
            if turn % 2 == 0:
                peer.hear("us").wait_for_tone(400 + 50 * turn)
            else:
                peer.see("us").wait_for_pictures(5, size=(160, 120))
            process.signal(signal.SIGUSR1)
            wait_until(lambda count=turn + 1: peer.event_names().count("track_unpublished") == count, 10, "the end of a track")
        self.assertEqual(process.wait(20), 0, process.output[-2000:])

    def test_calls_at_any_moment_from_several_threads_neither_hang_nor_crash(self):
        """And nothing survives them: a leftover thread of a transport would keep the program from ending."""
        self.other_end()
        for seed in range(1, 21 if FULL else 4):
            process = self.run_program([PROGRAM, "chaos", str(seed), self.both_ends()])
            self.assertEqual(process.wait(120), 0, f"seed {seed}\n{process.output[-2000:]}")

    def test_no_object_is_left(self):
        """By GStreamer's own tracer, after an end by Ctrl-C while everything flows."""
        self.other_end()
        process = self.launch(
            self.both_ends() + f" livekitsrc name=m room={self.room} identity=us {PATIENT} m.audio_mix ! fakesink m.video_mix ! fakesink"
            f" fakesrc sizetype=fixed sizemax=500 datarate=5000 format=time ! livekitdatasink room={self.room} identity=us topic=t"
            f" livekitdatasrc room={self.room} identity=us ! fakesink async=false",
            eos_on_shutdown=True, messages=True, env={"GST_TRACERS": "leaks", "GST_DEBUG": "GST_TRACER:7"})
        for subscribed in (1, 2):
            wait_until(lambda count=subscribed: process.output.count("livekit-track-subscribed") >= count, 30, process.output[-2000:])
        self.assertEqual(process.interrupt(20)[0], 0, process.output[-2000:])
        left = re.findall(r"object-alive, type-name=\(string\)(\w+)", process.output)
        # The DTLS plugin's certificate, which we keep for the process.
        self.assertEqual(left, ["GstDtlsAgent"])

    def test_programs_that_end_at_once_end_cleanly(self):
        """While their first certificate is being made, which OpenSSL's exit handler disturbs."""
        for _ in range(200 if FULL else 20):
            process = self.run_program(["gst-launch-1.0", "--no-fault", "-q", "livekitsrc", "!", "fakesink"], env={"LIVEKIT_URL": ""})
            self.assertEqual(process.wait(20), 1, process.output)
            self.assertIn("url is not set", process.output)


if __name__ == "__main__":
    unittest.main()
