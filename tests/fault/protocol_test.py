"""A server that breaks the protocol: one clear error in time or a counted ignore, and the same process starts again.

All faults of a group come over the same two elements in one process, one start after the other; the last start is with the real
server, and has to work.
"""
import asyncio
import random
import time

from livekit.protocol import models, rtc as wire

from lk.case import LiveKitTest
from lk.driver import Driver
from lk.liar import Deaf, Liar, join
from lk.meddler import Meddler
from lk.server import token
from lk.wait import wait_until

LIMIT_MS = 1000  # connect-timeout of the faults
NOISE = random.Random(7)


def told(*frames, hold=True):
    """A script that accepts and says these: bytes, or a SignalResponse."""
    async def script(peer):
        await peer.upgrade()
        for frame in frames:
            await peer.frame(frame if isinstance(frame, bytes) else frame.SerializeToString())
        if hold:
            await peer.hold()
    return script


def status(code, *headers, body=b""):
    async def script(peer):
        await peer.status(code, body, headers)
    return script


def message(**one):
    return wire.SignalResponse(**one)


def joined(**more):
    return message(join=join(**more))


def participants(count, tracks=0):
    many = [models.ParticipantInfo(identity=f"p{i}", sid=f"PA_{i}", state=models.ParticipantInfo.ACTIVE) for i in range(count)]
    if many:
        for i in range(tracks):
            many[0].tracks.add(sid=f"TR_{i}", name=f"t{i}", type=models.TrackType.VIDEO, mime_type="video/VP8")
    return many


def offer(sdp, **mids):
    one = wire.SessionDescription(type="offer", sdp=sdp, id=1)
    one.mid_to_track_id.update(mids)
    return message(offer=one)


def trickle(text, target=wire.SignalTarget.SUBSCRIBER):
    return message(trickle=wire.TrickleRequest(candidateInit=text, target=target))


SESSION = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
DATA = ("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=setup:actpass\r\na=mid:{mid}\r\na=ice-ufrag:abcd\r\n"
        "a=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\na=sctp-port:5000\r\n")
VIDEO = ("m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=setup:actpass\r\na=mid:{mid}\r\na=ice-ufrag:abcd\r\n"
         "a=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 " + ":".join(["AB"] * 32) +
         "\r\na=rtpmap:96 VP8/90000\r\na=sendonly\r\na=ssrc:{ssrc} cname:x\r\n")


async def never_a_word(peer):
    await peer.upgrade()
    await peer.hold()


async def close_before_the_answer(_):
    pass


async def close_in_the_answer(peer):
    await peer.write(b"HTTP/1.1 101 Switching Proto")


async def close_after_the_answer(peer):
    await peer.upgrade()


async def close_in_a_frame(peer):
    await peer.upgrade()
    await peer.frame(b"half", claim=400)


async def wrong_accept(peer):
    await peer.upgrade(accept="bm90IHRoZSByaWdodCBrZXkgYXQgYWxs")
    await peer.hold()


async def drip(peer):
    for byte in b"HTTP/1.1 101 Switching Protocols\r\n" * 100:
        await peer.write(bytes([byte]))
        await asyncio.sleep(0.2)  # the pace of a server that drips


async def endless_header(peer):
    await peer.write(b"HTTP/1.1 101 Switching Protocols\r\n")
    while True:
        await peer.write(b"X-Filler: " + b"x" * 60000 + b"\r\n")


async def no_http(peer):
    await peer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    await peer.hold()


async def hundred_megabytes(peer):
    await peer.upgrade()
    await peer.frame(b"", claim=100 << 20)
    for _ in range(100):
        await peer.write(bytes(1 << 20))
    await peer.hold()


async def hundred_megabytes_in_fragments(peer):
    await peer.upgrade()
    await peer.frame(bytes(1 << 16), final=False)
    for _ in range(1600):
        await peer.frame(bytes(1 << 16), opcode=0, final=False)
    await peer.hold()


async def masked_and_reserved(peer):
    await peer.upgrade()
    await peer.write(bytes([0xF2, 0x85]) + b"abcd" + b"hello")
    await peer.hold()


async def continuation_of_nothing(peer):
    await peer.upgrade()
    await peer.frame(b"what", opcode=0)
    await peer.hold()


class Protocol(LiveKitTest):
    second_go = False  # hostile input

    def driver(self, extra=""):
        jwt = token(self.server, self.room, "us")
        return Driver(self, f"audiotestsrc is-live=true ! livekitsink name=lk token={jwt} {extra} "
                            "livekitsrc name=src")

    def liar(self, **scripts):
        liar = Liar(**scripts)
        self.addCleanup(liar.stop)
        return liar

    def start(self, driver, url, limit_ms=10_000):
        driver.say(f"set lk url {url}")
        driver.say(f"set lk connect-timeout {limit_ms}")
        driver.play()

    def fails(self, driver, url, codes, within=LIMIT_MS / 1000 + 1.5):
        """One start that ends with one error of ours, of one of these codes, in time. Its text."""
        before, begin = len(self.errors(driver)), time.monotonic()
        self.start(driver, url, LIMIT_MS)
        wait_until(lambda: len(self.errors(driver)) > before, within + 3, lambda: f"an error:\n{driver.process.output[-2000:]}")
        took = time.monotonic() - begin
        self.assertLess(driver.stop(), 2000)
        new = self.errors(driver)[before:]
        self.assertEqual(len(new), 1, new)
        self.assertIn(new[0].split()[1], codes, new[0])
        self.assertLess(took, within, new[0])
        self.assertNotIn("eyJ", new[0])
        return new[0]

    @staticmethod
    def errors(driver):
        """Ours; what runs into a stopped element adds its own, without a code."""
        return [line for line in driver.lines("error ") if not line.startswith("error - ")]

    def works(self, driver):
        count = driver.process.output.count("to=(string)connected")
        self.start(driver, self.server.url)
        driver.wait_for_state("connected", count=count + 1)
        driver.stop()
        self.assertNotIn("CRITICAL", driver.process.output)
        self.assertNotIn("Sanitizer", driver.process.output)

    def each(self, faults, extra=""):
        """`faults`: name → (script, codes)."""
        liar = self.liar(**{name: script for name, (script, _) in faults.items()})
        driver = self.driver(extra)
        for name, (_, codes) in faults.items():
            with self.subTest(name):
                self.fails(driver, liar.url(name), codes.split())
        self.works(driver)


class FirstConnect(Protocol):
    def test_every_http_status(self):
        self.each({
            "ok": (status(200, body=b"<html>hello</html>"), "not-livekit"),
            "nothing": (status(204), "not-livekit"),
            "moved": (status(301, ("Location", "http://127.0.0.1:1/rtc")), "not-livekit"),
            "found": (status(302, ("Location", "/elsewhere")), "not-livekit"),
            "redirected": (status(307, ("Location", "ws://127.0.0.1:1")), "not-livekit"),
            "bad": (status(400), "not-livekit invalid-token"),
            "unauthorized": (status(401), "unauthorized"),
            "forbidden": (status(403), "unauthorized"),
            "missing": (status(404), "not-livekit"),
            "teapot": (status(418), "not-livekit"),
            "throttled": (status(429), "server-busy"),
            "broken": (status(500), "room-full"),
            "unknown": (status(501), "server-busy"),
            "gateway": (status(502), "server-busy"),
            "unavailable": (status(503), "server-busy"),
            "slow": (status(504), "server-busy"),
            "odd": (status(599), "server-busy"),
            "absurd": (status(999), "not-livekit server-busy"),
        })

    def test_handshakes_that_end_early_or_never(self):
        self.each({
            "silent": (never_a_word, "timeout"),
            "closed": (close_before_the_answer, "connect-failed not-livekit"),
            "half": (close_in_the_answer, "connect-failed not-livekit"),
            "left": (close_after_the_answer, "signal-lost"),
            "torn": (close_in_a_frame, "signal-lost protocol"),
            "wrong": (wrong_accept, "not-livekit"),
            "drip": (drip, "timeout not-livekit"),
            "endless": (endless_header, "timeout not-livekit connect-failed"),
            "ssh": (no_http, "not-livekit timeout"),
        })

    def test_a_full_backlog(self):
        deaf = Deaf()
        self.addCleanup(deaf.stop)
        driver = self.driver()
        self.fails(driver, f"ws://127.0.0.1:{deaf.port}", ["timeout"])
        self.works(driver)

    def test_frames_that_are_no_messages(self):
        whole = joined().SerializeToString()
        self.each({
            "noise": (told(*(NOISE.randbytes(NOISE.randrange(1, 2000)) for _ in range(200))), "protocol"),
            "empty": (told(b"", b"", b""), "protocol"),
            "truncated": (told(*(whole[:end] for end in range(1, len(whole) - 1, 3))), "protocol transport-lost"),
            "huge": (hundred_megabytes, "protocol"),
            "fragments": (hundred_megabytes_in_fragments, "protocol"),
            "masked": (masked_and_reserved, "protocol"),
            "continued": (continuation_of_nothing, "protocol"),
        })

    def test_messages_in_the_wrong_order(self):
        first_offer = offer(SESSION + DATA.format(mid=0))
        self.each({
            "answer": (told(message(answer=wire.SessionDescription(type="answer", sdp=SESSION))), "protocol"),
            "offer": (told(first_offer, trickle('{"candidate":""}')), "protocol"),
            "twice": (told(joined(), joined(), first_offer), "transport-lost"),
            "late": (told(message(refresh_token="x"), message(track_published=wire.TrackPublishedResponse(cid="x")), joined()),
                     "transport-lost"),
            "resumed": (told(message(reconnect=wire.ReconnectResponse())), "protocol"),
            "answered": (told(joined(), message(answer=wire.SessionDescription(type="answer", sdp="v=0", id=77))), "transport-lost"),
        })

    def test_a_leave_instead_of_a_join(self):
        leave = lambda reason, action=0: told(message(leave=wire.LeaveRequest(reason=reason, action=action)), hold=False)
        reasons = models.DisconnectReason
        self.each({
            "removed": (leave(reasons.PARTICIPANT_REMOVED), "removed"),
            "twin": (leave(reasons.DUPLICATE_IDENTITY), "duplicate-identity"),
            "shutdown": (leave(reasons.SERVER_SHUTDOWN, wire.LeaveRequest.RECONNECT), "server-shutdown"),
            "mismatch": (leave(reasons.STATE_MISMATCH, wire.LeaveRequest.RECONNECT), "signal-lost"),
            "resume": (leave(reasons.UNKNOWN_REASON, wire.LeaveRequest.RESUME), "signal-lost"),
        })

    def test_absurd_values(self):
        lost = "transport-lost media-failed protocol"
        self.each({
            "participants": (told(joined(other_participants=participants(100_000))), "protocol"),
            "tracks": (told(joined(other_participants=participants(1, 100_000))), "protocol"),
            "updates": (told(joined(), *(message(update=wire.ParticipantUpdate(participants=participants(1000))) for _ in range(30))), lost),
            "mids": (told(joined(), offer(SESSION + DATA.format(mid="9" * 5000), **{str(i): f"TR_{i}" for i in range(20_000)})), lost),
            "sdp": (told(joined(), offer(SESSION + "".join(VIDEO.format(mid=i, ssrc=i + 1) for i in range(3000)))), lost),
            "nosdp": (told(joined(), offer("")), lost),
            "text": (told(joined(), offer("hello\r\n" * 20_000)), lost),
            "binary": (told(joined(), offer("v=0\r\nm=\x01\x02 x y z\r\na=mid:\r\n")), lost),
            "candidates": (told(joined(), offer(SESSION + DATA.format(mid=0)), trickle("{"), trickle("[]"), trickle('{"candidate":7}'),
                                trickle('{"candidate":"candidate:x"}'), trickle('{"candidate":"' + "y" * 100_000 + '"}'),
                                *(trickle('{"candidate":"candidate:1 1 UDP 1 10.255.255.%d 9 typ host"}' % (i % 250)) for i in range(2000)),
                                trickle("x" * 1_000_000, wire.SignalTarget.PUBLISHER)), lost),
            "ice": (told(joined(ice_servers=[wire.ICEServer(urls=["turn:", "stun:::::", "nonsense", "turn:h:99999?transport=x", "y" * 10_000] * 100,
                                                            username="u" * 10_000, credential="c")])), lost),
        })


class WhileConnected(Protocol):
    """Through lk/meddler.py: media flows, and the signalling goes wrong."""

    def connected(self, **options):
        meddler = Meddler(self.server, **options)
        self.addCleanup(meddler.stop)
        driver = self.driver("reconnect-initial=10")
        self.start(driver, meddler.url)
        driver.wait_for_state("connected")
        driver.wait_for_count("livekit-local-track-published", 1)
        return meddler, driver

    def test_noise_is_counted_and_ignored(self):
        meddler, driver = self.connected()
        for _ in range(50):
            meddler.say(b"\xff" + NOISE.randbytes(NOISE.randrange(1, 500)))
        meddler.say(message(join=join()))
        wait_until(lambda: driver.stat("lk", "signal-malformed") >= 40, 10, lambda: driver.get("lk", "stats"))
        self.peer("witness").hear("us")
        self.assertNotIn("reconnecting", driver.process.output)
        self.assertEqual(self.errors(driver), [])

    def test_a_message_of_100_megabytes_costs_a_reconnect_at_most(self):
        meddler, driver = self.connected()
        try:
            meddler.say(bytes(100 << 20))
        except ConnectionError:
            pass  # the client did not wait for the end
        driver.wait_for_state("connected", count=2)
        self.assertEqual(self.errors(driver), [])
        self.peer("witness").hear("us")

    def test_a_nonsense_offer_does_not_end_the_session(self):
        meddler, driver = self.connected()
        meddler.say(offer("v=0\r\nnonsense", **{"0": "TR_x"}))
        meddler.say(message(answer=wire.SessionDescription(type="answer", sdp="nonsense", id=99)))
        meddler.say(trickle('{"candidate":"candidate:nonsense"}'))
        self.peer("witness").hear("us")
        self.assertEqual(self.errors(driver), [])

    def test_an_attempt_that_hangs_is_given_up_after_three_seconds(self):
        meddler, driver = self.connected()
        deaf = []

        def admit(connection):
            if len(deaf) < 2 and not connection.path.endswith("validate"):
                deaf.append(time.monotonic())
                return Meddler.HANG
            return None

        meddler.admit = admit
        begin = time.monotonic()
        meddler.drop()
        driver.wait_for_state("connected", 15, count=2)
        took = time.monotonic() - begin
        self.assert_near(deaf[1] - deaf[0], 3.3, 0.8, "from attempt to attempt")
        self.assertLess(took, 9)

    def test_every_refusal_while_reconnecting_is_outlived(self):
        meddler, driver = self.connected()
        left = [301, 400, 404, 429, 500, 502, 503, 504, 599]

        def admit(connection):
            return None if connection.path.endswith("validate") or not left else left.pop(0)

        meddler.admit = admit
        meddler.drop()
        driver.wait_for_state("connected", 20, count=2)
        self.assertEqual(left, [])
        self.assertEqual(self.errors(driver), [])

    def test_a_refused_resume_becomes_a_new_join(self):
        meddler, driver = self.connected()
        for count, refusal in enumerate((400, 404, 503), 2):
            with self.subTest(refusal):
                meddler.admit = lambda connection, code=refusal: code if connection.query.get("reconnect") == "1" else None
                known = len(meddler.connections)
                meddler.drop()
                driver.wait_for_state("connected", 10, count=count)
                tried = [c.query.get("reconnect") for c in meddler.connections[known:]]
                self.assertEqual((tried[0], tried[-1]), ("1", None))
        self.assertEqual(self.errors(driver), [])
        self.peer("witness").hear("us").wait_for_tone(440)
