"""Control socket client: sends the words of `do`, `shell` and `audit` to a running bot.

    POST /ask   {"text": …, "surface": "do" | "shell"}                 ─▶  Answer
    POST /ask   {"text": …, "surface": "do", "output": {"form": …}}     ─▶  Output   (`bot.control.output_client`)

HTTP over a Unix socket (mode 0660; nothing listens on the network). The actor is the peer's user
id as reported by the kernel (SO_PEERCRED), never a claim of the client. Database and socket belong to
the one bot that runs. If none runs, `ask` returns None and the caller goes on alone.
"""

import asyncio
import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.control.output_client import (
    MAX_PATH_BYTES,
    NO_LISTENER,
    PROGRESS_HEADER,
    PROGRESS_TYPE,
    REFUSED,
    parse_progress,
)
from bot.model.output import MAX_COLUMNS, ShowLine
from bot.model.request import Answer, Failure, Surface

MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""Bytes of one answer: a report on the largest fleet is far below 1 MB."""

CHUNK_SIZE = 65_536
"""Bytes that are read at once."""

ANSWER_DEADLINE = 120.0
"""Seconds to wait for an answer: more than any read of a whole fleet takes."""


class ControlError(FlatnetError):
    """The control socket cannot be used."""


class ControlUnusable(ControlError):
    """The socket cannot be created at that path, or another bot has it."""


class ControlForbidden(ControlError):
    """A bot runs, and this user may not use its socket."""


class ControlRefused(ControlError):
    """The bot refused the request; the phrase is the bot's."""


class ControlLost(ControlError):
    """A bot runs, but its answer is missing or could not be parsed. The request may have been carried out."""


class WantedOutput(BaseModel):
    """Form and terminal of output that the bot is to render."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    form: Literal["table", "json", "csv"]
    language: Literal["", "ja", "en"] = ""
    columns: int = Field(ge=1, le=MAX_COLUMNS)
    is_terminal: bool
    environment: Mapping[Literal["TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR"], Annotated[str, Field(max_length=100)]]


class ControlRequest(BaseModel):
    """A client's request. It does not name the actor."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    text: str
    surface: Literal[Surface.DO, Surface.SHELL]
    output: WantedOutput | None = None


@dataclass(frozen=True)
class ShownProgress:
    """Wanted progress: its language, the columns of the terminal, and what shows a line of it."""

    language: str
    columns: int
    show: ShowLine


async def ask(
    path: Path, text: str, surface: Surface, deadline: float = ANSWER_DEADLINE, wanted: ShownProgress | None = None
) -> Answer | None:
    """Have the running bot answer; None if none runs. Raises a `ControlError` if one runs and does not answer."""
    words = text.encode("utf-8", "backslashreplace").decode("utf-8")  # a terminal may pass bytes that are not text
    said = ControlRequest.model_validate({"text": words, "surface": surface})
    check_path(path)
    try:
        async with (
            asyncio.timeout(deadline),
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
            session.post(
                "http://bot/ask", data=said.model_dump_json(exclude_none=True), headers=_make_headers(wanted)
            ) as response,
        ):
            body = await _read_body(response, None if wanted is None else wanted.show)
    except aiohttp.ClientConnectorError as error:
        if error.os_error.errno in NO_LISTENER:
            return None
        raise map_connect_error(path, error.os_error) from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise make_lost_error(path) from error
    if response.status == REFUSED:
        raise read_refusal(body)
    try:
        return Answer.model_validate_json(body)
    except ValidationError as error:
        raise make_unreadable_error() from error


def make_lost_error(path: Path) -> ControlLost:
    """Make the error for a request that was sent and not answered."""
    return ControlLost(
        Phrase(
            "the running bot does not respond on {path}. The command may have been run. "
            "Check the bot's log before you repeat it",
            path=str(path),
        )
    )


def read_refusal(body: bytes) -> ControlError:
    """Parse a refusal of the bot."""
    try:
        return ControlRefused(Failure.model_validate_json(body).phrase)
    except ValidationError:
        return make_unreadable_error()


def make_unreadable_error() -> ControlLost:
    """Make the error for an answer that came and could not be parsed."""
    return ControlLost(
        Phrase("could not parse the running bot's response. If you updated flatnet-bot, restart it and check its log")
    )


def _make_headers(wanted: ShownProgress | None) -> dict[str, str]:
    return {} if wanted is None else {PROGRESS_HEADER: str(wanted.columns), "Accept-Language": wanted.language}


async def _read_body(response: aiohttp.ClientResponse, show: ShowLine | None) -> bytes:
    """Read the answer up to `MAX_ANSWER_BYTES`, and show the lines of progress before it.

    The rest is left unread; the answer is then invalid JSON.
    """
    body = bytearray()
    streamed = show is not None and response.content_type == PROGRESS_TYPE
    async for chunk in response.content.iter_chunked(CHUNK_SIZE):
        body += chunk
        if streamed and show is not None and b"\n" in chunk:
            *lines, last = body.split(b"\n")
            show(parse_progress(bytes(lines[-1])))
            body = bytearray(last)
        if len(body) > MAX_ANSWER_BYTES:
            break
    return bytes(body)


def map_connect_error(path: Path, error: OSError) -> ControlError:
    """Map a connection error where a bot may listen."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return ControlForbidden(
            Phrase("you do not have permission to use {path}. Ask to be added to its group", path=str(path))
        )
    return ControlLost(describe_unusable(path, error))


def check_path(path: Path) -> None:
    """Check that the path is short enough for a socket. Raises `ControlUnusable`."""
    size = len(os.fsencode(path))
    if size > MAX_PATH_BYTES:
        raise ControlUnusable(
            Phrase(
                "the control socket path {path} is {size} bytes long (limit {limit}). Use a shorter socket_file",
                path=str(path),
                size=size,
                limit=MAX_PATH_BYTES,
            )
        )


def describe_unusable(path: Path, error: OSError) -> Phrase:
    """Describe a path that cannot be used."""
    return Phrase(
        "cannot use the control socket {path} ({reason}). Check its folder and owner",
        path=str(path),
        reason=errno.errorcode.get(error.errno or 0, "?"),
    )
