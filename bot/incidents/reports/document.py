"""The report of an incident as JSON, for programs. `docs/incident-report.md` documents it. Pure.

Every key is always present. Times are ISO 8601 in UTC, durations are seconds. `text` is English, everything else is the
same in every language. What is not known is null. `schema` changes when a key is removed or means something else.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.incidents.model import AuditProof, EvidenceFile, IncidentReport, ReportedChange
from bot.model.incident import Incident, TimelineEntry

SCHEMA = "flatnet-incident-report/1"
"""Name and version of the schema."""


def build_document(report: IncidentReport) -> dict[str, Any]:
    """Builds the JSON of a report."""
    sources = report.sources
    return {
        "schema": SCHEMA,
        "made_at": _format_time(sources.at),
        "incident": _build_incident(sources.incident),
        "milestones": {
            each.milestone.value: {"at": _format_time(each.at), "source": each.source or None} for each in report.milestones
        },
        "durations": [
            {"since": each.since.value, "until": each.until.value, "seconds": each.seconds} for each in report.durations
        ],
        "changes": [_build_change(change) for change in sources.changes],
        "evidence": [_build_file(file) for file in sources.evidence],
        "evidence_without_hash": [entry.number for entry in sources.unrecorded],
        "timeline": [_build_entry(entry) for entry in sources.entries],
        "lanes": report.chart.model_dump(mode="json"),
        "withheld": sources.withheld,
        "expired": sources.expired,
        "proof": _build_proof(sources.proof),
    }


def _build_incident(incident: Incident) -> Mapping[str, Any]:
    return {
        "number": incident.number,
        "title": incident.title,
        "target": incident.target,
        "state": incident.state.value,
        "severity": incident.severity and incident.severity.value,
        "lead": incident.lead or None,
        "opened_by": incident.opened_by,
        "resolved_by": incident.resolved_by or None,
        "cause": incident.was or None,
        "followups": [
            {
                "number": each.number,
                "text": each.text,
                "who": each.who or None,
                "due": each.due and each.due.isoformat(),
                "done_by": each.done_by or None,
                "done_at": _format_time(each.done_at),
            }
            for each in incident.followups
        ],
    }


def _build_change(change: ReportedChange) -> Mapping[str, Any]:
    return {
        "operation": change.operation,
        "words": change.words,
        "hosts": list(change.hosts),
        "requester": change.requester or None,
        "asked_at": _format_time(change.asked_at),
        "plan": change.plan or None,
        "digest": change.digest or None,
        "state": change.state and change.state.value,
        "approval": change.approval and change.approval.value,
        "ended_at": _format_time(change.ended_at),
        "owed": list(change.owed),
        "break_glass": change.break_glass,
    }


def _build_file(file: EvidenceFile) -> Mapping[str, Any]:
    return {
        "name": file.name,
        "bytes": file.size,
        "sha256": file.sha256,
        "operation": file.operation,
        "words": file.words,
        "person": file.person,
        "at": _format_time(file.at),
        "audit": file.sequence,
    }


def _build_entry(entry: TimelineEntry) -> Mapping[str, Any]:
    return {
        "number": entry.number,
        "kind": entry.kind.value,
        "happened_at": _format_time(entry.happened_at),
        "recorded_at": _format_time(entry.recorded_at),
        "author": entry.author or None,
        "text": str(entry.text),
        "words": entry.words or None,
        "operation": entry.operation or None,
        "hosts": list(entry.hosts),
        "about": entry.about or None,
        "link": entry.link or None,
        "source": entry.source,
    }


def _build_proof(proof: AuditProof) -> Mapping[str, Any]:
    return {
        "first": proof.first or None,
        "last": proof.last or None,
        "verified": proof.verified,
        "text": str(proof.phrase),
        "differing": list(proof.differing),
    }


def _format_time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()
