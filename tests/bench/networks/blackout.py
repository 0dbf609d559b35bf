#!/usr/bin/env python3
"""How long after a link came back sound and picture are there again, both ways. Our client is in a network namespace (root needed),
the official SDK is the other end.

    blackout.py [--rounds 5] [--seconds 30] [--what udp media all address]

udp: no UDP packet passes; media: no TCP to the server's media port either; all: no packet at all; address: the machine is in another
network from one moment to the next.
"""
import argparse
import os
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integration"))
# pylint: disable=wrong-import-position
from lk import media, namespace  # noqa: E402
from lk.launch import environment  # noqa: E402
from lk.peer import Peer  # noqa: E402
from lk.server import Server  # noqa: E402
from lk.tap import AUDIO, VIDEO, Tap  # noqa: E402
from lk.wait import wait_until  # noqa: E402

LIMIT = 60
SHORTEST = 0.4  # pause of a connection that has to be made anew


class There:
    """What the SDK hears and sees of us, by time: what we publish anew is another track."""

    def __init__(self, them):
        self.them, self.senses = them, {}

    def look(self):
        for publication in self.them.publications("us"):
            if publication.sid in self.senses or publication.track is None:
                continue
            kind = "hear" if publication.kind == 1 else "see"
            self.senses[publication.sid] = getattr(self.them, kind)("us", publication.name)

    def times(self, since):
        """(of sound, of pictures)"""
        self.look()
        sound = [when for sense in self.senses.values() if hasattr(sense, "_chunks")
                 for when, chunk in list(sense._chunks) if when > since and abs(chunk).max() > 0.1]  # pylint: disable=protected-access
        pictures = [when for sense in self.senses.values() if hasattr(sense, "pictures")
                    for when, number, *_ in list(sense.pictures) if when > since and number is not None]
        return sorted(sound), sorted(pictures)


def times_here(tap, since):
    epoch = time.time() - time.monotonic()
    sound = [b.arrival - epoch for b in tap.buffers("audio") if b.arrival - epoch > since and abs(b.samples()).max() > 0.1]
    pictures = [b.arrival - epoch for b in tap.buffers("video") if b.arrival - epoch > since and b.number() is not None]
    return sound, pictures


def after_the_gap(times, since):
    """Where the longest pause ends, from `since`; None while there is no pause, or no end of it."""
    pauses = [(b - a, b) for a, b in zip([since, *times], times)]
    pause, end = max(pauses, default=(0, 0))
    return end - since if pause > SHORTEST and time.monotonic() > end + 1 else None


def dark(net, live, what, seconds):
    """Returns when the link is back."""
    begin = time.monotonic()
    if what == "address":
        net.move()
        return begin
    if what == "all":
        net.cut()
    else:
        net.cut_media(*([live.tcp_port] if what == "media" else []))
    time.sleep(begin + seconds - time.monotonic())  # the measurement itself
    if what == "all":
        net.mend()
    else:
        net.mend_media()
    return time.monotonic()


def measure(what, seconds):
    net = namespace.Namespace()
    live = Server(bind=["127.0.0.1", net.here], log_path=os.environ.get("LK_SERVER_LOG")).start()
    room = f"dark-{uuid.uuid4().hex[:6]}"
    them = Peer(live, room, "them")
    tap = None
    try:
        with tempfile.TemporaryDirectory() as directory:
            them.publish_tone(600)
            them.publish_video(fps=15)
            env = environment(live)
            env["LIVEKIT_URL"] = f"ws://{net.here}:{live.port}"
            tap = Tap(os.path.join(directory, "tap"),
                      f"livekitsrc room={room} identity=us name=r r.video_0 ! {VIDEO}video r.audio_0 ! {AUDIO}audio "
                      f"livekitsink room={room} identity=us name=s audiotestsrc is-live=true freq=700 ! s. "
                      f"filesrc location={media.counting_y4m(fps=15, seconds=300)} ! y4mdec ! s.", env, prefix=net.prefix)
            there = There(them)
            wait_until(lambda: all((*times_here(tap, 0), *there.times(0))), LIMIT, lambda: tap.output)
            back = dark(net, live, what, seconds)

            def all_back():
                times = (*times_here(tap, back), *there.times(back))
                if what == "address":  # what was on its way still comes
                    found = [after_the_gap(one, back) for one in times]
                else:
                    found = [one[0] - back if one else None for one in times]
                return found if None not in found else None
            return wait_until(all_back, LIMIT, lambda: tap.output[-6000:])
    finally:
        if tap:
            tap.interrupt(10)
            if path := os.environ.get("LK_CLIENT_LOG"):
                with open(path, "a", encoding="utf-8") as out:
                    out.write(tap.output)
        them.leave()
        live.stop()
        net.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--what", nargs="+", default=["udp", "media", "all", "address"])
    args = parser.parse_args()
    if reason := namespace.why_not():
        sys.exit(reason)
    print("| what | we hear | we see | they hear | they see |")
    print("|---|---|---|---|---|")
    for what in args.what:
        for _ in range(args.rounds):
            found = measure(what, args.seconds)
            print(f"| {what} | " + " | ".join(f"{value:.2f} s" for value in found) + " |", flush=True)


if __name__ == "__main__":
    main()
