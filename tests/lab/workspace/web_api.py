"""The HTTP side: Web API, response_url and uploads, each with the faults that are switched on there."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.arguments import Arguments
from tests.lab.workspace.faults import (
    RESPONSE_URL,
    UPLOAD,
    DropAfter,
    DropBefore,
    Failing,
    Faults,
    RateLimited,
    ServerError,
    Slow,
)
from tests.lab.workspace.journal import Called
from tests.lab.workspace.methods import METHODS
from tests.lab.workspace.methods.method import Rooms, TooFast
from tests.lab.workspace.responses import Responses
from tests.lab.workspace.tokens import Tokens

Carry = Callable[[], Awaitable[web.StreamResponse]]


class WebApi:
    """Answers HTTP requests of the app."""

    def __init__(self, rooms: Rooms, tokens: Tokens, responses: Responses, faults: Faults) -> None:
        self._rooms = rooms
        self._tokens = tokens
        self._responses = responses
        self._faults = faults

    async def call(self, request: web.Request) -> web.StreamResponse:
        """`/api/<method>`."""
        method = request.match_info["method"]
        return await self._faulty(request, method, lambda: self._call(request, method))

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """`/response/<name>`. Refusals here are not documented.

        Invalid blocks were answered with 404 and JSON (slackapi/java-slack-sdk #1349), as an address that is used up.
        """

        async def carry() -> web.StreamResponse:
            arguments = Arguments({})
            try:
                arguments = await Arguments.read(request)
                self._responses.use(request.match_info["name"], arguments.values)
            except SlackError as error:
                self._record(RESPONSE_URL, arguments, error.error)
                gone = error.error in ("expired_url", "used_url", "invalid_blocks", "invalid_blocks_format")
                return web.json_response({"ok": False, "error": error.error}, status=404 if gone else 400)
            self._record(RESPONSE_URL, arguments, "")
            return web.Response(text="ok")

        return await self._faulty(request, RESPONSE_URL, carry)

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """`/upload/<file>`."""

        async def carry() -> web.StreamResponse:
            content = await request.read()
            if self._rooms.uploads.receive(request.match_info["file"], content):
                return web.Response(text=f"OK - {len(content)}")
            return web.Response(status=400, text="no such upload")

        return await self._faulty(request, UPLOAD, carry)

    async def _call(self, request: web.Request, method: str) -> web.StreamResponse:
        arguments = Arguments({})
        try:
            arguments = await Arguments.read(request)
            answer = {"ok": True, **self._answer(request, method, arguments)}
        except SlackError as error:
            answer = {"ok": False, "error": error.error, **error.more}
        except TooFast as error:
            self._record(method, arguments, "ratelimited")
            return _too_fast(error.retry_after)
        self._record(method, arguments, answer.get("error", ""))
        return web.json_response(answer, headers={"X-OAuth-Scopes": ",".join(sorted(self._rooms.manifest.scopes))})

    def _answer(self, request: web.Request, name: str, arguments: Arguments) -> dict[str, Any]:
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        self._tokens.check(request.headers.get("Authorization"), method.holder)
        if method.scope is not None:
            self._rooms.require(method.scope)
        if wait := self._rooms.rates.admit(name, method.tier):
            raise TooFast(wait)
        return method.handle(self._rooms, arguments)

    async def _faulty(self, request: web.Request, place: str, carry: Carry) -> web.StreamResponse:
        """Carry the request out, with the fault that is switched on at this place."""
        fault = self._faults.take(place)
        match fault:
            case None:
                return await carry()
            case Slow(seconds=seconds):
                await asyncio.sleep(seconds)
                return await carry()
            case DropAfter():
                await carry()
                return _cut(request)
        self._record(place, await Arguments.read(request), type(fault).__name__)
        match fault:
            case RateLimited(retry_after=seconds):
                return _too_fast(seconds)
            case ServerError(status=status):
                return web.Response(status=status, text="<html>Server Error</html>", content_type="text/html")
            case Failing(error=error):
                return web.json_response({"ok": False, "error": error})
            case DropBefore():
                return _cut(request)
            case _:
                raise AssertionError(fault)

    def _record(self, place: str, arguments: Arguments, error: str) -> None:
        self._rooms.state.journal.record(Called(place, arguments.values, error))


def _too_fast(seconds: int) -> web.Response:
    return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": str(seconds)})


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return web.Response()
