#!/usr/bin/env python3
"""What loss and jitter do to a call: a table of sound and picture in both directions, the official SDK at the other end.

    loss.py [--seconds 30] [--loss 0 1 5 10 20] [--delay 100] [--jitter 30] [--latency 200]
"""
import argparse
import os
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integration"))
# pylint: disable=wrong-import-position
from lk import media, quality, server  # noqa: E402
from lk.impair import Both, Path  # noqa: E402
from lk.launch import environment  # noqa: E402
from lk.peer import RATE, Peer  # noqa: E402
from lk.relay import Relay  # noqa: E402
from lk.tap import AUDIO, VIDEO, Tap  # noqa: E402
from lk.wait import wait_until  # noqa: E402
import numpy as np  # noqa: E402

FPS = 15


def measure(live, loss, delay, jitter, latency, seconds):
    room = f"loss-{uuid.uuid4().hex[:6]}"
    paths = Both(Path(loss, delay, jitter), Path(loss, delay, jitter, seed=2))
    relay = Relay(live, paths)
    them = Peer(live, room, "them")
    tap = None
    try:
        with tempfile.TemporaryDirectory() as directory:
            them.publish_tone(600)
            them.publish_video(fps=FPS)
            env = environment(live)
            env["LIVEKIT_URL"] = relay.url
            begin = time.monotonic()
            tap = Tap(os.path.join(directory, "tap"),
                      f"livekitsrc room={room} identity=us name=r latency={latency} connect-timeout=20000 r.video_0 ! {VIDEO}video r.audio_0 ! {AUDIO}audio "
                      f"livekitsink room={room} identity=us name=s connect-timeout=20000 audiotestsrc is-live=true freq=700 ! s. "
                      f"filesrc location={media.counting_y4m(fps=FPS, seconds=90)} ! y4mdec ! s.", env)
            wait_until(lambda: tap.buffers("video") and tap.buffers("audio"), 20, lambda: tap.output)
            ear, eye = them.hear("us"), them.see("us")
            eye.wait_for_pictures(5)
            joined = time.monotonic() - begin
            start, epoch = time.monotonic(), time.time() - time.monotonic()
            time.sleep(seconds)  # the measurement itself
            end = time.monotonic()
            heard = np.concatenate([b.samples() for b in tap.buffers("audio") if start < b.arrival - epoch < end])
            seen = [b.arrival - epoch for b in tap.buffers("video") if start < b.arrival - epoch < end and b.number() is not None]
            seen_there = [when for when, number, *_ in list(eye.pictures) if start < when < end and number is not None]
            return {
                "joined": joined, "lost": paths.down.share_lost("audio"),
                "heard": quality.hole_share(heard, 600), "freeze": quality.longest_gap(seen), "fps": len(seen) / seconds,
                "heard there": quality.hole_share(ear.last(seconds - 1)[:, 0], 700, RATE),
                "freeze there": quality.longest_gap(seen_there), "fps there": len(seen_there) / seconds}
    finally:
        if tap:
            tap.interrupt(10)
        them.leave()
        relay.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--loss", type=float, nargs="+", default=[0, 1, 5, 10, 20], help="per cent, each way")
    parser.add_argument("--delay", type=float, default=100, help="ms, each way")
    parser.add_argument("--jitter", type=float, default=30, help="± ms")
    parser.add_argument("--latency", type=int, default=200, help="ms, of livekitsrc")
    args = parser.parse_args()
    live = server.shared()
    print("| loss | joined after | we hear broken | we see: freeze, pictures/s | they hear broken | they see: freeze, pictures/s |")
    print("|---|---|---|---|---|---|")
    for loss in args.loss:
        got = measure(live, loss / 100, args.delay / 1000, args.jitter / 1000, args.latency, args.seconds)
        print(f"| {loss:g} % | {got['joined']:.1f} s | {got['heard']:.1%} | {got['freeze'] * 1000:.0f} ms, {got['fps']:.1f} | "
              f"{got['heard there']:.1%} | {got['freeze there'] * 1000:.0f} ms, {got['fps there']:.1f} |", flush=True)


if __name__ == "__main__":
    main()
