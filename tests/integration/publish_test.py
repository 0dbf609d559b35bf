"""livekitsink as the official SDK hears and sees it."""
import time
import unittest

from livekit import rtc

from lk import counter, launch, media
from lk.case import LiveKitTest
from lk.peer import source_name
from lk.wait import wait_until

TONE = "audiotestsrc is-live=true freq={} volume=0.4"
PLAY_Y4M = "filesrc location={} ! y4mdec ! videoconvert"


class Publish(LiveKitTest):
    def sink(self, more=""):
        return f"livekitsink name=s room={self.room} identity=us {more}"


class Audio(Publish):
    def test_raw_audio_is_heard_at_its_frequency(self):
        peer = self.peer("listener")
        process = self.launch(f"{TONE.format(523)} ! {self.sink()}")
        heard = peer.hear("us").wait_for_tone(523)
        self.assertGreater(heard.rms, 0.1)
        publication = peer.publications("us")[0]
        self.assertEqual(source_name(publication), "microphone")
        self.assertEqual(publication.mime_type.lower(), "audio/opus")
        self.assertTrue(process.running)

    def test_encoded_opus_passes_unchanged(self):
        peer = self.peer("listener")
        self.launch(f"{TONE.format(700)} ! audioconvert ! opusenc ! {self.sink()}")
        peer.hear("us").wait_for_tone(700)

    def test_stereo_reaches_the_listener(self):
        peer = self.peer("listener")
        self.launch(f"{TONE.format(400)} ! audiopanorama panorama=-1 ! m. {TONE.format(900)} ! audiopanorama panorama=1 ! m. "
                    f"audiomixer name=m ! audio/x-raw,channels=2 ! s.audio_0 {self.sink('audio_0::stereo=true')}")
        peer.hear("us").wait_for_tones((400, 900))
        features = peer.publications("us")[0].audio_features
        self.assertIn(0, features, "TF_STEREO is not among the track's features")

    def test_name_and_source_are_what_the_pad_says(self):
        peer = self.peer("listener")
        self.launch(f"{TONE.format(600)} ! s.audio_0 "
                    f"{self.sink('audio_0::track-name=organ audio_0::source=screen-share-audio')}")
        publication = peer.wait_for_track("us", "audio")
        self.assertEqual(publication.name, "organ")
        self.assertEqual(source_name(publication), "screen-share-audio")

    def test_the_default_name_is_the_pads(self):
        peer = self.peer("listener")
        self.launch(f"{TONE.format(600)} ! s.audio_7 {self.sink()}")
        self.assertEqual(peer.wait_for_track("us", "audio").name, "audio_7")

    def test_a_track_that_starts_muted_is_shown_muted_and_silent(self):
        peer = self.peer("listener")
        self.launch(f"{TONE.format(600)} ! s.audio_0 {self.sink('audio_0::muted=true')}")
        wait_until(lambda: peer.publications("us"), 15, "publication")
        wait_until(lambda: peer.publications("us")[0].muted, 5, "muted publication")

    def test_the_speaker_is_told(self):
        peer = self.peer("listener")
        self.launch(f"{TONE.format(440)} ! level audio-level-meta=true ! {self.sink()}")
        peer.wait_for_speaker("us")


class Video(Publish):
    def check(self, pipeline, mime, size=(640, 360), fps=15, seconds=3):
        peer = self.peer("viewer")
        process = self.launch(pipeline)
        eye = peer.see("us")
        pictures = eye.wait_for_pictures(int(seconds * fps), size=size)
        share, ordered = counter.check_sequence([p[1] for p in pictures])
        self.assertGreater(share, 0.9, eye.summary())
        self.assertTrue(ordered, [p[1] for p in pictures])
        span = pictures[-1][0] - pictures[0][0]
        self.assert_near((len(pictures) - 1) / span, fps, fps * 0.2, "pictures per second")
        numbers = [p[1] for p in pictures if p[1] is not None]
        self.assert_near((numbers[-1] - numbers[0]) / span, fps, fps * 0.2, "numbers per second: not paced by the clock")
        publication = peer.publications("us", "video")[0]
        self.assertEqual(publication.mime_type.lower(), mime)
        self.assertEqual(source_name(publication), "camera")
        self.assertEqual((publication.width, publication.height), size)
        self.assertTrue(process.running, process.output)
        return peer, process, eye

    def raw(self, codec):
        self.check(f"{PLAY_Y4M.format(media.counting_y4m())} ! s.video_0 {self.sink(f'video_0::codec={codec}')}",
                   f"video/{codec}")

    def test_raw_video_defaults_to_vp8(self):
        self.check(f"{PLAY_Y4M.format(media.counting_y4m())} ! {self.sink()}", "video/vp8")

    def test_raw_video_as_h264(self):
        self.raw("h264")

    def test_raw_video_as_vp9(self):
        self.raw("vp9")

    @unittest.skipUnless(launch.has_element("rtpav1pay") and launch.has_element("av1enc"), "no AV1 payloader here")
    def test_raw_video_as_av1(self):
        self.raw("av1")

    def test_live_raw_video(self):
        self.check(f"{PLAY_Y4M.format(media.counting_y4m())} ! clocksync ! {self.sink()}", "video/vp8")

    def test_encoded_vp8_from_a_file(self):
        self.check(f"filesrc location={media.encoded('vp8')} ! matroskademux ! {self.sink()}", "video/vp8")

    def test_encoded_vp9_from_a_file(self):
        self.check(f"filesrc location={media.encoded('vp9')} ! matroskademux ! {self.sink()}", "video/vp9")

    def test_encoded_h264_from_a_file(self):
        self.check(f"filesrc location={media.encoded('h264')} ! qtdemux ! {self.sink()}", "video/h264")

    def test_b_frames_are_warned_about_once(self):
        process = self.launch(f"filesrc location={media.encoded('h264-b')} ! qtdemux ! {self.sink()}")
        process.wait_for_output("WARNING")
        self.peer("viewer").wait_for_track("us", "video")
        self.assertEqual(process.output.count("B-frame"), 1, process.output)

    def test_a_late_viewer_gets_a_picture_at_once(self):
        _, _, _ = self.check(f"{PLAY_Y4M.format(media.counting_y4m())} ! {self.sink()}", "video/vp8")
        late = self.peer("late")
        start = time.monotonic()
        late.see("us").wait_for_pictures(5, timeout=4)
        self.assertLess(time.monotonic() - start, 4)

    def test_a_new_size_needs_no_new_track(self):
        peer = self.peer("viewer")
        small, large = media.counting_y4m(320, 180, 15, 4), media.counting_y4m(640, 360, 15, 8, first=60)
        self.launch(f"concat name=c ! {self.sink()} {PLAY_Y4M.format(small)} ! c. {PLAY_Y4M.format(large)} ! c.")
        eye = peer.see("us")
        sid = peer.publications("us")[0].sid
        eye.wait_for_pictures(10, size=(320, 180))
        pictures = eye.wait_for_pictures(30, size=(640, 360))
        self.assertGreater(counter.check_sequence([p[1] for p in pictures])[0], 0.9)
        self.assertEqual([p.sid for p in peer.publications("us")], [sid])
        self.assertNotIn("track_unpublished", peer.event_names())


class Several(Publish):
    def test_two_sounds_and_a_picture_are_one_participant(self):
        peer = self.peer("guest")
        self.launch(f"{self.sink('audio_0::track-name=low audio_1::track-name=high')} "
                    f"{TONE.format(330)} ! s.audio_0 {TONE.format(1200)} ! s.audio_1 "
                    "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=15/1 ! s.video_0")
        low, high = peer.hear("us", "low"), peer.hear("us", "high")
        low.wait_for_tone(330)
        high.wait_for_tone(1200)
        peer.see("us").wait_for_pictures(10, size=(320, 240))
        self.assertEqual(len(peer.publications("us")), 3)
        self.assertEqual(list(peer.room.remote_participants), ["us"])

    def test_decodebin_links_by_itself(self):
        peer = self.peer("guest")
        path = media.encoded("vp8", frequency=800)
        self.launch(f"filesrc location={path} ! decodebin name=d d. ! {self.sink()} d. ! s.")
        peer.hear("us").wait_for_tone(800)
        peer.see("us").wait_for_pictures(20, size=(640, 360))


class Ends(Publish):
    def test_eos_drains_unpublishes_and_ends_the_program(self):
        peer = self.peer("listener")
        path = media.encoded("vp8", seconds=5)
        process = self.launch(f"filesrc location={path} ! matroskademux ! {self.sink()}")
        eye = peer.see("us")
        self.assertEqual(process.wait(20), 0, process.output)
        peer.wait_for_no_participant("us", 5)
        last = [p[1] for p in eye.pictures if p[1] is not None][-1]
        self.assertGreaterEqual(last, 5 * 15 - 5, "the end of the file was not sent")

    def test_eos_of_one_track_leaves_the_other(self):
        peer = self.peer("listener")
        self.launch(f"{self.sink()} {TONE.format(330)} ! s.audio_0 "
                    "audiotestsrc is-live=true num-buffers=200 ! s.audio_1")
        ear = peer.hear("us", "audio_0")
        peer.wait_for_track("us", "audio", "audio_1")
        peer.wait_for_no_track("us", "audio_1", 15)
        ear.wait_for_tone(330)

    def test_ctrl_c_leaves_the_room_at_once(self):
        peer = self.peer("listener")
        process = self.launch(f"{TONE.format(330)} ! {self.sink()}")
        peer.hear("us").wait_for_tone(330)
        _, took = process.interrupt()
        self.assertLess(took, 2)
        peer.wait_for_no_participant("us", 3)
        self.assertNotIn("ERROR", process.output)

    def test_ctrl_c_with_e_sends_eos_and_ends_well(self):
        peer = self.peer("listener")
        process = self.launch(f"{TONE.format(330)} ! {self.sink()}", eos_on_shutdown=True)
        peer.hear("us").wait_for_tone(330)
        code, took = process.interrupt()
        self.assertEqual(code, 0, process.output)
        self.assertLess(took, 2)
        peer.wait_for_no_participant("us", 3)

    def test_a_publisher_alone_stays_longer_than_the_servers_patience(self):
        # The server drops after 60 s whoever has not answered its subscriber offer.
        process = self.launch(f"{TONE.format(330)} ! {self.sink()}")
        peer = self.peer("listener")
        ear = peer.hear("us")
        ear.wait_for_tone(330)
        end = time.monotonic() + 66
        wait_until(lambda: time.monotonic() > end or not process.running or
                   "participant_disconnected" in peer.event_names(), 70, "a minute")
        self.assertTrue(process.running, process.output)
        ear.wait_for_tone(330)
        self.assertNotIn("participant_disconnected", peer.event_names())


class Joining(Publish):
    def test_a_token_is_enough(self):
        from lk.server import token
        peer = self.peer("listener")
        jwt = token(self.server, self.room, "by-token", name="Tokena")
        self.launch(f"{TONE.format(350)} ! livekitsink url={self.server.url} token={jwt}", use_server=False)
        peer.hear("by-token").wait_for_tone(350)
        self.assertEqual(peer.participant("by-token").name, "Tokena")

    def test_a_token_from_the_environment(self):
        from lk.server import token
        peer = self.peer("listener")
        env = {"LIVEKIT_URL": self.server.url, "LIVEKIT_TOKEN": token(self.server, self.room, "env")}
        self.launch(f"{TONE.format(350)} ! livekitsink", env=env, use_server=False)
        peer.hear("env").wait_for_tone(350)

    def test_key_and_secret_as_properties_with_name_and_metadata(self):
        peer = self.peer("listener")
        url = self.server.url.replace("ws://", "http://")
        self.launch(f"{TONE.format(350)} ! livekitsink url={url} api-key={self.server.key} api-secret={self.server.secret} "
                    f"room={self.room} identity=us participant-name=Ursula metadata=some-text", use_server=False)
        peer.hear("us").wait_for_tone(350)
        who = peer.participant("us")
        self.assertEqual((who.name, who.metadata), ("Ursula", "some-text"))

    def test_two_elements_without_identity_do_not_collide(self):
        peer = self.peer("listener")
        for frequency in (350, 450):
            self.launch(f"{TONE.format(frequency)} ! livekitsink room={self.room}")
        wait_until(lambda: len(peer.room.remote_participants) == 2, 15, "two participants")
        self.assertNotIn(rtc.DisconnectReason.DUPLICATE_IDENTITY, peer.event_names())

    def test_the_secret_is_in_no_log(self):
        peer = self.peer("listener")
        process = self.launch(f"{TONE.format(350)} ! {self.sink()}",
                              env={"GST_DEBUG": "2,livekit*:6,lk*:6"}, eos_on_shutdown=True)
        peer.hear("us").wait_for_tone(350)
        process.interrupt()
        self.assertIn("lksignal", process.output)
        self.assertNotIn(self.server.secret, process.output)
        self.assertNotIn("eyJ", process.output, "the beginning of a token")
        self.assertNotIn("access_token=", process.output)


if __name__ == "__main__":
    unittest.main(verbosity=2)
