"""The engine over PostgreSQL: one lead runs it, and what the former lead began goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGKILL

import pytest

from bot.changes.services.engine import RETENTION, Engine, WorkflowStatus
from bot.store.address import PostgresAddress
from bot.store.database import LEAD_LOST, Database
from bot.store.engine_pool import EnginePool
from bot.store.errors import DatabaseUnavailable
from bot.store.leadership import CopyIdentity
from tests.bot.changes.engine_steps import ALL, Steps, ended, no_wait
from tests.postgres import PostgresServer
from tests.scenarios.forks import fork

pytestmark = pytest.mark.slow

ME = CopyIdentity("bot-a", "1.0", "digest", "key")


@asynccontextmanager
async def lead(address: PostgresAddress) -> AsyncIterator[Database]:
    database = await asyncio.to_thread(Database.connect, address)
    assert await database.try_lead(ME)
    yield database
    await database.aclose()


@asynccontextmanager
async def launched(database: Database, steps: Steps) -> AsyncIterator[Engine]:
    pool = EnginePool.open(database)
    durable = await Engine.launch(pool, steps, lambda: "7f3a", no_wait)
    try:
        yield durable
    finally:
        await durable.aclose()
        pool.close()


async def wait_for(file: Path) -> None:
    async with asyncio.timeout(20):
        while not file.exists():
            await asyncio.sleep(0.02)


async def test_an_operation_runs_once_and_is_forgotten_when_it_ended_long_ago(postgres: PostgresAddress) -> None:
    steps, now = Steps(), datetime.now(UTC)
    async with lead(postgres) as database:
        async with launched(database, steps) as durable:
            await asyncio.gather(*(durable.enqueue("op-1") for _ in range(5)))
            assert {"op-1": WorkflowStatus(ended=True)} == await ended(durable, "op-1")
        async with launched(database, steps) as durable:
            assert {"op-1": WorkflowStatus(ended=True)} == await ended(durable, "op-1")
            assert () == await durable.resume_orphans()
            deleted = [await durable.delete_ended(now + RETENTION + timedelta(minutes=m)) for m in (-1, 1)]
    assert (ALL, [0, 1]) == (steps.calls, deleted)


@pytest.mark.parametrize("end", ["killed", "woken"])
async def test_what_the_former_lead_began_goes_on_and_it_writes_nothing_more(
    end: str, postgres: PostgresAddress, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """It was killed (-9) within a step; or it hung there, and wakes when the next lead has begun."""
    steps, recorded = Steps(), "SELECT function_name FROM dbos.operation_outputs ORDER BY function_id"
    async with lead(postgres):
        pass
    arguments = (str(postgres.port), postgres.name, str(tmp_path))
    async with fork("tests.bot.changes.fenced_engine", *arguments, variables={"PYTHONPATH": "."}) as former:
        await wait_for(tmp_path / "reached")
        if end == "killed":
            former.send_signal(SIGKILL)
            await former.wait()
        async with lead(postgres) as database:
            (tmp_path / "go").touch()
            assert {"killed": -SIGKILL, "woken": LEAD_LOST}[end] == await former.wait()
            assert [("begin",), ("step",)] == postgres_server.execute(recorded, postgres.name)
            async with launched(database, steps) as durable:
                assert {"op-1": WorkflowStatus(ended=True)} == await ended(durable, "op-1")
    assert ALL[2:] == steps.calls


async def test_a_server_that_is_away_is_an_error_of_the_database_and_the_next_launch_succeeds(
    postgres: PostgresAddress,
) -> None:
    steps = Steps()
    away = EnginePool(PostgresAddress("flatnet", "127.0.0.1", 1, "flatnet"), 1)
    with pytest.raises(DatabaseUnavailable):
        await Engine.launch(away, steps, lambda: "7f3a")
    async with lead(postgres) as database, launched(database, steps) as durable:
        await durable.enqueue("op-1")
        await ended(durable, "op-1")
    assert ALL == steps.calls
