"""Every line that README.md, docs/elements and examples/pipelines show to users is run here as it stands there.

A pipeline file has comment lines, then one command. In README.md and docs/elements/intro a block counts that follows `<!-- tested -->`; each
of its lines is a command. What a line must achieve follows from its elements: livekitsink → the SDK sees its tracks,
livekitsrc with a filesink → the file is valid and has them, livekitsrc without → the SDK's tracks get subscribed.
"""
import glob
import os
import re
import unittest

from lk import launch, media, server
from lk.case import LiveKitTest
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


class OneLiners(LiveKitTest):
    def try_line(self, command):
        for name, substitute in HARDWARE.items():
            command = re.sub(rf"\b{name}\b[^!]*?(?=!|$)", substitute + " ", command)
        room = re.search(r"\broom=([\w-]+)", command)
        if room:
            self.room = room.group(1)
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
        self.assertLess(took, 8 if "filesrc" in command else 2.5, process.output[-2000:])
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
