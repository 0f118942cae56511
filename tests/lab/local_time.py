"""What a simulated host says of its local time: how far it was from UTC in the last years, and from when on."""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise


def offsets(zone: tzinfo, now: datetime, days: int) -> list[tuple[int, int]]:
    """Pairs of seconds: since 1970, and ahead of UTC from then on."""

    def away(at: int) -> int:
        return (datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset() or timedelta()) // timedelta(seconds=1)

    def first(earlier: int, later: int) -> int:
        return bisect_left(range(later), True, lo=earlier, key=lambda at: away(at) == away(later))

    until = int(now.timestamp())
    looks = [*range(until - days * 86_400, until, 86_400), until]
    changes = [first(earlier, later) for earlier, later in pairwise(looks) if away(earlier) != away(later)]
    return [(0, away(looks[0])), *((at, away(at)) for at in changes)]
