"""The C API against the real server, with the official SDK as the other end."""
import os
import unittest

import numpy as np
from livekit import rtc

from lk import ffi, launch, tone
from lk.case import LiveKitTest
from lk.data_peer import DataPeer
from lk.server import remove_participant, token
from lk.wait import wait_until

KIND_RELIABLE, KIND_LOSSY = rtc.DataPacketKind.KIND_RELIABLE, rtc.DataPacketKind.KIND_LOSSY


class CapiTest(LiveKitTest):
    def client(self):
        one = ffi.Client()
        self.addCleanup(one.destroy)
        return one

    def token(self, identity="us", **options):
        return token(self.server, self.room, identity, **options).encode()

    @property
    def url(self):
        return self.server.url.encode()

    def connected(self, **options):
        one = self.client()
        one.call("connect", self.url, self.token(**options))
        return one

    def them(self, identity="them", **options):
        one = DataPeer(self.server, self.room, identity, **options)
        self.addCleanup(one.leave)
        return one

    def assert_code(self, code, call, *arguments, **options):
        with self.assertRaises(ffi.FfiError) as caught:
            call(*arguments, **options)
        self.assertEqual(caught.exception.code, code, caught.exception)
        self.assertTrue(caught.exception.message)


class Connecting(CapiTest):
    def test_both_ways_to_connect_tell_all_states(self):
        us = self.client()
        us.call("connect", self.url, self.token())
        self.assertTrue(us.ready)
        self.assert_code(104, us.call, "connect_async", self.url, self.token())
        us.call("disconnect")
        self.assertEqual(us.names(), ["connecting", "connected", "disconnected"])
        self.assertFalse(us.ready)
        us.call("connect_async", self.url, self.token())
        us.wait_for_state("connected", 2)
        us.call("disconnect")
        self.assertEqual(us.names()[3:], ["connecting", "connected", "disconnected"])

    def test_a_refused_token_fails_both_ways(self):
        us = self.client()
        wrong = token(self.server, self.room, "us", secret="s" * 40).encode()
        self.assert_code(105, us.call, "connect", self.url, wrong)
        us.call("connect_async", self.url, wrong)
        us.wait_for_state("failed", 2)
        self.assertEqual(us.names(), ["connecting", "failed"] * 2)
        self.assertNotEqual(us.states[-1][1], 0)
        self.assertTrue(us.states[-1][2])
        self.assert_code(101, us.call, "connect", b"ws://127.0.0.1:9", self.token())
        self.assert_code(102, us.call, "connect", b"gopher://x", self.token())
        self.assert_code(102, us.call, "connect", self.url, b"no token")

    def test_being_removed_is_told_with_its_reason(self):
        us = self.connected()
        remove_participant(self.server, self.room, "us")
        us.wait_for_state("disconnected")
        self.assertEqual(us.states[-1][1], 4)


class Sound(CapiTest):
    def test_tones_of_the_default_and_of_named_tracks_are_heard(self):
        us, them = self.client(), self.them()
        early = us.create_track("early", rate=44100, channels=2)
        us.call("connect", self.url, self.token())
        late = us.create_track(None)
        errors = [us.pump_tone(440, rate=16000, chunk=160),
                  us.pump_tone(660, track=early, rate=44100, channels=2, chunk=882, right=990),
                  us.pump_tone(880, track=late, chunk=333)]
        for name, frequency in (("ue-audio", 440), ("ue-audio-track", 880)):
            them.hear("us", name).wait_for_tone(frequency)
        both = them.hear("us", "early", channels=2)
        both.wait_for_tone(660, channel=0)
        both.wait_for_tone(990, channel=1)
        self.assertEqual(errors, [[], [], []])
        stats = us.audio_stats()
        self.assertEqual((stats.sample_rate, stats.channels, stats.capacity), (16000, 1, 16000))
        # What had to wait while the encoder was made, or the pushing thread for its turn, is not kept as delay.
        wait_until(lambda: us.audio_stats().queued < 16000 // 5, 30, lambda: f"a short queue; {us.audio_stats().queued}")
        us.call("audio_track_destroy", handle=late)
        them.wait_for_no_track("us", "ue-audio-track")

    def test_their_tones_are_heard_under_their_names_and_mixed(self):
        us, them = self.client(), self.them()
        them.publish_tone(523, "high")
        them.publish_tone(330, "low", source="unknown")
        us.call("connect", self.url, self.token())
        us.wait_for_tone(("them", "high"), 523)
        us.wait_for_tone(("them", "low"), 330)
        self.assertIn((48000, 1), us.formats)
        us.call("set_audio_output_format", 16000, 2)
        us.wait_for_tone(("them", "high"), 523, 16000, 2)
        us.call("set_audio_output_format", 48000, 1 | ffi.MIXED)
        us.wait_for_tones(("", "mix"), (523, 330))

    def test_roles_change_without_leaving(self):
        us, them = self.client(), self.them()
        them.publish_tone(523, "theirs")
        us.call("connect_with_role", self.url, self.token(), ffi.SUBSCRIBER)
        track = us.create_track("ours")
        self.assert_code(302, us.call, "audio_track_publish_pcm_i16", None, 0, handle=track)
        us.wait_for_tone(("them", "theirs"), 523)
        us.pump_tone(700, track=track)
        us.call("set_role", ffi.PUBLISHER, 1)
        them.hear("us", "ours").wait_for_tone(700)
        wait_until(lambda: not us.last(("them", "theirs")) or us.sound.clear() or not us.last(("them", "theirs"), 0.01), 20,
                   "no more sound")
        us.call("set_role", ffi.SUBSCRIBER, 1)
        them.wait_for_no_track("us", "ours")
        us.wait_for_tone(("them", "theirs"), 523)
        self.assertEqual(us.names(), ["connecting", "connected"])


class Data(CapiTest):
    def test_data_goes_both_ways_with_label_and_reliability(self):
        us, them = self.connected(), self.them()
        wait_until(lambda: them.participant("us"), 20, "us in the room")
        us.send(b"a")
        us.send(b"b", ffi.RELIABLE, b"pose")
        self.assertEqual([(p.data, p.topic, p.kind) for p in them.wait_for_packets(2)],
                         [(b"a", "mocap-bin-reliable", KIND_RELIABLE), (b"b", "pose", KIND_RELIABLE)])

        def lossy_arrives():
            us.send(b"c" * 1300, ffi.LOSSY)
            return any(p.kind == KIND_LOSSY and p.topic == "mocap-bin-lossy" and p.data == b"c" * 1300 for p in list(them.packets))
        wait_until(lossy_arrives, 20, "a lossy packet")
        them.send(b"d", topic="x", reliable=True)
        self.assertEqual(us.wait_for_data(1)[0], ("x", ffi.RELIABLE, b"d"))

        def lossy_is_heard():
            them.send(b"e", topic="y", reliable=False)
            return ("y", ffi.LOSSY, b"e") in list(us.data)
        wait_until(lossy_is_heard, 20, "a lossy packet")
        self.assert_code(201, us.send, b"x" * 1301, ffi.LOSSY)
        self.assert_code(202, us.send, b"x" * 15361)
        self.assertEqual(us.data_stats().reliable_sent, 2)
        self.assertGreaterEqual(us.data_stats().lossy_sent, 1300)

    def test_byte_streams_of_the_existing_implementation_are_data(self):
        us, them = self.connected(), self.them()
        wait_until(lambda: them.participant("us"), 20, "us in the room")
        them.send_bytes(bytes(range(256)) * 50, "mocap-bin-reliable")
        self.assertEqual(us.wait_for_data(1)[0], ("mocap-bin-reliable", ffi.RELIABLE, bytes(range(256)) * 50))


class Outages(CapiTest):
    server_options = {}

    def test_a_server_that_dies_is_found_again_and_tracks_come_back(self):
        us = self.client()
        us.call("set_reconnect_backoff", 100, 1000, 1.5)
        us.call("connect", self.url, self.token())
        us.pump_tone(440)
        self.them("early").hear("us", "ue-audio").wait_for_tone(440)
        self.server.kill()
        us.wait_for_state("reconnecting", timeout=30)
        self.assertFalse(us.ready)
        us.call("refresh_token", self.token(name="refreshed"))
        self.server.start_again()
        us.wait_for_state("connected", 2, timeout=60)
        them = self.them("late")
        them.hear("us", "ue-audio").wait_for_tone(440)
        # The token that was handed in during the outage is the one that joined.
        self.assertEqual(them.participant("us").name, "refreshed")
        them.publish_tone(523, "theirs")
        us.wait_for_tone(("late", "theirs"), 523)


class Examples(CapiTest):
    server_options = {}

    def run_game(self, *options, env=None):
        game = os.path.join(launch.BUILD, "examples", "game-audio", "game-audio")
        return self.run_program([game, "--url", self.server.url, "--token", self.token().decode(), *options], env)

    def test_a_game_is_heard_hears_sends_poses_and_comes_back(self):
        them = self.them()
        them.publish_tone(523, "theirs")
        record = self.path("heard.raw")
        game = self.run_game("--tone", "440", "--track", "music=660", "--mocap", "60", "--label", "pose", "--record", record)
        them.hear("us", "ue-audio").wait_for_tone(440)
        them.hear("us", "music").wait_for_tone(660)
        poses = them.wait_for_packets(60, topic="pose")
        self.assertEqual({(len(p.data), p.data[4], p.data[5], p.kind) for p in poses}, {(902, 1, 32, KIND_LOSSY)})
        game.wait_for_output("first-sound them theirs 48000 1")
        game.wait_for_output("format 48000 1")
        them.send(b"hello", topic="chat")
        game.wait_for_output("data chat reliable 5")
        wait_until(lambda: abs(self.recorded(record).frequency - 523) < 3, 20, lambda: f"523 Hz: {self.recorded(record)}")
        them.leave()
        self.server.kill()
        game.wait_for_output("state reconnecting", 30)
        self.server.start_again()
        wait_until(lambda: game.output.count("state connected") == 2, 60, lambda: game.output[-1000:])
        self.them("witness").hear("us", "music").wait_for_tone(660)
        code, _ = game.interrupt(10)
        self.assertEqual(code, 0)
        self.assertIn("state disconnected 0", game.output)
        self.assertNotIn("error", game.output)

    def test_peers_of_the_existing_implementation_are_sent_byte_streams_where_that_is_asked_for(self):
        them = self.them(byte_topics=["pose"])
        self.run_game("--mocap", "30", "--bones", "2", "--label", "pose", env={"LK_COMPAT_DATA": "stream"})
        sender, info, content = them.wait_for_stream()
        self.assertEqual((sender, info.topic, len(content)), ("us", "pose", 62))
        self.assertEqual(them.packets, [])

    def recorded(self, path):
        with open(path, "rb") as file:
            content = file.read()
        samples = np.frombuffer(content[:len(content) // 2 * 2], dtype=np.int16)
        return tone.measure(samples[-24000:].astype(np.float32) / 32768)

    def test_an_application_with_its_own_loop_talks(self):
        them = self.them()
        them.publish_tone(523)
        program = os.path.join(launch.BUILD, "examples", "embed", "embed")
        ours = self.run_program([program, self.room, "us"])
        them.hear("us").wait_for_tone(440)
        ours.wait_for_output("connected | them |####")
        them.leave()
        ours.wait_for_output("connected | |", 30)
        code, _ = ours.interrupt(10)
        self.assertEqual(code, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
