"""Does blocking work on files of the bot, for what performs the actions on the bot itself."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from adapters.errors import ActionFailed
from adapters.phrase import Phrase

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
