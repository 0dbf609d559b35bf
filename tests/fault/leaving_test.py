"""Going to NULL takes no longer than 2 s, whatever state the network is in."""
import signal
import socket
import time
import unittest

from lk import namespace
from lk.case import LiveKitTest
from lk.server import serve
from lk.wait import wait_until

ALONE = True  # times to the end

LIMIT = 2.0  # seconds


class Leaving(LiveKitTest):
    server_options = {}

    def check_leaving(self, process):
        """Ctrl-C; gst-launch-1.0 says when the pipeline has reached NULL."""
        start = time.monotonic()
        process.signal(signal.SIGINT)
        wait_until(lambda: "Freeing pipeline" in process.output or not process.running, 15, lambda: f"NULL:\n{process.output}")
        self.assertLess(time.monotonic() - start, LIMIT, "seconds until NULL")
        process.wait(5)

    def both(self, properties="", **options):
        return self.launch(f"audiotestsrc is-live=true ! livekitsink room={self.room} identity=us {properties} "
                           "livekitsrc name=r kinds=audio r. ! fakesink", messages=True, **options)

    def wait_for_connecting(self, process, seconds=1.0):
        process.wait_for_output("to=(string)connecting")
        end = time.monotonic() + seconds  # for it to get as far as it can
        wait_until(lambda: time.monotonic() > end, seconds + 1, "a moment")


class ServerStandsStill(Leaving):
    def freeze(self):
        self.server.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.server.process.send_signal, signal.SIGCONT)

    def test_after_it_was_joined(self):
        self.peer("them").publish_tone(600)
        ours = self.both()
        ours.wait_for_output("livekit-track-subscribed")
        self.freeze()
        self.check_leaving(ours)

    def test_before_it_was_joined(self):
        self.freeze()
        ours = self.both()
        self.wait_for_connecting(ours)
        self.check_leaving(ours)


class NobodyAnswers(Leaving):
    """A listener that takes connections and says nothing."""

    def setUp(self):
        super().setUp()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.addCleanup(self.listener.close)
        self.port = self.listener.getsockname()[1]

    def test_in_the_middle_of_the_websocket_handshake(self):
        ours = self.both(env={"LIVEKIT_URL": f"ws://127.0.0.1:{self.port}"})
        self.wait_for_connecting(ours)
        self.check_leaving(ours)

    def test_in_the_middle_of_the_tls_handshake(self):
        ours = self.both(env={"LIVEKIT_URL": f"wss://127.0.0.1:{self.port}"})
        self.wait_for_connecting(ours)
        self.check_leaving(ours)

    def test_in_the_middle_of_turn_over_tls(self):
        ours = self.both(f"ice-transport-policy=relay 'turn-servers=<\"turns://u:p@127.0.0.1:{self.port}\">'")
        self.wait_for_connecting(ours, 2)
        self.check_leaving(ours)


class Void(Leaving):
    """Behind a network that swallows everything, from some moment on."""

    @classmethod
    def setUpClass(cls):
        if reason := namespace.why_not():
            raise unittest.SkipTest(reason)
        cls.net = namespace.Namespace()
        cls.addClassCleanup(cls.net.close)
        cls.server = serve.Server(bind=["127.0.0.1", cls.net.here]).start()
        cls.addClassCleanup(cls.server.stop)
        cls.url = f"ws://{cls.net.here}:{cls.server.port}"

    def cut(self):
        self.net.cut()
        self.addCleanup(self.net.mend)

    def start(self, properties="", url=None):
        return self.both(properties, env={"LIVEKIT_URL": url or self.url}, prefix=self.net.prefix)

    def test_after_joining(self):
        self.peer("them").publish_tone(600)
        ours = self.start()
        ours.wait_for_output("livekit-track-subscribed")
        self.cut()
        self.check_leaving(ours)

    def test_while_it_seeks_the_connection_again(self):
        self.peer("them").publish_tone(600)
        ours = self.start()
        ours.wait_for_output("livekit-track-subscribed")
        self.cut()
        ours.wait_for_output("to=(string)reconnecting", 20)
        self.check_leaving(ours)

    def test_before_joining(self):
        self.cut()
        ours = self.start()
        self.wait_for_connecting(ours)
        self.check_leaving(ours)

    def test_while_names_are_not_resolved(self):
        self.net.ask_names_of(self.net.leads_nowhere())
        ours = self.start(url="wss://livekit.example.org")
        self.wait_for_connecting(ours)
        self.check_leaving(ours)

    def test_while_the_name_of_a_turn_server_is_not_resolved(self):
        self.net.ask_names_of(self.net.leads_nowhere())
        ours = self.start("ice-transport-policy=relay 'turn-servers=<\"turn://u:p@turn.example.org\">'")
        self.wait_for_connecting(ours, 2)
        self.check_leaving(ours)


if __name__ == "__main__":
    unittest.main(verbosity=2)
