"""The control socket: how `do`, `shell` and `audit` speak to a running bot.

    POST /ask            {"text": …, "surface": "do" | "shell"}  ─▶  Answer
    GET  /audit/verify                                           ─▶  Verification, or a Failure

HTTP over a Unix socket (mode 0660; nothing listens on the network). Who asks is the peer's user
id as the kernel tells it (SO_PEERCRED), never what a client says. Database and socket belong to
the one bot that runs; where none does, `ask` says so with None and the caller goes on alone.
"""

import asyncio
import errno
import json
import os
import pwd
import socket
import stat
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, Literal, TypeVar

import aiohttp
from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.request import Answer, Failure, FailureKind, Request, Surface, SystemIdentity
from bot.store.chain import Verification

MAX_REQUEST = 65_536
"""Bytes of one request's body; how long words may be is the desk's to say."""

MAX_ANSWER = 16 * 1024 * 1024
"""Bytes of one answer: a report on the largest fleet is far below 1 MB."""

MAX_PATH = 107
"""Bytes of a socket's path (sun_path of Linux, less its end)."""

MODE = 0o660

OK, REFUSED = 200, 403
"""The two statuses: the value that was asked for, or a Failure."""

NOBODY = (errno.ENOENT, errno.ECONNREFUSED)
"""What connecting says where no bot listens."""

PEER = struct.Struct("3i")
"""pid, uid, gid (struct ucred)."""

BODY_DEADLINE = 5.0
"""Seconds in which a client must have sent its request."""

LEAVING = 5.0
"""Seconds that answers under way still get when the bot stops."""

ANSWER_DEADLINE = 120.0
"""Seconds in which an answer is expected: more than any read of a whole fleet takes."""

Value = TypeVar("Value", bound=BaseModel)


class ControlError(FlatnetError):
    """The control socket does not serve us."""


class ControlUnusable(ControlError):
    """The socket cannot be made at that path, or another bot has it."""


class ControlForbidden(ControlError):
    """A bot runs, and this user may not speak to it."""


class ControlRefused(ControlError):
    """The bot answered that it will not; the phrase is the bot's."""


class ControlLost(ControlError):
    """A bot runs, but there was no answer, or none that can be understood. What was asked may have been done."""


class Ask(BaseModel):
    """What a client may say. Who it is, is not among it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    surface: Literal[Surface.DO, Surface.SHELL]


@dataclass(frozen=True)
class Doors:
    """What stands behind the socket. `verify` may raise a `FlatnetError`; `handle` never does."""

    handle: Callable[[Request], Awaitable[Answer]]
    verify: Callable[[SystemIdentity], Awaitable[Verification]]
    now: Callable[[], datetime]
    new_key: Callable[[], str]


@asynccontextmanager
async def serve(path: Path, doors: Doors) -> AsyncIterator[None]:
    """Listen at `path` until left; `ControlUnusable` where that cannot be."""
    listener, made = _listen(path)
    runner = web.AppRunner(_application(doors), access_log=None, shutdown_timeout=LEAVING)
    try:
        await runner.setup()
        await web.SockSite(runner, listener).start()
        yield
    finally:
        _remove(path, made)
        await runner.cleanup()
        listener.close()


async def ask(path: Path, text: str, surface: Surface, deadline: float = ANSWER_DEADLINE) -> Answer | None:
    """Have the running bot answer; None where none runs. A `ControlError` where one runs and does not answer."""
    words = text.encode("utf-8", "backslashreplace").decode("utf-8")  # a terminal may hand in bytes that are no text
    said = Ask.model_validate({"text": words, "surface": surface})
    return await _exchange(path, _Question("POST", "/ask", Answer, said.model_dump_json()), deadline)


async def verify(path: Path, deadline: float = ANSWER_DEADLINE) -> Verification | None:
    """Have the running bot verify its audit log; as `ask`."""
    return await _exchange(path, _Question("GET", "/audit/verify", Verification), deadline)


def _application(doors: Doors) -> web.Application:
    async def asked(request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(BODY_DEADLINE):
                said = Ask.model_validate_json(await request.read())
        except (ValidationError, TimeoutError, web.HTTPRequestEntityTooLarge):
            return _refusal(
                Phrase("the control socket does not understand this; ask with flatnet-bot do or flatnet-bot shell")
            )
        who = await asyncio.to_thread(_peer, request)
        answer = await doors.handle(Request(doors.new_key(), who, said.text, said.surface, doors.now()))
        return _json(answer)

    async def verified(request: web.Request) -> web.Response:
        who = await asyncio.to_thread(_peer, request)
        try:
            return _json(await doors.verify(who))
        except FlatnetError as error:
            return _refusal(error.phrase)

    application = web.Application(client_max_size=MAX_REQUEST)
    application.add_routes([web.post("/ask", asked), web.get("/audit/verify", verified)])
    return application


def _peer(request: web.Request) -> SystemIdentity:
    """Who is at the other end, as the kernel knows it. May ask a directory service: not for the event loop."""
    assert request.transport is not None
    line: socket.socket = request.transport.get_extra_info("socket")
    credentials = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size)
    _, uid, _ = PEER.unpack(credentials)
    try:
        return SystemIdentity(uid, pwd.getpwuid(uid).pw_name)
    except KeyError:
        return SystemIdentity(uid, str(uid))


def _json(value: BaseModel, status: int = OK) -> web.Response:
    """What is no text in a host's words (a lone surrogate) becomes "?": JSON cannot carry it."""
    body = json.dumps(value.model_dump(mode="json"), ensure_ascii=False).encode("utf-8", "replace")
    return web.Response(body=body, content_type="application/json", status=status)


def _refusal(phrase: Phrase) -> web.Response:
    return _json(Failure(kind=FailureKind.REFUSED, phrase=phrase), REFUSED)


@dataclass(frozen=True)
class _Question(Generic[Value]):
    method: str
    route: str
    brings: type[Value]
    body: str | None = None


async def _exchange(path: Path, question: _Question[Value], deadline: float) -> Value | None:
    _check(path)
    try:
        async with (
            asyncio.timeout(deadline),
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
            session.request(question.method, f"http://bot{question.route}", data=question.body) as response,
        ):
            body = await _body(response)
    except aiohttp.ClientConnectorError as error:
        if error.os_error.errno in NOBODY:
            return None
        raise _not_connected(path, error.os_error) from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ControlLost(
            Phrase("the running bot does not answer at {path}; look at its log, then ask again", path=str(path))
        ) from error
    try:
        if response.status == REFUSED:
            raise ControlRefused(Failure.model_validate_json(body).phrase)
        return question.brings.model_validate_json(body)
    except ValidationError as error:
        raise ControlLost(
            Phrase(
                "the answer of the running bot is not understood; restart it if flatnet-bot was updated, and look at its log"
            )
        ) from error


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """The whole body, up to `MAX_ANSWER`; the rest is left unread and the answer is then no JSON."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(MAX_REQUEST):
        body += chunk
        if len(body) > MAX_ANSWER:
            break
    return bytes(body)


def _not_connected(path: Path, error: OSError) -> ControlError:
    """Somebody may listen there, but not for us."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return ControlForbidden(
            Phrase("you may not use {path}; ask to be added to the group that it belongs to", path=str(path))
        )
    return ControlLost(_unusable(path, error))


def _check(path: Path) -> None:
    size = len(os.fsencode(path))
    if size > MAX_PATH:
        raise ControlUnusable(
            Phrase(
                "the path of the control socket {path} has {size} bytes, at most {limit} are possible; "
                "set socket_file to a shorter one",
                path=str(path),
                size=size,
                limit=MAX_PATH,
            )
        )


def _listen(path: Path) -> tuple[socket.socket, os.stat_result]:
    """A listening socket of mode 0660 at `path`, and which file it is. What a dead bot left there is replaced."""
    _check(path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists() and _abandoned(path):
            path.unlink()
        listener = _bind(path)
        return listener, path.stat()
    except OSError as error:
        raise ControlUnusable(_unusable(path, error)) from error


def _bind(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(listener.fileno(), MODE)  # before there is a file, so that its mode is never wider
        listener.bind(os.fspath(path))
        path.chmod(MODE)  # the process's umask may have made it narrower
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _abandoned(path: Path) -> bool:
    """Whether `path` is a socket at which nobody listens; where somebody does, or where it is none, an error."""
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise ControlUnusable(
            Phrase(
                "{path} is in the way of the control socket and is not one; move it, or set another socket_file",
                path=str(path),
            )
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
        knock.setblocking(False)
        try:
            knock.connect(os.fspath(path))
        except ConnectionRefusedError:
            return True
        except BlockingIOError:
            pass  # somebody listens, and is busy
    raise ControlUnusable(
        Phrase("another bot listens at {path}; use that one, stop it, or set another socket_file", path=str(path))
    )


def _remove(path: Path, made: os.stat_result) -> None:
    """Take the socket's file away, unless another one stands there by now."""
    try:
        if os.path.samestat(path.stat(), made):
            path.unlink()
    except FileNotFoundError:
        pass


def _unusable(path: Path, error: OSError) -> Phrase:
    return Phrase(
        "the control socket {path} cannot be used ({reason}); check its folder and who owns it",
        path=str(path),
        reason=errno.errorcode.get(error.errno or 0, "?"),
    )
