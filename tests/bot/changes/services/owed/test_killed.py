"""A process that is killed around any write: what is owed is neither lost nor doubled, and asked for once."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.audit_log.log import EventKind
from bot.model.change import ChangeState
from bot.store.database import Database
from commands.model.plan import Result
from tests.bot.changes.workflow_team import BEN, HOSTS, Bot
from tests.bot.running import Kill, Killed
from tests.commands.canned import host

WRITES = frozenset({"add", "change", "end", "record", "settle", "mark_asked"})
SILENT = host("host-e", 5, labels=("silent",))


class Mortal:
    """A table or an audit log around whose writes the process may be killed."""

    def __init__(self, whole: Any, kill: Kill) -> None:
        self._whole, self._kill = whole, kill

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._whole, name)
        if name not in WRITES:
            return method

        async def call(*given: Any) -> Any:
            self._kill(f"before {name}")
            done = await method(*given)
            self._kill(f"after {name}")
            return done

        return call


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    """A run on host-a and host-b has ended on the hosts, and host-e was silent; the row of host-b's own is owed before."""
    database = Database.open(tmp_path / "flatnet.sqlite3", patience=0.05)
    made = Bot(database)
    made.hosts(*HOSTS[:2], host("host-b", 2, labels=("silent",)), SILENT)
    await run(made, "op-0", "host-a,host-b", host_a=Result.DONE)
    made.hosts(*HOSTS, SILENT)
    await made.ask_and_approve("op-1", "host-a,host-b,host-e")
    made.came("op-1", host_a=Result.DONE, host_b=Result.DONE)
    yield made
    await database.aclose()


async def run(bot: Bot, operation: str, target: str, **results: Result) -> None:
    await bot.ask_and_approve(operation, target)
    bot.came(operation, **results)
    await bot.dispatch.finish_run(operation, ChangeState.DONE, None)


async def kill_during(bot: Bot, work: Callable[[], Awaitable[object]], at: int) -> bool:
    """Kill the process at a moment of some work. False if the work ended before that moment."""
    kill = Kill(at)
    parts = (bot.ledger, "operations"), (bot.ledger, "owed"), (bot.ledger, "audit"), (bot.asker, "_store")
    whole = [(owner, name, getattr(owner, name)) for owner, name in parts]
    for owner, name, table in whole:
        setattr(owner, name, Mortal(table, kill))
    try:
        await work()
    except Killed:
        return True
    finally:
        for owner, name, table in whole:
            setattr(owner, name, table)
    return False


def events(bot: Bot, how: str) -> int:
    return sum(kind is EventKind.OWED and data["owed"] == how for kind, _, _, data in bot.log.events)


@pytest.mark.parametrize("at", range(1, 7))
async def test_the_end_of_a_run_leaves_and_settles_once(bot: Bot, at: int) -> None:
    def end() -> Awaitable[object]:
        return bot.dispatch.finish_run("op-1", ChangeState.DONE, None)

    assert await kill_during(bot, end, at)
    await end()
    rows = [await bot.owed.find(number) for number in (1, 2, 3)]
    assert [("host-b", "op-1", False), ("host-e", "", True), None] == [
        row and (row.host, row.settled_by, row.is_open) for row in rows
    ]
    assert (2, 1) == (events(bot, "left"), events(bot, "settled"))


async def test_the_moments_are_those_of_the_events_and_of_the_one_write_of_rows(bot: Bot) -> None:
    """The left ones, the settled ones, the end with its rows: before and after each."""
    assert not await kill_during(bot, lambda: bot.dispatch.finish_run("op-1", ChangeState.DONE, None), 7)


@pytest.mark.parametrize("at", range(1, 11))
async def test_a_request_is_made_once(bot: Bot, at: int) -> None:
    await bot.dispatch.finish_run("op-1", ChangeState.DONE, None)
    bot.hosts(*HOSTS, host("host-e", 5))

    async def ask() -> None:
        bot.asker.note_answer("host-e")
        await bot.asker.tick()

    assert await kill_during(bot, ask, at)
    await ask()
    await ask()
    assert ["turn host-e"] == [change.words for change in await bot.workflow.list_waiting()]
    owed = await bot.owed.find(2)
    assert owed is not None
    await bot.workflow.approve(owed.asked, bot.by(BEN))
