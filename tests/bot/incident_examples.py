"""Incidents for tests: one that is open, and entries of its timeline."""

from datetime import UTC, datetime, timedelta

from adapters.phrase import Phrase
from bot.model.incident import EntryKind, Incident, TimelineEntry
from commands.model.finding import Severity

OPENED = datetime(2026, 11, 25, 3, 15, tzinfo=UTC)

OPEN = Incident(
    operation="op-1",
    channel="C0OPS",
    title="the gateway answers 502",
    target="host-a,host-b",
    opened_by="ana",
    opened_at=OPENED,
    number=3,
    private=False,
    severity=Severity.CRITICAL,
    lead="ana",
)


def entry(number: int, text: str = "restarted it", kind: EntryKind = EntryKind.NOTE, *hosts: str) -> TimelineEntry:
    """One entry of that incident, a minute after the one before."""
    at = OPENED + timedelta(minutes=number)
    author = "" if kind is EntryKind.ALERT else "ana"
    said = Phrase("{text}", text=text)
    return TimelineEntry(3, f"audit:{number}", kind, at, at, author, said, number, hosts, operation=f"op-{number}")
