"""Converts a host's local times to UTC. Pure.

Where a zone sets its clocks back, an hour repeats; where it sets them forward, an hour is skipped:

| local time | taken as |
| --- | --- |
| occurs once | that time |
| occurs twice | the first, unless the line before is past the change then, or more than half an hour later |
| never occurs | as if the clock had not been set yet |
| in an unknown zone | no time |

All but the first are doubts. They are counted for a note beside the lines.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

_MAX_DISORDER = timedelta(minutes=30)
"""Half of the repeated hour. Programs write lines slightly out of order, never by this much."""


class TimeDoubt(StrEnum):
    """Reason of an uncertain time."""

    FUTURE = "future"  # later than the host's own clock at the read
    TWICE = "twice"  # the local time occurred twice; it may be off by an hour
    SKIPPED = "skipped"  # the local time never occurred
    UNPLACED = "unplaced"  # the time is local, and the host's zone is unknown


def convert_local_time(
    at: datetime, zone: tzinfo | None, before: datetime | None
) -> tuple[datetime | None, TimeDoubt | None]:
    """Converts a line's time to UTC, with the doubt about it. `before`: the UTC time of the line before it, if known."""
    if at.tzinfo is not None:
        return at.astimezone(UTC), None
    if zone is None:
        return None, TimeDoubt.UNPLACED
    first, second = (at.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    earlier, later = first.astimezone(UTC), second.astimezone(UTC)
    if earlier == later:
        return earlier, None
    if later < earlier:  # the fold of a gap is the other way round (PEP 495)
        return earlier, TimeDoubt.SKIPPED
    if before is None or before <= earlier:
        return earlier, TimeDoubt.TWICE
    changed = before.astimezone(zone).utcoffset() == second.utcoffset() or before - earlier > _MAX_DISORDER
    return later if changed else earlier, TimeDoubt.TWICE
