"""A signalling server that does what no good one would: each script is one way to be wrong, found under a path of its own.

    liar = Liar(rude=rude)              async def rude(peer): await peer.status(418)
    liar.url("rude")                    ws://127.0.0.1:PORT/rude, whose clients ask for /rude/rtc

Bytes are written by hand, since no WebSocket library would send them.
"""
import asyncio
import base64
import hashlib
import socket
import struct

from livekit.protocol import models, rtc as wire

from .loop import LoopThread


class Peer:
    """One TCP connection with its first request."""

    def __init__(self, reader, writer, head):
        self._reader, self._writer = reader, writer
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target = lines[0].split(" ")[:2]
        self.headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:]) if k}

    async def write(self, data):
        self._writer.write(data)
        await self._writer.drain()

    async def status(self, code, body=b"", headers=()):
        extra = "".join(f"{name}: {value}\r\n" for name, value in headers)
        await self.write(f"HTTP/1.1 {code} Told\r\nContent-Length: {len(body)}\r\nContent-Type: text/plain\r\n{extra}\r\n".encode() + body)

    async def upgrade(self, accept=None):
        key = self.headers.get("sec-websocket-key", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = accept or base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        await self.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          f"Sec-WebSocket-Accept: {accept}\r\n\r\n").encode())

    async def frame(self, data, opcode=2, final=True, claim=None):
        """A WebSocket frame; `claim` is the length its header tells instead of the true one."""
        size = len(data) if claim is None else claim
        head = bytes([(0x80 if final else 0) | opcode])
        if size < 126:
            head += bytes([size])
        elif size < 65536:
            head += bytes([126]) + struct.pack(">H", size)
        else:
            head += bytes([127]) + struct.pack(">Q", size)
        await self.write(head + data)

    async def say(self, **message):
        await self.frame(wire.SignalResponse(**message).SerializeToString())

    async def hold(self):
        """Until the client goes."""
        while await self._reader.read(65536):
            pass


class Liar:
    def __init__(self, **scripts):
        self.scripts = scripts
        self.asked = []  # targets, in order
        self._thread = LoopThread()
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self._server = self._thread.call(asyncio.start_server(self._serve, sock=listener))

    def url(self, script):
        return f"ws://127.0.0.1:{self.port}/{script}"

    def stop(self):
        self._thread.post(self._server.close)
        self._thread.stop()

    async def _serve(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            peer = Peer(reader, writer, head)
            self.asked.append(peer.target)
            script = self.scripts[peer.target.split("/")[1].split("?")[0]]
            if "/validate" in peer.target and not getattr(script, "validates", False):
                await peer.status(200, b"success")
            else:
                await script(peer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def join(**more):
    """A join response as it should be, for a room without media."""
    answer = wire.JoinResponse(ping_interval=5, ping_timeout=15, subscriber_primary=True, **more)
    answer.room.name, answer.room.sid = "room", "RM_liar"
    answer.participant.identity, answer.participant.sid = "us", "PA_us"
    answer.participant.state = models.ParticipantInfo.ACTIVE
    return answer


class Deaf:
    """A listener with a full backlog: connections hang in the kernel, which is what a wedged server looks like."""

    def __init__(self):
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(0)
        self.port = self._socket.getsockname()[1]
        self._fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self._fillers.append(filler)

    def stop(self):
        for one in [*self._fillers, self._socket]:
            one.close()
