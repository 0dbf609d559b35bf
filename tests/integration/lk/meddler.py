"""The signalling between our participants and the real server passes through here, and a test decides about it.

Media goes past, so that a session is whole while the server "says" what the real one never would.
"""
import asyncio
import socket
import threading

import aiohttp
from aiohttp import web
from livekit.protocol import rtc as wire

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


class Meddler:
    """`url` is what clients are given.

    `admit(connection)` says None to let a client in, the HTTP status that refuses it, or HANG for no answer at all.
    `hook(response)` gets each SignalResponse of the server; returns what the client gets instead, a list of SignalResponse or bytes.
    """

    HANG = object()

    def __init__(self, server, admit=lambda connection: None, hook=lambda response: [response]):
        self.admit, self.hook = admit, hook
        self.connections = []
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._call(self._start())

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _start(self):
        self._session = aiohttp.ClientSession()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._request)
        self._runner = web.AppRunner(app, shutdown_timeout=0.5)
        await self._runner.setup()
        listener = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(self._runner, listener).start()
        self.url = f"ws://127.0.0.1:{listener.getsockname()[1]}"

    def stop(self):
        async def go():
            await self._runner.cleanup()
            await self._session.close()
        self._call(go())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

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
        self._call(self.last.socket.send_bytes(data))

    def drop(self):
        """The newest connection breaks without a word."""
        self._loop.call_soon_threadsafe(self.last.transport.abort)

    # --- the way through

    async def _request(self, request):
        target = str(request.rel_url)
        headers = {k: v for k, v in request.headers.items() if k.lower() in ("authorization", "user-agent")}
        base = self._server.url.replace("ws://", "http://")
        upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
        connection = Connection(request)
        status = self.admit(connection)
        if status is not None:
            if upgrade:
                self.connections.append(connection)
                connection.open = False
            if status is self.HANG:
                await asyncio.sleep(60)
            return web.Response(status=status)
        if not upgrade:
            async with self._session.request(request.method, base + target, headers=headers) as answer:
                return web.Response(status=answer.status, body=await answer.read())
        try:
            server = await self._session.ws_connect(base + target, headers=headers, max_msg_size=0)
        except (aiohttp.WSServerHandshakeError, aiohttp.ClientError) as error:
            return web.Response(status=getattr(error, "status", 502))
        client = web.WebSocketResponse(max_msg_size=0)
        await client.prepare(request)
        connection.socket = client
        self.connections.append(connection)
        async with server:
            done, rest = await asyncio.wait(
                [asyncio.create_task(self._up(connection, client, server)),
                 asyncio.create_task(self._down(connection, server, client))], return_when=asyncio.FIRST_COMPLETED)
            for task in [*done, *rest]:
                task.cancel()
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
