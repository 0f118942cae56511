"""Tests of the record run on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.address import DatabaseAddress, PostgresAddress
from bot.store.database import Database


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseAddress:
    """The address of a database: of a file that is not made yet, or of a server's database with tables."""
    return tmp_path / "flatnet.sqlite3" if request.param == "sqlite" else request.getfixturevalue("postgres")


@pytest.fixture
async def database(address: DatabaseAddress) -> AsyncIterator[Database]:
    opened = Database.connect(address) if isinstance(address, PostgresAddress) else Database.open(address)
    yield opened
    await opened.aclose()
