"""Every container that livekit-recorder writes, with every codec that it takes, read by ffmpeg."""
import os
import shlex
import unittest

from lk import launch, media
from lk.recording import Recording
from recorder_test import RecorderTest

FULL = os.environ.get("LK_LIFE") == "full"
# What is asked for, the files that it is asked for, and what they have to hold.
ENCODED = (
    ("h264", "aac", "mp4 mkv ts m3u8 m4a mka"),
    ("h264", "opus", "mp4 mkv ts m4a mka ogg"),
    ("h264", "pcm", "mkv mka wav"),
    ("h265", "aac", "mp4 mkv ts"),
    ("h265", "opus", "mp4 mkv ts"),
    ("vp8", "opus", "mkv webm"),
    ("vp9", "opus", "mp4 mkv webm"),
    ("av1", "opus", "mp4 mkv webm"),
)
COPIED = {"vp8": "mkv webm", "vp9": "mp4 mkv webm", "h264": "mp4 mkv ts m3u8"}
NAMES = {"h265": "hevc", "pcm": "pcm_s16le"}
SOUND_ONLY = ("m4a", "mka", "ogg", "wav")


class Formats(RecorderTest):
    def look(self, name, video, audio, tone=440):
        recording = Recording(self.path(name))
        wanted = [NAMES.get(codec, codec) for codec in (video, audio) if codec]
        found = sorted(stream["codec_name"] for stream in recording.streams)
        seconds = float(recording.format.get("duration", 0))
        pictures = len(recording.sizes()) if video else 0
        heard = self.heard(name, tone, 0.5, 2) if audio else 0
        print(f"{self.id()}: {name:14} {' '.join(found):14} {seconds:5.1f} s {pictures:4} pictures, tone {heard:.2f}", flush=True)
        self.assertEqual(found, sorted(wanted), name)
        self.assertGreater(seconds, 2, name)
        if video:
            self.assertGreater(pictures, 10, name)
        if audio:
            self.assertGreater(heard, 0.8, name)

    @unittest.skipUnless(FULL, "takes minutes: LK_LIFE=full")
    def test_what_is_encoded_is_in_every_container_that_takes_it(self):
        alice = self.peer("alice")
        alice.publish_tone(440)
        alice.publish_video(320, 180)
        for video, audio, endings in ENCODED:
            names = [f"{video}-{audio}.{ending}" for ending in endings.split()]
            self.record(*[word for name in names for word in ("-o", name)], "--video-codec", video, "--audio-codec", audio,
                        "--size", "160x120", "--fps", "10", "--video-bitrate", "200k")
            for name in names:
                self.wait_for_file(name, 4)
            self.assertEqual(self.end()["state"], "complete")
            for name in names:
                with self.subTest(name):
                    self.look(name, None if name.endswith(SOUND_ONLY) else video, audio)

    def publish_file(self, codec, identity, tone):
        source = media.encoded(codec, seconds=30, frequency=tone)
        demuxer = "qtdemux" if source.endswith("mp4") else "matroskademux"
        process = launch.gst_launch(
            f"filesrc location={shlex.quote(source)} ! {demuxer} name=d livekitsink room={self.room} identity={identity} name=s "
            "d.video_0 ! queue ! s. d.audio_0 ! queue ! s.", launch.environment(self.server))
        self.addCleanup(process.kill)

    @unittest.skipUnless(FULL, "takes minutes: LK_LIFE=full")
    def test_what_is_sent_is_copied_into_every_container_that_takes_it_and_refused_by_the_others(self):
        for number, codec in enumerate(COPIED):
            self.publish_file(codec, codec, 440 + 110 * number)
        endings = ("mp4", "mkv", "webm", "ts", "m3u8")
        self.record(*[word for ending in endings for word in ("-o", "{participant}." + ending)], "--passthrough", "--video-only")
        for codec, taken in COPIED.items():
            for ending in taken.split():
                self.wait_for_file(f"{codec}.{ending}", 6)
        summary = self.end(code=3)
        for codec, taken in COPIED.items():
            for ending in taken.split():
                with self.subTest(f"{codec} {ending}"):
                    self.look(f"{codec}.{ending}", codec, None)
                    self.assertGreater(len(self.rising(f"{codec}.{ending}")), 25)
        refused = [file["error"] for file in summary["files"] if file["state"] == "failed"]
        self.assertEqual(len(refused), len(endings) * len(COPIED) - sum(len(t.split()) for t in COPIED.values()), refused)
        for error in refused:
            self.assertIn("as it is", error)


if __name__ == "__main__":
    unittest.main()
