"""The host's local times as UTC. Pure.

Where a zone sets its clocks back, an hour comes twice; where it sets them forward, one never is:

| local time | taken as |
| --- | --- |
| comes once | that time |
| comes twice | the first, unless the line before it is then past the change already, or more than half an hour later |
| never comes | as if the clock had not been set yet |
| the zone is not known | no time |

All but the first are doubts, and are counted for whoever shows the lines.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

_OUT_OF_ORDER = timedelta(minutes=30)
"""Half of the hour: programs write a line a little later than another's, never so much."""


class Doubt(StrEnum):
    """Why a line's time is not certain."""

    FUTURE = "future"  # it is later than the host's own clock at the read
    TWICE = "twice"  # its local time came twice; it may be off by an hour
    SKIPPED = "skipped"  # its local time never was
    UNPLACED = "unplaced"  # it is local, and the host's zone is not known


def placed(at: datetime, zone: tzinfo | None, before: datetime | None) -> tuple[datetime | None, Doubt | None]:
    """A line's time in UTC, and what is doubtful about it. `before`: the UTC time of the line before it, if it has one."""
    if at.tzinfo is not None:
        return at.astimezone(UTC), None
    if zone is None:
        return None, Doubt.UNPLACED
    first, second = (at.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    earlier, later = first.astimezone(UTC), second.astimezone(UTC)
    if earlier == later:
        return earlier, None
    if later < earlier:  # the fold of a gap is the other way round (PEP 495)
        return earlier, Doubt.SKIPPED
    if before is None or before <= earlier:
        return earlier, Doubt.TWICE
    changed = before.astimezone(zone).utcoffset() == second.utcoffset() or before - earlier > _OUT_OF_ORDER
    return later if changed else earlier, Doubt.TWICE
