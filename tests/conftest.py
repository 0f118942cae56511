"""Fixtures that tests of several rooms use.

What they need is imported when they are used, so a pure test starts within a second.
"""

import asyncio
import gc
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from bot.changes.services.engine import StepReply
    from bot.store.address import PostgresAddress
    from tests.postgres import PostgresServer

settings.register_profile("unhurried", deadline=None)  # hypothesis' own limit measures wall time, which is the machine's
settings.load_profile("unhurried")


class _Unused:
    """What `apply.v1` is made of, where nothing is enqueued."""

    async def _called(self, *arguments: str) -> "StepReply":
        raise AssertionError(arguments)

    begin = run_step = undo_step = end = _called


@pytest.fixture(scope="session")
def used_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of DBOS that was used before, to be copied: the very first start finds its queue a second later."""
    from bot.changes.services.engine import Engine

    file = tmp_path_factory.mktemp("durable") / "durable.sqlite3"

    async def once() -> None:
        durable = await Engine.launch(file, _Unused(), lambda: "")
        await durable.aclose()

    asyncio.run(once())
    return file


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> "Iterator[PostgresServer]":
    """A PostgreSQL server for this run, shared by all its workers."""
    from tests.postgres import share_server

    base = tmp_path_factory.getbasetemp()
    with share_server(base if worker_id == "master" else base.parent) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: "PostgresServer") -> "PostgresAddress":
    """A database of PostgreSQL with the bot's tables, without rows, to be copied: creating them takes longer."""
    from bot.store.database import Database

    address = postgres_server.create()
    asyncio.run(Database.connect(address).aclose())
    return address


@pytest.fixture
def postgres(postgres_server: "PostgresServer", postgres_tables: "PostgresAddress") -> "Iterator[PostgresAddress]":
    """A database of PostgreSQL with the bot's tables, without rows."""
    address = postgres_server.create(postgres_tables.name)
    yield address
    postgres_server.drop(address)


@pytest.fixture
def empty_postgres(postgres_server: "PostgresServer") -> "Iterator[PostgresAddress]":
    """A database of PostgreSQL without tables."""
    address = postgres_server.create()
    yield address
    postgres_server.drop(address)


def pytest_collection_finish() -> None:
    """Keep what was collected out of the collections of garbage, which would search ten thousand tests again each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Write half characters in reports as escapes: xdist cannot send them, and one in a log would end the whole run."""
    return escape_half_characters((yield))


def escape_half_characters(value: Any) -> Any:
    """Return the value with escapes in place of lone surrogates in all its texts."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
        case dict():
            return {escape_half_characters(name): escape_half_characters(each) for name, each in value.items()}
        case list() | tuple():
            return type(value)(map(escape_half_characters, value))
        case _:
            return value
