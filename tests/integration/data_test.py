#!/usr/bin/env python3
"""Data between our session and the official SDK, both ways: content byte for byte, order, exactly once."""
import unittest

from livekit import rtc

from lk.case import LiveKitTest
from lk.data_peer import DataPeer
from lk.data_tool import DataTool, content, data_of
from lk.launch import environment
from lk.server import token
from lk.wait import wait_until

LISTEN = {"do": "listen", "kinds": ["packets", "text", "bytes", "chat", "transcription", "tracks"]}


class DataTest(LiveKitTest):
    """The SDK's participant is "them", ours is "us"."""

    def them(self, identity="them", **options):
        peer = DataPeer(self.server, self.room, identity, **options)
        self.addCleanup(peer.leave)
        return peer

    def us(self, *commands, identity="us", receive_only=False, env=None):
        full = environment(self.server)
        full.update(LK_ROOM=self.room, LK_IDENTITY=identity, **(env or {}))
        if receive_only:
            full["LK_RECEIVE_ONLY"] = "1"
        tool = DataTool(commands, full)
        self.addCleanup(self._end, tool)
        return tool.connected()

    def wait_for_us(self, them):
        """Until they know us: the server tells of a participant that publishes nothing up to three seconds late."""
        them.wait_for_participant("us")

    def let_go(self, them):
        """Ends "wait-go": now they know us, and what we send has a sender."""
        self.wait_for_us(them)
        them.send(b"", topic="go")


class Packets(DataTest):
    def test_reliable_packets_reach_the_sdk_exactly_once_in_order(self):
        them = self.them()
        self.us(LISTEN, {"do": "wait-go"}, {"do": "send", "topic": "count", "count": 2000, "size": 1000})
        self.let_go(them)
        packets = them.wait_for_packets(2000, 60)
        self.assertEqual([p.data for p in packets], [content(i, 1000) for i in range(2000)])
        self.assertTrue(all(p.topic == "count" for p in packets))
        self.assertTrue(all(p.participant.identity == "us" for p in packets))
        self.assertTrue(all(p.kind == rtc.DataPacketKind.KIND_RELIABLE for p in packets))

    def test_reliable_packets_of_the_sdk_arrive_exactly_once_in_order(self):
        them, us = self.them(), self.us(LISTEN)
        self.wait_for_us(them)
        them.send_many([content(i, 1000) for i in range(1000)], topic="count")
        us.wait_for("packet", 1000, 60)
        lines = us.lines("packet")
        self.assertEqual([data_of(line) for line in lines], [content(i, 1000) for i in range(1000)])
        self.assertEqual({(line["from"], line["topic"], line["reliable"]) for line in lines}, {("them", "count", True)})

    def test_lossy_packets_go_both_ways(self):
        them = self.them()
        us = self.us(LISTEN, {"do": "wait-go"},
                     {"do": "send", "reliable": False, "count": 200, "size": 100, "pause_us": 5000})
        self.let_go(them)
        packets = them.wait_for_packets(190)
        self.assertEqual({p.kind for p in packets}, {rtc.DataPacketKind.KIND_LOSSY})
        wanted = [content(i, 100) for i in range(200)]
        self.assertTrue(all(p.data in wanted for p in packets))
        them.send_many([content(i, 100) for i in range(50)], topic="lossy", reliable=False)
        lines = us.wait_for("packet", 45, topic="lossy")
        self.assertFalse(any(line["reliable"] for line in lines))
        self.assertTrue(all(data_of(line) in wanted for line in lines))

    def test_a_topic_and_no_topic_survive(self):
        them = self.them()
        us = self.us(LISTEN, {"do": "wait", "identity": "them"}, {"do": "send", "text": "a"},
                     {"do": "send", "text": "b", "topic": "größe/✓"})
        packets = them.wait_for_packets(2)
        self.assertEqual([(p.data, p.topic or "") for p in packets], [(b"a", ""), (b"b", "größe/✓")])
        them.send(b"c", topic="größe/✓")
        self.assertEqual(us.wait_for("packet")["topic"], "größe/✓")

    def test_only_the_destinations_hear(self):
        them, other = self.them(), self.them("other")
        self.us({"do": "wait", "identity": "them"}, {"do": "wait", "identity": "other"},
                {"do": "send", "text": "to them", "to": ["them"]}, {"do": "send", "text": "to all"})
        self.assertEqual([p.data for p in them.wait_for_packets(2)], [b"to them", b"to all"])
        self.assertEqual([p.data for p in other.wait_for_packets(1)], [b"to all"])

    def test_the_largest_packets_arrive(self):
        them, us = self.them(), self.us(LISTEN)
        self.wait_for_us(them)
        data = content(1, 63000)  # with its header close to what the SDK lets through
        them.send(data)
        self.assertEqual(data_of(us.wait_for("packet")), data)
        ours = self.us({"do": "wait", "identity": "them"}, {"do": "send", "size": 15360},
                       {"do": "send", "size": 15361}, {"do": "send", "size": 1301, "reliable": False},
                       identity="large")
        self.assertEqual(them.wait_for_packets(1)[0].data, content(0, 15360))
        sent = ours.wait_for("sent", 3)
        self.assertEqual([line.get("error") for line in sent], [None, "limit-exceeded", "limit-exceeded"])

    def test_data_before_anybody_is_connected_waits_and_goes_out(self):
        them = self.them()
        self.us({"do": "send", "text": "early"}, {"do": "wait", "identity": "them"}, {"do": "send", "text": "late"})
        self.assertEqual(them.wait_for_packets(1)[-1].data[-4:], them.packets[-1].data[-4:])
        wait_until(lambda: b"late" in [p.data for p in them.packets], 20, "the later packet")

    def test_the_last_packet_before_leaving_arrives(self):
        them = self.them()
        us = self.us({"do": "wait", "identity": "them"}, {"do": "send", "count": 20, "size": 1000}, {"do": "quit"})
        us.wait(20)
        self.assertEqual([p.data for p in them.wait_for_packets(20)], [content(i, 1000) for i in range(20)])

    def test_who_may_not_publish_data_is_told_so(self):
        jwt = token(self.server, self.room, "us", can_publish_data=False)
        us = self.us({"do": "send", "text": "x"}, {"do": "send", "text": "x", "reliable": False},
                     env={"LIVEKIT_TOKEN": jwt})
        self.assertEqual([line["error"] for line in us.wait_for("sent", 2)], ["not-allowed"] * 2)

    def test_who_may_not_subscribe_hears_data_on_the_publishers_channels(self):
        jwt = token(self.server, self.room, "us", can_subscribe=False)
        us = self.us(LISTEN, {"do": "send", "text": "hello"}, env={"LIVEKIT_TOKEN": jwt})
        us.wait_for("sent")
        them = self.them()
        self.wait_for_us(them)
        them.send(b"down")
        self.assertEqual(data_of(us.wait_for("packet")), b"down")

    def test_two_of_ours_understand_each_other(self):
        receiver = self.us(LISTEN, identity="receiver", receive_only=True)
        self.us({"do": "wait", "identity": "receiver"}, {"do": "send", "topic": "t", "count": 3000, "size": 1000})
        receiver.wait_for("packet", 3000, 60)
        self.assertEqual([data_of(line) for line in receiver.lines("packet")], [content(i, 1000) for i in range(3000)])


class Reconnects(DataTest):
    """The server forgets us in the middle ("node failure"), so that we join anew as another participant of the same name."""

    def send_through(self, *before):
        return self.us({"do": "wait", "identity": "receiver"}, *before,
                       {"do": "send", "topic": "t", "count": 3000, "size": 1000},
                       {"do": "lose"}, {"do": "send", "topic": "t", "count": 3000, "size": 1000, "pause_us": 500},
                       {"do": "flush"}, {"do": "stats"})

    def test_between_our_own_nothing_is_lost_and_nothing_doubled(self):
        receiver = self.us(LISTEN, identity="receiver", receive_only=True)
        us = self.send_through({"do": "repeat-window", "ms": 5000})
        stats = us.wait_for("stats", timeout=60)
        us.wait_for("state", state="reconnecting")
        self.assertGreater(stats["repeated"], 0)
        receiver.wait_for("packet", 6000, 60)
        wanted = [content(i, 1000) for i in range(3000)]
        self.assertEqual([data_of(line) for line in receiver.lines("packet")], wanted + wanted)

    def test_what_may_have_been_lost_is_counted(self):
        self.us(LISTEN, identity="receiver", receive_only=True)
        stats = self.send_through().wait_for("stats", timeout=60)
        self.assertGreater(stats["unconfirmed"], 0)


class Streams(DataTest):
    def test_text_and_byte_streams_reach_the_sdk(self):
        them = self.them(text_topics=["notes"], byte_topics=["files"])
        data = content(7, 1_000_000)
        self.us({"do": "wait", "identity": "them"},
                {"do": "stream", "is_text": True, "topic": "notes", "text": "größer ✓ " * 5000, "attribute": "v"},
                {"do": "stream", "topic": "files", "name": "a.bin", "size": 1_000_000, "number": 7})
        them.wait_for_stream(2, 60)
        notes = next(s for s in them.streams if s[1].topic == "notes")
        files = next(s for s in them.streams if s[1].topic == "files")
        self.assertEqual(notes[2], "größer ✓ " * 5000)
        self.assertEqual(notes[1].attributes["attribute"], "v")
        self.assertEqual(notes[0], "us")
        self.assertEqual(files[2], data)
        self.assertEqual(files[1].name, "a.bin")
        self.assertEqual(files[1].size, len(data))

    def test_a_stream_written_in_pieces_reaches_the_sdk(self):
        them = self.them(byte_topics=["files"])
        self.us({"do": "wait", "identity": "them"},
                {"do": "stream", "topic": "files", "size": 100_000, "piece": 777})
        self.assertEqual(them.wait_for_stream()[2], content(0, 100_000))

    def test_streams_of_the_sdk_arrive(self):
        them, us = self.them(), self.us(LISTEN)
        self.wait_for_us(them)
        text, data = "größer ✓ " * 5000, content(3, 1_000_000)
        them.send_text(text, "notes", attributes={"k": "v"})
        them.send_bytes(data, "files")
        notes = us.wait_for("stream-ended", topic="notes")
        self.assertEqual(data_of(notes).decode(), text)
        self.assertEqual(notes["attribute:k"], "v")
        self.assertNotIn("error", notes)
        files = us.wait_for("stream-ended", topic="files", timeout=60)
        self.assertEqual(data_of(files), data)

    def test_short_streams_of_the_sdk_arrive(self):
        them, us = self.them(), self.us(LISTEN)
        self.wait_for_us(them)
        for text in ("", "x", "a" * 2000):
            them.send_text(text, "notes")
        ended = us.wait_for("stream-ended", 3)
        self.assertEqual([data_of(line).decode() for line in ended], ["", "x", "a" * 2000])

    def test_pieces_come_in_order_without_gaps(self):
        them, us = self.them(), self.us({**LISTEN, "pieces": True})
        self.wait_for_us(them)
        data = content(3, 200_000)
        them.send_bytes(data, "files")
        us.wait_for("stream-ended")
        pieces = us.lines("stream-data")
        self.assertGreater(len(pieces), 5)
        at = 0
        for piece in pieces:
            self.assertEqual(piece["offset"], at)
            at += len(data_of(piece))
        self.assertEqual(b"".join(data_of(piece) for piece in pieces), data)

    def test_a_sender_that_leaves_ends_its_stream(self):
        sender = self.us({"do": "wait", "identity": "listener"},
                         {"do": "stream", "topic": "files", "size": 30_000, "piece": 15_000, "abort": True},
                         identity="sender")
        del sender
        listener = self.us(LISTEN, identity="listener", receive_only=True)
        self.assertEqual(listener.wait_for("stream-ended")["error"], "closed")


class Rpc(DataTest):
    def test_the_sdk_answers_our_call(self):
        them = self.them()
        them.serve("greet", lambda payload: f"hello {payload}")
        us = self.us({"do": "wait", "identity": "them"},
                     {"do": "call", "to": "them", "method": "greet", "text": "us"})
        self.assertEqual(us.wait_for("rpc")["payload"], "hello us")
        self.assertEqual(them.calls[0].caller_identity, "us")

    def test_we_answer_the_sdks_call(self):
        them, us = self.them(), self.us({"do": "serve", "method": "greet"})
        self.wait_for_us(them)
        self.assertEqual(them.call("us", "greet", "them"), "you said: them")
        self.assertEqual(us.wait_for("called")["caller"], "them")

    def test_errors_go_both_ways(self):
        def refuse(_):
            raise rtc.RpcError(4711, "no", "because")
        them = self.them()
        them.serve("greet", refuse)
        us = self.us({"do": "serve", "method": "refuse", "code": 99}, {"do": "wait", "identity": "them"},
                     {"do": "call", "to": "them", "method": "greet"},
                     {"do": "call", "to": "them", "method": "unknown"},
                     {"do": "call", "to": "nobody", "method": "greet"})
        codes = {line["code"] for line in us.wait_for("rpc", 3)}
        self.assertEqual(codes, {4711, 1400, 1401})
        refused = next(line for line in us.lines("rpc") if line["code"] == 4711)
        self.assertEqual((refused["message"], refused["data"]), ("no", "because"))
        self.wait_for_us(them)
        error = them.call("us", "refuse", "")
        self.assertEqual((error.code, error.message, error.data), (99, "refused", "because"))
        self.assertEqual(them.call("us", "unknown", "").code, 1400)

    def test_a_large_payload_goes_both_ways(self):
        them = self.them()
        them.serve("echo", lambda payload: payload)
        text = "größer ✓ " * 1000
        us = self.us({"do": "serve", "method": "say"}, {"do": "wait", "identity": "them"},
                     {"do": "call", "to": "them", "method": "echo", "text": text})
        self.assertEqual(us.wait_for("rpc").get("payload"), text)
        self.wait_for_us(them)
        self.assertEqual(them.call("us", "say", text), "you said: " + text)

    def test_a_call_that_nobody_answers_times_out(self):
        them = self.them()
        us = self.us({"do": "serve", "method": "silent", "silent": True})
        self.wait_for_us(them)
        self.assertEqual(them.call("us", "silent", "", timeout=3).code, 1502)
        us.wait_for("called")


class Messages(DataTest):
    def test_chat_reaches_the_sdk_as_stream(self):
        them = self.them(text_topics=["lk.chat"])
        us = self.us({"do": "wait", "identity": "them"}, {"do": "chat", "text": "hello ✓"})
        self.assertEqual(them.wait_for_stream()[2], "hello ✓")
        self.assertEqual(them.streams[0][1].stream_id, us.wait_for("chat-sent")["id"])

    def test_chat_of_the_sdk_is_heard(self):
        them, us = self.them(), self.us({"do": "listen", "kinds": ["chat"]})
        self.wait_for_us(them)
        them.send_text("hello", "lk.chat")
        self.assertEqual(us.wait_for("chat")["text"], "hello")

    def test_chat_between_two_of_ours_is_heard_once(self):
        listener = self.us({"do": "listen", "kinds": ["chat", "packets"]}, identity="listener")
        self.us({"do": "wait", "identity": "listener"}, {"do": "chat", "text": "one"}, {"do": "chat", "text": "two"},
                {"do": "send", "text": "end"})
        listener.wait_for("packet")
        self.assertEqual([line["text"] for line in listener.lines("chat")], ["one", "two"])

    def test_transcription_goes_both_ways(self):
        them = self.them(text_topics=["lk.transcription"])
        us = self.us({"do": "listen", "kinds": ["transcription"]}, {"do": "wait", "identity": "them"},
                     {"do": "transcribe", "id": "SG_1", "text": "said"})
        _, info, text = them.wait_for_stream()
        self.assertEqual(text, "said")
        self.assertEqual(info.attributes["lk.segment_id"], "SG_1")
        self.assertEqual(info.attributes["lk.transcription_final"], "true")
        self.wait_for_us(them)
        them.send_text("heard", "lk.transcription",
                       attributes={"lk.segment_id": "SG_2", "lk.transcription_final": "false"})
        line = us.wait_for("transcription")
        self.assertEqual((line["id"], line["text"], line["final"], line["from"]), ("SG_2", "heard", False, "them"))


class Tracks(DataTest):
    def test_frames_reach_the_sdk(self):
        them = self.them()
        us = self.us({"do": "wait", "identity": "them"},
                     {"do": "track", "name": "pose", "size": 902, "count": 600, "pause_us": 16667})
        them.subscribe_data_track("pose")
        wait_until(lambda: len(them.frames) >= 60, 20, lambda: f"60 frames; got {len(them.frames)}")
        wanted = {content(i, 902): i * 1000 for i in range(600)}
        for frame in them.frames:
            self.assertIn(frame.payload, wanted)
            self.assertEqual(frame.user_timestamp, wanted[frame.payload])
        self.assertNotIn("error", us.wait_for("track-published"))

    def test_frames_of_the_sdk_arrive_also_for_who_comes_late(self):
        them = self.them()
        track = them.publish_data_track("pose")
        us = self.us(LISTEN)
        us.wait_for("track-appeared", track="pose")
        wanted = [content(i, 40_000) for i in range(100)]
        them.push(track, wanted)
        frames = us.wait_for("frame", 20)
        for frame in frames:
            data = data_of(frame)
            self.assertIn(data, wanted)
            self.assertEqual(frame["user_timestamp"], wanted.index(data))
            self.assertEqual((frame["from"], frame["track"]), ("them", "pose"))

    def test_a_track_that_is_unpublished_is_gone(self):
        listener = self.us({"do": "listen", "kinds": ["tracks"]}, identity="listener")
        self.us({"do": "wait", "identity": "listener"}, {"do": "track", "name": "pose", "size": 10, "count": 300},
                {"do": "unpublish"})
        listener.wait_for("frame")
        listener.wait_for("track-gone", track="pose")

    def test_a_second_track_of_one_name_is_refused(self):
        us = self.us({"do": "track", "name": "pose", "size": 10, "count": 1},
                     {"do": "track", "name": "pose", "size": 10, "count": 1})
        published = us.wait_for("track-published", 2)
        self.assertEqual([line.get("error") for line in published], [None, "settings"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
