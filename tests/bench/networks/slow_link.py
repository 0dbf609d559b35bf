#!/usr/bin/env python3
"""What a link that gets slow does to a viewer of ours: 4 Mbit/s, then 700 kbit/s, then 4 again; the SDK publishes three sizes.

    slow_link.py [--kbps 700] [--mute]      --mute: the server is not told, as if we knew nothing
"""
import argparse
import os
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integration"))
# pylint: disable=wrong-import-position
from lk import quality, server  # noqa: E402
from lk.impair import Both, Path  # noqa: E402
from lk.launch import environment  # noqa: E402
from lk.peer import Peer  # noqa: E402
from lk.relay import Relay  # noqa: E402
from lk.tap import VIDEO, Tap  # noqa: E402
from lk.wait import Timeout, wait_until  # noqa: E402

FAST = 4_000_000
REMB = 24 + 14  # bytes: SRTCP adds an index and a tag. NACKs of three words have this size, too, and are rare


class Mute(Both):
    def __call__(self, packet):
        return None if packet.up and packet.kind == "rtcp" and len(packet.data) == REMB else super().__call__(packet)


def rate(path, seconds):
    begin, sent, lost = time.monotonic(), path.bytes, path.lost.get("video", 0)
    time.sleep(seconds)  # the measurement itself
    return 8 * (path.bytes - sent) / (time.monotonic() - begin), path.lost.get("video", 0) - lost


def seconds_until(condition, limit):
    begin = time.monotonic()
    try:
        wait_until(condition, limit, "")
    except Timeout:
        return "never"
    return f"{time.monotonic() - begin:.1f} s"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kbps", type=int, default=700)
    parser.add_argument("--mute", action="store_true")
    args = parser.parse_args()
    live, room = server.shared(), f"slow-{uuid.uuid4().hex[:6]}"
    down = Path(delay=0.02, bps=FAST)
    relay = Relay(live, (Mute if args.mute else Both)(Path(delay=0.02), down))
    them = Peer(live, room, "them")
    them.publish_video(640, 360, fps=10, simulcast=True, bitrate=1_500_000, noise=15)
    env = environment(live)
    env["LIVEKIT_URL"] = relay.url
    with tempfile.TemporaryDirectory() as directory:
        tap = Tap(os.path.join(directory, "tap"), f"livekitsrc room={room} identity=us name=r r.video_0 ! {VIDEO}video", env)
        try:
            wait_until(lambda: rate(down, 1)[0] > 1.2 * 1000 * args.kbps, 60, "the large picture")
            down.bps, begin = 1000 * args.kbps, time.time()
            fits = seconds_until(lambda: rate(down, 0.4)[1] == 0, 20)
            since = time.time()
            got, lost = rate(down, 10)
            seen = [b.arrival for b in tap.buffers("video") if b.arrival > since and b.number() is not None]
            first = [b.arrival for b in tap.buffers("video") if b.arrival > begin and b.number() is not None]
            print(f"no more than fits after {fits}; then {got / 1000:.0f} kbit/s, {len(seen) / 10:.1f} pictures/s, {lost} packets "
                  f"dropped in 10 s; longest freeze {quality.longest_gap([begin, *first]):.1f} s")
            down.bps = FAST
            print(f"the large picture again after {seconds_until(lambda: rate(down, 1)[0] > 1200 * args.kbps, 60)}")
        finally:
            tap.interrupt(10)
            them.leave()
            relay.stop()


if __name__ == "__main__":
    main()
