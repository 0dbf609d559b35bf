"""Every line that README.md, docs/elements and examples/pipelines show to users is run here as it stands there.

A pipeline file has comment lines, then one command. In README.md and docs/elements/intro a block counts that follows `<!-- tested -->`; each
of its lines is a command. What a line must achieve follows from its elements: livekitsink → the SDK sees its tracks,
livekitsrc with a filesink → the file is valid and has them, livekitsrc without → the SDK's tracks get subscribed,
livekitdatasink → the SDK gets what is sent, livekitdatasrc → what the SDK sends is in the file or on the terminal.
"""
import glob
import json
import os
import re
import time
import unittest

from lk import launch, media, server
from lk.case import LiveKitTest
from lk.data_peer import DataPeer
from lk.recording import Recording
from lk.wait import wait_until

ROOT = server.ROOT
# A test machine has no camera, screen or loudspeaker.
HARDWARE = {"v4l2src": "videotestsrc is-live=true", "autovideosrc": "videotestsrc is-live=true",
            "ximagesrc": "videotestsrc is-live=true", "autoaudiosrc": "audiotestsrc is-live=true",
            "autovideosink": "fakesink sync=true", "autoaudiosink": "fakesink sync=true"}


def commands_of_file(path):
    with open(path, encoding="utf-8") as text:
        body = "".join(line for line in text if not line.startswith("#"))
    return [body.replace("\\\n", " ").strip()]


def commands_of_readme(path):
    with open(path, encoding="utf-8") as text:
        blocks = re.findall(r"<!-- tested -->\s*```\w*\n(.*?)```", text.read(), re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def collect():
    found = {}
    for path in sorted(glob.glob(os.path.join(ROOT, "examples", "pipelines", "*.sh"))):
        for command in commands_of_file(path):
            found["pipelines_" + os.path.basename(path)[:-3].replace("-", "_")] = command
    for number, command in enumerate(commands_of_readme(os.path.join(ROOT, "README.md")), 1):
        found[f"readme_{number}"] = command
    for path in sorted(glob.glob(os.path.join(ROOT, "docs", "elements", "intro", "*.md"))):
        for number, command in enumerate(commands_of_readme(path), 1):
            found[f"{os.path.basename(path)[:-3]}_{number}"] = command
    return found


def fed(command):
    """What the SDK sends again and again for a line to receive: (form, topic, content)."""
    klv = bytes.fromhex("060E2B34020B01010E01030101000000") + bytes([4]) + b"\x41\x02\x00\x01"
    table = {"mode=chat": ("text", "lk.chat", "good day"), "mode=transcription": ("caption", "", "as it was said"),
             "topic=mocap": ("packet", "mocap", bytes(902)), "topic=telemetry": ("packet", "telemetry", b'{"speed": 3.5}'),
             "topic=klv": ("packet", "klv", klv), "topic=commands": ("packet", "commands", b"turn left")}
    # The properties of the source only: a line may send as well.
    source = re.search(r"livekitdatasrc[^!]*", command)
    return [one for key, one in table.items() if source and key in source.group(0)]


class OneLiners(LiveKitTest):
    def on_this_machine(self, command):
        for name, substitute in HARDWARE.items():
            command = re.sub(rf"\b{name}\b[^!]*?(?=!|$)", substitute + " ", command)
        room = re.search(r"\broom=([\w-]+)", command)
        if room:
            self.room = room.group(1)
        return command

    def try_data_line(self, command):
        content = os.urandom(300_000)
        with open(self.path("map.png"), "wb") as out:
            out.write(content)
        command = self.on_this_machine(command)
        if "fdsrc" in command:
            command += " < <(echo hello, room)"
        # A participant that a line names, or anybody.
        named = re.search(r"participants=(\w+)", command)
        peer = DataPeer(self.server, self.room, named.group(1) if named else "visitor", ["lk.chat"], ["files"])
        self.addCleanup(peer.leave)
        robot = DataPeer(self.server, self.room, "robot") if "destinations=robot" in command else peer
        if robot is not peer:
            self.addCleanup(robot.leave)
        if "livekitsrc" in command:
            peer.publish_video(640, 360, 15)
        process = self.run_program(["bash", "-c", "exec " + command], cwd=self.directory, env={"FILE": self.path("map.png")})
        ours = None
        if "livekitdatasrc" in command:  # one that only sends may have left before it is told of
            ours = wait_until(lambda: next((who for who in peer.room.remote_participants if who != "robot"), None), 20,
                              lambda: f"the line in the room\n{process.output[-2000:]}")
        if "livekitdatasink" in command and "mode=chat" in command:
            self.assertEqual(peer.wait_for_stream()[2], "hello, room")
        elif "livekitdatasink" in command and "mode=bytes" in command:
            self.assertTrue(peer.wait_for_stream()[2] == content, "the file must arrive byte for byte")
            self.assertEqual(process.wait(10), 0, process.output[-2000:])
        elif "topic=mocap" in command and "livekitdatasink" in command:
            self.assertEqual({len(p.data) for p in peer.wait_for_packets(60, topic="mocap")}, {902})
        if "livekitdatasrc" in command and "mode=bytes" in command:
            peer.send_bytes(content, "files")
            self.assertEqual(process.wait(20), 0, process.output[-2000:])
            with open(self.path("received.bin"), "rb") as got:
                self.assertTrue(got.read() == content)
        for rounds in range(1, 100 if fed(command) else 0):
            for form, topic, what in fed(command):
                if form == "packet":
                    peer.send(what, topic)
                else:
                    attributes = {"lk.segment_id": f"S{rounds}", "lk.transcription_final": "true"}
                    peer.send_text(what, topic or "lk.transcription", attributes=attributes if form == "caption" else None)
            if rounds >= 15 and self.enough(command, process):
                break
            time.sleep(0.1)  # the pace of what is sent, not a wait
        if robot is not peer:
            self.assertEqual(robot.wait_for_packets(1, topic="commands")[-1].data, b"turn left")
            self.assertIn(ours, {p.participant.identity for p in robot.packets})
        if process.running:
            code, took = process.interrupt(10)
            self.assertLess(took, 3, process.output[-2000:])
            if "-e" in command.split():
                self.assertEqual(code, 0, process.output[-2000:])
        self.assertNotIn("ERROR", process.output)
        self.assertNotIn("WARNING: erroneous pipeline", process.output)
        if "! fdsink" in command:
            self.assertIn("good day", process.output)
        for name in re.findall(r"filesink location=(\S+)", command):
            self.check_data_file(self.path(name), name)

    def enough(self, command, process):
        files = [self.path(f) for f in re.findall(r"filesink location=(\S+)", command)]
        media_too = "livekitsrc" in command
        return not media_too or not process.running or all(
            os.path.exists(f) and os.path.getsize(f) > 20000 for f in files)

    def check_data_file(self, path, name):
        with open(path, "rb") as got:
            content = got.read()
        if name.endswith(".jsonl"):
            lines = content.decode().splitlines()
            self.assertGreaterEqual(len(lines), 10)
            self.assertEqual({json.loads(line)["speed"] for line in lines}, {3.5})
        elif name == "mocap.bin":
            self.assertGreaterEqual(len(content), 902 * 10)
            self.assertEqual(len(content) % 902, 0)
        elif name.endswith(".vtt"):
            self.assertTrue(content.startswith(b"WEBVTT"))
            self.assertIn(b"as it was said", content)
        elif name.endswith(".ts"):
            streams = Recording(path).streams
            self.assertEqual({s.get("codec_type") for s in streams}, {"video", "data"})
            self.assertIn("klv", {s.get("codec_name") for s in streams})
        elif name.endswith(".mp4"):
            recording = Recording(path)
            self.assertIsNotNone(recording.duration, f"{path} was not finalised")
            self.assertTrue(recording.captioned(), "the text must be in the picture")

    def try_line(self, command):
        if "livekitdata" in command:
            self.try_data_line(command)
            return
        command = self.on_this_machine(command)
        publishes, receives = "livekitsink" in command, "livekitsrc" in command
        self.assertTrue(publishes or receives, command)
        peer = self.peer("visitor")
        if receives:
            peer.publish_tone(440)
            peer.publish_video(640, 360, 15, "h264" if "x-h264" in command else "vp8")
        files = [self.path(os.path.basename(f)) for f in re.findall(r"filesink location=(\S+)", command)]
        # In a terminal Ctrl-C reaches gst-launch-1.0 itself; exec makes it the only process here too.
        process = self.run_program(["bash", "-c", "exec " + command], cwd=self.directory,
                                   env={"FILE": media.encoded("vp8", seconds=20, frequency=500)})
        if publishes:
            who = wait_until(lambda: next((p for p in peer.room.remote_participants.values()
                                           if len(p.track_publications) >= command.count("livekitsink")), None),
                             20, lambda: f"tracks\n{process.output[-2000:]}")
            for publication in list(who.track_publications.values()):
                sense = peer.hear if publication.kind == 1 else peer.see
                sense = sense(who.identity, publication.name)
                if publication.kind == 1:
                    wait_until(lambda s=sense: s.tone().rms > 0.01, 15, lambda: f"sound\n{process.output[-2000:]}")
                else:
                    sense.wait_for_pictures(10)
        if files:
            wait_until(lambda: all(os.path.exists(f) and os.path.getsize(f) > 20000 for f in files) or not process.running,
                       25, lambda: f"data in {files}\n{process.output[-2000:]}")
        elif receives:
            process.wait_for_output("PLAYING", 20)
            wait_until(lambda: not process.running or peer.subscribed_by_somebody(), 20,
                       lambda: f"a subscription\n{process.output[-2000:]}")
        self.assertTrue(process.running, process.output[-2000:])
        code, took = process.interrupt(10)
        # A file plays to the end of what its queues hold; everything else ends at once.
        self.assertLess(took, 8 if "filesrc" in command else 4, process.output[-2000:])
        self.assertNotIn("ERROR", process.output)
        self.assertNotIn("WARNING: erroneous pipeline", process.output)
        for path in files:
            self.assertEqual(code, 0, process.output[-2000:])
            recording = Recording(path)
            self.assertIsNotNone(recording.duration, f"{path} was not finalised")
            self.assertTrue(recording.streams)


def _add(name, command):
    def run(self):
        self.try_line(command)
    run.__doc__ = command
    setattr(OneLiners, "test_" + name, run)


for _name, _command in collect().items():
    _add(_name, _command)


class Collection(unittest.TestCase):
    def test_gst_inspect_says_that_the_elements_exist(self):
        for element in ("livekitsrc", "livekitsink"):
            self.assertTrue(launch.has_element(element), element)

    def test_there_are_lines_to_try(self):
        self.assertGreaterEqual(len([n for n in collect() if n.startswith("readme")]), 5)
        self.assertGreaterEqual(len([n for n in collect() if n.startswith("pipelines")]), 5)
        for element in ("livekitsrc", "livekitsink"):
            self.assertGreaterEqual(len([n for n in collect() if n.startswith(element)]), 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
