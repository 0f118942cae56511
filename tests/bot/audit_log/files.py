"""The two files of an audit log, as a bot writes them and as somebody with the operating system's rights changes them."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from adapters.phrase import Phrase
from bot.audit_log.files import verify_files
from bot.audit_log.log import AuditLog, EventKind
from bot.store.audit_chain import MIN_KEY_BYTES, AuditKey, AuditKeys, Verification
from bot.store.database import Database

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
KEY = AuditKey(b"k" * MIN_KEY_BYTES)
OTHER = AuditKey(b"o" * MIN_KEY_BYTES)


FIVE = ("one", "two", "three", "four", "five")
"""What is recorded before somebody tampers with it."""


class Closed:
    """What is closed in doubt."""

    def __init__(self) -> None:
        self.why: list[str] = []

    async def close_in_doubt(self, why: Phrase) -> None:
        self.why.append(str(why))


class Files:
    """The two files of an audit log, and how a bot opens them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "flatnet.sqlite3"
        self.heads = folder / "audit-head.jsonl"

    async def record(self, *words: str, key: AuditKey = KEY, earlier: tuple[AuditKey, ...] = ()) -> AuditLog:
        """A bot starts, records these requests one by one, and stops."""
        database = Database.open(self.database, patience=0.05)
        audit = await AuditLog.open(database, AuditKeys(key, earlier), self.heads, lambda: NOW)
        for text in words:
            await audit.record(EventKind.REQUEST, "ana", f"op-{text}", {"text": text})
        await audit.aclose()
        await database.aclose()
        return audit

    def verify(self, *keys: AuditKey) -> Verification:
        return verify_files(self.database, self.heads, keys or [KEY])

    def tamper(self, *statements: str) -> None:
        """Change the table with another program."""
        with closing(sqlite3.connect(self.database)) as line:
            triggers = line.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
            line.executescript("; ".join([*(f"DROP TRIGGER {name}" for (name,) in triggers), *statements]))

    def lines(self) -> list[str]:
        return self.heads.read_text().splitlines(keepends=True)
