"""Newest check of each host in each area. Rows and queries only; `bot.digests.services` decides what is stored.

A newer check replaces an older one, whichever is written first.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from bot.store.database import Database
from bot.store.encoding import encode_json
from bot.store.errors import TooLarge
from bot.store.schema.tables import CHECKS
from commands.model.check import Area, CheckKey, StoredCheck
from commands.model.finding import sort_worst_first

_COLUMNS = CHECKS.c
_KEYS = ("host", "area")
_INSERT = insert(CHECKS)
_STORE = _INSERT.on_conflict_do_update(
    index_elements=list(_KEYS),
    set_={column.name: _INSERT.excluded[column.name] for column in _COLUMNS if column.name not in _KEYS},
    where=_INSERT.excluded.at >= _COLUMNS.at,
)
_OF_HOSTS = select(CHECKS).where(_COLUMNS.host.in_(bindparam("hosts", expanding=True)))
_DELETE_OTHERS = delete(CHECKS).where(_COLUMNS.host.not_in(bindparam("hosts", expanding=True)))


class CheckTable:
    """Table of checks. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, checks: Sequence[StoredCheck]) -> None:
        """Stores checks, all or none. A newer one of the same host and area stays."""
        rows = [_make_values(check) for check in checks]

        def work(connection: Connection) -> None:
            if rows:
                connection.execute(_STORE, rows)

        await self._database.run(work)

    async def find_by_host(self, hosts: Collection[str]) -> Mapping[CheckKey, StoredCheck]:
        """Finds the newest checks of these hosts. Those that this version cannot read are left out."""

        def work(connection: Connection) -> Mapping[CheckKey, StoredCheck]:
            found = map(_read_row, connection.execute(_OF_HOSTS, {"hosts": list(hosts)}))
            return {(check.host, check.area): check for check in found if check is not None}

        return await self._database.read(work)

    async def forget(self, hosts: Collection[str], areas: Collection[Area], at: datetime) -> None:
        """Forgets what was known before `at`. A read that began earlier and ends later stays forgotten, too."""
        await self.store([StoredCheck(host=host, area=area, at=at, complete=False) for host in hosts for area in areas])

    async def delete_others(self, hosts: Collection[str]) -> None:
        """Deletes the checks of all hosts other than these."""

        def work(connection: Connection) -> None:
            connection.execute(_DELETE_OTHERS, {"hosts": list(hosts)})

        await self._database.run(work)


def _make_values(check: StoredCheck) -> dict[str, Any]:
    """Makes a row. A check that is too large to store proves nothing, so nothing is known of its area."""
    findings = [finding.model_dump(mode="json") for finding in check.findings]
    ends = {} if check.ends_at is None else {"ends_at": check.ends_at.isoformat()}
    complete = check.complete
    try:
        document = encode_json({"findings": findings, **ends})
    except TooLarge:
        document, complete = encode_json({"findings": [], **ends}), False
    worst = next(iter(sort_worst_first(check.findings)), None)
    return {
        "host": check.host,
        "area": check.area.value,
        "at": check.at,
        "severity": None if worst is None else worst.severity.value,
        "complete": complete,
        "findings": document,
    }


def _read_row(row: Row[Any]) -> StoredCheck | None:
    try:
        document = json.loads(row.findings)
        return StoredCheck.model_validate(
            {
                "host": row.host,
                "area": row.area,
                "at": row.at,
                "complete": bool(row.complete),
                "findings": document["findings"],
                "ends_at": document.get("ends_at"),
            }
        )
    except (ValidationError, ValueError, KeyError, TypeError, AttributeError):
        return None
