"""Report of `incident report`: what happened in an incident, when, and how that is known. Pure.

IncidentReport ─┬─ compose_message ─▶ its facts in sections, with the picture ─▶ a message
                ├─ compose_document ─▶ the same, with the whole timeline as a table ─▶ a Markdown file
                └─ bot.incidents.reports.document ─▶ a JSON file
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from adapters.phrase import Moment, Phrase, Span
from bot.incidents.model import EvidenceFile, IncidentReport, MilestoneTime, ReportedChange, ReportSources
from bot.incidents.reports.document import build_document
from bot.incidents.rules.reads import FoldedLooks, fold_looks
from bot.model.change import APPROVAL_PHRASES, STATE_PHRASES, ChangeState
from bot.model.incident import EntryKind, FollowUp, Incident, IncidentState, TimelineEntry
from commands.model.finding import GRADE_NAMES, Grade, list_some
from commands.model.lanes import MILESTONE_PHRASES
from commands.model.report import Cell, Column, FileFormat, Report, ReportFile, Row, Section
from commands.values.units import format_size

NOT_KNOWN = Phrase("not known")

MAX_LISTED = 50
"""Maximum changes or files in a message; the files of the report have all."""

STATE_NAMES = {
    IncidentState.OPEN: Phrase("open", context="incident"),
    IncidentState.MITIGATED: Phrase("mitigated", context="incident"),
    IncidentState.RESOLVED: Phrase("resolved", context="incident"),
    IncidentState.DUPLICATE: Phrase("merged into another one", context="incident"),
}

KIND_NAMES = {
    EntryKind.OPENED: Phrase("opened", context="incident"),
    EntryKind.SNAPSHOT: Phrase("first check", context="incident"),
    EntryKind.NOTE: Phrase("note", context="incident"),
    EntryKind.UPDATE: Phrase("update", context="incident"),
    EntryKind.POSTPONEMENT: Phrase("postponement", context="incident"),
    EntryKind.STATE: Phrase("state", context="incident"),
    EntryKind.SEVERITY: Phrase("severity", context="incident"),
    EntryKind.LEAD: Phrase("lead", context="incident"),
    EntryKind.INVITATION: Phrase("invitation", context="incident"),
    EntryKind.SCOPE: Phrase("scope", context="incident"),
    EntryKind.CORRECTION: Phrase("correction", context="incident"),
    EntryKind.FOLLOWUP: Phrase("follow-up", context="incident"),
    EntryKind.CALL: Phrase("call", context="incident"),
    EntryKind.ALERT: Phrase("alert", context="incident"),
    EntryKind.CHANGE: Phrase("change", context="incident"),
    EntryKind.LOOK: Phrase("check", context="incident"),
    EntryKind.GAP: Phrase("gap", context="incident"),
}

_COLUMNS = (
    Column(key="at", heading=Phrase("Time")),
    Column(key="number", heading=Phrase("Entry")),
    Column(key="kind", heading=Phrase("Kind")),
    Column(key="author", heading=Phrase("User")),
    Column(key="text", heading=Phrase("What")),
    Column(key="words", heading=Phrase("Command")),
    Column(key="source", heading=Phrase("Source")),
)


def compose_message(report: IncidentReport) -> Report:
    """Composes the report as a message, with its files: Markdown, then JSON."""
    sources, name = report.sources, f"incident-{report.sources.incident.number}"
    return Report(
        title=_make_title(sources.incident),
        summary=summarize(sources),
        sections=_build_sections(report, MAX_LISTED),
        taken_at=sources.at,
        chart=report.chart,
        document=build_document(report),
        files=(
            ReportFile(name=f"{name}.md", form=FileFormat.MARKDOWN, of=compose_document(report)),
            ReportFile(name=f"{name}.json", form=FileFormat.JSON),
        ),
    )


def compose_document(report: IncidentReport) -> Report:
    """Composes the whole report, with a row for each entry of the timeline in the order of time.

    The checks that one person made one after the other share a row; the JSON has each of them.
    """
    sources = report.sources
    corrections = _group_corrections(sources.entries)
    return Report(
        title=_make_title(sources.incident),
        summary=summarize(sources),
        sections=_build_sections(report, len(sources.entries) + len(sources.evidence)),
        columns=_COLUMNS,
        rows=tuple(
            _build_folded_row(entry)
            if isinstance(entry, FoldedLooks)
            else _build_row(entry, corrections.get(entry.number, ()))
            for entry in fold_looks(sources.entries)
        ),
        taken_at=sources.at,
        chart=report.chart,
    )


def summarize(sources: ReportSources) -> Phrase:
    """Summarizes the incident: its title, its hosts, and how it stands."""
    incident = sources.incident
    if incident.resolved_at is None:
        return Phrase(
            "{title} ({target}): {state} since {at}",
            title=incident.title,
            target=incident.target,
            state=STATE_NAMES[incident.state],
            at=Moment(incident.mitigated_at or incident.opened_at),
        )
    return Phrase(
        "{title} ({target}): resolved at {at} by {person}",
        title=incident.title,
        target=incident.target,
        at=Moment(incident.resolved_at),
        person=incident.resolved_by,
    )


def describe_source(source: str) -> Phrase | str:
    """Describes a source for people: an audit event, an alert, or an operation by its id."""
    kind, _, rest = source.partition(":")
    match kind:
        case "audit":
            return Phrase("audit event {sequence}", sequence=rest)
        case "alert":
            return Phrase("alert {number}", number=rest.partition("/")[0])
    return rest or source


def _make_title(incident: Incident) -> Phrase:
    return Phrase("Report of incident {number}", number=str(incident.number))


def _build_sections(report: IncidentReport, most: int) -> tuple[Section, ...]:
    sources = report.sources
    found = (
        (Phrase("Milestones"), [*map(_describe_milestone, report.milestones)]),
        (Phrase("Durations"), [*_describe_durations(report)]),
        (Phrase("Cause"), [_describe_cause(sources.incident)]),
        (Phrase("People"), [*_describe_people(sources.incident)]),
        (Phrase("Changes"), _cut([*map(_describe_change, sources.changes)], most)),
        (Phrase("Evidence"), _cut([*_describe_evidence(sources)], most)),
        (Phrase("Follow-ups"), [*map(_describe_followup, sources.incident.followups)] or [Phrase("none")]),
        (Phrase("Not included"), [*_describe_left_out(sources)]),
        (Phrase("Proof"), [*_describe_proof(sources)]),
    )
    return tuple(Section(heading=heading, lines=tuple(lines)) for heading, lines in found if lines)


def _cut(lines: list[Phrase], most: int) -> list[Phrase]:
    return lines if len(lines) <= most else [*lines[:most], Phrase("and {n} more", n=len(lines) - most)]


def _describe_milestone(each: MilestoneTime) -> Phrase:
    name = MILESTONE_PHRASES[each.milestone]
    if each.at is None:
        return Phrase("{milestone}: {time}", milestone=name, time=NOT_KNOWN)
    return Phrase(
        "{milestone}: {time} ({source})", milestone=name, time=Moment(each.at), source=describe_source(each.source)
    )


def _describe_durations(report: IncidentReport) -> Iterator[Phrase]:
    for each in report.durations:
        since, until = MILESTONE_PHRASES[each.since], MILESTONE_PHRASES[each.until]
        yield Phrase("{since} to {until}: {time}", since=since, until=until, time=Span(each.seconds))


def _describe_cause(incident: Incident) -> Phrase:
    if not incident.was:
        return NOT_KNOWN
    return Phrase("{cause} (as {person} wrote it)", cause=incident.was, person=incident.resolved_by)


def _describe_people(incident: Incident) -> Iterator[Phrase]:
    yield Phrase("opened by {person}", person=incident.opened_by)
    yield Phrase("lead: {person}", person=incident.lead or NOT_KNOWN)
    severity = NOT_KNOWN if incident.severity is None else GRADE_NAMES[Grade.of(incident.severity)]
    yield Phrase("severity: {severity}", severity=severity)


def _describe_change(change: ReportedChange) -> Phrase:
    told: Phrase = Phrase(
        "{words} ({operation}), requested by {person}: {outcome}",
        words=change.words,
        operation=change.operation,
        person=change.requester or NOT_KNOWN,
        outcome=_describe_outcome(change),
    )
    if change.digest:
        told = Phrase(
            "{told}. Plan {digest}, audit event {sequence}", told=told, digest=change.digest, sequence=str(change.plan)
        )
    else:
        told = Phrase("{told}. Its plan is not in the audit log", told=told)
    if change.break_glass:
        told = Phrase("{told}. Break-glass", told=told)
    return Phrase("{told}. Owed to {hosts}", told=told, hosts=list_some(change.owed)) if change.owed else told


def _describe_outcome(change: ReportedChange) -> Phrase:
    if change.state is None:
        return Phrase("no end recorded")
    if change.state is ChangeState.CLOSED and change.approval in APPROVAL_PHRASES:
        outcome = APPROVAL_PHRASES[change.approval]
    else:
        outcome = STATE_PHRASES[change.state]
    return outcome if change.ended_at is None else Phrase("{state} at {at}", state=outcome, at=Moment(change.ended_at))


def _describe_evidence(sources: ReportSources) -> Iterator[Phrase]:
    yield from map(_describe_file, sources.evidence)
    for entry in sources.unrecorded:
        yield Phrase(
            "{words} by {person} at {at}: no hash of a delivered file is recorded",
            words=entry.words,
            person=entry.author,
            at=Moment(entry.happened_at),
        )


def _describe_file(file: EvidenceFile) -> Phrase:
    return Phrase(
        "{file}, {size}, SHA-256 {sha256} ({words} by {person} at {at}, audit event {sequence})",
        file=file.name,
        size=format_size(file.size),
        sha256=file.sha256,
        words=file.words,
        person=file.person,
        at=Moment(file.at),
        sequence=str(file.sequence),
    )


def _describe_followup(followup: FollowUp) -> Phrase:
    told = Phrase("{number}. {text}", number=str(followup.number), text=followup.text)
    if followup.who:
        told = Phrase("{told}, {person}", told=told, person=followup.who)
    if followup.due is not None:
        told = Phrase("{told}, due {day}", told=told, day=f"{followup.due:%Y-%m-%d}")
    if followup.done_at is None:
        return told
    return Phrase("{told}: done by {person} at {at}", told=told, person=followup.done_by, at=Moment(followup.done_at))


def _describe_left_out(sources: ReportSources) -> Iterator[Phrase]:
    if sources.withheld:
        yield Phrase(
            "{n} entry that not every reader here may see",
            plural="{n} entries that not every reader here may see",
            n=sources.withheld,
        )
    if sources.expired:
        yield Phrase(
            "{n} alert or plan that is no longer stored",
            plural="{n} alerts or plans that are no longer stored",
            n=sources.expired,
        )


def _describe_proof(sources: ReportSources) -> Iterator[Phrase]:
    proof = sources.proof
    if proof.first:
        span = {"first": str(proof.first), "last": str(proof.last)}
        match proof.verified:
            case True:
                yield Phrase("audit events {first} to {last}: verified, as they were written", **span)
            case False:
                yield Phrase("audit events {first} to {last}: NOT proven. {why}", why=proof.phrase, **span)
            case None:
                yield Phrase("audit events {first} to {last}: not checked. {why}", why=proof.phrase, **span)
    else:
        yield Phrase("the timeline names no audit event")
    if proof.differing:
        yield Phrase(
            "entries that their sources do not prove: {entries}",
            entries=list_some([str(each) for each in proof.differing], 20),
        )


def _group_corrections(entries: Sequence[TimelineEntry]) -> Mapping[int, Sequence[TimelineEntry]]:
    found: dict[int, list[TimelineEntry]] = defaultdict(list)
    for entry in entries:
        if entry.kind is EntryKind.CORRECTION:
            found[entry.about].append(entry)
    return found


def _build_row(entry: TimelineEntry, corrections: Sequence[TimelineEntry]) -> Row:
    text = entry.text
    for each in corrections:
        text = Phrase(
            "{text} [corrected by {person}, entry {entry}: {correction}]",
            text=text,
            person=each.author,
            entry=str(each.number),
            correction=each.text,
        )
    return Row(
        cells=(
            _build_time_cell(entry.happened_at),
            Cell(text=str(entry.number), value=entry.number),
            Cell(text=KIND_NAMES.get(entry.kind, str(entry.kind)), value=entry.kind),
            Cell.of(entry.author),
            Cell.of(text),
            Cell.of(entry.words),
            Cell(text=describe_source(entry.source), value=entry.source),
        )
    )


def _build_folded_row(folded: FoldedLooks) -> Row:
    numbers = [str(entry.number) for entry in folded.entries]
    sources = [describe_source(entry.source) for entry in folded.entries]
    return Row(
        cells=(
            _build_time_cell(folded.began_at),
            Cell.of(list_some(numbers)),
            Cell(text=KIND_NAMES[EntryKind.LOOK], value=EntryKind.LOOK),
            Cell.of(folded.author),
            Cell.of(
                Phrase(
                    "{n} checks of {hosts}, until {at}",
                    n=len(folded.entries),
                    hosts=list_some(folded.hosts),
                    at=Moment(folded.ended_at),
                )
            ),
            Cell.of(list_some(folded.words)),
            Cell.of(list_some(sources)),
        )
    )


def _build_time_cell(at: datetime) -> Cell:
    return Cell(text=Phrase("{at}", at=Moment(at)), value=at.isoformat())
