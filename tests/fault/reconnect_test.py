"""A server that freezes, or dies and comes back, under running pipelines. The official SDK is the other end; it comes back by itself."""
import os
import signal
import time

import numpy as np

from lk import tone
from lk.case import LiveKitTest
from lk.recording import Recording
from lk.wait import wait_until

ALONE = True  # times away

WAV = "audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=1 ! wavenc ! filesink buffer-mode=unbuffered location={}"


FULL = os.environ.get("LK_LIFE") == "full"
RECOVERED = "from=(string)reconnecting, to=(string)connected"
RESUMED = RECOVERED + ", resumed=(boolean)true"


class Fault(LiveKitTest):
    server_options = {}

    def let_pass(self, seconds):
        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() >= end, seconds + 5, f"{seconds} s")

    def publish(self):
        return self.launch(f"audiotestsrc is-live=true freq=660 ! livekitsink room={self.room} identity=us", messages=True)


class ServerFreezes(Fault):
    def freeze(self, seconds):
        self.server.process.send_signal(signal.SIGSTOP)
        self.let_pass(seconds)
        self.server.process.send_signal(signal.SIGCONT)

    def test_five_seconds_are_sat_out(self):
        them = self.peer("them")
        ours = self.publish()
        ear = them.hear("us")
        ear.wait_for_tone(660)
        self.freeze(5)
        ear.wait_for_tone(660, timeout=5)
        self.let_pass(4)  # for a probe that went wrong to show
        self.assertNotIn("to=(string)reconnecting", ours.output)

    def test_after_twenty_seconds_the_session_is_resumed_within_one(self):
        ours = self.publish()
        self.peer("them").hear("us").wait_for_tone(660)
        frozen = time.monotonic()
        self.server.process.send_signal(signal.SIGSTOP)
        ours.wait_for_output("to=(string)reconnecting", 12)
        self.let_pass(20 - (time.monotonic() - frozen))
        thawed = time.monotonic()
        self.server.process.send_signal(signal.SIGCONT)
        ours.wait_for_output(RESUMED, 1)
        print(f"freeze of 20 s: resumed {time.monotonic() - thawed:.2f} s after its end", flush=True)
        # The SDK may have joined anew.
        self.peer("witness").hear("us").wait_for_tone(660)

    def test_a_room_that_is_muted_for_long_is_not_taken_for_dead(self):
        them = self.peer("them")
        them.publish_tone(523)
        ours = self.launch(f"livekitsrc room={self.room} identity=us name=r r.audio_0 ! fakesink", messages=True)
        ours.wait_for_output("livekit-track-subscribed")
        self.let_pass(1)
        them.mute("tone")
        self.let_pass(18)
        self.assertNotIn("to=(string)reconnecting", ours.output)


class ServerDies(Fault):
    def outage(self, seconds):
        self.server.kill()
        self.let_pass(seconds)
        self.server.start_again()

    def test_a_publisher_goes_on_after_each_death(self):
        them = self.peer("them")
        ours = self.publish()
        them.hear("us").wait_for_tone(660)
        for death in range(10 if FULL else 2):
            killed = time.monotonic()
            self.outage(2.1)
            up = time.monotonic() - killed
            wait_until(lambda: ours.output.count(RECOVERED) > death, 5, lambda: "a recovery\n" + ours.output[-3000:])
            print(f"server up {up:.2f} s after its death, we are back after {time.monotonic() - killed:.2f} s", flush=True)
            # A participant of its own, because the SDK's reconnect is slower than ours.
            witness = self.peer("witness")
            witness.hear("us").wait_for_tone(660)
            self.assertLess(time.monotonic() - killed, 18)
            witness.leave()
        self.assertTrue(ours.running, ours.output)

    def test_a_publisher_outlives_a_server_that_is_stopped_in_good_order(self):
        ours = self.publish()
        self.peer("them").hear("us").wait_for_tone(660)
        self.server.process.terminate()  # it waits for everybody to leave
        self.let_pass(0.5)
        self.server.process.terminate()  # it says goodbye to all, and ends
        self.server.process.wait(10)
        ours.wait_for_output("to=(string)reconnecting", 10)
        ours.wait_for_output("code=(string)server-shutdown")
        self.server.start_again()
        ours.wait_for_output(RECOVERED, 15)
        self.peer("witness").hear("us").wait_for_tone(660)

    def test_a_recording_is_one_file_with_the_outage_as_silence(self):
        self.peer("them").publish_tone(523)
        path = self.path("a.wav")
        ours = self.launch(f"livekitsrc room={self.room} identity=us name=r r.audio_0 ! {WAV.format(path)}",
                           eos_on_shutdown=True, messages=True)
        self.wait_for_sound(path, 2)
        self.outage(2.1)
        # The SDK comes back and publishes again; its track has another sid then.
        self.wait_for_tone_at_the_end(ours, path, 523, 30)
        code, took = ours.interrupt(10)
        self.assertEqual(code, 0, ours.output)
        self.assertLess(took, 1.3)
        sound = Recording(path).sound()[:, 0]
        self.assert_near(tone.measure(sound[24000:48000]).frequency, 523, 2, "before")
        self.assert_near(tone.measure(sound[-48000:-14400]).frequency, 523, 2, "after")
        self.assertGreater(tone.longest_silence(sound), 2.0, "the outage is in the file")
        self.assertEqual(ours.output.count("livekit-track-subscribed"), 1, "the same pad")

    def wait_for_sound(self, path, seconds):
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > seconds * 96000, 20, f"{seconds} s in {path}")

    def wait_for_tone_at_the_end(self, process, path, frequency, timeout):
        def there():
            self.assertTrue(process.running, process.output)
            with open(path, "rb") as data:
                data.seek(-2 * 48000, 2)
                last = np.frombuffer(data.read(2 * 48000), "<i2").astype(float) / 32768
            return tone.longest_silence(last) < 0.1 and abs(tone.measure(last).frequency - frequency) < 3
        wait_until(there, timeout, lambda: "the tone again\n" + process.output[-3000:])
