"""A fleet whose certificates end, as the report of `cert` tells of it, without any host."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from adapters.phrase import Phrase
from commands.model.report import Cell, Column, Mark, Report, Row

NOW = datetime(2026, 1, 30, 0, 0, tzinfo=UTC)
"""Nine in the morning in Tokyo."""

KEYS = ("host", "issuer", "whole_fingerprint", "ends_at", "begins_at", "trusted", "kind")


@dataclass(frozen=True)
class Held:
    """What one host, or one CA, shows; `host` is "" for a CA."""

    name: str
    ends_at: datetime
    host: str = ""
    serial: int = 1
    begins_at: datetime = NOW - timedelta(days=300)
    trusted: str = "Flatnet CA"

    @property
    def fingerprint(self) -> str:
        return sha256(f"{self.name} {self.host} {self.serial}".encode()).hexdigest()

    def renewed(self, ends_at: datetime) -> "Held":
        return replace(self, ends_at=ends_at, serial=self.serial + 1)

    @property
    def row(self) -> Row:
        values = (
            self.name,
            self.trusted,
            self.fingerprint,
            self.ends_at.isoformat(),
            self.begins_at.isoformat(),
            self.trusted if self.host else None,
            "host" if self.host else "ca",
        )
        return Row(host=self.host, cells=tuple(Cell(text="", value=value) for value in values))


def host(name: str = "host-a", days: float = 200, **given: object) -> Held:
    """A host's certificate that ends so many days after `NOW`."""
    return replace(Held(name, NOW + timedelta(days=days), name), **given)  # type: ignore[arg-type]


def ca(name: str = "Flatnet CA", days: float = 400) -> Held:
    """A CA that ends so many days after `NOW`."""
    return Held(name, NOW + timedelta(days=days))


def unread(name: str, mark: Mark = Mark.UNKNOWN) -> Row:
    """A host of which nothing is known; with another mark one that has no certificate."""
    nothing = Cell(text="", value="unreachable" if mark is Mark.UNKNOWN else None, mark=mark)
    kind = Cell(text="host", value="host")
    return Row(host=name, cells=(Cell(text=name, value=name), *[nothing] * (len(KEYS) - 2), kind))


def report(*held: Held | Row) -> Report:
    """What `cert` says of these."""
    columns = tuple(Column(key=key, heading=Phrase("Host")) for key in KEYS)
    return Report(title=Phrase("Certificates"), summary=Phrase("Certificates"), columns=columns, rows=tuple(_rows(held)))


def _rows(held: Sequence[Held | Row]) -> list[Row]:
    return [each if isinstance(each, Row) else each.row for each in held]
