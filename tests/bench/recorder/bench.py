#!/usr/bin/env python3
"""What recording costs: processor seconds of livekit-recorder for each recorded minute, beside a bare GStreamer pipeline that decodes,
composes and encodes the same streams.

    tests/bench/run.sh recorder [--seconds S]

Participants publish 640x360 at 15 pictures a second (VP8) and a tone (Opus), encoded beforehand; a film is 1280x720 at 30.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integration"))
from lk import launch, media, server  # noqa: E402  pylint: disable=wrong-import-position

ENCODER = ("x264enc bitrate=3000 key-int-max=60 speed-preset=veryfast bframes=0 rc-lookahead=0 sync-lookahead=0 mb-tree=false "
           "sliced-threads=false byte-stream=true")


def cost(arguments, env, directory, seconds=None):
    """Processor seconds of a program that ends by itself, or with Ctrl-C after so long."""
    process = subprocess.Popen(arguments, env=env, cwd=directory, stdout=subprocess.DEVNULL)  # pylint: disable=consider-using-with
    if seconds is not None:
        time.sleep(seconds)
        process.send_signal(2)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{arguments[0]} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def publish(lk_server, room, count, seconds):
    """`count` participants, in programs of their own."""
    source = media.encoded("vp8", seconds=seconds, frequency=440)
    env = launch.environment(lk_server)
    return [launch.gst_launch(f"filesrc location={source} ! matroskademux name=d livekitsink room={room} identity=p{i} name=s "
                              "d.video_0 ! queue ! s. d.audio_0 ! queue ! s.", env) for i in range(count)]


def bare(seconds, directory):
    source = media.encoded("vp8", seconds=seconds, frequency=440)
    words = "compositor name=c background=black " + " ".join(
        f"sink_{i}::xpos={i % 2 * 640} sink_{i}::ypos={i // 2 * 360} sink_{i}::width=640 sink_{i}::height=360" for i in range(4))
    words += f" ! video/x-raw,width=1280,height=720,framerate=30/1 ! videoconvert ! {ENCODER} ! h264parse ! queue ! m. "
    words += "audiomixer name=a ! audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! queue ! m. "
    words += "mp4mux name=m fragment-duration=1000 ! filesink location=bare.mp4 "
    for i in range(4):
        words += (f"filesrc location={source} ! matroskademux name=d{i} d{i}.video_0 ! queue ! vp8dec ! clocksync ! c.sink_{i} "
                  f"d{i}.audio_0 ! queue ! opusdec ! audioconvert ! clocksync ! a. ")
    return cost(["gst-launch-1.0", "-q", *words.split()], launch.environment(), directory)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=30)
    seconds = parser.parse_args().seconds
    lk_server = server.shared()
    directory = tempfile.mkdtemp(prefix="lk-bench-")
    try:
        def record(count, *output):
            room = f"bench-{uuid.uuid4().hex[:8]}"
            publishers = publish(lk_server, room, count, seconds + 60)
            time.sleep(8)  # everybody is there
            used = cost(["livekit-recorder", "--room", room, "--quiet", "--max-duration", str(seconds), *output],
                        launch.environment(lk_server), tempfile.mkdtemp(dir=directory))
            for publisher in publishers:
                publisher.kill()
            return used * 60 / seconds

        for count in (1, 4, 10):
            print(f"copied, {count:2} participants        {record(count, '-o', '{participant}.mkv', '--passthrough'):6.2f} s a minute", flush=True)
        film = record(4, "-o", "film.mp4")
        limit = bare(seconds, directory) * 60 / seconds
        print(f"film of 4, 1280x720 at 30      {film:6.2f} s a minute")
        print(f"the same by bare GStreamer     {limit:6.2f} s a minute   ratio {film / limit:.2f}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        lk_server.stop()


if __name__ == "__main__":
    main()
