"""A database of the bot's own, empty."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database.open(tmp_path / "flatnet.sqlite3")
    yield opened
    await opened.aclose()
