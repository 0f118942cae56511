"""A bot that checks one host, alone in a process, and kills itself (-9): `python -m … FOLDER STORY FIRST_MINUTE MOMENT`.

Each letter of the story is a check, a minute apart: `x` found Nebula stopped, `.` did not, `a` is ana, who acknowledges.
Moments come before and after each event of the audit log and each write of rows, counted from the start.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.alerts.services.registry import AlertRegistry
from bot.alerts.tables.alerts import AlertTable
from bot.audit_log.log import AuditLog
from bot.security.redaction import Redactor
from bot.store.audit_chain import MIN_KEY_BYTES, AuditKey, AuditKeys
from bot.store.database import Database
from commands.alerts.conditions import Condition, HostChecked
from tests.bot.alerts.living import BEGINNING, HOSTS, Mortal, nebula

KEYS = AuditKeys(AuditKey(b"k" * MIN_KEY_BYTES))


class Suicide:
    """Ends this process at one moment."""

    def __init__(self, at: int) -> None:
        self._left = at

    def __call__(self, moment: str) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


@asynccontextmanager
async def open_registry(folder: Path, now: list[datetime], at: int = 0) -> AsyncIterator[tuple[AlertRegistry, AuditLog]]:
    """Opens the registry of a bot with a real database and audit log; `now` is its clock."""
    database, kill = Database.open(folder / "flatnet.sqlite3"), Suicide(at)
    audit = await AuditLog.open(database, KEYS, folder / "head.jsonl", lambda: now[0])
    table: Any = Mortal(AlertTable(database), kill)
    yield AlertRegistry(table, Mortal(audit, kill), Redactor().redact_json, lambda: now[0], lambda: HOSTS), audit
    await audit.aclose()
    await database.aclose()


async def main(folder: Path, story: str, first: int, at: int) -> None:
    now = [BEGINNING]
    async with open_registry(folder, now, at) as (registry, _):
        for minute, letter in enumerate(story, first):
            now[0] = BEGINNING + timedelta(minutes=minute)
            if letter == "a":
                await registry.acknowledge(1, "ana", None, "op-1")
            else:
                signals = (nebula(),) if letter == "x" else ()
                judged = frozenset(Condition)
                await registry.apply(HostChecked(host="host-a", at=now[0], judged=judged, signals=signals))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
