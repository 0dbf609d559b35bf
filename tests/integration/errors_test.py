"""Every way to fail: one clear error (or warning) within the time-out, no secret in it, and the next start works."""
import glob
import http.server
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import unittest
import uuid

from lk import launch, server
from lk.case import LiveKitTest
from lk.server import token

TONE = "audiotestsrc is-live=true"


class SilentServer:
    """Accepts connections and never says a word."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.kept = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                self.kept.append(self.socket.accept()[0])
            except OSError:
                return

    def close(self):
        self.socket.close()
        for one in self.kept:
            one.close()


class WebPage(http.server.BaseHTTPRequestHandler):
    """Something that answers, but is no LiveKit server."""
    answer, location = 200, None

    def do_GET(self):  # pylint: disable=invalid-name
        body = b"<html>welcome</html>"
        self.send_response(self.answer)
        if self.location:
            self.send_header("Location", self.location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Errors(LiveKitTest):
    def check(self, process, code, *words, within=12.0):
        """The program ends with exactly one error of ours, of that code, in time, with these words, without a secret.

        An upstream element may add its own about the flow that stopped."""
        begin = time.monotonic()
        exit_code = process.wait(within + 5)
        took = time.monotonic() - begin
        text = process.output
        self.assertNotEqual(exit_code, 0, text)
        self.assertLess(took, within, text)
        self.assertEqual(len(re.findall(r"^ERROR: from element \S*/GstLiveKit", text, re.MULTILINE)), 1, text)
        if code:
            self.assertIn(f"code {code}", text)
        for word in words:
            self.assertIn(word.lower(), text.lower())
        self.assertNotIn(self.server.secret, text)
        self.assertNotIn("eyJ", text)
        self.assertNotIn("CRITICAL", text)

    def sink(self, properties, **options):
        return self.launch(f"{TONE} ! livekitsink connect-timeout=3000 {properties}", **options)

    def source(self, properties, **options):
        return self.launch(f"livekitsrc name=r connect-timeout=3000 {properties} r. ! fakesink", **options)

    def serve_page(self, answer=200, location=None):
        handler = type("Page", (WebPage,), {"answer": answer, "location": location})
        page = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=page.serve_forever, daemon=True).start()
        self.addCleanup(page.server_close)
        self.addCleanup(page.shutdown)
        return page.server_address[1]


class Reaching(Errors):
    def test_a_host_that_does_not_exist(self):
        self.check(self.sink(f"url=ws://no-such-host.invalid room={self.room}"), "resolve-failed", "no-such-host.invalid")

    def test_a_refused_port_for_the_sink_and_the_source(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        self.check(self.sink(f"url=ws://127.0.0.1:{port} room={self.room}"), "connect-failed", f"127.0.0.1:{port}")
        self.check(self.source(f"url=ws://127.0.0.1:{port} room={self.room}"), "connect-failed", f"127.0.0.1:{port}")

    def test_a_server_that_never_answers(self):
        silent = SilentServer()
        self.addCleanup(silent.close)
        for make in (self.sink, self.source):
            self.check(make(f"url=ws://127.0.0.1:{silent.port} room={self.room}"), "timeout", within=5)

    def test_a_web_server_that_is_no_livekit_server(self):
        for answer in (200, 404):
            port = self.serve_page(answer)
            self.check(self.sink(f"url=ws://127.0.0.1:{port} room={self.room}"), "not-livekit", "LiveKit")

    def test_a_redirect_is_not_followed(self):
        port = self.serve_page(302, self.server.url.replace("ws", "http") + "/rtc")
        process = self.sink(f"url=ws://127.0.0.1:{port} room={self.room}")
        self.check(process, None)

    def test_a_plain_server_behind_wss(self):
        self.check(self.sink(f"url={self.server.url.replace('ws://', 'wss://')} room={self.room}"), "tls-failed")

    def test_invalid_urls(self):
        for url in ("nonsense", "ftp://127.0.0.1", "ws://", "ws://127.0.0.1:99999", "ws://user:pass word@127.0.0.1"):
            with self.subTest(url=url):
                process = self.launch(["audiotestsrc", "is-live=true", "!", "livekitsink", f"url={url}", "room=x"])
                self.check(process, "invalid-url", within=5)


class Refused(Errors):
    def jwt(self, **options):
        return token(self.server, options.pop("room", self.room), options.pop("identity", "us"), **options)

    def test_a_wrong_secret(self):
        self.check(self.sink(f"api-secret={uuid.uuid4().hex}x room={self.room}"), "unauthorized")
        self.check(self.source(f"api-secret={uuid.uuid4().hex}x room={self.room}"), "unauthorized")

    def test_an_unknown_key(self):
        self.check(self.sink(f"api-key=nobody room={self.room}"), "unauthorized")

    def test_an_expired_token(self):
        self.check(self.sink(f"token={self.jwt(ttl=-3600)}", env=self.only_url()), "unauthorized", "expired")

    def test_a_token_of_the_future(self):
        import jwt
        now = int(time.time())
        claims = jwt.decode(self.jwt(), options={"verify_signature": False})
        claims.update(nbf=now + 3600, exp=now + 7200)
        future = jwt.encode(claims, self.server.secret, "HS256")
        self.check(self.sink(f"token={future}", env=self.only_url()), "unauthorized")

    def test_a_token_without_the_join_grant(self):
        self.check(self.sink(f"token={self.jwt(room_join=False)}", env=self.only_url()), "unauthorized")

    def test_garbage_for_a_token(self):
        self.check(self.sink("token=not.a.token", env=self.only_url()), "invalid-token")

    def test_room_and_identity_that_differ_from_the_token(self):
        self.check(self.sink(f"token={self.jwt()} room=another", env=self.only_url()), "settings", "another", self.room)
        self.check(self.sink(f"token={self.jwt()} identity=somebody", env=self.only_url()), "settings", "somebody")

    def only_url(self):
        return {"LIVEKIT_URL": self.server.url, "LIVEKIT_API_KEY": "", "LIVEKIT_API_SECRET": ""}

    def test_an_empty_or_missing_room_name(self):
        self.check(self.launch(["audiotestsrc", "is-live=true", "!", "livekitsink", 'room=""']), "settings", "room", within=5)
        self.check(self.sink(""), "settings", "room", within=5)

    def test_nothing_to_authenticate_with(self):
        self.check(self.sink(f"room={self.room}", env=self.only_url()), "settings", "token", within=5)

    def test_no_url(self):
        self.check(self.sink(f"room={self.room}", use_server=False), "settings", "url", within=5)

    def test_a_full_room(self):
        server.create_room(self.server, self.room, max_participants=1)
        self.peer("first")
        self.check(self.sink(f"room={self.room}"), "room-full", "room full or refused")

    def test_the_next_start_works(self):
        self.check(self.sink(f"api-secret=wrong-wrong-wrong room={self.room}"), "unauthorized")
        peer = self.peer("listener")
        self.sink(f"room={self.room} identity=us")
        peer.hear("us")


class NoAutoCreate(Errors):
    server_options = {"auto_create": False}

    def test_a_room_that_is_not_created_automatically(self):
        self.check(self.sink(f"room={self.room}"), "not-found", "create it first")


class InTheRoom(Errors):
    def test_a_second_participant_with_this_identity(self):
        peer = self.peer("listener")
        process = self.sink(f"room={self.room} identity=twin")
        peer.wait_for_track("twin", "audio")
        self.peer("twin")
        self.check(process, "duplicate-identity", "identity", within=5)

    def test_publishing_without_the_permission(self):
        jwt = token(self.server, self.room, "us", can_publish=False)
        self.check(self.sink(f"token={jwt}"), "not-allowed", "publish")

    def test_removed_from_the_room(self):
        peer = self.peer("listener")
        process = self.sink(f"room={self.room} identity=us")
        peer.wait_for_track("us", "audio")
        server.remove_participant(self.server, self.room, "us")
        process.wait(10)
        self.assertRegex(process.output, "removed|EOS")

    def test_caps_that_nobody_can_publish(self):
        # Without caps: those that fit no pad do not even link.
        self.check(self.launch(f"fakesrc is-live=true num-buffers=100 ! livekitsink room={self.room}"), "unsupported-codec",
                   "unknown format", within=5)

    def test_a_recorder_that_loses_its_place_still_finalises(self):
        self.peer("them").publish_tone(440)
        path = self.path("a.wav")
        process = self.launch(f"livekitsrc name=r room={self.room} identity=twin r.audio_0 ! wavenc ! "
                              f"filesink location={path}")
        process.wait_for_output("New clock")
        wait_for_size(path, 50000)
        self.peer("twin")
        process.wait(10)
        self.assertIn("WARNING", process.output)
        from lk.recording import Recording
        self.assertIsNotNone(Recording(path).duration)


def wait_for_size(path, size):
    from lk.wait import wait_until
    wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > size, 15, f"{size} bytes in {path}")


class Missing(Errors):
    """Plugins that are not installed: the message names the package."""

    def environment_without(self, *plugins):
        system = subprocess.run(["pkg-config", "--variable=pluginsdir", "gstreamer-1.0"], stdout=subprocess.PIPE, text=True,
                                check=True).stdout.strip()
        directory = self.path("plugins")
        os.makedirs(directory, exist_ok=True)
        for path in glob.glob(os.path.join(system, "*.so")):
            name = os.path.basename(path)[len("libgst"):-len(".so")]
            if name not in plugins:
                os.symlink(path, os.path.join(directory, os.path.basename(path)))
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        return {"GST_PLUGIN_SYSTEM_PATH_1_0": directory, "GST_REGISTRY": self.path("registry.bin")}

    def test_without_libnice(self):
        process = self.sink(f"room={self.room}", env=self.environment_without("nice"))
        self.check(process, "missing-element", "gstreamer1.0-nice", within=30)

    def test_without_an_opus_encoder(self):
        process = self.sink(f"room={self.room}", env=self.environment_without("opus", "libav"))
        self.check(process, "missing-element", "opusenc", within=30)

    def test_without_the_rtp_plugin(self):
        process = self.sink(f"room={self.room}", env=self.environment_without("rtp"))
        self.check(process, "missing-element", "gstreamer1.0-plugins-good", within=30)

    def test_without_a_vp8_decoder(self):
        self.peer("them").publish_video(320, 240, 15)
        process = self.launch(f"livekitsrc name=r room={self.room} r.video_0 ! video/x-raw ! fakesink",
                              env=self.environment_without("vpx", "libav"))
        process.wait_for_output("vp8", 30)
        self.assertRegex(process.output, "WARNING|ERROR")


class Environment(unittest.TestCase):
    def test_the_plugin_under_test_is_the_built_one(self):
        done = subprocess.run(["gst-inspect-1.0", "livekitsink"], env=launch.environment(), stdout=subprocess.PIPE,
                              text=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 0)
        self.assertIn(launch.BUILD, done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
