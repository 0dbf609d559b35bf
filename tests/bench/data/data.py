"""What data costs: throughput of two participants, and round trips to an echo by an official SDK.

Beside the library and the elements run the Python SDK and webrtcbin alone, which is the limit of what they can reach.
The echo is the SDK's for Node.js and, where there is a Chromium, livekit-client's.
"""
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
import unittest
import uuid

from lk import launch
from lk.server import ROOT, token

sys.path.append(os.path.join(ROOT, "tests", "interop"))
from browser import Browser  # pylint: disable=wrong-import-position
from wire import Wire  # pylint: disable=wrong-import-position

PROGRAM = os.path.join(launch.BUILD, "tests", "bench", "data-bench")
HERE = os.path.dirname(os.path.abspath(__file__))
SDK_END, NODE_ECHO = os.path.join(HERE, "sdk_end.py"), os.path.join(HERE, "node_echo.js")
OURS = ("library", "elements")
BARE = "webrtcbin"
PACKAGES = os.path.join(ROOT, "tests", "interop", "packages.sh")


class DataBench:
    """Ends are processes of their own: "library", "elements", "webrtcbin" or "sdk"."""

    def __init__(self, lk_server, rounds, figures):
        self.server, self.rounds, self.figures = lk_server, rounds, figures
        self.room = ""
        self.packages = subprocess.run([PACKAGES], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        self.echoes = ["rtc-node"]
        try:
            self.browser = Browser()
            self.echoes.append("livekit-client")
        except unittest.SkipTest as missing:
            print(f"no echo by livekit-client: {missing}", file=sys.stderr)

    def start(self, end, what, count=0, size=0, lossy=False, rate=0):
        identity = f"{what}-{end}"
        if end == "sdk":
            command = [sys.executable, SDK_END, what, self.server.url, token(self.server, self.room, identity),
                       str(count), str(size), "1" if lossy else "0"]
        else:
            command = [PROGRAM, what, f"--count={count}", f"--size={max(size, 4)}", f"--rate={rate}",
                       *(["--lossy"] if lossy else []), f"--by={end}"]
        env = dict(launch.environment(self.server), LK_ROOM=self.room, LK_IDENTITY=identity)
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
        if what == "receive":
            self.await_ready(process)
        return process

    @staticmethod
    def await_ready(process):
        while (line := process.stdout.readline()) and line != "ready\n":
            pass
        time.sleep(1)  # its transport follows the join

    def result(self, process):
        out, _ = process.communicate(timeout=180)
        if process.returncode != 0:
            raise RuntimeError(f"ended with {process.returncode}: {process.args}")
        return json.loads(out.splitlines()[-1])

    def flow(self, sender, receiver, count, size, lossy=False, rate=0):
        self.room = uuid.uuid4().hex[:8]
        listening = self.start(receiver, "receive", count, size, lossy)
        sent = self.result(self.start(sender, "send", count, size, lossy, rate))
        return sent, self.result(listening)

    def throughput(self, sender, receiver, count, size):
        """Reliable, as fast as it goes."""
        sent, heard = self.flow(sender, receiver, count, size)
        name = f"reliable {size} B, {sender} → {receiver}"
        seconds = heard["last"] - heard["first"] or 1
        rate = heard["count"] / seconds
        self.figures.add(f"{name}, messages/s", rate)
        self.figures.add(f"{name}, MB/s", heard["bytes"] / seconds / 1e6)
        self.figures.add(f"{name}, lost or disordered, %", 100 * (count - heard["count"] + heard["out_of_order"]) / count)
        self.figures.add(f"{name}, CPU-µs a message, sender", sent["cpu"] * 1e6 / count)
        self.figures.add(f"{name}, CPU-µs a message, receiver", heard["cpu"] * 1e6 / max(1, heard["count"]))
        return rate

    def lossy(self, sender, receiver, count, size, rate):
        """At a given pace; the SDK, which knows none, as fast as it goes."""
        _, heard = self.flow(sender, receiver, count, size, True, rate)
        name = f"lossy {size} B, {sender} → {receiver}"
        self.figures.add(f"{name}, delivered/s", heard["count"] / (heard["last"] - heard["first"] or 1))
        self.figures.add(f"{name}, lost, %", 100 * (count - heard["count"]) / count)

    def round_trip(self, pinging, echoing, size, lossy):
        """Returns the median in seconds."""
        self.room = uuid.uuid4().hex[:8]
        stop = self.node_echo(lossy) if echoing == "rtc-node" else self.browser_echo(lossy)
        try:
            with Wire(size) as wire:
                times = self.result(self.start(pinging, "ping", 200, size, lossy))["round_trips"][20:]
        finally:
            stop()
        name = f"round trip {size} B {'lossy' if lossy else 'reliable'}, {pinging} → echo of {echoing}"
        self.figures.add(f"{name}, p50, ms", statistics.median(times) * 1000)
        if (outside := wire.outside()) is not None:
            self.figures.add(f"{name}, of it server and echo, ms", outside * 1000)
        self.figures.add(f"{name}, p95, ms", sorted(times)[int(len(times) * 0.95)] * 1000)
        return statistics.median(times)

    def node_echo(self, lossy):
        echo = subprocess.Popen(["node", NODE_ECHO, self.packages, self.server.url, token(self.server, self.room, "node"),
                                 "1" if lossy else "0"], stdout=subprocess.PIPE, text=True)
        self.await_ready(echo)

        def stop():
            echo.terminate()
            echo.wait(10)
        return stop

    def browser_echo(self, lossy):
        self.browser.join(self.server, self.room, "browser")
        self.browser.echo(not lossy)
        return self.browser.leave

    def run(self):
        for _ in range(self.rounds):
            rates = {end: self.throughput(end, end, 40_000, 1000) for end in (BARE, *OURS)}
            for end in OURS:
                self.figures.add(f"reliable 1000 B, {end}, ratio to webrtcbin alone", rates[end] / rates[BARE])
            for end in OURS:
                self.throughput(end, end, 5_000, 15_000)
            for end in (BARE, *OURS):
                self.lossy(end, end, 30_000, 100, 10_000)
            self.throughput("sdk", "sdk", 4_000, 1000)
            self.throughput("sdk", "sdk", 800, 15_000)
            self.throughput("sdk", "library", 4_000, 1000)
            self.lossy("sdk", "sdk", 4_000, 100, 0)
            for echoing, (size, lossy) in itertools.product(self.echoes, ((1000, False), (100, True))):
                trips = {end: self.round_trip(end, echoing, size, lossy) for end in (BARE, *OURS, "sdk")}
                for end in OURS:
                    self.figures.add(f"round trip {size} B {'lossy' if lossy else 'reliable'} to {echoing}, {end}, ratio to webrtcbin alone",
                                     trips[end] / trips[BARE])
