"""livekitsrc against tracks of the official SDK; what it recorded is checked by ffmpeg."""
import time
import unittest

import numpy as np

from lk import counter, server, tone
from lk.case import LiveKitTest
from lk.recording import Recording
from lk.wait import wait_until

WAV = "audioconvert ! audioresample ! audio/x-raw,rate=48000 ! wavenc ! filesink buffer-mode=unbuffered location={}"


class Subscribe(LiveKitTest):
    def source(self, more=""):
        return f"livekitsrc name=r room={self.room} identity=us {more}"

    def record(self, pipeline, seconds, path, **options):
        """Runs until the file has had data for `seconds`, then Ctrl-C: (recording, process). Must finalise within 1 s."""
        process = self.launch(pipeline, eos_on_shutdown=True, **options)
        self.wait_for_data(process, path)
        self.keep_running(process, seconds)
        code, took = process.interrupt(10)
        self.assertEqual(code, 0, process.output)
        self.assertLess(took, 1.0 + 0.3, "seconds from Ctrl-C to the end")
        return Recording(path), process

    def wait_for_data(self, process, path, size=5000, timeout=20):
        import os

        def grown():
            self.assertTrue(process.running, process.output)
            return os.path.exists(path) and os.path.getsize(path) >= size
        wait_until(grown, timeout, lambda: f"{size} bytes in {path}\n{process.output[-2000:]}")

    def keep_running(self, process, seconds):
        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() >= end or not process.running, seconds + 5, "the recording")
        self.assertTrue(process.running, process.output)

    def check_sound(self, recording, frequency, least, most_silence=0.15):
        sound = recording.sound()[:, 0]
        self.assertGreaterEqual(len(sound) / 48000, least)
        # The first and last moments belong to joining and leaving.
        middle = sound[int(0.3 * 48000):-int(0.2 * 48000)]
        heard = tone.measure(middle)
        self.assert_near(heard.frequency, frequency, 2, "tone")
        self.assertGreater(heard.purity, 0.8)
        self.assertLess(tone.longest_silence(middle), most_silence, "a hole in the sound")

    def check_pictures(self, recording, least, size=(640, 360), fps=15):
        video = recording.stream("video")
        self.assertEqual((video["width"], video["height"]), size)
        numbers = recording.numbers()
        self.assertGreaterEqual(len(numbers), least)
        share, ordered = counter.check_sequence(numbers)
        self.assertGreater(share, 0.9)
        self.assertTrue(ordered, numbers)
        times = recording.picture_times()
        readable = [n for n in numbers if n is not None]
        self.assert_near((readable[-1] - readable[0]) / (times[-1] - times[0]), fps, fps * 0.15, "numbers per second")


class Audio(Subscribe):
    def test_a_tone_becomes_a_wav_file(self):
        self.peer("them").publish_tone(523)
        recording, _ = self.record(f"{self.source()} r.audio_0 ! {WAV.format(self.path('a.wav'))}", 3, self.path("a.wav"))
        self.check_sound(recording, 523, 2.8)
        self.assert_near(recording.duration, len(recording.sound()) / 48000, 0.02, "the header's duration")

    def test_a_track_without_redundancy_is_received_too(self):
        # The SDK's default is redundancy, and TrackInfo then says audio/red.
        self.peer("them").publish_tone(523, red=False)
        path = self.path("a.wav")
        recording, _ = self.record(f"{self.source()} r.audio_0 ! {WAV.format(path)}", 2, path)
        self.check_sound(recording, 523, 1.8)

    def test_delayed_linking_by_the_elements_name(self):
        self.peer("them").publish_tone(523)
        recording, _ = self.record(f"{self.source()} r. ! {WAV.format(self.path('a.wav'))}", 3, self.path("a.wav"))
        self.check_sound(recording, 523, 2.8)

    def test_a_publisher_who_comes_later(self):
        process = self.launch(f"{self.source()} r.audio_0 ! {WAV.format(self.path('a.wav'))}", eos_on_shutdown=True)
        first = self.peer("first")
        first.wait_for_participant("us")
        self.peer("them").publish_tone(623)
        self.wait_for_data(process, self.path("a.wav"))
        self.keep_running(process, 2)
        code, took = process.interrupt()
        self.assertEqual(code, 0)
        self.assertLess(took, 1.3)
        self.check_sound(Recording(self.path("a.wav")), 623, 1.8)

    def test_opus_passes_through_encoded(self):
        self.peer("them").publish_tone(523)
        path = self.path("a.mka")
        recording, _ = self.record(f"{self.source()} r.audio_0 ! audio/x-opus ! opusparse ! matroskamux ! "
                                   f"filesink buffer-mode=unbuffered location={path}", 3, path)
        self.assertEqual(recording.stream("audio")["codec_name"], "opus")
        self.check_sound(recording, 523, 2.8)

    def test_mute_is_silence_of_the_same_length(self):
        them = self.peer("them")
        them.publish_tone(523, name="t")
        path = self.path("a.wav")
        process = self.launch(f"{self.source()} r.audio_0 ! {WAV.format(path)}", eos_on_shutdown=True)
        self.wait_for_data(process, path)
        self.keep_running(process, 2)
        them.mute("t")
        self.keep_running(process, 2)
        them.unmute("t")
        self.keep_running(process, 2)
        self.assertEqual(process.interrupt()[0], 0)
        sound = Recording(path).sound()[:, 0]
        self.assert_near(tone.longest_silence(sound), 2.0, 0.6, "silence")
        self.assertGreater(len(sound) / 48000, 5.7)
        self.assert_near(tone.measure(sound[-48000:-4800]).frequency, 523, 2, "tone after the mute")

    def test_two_participants_are_two_pads(self):
        self.peer("low").publish_tone(330)
        self.peer("high").publish_tone(1200)
        process = self.launch(f"{self.source()} r.audio_0 ! {WAV.format(self.path('0.wav'))} "
                              f"r.audio_1 ! {WAV.format(self.path('1.wav'))}", eos_on_shutdown=True)
        for name in ("0.wav", "1.wav"):
            self.wait_for_data(process, self.path(name))
        self.keep_running(process, 2)
        self.assertEqual(process.interrupt()[0], 0)
        heard = sorted(round(tone.measure(Recording(self.path(name)).sound()[24000:72000, 0]).frequency)
                       for name in ("0.wav", "1.wav"))
        self.assert_near(heard[0], 330, 2)
        self.assert_near(heard[1], 1200, 2)


class Video(Subscribe):
    def raw(self, codec):
        self.peer("them").publish_video(640, 360, 15, codec)
        path = self.path("v.mkv")
        recording, _ = self.record(
            f"{self.source()} r.video_0 ! queue ! videoconvert ! vp8enc deadline=1 cpu-used=8 target-bitrate=2000000 ! "
            f"matroskamux ! filesink buffer-mode=unbuffered location={path}", 4, path)
        self.check_pictures(recording, 45)

    def test_vp8(self):
        self.raw("vp8")

    def test_h264(self):
        self.raw("h264")

    def test_vp9(self):
        self.raw("vp9")

    def test_vp8_passes_through_encoded(self):
        self.peer("them").publish_video(640, 360, 15, "vp8")
        path = self.path("v.webm")
        recording, _ = self.record(f"{self.source()} r.video_0 ! video/x-vp8 ! queue ! webmmux ! filesink buffer-mode=unbuffered location={path}",
                                   4, path)
        self.assertEqual(recording.stream("video")["codec_name"], "vp8")
        self.check_pictures(recording, 40)

    def test_h264_passes_through_encoded_into_mp4(self):
        self.peer("them").publish_video(640, 360, 15, "h264")
        path = self.path("v.mp4")
        recording, _ = self.record(f"{self.source()} r.video_0 ! video/x-h264 ! queue ! h264parse ! mp4mux ! "
                                   f"filesink buffer-mode=unbuffered location={path}", 4, path)
        self.assertEqual(recording.stream("video")["codec_name"], "h264")
        self.check_pictures(recording, 40)

    def test_sound_and_picture_into_one_mp4(self):
        them = self.peer("them")
        them.publish_tone(523)
        them.publish_video(640, 360, 15, "vp8")
        path = self.path("av.mp4")
        recording, _ = self.record(
            f"{self.source()} mp4mux name=m ! filesink buffer-mode=unbuffered location={path} "
            "r.video_0 ! queue ! videoconvert ! x264enc tune=zerolatency speed-preset=ultrafast ! m. "
            "r.audio_0 ! queue ! audioconvert ! audioresample ! avenc_aac ! m.", 5, path)
        self.check_sound(recording, 523, 4)
        self.check_pictures(recording, 50)
        self.assert_near(float(recording.stream("video")["duration"]), float(recording.stream("audio")["duration"]), 0.5,
                         "length of picture and sound")

    def test_the_viewer_may_choose_the_size(self):
        self.peer("them").publish_video(1280, 720, 15, "vp8", simulcast=True, bitrate=3_000_000)
        path = self.path("v.mkv")
        recording, _ = self.record(
            f"{self.source('video_0::quality=low')} r.video_0 ! video/x-vp8 ! queue ! matroskamux ! "
            f"filesink buffer-mode=unbuffered location={path}", 4, path)
        # The first pictures may be of the layer that was there first.
        self.assertLess(recording.sizes()[-1][0], 1280, set(recording.sizes()))

    def test_pictures_of_several_slices_pass_through_encoded(self):
        self.launch(f"videotestsrc is-live=true ! video/x-raw,format=I420,width=640,height=360,framerate=15/1 ! "
                    "x264enc tune=zerolatency speed-preset=ultrafast sliced-threads=true threads=4 key-int-max=30 ! "
                    f"livekitsink room={self.room} identity=them")
        path = self.path("v.mp4")
        recording, _ = self.record(f"{self.source()} r.video_0 ! video/x-h264 ! queue ! h264parse ! mp4mux ! "
                                   f"filesink buffer-mode=unbuffered location={path}", 4, path)
        times = recording.picture_times()
        self.assertGreaterEqual(len(times), 45)
        self.assertLess(max(b - a for a, b in zip(times, times[1:])), 0.5, "a hole")


class Choice(Subscribe):
    def test_participants_and_kinds_filter(self):
        alice, bob = self.peer("alice"), self.peer("bob")
        bob.publish_tone(1200)
        alice.publish_video(320, 240, 15)
        alice.publish_tone(330)
        path = self.path("a.wav")
        recording, process = self.record(f"{self.source('participants=al* kinds=audio')} r. ! {WAV.format(path)}", 3, path,
                                         messages=True)
        self.check_sound(recording, 330, 2.8)
        self.assertNotIn("video_0", process.output)
        self.assertNotIn("audio_1", process.output)

    def test_tracks_filter_by_name(self):
        them = self.peer("them")
        them.publish_tone(330, name="music")
        them.publish_tone(1200, name="voice")
        path = self.path("a.wav")
        recording, _ = self.record(f"{self.source('tracks=voice')} r.audio_0 ! {WAV.format(path)}", 3, path)
        self.check_sound(recording, 1200, 2.8)


class Changes(Subscribe):
    def test_unpublish_ends_the_pads_branch(self):
        them = self.peer("them")
        them.publish_tone(523, name="t")
        path = self.path("a.wav")
        process = self.launch(f"{self.source()} r.audio_0 ! {WAV.format(path)}")
        self.wait_for_data(process, path, 200000)
        them.unpublish("t")
        self.assertEqual(process.wait(10), 0, process.output)
        self.check_sound(Recording(path), 523, 1)

    def test_a_track_published_again_is_received_again(self):
        them = self.peer("them")
        them.publish_tone(330, name="t")
        paths = self.path("0.wav"), self.path("1.wav")
        # async=false: a sink that waits for its first buffer would hold back every sink of the pipeline.
        process = self.launch(f"{self.source()} r.audio_0 ! {WAV.format(paths[0])} "
                              f"r.audio_1 ! {WAV.format(paths[1])} async=false",
                              eos_on_shutdown=True)
        self.wait_for_data(process, paths[0], 200000)
        them.unpublish("t")
        them.publish_tone(880, name="t")
        self.wait_for_data(process, paths[1], 200000)
        self.assertEqual(process.interrupt()[0], 0)
        self.check_sound(Recording(paths[1]), 880, 1)

    def test_a_video_published_again_with_another_codec(self):
        them = self.peer("them")
        them.publish_video(640, 360, 15, "vp8", name="v")
        encode = "queue ! videoconvert ! vp8enc deadline=1 cpu-used=8 target-bitrate=2000000 ! matroskamux ! filesink buffer-mode=unbuffered location="
        paths = self.path("0.mkv"), self.path("1.mkv")
        process = self.launch(f"{self.source()} r.video_0 ! {encode}{paths[0]} r.video_1 ! {encode}{paths[1]} async=false",
                              eos_on_shutdown=True)
        self.wait_for_data(process, paths[0])
        them.unpublish("v")
        them.publish_video(640, 360, 15, "h264", name="v")
        self.wait_for_data(process, paths[1])
        self.keep_running(process, 2)
        self.assertEqual(process.interrupt()[0], 0)
        self.check_pictures(Recording(paths[1]), 15)

    def test_being_removed_from_the_room_is_eos(self):
        self.peer("them").publish_tone(523)
        path = self.path("a.wav")
        process = self.launch(f"{self.source()} r.audio_0 ! {WAV.format(path)}")
        self.wait_for_data(process, path, 100000)
        server.remove_participant(self.server, self.room, "us")
        process.wait(10)
        self.assertIsNotNone(Recording(path).duration)


class Shared(Subscribe):
    def test_source_and_sink_of_one_pipeline_are_one_participant(self):
        them = self.peer("them")
        them.publish_tone(523)
        path = self.path("a.wav")
        process = self.launch(f"{self.source()} r.audio_0 ! {WAV.format(path)} "
                              "audiotestsrc is-live=true freq=880 volume=0.4 ! livekitsink", eos_on_shutdown=True)
        them.hear("us").wait_for_tone(880)
        self.wait_for_data(process, path, 200000)
        self.assertEqual(list(them.room.remote_participants), ["us"])
        self.assertEqual(process.interrupt()[0], 0, process.output)
        self.check_sound(Recording(path), 523, 1)

    def test_other_session_names_are_other_participants(self):
        them = self.peer("them")
        self.launch(f"audiotestsrc is-live=true ! livekitsink session=a room={self.room} identity=a "
                    f"audiotestsrc is-live=true ! livekitsink session=b room={self.room} identity=b")
        wait_until(lambda: sorted(them.room.remote_participants) == ["a", "b"], 15, "two participants")

    def test_contradicting_rooms_name_both_elements(self):
        process = self.launch(f"audiotestsrc is-live=true ! livekitsink name=one room={self.room} "
                              "audiotestsrc is-live=true ! livekitsink name=two room=another")
        self.assertNotEqual(process.wait(10), 0)
        for word in ("one", "two", "session="):
            self.assertIn(word, process.output)


class Messages(Subscribe):
    def test_events_are_bus_messages(self):
        # The second branch keeps the pipeline alive when the first one ends with its track.
        process = self.launch(f"{self.source()} r.audio_0 ! fakesink audiotestsrc is-live=true ! fakesink", messages=True)
        them = self.peer("them")
        them.wait_for_participant("us")
        them.publish_tone(523, name="t")
        for text in ("livekit-participant-joined", "livekit-track-published", "livekit-track-subscribed"):
            process.wait_for_output(text)
        them.unpublish("t")
        process.wait_for_output("livekit-track-unpublished")


class Picture(Subscribe):
    def test_no_grey_or_torn_picture_at_the_start(self):
        self.peer("them").publish_video(640, 360, 15, "vp8")
        path = self.path("v.mkv")
        recording, _ = self.record(
            f"{self.source()} r.video_0 ! queue ! videoconvert ! vp8enc deadline=1 cpu-used=8 target-bitrate=4000000 ! "
            f"matroskamux ! filesink buffer-mode=unbuffered location={path}", 2, path)
        self.assertTrue(np.all([n is not None for n in recording.numbers()[:10]]), recording.numbers()[:10])


if __name__ == "__main__":
    unittest.main(verbosity=2)
