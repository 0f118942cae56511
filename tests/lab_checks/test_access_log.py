"""The gateway of a lab host writes what it answers into its access log, as nginx does."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from adapters.gateway.api import ReadSystem
from adapters.gateway.client import HttpConnection
from adapters.inventory import GatewaySide, WindowsSide
from adapters.windows.log_files import FilePosition
from adapters.windows.watch import AccessLogReading, ReadWatch, RequestCounts
from tests.lab import access_log
from tests.lab.fleet import Conditions, LabFleet, LabHost, run_fleet
from tests.lab.gateway.state import Lua
from tests.lab.windows import twins

SIDE = WindowsSide(url="http://127.0.0.1:1/wsman", user="u", allow_http=True)


@dataclass
class Clock:
    """The time of the lab's hosts, which a test moves."""

    time: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def fleet(tmp_path: Path, clock: Clock) -> AsyncIterator[LabFleet]:
    async with run_fleet(tmp_path, 1, conditions=Conditions(now=clock)) as running:
        yield running


def read(host: LabHost, position: FilePosition | None) -> AccessLogReading:
    """What a read of the host tells of its access log."""
    action = ReadWatch.of(SIDE, position)
    return action.parse(twins.answer(action.script, action.build_arguments(), host.windows.state, host.now())).access_log


def begin(host: LabHost) -> FilePosition:
    position = read(host, None).position
    assert position is not None
    return position


def counts(requests: int, errors: int, own: int = 0) -> RequestCounts:
    return RequestCounts(requests=requests, errors=errors, own=own, unparsed=0, timed=0, time_ms=0, slowest_ms=0)


async def test_requests_of_the_bot_are_told_from_those_of_others(fleet: LabFleet) -> None:
    host = fleet["host-a"]
    assert host.gateway is not None
    position, url = begin(host), f"http://127.0.0.1:{host.ports['gateway']}"
    async with aclosing(HttpConnection(GatewaySide(url=url))) as bot:
        await bot.perform(ReadSystem())
    host.gateway.state.lua = Lua.BROKEN
    async with aiohttp.ClientSession() as other:
        for path in ("/api/health", "/api/status", '/x"y'):
            await (await other.get(url + path)).read()
    assert counts(3, 2, own=1) == read(host, position).counts


async def test_requests_can_be_added(fleet: LabFleet) -> None:
    host = fleet["host-a"]
    position = begin(host)
    host.add_requests(500, errors=12)
    assert counts(500, 12) == read(host, position).counts


async def test_a_log_is_rotated_between_two_reads(fleet: LabFleet, clock: Clock) -> None:
    """Its first lines tell it from its successor: they have another time."""
    host = fleet["host-a"]
    host.add_requests(5)
    position = begin(host)
    host.add_requests(20, errors=2)
    clock.time += timedelta(seconds=1)
    access_log.rotate(host.windows.state, host.now())
    host.add_requests(30, errors=3)
    after = read(host, position)
    assert (counts(50, 5), False) == (after.counts, after.lost)
    host.add_requests(1)
    assert counts(1, 0) == read(host, after.position).counts


async def test_a_log_that_grew_by_a_gigabyte_goes_on_behind_it(fleet: LabFleet) -> None:
    host = fleet["host-a"]
    position = begin(host)
    host.windows.state.grow(access_log.PATH, 2**30, host.now())
    host.windows.state.append(access_log.PATH, "\n", host.now())
    grown = read(host, position)
    assert grown.partial
    host.add_requests(10, errors=1)
    assert counts(10, 1) == read(host, grown.position).counts


async def test_a_log_that_was_cut_short_or_is_locked_is_read_on_later(fleet: LabFleet) -> None:
    host = fleet["host-a"]
    host.add_requests(10)
    position, state = begin(host), host.windows.state
    state.shorten(access_log.PATH, 0, host.now())
    host.add_requests(2, errors=1)
    state.locked.append(access_log.PATH)
    assert ("unreadable", position) == ((locked := read(host, position)).state, locked.position)
    state.locked.clear()
    cut = read(host, position)
    assert (counts(2, 1), True) == (cut.counts, cut.lost)
