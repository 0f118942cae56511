"""Charts: the health of hosts over days and the time left of certificates, as values.

Whoever can show pictures draws them (`bot.rendering.chart_image`); everybody else says the same in words
(`alt_text`). Which day counts as what, and what comes first, is decided here, once for both.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from adapters.phrase import Listing, Phrase
from adapters.value import Value
from commands.values.arguments import shown

HOSTS, CERTIFICATES = 30, 20
"""Lines that a picture has at most: more could not be read on a phone."""

NAMED = 4
"""Hosts or certificates of one kind that the words name; more are counted."""

SHARE = 4
"""A day is troubled, or not known, where one in so many of its looks was."""

HOST_LEFT = (30, 7)
"""Days below which a host's certificate ends soon, and below which that is urgent; as `commands.certs.assessment` has it."""
CA_LEFT = (180, 60)
"""The same of a CA."""

Count = Annotated[int, Field(ge=0)]


class DayState(StrEnum):
    """What one day of one host was, the worst first; see `DayHealth.state`."""

    TROUBLED = "troubled"
    UNREACHED = "unreached"
    AT_TIMES = "at_times"
    WELL = "well"
    NOTHING = "nothing"
    """No look was taken, or none is kept."""


class Left(StrEnum):
    """How near the end of a certificate is, the nearest first."""

    EXPIRED = "expired"
    URGENT = "urgent"
    SOON = "soon"
    LONG = "long"


class DayHealth(Value):
    """The looks of one day: how many found a host well, troubled, or did not reach it."""

    well: Count
    troubled: Count
    unreached: Count

    @property
    def state(self) -> DayState:
        """One bad look does not make a bad day, and is not hidden either. What was not reached is not known."""
        looks = self.well + self.troubled + self.unreached
        if not looks:
            return DayState.NOTHING
        if self.troubled * SHARE >= looks:
            return DayState.TROUBLED
        if self.unreached * SHARE >= looks:
            return DayState.UNREACHED
        return DayState.AT_TIMES if self.troubled or self.unreached else DayState.WELL


class HostHealth(Value):
    """One host day by day, the oldest first; None where nothing is known of a day."""

    host: str
    days: tuple[DayHealth | None, ...]

    @property
    def states(self) -> tuple[DayState, ...]:
        """What each day was."""
        return tuple(DayState.NOTHING if day is None else day.state for day in self.days)

    @property
    def state(self) -> DayState:
        """What most needs somebody in all these days. A few days without a record change nothing."""
        seen = set(self.states) - {DayState.NOTHING}
        return min(seen, key=list(DayState).index, default=DayState.NOTHING)

    def count(self, state: DayState) -> int:
        """On how many days."""
        return self.states.count(state)


class CertificateLeft(Value):
    """The days that a certificate has yet to live; negative: so long ago it expired. `authority`: it is a CA's."""

    name: str
    authority: bool
    days: Annotated[float, Field(allow_inf_nan=False)]

    @property
    def left(self) -> Left:
        soon, urgent = CA_LEFT if self.authority else HOST_LEFT
        if self.days <= 0:
            return Left.EXPIRED
        if self.days < urgent:
            return Left.URGENT
        return Left.SOON if self.days < soon else Left.LONG


class Chart(Value):
    """The health of each host over `days`, the oldest first, and the days left of each certificate."""

    days: Annotated[tuple[date, ...], Field(max_length=31)]
    hosts: tuple[HostHealth, ...]
    certificates: tuple[CertificateLeft, ...]

    @model_validator(mode="after")
    def _every_day(self) -> Self:
        if any(len(host.days) != len(self.days) for host in self.hosts):
            raise ValueError("every host has as many days as the chart")
        return self

    @property
    def ordered(self) -> "Chart":
        """The same, the hosts worst first and the certificates soonest first."""
        certificates = sorted(self.certificates, key=lambda certificate: (certificate.days, certificate.name))
        return self.model_copy(
            update={"hosts": tuple(sorted(self.hosts, key=_badness)), "certificates": tuple(certificates)}
        )

    @property
    def drawn(self) -> "Chart":
        """What a picture has room for."""
        ordered = self.ordered
        first = {"hosts": ordered.hosts[:HOSTS], "certificates": ordered.certificates[:CERTIFICATES]}
        return ordered.model_copy(update=first)


def alt_text(chart: Chart) -> Phrase:
    """The same in words: how many hosts were how, which were worst, which certificates end first."""
    ordered = chart.ordered
    return Phrase("{health}. {certificates}.", health=_health(ordered), certificates=_certificates(ordered.certificates))


def _badness(host: HostHealth) -> tuple[int, int, int, int, str]:
    """More bad days first, then more that are not known, then more with trouble at times; a host without a record last."""
    counts = Counter(host.states)
    trouble, unknown, passing = (-counts[state] for state in (DayState.TROUBLED, DayState.UNREACHED, DayState.AT_TIMES))
    return trouble, unknown, passing, list(DayState).index(host.state), host.host


def _health(chart: Chart) -> Phrase:
    if not chart.hosts:
        return Phrase("No host")
    groups = ((state, [host for host in chart.hosts if host.state is state]) for state in DayState)
    said = tuple(_said(state, hosts) for state, hosts in groups if hosts)
    hosts = Phrase("{n} host", plural="{n} hosts", n=len(chart.hosts))
    return Phrase("{hosts} over {days}: {said}", hosts=hosts, days=days(_recorded(chart)), said=Listing(said))


def _recorded(chart: Chart) -> int:
    """On how many days somebody looked; a new bot has looked on few of those that the picture has room for."""
    looked = [day for day in zip(*(host.days for host in chart.hosts), strict=True) if any(day)]
    return len(looked) or len(chart.days)


def _said(state: DayState, hosts: Sequence[HostHealth]) -> Phrase:
    """Of how many hosts this was the worst, and which were so on the most days."""
    count = len(hosts)
    names = _some([Phrase("{host} {days}", host=shown(host.host), days=days(host.count(state))) for host in hosts])
    match state:
        case DayState.TROUBLED:
            return Phrase("{count} with trouble ({names})", count=count, names=names)
        case DayState.UNREACHED:
            return Phrase("{count} not reached ({names})", count=count, names=names)
        case DayState.AT_TIMES:
            return Phrase("{count} with trouble or no answer at times ({names})", count=count, names=names)
        case DayState.WELL:
            return Phrase("{count} well", count=count)
        case DayState.NOTHING:
            return Phrase("{count} without a record", count=count)


def _certificates(certificates: Sequence[CertificateLeft]) -> Phrase:
    near = [certificate for certificate in certificates if certificate.left is not Left.LONG]
    if near:
        names = _some([Phrase("{name} {days}", name=shown(each.name), days=whole_days(each)) for each in near])
        count, total = len(near), len(certificates)
        return Phrase("{count} of {total} certificates must be renewed ({names})", count=count, total=total, names=names)
    if certificates:
        first = certificates[0]
        return Phrase(
            "The first certificate to end is that of {name} ({days})", name=shown(first.name), days=whole_days(first)
        )
    return Phrase("No certificate")


def whole_days(certificate: CertificateLeft) -> Phrase:
    """The days that it has yet to live; what is less than one day is none."""
    return Phrase("expired") if certificate.left is Left.EXPIRED else days(int(certificate.days))


def days(count: int) -> Phrase:
    """So many days."""
    return Phrase("{n} day", plural="{n} days", n=count)


def _some(items: Sequence[Phrase]) -> Listing:
    """The first few, and how many more."""
    more = len(items) - NAMED
    return Listing((*items[:NAMED], Phrase("{n} more", n=more)) if more > 0 else tuple(items))
