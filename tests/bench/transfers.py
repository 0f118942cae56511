"""How long the bot takes to move a large file piece by piece, and how much memory that needs."""

import asyncio
import hashlib
import resource
import tempfile
import time
from pathlib import Path

from adapters.local.spool import ReadSpool, WriteSpool
from adapters.phrase import Phrase
from bot.app.spool import SpoolActions
from bot.changes.services.step_binding import OwnActions
from bot.changes.services.transfer import End, TransferWatch, transfer

SIZES = (5, 500)
"""Megabytes."""

BLOCK = bytes(range(256)) * 4096


def report() -> None:
    """Print both sizes, the small one first: memory counts as its peak so far."""
    for size in SIZES:
        print(asyncio.run(_move(size)))


async def _move(size: int) -> str:
    with tempfile.TemporaryDirectory() as name:
        folder, own = Path(name), OwnActions()
        SpoolActions(folder).add_to(own)
        sink = WriteSpool(operation="op-2", name="a.tar", size=size * len(BLOCK), sha256=_write(folder, size))
        end = End("flatnet-bot", own.perform)  # type: ignore[arg-type]
        began, worked = time.perf_counter(), time.process_time()
        await transfer(ReadSpool(operation="op-1", name="a.tar"), end, sink, end, TransferWatch(_go_on, _ignore))
        took, cpu = time.perf_counter() - began, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return f"transfer of {size} MB on the bot's disk: {took:.1f} s, CPU {cpu:.2f} s, peak {peak} MB"


def _write(folder: Path, size: int) -> str:
    """Write the file, and return its hash."""
    file, seen = folder / "changes" / "op-1" / "a.tar", hashlib.sha256()
    file.parent.mkdir(parents=True)
    with file.open("wb") as stream:
        for _ in range(size):
            stream.write(BLOCK)
            seen.update(BLOCK)
    return seen.hexdigest()


async def _go_on() -> Phrase | None:
    return None


async def _ignore(moved: int, size: int) -> None:
    return None
