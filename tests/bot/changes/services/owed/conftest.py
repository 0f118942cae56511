"""A bot whose host-e was silent during a run, so that a change is owed to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.model.change import ChangeState
from bot.store.database import Database
from commands.model.plan import Result
from tests.bot.changes.workflow_team import BEN, HOSTS, Bot
from tests.commands.canned import host

HOST_E = host("host-e", 5)


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    """ana asked to turn host-a and host-e with a reason; it is done on host-a, and host-e answers again."""
    database = Database.open(tmp_path / "flatnet.sqlite3", patience=0.05)
    made = Bot(database)
    made.hosts(*HOSTS, host("host-e", 5, labels=("silent",)))
    await made.ask("op-1", "host-a,host-e", reason="the yearly turn")
    await approve_and_run(made, "op-1", host_a=Result.DONE)
    made.hosts(*HOSTS, HOST_E)
    yield made
    await database.aclose()


async def approve_and_run(bot: Bot, operation: str, **results: Result) -> None:
    """Approved by ben, and done as told."""
    await bot.workflow.approve(operation, bot.by(BEN))
    bot.came(operation, **results)
    done = all(result is Result.DONE for result in results.values())
    await bot.dispatch.finish_run(operation, ChangeState.DONE if done else ChangeState.FAILED, None)
