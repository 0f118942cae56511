"""A bot for each test, with a database of its own and a clock that the test moves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.audit_log.log import AuditLog
from bot.store.audit_chain import AuditKeys
from bot.store.database import Database
from tests.bot.audit_log.files import KEY, Files
from tests.bot.incidents.house import House
from tests.bot.incidents.recorded import NOW


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    files = Files(tmp_path)
    database = Database.open(files.database)
    clock: list[House] = []
    audit = await AuditLog.open(database, AuditKeys(KEY), files.heads, lambda: clock[0].at if clock else NOW)
    clock.append(House(files, database, audit))
    yield clock[0]
    await audit.aclose()
    await database.aclose()
