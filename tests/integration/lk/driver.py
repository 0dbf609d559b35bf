"""lk-driver (tests/fault/driver.cpp): a pipeline that a test starts, stops and changes while it runs, in one process."""
import os
import re
import shlex

from . import launch
from .wait import wait_until


class Driver:
    """`test` is the LiveKitTest; `pipeline` as in gst-launch. `env` is added to the environment without any server in it."""

    def __init__(self, test, pipeline, env=None, answers=False):
        fifo = test.path(f"commands-{id(self)}")
        os.mkfifo(fifo)
        program = os.path.join(launch.BUILD, "tests", "fault", "lk-driver")
        full = dict(env or {})
        if answers:
            full["LK_DRIVER_ANSWERS"] = "1"
        # For reading, too: so it waits for nobody at the other end.
        self._commands = open(os.open(fifo, os.O_RDWR), "w", buffering=1, encoding="utf-8")  # pylint: disable=consider-using-with
        self.process = test.run_program([program, fifo, *shlex.split(pipeline)], {**NO_SERVER, **full})
        test.addCleanup(self.quit)
        self.process.wait_for_output("ready", 30)

    def say(self, command):
        self._commands.write(command + "\n")

    def play(self):
        self.say("play")

    def stop(self, within=5):
        """To NULL; how many milliseconds that took."""
        before = self.count("state null ")
        self.say("null")
        self.wait_for_count("state null ", before + 1, within)
        return int(self.lines("state null ")[-1].split()[2])

    def get(self, element, name):
        start = f"{element} {name} "
        before = self.count(start)
        self.say(f"get {element} {name}")
        self.wait_for_count(start, before + 1, 5)
        return self.lines(start)[-1][len(start):]

    def stat(self, element, name):
        """A number of the element's `stats`."""
        found = re.search(rf"\b{name}=\(\w+\)(\d+)", self.get(element, "stats"))
        return int(found.group(1)) if found else None

    def lines(self, start):
        return [line for line in self.process.output.splitlines() if line.startswith(start)]

    def count(self, start):
        return len(self.lines(start))

    def wait_for_count(self, start, count, timeout=15):
        def there():
            if not self.process.running:
                raise AssertionError(f"ended:\n{self.process.output[-3000:]}")
            return self.count(start) >= count
        wait_until(there, timeout, lambda: f"{count} lines that begin with {start!r}:\n{self.process.output[-3000:]}")

    def wait_for_state(self, state, timeout=15, count=1):
        """Until the session has become `state` that many times."""
        text = f"to=(string){state}"
        wait_until(lambda: self.process.output.count(text) >= count, timeout,
                   lambda: f"{count} times {text}:\n{self.process.output[-3000:]}")

    def quit(self):
        if not self._commands.closed:
            self._commands.close()
        if self.process.running:
            self.process.wait(10)


# Whoever runs the tests may have these; an empty one is as good as none.
NO_SERVER = {name: "" for name in ("LIVEKIT_URL", "LIVEKIT_TOKEN", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")}
