"""Newest check of each host in each area. Rows and queries only; `bot.digests.services` decides what is stored.

A newer check replaces an older one, whichever is written first.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete

from bot.store.database import Database
from bot.store.errors import TooLarge
from bot.store.rows import Rows, execute, execute_many, leave_out
from bot.store.schema.hosts import CheckRow
from commands.model.check import Area, CheckKey, StoredCheck

CHECKS = Rows(StoredCheck, CheckRow, repair=leave_out)
"""Nothing is known of the area of a damaged check."""

_STORE = CHECKS.upsert(newest_by="at")
_OF_HOSTS = CHECKS.select(CHECKS.c.host.in_(bindparam("hosts", expanding=True)))
_DELETE_OTHERS = delete(CHECKS.table).where(CHECKS.c.host.not_in(bindparam("hosts", expanding=True)))


class CheckTable:
    """Table of checks. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, checks: Sequence[StoredCheck]) -> None:
        """Stores checks, all or none. A newer one of the same host and area stays."""
        await self._database.run(execute_many, _STORE, [_encode(check) for check in checks])

    async def find_by_host(self, hosts: Collection[str]) -> Mapping[CheckKey, StoredCheck]:
        """Finds the newest checks of these hosts. Those that this version cannot read are left out."""
        found = await self._database.read(CHECKS.list, _OF_HOSTS, hosts=list(hosts))
        return {(check.host, check.area): check for check in found}

    async def forget(self, hosts: Collection[str], areas: Collection[Area], at: datetime) -> None:
        """Forgets what was known before `at`. A read that began earlier and ends later stays forgotten, too."""
        await self.store([StoredCheck(host=host, area=area, at=at, complete=False) for host in hosts for area in areas])

    async def delete_others(self, hosts: Collection[str]) -> None:
        """Deletes the checks of all hosts other than these."""
        await self._database.run(execute, _DELETE_OTHERS, hosts=list(hosts))


def _encode(check: StoredCheck) -> dict[str, Any]:
    """Makes a row. A check that is too large to store proves nothing, so nothing is known of its area."""
    try:
        return CHECKS.encode(check)
    except TooLarge:
        return CHECKS.encode(check.model_copy(update={"findings": (), "complete": False}))
