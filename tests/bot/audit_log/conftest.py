"""An audit log for each test, and a bot that has it open."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.audit_log.log import AuditLog
from bot.store.audit_chain import AuditKeys
from bot.store.database import Database
from tests.bot.audit_log.files import KEY, NOW, Files


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
async def database(files: Files) -> AsyncIterator[Database]:
    opened = Database.open(files.database, patience=0.05)
    yield opened
    await opened.aclose()


@pytest.fixture
async def audit(files: Files, database: Database) -> AsyncIterator[AuditLog]:
    opened = await AuditLog.open(database, AuditKeys(KEY), files.heads, lambda: NOW)
    yield opened
    await opened.aclose()
