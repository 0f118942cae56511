"""Control socket client: sends the words of `do`, `shell` and `audit` to a running bot.

    POST /ask   {"text": …, "surface": "do" | "shell"}  ─▶  Answer

HTTP over a Unix socket (mode 0660; nothing listens on the network). The actor is the peer's user
id as reported by the kernel (SO_PEERCRED), never a claim of the client. Database and socket belong to
the one bot that runs. If none runs, `ask` returns None and the caller goes on alone.
"""

import asyncio
import errno
import os
from pathlib import Path
from typing import Literal

import aiohttp
from pydantic import BaseModel, ConfigDict, ValidationError

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.model.request import Answer, Failure, Surface

MAX_ANSWER = 16 * 1024 * 1024
"""Bytes of one answer: a report on the largest fleet is far below 1 MB."""

PIECE = 65_536
"""Bytes that are read at once."""

MAX_PATH = 107
"""Bytes of a socket's path (sun_path of Linux, minus its terminator)."""


OK, REFUSED = 200, 403
"""The two statuses: the requested value, or a Failure."""

NOBODY = (errno.ENOENT, errno.ECONNREFUSED)
"""Error numbers of connecting if no bot listens."""


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


class Ask(BaseModel):
    """A client's request. It does not name the actor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    surface: Literal[Surface.DO, Surface.SHELL]


async def ask(path: Path, text: str, surface: Surface, deadline: float = ANSWER_DEADLINE) -> Answer | None:
    """Have the running bot answer; None if none runs. Raises a `ControlError` if one runs and does not answer."""
    words = text.encode("utf-8", "backslashreplace").decode("utf-8")  # a terminal may pass bytes that are not text
    said = Ask.model_validate({"text": words, "surface": surface})
    check_path(path)
    try:
        async with (
            asyncio.timeout(deadline),
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
            session.post("http://bot/ask", data=said.model_dump_json()) as response,
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
        return Answer.model_validate_json(body)
    except ValidationError as error:
        raise ControlLost(
            Phrase(
                "the answer of the running bot is not understood; restart it if flatnet-bot was updated, and look at its log"
            )
        ) from error


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Read the body up to `MAX_ANSWER_BYTES`. The rest is left unread; the answer is then invalid JSON."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(PIECE):
        body += chunk
        if len(body) > MAX_ANSWER:
            break
    return bytes(body)


def _not_connected(path: Path, error: OSError) -> ControlError:
    """Map a connection error where a bot may listen."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return ControlForbidden(
            Phrase("you may not use {path}; ask to be added to the group that it belongs to", path=str(path))
        )
    return ControlLost(unusable(path, error))


def check_path(path: Path) -> None:
    """Check that the path is short enough for a socket. Raises `ControlUnusable`."""
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


def unusable(path: Path, error: OSError) -> Phrase:
    """Describe a path that cannot be used."""
    return Phrase(
        "the control socket {path} cannot be used ({reason}); check its folder and who owns it",
        path=str(path),
        reason=errno.errorcode.get(error.errno or 0, "?"),
    )
