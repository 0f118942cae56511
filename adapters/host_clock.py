"""A host's local time, as the host itself says how far it was from UTC and when that changed. Pure.

Some programs write local times and do not say so. What a host's clock shows tells its zone of now and no more; a log goes
back to before clocks were set to summer or winter.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from adapters.value import Value

DAYS = 3653
"""So far back the scripts look for changes of the clock, which no kept log is older than: ten years."""

OFFSETS_LIMIT = 100
"""Zones with the most changes have four a year."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, as tzinfo.fromutc has it


class Offset(Value):
    """Local time is `seconds` ahead of UTC (negative: behind) from `begins` on, in seconds since 1970.

    The first of a host's counts for all that was before it, too.
    """

    begins: Annotated[int, Field(ge=0, le=4_102_444_800)]
    seconds: Annotated[int, Field(gt=-86_400, lt=86_400)]


class HostZone(tzinfo):
    """Local time by a host's offsets, of which there is at least one, in their order.

    An hour that comes twice and one that never was are told by `fold`, as PEP 495 has it.
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
        """Hosts do not say."""

    def tzname(self, dt: datetime | None) -> None:
        """Nor this."""
