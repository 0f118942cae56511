"""A transfer: every byte arrives once, whatever is lost on the way, or the transfer fails and says where."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.action import Action
from adapters.errors import ActionFailed, HostError, NotAsked, OutcomeUnknown, Unreachable
from adapters.local.spool import ReadSpool, WriteSpool
from adapters.phrase import Phrase
from adapters.transfer import PIECE_BYTES, Piece, SpoolState
from bot.changes.services.transfer import REPORT_SECONDS, End, TransferReporter, TransferWatch, ignore_unread, transfer
from bot.model.change import TransferProgress
from bot.store.errors import DatabaseBusy
from tests.bot.world import Time

CONTENT = bytes(range(256)) * (PIECE_BYTES // 256 * 2) + b"the rest"
LOST = OutcomeUnknown(Phrase("the answer was lost"))
BUSY = NotAsked(Phrase("the bot is still working on this host"))


@dataclass
class Disk:
    """A file at a sink, and what goes wrong with the next writes: `before` they arrive, or `after`."""

    received: bytearray = field(default_factory=bytearray)
    complete: bytes | None = None
    before: list[HostError] = field(default_factory=list)
    after: list[HostError] = field(default_factory=list)
    asked: int = 0

    async def perform(self, action: Action[Any]) -> Any:
        assert isinstance(action, WriteSpool)
        self.asked += 1
        if self.before and action.move == "write":
            raise self.before.pop()
        state = self.take(action)
        if self.after and action.move == "write":
            raise self.after.pop()
        return state

    def take(self, action: WriteSpool) -> SpoolState:
        match action.move:
            case "prepare":
                if self.complete is not None:
                    return SpoolState(received=len(self.complete), sha256=hashlib.sha256(self.complete).hexdigest())
                self.received.clear()
                return SpoolState(received=0, changed=True)
            case "write":
                assert len(self.received) in (action.offset, action.offset + len(action.data))
                self.received[action.offset :] = action.data
                return SpoolState(received=len(self.received), changed=True)
            case "finish":
                self.complete = bytes(self.received)
                digest = hashlib.sha256(self.complete).hexdigest()
                return SpoolState(received=len(self.complete), sha256=digest, changed=True)


def read(content: bytes) -> Callable[[Action[Any]], Any]:
    async def perform(action: Action[Any]) -> Piece:
        assert isinstance(action, ReadSpool)
        data = content[action.offset : action.offset + PIECE_BYTES]
        return Piece(offset=action.offset, size=len(content), data=data)

    return perform


async def carry_out(disk: Disk, source: Callable[[Action[Any]], Any], content: bytes = CONTENT, stop: int = 0) -> SpoolState:
    """Move the content from host-a to host-b; stopped before that piece."""
    pieces = 0

    async def find_stop_reason() -> Phrase | None:
        nonlocal pieces
        pieces += 1
        return Phrase("stopped by ana") if pieces == stop else None

    async def report(moved: int, size: int) -> None:
        assert (moved, size) == (len(disk.received), len(content))

    sink = WriteSpool(operation="op-1", name="a.tar", size=len(content), sha256=hashlib.sha256(content).hexdigest())
    watch = TransferWatch(find_stop_reason, report)
    return await transfer(
        ReadSpool(operation="op-1", name="a.tar"), End("host-a", source), sink, End("host-b", disk.perform), watch
    )


@pytest.mark.parametrize("content", [b"", b"x", CONTENT[:PIECE_BYTES], CONTENT[: PIECE_BYTES + 1], CONTENT])
async def test_all_bytes_arrive(content: bytes) -> None:
    disk = Disk()
    done = await carry_out(disk, read(content), content)
    assert (content, len(content), True) == (disk.complete, done.received, done.changed)


async def test_what_is_there_already_is_not_sent_again() -> None:
    disk = Disk(complete=CONTENT)
    assert not (await carry_out(disk, read(CONTENT))).changed
    assert 1 == disk.asked


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("often", [1, 2])
async def test_a_piece_whose_answer_is_lost_is_written_again(when: str, often: int) -> None:
    disk = Disk()
    (disk.before if when == "before" else disk.after).extend([LOST] * often)
    await carry_out(disk, read(CONTENT))
    assert CONTENT == disk.complete


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (LOST, "host-b: the answer was lost"),
        (Unreachable(Phrase("nothing answers")), "host-b: nothing answers"),
        (ActionFailed(Phrase("disk full")), "host-b: disk full"),
        (BUSY, "host-b: the bot is still working on this host"),
    ],
)
async def test_a_sink_that_fails_ends_the_transfer(error: HostError, why: str) -> None:
    disk = Disk(before=[error] * 3)
    with pytest.raises(ActionFailed) as failed:
        await carry_out(disk, read(CONTENT))
    assert (why, None) == (str(failed.value), disk.complete)


async def test_it_waits_for_its_turns_while_the_bot_itself_keeps_a_host_busy() -> None:
    """A survey reads a long log there meanwhile."""
    disk, busy = Disk(before=[BUSY, BUSY]), [BUSY, BUSY]

    async def read_late(action: Action[Any]) -> Piece:
        if busy:
            raise busy.pop()
        found: Piece = await read(CONTENT)(action)
        return found

    await carry_out(disk, read_late)
    assert CONTENT == disk.complete


async def test_a_source_that_fails_ends_the_transfer() -> None:
    async def fail(action: Action[Any]) -> Piece:
        raise Unreachable(Phrase("nothing answers"))

    disk = Disk()
    with pytest.raises(ActionFailed, match="host-a: nothing answers"):
        await carry_out(disk, fail)
    assert disk.complete is None


@pytest.mark.parametrize("other", [CONTENT + b"!", CONTENT[:-1], CONTENT[:-1] + b"!", b""])
async def test_a_file_that_changes_meanwhile_never_counts_as_arrived(other: bytes) -> None:
    disk = Disk()
    with pytest.raises(ActionFailed, match="the file on host-a was changed while it was transferred"):
        await carry_out(disk, read(other))
    assert disk.complete is None


async def test_a_source_without_an_end_is_not_followed() -> None:
    """A hostile host answers for ever with empty pieces."""

    async def yield_nothing(action: Action[Any]) -> Piece:
        return Piece(offset=0, size=len(CONTENT), data=b"")

    with pytest.raises(ActionFailed, match="was changed while"):
        await carry_out(Disk(), yield_nothing)


@pytest.mark.parametrize("at", [1, 2, 3])
async def test_it_can_be_stopped_between_two_pieces(at: int) -> None:
    disk = Disk()
    with pytest.raises(ActionFailed, match="stopped by ana"):
        await carry_out(disk, read(CONTENT), stop=at)
    assert (None, (at - 1) * PIECE_BYTES) == (disk.complete, len(disk.received))


async def test_progress_is_reported_every_few_seconds() -> None:
    time, seen = Time(), list[TransferProgress]()

    async def see(progress: TransferProgress) -> None:
        seen.append(progress)

    reporter = TransferReporter(time.clock, see)
    for moved in range(10):
        await reporter.report(moved, 10)
        await time.sleep(REPORT_SECONDS / 2)
    assert [2, 4, 6, 8] == [progress.moved for progress in seen]


async def test_a_database_that_is_busy_breaks_no_transfer_off() -> None:
    """Hours of bytes are not thrown away for a report, or for one look at whether it is to be stopped."""
    time, looks = Time(), iter([True, False])

    async def see(progress: TransferProgress) -> None:
        raise DatabaseBusy(Phrase("busy"))

    async def find_stop_reason() -> Phrase | None:
        if next(looks):
            raise DatabaseBusy(Phrase("busy"))
        return Phrase("stopped by ana")

    reporter, check = TransferReporter(time.clock, see), ignore_unread(find_stop_reason)
    await time.sleep(REPORT_SECONDS)
    await reporter.report(1, 2)
    assert [None, "stopped by ana"] == [why and str(why) for why in (await check(), await check())]
