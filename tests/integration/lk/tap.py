"""What comes out of our elements, with its times: reads the file that lk-tap (tap.cpp) writes."""
import os
import shlex
import struct
from dataclasses import dataclass

import numpy as np

from . import counter
from .launch import BUILD, Process

PROGRAM = os.path.join(BUILD, "tests", "integration", "lk-tap")
_HEADER = struct.Struct("<16sqqqII")

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

    def number(self):
        """The number that a picture of VIDEO shows (lk/counter.py), or None."""
        return counter.read(np.frombuffer(self.data, np.uint8).reshape(64, 96))

    def samples(self):
        """-1..1, of a buffer of AUDIO."""
        return np.frombuffer(self.data, np.int16).astype(np.float32) / 32768


def _seconds(nanoseconds):
    return None if nanoseconds < 0 else nanoseconds / 1e9


class Tap(Process):
    """A running lk-tap."""

    def __init__(self, path, pipeline, env, prefix=()):
        self.path = path
        super().__init__([*prefix, PROGRAM, path, *shlex.split(pipeline)], env)

    def buffers(self, sink=None):
        """All that came so far, in order."""
        found = []
        if not os.path.exists(self.path):
            return found
        with open(self.path, "rb") as file:
            while len(head := file.read(_HEADER.size)) == _HEADER.size:
                name, running, arrival, reference, flags, size = _HEADER.unpack(head)
                data = file.read(size)
                if len(data) < size:
                    break
                name = name.rstrip(b"\0").decode()
                if sink in (None, name):
                    found.append(Buffer(name, _seconds(running), arrival / 1e9, _seconds(reference), flags, data))
        return found
