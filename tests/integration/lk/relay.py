"""A network between one client of ours and the server that a test can make worse: signalling and UDP pass through here.

The signalling is read: the client is told of this relay's port instead of the server's, and the server of no candidate of the
client, so that nothing goes past. A hook decides about each packet.
"""
import asyncio
import json
import socket
import struct
import time
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from livekit.protocol import rtc as wire

from .signal_proxy import SignalProxy


@dataclass
class Packet:
    """`kind`: "audio" or "video" for RTP (retransmissions too), "rtcp", or "" (STUN, DTLS). `up`: from the client. `at`: when the
    kernel received it (time.monotonic()), which a busy machine lets us see only later."""
    data: bytes
    up: bool
    kind: str
    at: float


class Relay(SignalProxy):
    """`hook(packet)` returns seconds of delay from `packet.at` on, or None to lose the packet.
    Without a hook only the signalling passes through here, at an address of `host`."""

    NO_ANSWER = -1  # the connection is closed without one

    def __init__(self, server, hook=None, host="127.0.0.1"):
        self.hook = hook
        self._kinds = {}  # (up, payload type) → kind
        self._upstreams = {}  # client address → transport towards the server
        self._clients = set()  # transports of open WebSockets
        self._dark, self._stalled = (0, 0), 0
        self.queries = []  # of each WebSocket so far, as dictionaries
        self.refuse = lambda query: None  # an HTTP status, or NO_ANSWER, for a connection that is not passed on
        super().__init__(server, host)

    async def _start(self):
        self._udp = _Port(self._thread.loop, self._from_client)
        self._udp.socket.bind(("0.0.0.0", 0))
        await super()._start()

    async def _stop(self):
        await super()._stop()
        for transport in [self._udp, *self._upstreams.values()]:
            transport.close()

    def black_out(self, seconds, signalling=False):
        """Loses the media for so long; the signalling gets through late, as TCP does."""
        self._dark = (time.monotonic(), time.monotonic() + seconds)
        self._stalled = self._dark[1] if signalling else 0

    async def _while_stalled(self):
        while time.monotonic() < self._stalled:
            await asyncio.sleep(0.02)

    def cut(self):
        """All signalling connections break, as when a proxy is restarted."""
        async def go():
            for transport in list(self._clients):
                transport.abort()
        self._thread.call(go())

    # --- signalling

    async def _request(self, request):
        await self._while_stalled()
        if status := self.refuse(request.query):
            if status == self.NO_ANSWER:
                request.transport.abort()
            return web.Response(status=max(status, 200))
        if not self._wants_websocket(request):
            return await self._forward(request)
        self.queries.append(dict(request.query))
        client = web.WebSocketResponse(max_msg_size=0)
        async with self._connect(request) as server:
            await client.prepare(request)
            transport = request.transport
            self._clients.add(transport)
            await self._both_ways(self._pass_on(client, server, self._to_server), self._pass_on(server, client, self._to_client))
            self._clients.discard(transport)
            await client.close()
        return client

    async def _pass_on(self, source, sink, change):
        async for message in source:
            await self._while_stalled()
            if message.type == aiohttp.WSMsgType.BINARY:
                data = change(message.data)
                if data is not None:
                    await sink.send_bytes(data)
            elif message.type == aiohttp.WSMsgType.TEXT:
                await sink.send_str(message.data)

    def _to_server(self, data):
        if not self.hook:
            return data
        message = wire.SignalRequest.FromString(data)
        which = message.WhichOneof("message")
        if which == "trickle":
            return None
        if which in ("offer", "answer"):
            description = getattr(message, which)
            self._learn(description.sdp, up=which == "offer")
            description.sdp = _without_candidates(description.sdp)
            return message.SerializeToString()
        return data

    def _to_client(self, data):
        if not self.hook:
            return data
        message = wire.SignalResponse.FromString(data)
        which = message.WhichOneof("message")
        if which == "trickle":
            init = json.loads(message.trickle.candidateInit or "{}")
            if init.get("candidate"):
                init["candidate"] = self._moved(init["candidate"])
                if not init["candidate"]:
                    return None
                message.trickle.candidateInit = json.dumps(init)
        elif which in ("offer", "answer"):
            description = getattr(message, which)
            self._learn(description.sdp, up=which == "answer")
            lines = []
            for line in description.sdp.split("\r\n"):
                if line.startswith("a=candidate:"):
                    line = self._moved(line)
                    if not line:
                        continue
                lines.append(line)
            description.sdp = "\r\n".join(lines)
        return message.SerializeToString()

    def _moved(self, candidate):
        """The candidate at this relay's port, or "" for one that would go past it."""
        words = candidate.split(" ")
        if words[2].lower() != "udp" or "host" not in words:
            return ""
        words[5] = str(self._udp.socket.getsockname()[1])
        return " ".join(words)

    def _learn(self, sdp, up):
        kind = ""
        for line in sdp.split("\r\n"):
            if line.startswith("m="):
                kind = line[2:].split(" ")[0]
            elif line.startswith("a=rtpmap:"):
                self._kinds[(up, int(line[9:].split(" ")[0]))] = kind

    # --- media

    def _kind(self, data, up):
        if len(data) < 12 or data[0] >> 6 != 2:
            return ""
        return "rtcp" if 192 <= data[1] <= 223 else self._kinds.get((up, data[1] & 0x7f), "")

    def _carry(self, data, at, up, send):
        delay = self.hook(Packet(data, up, self._kind(data, up), at))
        if delay is None or self._dark[0] <= at < self._dark[1]:
            return
        late = at + delay - time.monotonic() if delay > 0 else 0
        if late > 0:
            self._thread.loop.call_later(late, send)
        else:
            send()

    def _from_client(self, data, at, address):
        upstream = self._upstreams.get(address)
        if upstream is None:
            # Connecting a UDP socket takes no time, so nothing can overtake.
            upstream = self._upstreams[address] = _Port(self._thread.loop, lambda back, when, _: self._carry(
                back, when, False, lambda: self._udp.send(back, address)))
            upstream.socket.connect((self._server.node_ip, self._server.udp_port))
        self._carry(data, at, True, lambda: upstream.send(data))


class _Port:
    """A UDP socket that tells when each datagram came: `receive(data, at, address)`."""

    BUFFER = 4 << 20  # a pause of this process loses nothing
    TIME = 35  # SO_TIMESTAMPNS

    def __init__(self, loop, receive):
        self._loop, self._receive = loop, receive
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.BUFFER)
        self.socket.setsockopt(socket.SOL_SOCKET, self.TIME, 1)
        loop.add_reader(self.socket, self._read)

    def _read(self):
        while True:
            try:
                data, control, _, address = self.socket.recvmsg(65536, 64)
            except BlockingIOError:
                return
            except OSError:
                continue
            self._receive(data, time.monotonic() - self._age(control), address)

    def _age(self, control):
        for level, kind, value in control:
            if (level, kind) == (socket.SOL_SOCKET, self.TIME):
                seconds, nanoseconds = struct.unpack("qq", value)
                return max(0.0, time.time() - seconds - nanoseconds / 1e9)
        return 0.0

    def send(self, data, address=None):
        try:
            if address:
                self.socket.sendto(data, address)
            else:
                self.socket.send(data)
        except OSError:
            pass  # as on a network

    def close(self):
        self._loop.remove_reader(self.socket)
        self.socket.close()


def _without_candidates(sdp):
    return "\r\n".join(line for line in sdp.split("\r\n") if not line.startswith("a=candidate:"))
