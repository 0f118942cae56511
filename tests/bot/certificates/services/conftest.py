"""A ledger on a database of its own, with an audit log in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.certificates.services.ledger import IdentityLedger
from bot.certificates.tables.ledger import LedgerTable
from bot.store.database import Database
from tests.bot.changes.workflow_team import Log
from tests.commands.canned import NOW


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database.open(tmp_path / "flatnet.sqlite3", patience=0.05)
    yield opened
    await opened.aclose()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def ledger(database: Database, log: Log) -> IdentityLedger:
    return IdentityLedger(LedgerTable(database), log, lambda: NOW)
