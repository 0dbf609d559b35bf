"""What comes out of our elements, with its times: reads the file that lk-tap (tap.cpp) writes."""
import os
import shlex
import struct
from dataclasses import dataclass, field

import numpy as np

from . import counter
from .launch import BUILD, Process

PROGRAM = os.path.join(BUILD, "tests", "integration", "lk-tap")
_HEADER = struct.Struct("<16sqqqII")
_UNREAD = object()

# What Frame and Sound below are made from.
VIDEO = "queue ! videoconvert ! videoscale ! video/x-raw,format=GRAY8,width=96,height=64,pixel-aspect-ratio=1/1 ! fakesink name="
AUDIO = "queue ! audioconvert ! audio/x-raw,format=S16LE,rate=48000,channels=1 ! fakesink name="


@dataclass
class Buffer:
    """Times in seconds; running time in the pipeline, the others since 1970. None: it has none."""
    sink: str
    running: float
    arrival: float
    reference: float
    flags: int
    data: bytes
    _number: object = field(default=_UNREAD, repr=False, compare=False)

    def number(self):
        """The number that a picture of VIDEO shows (lk/counter.py), or None."""
        if self._number is _UNREAD:
            self._number = counter.read(np.frombuffer(self.data, np.uint8).reshape(64, 96))
        return self._number

    def samples(self):
        """-1..1, of a buffer of AUDIO."""
        return np.frombuffer(self.data, np.int16).astype(np.float32) / 32768


def _seconds(nanoseconds):
    return None if nanoseconds < 0 else nanoseconds / 1e9


class Tap(Process):
    """A running lk-tap."""

    def __init__(self, path, pipeline, env, prefix=()):
        self.path = path
        self._buffers, self._offset = [], 0
        super().__init__([*prefix, PROGRAM, path, *shlex.split(pipeline)], env)

    def buffers(self, sink=None):
        """All that came so far, in order."""
        self._read_on()
        return [buffer for buffer in self._buffers if sink in (None, buffer.sink)]

    def _read_on(self):
        if not os.path.exists(self.path):
            return
        with open(self.path, "rb") as file:
            file.seek(self._offset)
            while len(head := file.read(_HEADER.size)) == _HEADER.size:
                name, running, arrival, reference, flags, size = _HEADER.unpack(head)
                data = file.read(size)
                if len(data) < size:
                    break
                self._offset = file.tell()
                self._buffers.append(Buffer(name.rstrip(b"\0").decode(), _seconds(running), arrival / 1e9, _seconds(reference),
                                            flags, data))
