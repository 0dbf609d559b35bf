"""The room as one sound and one picture: livekitsrc's mix pads against participants of the official SDK."""
import os
import re
import subprocess
import unittest

import numpy as np
from livekit import rtc

from lk import tone
from lk.case import LiveKitTest
from lk.recording import Recording
from lk.wait import wait_until

RATE = 48000
BYTES_PER_SECOND = RATE * 2 * 2


class Mix(LiveKitTest):
    def record(self, more=""):
        self.file = self.path("room.wav")
        self.process = self.launch(f"livekitsrc name=r room={self.room} identity=us {more} r.audio_mix "
                                   f"! wavenc ! filesink buffer-mode=unbuffered location={self.file}", eos_on_shutdown=True)
        return self.process

    def seconds_written(self):
        return (os.path.getsize(self.file) - 44) / BYTES_PER_SECOND if os.path.exists(self.file) else 0

    def wait_for_seconds(self, more):
        """Until so much more sound is in the file; the position at which it is."""
        until = self.seconds_written() + more

        def written():
            self.assertTrue(self.process.running, self.process.output)
            return self.seconds_written() >= until
        wait_until(written, 20 + more, lambda: f"{more} s of sound\n{self.process.output[-2000:]}")
        return self.seconds_written()

    def end(self):
        """(sound of the left channel, seconds that the pipeline played)."""
        code, took = self.process.interrupt(10)
        self.assertEqual(code, 0, self.process.output)
        self.assertLess(took, 1.3, "seconds from Ctrl-C to the end")
        sound = Recording(self.file).sound()
        self.assertEqual(sound.shape[1], 2)
        played = re.search(r"Execution ended after (\d+):(\d+):([\d.]+)", self.process.output)
        hours, minutes, seconds = (float(part) for part in played.groups())
        return sound[:, 0], hours * 3600 + minutes * 60 + seconds

    def part(self, sound, start, end):
        return sound[int(start * RATE):int(end * RATE)]

    def test_an_empty_room_is_silence_from_the_start(self):
        self.record()
        self.wait_for_seconds(2)
        sound, played = self.end()
        self.assertEqual(float(abs(sound).max()), 0.0)
        self.assert_near(len(sound) / RATE, played, 0.2, "seconds")

    def test_who_comes_is_heard_beside_who_is_there_and_not_after_leaving(self):
        self.peer("first").publish_tone(440)
        self.record()
        first = wait_until(lambda: self.heard(440), 20, lambda: f"the first tone\n{self.process.output[-2000:]}")
        second = self.peer("second")
        second.publish_tone(1000)
        both = wait_until(lambda: self.heard(1000), 20, "the second tone")
        together = self.wait_for_seconds(1.5)
        second.leave()
        alone = wait_until(lambda: not self.heard(1000) and self.seconds_written(), 20, "the end of the second tone")
        end = self.wait_for_seconds(1)
        sound, _ = self.end()
        self.assertLess(first, both)
        mixed = self.part(sound, both, together)
        for frequency in (440, 1000):
            self.assertGreater(tone.share(mixed, frequency), 0.4, f"{frequency} Hz while both speak")
        rest = self.part(sound, alone, end)
        heard = tone.measure(rest)
        self.assert_near(heard.frequency, 440, 2)
        self.assertGreater(heard.purity, 0.95)
        # Nobody's coming or going tears what the other one says.
        self.assertLess(tone.longest_silence(self.part(sound, first, end)), 0.1)

    def heard(self, frequency):
        """Where in the file the last half second has that tone; None if it has not."""
        self.assertTrue(self.process.running, self.process.output)
        position = self.seconds_written()
        if position < 1:
            return None
        with open(self.file, "rb") as file:
            file.seek(44 + int((position - 0.5) * RATE) * 4)
            data = file.read(RATE // 2 * 4)
        left = np.frombuffer(data[:len(data) // 4 * 4], dtype="<i2").reshape(-1, 2)[:, 0] / 32768
        return position if left.std() > 0.01 and tone.share(left, frequency) > 0.3 else None

    def test_a_muted_speaker_is_silent_and_the_sound_goes_on(self):
        them = self.peer("them")
        them.publish_tone(700)
        self.record()
        wait_until(lambda: self.heard(700), 20, "the tone")
        them.mute("tone")
        wait_until(lambda: not self.heard(700), 20, "silence")
        muted = self.seconds_written()
        silent = self.wait_for_seconds(1)
        them.unmute("tone")
        wait_until(lambda: self.heard(700), 20, "the tone again")
        sound, played = self.end()
        self.assertLess(float(abs(self.part(sound, muted, silent)).max()), 0.01)
        self.assert_near(len(sound) / RATE, played, 0.2, "nothing of the time is missing")

    def test_only_sound_is_asked_for(self):
        them = self.peer("them")
        them.publish_tone(440)
        them.publish_video(160, 120)
        self.record()
        wait_until(lambda: self.heard(440), 20, "the tone")
        wanted = {args[0].kind for _, name, args in them.events if name == "local_track_subscribed"}
        self.assertEqual(wanted, {rtc.TrackKind.KIND_AUDIO})
        self.end()

    def test_each_participant_has_a_channel_but_who_is_left_out(self):
        for identity, frequency in (("first", 440), ("second", 1000), ("bot", 2500)):
            self.peer(identity).publish_tone(frequency)
        self.file = self.path("channels.wav")
        self.process = self.launch(
            f"livekitsrc name=r room={self.room} identity=us audio_mix::channel-mode=per-participant audio_mix::channels=3 "
            "audio_mix::exclude=bot audio_mix::second::channel=2 r.audio_mix "
            f"! wavenc ! filesink buffer-mode=unbuffered location={self.file}", eos_on_shutdown=True)

        def newest():
            """The last half second of each channel."""
            self.assertTrue(self.process.running, self.process.output)
            with open(self.file, "rb") as file:
                data = file.read()[-RATE // 2 * 6:] if os.path.getsize(self.file) > 200 + RATE * 3 else b""
            return np.frombuffer(data, dtype="<i2").reshape(-1, 3) / 32768 if data else None

        def both_heard():
            sound = newest()
            return sound is not None and all(
                max(tone.share(sound[:, channel], frequency) for channel in range(3)) > 0.8 for frequency in (440, 1000))
        wait_until(lambda: os.path.exists(self.file) and both_heard(), 30, lambda: f"both tones\n{self.process.output[-2000:]}")
        code, _ = self.process.interrupt(10)
        self.assertEqual(code, 0, self.process.output)
        sound = Recording(self.file).sound()
        self.assertEqual(sound.shape[1], 3)
        last = sound[-RATE // 2:]
        self.assertGreater(tone.share(last[:, 2], 1000), 0.9, "who was promised this channel")
        levels = [float(abs(sound[:, channel]).max()) for channel in range(3)]
        others = sorted((0, 1), key=lambda channel: levels[channel])
        self.assertEqual(levels[others[0]], 0.0, "nobody is here")
        self.assertGreater(tone.share(last[:, others[1]], 440), 0.9)

    def test_who_speaks_is_shown_large(self):
        """A wide and a tall picture: what is large is told by its shape."""
        tall, wide = self.peer("tall"), self.peer("wide")
        wide.publish_video(320, 180)
        path, size = self.path("pictures.gray"), (180, 320)
        process = self.launch(
            f"livekitsrc name=r room={self.room} identity=us kinds=video video_mix::layout=active-speaker "
            "video_mix::show-names=true r.video_mix ! videoconvert "
            f"! video/x-raw,format=GRAY8,width={size[1]},height={size[0]},framerate=5/1 "
            f"! filesink buffer-mode=unbuffered location={path}", messages=True)

        def newest():
            self.assertTrue(process.running, process.output)
            count = os.path.getsize(path) // (size[0] * size[1]) if os.path.exists(path) else 0
            if not count:
                return np.zeros(size, dtype=np.uint8)
            return np.fromfile(path, dtype=np.uint8, count=size[0] * size[1],
                               offset=(count - 1) * size[0] * size[1]).reshape(size)

        def large():
            """The first cell of a counting picture is white, and above a wide one is nothing."""
            picture = newest()
            if picture[26:46, 8:36].mean() > 128:
                return "wide"
            return "tall" if picture[4:14, 80:92].mean() > 128 else None

        wait_until(lambda: large() == "wide", 30, lambda: f"the first picture\n{process.output[-2000:]}")
        tall.publish_video(180, 320)
        wait_until(lambda: newest()[72:108, 276:300].max() > 150, 30, "the second one in the strip")
        self.assertEqual(large(), "wide", "nobody has said anything")
        tall.publish_tone(440)
        wait_until(lambda: large() == "tall", 30, lambda: f"the speaker\n{process.output[-2000:]}")
        code, _ = process.interrupt(10)
        self.assertEqual(code, 0, process.output)

    def brightness(self, path, at):
        """Deviation of the luminance in the left and the right half of the picture at that second."""
        raw = subprocess.run(["ffmpeg", "-v", "error", "-ss", str(at), "-i", path, "-frames:v", "1", "-pix_fmt", "gray", "-f", "rawvideo",
                              "-"], capture_output=True, check=True, timeout=30).stdout
        picture = np.frombuffer(raw, dtype=np.uint8).reshape(720, 1280)
        return float(picture[:, :640].std()), float(picture[:, 640:].std())

    def test_the_room_becomes_one_film(self):
        first, second = self.peer("first"), self.peer("second")
        first.publish_tone(440)
        first.publish_video(320, 180)
        second.publish_tone(1000)
        second.publish_video(320, 180)
        path = self.path("room.mkv")
        process = self.launch(f"livekitsrc name=r room={self.room} identity=us  matroskamux name=m streamable=true "
                              f"! filesink buffer-mode=unbuffered location={path} "
                              "r.video_mix ! videoconvert ! x264enc tune=zerolatency speed-preset=ultrafast ! h264parse ! m. "
                              "r.audio_mix ! audioconvert ! opusenc ! m.", eos_on_shutdown=True)
        for peer in (first, second):
            wait_until(lambda peer=peer: peer.event_names().count("local_track_subscribed") == 2, 20,
                       lambda: f"subscriptions\n{process.output[-2000:]}")
        self.grow(process, path, 150_000)
        second.leave()
        first.wait_for_no_participant("second")
        self.grow(process, path, 150_000)
        code, took = process.interrupt(10)
        self.assertEqual(code, 0, process.output)
        self.assertLess(took, 1.5)
        film = Recording(path)
        video = film.stream("video")
        self.assertEqual((video["width"], video["height"], video["r_frame_rate"]), (1280, 720, "30/1"))
        times = film.picture_times()
        steps = np.diff(times)
        self.assertLess(float(steps.max()), 0.05, "a hole in the picture")
        halves = [self.brightness(path, at) for at in np.arange(0.1, times[-1] - 0.1, 0.25)]
        self.assertTrue(any(min(both) > 20 for both in halves), halves)
        sound = film.sound()[:, 0]
        self.assertGreater(max(min(tone.share(part, 440), tone.share(part, 1000))
                               for part in np.array_split(sound, max(1, len(sound) // RATE))), 0.3)
        heard = film.sound_times()
        self.assert_near(heard[0], times[0], 0.2, "sound and picture begin together")
        self.assert_near(heard[-1], times[-1], 0.2, "and end together")

    def grow(self, process, path, size):
        until = (os.path.getsize(path) if os.path.exists(path) else 0) + size

        def grown():
            self.assertTrue(process.running, process.output)
            return os.path.exists(path) and os.path.getsize(path) >= until
        wait_until(grown, 30, lambda: f"{size} more bytes\n{process.output[-2000:]}")


if __name__ == "__main__":
    unittest.main()
