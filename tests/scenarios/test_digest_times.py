"""Digests at awkward times and of awkward fleets: where clocks are changed, at every point of a crash, of 254 hosts."""

import asyncio
from collections.abc import Coroutine, Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.config.schedules import BUILT_IN, DIGEST
from tests.lab.windows.disks import Expiry
from tests.lab.workspace.message import Message
from tests.scenarios.by_the_clock import World, world

OPS = "C0OPS"
NEW_YORK = ZoneInfo("America/New_York")
BEGIN = datetime(2026, 3, 2, 8, 0, tzinfo=ZoneInfo("Asia/Tokyo"))


def only_the_digest(cron: str = "0 9 * * *") -> str:
    """What a configuration says where nothing else runs by the clock."""
    others = "".join(f'[[schedules]]\nname = "{name}"\nenabled = false\n' for name in BUILT_IN if name != DIGEST)
    alone = f'[alerts]\nenabled = false\n[notices]\nchannel = "{OPS}"\n'
    return f'{alone}[[schedules]]\nname = "{DIGEST}"\ncron = "{cron}"\n{others}'


@pytest.mark.parametrize(
    ("begin", "cron", "said"),
    [
        # 02:30 does not exist on 8 March 2026: said as soon as there is a later time
        ("2026-03-06", "30 2 * * *", ["2026-03-07 02:30 EST", "2026-03-08 03:00 EDT", "2026-03-09 02:30 EDT"]),
        # 01:30 comes twice on 1 November 2026: said the first time
        ("2026-10-30", "30 1 * * *", ["2026-10-31 01:30 EDT", "2026-11-01 01:30 EDT", "2026-11-02 01:30 EST"]),
    ],
)
@pytest.mark.usefixtures("drawn_at_once")
async def test_where_clocks_are_changed_a_digest_comes_once_a_day(
    tmp_path_factory: pytest.TempPathFactory, begin: str, cron: str, said: list[str]
) -> None:
    noon = datetime.fromisoformat(f"{begin}T12:00").replace(tzinfo=NEW_YORK)
    async with world(tmp_path_factory.mktemp("t"), noon, only_the_digest(cron), hosts=1) as town:
        await town.begins()
        await town.until(noon + timedelta(days=3))
        posted = [datetime.fromtimestamp(float(each.ts), NEW_YORK) for each in town.workspace.messages(OPS)]
    assert said == [f"{at:%Y-%m-%d %H:%M %Z}" for at in posted]


@pytest.mark.slow
@pytest.mark.usefixtures("drawn_at_once")
async def test_a_digest_that_dies_at_any_point_is_said_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A day for each place at which it has waited for something; what Slack could not confirm any more is marked."""
    async with world(tmp_path_factory.mktemp("t"), BEGIN, only_the_digest(), hosts=1) as town:
        await town.begins()
        for stop in count(1):
            stands = await _dies_at(town, stop)
            said = _said_today(town)
            assert said, f"nothing is said after a crash at its {stop}. step"
            assert 1 >= len([each for each in said if "Sent again" not in each.text]), [each.text for each in said]
            if not stands:
                break
    assert stop > 10, "a digest waits for the database, the hosts and Slack"


async def _dies_at(town: World, stop: int) -> bool:
    """Whether tomorrow's digest came to that step; there it stood, and the bot died and began again."""
    await town.until(datetime.combine(town.now.date() + timedelta(days=1), datetime.min.time(), town.zone))
    walk = Walk("Scheduler._carry_out", stop)
    loop = asyncio.get_running_loop()
    loop.set_task_factory(walk.task)
    try:
        town.time.move(town.now.replace(hour=9))
        stands = asyncio.create_task(walk.stands.wait())
        rests = asyncio.create_task(town.rest())
        await asyncio.wait({stands, rests}, return_when=asyncio.FIRST_COMPLETED)
        for each in (stands, rests):
            each.cancel()
    finally:
        loop.set_task_factory(None)
    if walk.stands.is_set():
        await town.dies()
        await town.begins()
    return walk.stands.is_set()


def _said_today(town: World) -> list[Message]:
    day = town.now.date()
    return [each for each in town.workspace.messages(OPS) if datetime.fromtimestamp(float(each.ts), town.zone).date() == day]


@dataclass
class Walk:
    """Has the next coroutine of a name stand for ever once it has what it waited for, the n-th time (`stop`)."""

    name: str
    stop: int
    stands: asyncio.Event = field(default_factory=asyncio.Event)

    def task(self, loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> asyncio.Task[Any]:
        """As a loop's factory of tasks."""
        walked = self._walked(work) if work.__qualname__ == self.name else work
        return asyncio.Task(walked, loop=loop, **more)

    async def _walked(self, work: Coroutine[Any, Any, Any]) -> Any:
        return await _Steps(work, self)


@dataclass(frozen=True)
class _Steps:
    work: Coroutine[Any, Any, Any]
    walk: Walk

    def __await__(self) -> Generator[Any, Any, Any]:
        try:
            for step in count(1):
                waited = self.work.send(None)
                yield waited
                if step == self.walk.stop:
                    self.walk.stands.set()
                    yield from asyncio.get_running_loop().create_future().__await__()
        except StopIteration as end:
            return end.value
        finally:
            self.work.close()


@pytest.mark.slow
async def test_a_digest_of_254_hosts_is_one_message_with_one_picture(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Something is wrong with most of them, and the workspace refuses whatever is above Slack's limits."""
    expiry = Expiry(hosts={f"host-{letter}": 5 for letter in "abcdefghij"})
    async with world(tmp_path_factory.mktemp("t"), BEGIN, only_the_digest(), hosts=254, expiry=expiry) as town:
        await town.begins()
        for host in town.fleet.hosts[1::2]:
            host.windows.state.stop_service("Nebula", town.now)
        for host in town.fleet.hosts[2::3]:
            assert host.wsl is not None
            host.wsl.state.containers[1].state = "exited"
        for host in town.fleet.hosts[5::7]:
            town.switch_off(host.name)
        await town.until(BEGIN + timedelta(hours=1, minutes=5))
        [message] = [each for each in town.workspace.messages(OPS) if "of 255 hosts need attention" in each.text]
        refused = [call.error for call in town.workspace.calls("chat.postMessage") if call.error]
    assert [] == refused
    assert 1 == len([block for block in message.blocks if block["type"] == "image"])
