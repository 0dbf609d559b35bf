"""The C API against the real server, with the official SDK as the other end."""
import unittest

from livekit import rtc

from lk import ffi
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
        errors = [us.pump_tone(440, rate=16000, chunk=160), us.pump_tone(660, track=early, rate=44100, channels=2, chunk=882),
                  us.pump_tone(880, track=late, chunk=333)]
        for name, frequency in (("ue-audio", 440), ("early", 660), ("ue-audio-track", 880)):
            them.hear("us", name).wait_for_tone(frequency)
        self.assertEqual(errors, [[], [], []])
        stats = us.audio_stats()
        self.assertEqual((stats.sample_rate, stats.channels, stats.capacity), (16000, 1, 16000))
        self.assertLess(stats.queued, 16000 // 5)
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
