#!/usr/bin/env python3
"""What a room costs: milestones, latency and processor time of our elements, beside the bare codec, the official Python SDK
and (with --peer "$(tests/bench/peer.sh)") the existing GStreamer plugin, in one run.

    tests/bench/run.sh [--rounds N] [--seconds S] [--peer FOLDER] [connect latency publish subscribe tracks mix data]

Every figure is a median over the rounds with the range behind it; ratios are taken within a round, so that they hold when the machine is busy.
"""
import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
import uuid

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(_HERE, "..", "..", "integration"), os.path.join(_HERE, "..", "data")]
from data import DataBench  # noqa: E402  pylint: disable=wrong-import-position
from lk import launch, server  # noqa: E402  pylint: disable=wrong-import-position
from lk.server import token  # noqa: E402  pylint: disable=wrong-import-position

PROGRAM = os.path.join(launch.BUILD, "tests", "bench", "room-bench")
LATENCY = os.path.join(launch.BUILD, "tests", "bench", "latency-bench")
VIDEO = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=1280,height=720,framerate=30/1"
AUDIO = "audiotestsrc is-live=true samplesperbuffer=480 ! audio/x-raw,rate=48000,channels=1"
EVERYTHING = ["connect", "latency", "publish", "subscribe", "tracks", "mix", "data"]


class Figures:
    def __init__(self):
        self.rows = {}

    def add(self, name, value):
        self.rows.setdefault(name, []).append(value)

    def show(self):
        width = max((len(name) for name in self.rows), default=0)
        for name, values in self.rows.items():
            print(f"{name:<{width}}  {statistics.median(values):9.2f}   ({min(values):.2f} … {max(values):.2f}, n={len(values)})")


class Bench:
    def __init__(self, lk_server, rounds, seconds, peer):
        self.server, self.rounds, self.seconds, self.peer = lk_server, rounds, seconds, peer
        self.figures = Figures()
        self.env = launch.environment(lk_server)
        if peer:
            self.env["GST_PLUGIN_PATH"] += os.pathsep + peer

    def peer_element(self, kind, room, identity, name):
        """The existing plugin's `sink` or `src` in that room."""
        return (f"livekitwebrtc{kind} name={name} stun-server=\"\" signaller::ws-url={self.server.url} "
                f"signaller::api-key={self.server.key} signaller::secret-key={self.server.secret} "
                f"signaller::room-name={room} signaller::identity={identity}")

    def start(self, *pipeline, seconds=None, settle=3, encode=None):
        """room-bench on one pipeline, or on source and sink with livekitsink's encoder between them."""
        options = [f"--seconds={seconds or self.seconds}", f"--settle={settle}"] + ([f"--encode={encode}"] if encode else [])
        return subprocess.Popen([PROGRAM, *options, *pipeline], env=self.env, stdout=subprocess.PIPE, text=True)

    def result(self, process):
        out, _ = process.communicate(timeout=180)
        if process.returncode != 0:
            raise RuntimeError(f"room-bench ended with {process.returncode}: {process.args[-1]}")
        return json.loads(out)

    def run(self, *pipeline, **options):
        return self.result(self.start(*pipeline, **options))

    # ---- time to media ---------------------------------------------------------------------------------------

    def connect(self):
        """Join → published, and join → first sound at another participant, ours and the SDK's alternating."""
        for _ in range(self.rounds):
            room = uuid.uuid4().hex[:8]
            publisher = self.start(f"{AUDIO} ! livekitsink room={room} identity=pub", seconds=6, settle=1)
            ours = self.result(publisher)
            self.figures.add("connect → joined, ours, ms", ours["connected"])
            self.figures.add("connect → published, ours, ms", ours["published"])
            sdk = asyncio.run(self.sdk_publish(uuid.uuid4().hex[:8]))
            self.figures.add("connect → published, Python SDK, ms", sdk)
            self.figures.add("connect → published, ratio", ours["published"] / sdk)

            room = uuid.uuid4().hex[:8]
            publisher = self.start(f"{AUDIO} ! livekitsink room={room} identity=pub", seconds=12, settle=1)
            time.sleep(2)  # the publisher stands; what is timed begins with the next process
            subscriber = self.run(f"livekitsrc name=src room={room} identity=sub", seconds=2, settle=1)
            self.figures.add("connect → first sound, ours, ms", subscriber["first_buffer"])
            sdk = asyncio.run(self.sdk_first_sound(room))
            self.figures.add("connect → first sound, Python SDK, ms", sdk)
            self.figures.add("connect → first sound, ratio to the SDK", subscriber["first_buffer"] / sdk)
            if self.peer:
                peer = self.run(self.peer_element("src", room, "peer", "src"), seconds=2, settle=1)["first_buffer"]
                self.figures.add("connect → first sound, GStreamer peer, ms", peer)
                self.figures.add("connect → first sound, ratio to the GStreamer peer", subscriber["first_buffer"] / peer)
            self.result(publisher)

    async def sdk_publish(self, name):
        from livekit import rtc
        room = rtc.Room()
        start = time.monotonic()
        await room.connect(self.server.url, token(self.server, name, "sdk"))
        source = rtc.AudioSource(48000, 1)
        await room.local_participant.publish_track(rtc.LocalAudioTrack.create_audio_track("a", source))
        took = (time.monotonic() - start) * 1000
        await room.disconnect()
        return took

    async def sdk_first_sound(self, name):
        from livekit import rtc
        room = rtc.Room()
        heard = asyncio.get_running_loop().create_future()

        async def listen(track):
            async for event in rtc.AudioStream(track):
                if any(event.frame.data) and not heard.done():
                    heard.set_result(time.monotonic())
                    return

        tasks = []
        room.on("track_subscribed", lambda track, *_: tasks.append(asyncio.ensure_future(listen(track))))
        start = time.monotonic()
        await room.connect(self.server.url, token(self.server, name, "sdk"))
        took = (await asyncio.wait_for(heard, 15) - start) * 1000
        await room.disconnect()
        return took

    # ---- latency ---------------------------------------------------------------------------------------------

    def latency(self):
        """Raw buffer in → raw buffer out of the other pipeline, without the wait for its time on the clock."""
        for _ in range(self.rounds):
            for name, source in (("audio", AUDIO + ",format=S16LE"), ("video", VIDEO)):
                room = uuid.uuid4().hex[:8]
                ours = self.measure_latency(f"{source} ! identity name=mark ! livekitsink room={room} identity=pub session=pub",
                                            f"livekitsrc name=src room={room} identity=sub session=sub")
                self.figures.add(f"{name} latency, ours, ms", ours)
                if self.peer:
                    room = uuid.uuid4().hex[:8]
                    peer = self.measure_latency(
                        f"{source} ! identity name=mark ! sink.{name}_0 {self.peer_element('sink', room, 'pub', 'sink')} "
                        f"{name}-caps={'audio/x-opus' if name == 'audio' else 'video/x-vp8'}",
                        self.peer_element("src", room, "sub", "src"))
                    self.figures.add(f"{name} latency, GStreamer peer, ms", peer)
                    self.figures.add(f"{name} latency, ratio", ours / peer)

    def measure_latency(self, publish, subscribe):
        out = subprocess.run([LATENCY, f"--seconds={self.seconds}", publish, subscribe], env=self.env, check=True,
                             stdout=subprocess.PIPE, text=True, timeout=180).stdout
        return statistics.median(json.loads(out)[2:])  # without what the start disturbs

    # ---- processor time --------------------------------------------------------------------------------------

    def publish(self):
        """720p30 VP8: a pipeline that publishes, over the same encoder into nothing."""
        for _ in range(self.rounds):
            bare = self.run(f"{VIDEO} ! identity silent=true", "fakesink async=false sync=false", encode="vp8")
            ours = self.run(f"{VIDEO} ! livekitsink room={uuid.uuid4().hex[:8]} identity=pub")
            self.figures.add("720p30 VP8 publish, CPU-s/min", ours["cpu"])
            self.figures.add("  bare encoder, CPU-s/min", bare["cpu"])
            self.figures.add("  publish, ratio", ours["cpu"] / bare["cpu"])

    def subscribe(self):
        """720p30 VP8: received and decoded, over the decoder on the same stream from a file."""
        file = f"/tmp/lk-bench-{os.getpid()}.webm"
        self.run(f"{VIDEO} ! vp8enc deadline=1 cpu-used=8 target-bitrate=1700000 ! webmmux ! filesink location={file}",
                 seconds=self.seconds + 10, settle=1)
        try:
            for _ in range(self.rounds):
                room = uuid.uuid4().hex[:8]
                bare = self.run(f"filesrc location={file} ! matroskademux ! vp8dec threads=1 ! fakesink sync=true")
                publisher = self.start(f"{VIDEO} ! livekitsink room={room} identity=pub", seconds=self.seconds + 8)
                time.sleep(2)
                ours = self.run(f"livekitsrc name=src room={room} identity=sub")
                self.result(publisher)
                self.figures.add("720p30 VP8 subscribe, CPU-s/min", ours["cpu"])
                self.figures.add("  bare decoder, CPU-s/min", bare["cpu"])
                self.figures.add("  subscribe, ratio", ours["cpu"] / bare["cpu"])
        finally:
            os.unlink(file)

    def tracks(self):
        """Memory, threads and processor time for 0, 1, 10 and 50 decoded Opus tracks."""
        for count in (0, 1, 10, 50):
            room = uuid.uuid4().hex[:8]
            publisher = None
            if count:
                pads = " ".join(f"audiotestsrc is-live=true freq={200 + 20 * i} ! audio/x-raw,rate=48000,channels=1 ! s.audio_{i}"
                                for i in range(count))
                publisher = self.start(f"livekitsink name=s room={room} identity=pub {pads}", seconds=2 * self.seconds + 25)
                time.sleep(5)
            ours = self.run(f"livekitsrc name=src room={room} identity=sub", settle=5)
            if ours["pads"] != count:
                raise RuntimeError(f"{ours['pads']} pads instead of {count}")
            peer = self.run(self.peer_element("src", room, "peer", "src"), settle=5) if self.peer and count else None
            for field, unit in (("cpu", "CPU-s/min"), ("rss_mib", "MiB"), ("threads", "threads")):
                self.figures.add(f"{count} audio tracks, {unit}", ours[field])
                if peer:
                    self.figures.add(f"{count} audio tracks, {unit}, GStreamer peer", peer[field])
                    self.figures.add(f"{count} audio tracks, {unit}, ratio", ours[field] / peer[field])
            if publisher:
                self.result(publisher)

    def mix(self):
        """Four pictures of 640×360 at 30 in one of 720p30: video_mix, over decoders and a compositor on the same streams from a file."""
        file = f"/tmp/lk-bench-{os.getpid()}.webm"
        total = self.seconds + 20
        source = f"videotestsrc num-buffers={30 * total} pattern=ball ! video/x-raw,format=I420,width=640,height=360,framerate=30/1"
        subprocess.run(["gst-launch-1.0", "-q", *f"{source} ! vp8enc deadline=1 cpu-used=8 target-bitrate=500000 keyframe-max-dist=30 "
                        f"! webmmux ! filesink location={file}".split()], env=self.env, check=True, timeout=300)
        out = "video/x-raw,width=1280,height=720,framerate=30/1 ! fakesink sync=true"
        places = " ".join(f"sink_{i}::xpos={640 * (i % 2)} sink_{i}::ypos={360 * (i // 2)}" for i in range(4))
        branches = " ".join(f"filesrc location={file} ! matroskademux ! vp8dec threads=1 ! videoconvert n-threads=1 ! c.sink_{i}"
                            for i in range(4))
        publishers = " ".join(f"filesrc location={file} ! matroskademux ! s.video_{i}" for i in range(4))
        try:
            for _ in range(self.rounds):
                bare = self.run(f"compositor name=c background=black {places} ! {out} {branches}")
                room = uuid.uuid4().hex[:8]
                publisher = self.start(f"livekitsink name=s room={room} identity=pub {publishers}", seconds=self.seconds + 10)
                time.sleep(3)
                ours = self.run(f"livekitsrc name=room room={room} identity=sub room.video_mix ! {out}", settle=5)
                self.result(publisher)
                self.figures.add("720p30 of four, CPU-s/min", ours["cpu"])
                self.figures.add("  bare decoders and compositor, CPU-s/min", bare["cpu"])
                self.figures.add("  mix, ratio", ours["cpu"] / bare["cpu"])
        finally:
            os.unlink(file)

    def data(self):
        """Messages a second, and round trips."""
        DataBench(self.server, self.rounds, self.figures).run()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("what", nargs="*", choices=[*EVERYTHING, []])
    parser.add_argument("--peer", help="folder of the existing GStreamer plugin, as tests/bench/peer.sh prints it")
    arguments = parser.parse_args()
    with server.Server() as lk_server:
        bench = Bench(lk_server, arguments.rounds, arguments.seconds, arguments.peer)
        try:
            for what in arguments.what or EVERYTHING:
                getattr(bench, what)()
        finally:
            bench.figures.show()


if __name__ == "__main__":
    main()
