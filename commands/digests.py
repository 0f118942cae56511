"""Operations for the weekly and monthly report and the digest, as data only. `bot.digests.handlers` handles them."""

import re
from typing import Annotated, ClassVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.certificates.operations import CertList
from commands.health.disk_operation import DiskUsage
from commands.health.operation import Health
from commands.health.update_operation import UpdateList
from commands.model.operation import OwnOperation
from commands.values.arguments import BadArgument, Option, shorten_argument

_MONTH_PATTERN = re.compile(r"(20\d\d)[-/年](0[1-9]|1[0-2]|[1-9])月?")


def parse_month(typed: str) -> str:
    """Parses a month of this century, typed as `2026-01`. Raises `BadArgument`."""
    read = _MONTH_PATTERN.fullmatch(typed.strip())
    if read is None:
        phrase = Phrase("{part} is not a month. Use the format {example}", part=shorten_argument(typed), example="2026-01")
        raise BadArgument(phrase, part=typed)
    return f"{read[1]}-{int(read[2]):02}"


class WeeklyReport(OwnOperation):
    """Make the operators' weekly report."""

    words: ClassVar = ("report", "weekly")
    summary: ClassVar = Phrase("weekly report: disk space, log rotation, certificate expiry")
    example: ClassVar = "report weekly"
    label: ClassVar = Phrase("show the weekly report")
    includes: ClassVar = (Health, DiskUsage, CertList)

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns all hosts: the report covers every host."""
        return inventory.hosts


class MonthlyReport(OwnOperation):
    """Make the monthly report in numbers, also as files."""

    words: ClassVar = ("report", "monthly")
    summary: ClassVar = Phrase(
        "monthly report (also as Markdown and CSV): availability and health of hosts, traffic, alerts, changes, approvals, "
        "updates"
    )
    example: ClassVar = "report monthly --month 2026-01"
    label: ClassVar = Phrase("show the monthly report")
    includes: ClassVar = (Health, UpdateList)

    month: Annotated[
        str,
        Option("month", Phrase("month, such as 2026-01 (default: the last full month)"), parse_month, str),
    ] = ""

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns all hosts: the report covers every host."""
        return inventory.hosts


class Digest(OwnOperation):
    """Make the digest: changes since the last scheduled one, findings, and requests that wait."""

    words: ClassVar = ("digest",)
    summary: ClassVar = Phrase("changes since the last scheduled digest, current problems and pending requests")
    example: ClassVar = "digest"
    label: ClassVar = Phrase("show the digest")
    includes: ClassVar = (Health, CertList)

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns all hosts: the report covers every host."""
        return inventory.hosts
