"""Stored checks: the newest judgment of each host in each area, for answers that do not read that area."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime

from adapters.phrase import Phrase
from adapters.value import Value
from commands.model.finding import Finding


class Area(StrEnum):
    """Areas of a host that are checked by one read each."""

    SERVICES = "services"
    DISKS = "disks"
    CERTIFICATES = "certificates"
    UPDATES = "updates"


AREA_NAMES = {
    Area.SERVICES: Phrase("services"),
    Area.DISKS: Phrase("disks"),
    Area.CERTIFICATES: Phrase("certificates"),
    Area.UPDATES: Phrase("updates"),
}

MAX_AGES = {
    Area.SERVICES: timedelta(minutes=2),
    Area.DISKS: timedelta(hours=26),
    Area.CERTIFICATES: timedelta(hours=26),
    Area.UPDATES: timedelta(hours=26),
}
"""Maximum age of a check that still counts. A daily check stays valid until the next one, even if that is two hours late."""


class StoredCheck(Value):
    """Judgment of one area of a host. `at` is when its read began. `complete` is False if a part could not be read.

    Its findings are those of what was read. A check that is not complete does not prove that there are no others. `ends_at`
    is when the host's certificate expires; None in other areas, and where it could not be read.
    """

    host: str
    area: Area
    at: AwareDatetime
    findings: tuple[Finding, ...] = ()
    complete: bool = True
    ends_at: AwareDatetime | None = None

    def is_fresh(self, now: datetime) -> bool:
        """Returns whether the check still counts."""
        return now - self.at <= MAX_AGES[self.area]


CheckKey = tuple[str, Area]
"""Identity of a check: host and area."""


@dataclass(frozen=True)
class KnownChecks:
    """The newest checks, and the areas that an answer takes from them because it does not read these itself."""

    newest: Mapping[CheckKey, StoredCheck]
    areas: tuple[Area, ...]

    def find_fresh(self, host: str, area: Area, now: datetime) -> StoredCheck | None:
        """Finds the check of a host that still counts; None if there is none."""
        found = self.newest.get((host, area))
        return found if found is not None and found.is_fresh(now) else None

    def is_known(self, host: str, area: Area, now: datetime) -> bool:
        """Returns whether all of an area is known."""
        found = self.find_fresh(host, area, now)
        return found is not None and found.complete

    def list_unknown(self, hosts: Sequence[str], area: Area, now: datetime) -> frozenset[str]:
        """Lists the hosts of which an area is unknown: never checked, too long ago, or not completely."""
        return frozenset(host for host in hosts if not self.is_known(host, area, now))


NO_CHECKS = KnownChecks({}, ())
"""For an answer that judges only what it reads."""
