"""The base of every integration test: a room of its own, and everything it starts is stopped."""
import os
import shutil
import signal
import tempfile
import unittest
import uuid

from . import launch, server
from .peer import Peer


class LiveKitTest(unittest.TestCase):
    """`self.server` is the shared one unless a class sets `server_options`."""

    server_options = None
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if cls.server_options is None:
            cls.server = server.shared()
        else:
            cls.server = server.Server(**cls.server_options).start()
            cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        self.room = f"room-{uuid.uuid4().hex[:8]}"
        self.directory = tempfile.mkdtemp(prefix="lk-test-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def peer(self, identity, **options):
        """An SDK participant in this test's room."""
        one = Peer(self.server, self.room, identity, **options)
        self.addCleanup(one.leave)
        return one

    def launch(self, pipeline, eos_on_shutdown=False, messages=False, env=None, use_server=True,
               prefix=()):
        """gst-launch-1.0 with the server's URL and key in its environment. `prefix`: words before the command."""
        full = launch.environment(self.server if use_server else None)
        full.update(env or {})
        process = launch.gst_launch(pipeline, full, eos_on_shutdown, messages, prefix=prefix)
        self.addCleanup(self._end, process)
        return process

    def run_program(self, arguments, env=None, cwd=None):
        full = launch.environment(self.server)
        full.update(env or {})
        process = launch.Process(arguments, full, cwd)
        self.addCleanup(self._end, process)
        return process

    def _end(self, process):
        if process.running:
            process.signal(signal.SIGINT)
            process.wait(10)
        self.assertEqual(process.leftovers(), [], "processes left behind")
        if self._outcome_failed():
            print(f"--- {self.id()}: {' '.join(process.arguments)[:400]}\n{process.output[-3000:]}---", flush=True)

    def _outcome_failed(self):
        result = getattr(self._outcome, "result", None)
        problems = (getattr(result, "failures", []) + getattr(result, "errors", [])) if result else []
        return any(test is self for test, _ in problems) or not getattr(self._outcome, "success", True)

    def assert_near(self, value, wanted, tolerance, what=""):
        self.assertLessEqual(abs(value - wanted), tolerance, f"{what}: {value}, wanted {wanted} ± {tolerance}")
