"""The control socket: how `do`, `shell` and `audit` speak to a running bot.

    POST /ask   {"text": …, "surface": "do" | "shell"}  ─▶  Answer

HTTP over a Unix socket (mode 0660; nothing listens on the network). Who asks is the peer's user
id as the kernel tells it (SO_PEERCRED), never what a client says. Database and socket belong to
the one bot that runs; where none does, `ask` says so with None and the caller goes on alone.
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
"""Bytes of a socket's path (sun_path of Linux, less its end)."""


OK, REFUSED = 200, 403
"""The two statuses: the value that was asked for, or a Failure."""

NOBODY = (errno.ENOENT, errno.ECONNREFUSED)
"""What connecting says where no bot listens."""


ANSWER_DEADLINE = 120.0
"""Seconds in which an answer is expected: more than any read of a whole fleet takes."""


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


async def ask(path: Path, text: str, surface: Surface, deadline: float = ANSWER_DEADLINE) -> Answer | None:
    """Have the running bot answer; None where none runs. A `ControlError` where one runs and does not answer."""
    words = text.encode("utf-8", "backslashreplace").decode("utf-8")  # a terminal may hand in bytes that are no text
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
    """The whole body, up to `MAX_ANSWER`; the rest is left unread and the answer is then no JSON."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(PIECE):
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
    return ControlLost(unusable(path, error))


def check_path(path: Path) -> None:
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
    return Phrase(
        "the control socket {path} cannot be used ({reason}); check its folder and who owns it",
        path=str(path),
        reason=errno.errorcode.get(error.errno or 0, "?"),
    )
