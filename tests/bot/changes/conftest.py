"""A bot with a real database for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.database import Database
from tests.bot.changes.workflow_team import Bot


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database.open(tmp_path / "flatnet.sqlite3", patience=0.05)
    yield opened
    await opened.aclose()


@pytest.fixture
def bot(database: Database) -> Bot:
    return Bot(database)
