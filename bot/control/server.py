"""Control socket server of the running bot; `bot.control.client` documents the protocol."""

import asyncio
import base64
import json
import os
import re
import shutil
import socket
import stat
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web
from pydantic import BaseModel, ValidationError

from adapters.phrase import Phrase
from bot.control.client import ControlRequest, ControlUnusable, WantedOutput, check_path, describe_unusable
from bot.control.output_client import DEADLINE, MAX_OUTPUT, OK, PROGRESS_HEADER, PROGRESS_TYPE, REFUSED
from bot.model.output import MAX_COLUMNS, Form, Output, Terminal
from bot.model.request import Answer, Failure, FailureKind, Request, SystemIdentity
from bot.runtime.bounded_listener import ConnectionLimits, serve_bounded
from bot.runtime.logging import make_reference
from bot.runtime.progress_watch import watch_progress
from commands.model.operation import Progress, ReadProgress, ignore_progress

_log = structlog.get_logger(__name__)

MAX_REQUEST_BYTES = 65_536
"""Bytes of one request's body; the dispatcher limits the length of the words."""

SOCKET_MODE = 0o660

PEER_CREDENTIALS = struct.Struct("3i")
"""pid, uid, gid (struct ucred)."""

BODY_DEADLINE = 5.0
"""Seconds in which a client must have sent its request."""

SHUTDOWN_TIMEOUT = 2.5
"""Seconds that answers under way still get when the bot stops; aiohttp waits for them twice."""

MAX_CONNECTIONS = 64
"""Connections at a time, where the limit of open files leaves so many (`bot.runtime.open_files`)."""

LIFETIME = DEADLINE + 30.0
"""Seconds after which a connection is cut: its client has given up."""


Render = Callable[[Answer, Form, Terminal], Output]
"""Renders an answer for a terminal."""


RenderProgress = Callable[[ReadProgress, Terminal], str]
"""Renders progress as one line of a terminal."""


@dataclass(frozen=True)
class ControlBackend:
    """Functions behind the socket; `handle` never raises."""

    handle: Callable[[Request, Progress], Coroutine[Any, Any, Answer]]
    now: Callable[[], datetime]
    new_key: Callable[[], str]
    render: Render
    render_progress: RenderProgress
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@asynccontextmanager
async def serve(
    path: Path, doors: ControlBackend, group: str | None = None, most: int = MAX_CONNECTIONS
) -> AsyncIterator[None]:
    """Listen at `path`, for `group` too, until the block is left; `most` connections at a time. Raises `ControlUnusable`."""
    listener, made = _listen(path, group)
    renderer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="control")
    limits = ConnectionLimits(most, LIFETIME, SHUTDOWN_TIMEOUT)
    try:
        async with serve_bounded("control socket", _build_application(doors, renderer), listener, limits):
            try:
                yield
            finally:
                _remove(path, made)
    finally:
        renderer.shutdown(wait=False, cancel_futures=True)


def _build_application(doors: ControlBackend, renderer: Executor) -> web.Application:
    """Build the HTTP application. It serializes one answer at a time: an archive has megabytes."""

    async def serialize(answer: Answer, wanted: WantedOutput | None) -> web.Response:
        loop = asyncio.get_running_loop()
        if wanted is None:
            return await loop.run_in_executor(renderer, _make_response, answer)
        return await loop.run_in_executor(renderer, _render_output, wanted, answer, doors.render)

    async def answer_request(request: web.Request) -> web.StreamResponse:
        try:
            async with asyncio.timeout(BODY_DEADLINE):
                said = ControlRequest.model_validate_json(await request.read())
        except (ValidationError, TimeoutError, web.HTTPRequestEntityTooLarge):
            return _make_refusal(Phrase("the control socket does not support this. Use flatnet-bot do or flatnet-bot shell"))
        who = await asyncio.to_thread(_identify_peer, request)
        asked, terminal = Request(doors.new_key(), who, said.text, said.surface, doors.now()), _parse_terminal(request)
        if terminal is None:
            return await serialize(await doors.handle(asked, ignore_progress), said.output)
        lines = _ProgressLines(request, terminal, doors.render_progress)
        answer = await watch_progress(partial(doors.handle, asked), lines.show, doors.sleep)
        return await lines.end(await serialize(answer, said.output))

    application = web.Application(client_max_size=MAX_REQUEST_BYTES)
    application.add_routes([web.post("/ask", answer_request)])
    return application


class _ProgressLines:
    """Response that begins with lines of progress. Without any it is the answer alone."""

    def __init__(self, request: web.Request, terminal: Terminal, render: RenderProgress) -> None:
        self._request = request
        self._terminal = terminal
        self._render = render
        self._response: web.StreamResponse | None = None

    async def show(self, seen: ReadProgress) -> None:
        """Send a line. A client that has gone is no reason to stop the work."""
        line = json.dumps({"progress": self._render(seen, self._terminal)}).encode() + b"\n"
        with suppress(ConnectionError):
            if self._response is None:
                self._response = web.StreamResponse(headers={"Content-Type": PROGRESS_TYPE})
                await self._response.prepare(self._request)
            await self._response.write(line)

    async def end(self, answer: web.Response) -> web.StreamResponse:
        """Send the answer."""
        if self._response is None:
            return answer
        assert isinstance(answer.body, bytes)
        with suppress(ConnectionError):
            await self._response.write(answer.body)
            await self._response.write_eof()
        return self._response


def _parse_terminal(request: web.Request) -> Terminal | None:
    """Parse the terminal that shows progress; None if the client wants none."""
    columns, language = request.headers.get(PROGRESS_HEADER, ""), request.headers.get("Accept-Language", "")
    if not re.fullmatch(r"[1-9][0-9]{0,4}", columns, re.ASCII) or int(columns) > MAX_COLUMNS:
        return None
    return Terminal(language if language in ("ja", "en") else "", int(columns))


def _identify_peer(request: web.Request) -> SystemIdentity:
    """Identify the client by the kernel's credentials. May query a directory service, so not for the event loop."""
    assert request.transport is not None
    line: socket.socket = request.transport.get_extra_info("socket")
    credentials = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER_CREDENTIALS.size)
    _, uid, _ = PEER_CREDENTIALS.unpack(credentials)
    return SystemIdentity.from_uid(uid)


def _make_response(value: BaseModel, status: int = OK) -> web.Response:
    """Serialize a value. Lone surrogates in a host's text become "?", because JSON in UTF-8 cannot carry them."""
    body = json.dumps(value.model_dump(mode="json"), ensure_ascii=False).encode("utf-8", "replace")
    return web.Response(body=body, content_type="application/json", status=status)


def _render_output(wanted: WantedOutput, answer: Answer, render: Render) -> web.Response:
    environment = {str(name): value for name, value in wanted.environment.items()}
    terminal = Terminal(wanted.language, wanted.columns, wanted.is_terminal, environment)
    try:
        output = render(answer, wanted.form, terminal)
        if len(output.stdout) > MAX_OUTPUT // 2:
            raise ValueError(f"the output has {len(output.stdout)} bytes")
    except Exception:
        output = _report_failure(wanted, answer, render)
    stdout = base64.b64encode(output.stdout).decode("ascii")
    return web.json_response({"exit": int(output.exit), "stdout": stdout, "stderr": output.stderr})


def _report_failure(wanted: WantedOutput, answer: Answer, render: Render) -> Output:
    """Log an answer that could not be rendered, and render that instead: the request itself was carried out."""
    reference = make_reference()
    _log.exception("an answer could not be rendered", operation=answer.operation, reference=reference)
    phrase = Phrase(
        "the command was run, but its result could not be displayed (reference {reference}). Give this reference to your "
        "administrator",
        reference=reference,
    )
    failure = Failure(kind=FailureKind.INTERNAL, phrase=phrase, reference=reference)
    return render(answer.model_copy(update={"body": failure}), wanted.form, Terminal(wanted.language))


def _make_refusal(phrase: Phrase) -> web.Response:
    return _make_response(Failure(kind=FailureKind.REFUSED, phrase=phrase), REFUSED)


def _listen(path: Path, group: str | None) -> tuple[socket.socket, os.stat_result]:
    """Bind a socket of mode 0660 at `path`; returns it and its file's identity. A dead bot's socket is replaced."""
    check_path(path)
    try:
        if not path.parent.exists():
            _make_folder(path.parent, group)
        if path.exists() and _is_abandoned(path):
            path.unlink()
        listener = _bind(path)
        if group is not None:
            shutil.chown(path, group=group)
        return listener, path.stat()
    except LookupError as error:
        raise ControlUnusable(
            Phrase("group {group} does not exist. Create it, or set a different socket_group", group=str(group))
        ) from error
    except OSError as error:
        raise ControlUnusable(describe_unusable(path, error)) from error


def _make_folder(folder: Path, group: str | None) -> None:
    """Create the socket's folder: for the owner alone, or also passable for the group."""
    folder.mkdir(mode=0o700, parents=True)
    if group is not None:
        shutil.chown(folder, group=group)
        folder.chmod(0o750)


def _bind(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(listener.fileno(), SOCKET_MODE)  # before the file exists, so that its mode is never wider
        listener.bind(os.fspath(path))
        path.chmod(SOCKET_MODE)  # the process's umask may have made it narrower
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _is_abandoned(path: Path) -> bool:
    """Return whether `path` is a socket without a listener.

    Raises `ControlUnusable` if a bot listens, or if it is not a socket.
    """
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise ControlUnusable(
            Phrase(
                "{path} exists and is not the control socket. Move it, or set a different socket_file",
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
            pass  # a bot listens, and is busy
    raise ControlUnusable(
        Phrase("another bot is already listening on {path}. Use it, stop it, or set a different socket_file", path=str(path))
    )


def _remove(path: Path, made: os.stat_result) -> None:
    """Remove the socket's file, unless another one has replaced it."""
    try:
        if os.path.samestat(path.stat(), made):
            path.unlink()
    except FileNotFoundError:
        pass
