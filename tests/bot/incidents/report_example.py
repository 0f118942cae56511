"""A night with an expired certificate, as the sources of a report: what docs/incident-report.example.md shows."""

from datetime import UTC, date, datetime, timedelta

from adapters.phrase import Phrase
from bot.incidents.model import (
    Acknowledgment,
    AuditProof,
    EvidenceFile,
    IncidentReport,
    ReportedAlert,
    ReportedChange,
    ReportSources,
)
from bot.incidents.rules.milestones import make_report
from bot.model.change import ChangeState
from bot.model.incident import EntryKind, FollowUp, Incident, IncidentState, TimelineEntry
from commands.model.finding import Severity

OPENED = datetime(2026, 11, 28, 2, 5, tzinfo=UTC)
DIGEST = "5d0d8c1f0a1f4e7c9be3f2a1c77d4f3e6a5b9c8d7e6f5a4b3c2d1e0f9a8b7c6d"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
RENEWAL, COLLECTION = "op-1f2e3d4c5b6a", "op-0a1b2c3d4e5f"


def at(minutes: float) -> datetime:
    return OPENED + timedelta(minutes=minutes)


def entry(number: int, minutes: float, kind: EntryKind, text: str, **values: object) -> TimelineEntry:
    """An entry whose source is an audit event, unless it is given."""
    given = {"source": f"audit:{400 + number}", "author": "alice", "recorded_at": at(minutes), **values}
    return TimelineEntry(1 + 2, kind=kind, happened_at=at(minutes), text=Phrase("{text}", text=text), number=number, **given)  # type: ignore[arg-type]


INCIDENT = Incident(
    operation="op-a0a0a0a0a0a0",
    channel="C0INCIDENT",
    title="the gateway of host-a answers 502",
    target="host-a,host-b",
    opened_by="alice",
    opened_at=at(0),
    resolution="op-b1b1b1b1b1b1",
    resolved_by="bob",
    resolved_at=at(70),
    was="the certificate of host-a had expired",
    number=3,
    private=False,
    state=IncidentState.RESOLVED,
    version=9,
    severity=Severity.HIGH,
    lead="alice",
    began_at=at(-12),
    mitigated_at=at(41),
    followups=(
        FollowUp(1, "renew certificates a month earlier", "bob", date(2026, 12, 4)),
        FollowUp(2, "add a second gateway", done_by="alice", done_at=at(65)),
    ),
)

ENTRIES = (
    entry(
        4,
        -10,
        EntryKind.ALERT,
        "#12 host-a: Nebula is down: fired, critical",
        source="alert:12/1",
        author="",
        hosts=("host-a",),
    ),
    entry(1, 0, EntryKind.OPENED, "opened: the gateway of host-a answers 502 (host-a,host-b)"),
    entry(5, 3, EntryKind.ALERT, "#12 host-a: Nebula is down: acknowledged", source="alert:12/2", hosts=("host-a",)),
    entry(6, 6, EntryKind.LOOK, "looked at host-a", words="log collect host-a", operation=COLLECTION, hosts=("host-a",)),
    entry(7, 9, EntryKind.NOTE, "Nebula says: certificate has expired"),
    entry(
        8, 12, EntryKind.ALERT, "#13 host-b: not responding: fired, high", source="alert:13/1", author="", hosts=("host-b",)
    ),
    entry(
        9, 20, EntryKind.CHANGE, "requested, plan 5d0d8c1f", words="cert renew host-a", operation=RENEWAL, hosts=("host-a",)
    ),
    entry(10, 24, EntryKind.UPDATE, "we renew the certificate, about 20 minutes"),
    entry(11, 31, EntryKind.CHANGE, "started", words="cert renew host-a", operation=RENEWAL, hosts=("host-a",), author=""),
    entry(12, 34, EntryKind.CHANGE, "done", words="cert renew host-a", operation=RENEWAL, hosts=("host-a",), author=""),
    entry(
        13, 36, EntryKind.ALERT, "#12 host-a: Nebula is down: resolved", source="alert:12/3", author="", hosts=("host-a",)
    ),
    entry(
        14, 39, EntryKind.ALERT, "#13 host-b: not responding: resolved", source="alert:13/2", author="", hosts=("host-b",)
    ),
    entry(15, 41, EntryKind.STATE, "mitigated"),
    entry(16, 52, EntryKind.CORRECTION, "it said so at 02:12, not at 02:14", about=7),
    entry(
        17, 70, EntryKind.STATE, "resolved: the certificate of host-a had expired", author="bob", operation="op-b1b1b1b1b1b1"
    ),
)

SOURCES = ReportSources(
    incident=INCIDENT,
    entries=ENTRIES,
    hosts=("host-a", "host-b", "lighthouse"),
    alerts=(
        ReportedAlert(12, "host-a", False, at(-10), at(36), (Acknowledgment(at(3), "alice", 2),)),
        ReportedAlert(13, "host-b", True, at(12), at(39)),
    ),
    changes=(
        ReportedChange(
            RENEWAL, "cert renew host-a", ("host-a",), "alice", at(20), 409, DIGEST, ChangeState.DONE, None, at(34)
        ),
    ),
    evidence=(
        EvidenceFile(COLLECTION, "log collect host-a", "alice", at(6), "evidence-20261128-021100.zip", 48_213, SHA256, 407),
    ),
    unrecorded=(),
    downtimes=((at(55), at(58)),),
    proof=AuditProof(401, 417, True, Phrase("{n} audit event verified", plural="{n} audit events verified", n=1_204)),
    withheld=2,
    expired=0,
    at=at(70.5),
)


def make_example() -> IncidentReport:
    """The report of that night."""
    return make_report(SOURCES)
