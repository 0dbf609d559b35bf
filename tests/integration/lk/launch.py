"""gst-launch-1.0 (or another program) with the freshly built plugin, watched: bounded, captured, nothing left behind."""
import atexit
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from .server import ROOT
from .wait import wait_until

BUILD = os.environ.get("LK_BUILD_DIR") or os.path.join(ROOT, "build")
_registry = None


def environment(server=None, room_env=True):
    """Environment in which GStreamer finds the built plugin, with a registry file of this test process only; it
    begins as a copy of $LK_REGISTRY, since looking at all plugins takes seconds."""
    global _registry  # pylint: disable=global-statement
    if _registry is None:
        _registry = tempfile.TemporaryDirectory(prefix="lk-registry-")  # pylint: disable=consider-using-with
        if known := os.environ.get("LK_REGISTRY"):
            shutil.copy(known, os.path.join(_registry.name, "registry.bin"))
    env = {k: v for k, v in os.environ.items() if not k.startswith("LIVEKIT_") and k.lower() not in
           ("http_proxy", "https_proxy", "all_proxy")}
    env["GST_PLUGIN_PATH"] = os.path.join(BUILD, "gst")
    env["GST_REGISTRY"] = os.path.join(_registry.name, "registry.bin")
    programs = [os.path.join(BUILD, "examples", name) for name in ("token", "send", "recorder")]
    env["PATH"] = os.pathsep.join([*programs, env.get("PATH", "")])
    env.setdefault("GST_DEBUG_NO_COLOR", "1")
    if server is not None and room_env:
        env.update(LIVEKIT_URL=server.url, LIVEKIT_API_KEY=server.key, LIVEKIT_API_SECRET=server.secret)
    return env


def has_element(name):
    return subprocess.run(["gst-inspect-1.0", "--exists", name], env=environment(), check=False, timeout=60,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


class Process:
    """A running program in a process group of its own. Use as a context manager or through TestCase.launch()."""

    def __init__(self, arguments, env, cwd=None):
        self.arguments = arguments
        self._text = []
        self._started = time.monotonic()
        self._process = subprocess.Popen(  # pylint: disable=consider-using-with
            arguments, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, text=True, errors="replace")
        atexit.register(self.kill)
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with self._process.stdout as lines:
            for line in lines:
                self._text.append(line)

    @property
    def output(self):
        """Standard output and error so far."""
        return "".join(list(self._text))

    @property
    def running(self):
        return self._process.poll() is None

    def signal(self, number):
        if self.running:
            os.killpg(self.pid, number)

    def wait(self, timeout):
        """Exit code, after everything it wrote has been read. A program that is late fails the test."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            tail = self.output[-3000:]
            self.kill()
            raise AssertionError(f"still running after {timeout} s: {shlex.join(self.arguments)}\n{tail}") from None
        self._reader.join(5)
        return code

    def wait_for_output(self, text, timeout=15):
        def seen():
            if text in self.output:
                return True
            if not self.running:
                self._reader.join(5)
                if text not in self.output:
                    raise AssertionError(f"ended ({self._process.returncode}) before writing {text!r}:\n{self.output[-3000:]}")
            return False
        wait_until(seen, timeout, lambda: f"{text!r} in the output:\n{self.output[-3000:]}")

    def interrupt(self, timeout=5):
        """Ctrl-C. Returns (exit code, seconds it took)."""
        start = time.monotonic()
        self.signal(signal.SIGINT)
        code = self.wait(timeout)
        return code, time.monotonic() - start

    def kill(self):
        if self.running:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait(10)

    def _group(self):
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                if os.getpgid(int(entry)) == self.pid:
                    with open(f"/proc/{entry}/cmdline", encoding="utf-8", errors="replace") as text:
                        found.append(f"{entry}: {text.read().replace(chr(0), ' ')}")
            except (ProcessLookupError, PermissionError, FileNotFoundError):
                pass
        return found

    def leftovers(self, patience=2):
        """Processes that still belong to its group a moment after its end."""
        end = time.monotonic() + patience
        while (found := self._group()) and time.monotonic() < end:
            time.sleep(0.02)
        return found


def gst_launch(pipeline, env, eos_on_shutdown=False, messages=False, cwd=None, prefix=()):
    """`pipeline`: text with shell quoting, or a list of words."""
    words = shlex.split(pipeline) if isinstance(pipeline, str) else list(pipeline)
    flags = (["-e"] if eos_on_shutdown else []) + (["-m"] if messages else [])
    return Process([*prefix, shutil.which("gst-launch-1.0") or "gst-launch-1.0", *flags, *words], env, cwd)
