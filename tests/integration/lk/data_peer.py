"""What the official SDK sends and hears as data, behind blocking methods."""
import asyncio
import time

from livekit import rtc

from .peer import Peer, _run, _sdk
from .wait import wait_until


class DataPeer(Peer):
    """A Peer that keeps every packet, stream, chat message, call and frame."""

    def __init__(self, server, room, identity, text_topics=(), byte_topics=(), **grants):
        self.packets, self.streams, self.calls, self.frames, self.tracks = [], [], [], [], {}
        self._topics = (text_topics, byte_topics)
        self._tasks = set()
        super().__init__(server, room, identity, **grants)

    async def _connect(self, url, jwt, auto_subscribe):
        # Handlers stand before the first packet can come.
        original, peer = rtc.Room, self

        class Room(original):
            async def connect(self, *args, **options):
                self.on("data_received", peer.packets.append)
                self.on("data_track_published", lambda track: peer.tracks.__setitem__(track.info.name, track))
                for topic in peer._topics[0]:
                    self.register_text_stream_handler(topic, peer._on_stream)
                for topic in peer._topics[1]:
                    self.register_byte_stream_handler(topic, peer._on_stream)
                await super().connect(*args, **options)

        rtc.Room = Room
        try:
            await super()._connect(url, jwt, auto_subscribe)
        finally:
            rtc.Room = original

    def _spawn(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_stream(self, reader, identity):
        async def read():
            text = isinstance(reader, rtc.TextStreamReader)
            whole = await reader.read_all() if text else b"".join([chunk async for chunk in reader])
            self.streams.append((identity, reader.info, whole))
        self._spawn(read())

    # --- sending

    def send(self, payload, topic="", reliable=True, to=()):
        _run(self.room.local_participant.publish_data(payload, reliable=reliable, topic=topic,
                                                      destination_identities=list(to)))

    def send_many(self, payloads, topic="", reliable=True):
        async def go():
            for payload in payloads:
                await self.room.local_participant.publish_data(payload, reliable=reliable, topic=topic)
        _run(go(), 60)

    def send_slowly(self, payloads, pause, topic=""):
        """Returns at once; each goes out `pause` seconds after the one before."""
        async def go():
            for payload in payloads:
                await self.room.local_participant.publish_data(payload, reliable=True, topic=topic)
                await asyncio.sleep(pause)
        _sdk().post(self._spawn, go())

    def send_text(self, text, topic, to=(), attributes=None):
        _run(self.room.local_participant.send_text(text, topic=topic, destination_identities=list(to) or None,
                                                   attributes=attributes), 60)

    def send_bytes(self, data, topic, name="a.bin", attributes=None):
        async def go():
            writer = await self.room.local_participant.stream_bytes(name, topic=topic, total_size=len(data),
                                                                    attributes=attributes)
            await writer.write(data)
            await writer.aclose()
        _run(go(), 60)

    def call(self, identity, method, payload, timeout=15):
        """The answer, or the rtc.RpcError."""
        async def go():
            try:
                return await self.room.local_participant.perform_rpc(
                    destination_identity=identity, method=method, payload=payload, response_timeout=timeout)
            except rtc.RpcError as error:
                return error
        return _run(go(), timeout + 10)

    def serve(self, method, answer):
        """`answer (payload)` returns the answer or raises rtc.RpcError."""
        async def handler(invocation):
            self.calls.append(invocation)
            return answer(invocation.payload)
        _sdk().post(self.room.local_participant.register_rpc_method, method, handler)

    def publish_data_track(self, name):
        return _run(self.room.local_participant.publish_data_track(name=name))

    def push(self, track, payloads, pause=0.02):
        async def go():
            for number, payload in enumerate(payloads):
                track.try_push(rtc.DataTrackFrame(payload=payload, user_timestamp=number))
                await asyncio.sleep(pause)
        _run(go(), 60)

    # --- receiving

    def wait_for_packets(self, count, timeout=30, topic=None):
        def enough():
            found = [p for p in list(self.packets) if topic in (None, p.topic)]
            return found if len(found) >= count else None
        return wait_until(enough, timeout, lambda: f"{count} packets; got {len(self.packets)}")

    def wait_for_stream(self, count=1, timeout=30):
        return wait_until(lambda: self.streams[:count] if len(self.streams) >= count else None, timeout,
                          f"{count} streams")[-1]

    def subscribe_data_track(self, name, timeout=15):
        """From now on self.frames grows."""
        track = wait_until(lambda: self.tracks.get(name), timeout, f"data track {name}")

        async def go():
            stream = track.subscribe()

            async def read():
                async for frame in stream:
                    self.frames.append(frame)
            self._spawn(read())
        _run(go())

    def round_trips(self, count, size, reliable, pause=0.01):
        """Seconds for each packet of topic "ping" to come back as "echo"."""
        async def go():
            times = []
            loop = asyncio.get_running_loop()
            for number in range(count):
                came = loop.create_future()

                def heard(packet, came=came):
                    if packet.topic == "echo" and not came.done():
                        came.set_result(time.perf_counter())
                self.room.on("data_received", heard)
                start = time.perf_counter()
                await self.room.local_participant.publish_data(number.to_bytes(4, "big").ljust(size, b"x"),
                                                               reliable=reliable, topic="ping")
                times.append(await asyncio.wait_for(came, 10) - start)
                self.room.off("data_received", heard)
                await asyncio.sleep(pause)
            return times
        return _run(go(), 120)
