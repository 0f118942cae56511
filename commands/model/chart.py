"""Charts: the health of hosts by day and the time left of certificates, as values.

`bot.rendering.charts` draws a chart; `describe_chart` is the same in words. The state of a day and the order of hosts
are decided here, once for both.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from adapters.phrase import Listing, Phrase
from adapters.value import Value
from commands.values.arguments import shorten_argument

MAX_HOSTS, MAX_CERTIFICATES = 30, 20
"""Maximum lines of a picture that can be read on a phone."""

MAX_NAMED = 4
"""Maximum hosts or certificates of one kind named in the description; more are counted."""

BAD_DAY_DIVISOR = 4
"""Divisor of a day's checks. A day is troubled (or unreached) if at least that fraction of its checks was."""

HOST_EXPIRY_DAYS = (30, 7)
"""Days left below which a host certificate expires soon, and is urgent; as in `commands.certificates.assessment`."""
CA_EXPIRY_DAYS = (180, 60)
"""`HOST_EXPIRY_DAYS` for CA certificates."""

Count = Annotated[int, Field(ge=0)]


class DayState(StrEnum):
    """State of one host on one day, the worst first; see `DayHealth.state`."""

    TROUBLED = "troubled"
    UNREACHED = "unreached"
    AT_TIMES = "at_times"
    WELL = "well"
    NOTHING = "nothing"
    """No check was made, or its record has been removed."""


class ExpiryUrgency(StrEnum):
    """Urgency of a certificate's expiry, the most urgent first."""

    EXPIRED = "expired"
    URGENT = "urgent"
    SOON = "soon"
    LONG = "long"


class DayHealth(Value):
    """Checks of one host on one day: how many found it healthy, found trouble or could not reach it."""

    well: Count
    troubled: Count
    unreached: Count

    @property
    def state(self) -> DayState:
        """State of the day. A single bad check makes it `AT_TIMES`; an unreached host is unknown, not bad."""
        looks = self.well + self.troubled + self.unreached
        if not looks:
            return DayState.NOTHING
        if self.troubled * BAD_DAY_DIVISOR >= looks:
            return DayState.TROUBLED
        if self.unreached * BAD_DAY_DIVISOR >= looks:
            return DayState.UNREACHED
        return DayState.AT_TIMES if self.troubled or self.unreached else DayState.WELL


class HostHealth(Value):
    """One host by day, the oldest first; None for a day without a record."""

    host: str
    days: tuple[DayHealth | None, ...]

    @property
    def states(self) -> tuple[DayState, ...]:
        """State of each day."""
        return tuple(DayState.NOTHING if day is None else day.state for day in self.days)

    @property
    def state(self) -> DayState:
        """The worst state of all days, ignoring days without a record."""
        seen = set(self.states) - {DayState.NOTHING}
        return min(seen, key=list(DayState).index, default=DayState.NOTHING)

    def count_days(self, state: DayState) -> int:
        """Counts the days in this state."""
        return self.states.count(state)


class CertificateExpiry(Value):
    """Days left of a certificate, negative after its expiry. `authority`: it is a CA's."""

    name: str
    authority: bool
    days: Annotated[float, Field(allow_inf_nan=False)]

    @property
    def urgency(self) -> ExpiryUrgency:
        soon, urgent = CA_EXPIRY_DAYS if self.authority else HOST_EXPIRY_DAYS
        if self.days <= 0:
            return ExpiryUrgency.EXPIRED
        if self.days < urgent:
            return ExpiryUrgency.URGENT
        return ExpiryUrgency.SOON if self.days < soon else ExpiryUrgency.LONG


class Chart(Value):
    """The health of each host over `days`, the oldest first, and the days left of each certificate."""

    days: Annotated[tuple[date, ...], Field(max_length=31)]
    hosts: tuple[HostHealth, ...]
    certificates: tuple[CertificateExpiry, ...]

    @model_validator(mode="after")
    def _check_days(self) -> Self:
        if any(len(host.days) != len(self.days) for host in self.hosts):
            raise ValueError("every host has as many days as the chart")
        return self

    @property
    def ordered(self) -> "Chart":
        """The same chart with hosts worst first and certificates in the order of expiry."""
        certificates = sorted(self.certificates, key=lambda certificate: (certificate.days, certificate.name))
        return self.model_copy(
            update={"hosts": tuple(sorted(self.hosts, key=_rank_host)), "certificates": tuple(certificates)}
        )

    @property
    def drawable(self) -> "Chart":
        """The first hosts and certificates, as many as fit into a picture."""
        ordered = self.ordered
        first = {"hosts": ordered.hosts[:MAX_HOSTS], "certificates": ordered.certificates[:MAX_CERTIFICATES]}
        return ordered.model_copy(update=first)


def describe_chart(chart: Chart) -> Phrase:
    """Describes the chart in words: counts of hosts by state, the worst hosts, the first certificates to expire."""
    ordered = chart.ordered
    return Phrase(
        "{health}. {certificates}.",
        health=_describe_health(ordered),
        certificates=_describe_certificates(ordered.certificates),
    )


def _rank_host(host: HostHealth) -> tuple[int, int, int, int, str]:
    """Sort key of a host: by days with trouble, unreached, with trouble at times; a host without a record comes last."""
    counts = Counter(host.states)
    trouble, unknown, passing = (-counts[state] for state in (DayState.TROUBLED, DayState.UNREACHED, DayState.AT_TIMES))
    return trouble, unknown, passing, list(DayState).index(host.state), host.host


def _describe_health(chart: Chart) -> Phrase:
    if not chart.hosts:
        return Phrase("No host")
    groups = ((state, [host for host in chart.hosts if host.state is state]) for state in DayState)
    said = tuple(_describe_state(state, hosts) for state, hosts in groups if hosts)
    hosts = Phrase("{n} host", plural="{n} hosts", n=len(chart.hosts))
    return Phrase(
        "{hosts}, last {days}: {said}", hosts=hosts, days=format_days(_count_recorded_days(chart)), said=Listing(said)
    )


def _count_recorded_days(chart: Chart) -> int:
    """Counts the days with at least one check. A new bot has a record of few days."""
    looked = [day for day in zip(*(host.days for host in chart.hosts), strict=True) if any(day)]
    return len(looked) or len(chart.days)


def _describe_state(state: DayState, hosts: Sequence[HostHealth]) -> Phrase:
    """Describes the hosts whose worst state this is, those with the most such days first."""
    count = len(hosts)
    names = _list_first(
        [
            Phrase("{host} {days}", host=shorten_argument(host.host), days=format_days(host.count_days(state)))
            for host in hosts
        ]
    )
    match state:
        case DayState.TROUBLED:
            return Phrase("{count} unhealthy ({names})", count=count, names=names)
        case DayState.UNREACHED:
            return Phrase("{count} unreachable ({names})", count=count, names=names)
        case DayState.AT_TIMES:
            return Phrase("{count} intermittently unhealthy or unreachable ({names})", count=count, names=names)
        case DayState.WELL:
            return Phrase("{count} healthy", count=count)
        case DayState.NOTHING:
            return Phrase("{count} without data", count=count)


def _describe_certificates(certificates: Sequence[CertificateExpiry]) -> Phrase:
    near = [certificate for certificate in certificates if certificate.urgency is not ExpiryUrgency.LONG]
    if near:
        names = _list_first(
            [Phrase("{name} {days}", name=shorten_argument(each.name), days=describe_days_left(each)) for each in near]
        )
        count, total = len(near), len(certificates)
        return Phrase("Due for renewal: {count} of {total} certificates ({names})", count=count, total=total, names=names)
    if certificates:
        first = certificates[0]
        return Phrase(
            "The certificate of {name} expires first ({days} left)",
            name=shorten_argument(first.name),
            days=describe_days_left(first),
        )
    return Phrase("No certificate")


def describe_days_left(certificate: CertificateExpiry) -> Phrase:
    """Describes the whole days left; less than one day counts as none."""
    return Phrase("expired") if certificate.urgency is ExpiryUrgency.EXPIRED else format_days(int(certificate.days))


def format_days(count: int) -> Phrase:
    """Formats a number of days."""
    return Phrase("{n} day", plural="{n} days", n=count)


def _list_first(items: Sequence[Phrase]) -> Listing:
    """Lists the first few items and the number of further ones."""
    more = len(items) - MAX_NAMED
    return Listing((*items[:MAX_NAMED], Phrase("{n} more", n=more)) if more > 0 else tuple(items))
