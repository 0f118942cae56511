"""Carries out a transfer: pieces of a source, one after another, into a sink, with the hash of what went through.

    prepare ─┬─ complete with this hash already ─▶ UNCHANGED
             └─▶ read a piece ─▶ write it ─┬─ answer lost ─▶ write it again, which changes nothing if it has arrived
                      ▲                    │
                      └──── not the last ──┴─ last ─▶ finish: size and hash at both ends ─▶ done

Between two pieces it may be stopped. What is there then is removed by the rollback of its step.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from adapters.action import Action
from adapters.errors import ActionFailed, HostError, NotAsked
from adapters.phrase import Phrase
from adapters.transfer import MAX_TRANSFER_BYTES, Piece, Sink, Source, SpoolState
from bot.changes.services.step_binding import BoundAction, HostAnswer
from bot.model.change import TransferProgress
from bot.runtime.clock import Clock
from bot.store.errors import DatabaseError

WRITE_ATTEMPTS = 3
"""Attempts to write one piece whose answer is lost."""

TURNS = 3
"""Attempts to get a turn at a host that the bot is reading from. Each waits for 10 s, so all of them as long as a stall."""

REPORT_SECONDS = 3.0
"""Seconds between two reports on a transfer: a message is edited no more often."""

ProgressReport = Callable[[str, str, TransferProgress], Awaitable[None]]
"""Reports the progress of a transfer: operation, key of the step, bytes."""


_log = structlog.get_logger("bot.changes.services.transfer")


async def ignore_progress(operation: str, key: str, progress: TransferProgress) -> None:
    """Report nothing."""


class TransferReporter:
    """Reports the bytes of one transfer, at most every few seconds."""

    def __init__(self, clock: Clock, report: Callable[[TransferProgress], Awaitable[None]]) -> None:
        self._clock = clock
        self._report = report
        self._due = clock.monotonic() + REPORT_SECONDS

    async def report(self, moved: int, size: int) -> None:
        """Report the bytes moved and in all, if it is time. A report that fails is no reason to break the transfer off."""
        if self._clock.monotonic() >= self._due:
            self._due = self._clock.monotonic() + REPORT_SECONDS
            try:
                await self._report(TransferProgress(moved=moved, size=size))
            except DatabaseError as error:
                _log.warning("the progress of a transfer could not be recorded", why=str(error))


def ignore_unread(find_stop_reason: Callable[[], Awaitable[Phrase | None]]) -> Callable[[], Awaitable[Phrase | None]]:
    """Return the check of a transfer, which goes on while the database cannot be read: a later look may find the reason."""

    async def find() -> Phrase | None:
        try:
            return await find_stop_reason()
        except DatabaseError as error:
            _log.warning("could not check whether a transfer is to be stopped", why=str(error))
            return None

    return find


@dataclass(frozen=True)
class End:
    """One end of a transfer: the name of its host, and what performs actions there."""

    host: str
    perform: Callable[[Action[Any]], Awaitable[Any]]


@dataclass(frozen=True)
class TransferWatch:
    """Watches a transfer: the reason to stop between two pieces, None to go on; and a report of bytes moved and in all."""

    find_stop_reason: Callable[[], Awaitable[Phrase | None]]
    report: Callable[[int, int], Awaitable[None]]


async def move_bytes(source: BoundAction, at: str, sink: BoundAction, to: str, watch: TransferWatch) -> HostAnswer:
    """Carry out the transfer of a step between two bound ends. Returns the sink's answer. Raises an `ActionFailed`."""
    if not isinstance(source.action, Source) or not isinstance(sink.action, Sink):
        raise ActionFailed(
            Phrase("this version of flatnet-bot cannot transfer this. Submit the change again"), maybe_ran=False
        )
    here, there = End(at, source.perform_part), End(to, sink.perform_part)
    state = await transfer(source.action, here, sink.action, there, watch)
    answer: HostAnswer = state.model_dump(mode="json")
    return answer


async def transfer(source: Source, here: End, sink: Sink, there: End, watch: TransferWatch) -> SpoolState:
    """Move all bytes of a source into a sink. Raises an `ActionFailed` that names the end which failed."""
    state = await _perform(there, sink.prepare())
    if state.sha256 == sink.sha256:
        return SpoolState.model_validate(state.model_dump() | {"changed": False})
    offset, seen = 0, hashlib.sha256()
    while True:
        if (why := await watch.find_stop_reason()) is not None:
            raise ActionFailed(why)
        piece = await _read(source, here, sink, offset)
        seen.update(piece.data)
        await _write(sink, there, offset, piece.data)
        offset += len(piece.data)
        await watch.report(offset, sink.size)
        if piece.last:
            break
    if seen.hexdigest() != sink.sha256:
        raise ActionFailed(Phrase("the file on {host} was changed while it was transferred. Try again", host=here.host))
    done: SpoolState = await _perform(there, sink.finish())
    if (done.received, done.sha256) != (sink.size, sink.sha256):
        raise ActionFailed(
            Phrase("the file that arrived at {host} is not the one that was sent. Try again", host=there.host)
        )
    return done


async def _read(source: Source, here: End, sink: Sink, offset: int) -> Piece:
    piece: Piece = await _perform(here, source.read_at(offset))
    whole = piece.offset == offset and piece.size == sink.size and (piece.data or piece.last)
    if not whole or offset + len(piece.data) > min(sink.size, MAX_TRANSFER_BYTES):
        raise ActionFailed(Phrase("the file on {host} was changed while it was transferred. Try again", host=here.host))
    return piece


async def _write(sink: Sink, there: End, offset: int, data: bytes) -> None:
    """Write one piece. A sink writes a piece again without harm, so a lost answer is asked for again."""
    for left in range(WRITE_ATTEMPTS - 1, -1, -1):
        try:
            state: SpoolState = await _take_turn(there, sink.write_at(offset, data))
        except HostError as error:
            if left and error.maybe_ran and not isinstance(error, ActionFailed):
                continue
            raise _name_end(there, error) from error
        if state.received != offset + len(data):
            raise ActionFailed(
                Phrase("the file that arrived at {host} is not the one that was sent. Try again", host=there.host)
            )
        return


async def _perform(end: End, action: Action[Any]) -> Any:
    try:
        return await _take_turn(end, action)
    except HostError as error:
        raise _name_end(end, error) from error


async def _take_turn(end: End, action: Action[Any]) -> Any:
    """Perform an action. While the bot itself keeps the host busy, nothing is sent, and it waits for its turn."""
    for _ in range(TURNS - 1):
        try:
            return await end.perform(action)
        except NotAsked:
            continue
    return await end.perform(action)


def _name_end(end: End, error: HostError) -> ActionFailed:
    return ActionFailed(Phrase("{host}: {why}", host=end.host, why=error.phrase))
