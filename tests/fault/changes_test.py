"""What a server changes about a running session: told on the bus, obeyed, and never the end of a pipeline that could go on.

The real server and its administration do it where they can; what the open-source server never says comes from lk/meddler.py.
"""
import re
import socket
import time

from livekit.protocol import models, rtc as wire

from lk import server
from lk.case import LiveKitTest
from lk.driver import Driver
from lk.impair import Both
from lk.meddler import Meddler
from lk.relay import Relay
from lk.wait import wait_until

EVERYTHING = {"can_subscribe": True, "can_publish": True, "can_publish_data": True}


class Changes(LiveKitTest):
    def us(self, pipeline, url=None, **grants):
        url, jwt = url or self.server.url, server.token(self.server, self.room, "us", **grants)
        driver = Driver(self, pipeline.format(f"name=lk url={url} token={jwt}"))
        driver.play()
        driver.wait_for_state("connected")
        return driver

    def publisher(self, **options):
        return self.us("audiotestsrc is-live=true freq=660 ! livekitsink {}", **options)

    def meddle(self, **options):
        meddler = Meddler(self.server, **options)
        self.addCleanup(meddler.stop)
        return meddler

    def wait_for(self, driver, *words, timeout=10):
        """A line that has all of these."""
        return wait_until(lambda: next((line for line in driver.process.output.splitlines()
                                        if all(word in line for word in words)), None),
                          timeout, lambda: f"a line with {words}:\n{driver.process.output[-3000:]}")

    def sid(self, driver):
        line = self.wait_for(driver, "livekit-local-track-published")
        return re.search(r"sid=\(string\)(\w+)", line).group(1)

    def check_no_trouble(self, driver):
        self.assertTrue(driver.process.running, driver.process.output)
        self.assertNotIn("error ", driver.process.output)
        self.assertNotIn("to=(string)reconnecting", driver.process.output)


class ByTheAdministrator(Changes):
    def test_our_track_is_muted_and_we_unmute_it(self):
        them = self.peer("them")
        driver = self.publisher()
        ear = them.hear("us")
        ear.wait_for_tone(660)
        server.mute_track(self.server, self.room, "us", self.sid(driver))
        self.wait_for(driver, "livekit-local-track-muted", "muted=(boolean)true")
        ear.wait_for_silence()
        driver.say("set lk sink_0::muted false")
        ear.wait_for_tone(660)
        self.check_no_trouble(driver)

    def test_a_permission_that_goes_takes_the_track_and_brings_it_back(self):
        them = self.peer("them")
        driver = self.publisher()
        them.hear("us").wait_for_tone(660)
        for _ in range(2):
            published = driver.count("livekit-local-track-published")
            server.update_participant(self.server, self.room, "us", {**EVERYTHING, "can_publish": False})
            wait_until(lambda: not them.publications("us"), 10, "our track gone")
            self.wait_for(driver, "livekit-local-track-unpublished", "not-allowed")
            self.wait_for(driver, "warning not-allowed", "permission")
            server.update_participant(self.server, self.room, "us", EVERYTHING)
            driver.wait_for_count("livekit-local-track-published", published + 1)
            them.hear("us").wait_for_tone(660)
        self.check_no_trouble(driver)

    def test_a_permission_for_one_source_leaves_the_other_alone(self):
        them = self.peer("them")
        driver = self.us("livekitsink {} audiotestsrc is-live=true freq=660 ! lk.sink_0 "
                         "videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=15/1 ! lk.sink_1")
        ear = them.hear("us")
        ear.wait_for_tone(660)
        them.wait_for_track("us", "video")
        server.update_participant(self.server, self.room, "us",
                                  {**EVERYTHING, "can_publish_sources": [models.TrackSource.MICROPHONE]})
        wait_until(lambda: not them.publications("us", "video"), 10, "our picture gone")
        ear.wait_for_tone(660)
        self.assertEqual(driver.count("warning not-allowed"), 1)
        server.update_participant(self.server, self.room, "us", EVERYTHING)
        them.wait_for_track("us", "video")
        self.check_no_trouble(driver)

    def test_a_revoked_permission_outlives_a_reconnect(self):
        meddler = self.meddle()
        them = self.peer("them")
        driver = self.publisher(url=meddler.url)
        them.hear("us").wait_for_tone(660)
        server.update_participant(self.server, self.room, "us", {**EVERYTHING, "can_publish": False})
        self.wait_for(driver, "warning not-allowed")
        wait_until(lambda: meddler.last.responses[-1:] and sum(
            r.WhichOneof("message") == "refresh_token" for r in meddler.last.responses) >= 2, 10, "a token without it")
        meddler.say(wire.SignalResponse(leave=wire.LeaveRequest(action=wire.LeaveRequest.RECONNECT)))
        driver.wait_for_state("connected", count=2)
        published = driver.count("livekit-local-track-published")
        server.update_participant(self.server, self.room, "us", EVERYTHING)
        driver.wait_for_count("livekit-local-track-published", published + 1)
        them.hear("us").wait_for_tone(660)
        self.assertNotIn("error ", driver.process.output)

    def test_name_metadata_and_attributes_of_us_and_of_the_room(self):
        driver = self.us("livekitsrc {}")
        server.update_participant(self.server, self.room, "us", name="Ursula", metadata="meta", attributes={"key": "value"})
        self.wait_for(driver, "livekit-participant-changed", "Ursula", "meta", "value")
        server.update_room(self.server, self.room, "room-data")
        self.wait_for(driver, "livekit-room-changed", "room-data")
        self.check_no_trouble(driver)

    def test_what_was_changed_outlives_a_reconnect(self):
        meddler = self.meddle()
        them = self.peer("them")
        driver = self.publisher(url=meddler.url)
        server.update_participant(self.server, self.room, "us", metadata="changed")
        self.wait_for(driver, "livekit-participant-changed", "changed")
        wait_until(lambda: sum(r.WhichOneof("message") == "refresh_token" for r in meddler.last.responses) >= 2, 10, "its token")
        meddler.say(wire.SignalResponse(leave=wire.LeaveRequest(action=wire.LeaveRequest.RECONNECT)))
        driver.wait_for_state("connected", count=2)
        wait_until(lambda: them.participant("us") and them.participant("us").metadata == "changed", 10, "the metadata")

    def test_a_deleted_room_is_a_clean_end(self):
        driver = self.publisher()
        self.sid(driver)
        server.delete_room(self.server, self.room)
        self.wait_for(driver, "eos")
        self.assertNotIn("error ", driver.process.output)
        self.wait_for(driver, "livekit-connection-state", "code=(string)room-closed")
        self.assertLess(driver.stop(), 2000)

    def test_a_removed_participant_ends_with_the_reason_and_stays_away(self):
        driver = self.publisher()
        self.sid(driver)
        server.remove_participant(self.server, self.room, "us")
        driver.wait_for_count("error removed", 1)
        self.assertNotIn("to=(string)reconnecting", driver.process.output)

    def test_a_duplicate_identity_is_no_fight(self):
        driver = self.publisher()
        self.sid(driver)
        twin = self.peer("us")
        driver.wait_for_count("error duplicate-identity", 1)
        self.assertNotIn("to=(string)reconnecting", driver.process.output)
        witness = self.peer("witness")
        witness.wait_for_participant("us")
        self.assertNotIn("disconnected", twin.event_names())


class ByOthers(Changes):
    def test_a_publisher_forbids_and_allows_to_subscribe(self):
        them = self.peer("them")
        them.publish_tone(523)
        driver = self.us("livekitsrc {} lk. ! fakesink sync=false async=false")
        self.wait_for(driver, "livekit-track-subscribed")
        them.allow_subscribers([])
        self.wait_for(driver, "livekit-subscription-failed", "code=(string)not-allowed")
        driver.wait_for_count("livekit-track-unsubscribed", 1)
        them.allow_subscribers(["us"])
        driver.wait_for_count("livekit-track-subscribed", 2)
        self.check_no_trouble(driver)


    def test_a_picture_that_nobody_takes_is_not_sent_and_not_muted_either(self):
        paths = Both()
        relay = Relay(self.server, paths)
        self.addCleanup(relay.stop)
        driver = self.us("videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=15/1 ! livekitsink {}", url=relay.url)
        them = self.peer("them")
        them.see("us").wait_for_pictures(5)
        them.leave()

        def sent(seconds=2):
            begin, before = time.monotonic(), paths.up.passed.get("video", 0)
            wait_until(lambda: time.monotonic() > begin + seconds, seconds + 5, "a moment")
            return paths.up.passed["video"] - before

        wait_until(lambda: sent() == 0, 40, lambda: "two seconds without a packet\n" + driver.process.output[-2000:])
        others = self.peer("others")
        others.see("us").wait_for_pictures(10)
        self.assertFalse(others.publications("us")[0].muted)
        self.check_no_trouble(driver)


class ByAServerOfAnotherKind(Changes):
    """What the open-source server never says."""

    def test_a_move_to_another_room_goes_on_there(self):
        meddler = self.meddle()
        driver = self.publisher(url=meddler.url)
        self.sid(driver)
        other = self.room + "-moved"
        witness = server.token(self.server, other, "us")
        moved = wire.RoomMovedResponse(token=witness)
        moved.room.name = other
        moved.participant.identity, moved.participant.sid = "us", "PA_moved"
        moved.other_participants.add(identity="somebody", sid="PA_somebody", state=models.ParticipantInfo.ACTIVE)
        meddler.say(wire.SignalResponse(room_moved=moved))
        self.wait_for(driver, "livekit-room-joined", other)
        self.wait_for(driver, "livekit-participant-joined", "somebody")
        self.check_no_trouble(driver)
        # The next connect is there for real.
        meddler.drop()
        driver.wait_for_state("connected", count=2)
        self.assertEqual(meddler.last.token, witness)
        from lk.peer import Peer
        them = Peer(self.server, other, "them")
        self.addCleanup(them.leave)
        them.hear("us").wait_for_tone(660)

    def test_regions_of_a_leave_come_first_and_the_given_url_after_them(self):
        first, second = self.meddle(), self.meddle()
        with socket.create_server(("127.0.0.1", 0)) as closed:
            nobody = closed.getsockname()[1]
        driver = self.publisher(url=first.url)
        self.sid(driver)
        leave = wire.LeaveRequest(action=wire.LeaveRequest.RECONNECT, reason=models.DisconnectReason.SERVER_SHUTDOWN)
        leave.regions.regions.add(region="dead", url=f"ws://127.0.0.1:{nobody}")
        leave.regions.regions.add(region="near", url=second.url)
        first.say(wire.SignalResponse(leave=leave))
        driver.wait_for_state("connected", count=2)
        self.assertEqual((len(first.connections), len(second.connections)), (1, 1))
        second.admit = lambda connection: 503
        second.drop()
        driver.wait_for_state("connected", count=3)
        self.assertEqual(len(first.connections), 2)
        self.peer("witness").hear("us").wait_for_tone(660)

    def test_an_alternative_url_is_where_the_next_connect_goes(self):
        second = self.meddle()

        def name_it(response):
            if response.WhichOneof("message") == "join":
                response.join.alternative_url = second.url
            return [response]

        first = self.meddle(hook=name_it)
        driver = self.publisher(url=first.url)
        self.sid(driver)
        first.say(wire.SignalResponse(leave=wire.LeaveRequest(action=wire.LeaveRequest.RECONNECT)))
        driver.wait_for_state("connected", count=2)
        self.assertEqual((len(first.connections), len(second.connections)), (1, 1))

    def test_a_paused_stream_is_told_and_resumed(self):
        meddler = self.meddle()
        them = self.peer("them")
        sid = them.publish_tone(523)
        driver = self.us("livekitsrc {} lk. ! fakesink sync=false async=false", url=meddler.url)
        self.wait_for(driver, "livekit-track-subscribed")
        for state, word in ((wire.StreamState.PAUSED, "paused=(boolean)true"), (wire.StreamState.ACTIVE, "paused=(boolean)false")):
            update = wire.StreamStateUpdate()
            update.stream_states.add(track_sid=sid, state=state)
            meddler.say(wire.SignalResponse(stream_state_update=update))
            self.wait_for(driver, "livekit-track-changed", word)
        self.check_no_trouble(driver)

    def test_a_codec_update_and_other_demands_change_nothing(self):
        meddler = self.meddle()
        them = self.peer("them")
        driver = self.publisher(url=meddler.url)
        ear = them.hear("us")
        sid = self.sid(driver)
        quality = wire.SubscribedQualityUpdate(track_sid=sid)
        quality.subscribed_codecs.add(codec="vp9").qualities.add(quality=models.VideoQuality.HIGH, enabled=True)
        meddler.say(wire.SignalResponse(subscribed_quality_update=quality))
        audio = wire.SubscribedAudioCodecUpdate(track_sid=sid)
        audio.subscribed_audio_codecs.add(codec="pcmu", enabled=True)
        meddler.say(wire.SignalResponse(subscribed_audio_codec_update=audio))
        meddler.say(wire.SignalResponse(media_sections_requirement=wire.MediaSectionsRequirement(num_audios=3)))
        ear.wait_for_tone(660)
        self.check_no_trouble(driver)

    def test_a_room_that_is_full_at_the_rejoin_is_tried_until_there_is_a_place(self):
        refused = []

        def admit(connection):
            if len(meddler.connections) < 1 or len(refused) >= 3:
                return None
            if not connection.path.endswith("validate"):
                refused.append(connection)
                return 500
            return None

        meddler = self.meddle()
        meddler.admit = admit
        driver = self.publisher(url=meddler.url)
        self.sid(driver)
        meddler.say(wire.SignalResponse(leave=wire.LeaveRequest(action=wire.LeaveRequest.RECONNECT)))
        driver.wait_for_state("connected", count=2)
        self.assertEqual(len(refused), 3)
        self.assertNotIn("error ", driver.process.output)
