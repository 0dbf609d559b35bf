"""Where participants connect instead of to the real server: what Meddler and Relay stand on."""
import asyncio
import socket

import aiohttp
from aiohttp import web

from .loop import LoopThread


class SignalProxy:
    """`url` is what clients are given. A subclass says in `_request` what becomes of each HTTP request."""

    PASSED_ON = ("authorization", "user-agent")

    def __init__(self, server, host="127.0.0.1"):
        self._server, self._host = server, host
        self._thread = LoopThread()
        self._thread.call(self._start())

    def stop(self):
        self._thread.call(self._stop())
        self._thread.stop()

    async def _start(self):
        self._session = aiohttp.ClientSession()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._request)
        self._runner = web.AppRunner(app, shutdown_timeout=0.5)
        await self._runner.setup()
        listener = socket.create_server((self._host, 0))
        await web.SockSite(self._runner, listener).start()
        self.url = f"ws://{self._host}:{listener.getsockname()[1]}"

    async def _stop(self):
        await self._runner.cleanup()
        await self._session.close()

    async def _request(self, request):
        raise NotImplementedError

    @staticmethod
    def _wants_websocket(request):
        return request.headers.get("Upgrade", "").lower() == "websocket"

    def _headers(self, request):
        return {name: value for name, value in request.headers.items() if name.lower() in self.PASSED_ON}

    async def _forward(self, request):
        """The server's answer to a request that is no WebSocket."""
        target = self._server.url.replace("ws://", "http://") + request.path_qs
        async with self._session.request(request.method, target, headers=self._headers(request)) as answer:
            return web.Response(status=answer.status, body=await answer.read())

    def _connect(self, request):
        """A WebSocket to the server, as the client asked for one."""
        return self._session.ws_connect(self._server.url + request.path_qs, headers=self._headers(request), max_msg_size=0)

    @staticmethod
    async def _both_ways(up, down):
        """Until one direction ends."""
        done, rest = await asyncio.wait([asyncio.create_task(up), asyncio.create_task(down)], return_when=asyncio.FIRST_COMPLETED)
        for task in [*done, *rest]:
            task.cancel()
