"""The signalling between our participants and the real server passes through here, and a test decides about it.

Media goes past, so that a session is whole while the server "says" what the real one never would.
"""
import asyncio

import aiohttp
from aiohttp import web
from livekit.protocol import rtc as wire

from .signal_proxy import SignalProxy
from .wait import wait_until


class Connection:
    """One signalling connection of a client: what it came with and what it has said."""

    def __init__(self, request):
        self.token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.query = dict(request.query)
        self.path = request.path
        self.requests = []  # SignalRequest, in order
        self.responses = []  # SignalResponse as the server sent them
        self.open = True
        self.socket = None
        self.transport = request.transport

    def said(self, kind):
        """All requests of one kind so far."""
        return [getattr(r, kind) for r in list(self.requests) if r.WhichOneof("message") == kind]


class Meddler(SignalProxy):
    """`admit(connection)` says None to let a client in, the HTTP status that refuses it, or HANG for no answer at all.
    `hook(response)` gets each SignalResponse of the server; returns what the client gets instead, a list of SignalResponse or bytes.
    """

    HANG = object()

    def __init__(self, server, admit=lambda connection: None, hook=lambda response: [response]):
        self.admit, self.hook = admit, hook
        self.connections = []
        super().__init__(server)

    # --- what tests do

    @property
    def last(self):
        return self.connections[-1]

    def wait_for_connection(self, count, timeout=15):
        """The connection with that number, from 1, once it is there."""
        return wait_until(lambda: len(self.connections) >= count and self.connections[count - 1], timeout,
                          lambda: f"{count} connections; there were {len(self.connections)}")

    def say(self, message):
        """To the newest client, as if from the server: a SignalResponse, or bytes as they are."""
        data = message if isinstance(message, bytes) else message.SerializeToString()
        self._thread.call(self.last.socket.send_bytes(data))

    def drop(self):
        """The newest connection breaks without a word."""
        self._thread.post(self.last.transport.abort)

    # --- the way through

    async def _request(self, request):
        connection = Connection(request)
        status = self.admit(connection)
        if status is not None:
            if self._wants_websocket(request):
                self.connections.append(connection)
                connection.open = False
            if status is self.HANG:
                await asyncio.sleep(60)
            return web.Response(status=status)
        if not self._wants_websocket(request):
            return await self._forward(request)
        try:
            server = await self._connect(request)
        except (aiohttp.WSServerHandshakeError, aiohttp.ClientError) as error:
            return web.Response(status=getattr(error, "status", 502))
        client = web.WebSocketResponse(max_msg_size=0)
        await client.prepare(request)
        connection.socket = client
        self.connections.append(connection)
        async with server:
            await self._both_ways(self._up(connection, client, server), self._down(connection, server, client))
            connection.open = False
            await client.close()
        return client

    async def _up(self, connection, client, server):
        async for message in client:
            if message.type == aiohttp.WSMsgType.BINARY:
                connection.requests.append(wire.SignalRequest.FromString(message.data))
                await server.send_bytes(message.data)

    async def _down(self, connection, server, client):
        async for message in server:
            if message.type != aiohttp.WSMsgType.BINARY:
                continue
            response = wire.SignalResponse.FromString(message.data)
            connection.responses.append(response)
            for each in self.hook(response):
                await client.send_bytes(each if isinstance(each, bytes) else each.SerializeToString())


def without_pushed_tokens(response):
    return [] if response.WhichOneof("message") == "refresh_token" else [response]
