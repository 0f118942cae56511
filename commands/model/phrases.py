"""Phrases that several commands share."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import reduce

from adapters.phrase import Listing, Moment, Phrase, Span

NO_HOSTS = Phrase("no hosts configured. Add them to the configuration file")

MAX_LISTED = 5
"""Maximum containers or peers named in a remark; more are counted."""


_UNITS = tuple(timedelta(**{unit: 1}) for unit in ("days", "hours", "minutes"))
"""Units of a distance in time, the largest first."""


def round_distance(distance: timedelta) -> timedelta:
    """Rounds a distance in time down, to the largest unit of which there are at least two, else to a minute.

    A day and 23 hours do not become one day.
    """
    unit = next((unit for unit in _UNITS if distance >= 2 * unit), _UNITS[-1])
    return distance // unit * unit


def relate_moment(at: datetime, now: datetime) -> Phrase:
    """Relates a time to now: `2027-11-28 09:10 JST (in 20 days)`. Both are aware.

    Below a minute it is now. The distance stays as it is in a stored report, whose `taken_at` tells what it refers to.
    """
    span = Span(round_distance(abs(at - now)).total_seconds())
    if not span.seconds:
        return Phrase("{at} (now)", at=Moment(at))
    if at > now:
        return Phrase("{at} (in {span})", at=Moment(at), span=span)
    return Phrase("{at} ({span} ago)", at=Moment(at), span=span)


def list_some(items: Sequence[Phrase | str], most: int = MAX_LISTED) -> Phrase:
    """Lists the first few items and the number of further ones."""
    if len(items) <= most:
        return Phrase("{items}", items=Listing(tuple(items)))
    named = reduce(lambda before, item: Phrase("{before}, {item}", before=before, item=item), items[:most])
    return Phrase("{items} and {n} more", items=named, n=len(items) - most)
