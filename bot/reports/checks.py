"""Registry of checks: stores what reads of hosts found, and finds the newest checks for answers that fold them in.

answered read ─ collect_checks ─▶ record ─▶ newest check of each host and area ─ find_known ─▶ KnownChecks
                                    └─▶ the followers: alerts on disks and certificates
change ended ─▶ CheckTable.forget: what was seen before is no longer known to be true
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import structlog

from adapters.inventory import Inventory
from bot.store.checks import CheckTable
from bot.store.errors import DatabaseError
from commands.certificates.operations import CertList
from commands.health.disk_operation import DiskUsage
from commands.health.operation import Health
from commands.health.update_operation import UpdateList
from commands.health.verdict import STORED_AREAS, collect_checks
from commands.model.check import Area, KnownChecks, StoredCheck
from commands.model.operation import FleetRead
from commands.model.report import Report

READS: Mapping[Area, type[FleetRead]] = {
    Area.SERVICES: Health,
    Area.DISKS: DiskUsage,
    Area.CERTIFICATES: CertList,
    Area.UPDATES: UpdateList,
}
"""Read of each area. Only actors who may request it see what it found."""

_log = structlog.get_logger("bot.reports.checks")


class CheckFollower(Protocol):
    """Follower of the checks that are recorded (`bot.alerts.disk_feed`, `bot.alerts.certificate_feed`)."""

    async def follow(self, area: Area, report: Report, began: datetime) -> None:
        """Takes what it needs from a report. It never raises."""


class CheckRegistry:
    """Stored checks. `redact` removes secrets from JSON. There are no `followers` where no alerts are moved."""

    def __init__(self, table: CheckTable, redact: Callable[[Any], Any], followers: Sequence[CheckFollower] = ()) -> None:
        self._table = table
        self._redact = redact
        self._followers = followers

    async def record(self, operation: FleetRead, report: Report, began: datetime, inventory: Inventory) -> None:
        """Stores what a read found, if it checks an area. Without the database the answer is still good, so it goes on.

        Hosts that left the configuration have no checks, so that a later host of that name begins without any.
        """
        area = next((area for area, read in READS.items() if type(operation) is read), None)
        if area is None:
            return
        names = {host.name for host in inventory.hosts}
        checks = self._clean([check for check in collect_checks(area, report, began) if check.host in names])
        try:
            await self._table.delete_others(names)
            await self._table.store(checks)
        except DatabaseError as error:
            _log.warning("the checks of hosts could not be stored", area=area, why=str(error))
        for follower in self._followers:
            await follower.follow(area, report, began)

    def _clean(self, checks: Sequence[StoredCheck]) -> list[StoredCheck]:
        """Removes secrets, from all checks at once: their texts are mostly the same, and each text takes long."""
        return [StoredCheck.model_validate(each) for each in self._redact([each.model_dump(mode="json") for each in checks])]

    async def find_known(self, hosts: Collection[str], areas: Sequence[Area] = STORED_AREAS) -> KnownChecks:
        """Finds the newest checks of these hosts, for an answer that takes these areas from them. Raises `DatabaseError`."""
        return KnownChecks(await self._table.find_by_host(hosts), tuple(areas))
