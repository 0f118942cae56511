"""A host's clock: how far it is from the bot's, and its local time from the host's own record of its UTC offsets. Pure.

Some programs write local times without an offset. The present offset is not enough: a log reaches back to before the last
change between summer and winter time.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from adapters.value import Value

CLOCK_HISTORY_DAYS = 3653
"""Days before now for which the scripts list clock changes: ten years, longer than any log is kept."""

OFFSETS_LIMIT = 100
"""Most offsets of one host. Zones with the most changes have four a year."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, as tzinfo.fromutc has it


class Offset(Value):
    """Local time is `seconds` ahead of UTC (negative: behind) from `begins` on, in seconds since 1970.

    A host's first offset also counts for all times before it.
    """

    begins: Annotated[int, Field(ge=0, le=4_102_444_800)]
    seconds: Annotated[int, Field(gt=-86_400, lt=86_400)]


def compute_clock_offset(clock: datetime, now: datetime, age: float) -> float:
    """Computes the seconds that a host's clock, read within the last `age` seconds, is at least ahead (negative: behind)."""
    difference = (clock - now).total_seconds()
    return max(difference, 0.0) + min(difference + age, 0.0)


class HostZone(tzinfo):
    """Time zone from a host's offsets: at least one, in the order of time.

    Ambiguous and missing hours are resolved by `fold`, as in PEP 495.
    """

    def __init__(self, offsets: Sequence[Offset]) -> None:
        self._offsets = [timedelta(seconds=each.seconds) for each in offsets]
        self._changes = [_EPOCH + timedelta(seconds=each.begins) for each in offsets[1:]]
        around = list(zip(self._changes, pairwise(self._offsets), strict=True))
        self._walls = [[at + pick(both) for at, both in around] for pick in (max, min)]

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        if dt is None:
            return None
        return self._offsets[bisect_right(self._walls[dt.fold], dt.replace(tzinfo=None))]

    def fromutc(self, dt: datetime) -> datetime:
        at = dt.replace(tzinfo=None)
        passed = bisect_right(self._changes, at)
        local = at + self._offsets[passed]
        again = passed > 0 and local < self._walls[0][passed - 1]
        return local.replace(tzinfo=self, fold=int(again))

    def dst(self, dt: datetime | None) -> None:
        """Returns None: hosts do not report daylight saving time."""

    def tzname(self, dt: datetime | None) -> None:
        """Returns None: hosts do not report a name."""
