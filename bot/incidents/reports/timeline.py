"""Report of `incident show`: the state of an incident, its timeline, and its follow-ups. Pure.

entries ─┬─ the reader may see it ─▶ looks folded, each correction behind its original ─▶ rows, in the order of events
         └─ not ─▶ counted
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from adapters.phrase import Moment, Phrase
from bot.incidents.model import IncidentEntry
from bot.incidents.reports.listing import link_channel, suggest_next, summarize
from bot.incidents.rules.reads import FoldedLooks, fold_looks
from bot.model.change import STATE_PHRASES, ChangeState
from bot.model.incident import EntryKind, FollowUp, Incident, IncidentState, TimelineEntry
from commands.model.finding import GRADE_NAMES, Grade, list_some, relate_moment
from commands.model.report import Cell, Column, Report, Row, Section

_COLUMNS = (
    Column(key="at", heading=Phrase("Time")),
    Column(key="number", heading=Phrase("Number"), plain=True),
    Column(key="actor", heading=Phrase("User"), plain=True),
    Column(key="entry", heading=Phrase("Entry"), plain=True),
    Column(key="kind", heading=Phrase("Kind"), detail=True),
    Column(key="words", heading=Phrase("Command"), detail=True),
    Column(key="recorded_at", heading=Phrase("Recorded"), detail=True),
    Column(key="source", heading=Phrase("Source"), detail=True),
    Column(key="operation", heading=Phrase("ID"), detail=True),
)

MAX_SHOWN_ENTRIES = 1000
"""Newest entries that are shown. The report has all."""

MAX_FOLDED = 3
"""Looks of a folded row that are shown with their results. More are counted."""

_OPERATION = re.compile(r"\bop-[0-9a-f]{12}\b")


@dataclass(frozen=True)
class Timeline:
    """An incident and its newest entries that the reader may see, in the order in which they happened.

    `older` is the number of entries before them, `withheld` that of those which the reader may not see. `answers` are the
    stored answers to looks by operation, `states` those of changes now, shown instead of their answers. `other` is the
    incident into which this one was merged, None if the reader may not see it.
    """

    incident: Incident
    entries: Sequence[TimelineEntry]
    older: int = 0
    withheld: int = 0
    answers: Mapping[str, IncidentEntry] = field(default_factory=dict)
    states: Mapping[str, ChangeState] = field(default_factory=dict)
    other: Incident | None = None


def compose_timeline(timeline: Timeline, place: str, at: datetime) -> Report:
    """Composes the report for a reader in the channel `place`."""
    incident = timeline.incident
    return Report(
        title=Phrase("Incident"),
        summary=summarize(incident, at),
        columns=_COLUMNS,
        rows=tuple(_build_rows(timeline, at)),
        sections=tuple(_build_sections(timeline, at)),
        taken_at=at,
        channel=link_channel(incident, place),
        next=tuple(_suggest(timeline, place)),
    )


def find_operations(entries: Sequence[TimelineEntry]) -> Set[str]:
    """Finds the ids of all operations to which the looks may refer."""
    return {name for entry in entries if entry.kind is EntryKind.LOOK for name in _find_operations(entry)}


def _suggest(timeline: Timeline, place: str) -> Iterator[str]:
    if timeline.other is not None:
        yield f"incident show {timeline.other.number}"
    yield from suggest_next(timeline.incident, place)[:-1]


def _build_rows(timeline: Timeline, at: datetime) -> Iterator[Row]:
    shown = {entry.number for entry in timeline.entries}
    corrections: dict[int, list[TimelineEntry]] = {}
    originals: list[TimelineEntry] = []
    for entry in timeline.entries:
        if entry.kind is EntryKind.CORRECTION and entry.about in shown:
            corrections.setdefault(entry.about, []).append(entry)
        else:
            originals.append(entry)
    for item in fold_looks(originals):
        if isinstance(item, FoldedLooks):
            yield _build_folded_row(item, timeline, at)
        elif item.kind is EntryKind.LOOK:
            yield _build_row(item, _describe_look(item, timeline), at)
        else:
            yield from _build_entry_rows(item, corrections, at)


def _build_entry_rows(
    entry: TimelineEntry, corrections: Mapping[int, Sequence[TimelineEntry]], at: datetime
) -> Iterator[Row]:
    """Builds the row of an entry, and behind it those of its corrections, also of corrected ones."""
    yield _build_row(entry, _describe_entry(entry), at)
    for correction in corrections.get(entry.number, ()):
        yield from _build_entry_rows(correction, corrections, at)


def _describe_entry(entry: TimelineEntry) -> Phrase:
    """Describes an entry. What a person typed is named by its kind, unless it is a note."""
    match entry.kind:
        case EntryKind.CORRECTION:
            return Phrase("correction of {number}: {text}", number=str(entry.about), text=entry.text)
        case EntryKind.UPDATE:
            return Phrase("update: {text}", text=entry.text)
        case EntryKind.FOLLOWUP if not entry.about:
            return Phrase("follow-up: {text}", text=entry.text)
        case EntryKind.CHANGE:
            return Phrase("{words}: {text}", words=entry.words, text=entry.text)
        case _ if entry.link:
            return Phrase("{text} ({link})", text=entry.text, link=entry.link)
    return entry.text


def _build_row(entry: TimelineEntry, text: Phrase, at: datetime) -> Row:
    return Row(
        cells=(
            Cell.of_moment(entry.happened_at, at),
            Cell(text=str(entry.number), value=entry.number),
            Cell.of(entry.author or Phrase("bot")),
            Cell.of(text),
            Cell.of(entry.kind.value),
            Cell.of(entry.words),
            Cell.of_moment(entry.recorded_at, at),
            Cell.of(entry.source),
            Cell.of(entry.operation),
        )
    )


def _build_folded_row(folded: FoldedLooks, timeline: Timeline, at: datetime) -> Row:
    """Builds the row of several looks of one person, with the results of the first ones."""
    first, last = folded.entries[0], folded.entries[-1]
    said = list_some([_describe_look(entry, timeline) for entry in folded.entries], MAX_FOLDED)
    row = _build_row(first, said, at)
    numbers = Cell(text=f"{first.number}–{last.number}", value=first.number)
    words = Cell.of(" · ".join(folded.words))
    return row.model_copy(update={"cells": (row.cells[0], numbers, *row.cells[2:5], words, *row.cells[6:])})


def _describe_look(entry: TimelineEntry, timeline: Timeline) -> Phrase:
    """Describes a look by its command, and its result at the time, or the state of its change now."""
    states, stored = timeline.states, timeline.answers.get(entry.operation)
    now = next((STATE_PHRASES[states[name]] for name in _find_operations(entry) if name in states), None)
    answer = now or (entry.text if stored is None else stored.answer)
    return Phrase("{words}: {answer}", words=entry.words, answer=answer)


def _find_operations(entry: TimelineEntry) -> tuple[str, ...]:
    """Finds the ids of the operations to which a look may refer: its own, and those in its command."""
    return (entry.operation, *_OPERATION.findall(entry.words))


def _build_sections(timeline: Timeline, at: datetime) -> Iterator[Section]:
    if facts := tuple(_list_facts(timeline, at)):
        yield Section(heading=Phrase("State"), lines=facts)
    if timeline.incident.followups:
        lines = tuple(_describe_followup(each) for each in timeline.incident.followups)
        yield Section(heading=Phrase("Follow-ups"), lines=lines)
    if not_shown := tuple(_count_left_out(timeline)):
        yield Section(heading=Phrase("Not shown"), lines=not_shown)


def _list_facts(timeline: Timeline, at: datetime) -> Iterator[Phrase]:
    incident = timeline.incident
    if incident.severity is not None:
        yield Phrase("severity: {severity}", severity=GRADE_NAMES[Grade.of(incident.severity)])
    if incident.lead:
        yield Phrase("lead: {person}", person=incident.lead)
    if incident.began_at is not None:
        yield Phrase("began at {at}", at=relate_moment(incident.began_at, at))
    if incident.mitigated_at is not None:
        yield Phrase("mitigated at {at}", at=relate_moment(incident.mitigated_at, at))
    if incident.open and incident.next_update_at is not None:
        yield Phrase("next update due at {at}", at=Moment(incident.next_update_at))
    if incident.state is IncidentState.DUPLICATE and timeline.other is not None:
        yield Phrase(
            "duplicate of incident {number}, {title}", number=str(timeline.other.number), title=timeline.other.title
        )


def _describe_followup(followup: FollowUp) -> Phrase:
    number, text = str(followup.number), followup.text
    if followup.done_at is not None:
        return Phrase("{number}. {text}: done by {person}", number=number, text=text, person=followup.done_by)
    match followup.who, followup.due:
        case "", None:
            return Phrase("{number}. {text}", number=number, text=text)
        case who, None:
            return Phrase("{number}. {text} ({person})", number=number, text=text, person=who)
        case "", due:
            return Phrase("{number}. {text} (by {day})", number=number, text=text, day=str(due))
        case who, due:
            return Phrase("{number}. {text} ({person}, by {day})", number=number, text=text, person=who, day=str(due))


def _count_left_out(timeline: Timeline) -> Iterator[Phrase]:
    if timeline.older > 0:
        n = timeline.older
        yield Phrase("{n} older entry, which the report has", plural="{n} older entries, which the report has", n=n)
    if timeline.withheld > 0:
        n = timeline.withheld
        yield Phrase("{n} entry that you may not see", plural="{n} entries that you may not see", n=n)
