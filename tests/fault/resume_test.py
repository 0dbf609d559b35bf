"""The signalling connection breaks, or the media path falls silent, while both ends live on: the same participant goes on,
and the others notice nothing. The official SDK is the other end."""
import os
import re
import struct
import time
import unittest

from lk import media, tone
from lk.case import LiveKitTest
from lk.data_peer import DataPeer
from lk.recording import Recording
from lk.relay import Relay
from lk.wait import wait_until

ALONE = True  # times away

FULL = os.environ.get("LK_LIFE") == "full"
RESUMED = "resumed=(boolean)true"
JOINED_AGAIN = "resumed=(boolean)false"
NOTICED = ("track_unpublished", "track_unsubscribed", "participant_disconnected")
WAV = "audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=1 ! wavenc ! filesink buffer-mode=unbuffered location={}"


class Resume(LiveKitTest):
    """What is launched with `through` goes through self.relay."""

    def setUp(self):
        super().setUp()
        self.relay = self.make_relay()
        self.addCleanup(self.relay.stop)

    def make_relay(self):
        return Relay(self.server)

    def through(self, pipeline, env=None, **options):
        return self.launch(pipeline, messages=True, env={"LIVEKIT_URL": self.relay.url, **(env or {})}, **options)

    def let_pass(self, seconds):
        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() >= end, seconds + 5, f"{seconds} s")

    def cut(self, ours, what=RESUMED, timeout=8):
        """Cuts the signalling and waits for the recovery, which must be of that kind; ms that the outage took."""
        before = len(outages(ours))
        self.relay.cut()
        wait_until(lambda: len(outages(ours)) > before, timeout, lambda: "a recovery\n" + ours.output[-3000:])
        kind, took = outages(ours)[-1]
        self.assertEqual(kind, what, ours.output[-3000:])
        return took

    def connect(self, ours):
        ours.wait_for_output("to=(string)connected")

    def publish(self, with_pictures=True):
        pictures = f"filesrc location={media.counting_y4m(fps=15, seconds=60)} ! y4mdec ! s." if with_pictures else ""
        return self.through(f"livekitsink name=s room={self.room} identity=us audiotestsrc is-live=true freq=660 ! s. {pictures}")

    def subscribe(self, path, **options):
        return self.through(f"livekitsrc room={self.room} identity=us name=r r.audio_0 ! {WAV.format(path)}", **options)

    def assert_unnoticed(self, them, since):
        seen = [name for when, name, _ in list(them.events) if when > since and name in NOTICED]
        self.assertEqual(seen, [])


def outages(process):
    """(RESUMED or JOINED_AGAIN, ms) of each recovery that was posted."""
    return [(f"resumed=(boolean){kind}", int(took)) for kind, took in
            re.findall(r"to=\(string\)connected, resumed=\(boolean\)(\w+), outage-ms=\(guint64\)(\d+)", process.output)]


def longest_gap(times, begin, end):
    within = [begin, *(t for t in times if begin < t < end), end]
    return max(b - a for a, b in zip(within, within[1:]))


class SignallingIsCut(Resume):
    def test_of_a_publisher_nobody_notices_anything(self):
        them = self.peer("them")
        ours = self.publish()
        ear, eye = them.hear("us"), them.see("us")
        ear.wait_for_tone(660)
        eye.wait_for_pictures(20)
        sids = {p.name: p.sid for p in them.publications("us")}
        for _ in range(3):
            cut = time.monotonic()
            took = self.cut(ours)
            eye.wait_for_new_pictures(20)
            times = [p[0] for p in list(eye.pictures)]
            usual, gap = longest_gap(times, cut - 1, cut), longest_gap(times, cut - 0.5, time.monotonic())
            print(f"resume of a publisher: {took} ms, longest picture gap {gap * 1000:.0f} ms", flush=True)
            self.assertLess(took, 1500)
            self.assertLess(gap, 1.0 + usual)
            self.assertLess(tone.longest_silence(ear.last(time.monotonic() - cut)[:, 0]), 1.0)
            self.assert_unnoticed(them, cut)
        self.assertEqual({p.name: p.sid for p in them.publications("us")}, sids)
        ear.wait_for_tone(660, timeout=5)
        self.assertEqual([q.get("reconnect") for q in self.relay.queries], [None, "1", "1", "1"])

    def test_of_a_subscriber_the_same_pads_go_on_and_new_tracks_come(self):
        them = self.peer("them")
        them.publish_tone(523)
        path = self.path("a.wav")
        ours = self.subscribe(path, eos_on_shutdown=True)
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 2 * 96000, 20, "2 s of sound")
        for _ in range(3):
            print(f"resume of a subscriber: {self.cut(ours)} ms", flush=True)
            self.let_pass(2)
        self.assertEqual(ours.output.count("livekit-track-subscribed"), 1)
        them.publish_tone(784, "second")
        wait_until(lambda: ours.output.count("livekit-track-subscribed") == 2, 10, lambda: "the new track\n" + ours.output[-2000:])
        self.assertNotIn("livekit-track-unsubscribed", ours.output)
        self.assertEqual(ours.interrupt(10)[0], 0, ours.output)
        sound = Recording(path).sound()[24000:-14400, 0]
        self.assertLess(tone.longest_silence(sound), 1.0)
        self.assert_near(tone.measure(sound[-48000:]).frequency, 523, 2, "after")

    def test_a_refused_resume_becomes_a_new_join_in_the_same_outage(self):
        them = self.peer("them")
        ours = self.publish(with_pictures=False)
        them.hear("us").wait_for_tone(660)
        self.relay.refuse = lambda query: 503 if query.get("reconnect") else None
        self.cut(ours, JOINED_AGAIN)
        self.peer("witness").hear("us").wait_for_tone(660)

    def test_what_happened_meanwhile_is_known_afterwards(self):
        them = self.peer("them")
        them.publish_tone(523, "old")
        other = self.peer("other")
        ours = self.through(f"livekitsrc room={self.room} identity=us name=r r.audio_0 ! fakesink")
        ours.wait_for_output("livekit-track-subscribed")
        self.relay.refuse = lambda query: Relay.NO_ANSWER
        self.relay.cut()
        ours.wait_for_output("to=(string)reconnecting")
        other.leave()
        them.unpublish("old")
        them.publish_tone(784, "new")
        self.relay.refuse = lambda query: None
        wait_until(lambda: outages(ours), 15, lambda: "a recovery\n" + ours.output[-3000:])
        self.assertEqual(outages(ours)[0][0], RESUMED)
        ours.wait_for_output("livekit-participant-left")
        ours.wait_for_output("livekit-track-unpublished")
        wait_until(lambda: ours.output.count("livekit-track-subscribed") == 2, 10, lambda: "the new track\n" + ours.output[-2000:])


class Dark(Resume):
    """The media goes through the relay, too."""

    def make_relay(self):
        return Relay(self.server, lambda packet: 0.0)


class PathIsDark(Dark):
    def test_three_seconds_are_sat_out(self):
        them = self.peer("them")
        ours = self.publish(with_pictures=False)
        ear = them.hear("us")
        ear.wait_for_tone(660)
        self.relay.black_out(3)
        self.let_pass(3)
        ear.wait_for_tone(660, timeout=1.5)
        self.assertNotIn("to=(string)reconnecting", ours.output)

    def test_after_ten_seconds_media_is_back_within_one(self):
        them = self.peer("them")
        ours = self.publish()
        ear, eye = them.hear("us"), them.see("us")
        ear.wait_for_tone(660)
        eye.wait_for_pictures(5)
        begin = time.monotonic()
        self.relay.black_out(10)
        self.let_pass(10)
        back = time.monotonic()
        wait_until(lambda: ear.tone(seconds=0.1).rms > 0.1, 1.0, lambda: f"sound; heard {ear.tone()}\n" + ours.output[-2000:])
        print(f"blackout of 10 s: sound {time.monotonic() - begin - 10:.2f} s after its end", flush=True)
        wait_until(lambda: [p for p in list(eye.pictures) if p[0] > back + 0.05 and p[1] is not None], 5, "a picture that can be read")
        seen = next(p[0] for p in list(eye.pictures) if p[0] > back + 0.05 and p[1] is not None) - back
        print(f"and picture {seen:.2f} s after its end", flush=True)
        self.assertLess(seen, 1.5)  # 2.1 where those who watch have to ask for it
        ear.wait_for_tone(660, timeout=5)
        self.assert_unnoticed(them, begin)

    def test_a_path_that_is_dark_while_joining_is_found_soon_after(self):
        """libnice repeats its checks after 0.5, 1.5 and 3.5 s."""
        first, later = [], []

        def dark_at_first(packet):
            if not first:
                first.append(packet.at)
            light = first[0] + 1.7
            if packet.at < light:
                return None
            if 20 <= packet.data[0] < 64:  # DTLS: ICE has found its way
                later.append(packet.at - light)
            return 0.0
        self.relay.hook = dark_at_first
        ours = self.publish(with_pictures=False)
        self.connect(ours)
        print(f"dark for 1.7 s: ICE connected {later[0]:.2f} s after its end", flush=True)
        self.assertLess(later[0], 1.6)  # 1.8 without our own
        self.peer("them").hear("us").wait_for_tone(660)

    def test_a_pipeline_that_is_stopped_in_the_dark_ends_at_once(self):
        ours = self.publish(with_pictures=False)
        self.connect(ours)
        self.relay.black_out(20, signalling=True)
        self.relay.cut()
        ours.wait_for_output("to=(string)reconnecting")
        self.assertLess(ours.interrupt(10)[1], 2)

    @unittest.skipUnless(FULL, "half a minute: LK_LIFE=full")
    def test_after_thirty_seconds_without_any_packet_media_is_back_soon(self):
        ours = self.publish(with_pictures=False)
        self.peer("them").hear("us").wait_for_tone(660)
        self.relay.black_out(30, signalling=True)
        self.let_pass(30)
        back = time.monotonic()
        ours.wait_for_output("outage-ms", 6)
        joined = time.monotonic() - back
        self.peer("witness").hear("us").wait_for_tone(660)
        print(f"blackout of 30 s: {outages(ours)} {joined:.2f} s after its end", flush=True)
        self.assertLess(joined, 3)


class Data(Dark):
    """Four bytes a message, its number."""

    COUNT = 1500

    def disturb(self, ours):
        """Two cuts, the second of them while nothing passes, so that what SCTP holds is sent again besides."""
        self.let_pass(1)
        self.cut(ours)
        self.let_pass(1)
        self.relay.black_out(1.5)
        self.cut(ours)

    def test_what_we_send_arrives_once_and_in_order(self):
        them = DataPeer(self.server, self.room, "them")
        self.addCleanup(them.leave)
        path = self.path("numbers")
        with open(path, "wb") as out:
            # More than is waited for: who leaves right after a blackout takes along what SCTP has not sent again.
            out.write(b"".join(struct.pack(">I", n) for n in range(4 * self.COUNT)))
        ours = self.through(f"filesrc location={path} blocksize=4 ! identity sleep-time=4000 ! livekitdatasink room={self.room} identity=us")
        them.wait_for_packets(1)
        self.disturb(ours)
        them.wait_for_packets(self.COUNT, timeout=40)
        self.assertEqual([struct.unpack(">I", p.data)[0] for p in list(them.packets)][:self.COUNT], list(range(self.COUNT)))

    def test_what_others_send_arrives_once_and_in_order(self):
        them = DataPeer(self.server, self.room, "them")
        self.addCleanup(them.leave)
        path = self.path("numbers")
        ours = self.through(f"livekitdatasrc room={self.room} identity=us ! filesink buffer-mode=unbuffered location={path}")
        self.connect(ours)
        them.wait_for_participant("us")
        them.send(struct.pack(">I", 0))

        def numbers():
            with open(path, "rb") as data:
                whole = data.read()
            return [n for n, in struct.iter_unpack(">I", whole[:len(whole) // 4 * 4])]

        wait_until(lambda: os.path.exists(path) and numbers(), 10, "the first number")
        them.send_slowly((struct.pack(">I", n) for n in range(1, self.COUNT)), 0.004)
        self.disturb(ours)
        wait_until(lambda: len(numbers()) >= self.COUNT, 40, lambda: f"{self.COUNT} numbers; got {len(numbers())}")
        self.assertEqual(numbers(), list(range(self.COUNT)))


class ManyOutages(Resume):
    """Few in an ordinary run; LK_LIFE=full does all."""

    def held(self, process):
        with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
            fields = dict(line.split(":", 1) for line in status)
        return {"threads": int(fields["Threads"]), "rss_kb": int(fields["VmRSS"].split()[0]),
                "fds": len(os.listdir(f"/proc/{process.pid}/fd"))}

    def many(self, rounds, what):
        them = self.peer("them")
        them.publish_tone(523)
        # One arena: with one for each thread the C library spreads what comes and goes ever more thinly.
        ours = self.through(f"audiotestsrc is-live=true freq=660 ! livekitsink name=s room={self.room} identity=us session=one "
                            f"livekitsrc name=r session=one r.audio_0 ! fakesink", env={"MALLOC_ARENA_MAX": "1"})
        them.hear("us").wait_for_tone(660)
        ours.wait_for_output("livekit-track-subscribed")
        for _ in range(20 if FULL else 3):  # what is made once has been made then
            self.cut(ours, what)
            self.let_pass(0.3)
        self.let_pass(2)
        before = self.held(ours)
        took = []
        for _ in range(rounds):
            took.append(self.cut(ours, what))
            self.let_pass(0.3)
        self.let_pass(3)
        after = self.held(ours)
        print(f"{rounds} × {what}: {sorted(took)[len(took) // 2]} ms median, {max(took)} ms at most; {before} -> {after}", flush=True)
        self.assertLessEqual(after["threads"], before["threads"] + 2)
        self.assertLessEqual(after["fds"], before["fds"] + 2)
        self.assertLess(after["rss_kb"], before["rss_kb"] + (1500 if FULL else 4000))

    def test_resumes_leave_nothing_behind(self):
        self.many(50 if FULL else 5, RESUMED)

    def test_new_joins_leave_nothing_behind(self):
        self.relay.refuse = lambda query: 404 if query.get("reconnect") else None
        self.many(50 if FULL else 4, JOINED_AGAIN)


if __name__ == "__main__":
    unittest.main(verbosity=2)
