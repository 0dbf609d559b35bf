"""A participant in Chromium, behind blocking methods: driver.js runs the browser, page.js is the participant."""
import atexit
import json
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

from lk.server import token
from lk.wait import wait_until

HERE = os.path.dirname(os.path.abspath(__file__))


def _unavailable(why):
    """In CI an environment that cannot run the tests is a failure; elsewhere it is told and skipped."""
    if os.environ.get("CI"):
        raise RuntimeError(why)
    raise unittest.SkipTest(why)


class Browser:
    """One browser. Raises SkipTest where there is none and CI is not set."""

    def __init__(self):
        chromium, node = shutil.which("chromium"), shutil.which("node") or shutil.which("nodejs")
        if not chromium or not node:
            _unavailable("no chromium or no node: .ci/install-deps.sh full installs them")
        packages = subprocess.run([os.path.join(HERE, "packages.sh")], stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=180, check=False)
        if packages.returncode:
            _unavailable(packages.stderr.strip())
        self._profile = tempfile.mkdtemp(prefix="lk-chromium-")
        self._notes = tempfile.TemporaryFile("w+", encoding="utf-8")  # pylint: disable=consider-using-with
        self._process = subprocess.Popen(  # pylint: disable=consider-using-with
            [node, os.path.join(HERE, "driver.js"), packages.stdout.strip(), chromium, self._profile],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._notes, text=True, start_new_session=True)
        atexit.register(self.close)
        self._answers = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.version = self._answer("start", 60)

    def _read(self):
        for line in self._process.stdout:
            self._answers.put(json.loads(line))
        self._answers.put({"error": "the browser ended"})

    def _answer(self, call, timeout):
        try:
            answer = self._answers.get(timeout=timeout)
        except queue.Empty:
            self.close()  # a late answer would be taken for that of the next call
            raise AssertionError(f"no answer to {call} within {timeout} s\n{self.notes()}") from None
        if "error" in answer:
            raise AssertionError(f"{call}: {answer['error']}\n{self.notes()}")
        return answer["value"]

    def notes(self):
        """The end of what the page and the driver wrote."""
        if self._notes.closed:
            return ""
        self._notes.seek(0)
        return self._notes.read()[-2000:]

    def call(self, name, *args, timeout=20):
        self._process.stdin.write(json.dumps({"call": name, "args": args}) + "\n")
        self._process.stdin.flush()
        return self._answer(name, timeout)

    def close(self):
        if self._process.poll() is None:
            self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(10)
        shutil.rmtree(self._profile, ignore_errors=True)

    # --- the participant

    def join(self, server, room, identity):
        self.call("join", server.url, token(server, room, identity))

    def echo(self, reliable):
        self.call("echo", reliable)

    def leave(self):
        if self._process.poll() is None:
            self.call("leave")

    def wait_for_tracks(self, identity, count, timeout=15):
        """The subscribed tracks of a participant by name."""
        def there():
            tracks = self.call("tracks", identity)
            return {t["name"]: t for t in tracks} if sum(t["subscribed"] for t in tracks) >= count else None
        return wait_until(there, timeout, lambda: f"{count} tracks of {identity}: {self.call('tracks', identity)}")

    def wait_for_pictures(self, identity, name, size, count=15, timeout=20):
        """Until `count` pictures more than now are decoded and shown, and they are of this size."""
        first = self.call("picture", identity, name)

        def more():
            now = self.call("picture", identity, name)
            enough = min(now["decoded"] - first["decoded"], now["shown"] - first["shown"]) >= count
            right = (now["width"], now["height"]) == (now["shownWidth"], now["shownHeight"]) == size
            return now if enough and right else None
        return wait_until(more, timeout, lambda: f"{count} pictures of {size}; {self.call('picture', identity, name)}")

    def wait_for_tone(self, identity, name, frequency, timeout=15):
        def heard():
            now = self.call("sound", identity, name)
            return now if abs(now["frequency"] - frequency) < 6 and now["rms"] > 0.05 else None
        return wait_until(heard, timeout, lambda: f"{frequency} Hz; {self.call('sound', identity, name)}")
