"""One archive at a time, one of each person, and a turn that ends when its thread has ended."""

import asyncio
from collections.abc import Awaitable, Callable
from threading import Event

import pytest

from adapters.phrase import Phrase
from bot.logs.handlers import AlreadyQueued, ArchiveQueue
from commands.model.report import Report

REPORT = Report(title=Phrase("Evidence"), summary=Phrase("collected"))


class Hosts:
    """What is gathered, once hosts have answered; `asked` says for whom they were asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answered = asyncio.Event()

    def of(self, asker: str) -> Callable[[], Awaitable[str]]:
        async def gather() -> str:
            self.asked.append(asker)
            await self.answered.wait()
            return asker

        return gather


class Packer:
    """Packs once it is let; `packed` is for whom it began to, `begun` says that it did."""

    def __init__(self) -> None:
        self.packed: list[str] = []
        self.begun = asyncio.Event()
        self.let = Event()
        self._loop = asyncio.get_running_loop()

    def __call__(self, asker: str) -> Report:
        self.packed.append(asker)
        self._loop.call_soon_threadsafe(self.begun.set)
        assert self.let.wait(5)
        return REPORT


def packed(asker: str) -> Report:
    return REPORT


async def turns() -> None:
    """Let everything go as far as it can."""
    for _ in range(100):
        await asyncio.sleep(0)


async def refused(making: Awaitable[Report]) -> None:
    """At once: nothing is waited for."""
    async with asyncio.timeout(2):
        with pytest.raises(AlreadyQueued):
            await making


async def test_the_next_one_is_gathered_when_the_one_before_it_is_made() -> None:
    archiving, hosts = ArchiveQueue(), Hosts()
    making = [asyncio.create_task(archiving.make(name, hosts.of(name), packed)) for name in ("ana", "bo")]
    await turns()
    assert ["ana"] == hosts.asked
    hosts.answered.set()
    assert [REPORT, REPORT] == await asyncio.gather(*making)
    assert ["ana", "bo"] == hosts.asked


async def test_of_ten_that_one_person_asks_for_the_next_person_waits_for_one() -> None:
    archiving, hosts = ArchiveQueue(), Hosts()
    ten = [asyncio.create_task(archiving.make("ana", hosts.of("ana"), packed)) for _ in range(10)]
    bo = asyncio.create_task(archiving.make("bo", hosts.of("bo"), packed))
    await turns()
    hosts.answered.set()
    await bo
    assert ["ana", "bo"] == hosts.asked
    ends = await asyncio.gather(*ten, return_exceptions=True)
    assert [Report] + [AlreadyQueued] * 9 == [type(end) for end in ends]


async def test_whoever_waits_for_their_turn_does_not_wait_twice_and_may_give_it_up() -> None:
    archiving, hosts = ArchiveQueue(), Hosts()
    ana = asyncio.create_task(archiving.make("ana", hosts.of("ana"), packed))
    bo = asyncio.create_task(archiving.make("bo", hosts.of("bo"), packed))
    await turns()
    await refused(archiving.make("bo", hosts.of("bo"), packed))
    bo.cancel()
    await asyncio.wait([bo])
    hosts.answered.set()
    again = await archiving.make("bo", hosts.of("bo"), packed)
    assert [REPORT, REPORT] == [await ana, again]


async def test_after_hosts_or_packing_failed_the_next_one_is_made() -> None:
    async def silent() -> str:
        raise OSError("no hosts")

    def broken(asker: str) -> Report:
        raise OSError("no room")

    archiving, hosts = ArchiveQueue(), Hosts()
    hosts.answered.set()
    with pytest.raises(OSError, match="no hosts"):
        await archiving.make("ana", silent, packed)
    with pytest.raises(OSError, match="no room"):
        await archiving.make("ana", hosts.of("ana"), broken)
    assert REPORT == await archiving.make("ana", hosts.of("ana"), packed)


async def test_whoever_cancels_goes_at_once_and_the_turn_ends_with_the_thread() -> None:
    """Two packings at once have no memory."""
    archiving, hosts, packer = ArchiveQueue(), Hosts(), Packer()
    hosts.answered.set()
    ana = asyncio.create_task(archiving.make("ana", hosts.of("ana"), packer))
    await packer.begun.wait()
    ana.cancel()
    await asyncio.wait([ana])
    assert ana.cancelled()
    bo = asyncio.create_task(archiving.make("bo", hosts.of("bo"), packer))
    await turns()
    await refused(archiving.make("ana", hosts.of("ana"), packed))
    assert (["ana"], ["ana"]) == (hosts.asked, packer.packed)
    packer.let.set()
    assert REPORT == await bo
    assert ["ana", "bo"] == packer.packed
