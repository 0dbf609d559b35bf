"""Our elements and livekit-client in Chromium, in both directions."""
import os
import re
import subprocess
import time
import unittest

import numpy as np

from browser import Browser
from lk import launch
from lk.case import LiveKitTest
from lk.recording import Recording
from lk.server import ROOT
from lk.wait import wait_until

ALONE = True  # a browser is heavy


def command(*arguments):
    return subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True).stdout


def documented_messages():
    """Name → (fields that are always there, fields that may be), as docs/elements/messages.md has it."""
    found = {}
    with open(os.path.join(ROOT, "docs", "elements", "messages.md"), encoding="utf-8") as text:
        for name, cell in re.findall(r"^\| `(livekit-[a-z-]+)` \| ([^|]*) \|", text.read(), re.MULTILINE):
            fields = re.findall(r"`([a-z-]+)`(\??)", cell)
            found[name] = ({"session", "room"} | {f for f, maybe in fields if not maybe}, {f for f, maybe in fields if maybe})
    return found


class Interop(LiveKitTest):
    browser = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if Interop.browser is None:
            Interop.browser = Browser()

    def join(self):
        self.addCleanup(self.browser.leave)
        self.browser.join(self.server, self.room, "browser")

    def check_messages(self, process, *expected):
        """What was posted is what the documentation says, field by field, and these were among it."""
        documented, seen = documented_messages(), set()
        for name, rest in re.findall(r"\(element\): (livekit-[a-z-]+), (.*);$", process.output, re.MULTILINE):
            fields = set(re.findall(r"(?:^|, )([a-z-]+)=\(", rest))  # those of inner structures are escaped
            always, maybe = documented[name]
            self.assertEqual(fields - maybe, always, name)
            seen.add(name)
        self.assertLessEqual({"livekit-" + name for name in expected}, seen)


class BrowserReceives(Interop):
    def sink(self, more=""):
        return f"livekitsink name=s room={self.room} identity=us {more}"

    def picture(self, width, height):
        return f"videotestsrc is-live=true pattern=ball ! video/x-raw,width={width},height={height},framerate=15/1 "

    def check_codec(self, codec, size):
        self.join()
        process = self.launch(f"{self.picture(*size)} ! s.video_0 {self.sink(f'video_0::codec={codec}')}")
        track = self.browser.wait_for_tracks("us", 1)["video_0"]
        self.assertEqual(track["mime"], f"video/{codec}")
        seen = self.browser.wait_for_pictures("us", "video_0", size)
        self.assertEqual(seen["codec"], f"video/{codec}")
        self.browser.wait_for_pictures("us", "video_0", size)
        self.assertTrue(process.running, process.output)

    def test_vp8(self):
        self.check_codec("vp8", (640, 360))

    def test_h264(self):
        self.check_codec("h264", (640, 480))

    def test_vp9(self):
        self.check_codec("vp9", (480, 270))

    @unittest.skipUnless(launch.has_element("rtpav1pay") and launch.has_element("av1enc"), "no AV1 payloader here")
    def test_av1(self):
        self.check_codec("av1", (320, 240))

    def test_names_sources_and_sounds_of_several_tracks(self):
        self.join()
        names = "audio_0::track-name=voice audio_1::track-name=film audio_1::source=screen-share-audio " \
                "video_0::track-name=face video_1::source=screen-share"
        process = self.launch(f"{self.sink(names)} audiotestsrc is-live=true freq=523 volume=0.4 ! s.audio_0 "
                              f"audiotestsrc is-live=true freq=1200 volume=0.4 ! s.audio_1 "
                              f"{self.picture(320, 240)} ! s.video_0 {self.picture(160, 120)} ! s.video_1", messages=True)
        tracks = self.browser.wait_for_tracks("us", 4)
        self.assertEqual({name: (t["kind"], t["source"]) for name, t in tracks.items()},
                         {"voice": ("audio", "microphone"), "film": ("audio", "screen_share_audio"),
                          "face": ("video", "camera"), "video_1": ("video", "screen_share")})
        self.assertEqual(tracks["face"]["size"], {"width": 320, "height": 240})
        self.assertEqual(tracks["voice"]["mime"], "audio/opus")
        self.browser.wait_for_tone("us", "voice", 523)
        self.browser.wait_for_tone("us", "film", 1200)
        self.browser.wait_for_pictures("us", "face", (320, 240))
        self.browser.wait_for_pictures("us", "video_1", (160, 120))
        self.check_messages(process, "connection-state", "room-joined", "local-track-published", "participant-joined")

    def test_a_muted_track_is_shown_muted(self):
        self.join()
        self.launch(f"audiotestsrc is-live=true ! s.audio_0 {self.sink('audio_0::muted=true')}")
        self.assertTrue(self.browser.wait_for_tracks("us", 1)["audio_0"]["muted"])


class BrowserPublishes(Interop):
    SIZE = (640, 360)

    def source(self, more=""):
        return f"livekitsrc name=r room={self.room} identity=us {more}"

    def publish(self):
        self.join()
        tracks = self.browser.call("publish", *self.SIZE)
        self.assertEqual({(t["kind"], t["source"], t["simulcast"]) for t in tracks},
                         {("video", "camera", True), ("audio", "microphone", False)})

    def record(self, pipeline, path, change=lambda keep: keep(5)):
        """Runs until the file grows, does `change`, then Ctrl-C."""
        process = self.launch(pipeline, eos_on_shutdown=True, messages=True)

        def keep(seconds):
            end = time.monotonic() + seconds
            wait_until(lambda: time.monotonic() >= end or not process.running, seconds + 5, "the recording")
            self.assertTrue(process.running, process.output)

        def begun():
            self.assertTrue(process.running, process.output)
            return os.path.exists(path) and os.path.getsize(path) >= 5000
        wait_until(begun, 20, lambda: f"data in {path}\n{process.output[-2000:]}")
        change(keep)
        code, took = process.interrupt(10)
        self.assertEqual(code, 0, process.output)
        self.assertLess(took, 1.3, "seconds from Ctrl-C to the end")
        self.check_messages(process, "connection-state", "room-joined", "participant-joined", "track-published", "track-subscribed")
        return Recording(path), process

    def pictures(self, recording):
        """(width, height) of each picture as it is in the stream, and how many differ from the one before."""
        sizes = [tuple(map(int, line.strip(",").split(","))) for line in command(
            "ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "frame=width,height", "-of", "csv=p=0",
            recording.path).decode().split()]
        gray = np.frombuffer(command("ffmpeg", "-v", "error", "-i", recording.path, "-map", "0:v:0", "-vf", "scale=64:36",
                                     "-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-"), dtype=np.uint8)
        gray = gray.reshape(-1, 64 * 36).astype(int)
        return sizes, int(np.count_nonzero(np.abs(np.diff(gray, axis=0)).max(axis=1) > 8))

    def beeps(self, sound):
        """Times at which a beep begins."""
        count = len(sound) // 480
        loud = np.sqrt(np.mean(np.asarray(sound[:count * 480]).reshape(count, 480) ** 2, axis=1)) > 0.05
        return (np.flatnonzero(loud[1:] & ~loud[:-1]) + 1) / 100

    def test_as_the_browser_encoded_it(self):
        self.publish()
        path = self.path("room.webm")
        recording, _ = self.record(
            f"{self.source()} webmmux name=m ! filesink buffer-mode=unbuffered location={path} "
            "r.video_0 ! video/x-vp8 ! queue ! m.video_0 r.audio_0 ! audio/x-opus ! queue ! m.audio_0", path)
        self.assertEqual((recording.stream("video")["codec_name"], recording.stream("audio")["codec_name"]), ("vp8", "opus"))
        sizes, moved = self.pictures(recording)
        # It may begin with a small layer of the simulcast; the large one is what was asked for.
        self.assertEqual(set(sizes[-10:]), {self.SIZE}, sizes)
        self.assertGreater(len(sizes), 4 * 15)
        self.assertGreater(moved, len(sizes) // 2)
        self.assertGreater(len(self.beeps(recording.sound()[:, 0])), 3)

    def test_the_small_layer_of_the_simulcast(self):
        self.publish()
        path = self.path("small.webm")
        recording, _ = self.record(f"{self.source('video_0::quality=low')} r.video_0 ! video/x-vp8 ! webmmux ! "
                                   f"filesink buffer-mode=unbuffered location={path}", path)
        self.assertEqual(set(self.pictures(recording)[0][-10:]), {(320, 180)})

    def test_decoded_at_a_size_of_ones_own(self):
        self.publish()
        path = self.path("room.mp4")
        recording, _ = self.record(
            f"{self.source()} mp4mux name=m ! filesink buffer-mode=unbuffered location={path} "
            "r.video_0 ! queue ! videoscale ! video/x-raw,width=320,height=180 ! videoconvert ! "
            "x264enc tune=zerolatency speed-preset=ultrafast ! m. r.audio_0 ! queue ! audioconvert ! audioresample ! voaacenc ! m.",
            path)
        sizes, moved = self.pictures(recording)
        self.assertEqual(set(sizes), {(320, 180)})
        self.assertGreater(len(sizes), 4 * 15)
        self.assertGreater(moved, len(sizes) // 2)
        # The browser sends nothing between its beeps; decoded sound has no holes all the same.
        self.assert_near(len(recording.sound()) / 48000, float(recording.stream("video")["duration"]), 0.5, "sound")
        self.assert_near(float(np.median(np.diff(self.beeps(recording.sound()[:, 0])))), 0.5, 0.06, "from beep to beep")

    def test_mute_and_unmute(self):
        self.publish()
        path = self.path("sound.wav")

        def change(keep):
            keep(2)
            self.browser.call("microphone", False)
            self.browser.call("camera", False)
            keep(2.5)
            self.browser.call("microphone", True)
            self.browser.call("camera", True)
            keep(2.5)
        recording, process = self.record(
            f"{self.source()} r.audio_0 ! audioconvert ! audioresample ! wavenc ! filesink buffer-mode=unbuffered location={path} "
            "r.video_0 ! fakesink async=false", path, change)
        muted = [(kind, "muted\\=\\(boolean\\)true" in line) for line in process.output.splitlines()
                 for kind in ("audio", "video") if "livekit-track-changed" in line and f"kind\\=\\(string\\){kind}" in line]
        for kind in ("audio", "video"):
            changes = [on for of, on in muted if of == kind]
            self.assertIn(True, changes, muted)
            self.assertFalse(changes[-1], muted)
        beeps = self.beeps(recording.sound()[:, 0])
        pause = float(np.max(np.diff(beeps)))
        self.assert_near(pause, 2.75, 0.75, f"without beeps, of {beeps}")
        self.assertGreater(len(recording.sound()) / 48000, 6.5)
        self.assertGreater(beeps[-1], len(recording.sound()) / 48000 - 1.2, "nothing is heard after the mute")


if __name__ == "__main__":
    unittest.main(verbosity=2)
