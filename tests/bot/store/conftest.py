"""A database for each test, and a clock that stands until it is moved.

Tests run on SQLite and on PostgreSQL. Those that ask for `path`, the file, run on SQLite alone.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot.store.address import DatabaseAddress, PostgresAddress
from bot.store.database import Database


class Clock:
    """The injected time."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **span: float) -> None:
        """Let time pass: `pass_by(seconds=3)`."""
        self.at += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "flatnet.sqlite3"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests of a database on both kinds, but on SQLite alone if they are about its file."""
    if "address" in metafunc.fixturenames:
        kinds = ("sqlite",) if "path" in metafunc.fixturenames else ("sqlite", "postgresql")
        metafunc.parametrize("address", kinds, indirect=True)


@pytest.fixture
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseAddress]:
    """The address of a database: of a file that is not made yet, or of a server's database with tables."""
    if request.param == "sqlite":
        yield tmp_path / "data" / "flatnet.sqlite3"
        return
    yield request.getfixturevalue("postgres")


@pytest.fixture
async def database(address: DatabaseAddress) -> AsyncIterator[Database]:
    opened = open_database(address)
    yield opened
    await opened.aclose()


def break_table(connection: Connection, when: str) -> None:
    """Make the database refuse writes: `INSERT ON outbox`. The next break of the same writes is an error."""
    action = "BEGIN SELECT RAISE(ABORT, 'broken'); END"
    if connection.dialect.name == "postgresql":
        action = "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    connection.execute(text(f"CREATE TRIGGER broken BEFORE {when} {action}"))


def mend_table(connection: Connection, when: str) -> None:
    """Let the database accept those writes again."""
    table = when.partition(" ON ")[2] if connection.dialect.name == "postgresql" else ""
    connection.execute(text(f"DROP TRIGGER broken {table and f'ON {table}'}"))


def open_database(address: DatabaseAddress) -> Database:
    """Open a database, again if it was open before."""
    return Database.connect(address) if isinstance(address, PostgresAddress) else Database.open(address, patience=0.05)
