"""livekit-recorder: rooms of the official SDK's participants as files, judged by ffmpeg."""
import datetime
import json
import os
import signal
import statistics
import sys
import time
import unittest

from lk import clocked, tone
from lk.case import LiveKitTest
from lk.launch import Process, environment
from lk.recording import RATE, Recording
from lk.relay import Relay
from lk.server import token
from lk.wait import wait_until
from sync_test import SDK_OFFSET, Received

# Minutes, not seconds: LK_LIFE=full.
FULL = os.environ.get("LK_LIFE") == "full"
SMALL = ["--size", "320x240", "--fps", "15", "--video-bitrate", "300k"]


class RecorderTest(LiveKitTest):
    """A running livekit-recorder and what it says."""

    def record(self, *arguments, url=None):
        self.process = self.run_program(["livekit-recorder", "--room", self.room, "--json", *arguments],
                                        {"LIVEKIT_URL": url} if url else None, cwd=self.directory)
        return self.process

    def events(self, kind=None):
        found = [json.loads(line) for line in self.process.output.splitlines() if line.startswith("{")]
        return [event for event in found if kind in (None, event["event"])]

    def files(self):
        """The newest word on each file."""
        latest = {}
        for event in self.events("progress") + self.events("summary"):
            latest.update({file["file"]: file for file in event["files"] if "file" in file})
        return latest

    def wait_for_file(self, name, seconds):
        """Until the file holds so much."""
        def enough():
            self.assertTrue(self.process.running, self.process.output[-3000:])
            return self.files().get(name, {}).get("duration_ms", 0) >= seconds * 1000
        wait_until(enough, 40 + seconds, lambda: f"{seconds} s in {name}: {self.process.output[-2000:]}")

    def end(self, code=0):
        """The summary, after Ctrl-C."""
        got, took = self.process.interrupt(20)
        self.assertEqual(got, code, self.process.output[-3000:])
        self.assertLess(took, 10)
        return self.events("summary")[0]

    def heard(self, name, frequency, start, end):
        """Share of that tone between two seconds of a file."""
        sound = Recording(self.path(name)).sound()[int(start * RATE):int(end * RATE), 0]
        self.assertGreater(len(sound), 0, name)
        return tone.share(sound, frequency)

    def rising(self, name):
        """The numbers of the pictures that can be read: each at most once, in order."""
        numbers = [n for n in Recording(self.path(name)).numbers() if n is not None]
        self.assertEqual(numbers, sorted(set(numbers)), name)
        return numbers


class Files(RecorderTest):
    def test_one_connection_becomes_a_film_and_files_of_what_was_sent(self):
        alice, bob = self.peer("alice"), self.peer("bob")
        alice.publish_tone(440)
        alice.publish_video(320, 180)
        bob.publish_tone(1000)
        bob.publish_video(320, 180, codec="h264")
        self.record("-o", "room.mp4", "-o", "{participant}.mkv", "-o", "{participant}-{kind}.{ext}", *SMALL)
        for name in ("room.mp4", "alice.mkv", "bob.mkv", "alice-audio.ogg", "bob-video.mp4"):
            self.wait_for_file(name, 4)
        self.assertIsNone(alice.participant("recorder"), "it is hidden")
        self.assertEqual(len(alice.room.remote_participants), 1)
        summary = self.end()
        self.assertEqual(summary["state"], "complete")
        files = {file["file"]: file for file in summary["files"]}
        codecs = {"room.mp4": {"h264", "aac"}, "alice.mkv": {"vp8", "opus"}, "bob.mkv": {"h264", "opus"},
                  "alice-audio.ogg": {"opus"}, "alice-video.webm": {"vp8"}, "bob-audio.ogg": {"opus"}, "bob-video.mp4": {"h264"}}
        self.assertEqual(set(files), set(codecs))
        for name, wanted in codecs.items():
            recording = Recording(self.path(name))
            self.assertEqual({stream["codec_name"] for stream in recording.streams}, wanted, name)
            self.assertEqual(files[name]["state"], "complete")
            self.assertEqual(files[name]["bytes"], os.path.getsize(self.path(name)), name)
            self.assert_near(recording.duration, files[name]["duration_ms"] / 1000, 0.2, name)
        # The film is as long as it was recorded.
        self.assert_near(files["room.mp4"]["duration_ms"], summary["duration_ms"], 200, "the film")
        for frequency in (440, 1000):
            self.assertGreater(self.heard("room.mp4", frequency, 1, 4), 0.3, f"{frequency} Hz in the film")
        self.assertGreater(self.heard("alice.mkv", 440, 1, 4), 0.9)
        self.assertGreater(self.heard("bob-audio.ogg", 1000, 1, 3), 0.9)
        for name in ("alice.mkv", "bob.mkv", "alice-video.webm", "bob-video.mp4"):
            self.assertGreater(len(self.rising(name)), 25, name)

    def test_what_a_killed_recorder_leaves_plays_to_the_last_seconds(self):
        alice = self.peer("alice")
        alice.publish_tone(440)
        alice.publish_video(320, 180, codec="h264")
        names = ("room.mp4", "room.mkv", "alice.mp4", "alice.ts", "room.ogg", "room.wav")
        outputs = ["room.mp4", "room.mkv", "{participant}.mp4", "{participant}.ts", "room.ogg", "room.wav"]
        self.record(*[word for name in outputs for word in ("-o", name)], *SMALL)
        for name in names:
            self.wait_for_file(name, 6)
        self.process.signal(signal.SIGKILL)
        self.process.wait(10)
        for name in names:
            recording = Recording(self.path(name))
            sound = recording.sound_times()
            self.assertGreater(sound[-1] - sound[0], 3, name)
            self.assertGreater(self.heard(name, 440, 1, 2), 0.8, name)
            if recording.stream("video"):
                self.assertGreater(len(recording.sizes()), 15, name)

    def test_who_is_muted_is_silent_and_time_goes_on(self):
        alice = self.peer("alice")
        alice.publish_tone(440)
        self.record("-o", "{participant}.ogg", "-o", "{participant}.mkv")
        self.wait_for_file("alice.ogg", 2)
        alice.mute("tone")
        muted = self.files()["alice.ogg"]["duration_ms"] / 1000
        self.wait_for_file("alice.ogg", muted + 3)
        # Pictures begin late: the next file has both.
        alice.unmute("tone")
        alice.publish_video(320, 180)
        self.wait_for_file("alice-2.mkv", 2)
        summary = self.end()
        files = {file["file"]: file for file in summary["files"]}
        self.assertEqual(set(files), {"alice.ogg", "alice.mkv", "alice-2.mkv"})
        sound = Recording(self.path("alice.ogg")).sound()[:, 0]
        self.assert_near(len(sound) / RATE, summary["duration_ms"] / 1000, 1, "no second of silence is missing")
        self.assertGreater(tone.longest_silence(sound), 1.5)
        self.assertGreater(tone.share(sound[-RATE:], 440), 0.8)
        times = Recording(self.path("alice.ogg")).sound_times()
        self.assertLess(max(b - a for a, b in zip(times, times[1:])), 0.03, "no hole that players skip")
        self.assertEqual({s["codec_name"] for s in Recording(self.path("alice-2.mkv")).streams}, {"opus", "vp8"})

    def test_segments_begin_with_a_picture_and_lose_none(self):
        self.peer("alice").publish_video(320, 180)
        self.record("-o", "{participant}-{part}.webm", "--segment-time", "2")
        self.wait_for_file("alice-003.webm", 1)
        self.end()
        parts = [self.rising(f"alice-{part:03}.webm") for part in (1, 2, 3)]
        for before, after in zip(parts, parts[1:]):
            # Not every picture that was drawn was sent, but none is in two files, and no stretch in neither.
            self.assertLess(before[-1], after[0])
            self.assertLess(after[0] - before[-1], 8)

    def test_a_file_ends_when_the_recording_does_though_its_sound_is_held_back_for_the_pictures(self):
        publisher = Process([sys.executable, clocked.__file__, self.server.url, token(self.server, self.room, "them")],
                            environment(self.server))
        self.addCleanup(publisher.kill)
        publisher.wait_for_output("published")
        relay = Relay(self.server, lambda packet: 0.5 if not packet.up and packet.kind == "video" else 0.0)
        self.addCleanup(relay.stop)
        self.record("-o", "{participant}.mkv", url=relay.url)
        self.wait_for_file("them.mkv", 15)  # the server's reports have come, and have been followed
        stopped = time.time()
        file = self.end()["files"][0]
        began = datetime.datetime.fromisoformat(file["start"].replace("Z", "+00:00")).timestamp()
        self.assert_near(Recording(self.path("them.mkv")).duration, stopped - began, 0.2, "the file")

    def test_segments_have_a_size_and_all_of_them_a_limit(self):
        self.peer("alice").publish_video(640, 360, noise=20)
        self.record("-o", "{participant}-{part}.mkv", "--segment-size", "200k", "--max-size", "1500k")
        self.assertEqual(self.process.wait(90), 0, self.process.output[-2000:])
        summary = self.events("summary")[0]
        self.assertEqual((summary["state"], summary["reason"]), ("limit-reached", "the files have their size"))
        files = {file["file"]: file for file in summary["files"]}
        self.assertGreaterEqual(len(files), 2)
        before = -1
        for number, name in enumerate(sorted(files)):
            self.assertEqual(name, f"alice-{number + 1:03}.mkv")
            self.assertEqual(files[name]["bytes"], os.path.getsize(self.path(name)), name)
            if number < len(files) - 1:
                self.assertGreaterEqual(files[name]["bytes"], 200_000, name)
            numbers = self.rising(name)
            self.assertGreater(numbers[0], before, "in one file only")
            before = numbers[-1]
            self.assertTrue(Recording(self.path(name)).begins_with_a_key_frame(), name)
        self.assertGreaterEqual(sum(file["bytes"] for file in files.values()), 1_500_000)

    def test_what_cannot_be_written_is_said_and_the_rest_is_recorded(self):
        alice = self.peer("alice")
        alice.publish_tone(440)
        alice.publish_video(320, 180)
        os.symlink("/dev/full", self.path("full.wav"))
        self.record("-o", "full.wav", "-o", "room.wav", "-o", "{participant}.mp4", "--passthrough", "--overwrite")
        self.wait_for_file("room.wav", 3)
        self.wait_for_file("alice.mp4", 2)
        summary = self.end(code=3)
        failed = [file["error"] for file in summary["files"] if file["state"] == "failed"]
        self.assertEqual(len(failed), 2, failed)
        self.assertTrue(any("VP8 cannot be put into mp4" in error for error in failed), failed)
        self.assertTrue(any("full.wav" in error and "full" in error for error in failed), failed)
        self.assertGreater(self.heard("room.wav", 440, 1, 2), 0.8)
        self.assertEqual([s["codec_name"] for s in Recording(self.path("alice.mp4")).streams], ["opus"])

    def test_it_waits_for_a_publisher_and_ends_with_the_last_participant(self):
        self.record("-o", "room.wav", "--wait", "--empty-timeout", "1")
        wait_until(lambda: any("publish" in event.get("reason", "") or event["participants"] == 0
                               for event in self.events("state")), 20, "waiting")
        alice = self.peer("alice")
        self.assertFalse(os.path.exists(self.path("room.wav")))
        alice.publish_tone(440)
        self.wait_for_file("room.wav", 1)
        alice.leave()
        self.assertEqual(self.process.wait(30), 0, self.process.output[-2000:])
        summary = self.events("summary")[0]
        self.assertEqual((summary["state"], summary["reason"]), ("complete", "the room is empty"))
        self.assertEqual([event["state"] for event in self.events("state")], ["starting", "active", "ending"])


class Refusals(LiveKitTest):
    def code_of(self, *arguments, **env):
        process = self.run_program(["livekit-recorder", *arguments], env=env, cwd=self.directory)
        return process.wait(40), process.output

    def test_exit_codes_tell_whose_fault_it_is(self):
        room = ["--room", self.room]
        with open(self.path("there.mp4"), "w", encoding="utf-8"):
            pass
        for wanted, arguments, env, says in (
                (2, ["-o", "x.xyz"], {}, "does not tell a format"),
                (2, ["-o", "there.mp4"], {}, "exists"),
                (1, ["-o", "a.wav"], {"LIVEKIT_API_SECRET": "x" * 40}, "refused the token"),
                (1, ["-o", "a.wav"], {"LIVEKIT_URL": "ws://127.0.0.1:1"}, "nothing listens"),
                (4, ["-o", "a.wav", "--wait-timeout", "1"], {}, "nobody published")):
            code, output = self.code_of(*room, *arguments, **env)
            self.assertEqual(code, wanted, output)
            self.assertIn(says, output)
        self.assertEqual(os.listdir(self.directory), ["there.mp4"], "nothing is left of what was not recorded")


@unittest.skipUnless(FULL, "takes minutes: LK_LIFE=full")
class Long(RecorderTest):
    server_options = {}

    def test_pictures_of_another_size_go_on_in_the_same_file(self):
        alice, bob = self.peer("alice"), self.peer("bob")
        alice.publish_video(320, 180)
        bob.publish_video(320, 180, codec="h264")
        self.record("-o", "{participant}.mkv", "-o", "{participant}.mp4", "--participant", "bob,alice")
        names = ("alice.mkv", "bob.mkv", "bob.mp4")
        for number, size in enumerate(((160, 120), (640, 360))):
            for peer in (alice, bob):
                peer.resize("picture", *size)
            for name in names:
                self.wait_for_file(name, 6 * (number + 1))
        summary = self.end()
        self.assertEqual({file["file"] for file in summary["files"]}, {*names, "alice.mp4"})
        for name in names:
            sizes = Recording(self.path(name)).sizes()
            for size in ((160, 120), (640, 360)):
                self.assertGreater(sizes.count(size), 20, name)

    def test_a_track_that_says_nothing_for_fifteen_seconds_is_told_and_its_file_goes_on(self):
        alice = self.peer("alice")
        alice.publish_tone(440)
        alice.publish_video(320, 180)
        self.record("-o", "{participant}.mkv")
        self.wait_for_file("alice.mkv", 2)
        alice.freeze("picture")
        wait_until(lambda: self.events("stalled"), 40, "the stall")
        stalled = self.events("stalled")[0]
        self.assertEqual((stalled["participant"], stalled["kind"]), ("alice", "video"))
        # Asked for every three seconds.
        self.assertGreaterEqual(stalled["key_requests"], 3)
        self.assertLessEqual(stalled["key_requests"], 14)
        alice.resize("picture", 320, 180)
        wait_until(lambda: not any(t["stalled"] for t in self.events("progress")[-1]["tracks"]), 20, "pictures again")
        self.end()
        recording = Recording(self.path("alice.mkv"))
        times = recording.picture_times()
        # Five seconds of patience, and 1.25 for what is on its way, with its repetitions.
        self.assertLess(max(b - a for a, b in zip(times, times[1:])), 7)
        self.assertLess(tone.longest_silence(recording.sound()[RATE:, 0]), 0.2)

    def test_a_disk_that_does_not_take_anything_costs_no_memory(self):
        alice = self.peer("alice")
        alice.publish_tone(440)
        os.mkfifo(self.path("slow.wav"))
        with open(os.open(self.path("slow.wav"), os.O_RDWR), "rb", buffering=0):  # read by nobody
            self.record("-o", "slow.wav", "-o", "room.ogg", "--overwrite")
            wait_until(lambda: self.files().get("slow.wav", {}).get("dropped", 0) > 100, 90, "frames that are dropped")
            self.assertEqual(self.files()["room.ogg"]["dropped"], 0)
            before = self.memory_kb()
            self.wait_for_file("room.ogg", self.files()["room.ogg"]["duration_ms"] / 1000 + 20)
            self.assertLess(self.memory_kb() - before, 4000)
            self.process.signal(signal.SIGINT)
            wait_until(lambda: any(event["state"] == "ending" for event in self.events("state")), 20, "that it waits for the disk")
            self.assertEqual(self.process.interrupt(5)[0], 3, "the second one does not wait")
        self.assertGreater(self.heard("room.ogg", 440, 30, 32), 0.8)

    def test_beep_and_picture_of_a_moment_lie_together_in_every_kind_of_file(self):
        publisher = Process([sys.executable, clocked.__file__, self.server.url, token(self.server, self.room, "them")],
                            environment(self.server))
        self.addCleanup(publisher.kill)
        publisher.wait_for_output("published")
        self.record("-o", "room.mkv", "-o", "{participant}.mkv", "-o", "{participant}.mp4", "--size", "320x180", "--fps", "25",
                    "--video-bitrate", "600k")
        names = ("room.mkv", "them.mkv", "them.mp4")
        for name in names:
            self.wait_for_file(name, 26)
        files = {file["file"]: file for file in self.end()["files"]}
        for name in names:
            recording = Recording(self.path(name))
            began = datetime.datetime.fromisoformat(files[name]["start"].replace("Z", "+00:00")).timestamp()
            pictures = [(when, began + when, number) for when, number in zip(recording.picture_times(), recording.numbers())]
            sound = recording.sound()[:, 0]
            first = recording.sound_times()[0]
            received = Received(pictures, [(first + at, began + at, sound[int(at * RATE):int((at + 1) * RATE)])
                                           for at in range(int(len(sound) / RATE))])
            # By then the sender's reports have come, and what they say has been followed.
            settled = [skew for came, _, skew in received.skews if came > 16]
            self.assertGreaterEqual(len(settled), 4, f"{name}: {received.skews}")
            self.assert_near(statistics.median(settled), SDK_OFFSET, 0.040, f"{name}: {received.skews}")
            print(f"{self.id()}: {name} {statistics.median(settled) * 1000:.0f} ms", flush=True)

    def memory_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def test_a_server_that_is_killed_and_comes_back_leaves_one_file(self):
        alice = self.peer("alice")
        alice.publish_tone(440)
        alice.publish_video(320, 180)
        self.record("-o", "room.mp4", "-o", "{participant}.mkv", *SMALL)
        self.wait_for_file("room.mp4", 5)
        self.server.stop()
        time.sleep(5)  # the outage itself
        self.server.start()
        wait_until(lambda: any(event["reconnects"] for event in self.events("progress")), 40, "a reconnect")
        back = self.files()["room.mp4"]["duration_ms"] / 1000
        self.wait_for_file("room.mp4", back + 10)
        summary = self.end()
        files = {file["file"]: file for file in summary["files"]}
        self.assertEqual(set(files), {"room.mp4", "alice.mkv"})
        self.assert_near(Recording(self.path("room.mp4")).duration, summary["duration_ms"] / 1000, 0.3, "the film")
        times = Recording(self.path("alice.mkv")).sound_times()
        self.assertLess(max(b - a for a, b in zip(times, times[1:])), 0.03, "no hole in the sound")


if __name__ == "__main__":
    unittest.main()
