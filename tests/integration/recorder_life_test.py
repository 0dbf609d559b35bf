"""livekit-recorder on disks that are slow or never answer, and in rooms where people come and go: what it holds stays the same."""
import collections
import json
import os
import re
import signal
import threading
import time
import unittest

import numpy as np

from lk import disk, tone
from lk.recording import RATE, Recording
from lk.wait import wait_until
from recorder_test import SMALL, RecorderTest

ALONE = True  # memory and time

# Minutes, or so many seconds: LK_LIFE=full LK_LIFE_SECONDS=3600.
FULL = os.environ.get("LK_LIFE") == "full"
SECONDS = int(os.environ.get("LK_LIFE_SECONDS", "300"))


class LifeTest(RecorderTest):
    second_go = False  # leaks

    def disk(self, name, rate=None):
        """A file system of that name; what is written lies in behind-NAME."""
        one = disk.Disk(self.path(name), self.path("behind-" + name), rate)
        self.addCleanup(one.close)
        return one

    def publishers(self, count=3, width=320, height=180, fps=15):
        people = [self.peer(f"p{number}") for number in range(count)]
        for number, peer in enumerate(people):
            peer.publish_tone(440 + 110 * number)
            peer.publish_video(width, height, fps=fps, codec=("vp8", "h264")[number % 2])
        return people

    def held(self):
        """Memory (kB), threads and descriptors of the recorder."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            lines = dict(line.split(":", 1) for line in status)
        return {"rss_kb": int(lines["VmRSS"].split()[0]), "threads": int(lines["Threads"]),
                "files": len(os.listdir(f"/proc/{self.process.pid}/fd"))}

    def watch(self, seconds, every, note=None):
        """What it holds, sampled for so long."""
        samples, start = [], time.monotonic()
        while (now := time.monotonic() - start) < seconds:
            self.assertTrue(self.process.running, self.process.output[-3000:])
            sample = {"at": round(now, 1), **self.held(), **(note() if note else {})}
            samples.append(sample)
            if FULL:
                print(f"{self.id()}: {json.dumps(sample)}", flush=True)
            time.sleep(every)  # between two samples
        return samples

    def slope(self, samples, name="rss_kb"):
        """Growth a minute, by least squares."""
        times, values = [s["at"] / 60 for s in samples], [s[name] for s in samples]
        middle_t, middle_v = sum(times) / len(times), sum(values) / len(values)
        return sum((t - middle_t) * (v - middle_v) for t, v in zip(times, values)) / sum((t - middle_t) ** 2 for t in times)


@unittest.skipIf(disk.why_not(), disk.why_not())
class Disks(LifeTest):
    def test_disks_that_are_slow_or_never_answer_cost_their_own_files_and_a_bounded_time(self):
        self.run_on_bad_disks(all_of_it=True)

    @unittest.skipUnless(FULL, "takes minutes: LK_LIFE=full")
    def test_a_write_that_never_returns_costs_its_own_file_and_a_bounded_time(self):
        self.run_on_bad_disks(all_of_it=False)

    def run_on_bad_disks(self, all_of_it):
        self.disk("slow", rate=40_000)
        dead = self.disk("dead")
        self.peer("alice").publish_tone(440)
        self.record("-o", "slow/room.wav", "-o", "dead/room.mkv", "-o", "room.ogg", "--buffer", "1", *SMALL)
        self.wait_for_file("dead/room.mkv", 1)
        dead.freeze(all_of_it)
        wait_until(lambda: dead.waiting, 20, "a write that is not answered")
        wait_until(lambda: self.files().get("slow/room.wav", {}).get("dropped", 0) > 100, 60, "frames that are dropped")
        began = time.monotonic()
        self.process.signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(90), 3, self.process.output[-2000:])
        self.assertLess(time.monotonic() - began, 60)
        summary = self.events("summary")[0]
        self.assertEqual(summary["state"], "failed")
        self.assertIn("dead/room.mkv", summary["reason"])
        files = {file["file"]: file for file in summary["files"]}
        self.assertEqual(files["dead/room.mkv"]["state"], "failed")
        fine = files["room.ogg"]
        self.assertEqual((fine["state"], fine["dropped"]), ("complete", 0))
        self.assert_near(Recording(self.path("room.ogg")).duration, fine["duration_ms"] / 1000, 0.2, "the other file")
        slow = files["slow/room.wav"]
        self.assertEqual((slow["state"], slow["bytes"]), ("complete", os.path.getsize(self.path("behind-slow/room.wav"))))
        sound = Recording(self.path("behind-slow/room.wav")).sound()[:, 0]
        # What was not counted as dropped is there.
        self.assert_near(len(sound) / RATE + slow["dropped"] * 0.02, fine["duration_ms"] / 1000, 0.5, "seconds")
        self.assertGreater(tone.share(sound[-RATE // 2:], 440), 0.5)

    @unittest.skipUnless(FULL, "takes minutes: LK_LIFE=full")
    def test_memory_is_flat_for_as_long_as_a_disk_is_too_slow(self):
        self.disk("disk", rate=8_000)
        self.publishers(3, 160, 120, fps=10)
        self.record("-o", "disk/{participant}.mkv", "-o", "disk/room.mp4", "-o", "room.ogg", "--size", "320x180", "--fps", "10",
                    "--video-bitrate", "200k")
        names = ("disk/p0.mkv", "disk/p1.mkv", "disk/p2.mkv", "disk/room.mp4")
        self.wait_for_file("room.ogg", 5)

        def note():
            files = self.files()
            return {"dropped": {name: files.get(name, {}).get("dropped") for name in (*names, "room.ogg")},
                    "mb": {name: round(files.get(name, {}).get("bytes", 0) / 1e6, 1) for name in names}}

        samples = self.watch(SECONDS, 10, note)
        settled = [s for s in samples if s["at"] > min(120, SECONDS / 2)]
        print(f"{self.id()}: {self.slope(settled):.1f} kB a minute, {settled[0]['rss_kb']} to {settled[-1]['rss_kb']} kB", flush=True)
        got, took = self.process.interrupt(80)
        print(f"{self.id()}: finished within {took:.0f} s", flush=True)
        summary = self.events("summary")[0]
        self.assertEqual(got, 0, self.process.output[-2000:])
        files = {file["file"]: file for file in summary["files"]}
        self.assertEqual(files["room.ogg"]["dropped"], 0)
        for name in names:
            self.assertGreater(files[name]["dropped"], 100, name)
            self.assertEqual(files[name]["state"], "complete")
            recording = Recording(self.path(name.replace("disk", "behind-disk")))
            self.assertGreater(len(recording.sizes()), 20, name)
            # Little got through, but what did is whole.
            self.assertGreater(float(np.quantile(abs(recording.sound()), 0.99)), 0.05)


@unittest.skipUnless(FULL, "takes minutes: LK_LIFE=full")
class Encoders(LifeTest):
    def test_one_that_is_too_slow_leaves_pictures_out_and_counts_them(self):
        self.publishers(1)
        self.record("-o", "film.mkv", "--video-codec", "av1", "--size", "3840x2160", "--fps", "60")
        self.wait_for_file("film.mkv", 5)
        samples = self.watch(30, 5)
        film = self.end()["files"][0]
        self.assertEqual(film["state"], "complete")
        self.assertGreater(film["dropped"], 100)
        recording = Recording(self.path("film.mkv"))
        pictures = film["frames"] - recording.duration / 0.02  # the others are pieces of sound
        self.assert_near((pictures + film["dropped"]) / (recording.duration * 60), 1, 0.05, "share of all pictures")
        self.assertLess(samples[-1]["rss_kb"], 1.1 * samples[1]["rss_kb"])


class Churn(LifeTest):
    TRACER = {"GST_TRACERS": "leaks(check-refs=false,log-leaks-on-deinit=false)", "GST_LEAKS_TRACER_SIG": "1", "GST_DEBUG": "GST_TRACER:7"}

    def visit(self, number):
        """Comes, is heard and seen, and goes."""
        peer = self.peer(f"guest{number}")
        peer.publish_tone(440)
        peer.publish_video(160, 120, fps=10)
        time.sleep(1.5)  # the visit itself
        peer.leave()

    def visits(self, count, first):
        """Somebody comes each second."""
        guests = []
        for number in range(first, first + count):
            guest = threading.Thread(target=self.visit, args=(number,), daemon=True)
            guest.start()
            guests.append(guest)
            time.sleep(1)  # the pace of the visits
        for guest in guests:
            guest.join(60)
        wait_until(lambda: self.events("progress")[-1]["participants"] == 0, 40, "an empty room")

    def alive(self):
        """How many GStreamer objects of each type live, in an empty room."""
        def settled():
            before = len(self.process.output)
            self.process.signal(signal.SIGUSR1)
            wait_until(lambda: "object-alive" in self.process.output[before:], 20, "the list of what lives")
            time.sleep(1)  # the list is long
            found = collections.Counter(re.findall(r"object-alive, type-name=\(string\)(\w+)", self.process.output[before:]))
            return {name: count for name, count in found.items() if count and not name.endswith(("Buffer", "Memory", "Event", "Caps", "Query"))}
        time.sleep(4)  # what has ended lingers for its last sound
        return settled()

    @unittest.skipUnless(FULL, "takes minutes: LK_LIFE=full")
    def test_people_who_come_and_go_each_second_leave_nothing_behind(self):
        self.process = self.run_program(["livekit-recorder", "--room", self.room, "--json", "-o", "room.mkv", "--size", "320x180", "--fps", "10",
                                         "--video-bitrate", "200k"], env=self.TRACER, cwd=self.directory)
        self.wait_for_file("room.mkv", 2)
        rounds = []
        share = max(10, SECONDS // 6)
        for number in range(6):
            self.visits(share, number * share)
            held, alive = self.held(), self.alive()
            rounds.append((held, alive))
            print(f"{self.id()}: {(number + 1) * share} guests, {held}, {sum(alive.values())} objects", flush=True)
        first, last = rounds[1], rounds[-1]
        # One more at the same time is one more section of the connection, for good; a leak is one for each guest.
        grown = {name: (first[1].get(name, 0), count) for name, count in last[1].items() if count > first[1].get(name, 0) + share}
        self.assertEqual(grown, {}, "types of which more live")
        self.assertLessEqual(last[0]["threads"], first[0]["threads"] + 3)
        self.assertLessEqual(last[0]["files"], first[0]["files"] + 3)
        grown_kb = last[0]["rss_kb"] - first[0]["rss_kb"]
        print(f"{self.id()}: {grown_kb / (4 * share):.1f} kB a guest", flush=True)
        self.assertLess(grown_kb, max(8000, 100 * 4 * share))
        self.assertEqual(self.end()["state"], "complete")


if __name__ == "__main__":
    unittest.main()
