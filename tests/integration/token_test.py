"""Tokens of livekit-token and of the official SDK, each read by the other."""
import datetime
import json
import os
import subprocess
import time
import unittest

from livekit import api

TOOL = os.path.join(os.environ.get("LK_BUILD_DIR", "build"), "examples", "token", "livekit-token")
KEY, SECRET = "integration-key", "a secret for the token tests, 32 bytes or more"


def tool(*arguments, stdin=None, **environment):
    """Runs livekit-token with our key, unless the environment given says otherwise (None removes a variable)."""
    variables = dict(os.environ, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET, LC_ALL="C")
    for name, value in environment.items():
        variables.pop(name, None)
        if value is not None:
            variables[name] = value
    return subprocess.run([TOOL, *arguments], env=variables, input=stdin, capture_output=True, text=True,
                          encoding="utf-8", timeout=20)


class TokenTest(unittest.TestCase):
    def mint(self, *arguments):
        result = tool(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.strip()

    def officially(self, token):
        return api.TokenVerifier(KEY, SECRET).verify(token)

    def refused(self, code, *arguments, saying="", **environment):
        result = tool(*arguments, **environment)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertIn(saying, result.stderr)
        self.assertNotIn(SECRET, result.stderr)


class OursReadOfficially(TokenTest):
    def test_a_plain_token_joins_and_leaves_the_rest_to_the_server(self):
        claims = self.officially(self.mint("--room", "demo", "--identity", "alice"))
        self.assertEqual(claims.identity, "alice")
        self.assertEqual(claims.video.room, "demo")
        self.assertTrue(claims.video.room_join)
        self.assertTrue(claims.video.can_publish and claims.video.can_subscribe and claims.video.can_publish_data)
        self.assertFalse(claims.video.can_update_own_metadata or claims.video.hidden or claims.video.room_admin)

    def test_every_flag_arrives_as_the_grant_it_names(self):
        claims = self.officially(self.mint(
            "--room=demo", "--identity=ålice", "--name=Ålice 世", "--kind=agent", "--metadata={\"a\": \"ö\"}",
            "--attribute=k=v=w", "--attribute=empty=", "--no-publish", "--no-subscribe", "--no-publish-data",
            "--can-update-own-metadata", "--can-subscribe-metrics", "--can-manage-agent-session", "--hidden",
            "--recorder", "--agent", "--admin", "--create", "--list", "--record", "--ingress-admin", "--sip-admin",
            "--sip-call", "--agent-admin", "--sources=camera,screen-share,microphone", "--destination-room=next",
            "--room-preset=preset", '--room-config={"name":"demo","maxParticipants":3}'))
        self.assertEqual((claims.identity, claims.name, claims.kind), ("ålice", "Ålice 世", "agent"))
        self.assertEqual(claims.metadata, '{"a": "ö"}')
        self.assertEqual(claims.attributes, {"k": "v=w", "empty": ""})
        video = claims.video
        self.assertEqual((video.can_publish, video.can_subscribe, video.can_publish_data), (False, False, False))
        for grant in ("can_update_own_metadata", "can_subscribe_metrics", "can_manage_agent_session", "hidden", "recorder",
                      "agent", "room_admin", "room_create", "room_list", "room_record", "ingress_admin", "room_join"):
            self.assertIs(getattr(video, grant), True, grant)
        self.assertEqual(video.can_publish_sources, ["camera", "screen_share", "microphone"])
        self.assertEqual(video.destination_room, "next")
        self.assertTrue(claims.sip.admin and claims.sip.call and claims.agent.admin)
        self.assertEqual(claims.room_preset, "preset")
        self.assertEqual(claims.room_config.max_participants, 3)

    def test_an_administrative_token_does_not_join(self):
        claims = self.officially(self.mint("--room", "demo", "--admin", "--list"))
        self.assertTrue(claims.video.room_admin and claims.video.room_list)
        self.assertFalse(claims.video.room_join)

    def test_json_tells_token_identity_room_and_seconds(self):
        result = json.loads(self.mint("--room", "demo", "--identity", "alice", "--ttl", "15m", "--json"))
        self.assertEqual(set(result), {"token", "identity", "room", "ttlSeconds"})
        self.assertEqual((result["identity"], result["room"], result["ttlSeconds"]), ("alice", "demo", 900))
        self.officially(result["token"])

    def test_the_default_life_is_a_day(self):
        token = self.mint("--room", "demo", "--identity", "alice")
        claims = json.loads(tool("--inspect", token, "--json").stdout)
        self.assertEqual(claims["exp"] - claims["iat"], 24 * 3600)
        self.assertLess(abs(claims["iat"] - time.time()), 30)

    def test_another_secret_is_refused_officially(self):
        token = self.mint("--room", "demo", "--identity", "alice", "--api-secret", "x" * 40)
        with self.assertRaises(Exception):
            self.officially(token)


class OfficialReadByUs(TokenTest):
    def official(self, ttl=datetime.timedelta(hours=1), secret=SECRET, key=KEY):
        grants = api.VideoGrants(room_join=True, room="demo", can_publish=False, can_publish_sources=["camera"],
                                 hidden=True)
        return (api.AccessToken(key, secret).with_identity("bob").with_name("Bob ö").with_metadata("m").with_ttl(ttl)
                .with_attributes({"k": "v"}).with_kind("egress").with_grants(grants)
                .with_room_config(api.RoomConfiguration(name="demo", empty_timeout=5)).to_jwt())

    def test_it_verifies_to_the_same_claims(self):
        result = tool("--verify", self.official(), "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        claims = json.loads(result.stdout)
        self.assertEqual((claims["iss"], claims["sub"], claims["name"], claims["kind"], claims["metadata"]),
                         (KEY, "bob", "Bob ö", "egress", "m"))
        self.assertEqual(claims["attributes"], {"k": "v"})
        self.assertEqual(claims["video"], {"roomJoin": True, "room": "demo", "canPublish": False, "canSubscribe": True,
                                           "canPublishData": True, "canPublishSources": ["camera"], "hidden": True})
        self.assertEqual(claims["roomConfig"]["name"], "demo")

    def test_it_is_shown_in_words(self):
        for how, signature in (("--verify", "valid"), ("--inspect", "not checked")):
            with self.subTest(how=how):
                result = tool(how, "-", stdin=self.official() + "\n")
                self.assertEqual(result.returncode, 0, result.stderr)
                lines = {line[:26].strip(): line[26:] for line in result.stdout.splitlines()}
                self.assertEqual((lines["identity"], lines["room"], lines["publish"]), ('"bob"', '"demo"', "no"))
                self.assertEqual(lines["signature"], signature)

    def test_a_wrong_secret_key_or_time_is_refused_but_still_shown(self):
        expired = self.official(ttl=-datetime.timedelta(minutes=2))
        self.refused(1, "--verify", expired, saying="expired")
        self.refused(1, "--verify", self.official(secret="y" * 40), saying="signature")
        self.refused(1, "--verify", self.official(key="somebody"), saying="another API key")
        self.assertEqual(tool("--inspect", expired).returncode, 0)
        self.assertEqual(tool("--inspect", self.official(secret="y" * 40), LIVEKIT_API_SECRET=None).returncode, 0)


class Usage(TokenTest):
    def test_what_cannot_work_is_refused_with_a_reason(self):
        join = ("--room", "demo", "--identity", "a")
        self.refused(1, "--verify", "no-token", saying="not a JWT")
        self.refused(1, "--inspect", "", saying="not a JWT")
        self.refused(2, saying="grant nothing")
        self.refused(2, "--room", "demo", saying="grant nothing")
        self.refused(2, "--room", "demo", "--join", saying="identity")
        self.refused(2, *join, saying="LIVEKIT_API_SECRET", LIVEKIT_API_SECRET=None)
        self.refused(2, *join, saying="LIVEKIT_API_KEY", LIVEKIT_API_KEY=None)
        self.refused(2, "--verify", "a.b.c", saying="secret", LIVEKIT_API_SECRET=None)
        self.refused(2, *join, "--ttl", "5y", saying="time to live")
        self.refused(2, *join, "--attribute", "novalue", saying="KEY=VALUE")
        self.refused(2, *join, "--sources", "webcam", saying="webcam")
        self.refused(2, *join, "--kind", "robot", saying="kind")
        self.refused(2, *join, "--name", "x" * 257, saying="256")
        self.refused(2, *join, "extra", saying="extra")
        self.refused(2, *join, "--unknown", saying="unknown")
        self.refused(2, "--inspect", "a", "--verify", "b", saying="one of")

    def test_the_help_names_every_option_and_the_exit_codes(self):
        result = tool("--help")
        self.assertEqual(result.returncode, 0)
        for word in ("--room", "--identity", "--no-publish", "--sources", "--attribute", "--inspect", "--verify",
                     "LIVEKIT_API_SECRET", "Exit codes"):
            self.assertIn(word, result.stdout)


if __name__ == "__main__":
    unittest.main()
