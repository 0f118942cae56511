"""Does blocking work on files of the bot, for what performs the actions on the bot itself."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from adapters.errors import ActionFailed
from adapters.phrase import Phrase
from bot.config.host_folder import sync_folder

P = ParamSpec("P")
R = TypeVar("R")


async def do_file_work(folder: Path, work: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    """Does work on files below a folder in a thread. Raises `ActionFailed` if the operating system refuses it."""
    try:
        return await asyncio.to_thread(work, *arguments, **named)
    except OSError as error:
        phrase = Phrase(
            "could not use {file} ({reason}). Check its owner, its mode and the free space",
            file=str(error.filename or folder),
            reason=error.strerror or type(error).__name__,
        )
        raise ActionFailed(phrase) from error


def create_file(file: Path) -> int:
    """Creates a file anew that the bot's account alone can read, and returns its descriptor. Blocking."""
    file.unlink(missing_ok=True)
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)


def write_file(file: Path, content: bytes) -> None:
    """Writes a file whole: there is no instant at which a part of it has its name. Blocking."""
    part = file.with_name(f"{file.name}.part")
    with os.fdopen(create_file(part), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(file)
    sync_folder(file.parent)
