"""Sessions beside the one that leads: each transaction is of its lead's term, or the process ends."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, NoReturn

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from bot.store.address import PostgresAddress
from bot.store.database import Database
from bot.store.engine_pool import EnginePool
from bot.store.errors import DatabaseError, DatabaseUnavailable
from bot.store.leadership import LOCK_KEY, CopyIdentity
from tests.postgres import PostgresServer

LOCK = LOCK_KEY & 0xFFFFFFFF
"""The part of the key by which the server lists the lock."""

ME = CopyIdentity("bot-a", "1.0", "digest", "key")


class Ended(BaseException):
    """The process is gone."""


def end(error: DatabaseError) -> NoReturn:
    raise Ended


@pytest.fixture
async def leading(postgres: PostgresAddress) -> AsyncIterator[Database]:
    """A database that leads."""
    database = await asyncio.to_thread(Database.connect, postgres)
    assert await database.try_lead(ME, end)
    yield database
    await database.aclose()


@pytest.fixture
def pool(leading: Database, postgres_server: PostgresServer, postgres: PostgresAddress) -> Iterator[EnginePool]:
    postgres_server.execute("CREATE TABLE notes (word text)", postgres.name)
    opened = EnginePool.open(leading, end)
    yield opened
    opened.close()


def write_in_transaction(connection: Connection) -> None:
    with connection.begin():
        connection.execute(text("INSERT INTO notes VALUES ('written')"))


def write_after_reading(connection: Connection) -> None:
    with connection.begin():
        connection.execute(text("SELECT 1"))
        connection.execute(text("INSERT INTO notes VALUES ('written')"))


def write_many(connection: Connection) -> None:
    with connection.begin():
        connection.execute(text("INSERT INTO notes VALUES (:word)"), [{"word": "written"}, {"word": "again"}])


def write_by_itself(connection: Connection) -> None:
    connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("INSERT INTO notes VALUES ('written')"))


def write_within_a_query(connection: Connection) -> None:
    connection = connection.execution_options(isolation_level="AUTOCOMMIT")
    connection.execute(text("WITH new AS (INSERT INTO notes VALUES ('written') RETURNING 1) SELECT * FROM new"))


def read(connection: Connection) -> None:
    with connection.begin():
        connection.execute(text("SELECT word FROM notes"))


def make_index(connection: Connection) -> None:
    connection = connection.execution_options(isolation_level="AUTOCOMMIT")
    connection.execute(text("CREATE INDEX CONCURRENTLY IF NOT EXISTS words ON notes (word)"))


NUMBER = "SELECT count(*) FROM notes"

WRITERS = [write_in_transaction, write_after_reading, write_many, write_by_itself, write_within_a_query]


def test_what_another_lead_follows_neither_reads_nor_writes(
    pool: EnginePool, postgres_server: PostgresServer, postgres: PostgresAddress
) -> None:
    """On sessions that were used before. It does both as long as its lead lasts."""
    for work in (*WRITERS, read, make_index):
        with pool.engine.connect() as connection:
            work(connection)
        [(before,)] = postgres_server.execute(NUMBER, postgres.name)
        postgres_server.execute("UPDATE leader SET term = 2", postgres.name)
        with pytest.raises(Ended), pool.engine.connect() as connection:
            work(connection)
        assert (work in WRITERS, [(before,)]) == (before != 0, postgres_server.execute(NUMBER, postgres.name))
        postgres_server.execute("UPDATE leader SET term = 1", postgres.name)
        postgres_server.execute("DELETE FROM notes", postgres.name)


async def test_the_next_lead_begins_only_when_what_the_former_one_began_to_write_has_ended(
    pool: EnginePool, postgres_server: PostgresServer, postgres: PostgresAddress
) -> None:
    """The former leader's session is gone, so its lock is free; its machine hung while DBOS wrote."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    successor = await asyncio.to_thread(Database.connect, postgres)
    with pool.engine.connect() as connection:
        connection.execute(text("INSERT INTO notes VALUES ('in time')"))
        # every database's locks are listed, and each worker's database has one of this number
        here = f"database = (SELECT oid FROM pg_database WHERE datname = '{postgres.name}')"
        lead = f"locktype = 'advisory' AND objid = {LOCK} AND {here}"
        postgres_server.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE {lead}", postgres.name)
        leads = asyncio.create_task(successor.try_lead(ME, end))
        async with asyncio.timeout(3):
            while [(1,)] != await asyncio.to_thread(postgres_server.execute, waiting, postgres.name):
                pass
        assert not leads.done()
        connection.commit()
    assert (True, 2) == (await leads, successor.term)
    await successor.aclose()


def test_a_failed_statement_that_commits_by_itself_leaves_its_session_usable(pool: EnginePool) -> None:
    with pool.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        with pytest.raises(ProgrammingError) as failed:
            connection.execute(text("DELETE FROM no_such_table"))
        assert pool.map_error(failed.value) is None
        assert 1 == connection.execute(text("SELECT 1")).scalar_one()


def test_a_session_that_the_server_ended_is_replaced(
    pool: EnginePool, postgres_server: PostgresServer, postgres: PostgresAddress
) -> None:
    with pool.engine.connect() as connection:
        pid: Any = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    postgres_server.execute(f"SELECT pg_terminate_backend({pid}, 5000)", postgres.name)
    with pool.engine.connect() as connection:
        assert pid != connection.execute(text("SELECT pg_backend_pid()")).scalar_one()


def test_a_closed_pool_ends_no_process(pool: EnginePool) -> None:
    """A thread of the library that comes late must not turn a clean end into a failure."""
    with pool.engine.connect() as connection:
        write_in_transaction(connection)
        pool.close()
        with pytest.raises(DatabaseUnavailable):
            write_in_transaction(connection)


def test_a_server_that_is_away_is_an_error_of_the_database(pool: EnginePool) -> None:
    away = EnginePool(PostgresAddress("flatnet", "127.0.0.1", 1, "flatnet"), 1, end)
    with pytest.raises(OperationalError) as failed:
        away.engine.connect()
    assert isinstance(away.map_error(failed.value), DatabaseUnavailable)
