"""Tokens that run out while a session lasts: each source takes over, against the real server, with the official SDK listening.

Between the two stands lk/meddler.py: it shows what our participant comes with, keeps pushed tokens back, and refuses an expired
token to the second, where the real server is lenient for a minute (the long case below waits for that).
"""
import http.server
import json
import os
import threading
import time
import unittest

import jwt as pyjwt

from lk.case import LiveKitTest
from lk.driver import Driver
from lk.meddler import Meddler, without_pushed_tokens
from lk.server import token
from lk.wait import wait_until

# Of this life, the last ten seconds are not used: it has run out for us a few seconds after the start.
SHORT = 14
# Run out for us from the beginning, and so used only because there is nothing else.
BRIEF = 4


def expiry(text):
    return pyjwt.decode(text, options={"verify_signature": False})["exp"]


def name_in(text):
    return pyjwt.decode(text, options={"verify_signature": False}).get("name")


def refuse_expired(connection):
    return 401 if expiry(connection.token) <= time.time() else None


class TokenEndpoint:
    """A token endpoint as LiveKit describes it: POST with JSON, answered with server_url and participant_token."""

    def __init__(self, mint):
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # pylint: disable=invalid-name
                outer.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                body = json.dumps(mint(outer.asked[-1])).encode()
                self.send_response(201)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/token"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class Expiry(LiveKitTest):
    def meddle(self, push=False):
        meddler = Meddler(self.server, admit=refuse_expired)
        if not push:
            meddler.hook = without_pushed_tokens
        self.addCleanup(meddler.stop)
        return meddler

    def jwt(self, ttl=3600, identity="us", **options):
        return token(self.server, self.room, identity, ttl=ttl, **options)

    def sink(self, meddler, properties, **options):
        url = f"url={meddler.url}" if meddler else ""
        return Driver(self, f"audiotestsrc is-live=true freq=660 ! livekitsink name=lk {url} {properties}", **options)

    def until_expired(self, text):
        wait_until(lambda: time.time() > expiry(text), BRIEF + 5, "the token's end")

    def lose_and_come_back(self, meddler, driver, count=2):
        """Breaks the connection; what our participant came back with."""
        meddler.drop()
        driver.wait_for_state("connected", 10, count)
        self.assertNotIn("error ", driver.process.output)
        return meddler.last.token

    def check_sound(self):
        self.peer(f"witness-{time.monotonic()}").hear("us").wait_for_tone(660)

    def test_the_pushed_token_outlives_the_given_one(self):
        meddler = self.meddle(push=True)
        given = self.jwt(BRIEF)
        driver = self.sink(meddler, f"token={given}")
        driver.play()
        driver.wait_for_state("connected")
        self.until_expired(given)
        used = self.lose_and_come_back(meddler, driver)
        pushed = [r.refresh_token for c in meddler.connections for r in c.responses if r.WhichOneof("message") == "refresh_token"]
        self.assertIn(used, pushed)
        self.check_sound()

    def test_a_token_set_while_playing(self):
        meddler = self.meddle()
        given, fresh = self.jwt(SHORT), self.jwt(3600, name="Fresh")
        driver = self.sink(meddler, f"token={given}")
        driver.play()
        driver.wait_for_state("connected")
        driver.say(f"set lk token {fresh}")
        driver.get("lk", "connection-state")  # commands are obeyed in order
        self.assertEqual(self.lose_and_come_back(meddler, driver), fresh)
        self.check_sound()

    def test_a_token_file_that_is_written_again(self):
        meddler = self.meddle()
        path = self.path("token")

        def write(text):
            with open(path + ".new", "w", encoding="utf-8") as out:
                out.write(text + "\n")
            os.replace(path + ".new", path)

        write(self.jwt(SHORT))
        driver = self.sink(meddler, f"token-file={path}")
        driver.play()
        driver.wait_for_state("connected")
        fresh = self.jwt(3600, name="Fresh")
        write(fresh)
        self.assertEqual(self.lose_and_come_back(meddler, driver), fresh)

    def test_the_token_endpoint_is_asked_again(self):
        meddler = self.meddle()
        endpoint = TokenEndpoint(lambda asked: {
            "server_url": meddler.url, "participant_token": self.jwt(SHORT, asked.get("participant_identity", "us"))})
        self.addCleanup(endpoint.stop)
        driver = self.sink(None, f"token-url={endpoint.url}?key=hidden-key room={self.room} participant-name=Cam",
                           env={"GST_DEBUG": "2,lk*:7,livekit*:7"})
        driver.play()
        driver.wait_for_state("connected")
        self.assertEqual(endpoint.asked, [{"room_name": self.room, "participant_name": "Cam"}])
        first = meddler.last.token
        wait_until(lambda: time.time() > expiry(first) - 10, 5, "the margin of the first token")
        self.assertNotEqual(self.lose_and_come_back(meddler, driver), first)
        self.assertEqual(endpoint.asked[1]["participant_identity"], "us")
        self.check_sound()
        self.assertIn("token: token-url", driver.process.output, "the log")
        self.assertNotIn("eyJ", driver.process.output, "the beginning of a token")
        self.assertNotIn("hidden-key", driver.process.output)

    def test_a_refresh_asks_the_endpoint_at_once_for_the_next_connect(self):
        meddler = self.meddle(push=True)
        endpoint = TokenEndpoint(lambda asked: {"participant_token": self.jwt(3600, name="Fresh")})
        self.addCleanup(endpoint.stop)
        driver = self.sink(meddler, f"token={self.jwt(3600)} token-url={endpoint.url}")
        driver.play()
        driver.wait_for_state("connected")
        self.assertEqual(endpoint.asked, [])
        driver.say("call lk refresh-token")
        driver.wait_for_count("lk refresh-token TRUE", 1)
        wait_until(lambda: endpoint.asked, 10, "the endpoint asked")
        self.assertEqual(endpoint.asked[0]["participant_identity"], "us")
        # A moment for the answer, which nobody tells of; a connect before it would use the pushed one.
        wait_until(lambda: name_in(self.lose_and_come_back(meddler, driver, len(meddler.connections) + 1)) == "Fresh", 20,
                   "the fresh token used")
        self.check_sound()

    def test_a_refresh_with_nobody_to_ask_says_so(self):
        driver = self.sink(self.meddle(), f"token={self.jwt(3600)}")
        driver.play()
        driver.wait_for_state("connected")
        driver.say("call lk refresh-token")
        driver.wait_for_count("lk refresh-token FALSE", 1)

    def test_a_token_of_somebody_else_is_kept_out_with_a_warning(self):
        meddler = self.meddle()
        given = self.jwt(3600)
        driver = self.sink(meddler, f"token={given}")
        driver.play()
        driver.wait_for_state("connected")
        driver.say(f"set lk token {self.jwt(3600, 'them')}")
        driver.wait_for_count("warning invalid-token", 1)
        text = driver.lines("warning invalid-token")[0]
        self.assertIn('it is for identity "them", this session is "us"', text)
        self.assertNotIn("eyJ", text, "the beginning of a token")
        self.assertEqual(self.lose_and_come_back(meddler, driver), given)

    def test_the_application_is_asked(self):
        meddler = self.meddle()
        given, fresh, path = self.jwt(SHORT), self.jwt(3600, name="Fresh"), self.path("answer")
        with open(path, "w", encoding="utf-8") as out:
            out.write(fresh)
        driver = self.sink(meddler, f"token={given}", answers=True)
        driver.say(f"answer {path}")
        driver.play()
        driver.wait_for_state("connected")
        self.assertNotIn("request-token", driver.process.output)
        wait_until(lambda: time.time() > expiry(given) - 10, 5, "the margin of the token")
        self.assertEqual(self.lose_and_come_back(meddler, driver), fresh)
        self.assertEqual(driver.count("request-token lk"), 1)

    def test_key_and_secret_make_a_new_one_each_time(self):
        meddler = self.meddle()
        driver = self.sink(meddler, f"api-key={self.server.key} api-secret={self.server.secret} room={self.room} identity=us")
        driver.play()
        driver.wait_for_state("connected")
        first = meddler.last.token
        wait_until(lambda: time.time() > pyjwt.decode(first, options={"verify_signature": False})["iat"] + 1, 3, "a second")
        self.assertNotEqual(self.lose_and_come_back(meddler, driver), first)
        self.check_sound()

    def test_all_elements_can_be_refreshed(self):
        meddler = self.meddle()
        for element, feed in (("livekitsrc", "{} name=lk"), ("livekitdatasrc", "{} name=lk ! fakesink"),
                              ("livekitdatasink", "appsrc is-live=true ! {} name=lk")):
            with self.subTest(element):
                fresh = self.jwt(3600, element, name="Fresh")
                driver = Driver(self, feed.format(f"{element} url={meddler.url} token={self.jwt(SHORT, element)}"))
                driver.play()
                driver.wait_for_state("connected")
                driver.say(f"set lk token {fresh}")
                driver.get("lk", "connection-state")
                self.assertEqual(self.lose_and_come_back(meddler, driver), fresh)
                driver.quit()

    def test_expired_with_nothing_to_refresh_it(self):
        meddler = self.meddle()
        given = self.jwt(BRIEF)
        driver = self.sink(meddler, f"token={given}")
        driver.play()
        driver.wait_for_state("connected")
        self.until_expired(given)
        meddler.drop()
        driver.wait_for_count("error ", 1, 5)
        text = driver.lines("error ")[0]
        self.assertTrue(text.startswith("error unauthorized the token expired"), text)
        self.assertIn("nothing to refresh it with: set token", text)
        self.assertNotIn("eyJ", driver.process.output, "the beginning of a token")
        driver.stop()
        # The same elements, with a new token.
        driver.say(f"set lk token {self.jwt(3600)}")
        driver.play()
        driver.wait_for_state("connected", count=2)

    @unittest.skipUnless(os.environ.get("LK_LIFE") == "full", "takes three minutes: set LK_LIFE=full")
    def test_the_real_server_refuses_the_given_one_and_takes_the_pushed_one(self):
        meddler = Meddler(self.server)
        self.addCleanup(meddler.stop)
        given = self.jwt(60)
        driver = self.sink(meddler, f"token={given}")
        driver.play()
        driver.wait_for_state("connected")
        wait_until(lambda: time.time() > expiry(given) + 62, 140, "the end of the server's minute")
        self.assertNotEqual(self.lose_and_come_back(meddler, driver), given)
        self.check_sound()
        driver.stop()
        refused = self.sink(meddler, f"token={given}")
        refused.play()
        refused.wait_for_count("error unauthorized the token expired", 1)
