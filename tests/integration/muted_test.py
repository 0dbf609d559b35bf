"""A camera that is muted when livekitsrc comes: its pad is not kept waiting, files become whole."""
import time
import unittest

from lk.case import LiveKitTest
from lk.recording import Recording
from lk.wait import wait_until


class MutedCamera(LiveKitTest):
    def setUp(self):
        super().setUp()
        self.them = self.peer("them")
        self.them.publish_tone(600)
        self.them.publish_video(width=480, height=270, fps=15)
        self.them.mute("picture")
        other = self.peer("other", auto_subscribe=False)
        other.wait_for_participant("them")
        wait_until(lambda: any(p.muted for p in other.publications("them", "video")), 10, "the camera muted for others")

    def record(self, pipeline, seconds, meanwhile=lambda: None):
        process = self.launch(pipeline, eos_on_shutdown=True)
        process.wait_for_output("Redistribute latency", 30)  # a pad came
        end = time.monotonic() + seconds
        meanwhile()
        wait_until(lambda: time.monotonic() > end or not process.running, seconds + 30, "the recording")
        code, took = process.interrupt()
        self.assertEqual(code, 0, process.output)
        self.assertLess(took, 1.0, "seconds from Ctrl-C to a whole file")

    def mp4(self, path):
        return (f"livekitsrc name=r room={self.room} identity=us mp4mux name=m ! filesink location={path} "
                "r.video_0 ! queue ! videoscale ! video/x-raw,width=320,height=180,pixel-aspect-ratio=1/1 ! videoconvert ! "
                "x264enc tune=zerolatency speed-preset=ultrafast ! m. "
                "r.audio_0 ! queue ! audioconvert ! audioresample ! voaacenc ! m.")

    def check_black(self, recording, width, height):
        self.assertEqual(set(recording.sizes()), {(width, height)})
        times = recording.picture_times()
        self.assertGreater(len(times), 10)
        self.assert_near((times[-1] - times[0]) / (len(times) - 1), 0.2, 0.02, "seconds between pictures")
        self.assertEqual(set(recording.numbers()), {None})

    def test_mp4_with_a_camera_that_never_shows_anything_is_black_and_whole(self):
        path = self.path("muted.mp4")
        self.record(self.mp4(path), 6)
        recording = Recording(path)
        self.check_black(recording, 320, 180)
        self.assertGreater(len(recording.sound()), 48000 * 4)

    def test_matroska_gets_black_pictures_of_the_size_that_the_publisher_announced(self):
        path = self.path("muted.mkv")
        self.record(f"livekitsrc name=r room={self.room} identity=us matroskamux name=m ! filesink location={path} "
                    "r.video_0 ! queue ! m. r.audio_0 ! queue ! audioconvert ! m.", 6)
        recording = Recording(path)
        self.check_black(recording, 480, 270)
        self.assertGreater(len(recording.sound()), 48000 * 4)

    def test_pictures_follow_the_black_ones_when_the_camera_is_unmuted(self):
        path = self.path("unmuted.mp4")

        def unmute():
            end = time.monotonic() + 4
            wait_until(lambda: time.monotonic() > end, 5, "some black pictures")
            self.them.unmute("picture")
        self.record(self.mp4(path), 9, unmute)
        recording = Recording(path)
        numbers = recording.numbers()
        shown = [n for n in numbers if n is not None]
        self.assertIsNone(numbers[0])
        self.assertGreater(len(shown), 15, numbers)
        self.assertEqual(shown, sorted(shown))
        times = recording.picture_times()
        self.assertTrue(all(b > a for a, b in zip(times, times[1:])), times)


if __name__ == "__main__":
    unittest.main(verbosity=2)
