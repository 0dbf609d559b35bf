"""livekitdatasink, livekitdatasrc and livekit-send on the real server, with the official SDK as the other end."""
import hashlib
import os
import random
import struct
import time
import unittest

from livekit import rtc
from lk.case import LiveKitTest
from lk.data_peer import DataPeer
from lk.launch import BUILD
from lk.peer import _run
from lk.relay import Relay
from lk.server import token
from lk.wait import wait_until


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


class Visitor(DataPeer):
    """The SDK with streams of `topics`, and the moment that each packet came."""

    def __init__(self, server, room, identity, topics=(), **grants):
        self.arrivals = []
        super().__init__(server, room, identity, topics, topics, **grants)
        self.room.on("data_received", lambda _: self.arrivals.append(time.monotonic()))

    def wait_for_content(self, timeout=30, match=lambda _: True):
        """(identity, info, content) of the first stream whose content matches."""
        return wait_until(lambda: next((s for s in list(self.streams) if match(s[2])), None), timeout,
                          lambda: f"a stream; has {str(self.streams)[:500]}")

    def open_stream(self, part, topic):
        """A byte stream that is not closed."""
        async def go():
            self._open = await self.room.local_participant.stream_bytes("a.bin", topic=topic)
            await self._open.write(part)
        _run(go())

    def say(self, text, segment, final=True):
        """A transcription as agents send it."""
        self.send_text(text, "lk.transcription", attributes={
            "lk.segment_id": segment, "lk.transcription_final": "true" if final else "false"})


class DataTest(LiveKitTest):
    def data_peer(self, identity="visitor", topics=(), **options):
        one = Visitor(self.server, self.room, identity, topics, **options)
        self.addCleanup(one.leave)
        return one

    def file(self, name, content):
        with open(self.path(name), "wb") as out:
            out.write(content)
        return self.path(name)

    def read(self, name):
        try:
            with open(self.path(name), "rb") as content:
                return content.read()
        except FileNotFoundError:
            return b""

    def wait_for_content(self, name, content, timeout=20):
        wait_until(lambda: len(self.read(name)) >= len(content), timeout,
                   lambda: f"{len(content)} bytes in {name}; has {len(self.read(name))}")
        self.assertEqual(hashlib.sha256(self.read(name)).hexdigest(), hashlib.sha256(content).hexdigest())

    def source(self, pipeline, identity="gst"):
        """A pipeline with livekitdatasrc, once it is in the room."""
        process = self.launch(pipeline, eos_on_shutdown=True, messages=True)
        process.wait_for_output("livekit-room-joined", 20)
        return process

    def ends(self, process, timeout=30):
        self.assertEqual(process.wait(timeout), 0, process.output[-2000:])
        self.assertNotIn("ERROR", process.output)


class Sending(DataTest):
    def test_packets_arrive_in_order_each_once_and_before_the_program_ends(self):
        peer = self.data_peer()
        data = b"".join(struct.pack(">I", number) * 250 for number in range(500))
        path = self.file("packets", data)
        process = self.launch(f"filesrc location={path} blocksize=1000 ! livekitdatasink room={self.room} topic=numbers "
                              "identity=gst")
        self.ends(process)
        packets = peer.wait_for_packets(500)
        self.assertEqual(b"".join(p.data for p in peer.packets), data)
        self.assertEqual({(p.topic, p.kind) for p in packets}, {("numbers", rtc.DataPacketKind.KIND_RELIABLE)})

    def test_a_destination_gets_it_and_nobody_else(self):
        alice, bob = self.data_peer("alice"), self.data_peer("bob")
        path = self.file("text", b"for alice")
        self.ends(self.launch(f"filesrc location={path} ! livekitdatasink room={self.room} destinations=alice"))
        self.ends(self.launch(f"filesrc location={path} ! livekitdatasink room={self.room} topic=last"))
        alice.wait_for_packets(2)
        bob.wait_for_packets(1)
        self.assertEqual([p.topic for p in bob.packets], ["last"])

    def test_lossy_packets_flow_at_sixty_hertz(self):
        peer = self.data_peer()
        process = self.launch(f"fakesrc sizetype=fixed sizemax=902 filltype=pattern-span datarate=54120 format=time ! "
                              f"livekitdatasink room={self.room} topic=mocap reliability=lossy max-latency=50")
        peer.wait_for_packets(60)
        start = len(peer.packets)
        packets = peer.wait_for_packets(start + 180)[start:]
        process.interrupt()
        self.assertEqual({(len(p.data), p.topic, p.kind) for p in packets}, {(902, "mocap", rtc.DataPacketKind.KIND_LOSSY)})
        times = peer.arrivals[start:start + 180]
        self.assert_near((len(times) - 1) / (times[-1] - times[0]), 60, 6, "packets a second")

    def test_a_file_of_any_size_is_one_stream_byte_for_byte(self):
        peer = self.data_peer(topics=["files"])
        content = noise(5_000_000)
        path = self.file("large.bin", content)
        process = self.launch(f"filesrc location={path} ! livekitdatasink room={self.room} mode=bytes stream-per=segment "
                              "topic=files stream-name=large.bin mime-type=image/x-test stream-attributes=a,k=v",
                              messages=True)
        self.ends(process, 60)
        _, info, got = peer.wait_for_content()
        self.assertEqual(hashlib.sha256(got).hexdigest(), hashlib.sha256(content).hexdigest())
        self.assertEqual((info.name, info.mime_type, info.size, dict(info.attributes)),
                         ("large.bin", "image/x-test", len(content), {"k": "v"}))
        self.assertIn("state=(string)done", process.output)

    def test_the_tail_of_a_file_arrives_over_a_slow_link(self):
        peer = self.data_peer(topics=["files"])
        free = [0.0]

        def slow(packet):
            """60 kB/s upwards: what SCTP took at once is on its way for five seconds."""
            if not packet.up or len(packet.data) < 700:  # the SDK must learn of the sender meanwhile
                return 0.0
            now = time.monotonic()
            free[0] = max(free[0], now) + len(packet.data) / 60_000
            return free[0] - now
        relay = Relay(self.server, slow)
        self.addCleanup(relay.stop)
        content = noise(300_000, 6)
        self.ends(self.launch(f"filesrc location={self.file('tail', content)} ! livekitdatasink room={self.room} mode=bytes "
                              "stream-per=segment topic=files drain-timeout=30000", env={"LIVEKIT_URL": relay.url}), 60)
        self.assertEqual(peer.wait_for_content()[2], content)

    def test_each_text_buffer_is_a_text_stream(self):
        peer = self.data_peer(topics=["notes"])
        text = "Grüße, 世界 😀 " * 3000
        path = self.file("text", text.encode())
        self.ends(self.launch(f"filesrc location={path} blocksize=1000000 ! livekitdatasink room={self.room} mode=text topic=notes"))
        self.assertEqual(peer.wait_for_content()[2], text)

    def test_an_oversized_packet_is_an_error_and_with_oversize_stream_a_stream(self):
        peer = self.data_peer(topics=["blob"])
        path = self.file("blob", noise(40_000))
        line = f"filesrc location={path} blocksize=40000 ! livekitdatasink room={self.room} topic=blob"
        process = self.launch(line)
        self.assertNotEqual(process.wait(20), 0)
        self.assertIn("larger than the 15360 bytes", process.output)
        self.ends(self.launch(line + " oversize=stream"))
        self.assertEqual(peer.wait_for_content()[2], noise(40_000))

    def test_chat_reaches_the_text_stream_topic_of_newer_clients(self):
        peer = self.data_peer(topics=["lk.chat"])
        path = self.file("line", "hello 👋\n".encode())
        self.ends(self.launch(f"filesrc location={path} ! livekitdatasink room={self.room} mode=chat"))
        self.assertEqual(peer.wait_for_content()[2], "hello 👋")

    def test_subtitles_of_a_file_become_transcriptions_at_their_time(self):
        peer = self.data_peer(topics=["lk.transcription"])
        path = self.file("a.srt", b"1\n00:00:00,000 --> 00:00:01,000\nfirst <i>line</i>\n\n"
                                  b"2\n00:00:02,000 --> 00:00:03,000\nsecond\n\n")
        start = time.monotonic()
        process = self.launch(f"filesrc location={path} ! subparse ! livekitdatasink room={self.room} mode=transcription")
        second = peer.wait_for_content(match=lambda content: content == "second")
        self.assertGreater(time.monotonic() - start, 1.9)
        self.ends(process)
        self.assertEqual(peer.streams[0][2], "first line")
        self.assertEqual(second[1].attributes.get("lk.transcription_final"), "true")

    def test_frames_of_a_track_carry_the_wall_time_of_their_capture(self):
        peer = self.data_peer()
        process = self.launch("fakesrc sizetype=fixed sizemax=5000 filltype=pattern-span datarate=100000 "
                              f"format=time ! livekitdatasink room={self.room} identity=gst mode=track topic=pose")
        peer.subscribe_data_track("pose", 30)
        frames = wait_until(lambda: peer.frames[:40] if len(peer.frames) >= 40 else None, 30, "40 frames")
        process.interrupt()
        self.assertEqual({len(f.payload) for f in frames}, {5000})
        now = time.time() * 1000
        for frame in frames:
            self.assert_near(frame.user_timestamp, now, 20_000, "milliseconds since 1970")
        steps = [b.user_timestamp - a.user_timestamp for a, b in zip(frames, frames[1:])]
        self.assert_near(sorted(steps)[len(steps) // 2], 50, 5, "milliseconds between frames")

    def test_without_permission_the_error_says_so(self):
        path = self.file("text", b"x")
        process = self.launch(f"filesrc location={path} ! livekitdatasink",
                              env={"LIVEKIT_TOKEN": token(self.server, self.room, "mute", can_publish_data=False),
                                   "LIVEKIT_API_KEY": "", "LIVEKIT_API_SECRET": ""})
        self.assertNotEqual(process.wait(20), 0)
        self.assertIn("code not-allowed", process.output)


class Receiving(DataTest):
    def receive(self, properties, rest="filesink location={}", identity="gst"):
        """A pipeline with livekitdatasrc that writes to the file "out"."""
        return self.source(f"livekitdatasrc room={self.room} identity={identity} {properties} ! "
                           + rest.format(self.path("out")))

    def ended_with(self, process, content):
        self.ends(process)
        self.wait_for_content("out", content, 1)

    def sender(self, identity="visitor"):
        peer = self.data_peer(identity)
        peer.wait_for_participant("gst")
        return peer

    def test_reliable_packets_come_in_order_each_once(self):
        process = self.receive("topic=num* num-streams=300")
        peer = self.sender()
        data = [struct.pack(">I", number) * 250 for number in range(300)]
        peer.send(b"of another topic", "other")
        for one in data:
            peer.send(one, "numbers")
        self.ended_with(process, b"".join(data))

    def test_lossy_packets_come_too(self):
        process = self.receive("topic=pose num-streams=50")
        peer = self.sender()
        for number in range(50):
            peer.send(bytes([number]) * 902, "pose", reliable=False)
            time.sleep(1 / 60)  # the pace is part of the claim: lossy data may be dropped in a burst
        self.ends(process)
        self.assertEqual(sorted(self.read("out")[::902]), list(range(50)))

    def test_only_the_wanted_participants_are_heard(self):
        process = self.receive("participants=al* num-streams=1")
        alice, bob = self.sender("alice"), self.sender("bob")
        bob.send(b"from bob")
        alice.send(b"from alice")
        self.ended_with(process, b"from alice")

    def test_a_whole_file_in_one_buffer(self):
        process = self.receive("mode=bytes topic=files num-streams=1")
        content = noise(700_000)
        self.sender().send_bytes(content, "files", name="a.bin")
        self.ended_with(process, content)
        self.assertIn('name=(string)a.bin', process.output)

    def test_a_file_of_any_size_in_chunks_with_progress(self):
        process = self.receive("mode=bytes topic=files chunks=true num-streams=1")
        content = noise(5_000_000, 2)
        self.sender().send_bytes(content, "files")
        self.ended_with(process, content)
        self.assertIn("livekit-stream-progress", process.output)
        self.assertIn("state=(string)done", process.output)

    def test_a_stream_whose_sender_leaves_is_told_and_the_next_one_comes(self):
        process = self.receive("mode=bytes topic=files chunks=true num-streams=1")
        leaving = self.sender("leaving")
        leaving.open_stream(noise(30_000), "files")
        process.wait_for_output("livekit-stream-progress", 20)
        # The server tells of those who publish no media a few seconds late.
        process.wait_for_output("livekit-participant-joined", 20)
        leaving.leave()
        process.wait_for_output("is incomplete", 30)
        self.sender("staying").send_bytes(noise(20_000, 3), "files")
        self.ends(process)
        self.assertTrue(self.read("out").endswith(noise(20_000, 3)))

    def test_text_is_text_with_line_breaks_where_wanted(self):
        process = self.receive("mode=text topic=notes line-breaks=true num-streams=2")
        peer = self.sender()
        peer.send_text("Grüße 世界", "notes")
        peer.send_text("second", "notes")
        self.ended_with(process, "Grüße 世界\nsecond\n".encode())

    def test_chat_comes_once_and_is_shown_on_the_bus(self):
        process = self.receive("mode=chat num-streams=2")
        peer = self.sender()
        peer.send_text("hello", "lk.chat")
        peer.send_text("bye", "lk.chat")
        self.ended_with(process, b"hellobye")
        self.assertIn("text=(string)hello", process.output)

    def test_transcriptions_become_webvtt(self):
        process = self.receive("mode=transcription num-streams=2", "webvttenc ! filesink location={}")
        peer = self.sender("agent")
        peer.say("Hel", "1", final=False)
        peer.say("Hello", "1")
        peer.say("World", "2")
        self.ends(process)
        text = self.read("out").decode()
        self.assertTrue(text.startswith("WEBVTT"), text)
        self.assertRegex(text, r"(?s)-->.*Hello.*-->.*World")
        self.assertNotIn("Hel\n", text)

    def test_frames_of_a_data_track_come_whole(self):
        process = self.receive("mode=track topic=pose num-streams=20")
        peer = self.sender()
        track = _run(peer.room.local_participant.publish_data_track(name="pose"))
        # A track has no memory: the subscriber hears what is sent after it came.
        peer.push(track, [bytes([number]) * 40_000 for number in range(1, 100)], pause=0.05)
        self.ends(process)
        got = self.read("out")
        self.assertEqual(len(got), 20 * 40_000)
        for at in range(0, len(got), 40_000):
            self.assertEqual(got[at:at + 40_000], bytes([got[at]]) * 40_000)

    def test_two_of_ours_pass_a_file_on(self):
        process = self.receive("mode=bytes chunks=true num-streams=1")
        content = noise(1_000_000, 4)
        path = self.file("in", content)
        self.ends(self.launch(f"filesrc location={path} ! livekitdatasink room={self.room} mode=bytes stream-per=segment"))
        self.ended_with(process, content)


class Calls(DataTest):
    """By the elements' signals (rpc_tool.cpp)."""

    def element(self, properties, *call):
        line = f"livekitdatasrc name=d room={self.room} identity=gst {properties} ! fakesink"
        return self.run_program([os.path.join(BUILD, "tests", "integration", "lk-rpc"), line, *call])

    def test_the_sdk_s_calls_are_answered_at_once_later_or_with_an_error(self):
        robot = self.element("rpc-methods=move")
        peer = self.data_peer()
        peer.wait_for_participant("gst")
        self.assertEqual(peer.call("gst", "move", "3 steps"), "you said: 3 steps")
        self.assertEqual(peer.call("gst", "move", "later ✓"), "you said: later ✓")
        self.assertIn("called: visitor later", robot.output)
        robot.wait_for_output("answered: 1")
        long = "x" * 40_000
        self.assertEqual(peer.call("gst", "move", long), "you said: " + long)
        failed = peer.call("gst", "move", "fail")
        self.assertEqual((failed.code, failed.message, failed.data), (1234, "refused", "because"))
        self.assertEqual(peer.call("gst", "fly", "").code, 1400)

    def test_a_call_waits_for_the_room_and_its_answer_comes_to_the_promise(self):
        peer = self.data_peer("robot")
        peer.serve("move", lambda payload: f"moved-by-{payload}")
        process = self.element("", "robot", "move", "3")
        process.wait_for_output("moved-by-3", 20)
        self.assertEqual(peer.calls[0].caller_identity, "gst")

    def test_a_second_server_of_a_method_is_refused_in_words(self):
        one = f"room={self.room} identity=gst rpc-methods=move"
        process = self.run_program([os.path.join(BUILD, "tests", "integration", "lk-rpc"),
                                    f"livekitdatasrc name=d {one} ! fakesink livekitdatasrc {one} mode=chat ! fakesink"])
        self.assertEqual(process.wait(20), 1, process.output)
        self.assertIn('the RPC method "move" is served already by another element', process.output)


class Program(DataTest):
    """livekit-send."""

    def run_send(self, *arguments, stdin=None, **options):
        command = ["livekit-send", "--room", self.room, *arguments]
        if stdin is not None:
            command = ["bash", "-c", 'printf %b "$0" | exec "$@"', stdin, *command]
        return self.run_program(command, **options)

    def sends(self, *arguments, code=0, **options):
        process = self.run_send(*arguments, **options)
        self.assertEqual(process.wait(30), code, process.output[-2000:])
        return process.output

    def test_text_is_a_packet_a_stream_or_a_chat_message(self):
        peer = self.data_peer(topics=["t", "lk.chat"])
        self.sends("--topic", "t", "--text", "as a packet")
        self.sends("--topic", "t", "--text", "lossy", "--lossy")
        self.sends("--topic", "t", "--text", "as a stream", "--stream", "--attribute", "k=v")
        self.sends("--chat", "--text", "as chat")
        self.assertEqual((lambda p: (p.data, p.topic))(peer.wait_for_packets(1)[0]), (b"as a packet", "t"))
        _, info, _ = peer.wait_for_content(match=lambda content: content == "as a stream")
        self.assertEqual((info.topic, dict(info.attributes)), ("t", {"k": "v"}))
        self.assertEqual(peer.wait_for_content(match=lambda content: content == "as chat")[1].topic, "lk.chat")

    def test_each_line_of_standard_input_is_a_message(self):
        peer = self.data_peer()
        self.sends("--stdin", "--topic", "lines", stdin="one\\ntwo\\n\\nthree")
        self.assertEqual([p.data for p in peer.wait_for_packets(3)], [b"one", b"two", b"three"])

    def test_a_file_goes_as_a_stream_under_its_name(self):
        peer = self.data_peer(topics=["files"])
        content = noise(2_000_000, 5)
        output = self.sends("--stream", "--topic", "files", "--file", self.file("a.bin", content))
        _, info, got = peer.wait_for_content()
        self.assertEqual(got, content)
        self.assertEqual(info.name, "a.bin")
        self.assertIn("100 %", output)

    def test_a_call_prints_its_answer_or_says_why_there_is_none(self):
        peer = self.data_peer("robot")
        peer.serve("move", lambda payload: f"moved by {payload}")
        output = self.sends("--identity", "console", "--destination", "robot", "--rpc", "move", "--text", "3")
        self.assertIn("moved by 3\n", output)
        self.assertEqual(peer.calls[0].caller_identity, "console")
        self.assertIn("1400", self.sends("--destination", "robot", "--rpc", "fly", code=4))
        self.assertIn("1401", self.sends("--destination", "nobody", "--rpc", "move", code=4))

    def test_exit_codes_say_whose_fault_it_is(self):
        for arguments in ((), ("--text", "x", "--file", "y"), ("--rpc", "m"), ("--surplus",), ("--text", "x", "extra")):
            self.sends(*arguments, code=2)
        self.sends("--text", "x" * 20_000, code=3)
        self.sends("--file", self.path("nowhere"), code=3)
        self.sends("--stream", "--file", self.path("nowhere"), code=3)
        self.sends("--text", "x", code=1, env={"LIVEKIT_API_SECRET": "wrong-secret-wrong-secret-wrong-secret"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
