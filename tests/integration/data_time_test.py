"""Data stands beside the sound and picture of the same moment, whatever the sender's clock says."""
import statistics
import subprocess
import sys
import unittest

from lk import clocked, media
from lk.case import LiveKitTest
from lk.launch import Process, environment
from lk.recording import Recording
from lk.relay import Relay
from lk.server import token
from lk.tap import VIDEO, Tap
from lk.wait import wait_until
from sync_test import FAKETIME, shifted_clock

ALONE = True  # milliseconds

EVERY = 0.2  # seconds between texts


def subtitles(seconds):
    """An .srt file of which each text is its number, EVERY seconds apart."""
    def stamp(at):
        return f"00:{int(at) // 60:02}:{int(at) % 60:02},{round(at * 1000) % 1000:03}"
    return "".join(f"{i + 1}\n{stamp(i * EVERY)} --> {stamp(i * EVERY + 0.1)}\n{i}\n\n" for i in range(int(seconds / EVERY)))


def texts(path):
    """[(seconds, text)] of the first subtitle stream of a recording, as ffmpeg reads it."""
    out = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "s:0", "-show_entries", "packet=pts_time,data", "-show_data",
                          "-of", "default", path], capture_output=True, text=True, timeout=60, check=True).stdout
    found, at = [], None
    for line in out.splitlines():
        if line.startswith("pts_time="):
            at = float(line[9:])
        elif line.startswith("00000000: "):
            found.append((at, bytes.fromhex(line[10:49].replace(" ", "")).decode()))
    return found


@unittest.skipUnless(FAKETIME, "libfaketime is not installed")
class DataTime(LiveKitTest):
    def slow_pictures(self):
        """A way to the server on which pictures take 300 ms longer than data: or the time of arrival would do."""
        relay = Relay(self.server, lambda packet: 0.3 if not packet.up and packet.kind == "video" else 0.0)
        self.addCleanup(relay.stop)
        return relay

    def test_a_recording_keeps_texts_beside_the_pictures_of_a_sender_whose_clock_is_5_s_behind(self):
        path, words = self.path("room.mkv"), self.path("words.srt")
        with open(words, "w", encoding="utf-8") as out:
            out.write(subtitles(60))
        common = f"room={self.room} identity=us"
        self.launch(f"filesrc location={media.beeping(60)} ! matroskademux name=d  livekitsink name=s {common} "
                    "d.video_0 ! queue ! identity sync=true ! s. d.audio_0 ! queue ! identity sync=true ! s. "
                    f"filesrc location={words} ! subparse ! livekitdatasink {common} mode=text topic=words send-time=true",
                    env=shifted_clock(-5))
        receiver = f"room={self.room} identity=recorder"
        relay = self.slow_pictures()
        recorder = self.launch(f"matroskamux name=m ! filesink location={path} livekitsrc {receiver} name=r "
                               "r.video_0 ! video/x-vp8 ! queue ! m. "
                               f"livekitdatasrc {receiver} mode=text topic=words timestamp-mode=sender text-duration=100 ! queue ! m.",
                               eos_on_shutdown=True, messages=True, env={"LIVEKIT_URL": relay.url})
        recorder.wait_for_output("livekit-track-subscribed", 30)
        # Both tracks need a sender report first, which may take 11 s.
        wait_until(lambda: recorder.output.count("kind=(string)text") >= 80, 40, lambda: f"80 texts: {recorder.output[-500:]}")
        self.assertEqual(recorder.interrupt(15)[0], 0, recorder.output[-2000:])

        recording = Recording(path)
        begun = [at - number / clocked.FPS for at, number in zip(recording.picture_times(), recording.numbers())
                 if number is not None]
        start = statistics.median(begun)  # of the sender's file, on the recording's clock
        late = [at - start - int(text) * EVERY for at, text in texts(path)]
        self.assertGreaterEqual(len(late), 75)
        near = sum(abs(error) <= 0.040 for error in late[-15:])
        self.assertGreaterEqual(near, 14, f"texts within 40 ms of the picture of their moment; all {late}")

    def test_frames_and_streams_of_the_sdk_stand_beside_its_pictures(self):
        publisher = Process([sys.executable, clocked.__file__, self.server.url, token(self.server, self.room, "them"), "data"],
                            dict(environment(self.server), **shifted_clock(-5)))
        self.addCleanup(publisher.kill)
        publisher.wait_for_output("published")
        common = f"room={self.room} identity=us"
        env = dict(environment(self.server), LIVEKIT_URL=self.slow_pictures().url)
        tap = Tap(self.path("tap"), f"livekitsrc {common} name=r r.video_0 ! {VIDEO}video "
                  f"livekitdatasrc {common} mode=track topic=slots timestamp-mode=sender ! fakesink name=frames "
                  f"livekitdatasrc {common} mode=text topic=slots timestamp-mode=sender ! fakesink name=texts", env)
        self.addCleanup(self._end, tap)

        def late(name):
            """Seconds by which each of them came after the picture of its moment, once the sender's clock is known."""
            shown = {b.number(): b.running for b in tap.buffers("video")}
            return [b.running - shown[int(b.data)] for b in tap.buffers(name) if b.reference is not None and int(b.data) in shown]

        names = ("frames", "texts")
        # An SDK that lacks time leaves out pictures, but tells them.
        wait_until(lambda: all(len(late(name)) >= 25 for name in names) or not tap.running, 60, "25 of each with a picture")
        self.assertEqual(tap.interrupt(10)[0], 0, tap.output)
        for name in names:
            found = late(name)
            self.assertGreaterEqual(len(found), 25, name)
            self.assert_near(statistics.median(found[5:]), 0, 0.040, f"{name}: seconds between data and picture; all {found}")
            near = sum(abs(one) <= 0.040 for one in found[5:])
            self.assertGreaterEqual(near, 0.9 * len(found[5:]), f"{name}: those within 40 ms; all {found}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
