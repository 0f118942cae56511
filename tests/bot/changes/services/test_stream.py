"""A stream between two hosts: all of its bytes arrive and are proven, or it fails, says where, and lets go of both ends."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from adapters.action import Action, Answer
from adapters.connection import Beat, Write
from adapters.errors import ActionFailed, HostError, OutcomeUnknown, Unreachable
from adapters.fleet import Fleet
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from adapters.transfer import STALL_TIMEOUT, StreamCount
from adapters.wsl.images import ImageState, LoadImage, ReadImage, SaveImage
from bot.changes.services.step_binding import BoundAction, OwnActions, Places
from bot.changes.services.stream import BUFFER_BYTES, LOOK_SECONDS, MISMATCH, WORK_TIMEOUT, Ends, carry_out_transfer
from bot.changes.services.transfer import TransferWatch
from tests.bot.clockwork import Time
from tests.bot.world import BEGAN

PIECE = bytes(range(256)) * 256
IMAGE = "ab" * 32


def count(data: bytes) -> StreamCount:
    return StreamCount(size=len(data), sha256=hashlib.sha256(data).hexdigest())


@dataclass
class Line:
    """Both kinds of ends in one: yields `pieces`, or takes bytes. An error stands for what happens at that piece.

    `silent_at`: the piece at which it says and does nothing any more; with `beats`, it still shows signs of life there.
    `counts`: what it says that it counted, instead of the truth. `holds`: what it answers when it is asked for the image.
    """

    pieces: list[bytes | HostError] = field(default_factory=list)
    taken: bytearray = field(default_factory=bytearray)
    fails_at: dict[int, HostError] = field(default_factory=dict)
    silent_at: int | None = None
    beats: bool = False
    counts: StreamCount | None = None
    begun: bool = False
    ended: bool = False
    canceled: bool = False
    holds: bool | HostError = False

    async def perform(self, action: Action[Answer]) -> Any:
        assert isinstance(action, ReadImage)
        if isinstance(self.holds, HostError):
            raise self.holds
        return ImageState(present=self.holds)

    async def aclose(self) -> None:
        """Nothing is kept."""

    async def read_stream(self, action: Action[StreamCount], write: Write, beat: Beat) -> StreamCount:
        self.begun = True
        try:
            for number, piece in enumerate(self.pieces):
                await self._be_silent(number, beat)
                if isinstance(piece, HostError):
                    raise piece
                await write(piece)
            await self._be_silent(len(self.pieces), beat)
        except asyncio.CancelledError:
            self.canceled = True
            raise
        return self.counts or count(b"".join(piece for piece in self.pieces if isinstance(piece, bytes)))

    async def write_stream(self, action: Action[StreamCount], pieces: AsyncIterator[bytes], beat: Beat) -> StreamCount:
        self.begun, number = True, 0
        try:
            async for piece in pieces:
                await self._be_silent(number, beat)
                if number in self.fails_at:
                    raise self.fails_at[number]
                self.taken += piece
                number += 1
            self.ended = True
            await self._be_silent(number, beat)
        except asyncio.CancelledError:
            self.canceled = True
            raise
        return self.counts or count(bytes(self.taken))

    async def _be_silent(self, number: int, beat: Beat) -> None:
        if number != self.silent_at:
            return
        while self.beats:
            beat()
            await asyncio.sleep(0)
        await asyncio.Event().wait()


@dataclass
class Story:
    """A stream from host-a to host-b, and its clock, which stands still until it is moved."""

    source: Line
    sink: Line = field(default_factory=Line)
    time: Time = field(default_factory=lambda: Time(BEGAN))
    reports: list[tuple[int, int]] = field(default_factory=list)
    stop: Phrase | None = None

    def start(self) -> asyncio.Task[Any]:
        lines = {"host-a": self.source, "host-b": self.sink}
        inventory = Inventory.model_validate({"hosts": [_host(1), _host(2)]})
        places = Places(Fleet(inventory, lambda host, side: lines[host.name]), OwnActions())
        load = LoadImage(image=IMAGE, name="web:1", expected=12 * len(PIECE))
        source = BoundAction(places, inventory.hosts[0], SaveImage(image=IMAGE))
        ends = Ends(source, "host-a", BoundAction(places, inventory.hosts[1], load), "host-b")
        return asyncio.create_task(
            carry_out_transfer(ends, TransferWatch(self._find_stop_reason, self._report), self.time.clock)
        )

    async def run(self, seconds: float = 0.0) -> Any:
        """Runs the stream; time passes in looks for so many seconds, whenever nothing else happens."""
        task = self.start()
        began = self.time.at
        while not (task.done() or self.sink.begun or self.source.silent_at == 0):
            await asyncio.sleep(0)
        await _settle()
        while not task.done() and (self.time.at - began).total_seconds() < seconds:
            self.time.move(self.time.at + _LOOK)
            await _settle()
        assert task.done(), "it still runs"
        return task.result()

    async def _find_stop_reason(self) -> Phrase | None:
        return self.stop

    async def _report(self, moved: int, size: int) -> None:
        self.reports.append((moved, size))


_LOOK = timedelta(seconds=LOOK_SECONDS)


def _host(number: int) -> dict[str, Any]:
    wsl = {"address": f"192.0.2.{number}", "key_file": "/id", "known_hosts_file": "/known"}
    return {"name": f"host-{'ab'[number - 1]}", "id": number, "wsl": wsl}


async def _settle() -> None:
    """Lets the ends do all that they can do without time."""
    for _ in range(100):
        await asyncio.sleep(0)


def pieces(number: int) -> list[bytes | HostError]:
    return [PIECE] * number


LOST = OutcomeUnknown(Phrase("the line broke"))
FULL = ActionFailed(Phrase("no space left"))
GONE = ActionFailed(Phrase("no such image"), maybe_ran=False)


async def test_all_bytes_arrive_and_the_answer_is_the_count_of_the_sink() -> None:
    story = Story(Line(pieces(100)))
    assert {"size": 100 * len(PIECE), "sha256": hashlib.sha256(PIECE * 100).hexdigest()} == await story.run(1)
    assert PIECE * 100 == story.sink.taken


async def test_a_slow_sink_holds_the_source_back() -> None:
    """Whatever the size, only a few pieces are on their way."""
    story = Story(Line(pieces(1000), silent_at=1000), Line(silent_at=3))
    task = story.start()
    while not story.sink.begun:
        await asyncio.sleep(0)
    await _settle()
    story.time.move(story.time.at + _LOOK)
    await _settle()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    ((moved, expected),) = story.reports
    assert (True, 12 * len(PIECE)) == (moved <= BUFFER_BYTES + 5 * len(PIECE), expected)


@pytest.mark.parametrize(
    ("source", "sink", "says", "maybe_ran"),
    [
        pytest.param(Line([GONE]), Line(), "host-a: no such image", False, id="the source at once"),
        pytest.param(Line([*pieces(50), FULL]), Line(), "host-a: no space left", True, id="the source in mid-stream"),
        pytest.param(Line([*pieces(50), LOST]), Line(), "host-a: the line broke", True, id="the source is lost"),
        pytest.param(Line(pieces(50)), Line(fails_at={0: GONE}), "host-b: no such image", False, id="the sink refuses"),
        pytest.param(Line(pieces(50)), Line(fails_at={9: FULL}), "host-b: no space left", True, id="the sink in mid-stream"),
        pytest.param(Line(pieces(50)), Line(fails_at={9: LOST}), "host-b: the line broke", True, id="the sink is lost"),
    ],
)
async def test_an_end_that_fails_is_named_and_the_other_one_is_let_go(
    source: Line, sink: Line, says: str, maybe_ran: bool
) -> None:
    with pytest.raises(ActionFailed) as failed:
        await Story(source, sink).run(5)
    assert (says, maybe_ran) == (str(failed.value), failed.value.maybe_ran)
    assert not sink.ended


@pytest.mark.parametrize("length", [0, 1])
async def test_a_sink_begins_only_once_there_is_something_for_it(length: int) -> None:
    story = Story(Line([*pieces(length), Unreachable(Phrase("nothing answers"))]))
    with pytest.raises(ActionFailed, match="host-a: nothing answers"):
        await story.run(5)
    assert not story.sink.ended


@pytest.mark.parametrize(
    ("source", "sink", "code"),
    [
        pytest.param(Line(pieces(3), counts=count(PIECE * 2)), Line(), "", id="the source counted less"),
        pytest.param(Line(pieces(3), counts=count(PIECE * 2 + PIECE[::-1])), Line(), "", id="the source has another hash"),
        pytest.param(Line(pieces(3)), Line(counts=count(PIECE * 2)), MISMATCH, id="the sink counted less"),
        pytest.param(Line(pieces(3)), Line(counts=count(PIECE * 2 + PIECE[::-1])), MISMATCH, id="the sink has another hash"),
    ],
)
async def test_counts_that_differ_are_a_failure(source: Line, sink: Line, code: str) -> None:
    with pytest.raises(ActionFailed, match="Try again") as failed:
        await Story(source, sink).run(5)
    assert (code, code == MISMATCH) == (failed.value.code, sink.ended)


@pytest.mark.parametrize(
    ("source", "sink", "host", "limit"),
    [
        pytest.param(Line(pieces(3), silent_at=2), Line(), "host-a", STALL_TIMEOUT, id="the source falls silent"),
        pytest.param(Line(pieces(3), silent_at=3), Line(), "host-a", STALL_TIMEOUT, id="the source does not end"),
        pytest.param(Line(pieces(50)), Line(silent_at=2), "host-b", STALL_TIMEOUT, id="the sink takes no more"),
        pytest.param(Line(pieces(3)), Line(silent_at=3), "host-b", STALL_TIMEOUT, id="the sink does not end"),
        pytest.param(Line(pieces(3)), Line(silent_at=3, beats=True), "host-b", WORK_TIMEOUT, id="the sink only beats"),
        pytest.param(Line(pieces(3), silent_at=1, beats=True), Line(), "host-a", WORK_TIMEOUT, id="the source only beats"),
    ],
)
async def test_a_stream_that_stalls_ends_in_time_and_names_the_end(
    source: Line, sink: Line, host: str, limit: float
) -> None:
    story = Story(source, sink)
    with pytest.raises(ActionFailed, match=f"{host} has not moved a byte"):
        await story.run(limit + 5)
    waited = (story.time.at - BEGAN).total_seconds()
    assert limit <= waited <= limit + 5
    assert source.canceled or sink.canceled


async def test_a_sink_that_beats_may_work_for_long_after_the_last_byte() -> None:
    story = Story(Line(pieces(3)), Line(silent_at=3, beats=True))
    task = story.start()
    for _ in range(int(STALL_TIMEOUT) * 2):
        await _settle()
        story.time.move(story.time.at + _LOOK)
    assert not task.done()
    assert (3 * len(PIECE), 3 * len(PIECE)) == story.reports[-1]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_stream_can_be_stopped_at_any_time() -> None:
    story = Story(Line(pieces(3), silent_at=2, beats=True), stop=Phrase("stopped by ana"))
    with pytest.raises(ActionFailed, match="stopped by ana"):
        await story.run(5)
    assert (True, True, False) == (story.source.canceled, story.sink.canceled, story.sink.ended)


async def test_a_transfer_with_one_end_of_another_kind_is_refused() -> None:
    story = Story(Line())
    places = Places(Fleet(Inventory(hosts=()), lambda host, side: Line()), OwnActions())
    load = BoundAction(places, None, LoadImage(image=IMAGE, name="web:1"))
    watch = TransferWatch(story._find_stop_reason, story._report)
    with pytest.raises(ActionFailed, match="cannot transfer this"):
        await carry_out_transfer(Ends(load, "host-a", load, "host-b"), watch, story.time.clock)
