"""Certificates that expire first, in the digest and the weekly report. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from adapters.phrase import Phrase
from commands.certificates.rotation.column import is_replaced
from commands.certificates.table import format_days_left
from commands.model.chart import CertificateExpiry
from commands.model.finding import list_some
from commands.model.report import Mark, Report, Section
from commands.values.arguments import shorten_argument

MAX_CERTIFICATES = 5
"""Maximum number of listed certificates."""


def list_time_left(certificates: Report, at: datetime) -> tuple[CertificateExpiry, ...]:
    """Lists the remaining time of each certificate whose expiry is known, soonest first.

    A CA that is being replaced is left out: the alert on its change says when its end matters.
    """
    keys = [column.key for column in certificates.columns]
    cells = [dict(zip(keys, row.cells, strict=True)) for row in certificates.rows]
    known = (
        CertificateExpiry(
            name=shorten_argument(str(each["host"].value)),
            authority=each["kind"].value == "ca",
            days=(datetime.fromisoformat(ends) - at) / timedelta(days=1),
        )
        for each in cells
        if each["ends_at"].mark is Mark.PLAIN and isinstance(ends := each["ends_at"].value, str) and not is_replaced(each)
    )
    return tuple(sorted(known, key=lambda each: (each.days, each.name)))


def build_expiry_section(certificates: Report, at: datetime) -> Section:
    """Builds the section of the certificates that expire first, and of the hosts whose certificates are unknown."""
    return Section(heading=Phrase("Next certificates to expire"), lines=tuple(_describe_soonest(certificates, at)))


def _describe_soonest(certificates: Report, at: datetime) -> Iterator[Phrase]:
    for each in list_time_left(certificates, at)[:MAX_CERTIFICATES]:
        name = Phrase("CA {name}", name=each.name) if each.authority else each.name
        yield Phrase("{name}: {left}", name=name, left=format_days_left(timedelta(days=each.days)))
    if certificates.unreached_hosts:
        yield Phrase("unknown: {hosts}", hosts=list_some(certificates.unreached_hosts))
