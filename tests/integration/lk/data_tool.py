"""Our data port from outside: a running lk-data (data_tool.cpp), what it was told and what it said."""
import base64
import json
import os

from .launch import BUILD, Process
from .wait import wait_until

PROGRAM = os.path.join(BUILD, "tests", "integration", "lk-data")


def content(number, size):
    """What lk-data sends as content `number`."""
    data = bytearray((number * 31 + i * 7 + (i >> 8)) & 0xff for i in range(size))
    head = number.to_bytes(4, "big")[:size]
    data[:len(head)] = head
    return bytes(data)


class DataTool(Process):
    """Carries out `commands`, dictionaries, in turn."""

    def __init__(self, commands, env):
        super().__init__([PROGRAM, *(json.dumps(command) for command in commands)], env)

    def lines(self, event=None, **fields):
        """What it said so far, as dictionaries; those of one kind, with these fields."""
        found = []
        for line in self.output.splitlines():
            if not line.startswith("{"):
                continue
            try:
                said = json.loads(line)
            except ValueError:
                continue  # not all there yet
            if event in (None, said["event"]) and all(said.get(k) == v for k, v in fields.items()):
                found.append(said)
        return found

    def wait_for(self, event, count=1, timeout=30, **fields):
        """The first `count` lines of that kind; the first one itself when only one is asked for."""
        def enough():
            found = self.lines(event, **fields)
            return found[:count] if len(found) >= count else None
        found = wait_until(enough, timeout, lambda: f"{count} × {event} {fields}; said {self.output[-2000:]}")
        return found[0] if count == 1 else found

    def connected(self):
        self.wait_for("state", state="connected")
        return self


def data_of(line):
    return base64.b64decode(line["data"])
