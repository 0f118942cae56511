"""Report of `incident show`: the opening, the requests in its channel, and their results. Pure.

entries ─┬─ of a read ──▶ its answer at the time, for a reader who may run the same command
         └─ of a change ▶ its state now
"""

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from adapters.phrase import Phrase
from bot.model.change import STATE_PHRASES, ChangeState
from bot.model.incident import Incident
from bot.reports.incidents import link_channel, suggest_next, summarize
from bot.store.incidents import IncidentEntry
from commands.bot_state.incidents import IncidentOpen
from commands.language.grammar import render_operation
from commands.model.report import Cell, Column, Report, Row, Section
from commands.values.arguments import Target

_COLUMNS = (
    Column(key="at", heading=Phrase("Time")),
    Column(key="actor", heading=Phrase("User")),
    Column(key="words", heading=Phrase("Command")),
    Column(key="answer", heading=Phrase("Result")),
    Column(key="operation", heading=Phrase("ID"), detail=True),
)


_OPERATION = re.compile(r"\bop-[0-9a-f]{12}\b")


@dataclass(frozen=True)
class Timeline:
    """An incident and its newest entries, oldest first; `count` is the number of all entries.

    `states` are the states of changes now, shown instead of their answers. `readable` are the commands whose answers this
    reader may see.
    """

    incident: Incident
    entries: Sequence[IncidentEntry]
    count: int
    states: Mapping[str, ChangeState]
    readable: Set[str]


def compose_timeline(timeline: Timeline, place: str, at: datetime) -> Report:
    """Composes the report for a reader in the channel `place`: the opening, then requests and answers, oldest first."""
    incident, entries = timeline.incident, timeline.entries
    return Report(
        title=Phrase("Incident"),
        summary=summarize(incident, at),
        columns=_COLUMNS,
        rows=(_build_opening(incident, at), *(_build_entry(entry, timeline, at) for entry in entries)),
        sections=_count_left_out(timeline.count - len(entries)),
        taken_at=at,
        channel=link_channel(incident, place),
        next=suggest_next(incident, place)[:-1],
    )


def find_operations(entries: Sequence[IncidentEntry]) -> Set[str]:
    """Finds the ids of all operations to which the entries may refer."""
    return {name for entry in entries for name in _find_operations(entry)}


def _build_opening(incident: Incident, at: datetime) -> Row:
    words = render_operation(IncidentOpen(title=incident.title, target=Target(parts=tuple(incident.target.split(",")))))
    return Row(
        cells=(
            Cell.of_moment(incident.opened_at, at),
            Cell.of(incident.opened_by),
            Cell.of(words),
            Cell.of(Phrase("opened")),
            Cell.of(incident.operation),
        )
    )


def _find_operations(entry: IncidentEntry) -> tuple[str, ...]:
    """Finds the ids of the operations to which an entry may refer: its own, and those in its command."""
    return (entry.operation, *_OPERATION.findall(entry.words))


def _build_entry(entry: IncidentEntry, timeline: Timeline, at: datetime) -> Row:
    states = timeline.states
    now = next((STATE_PHRASES[states[name]] for name in _find_operations(entry) if name in states), entry.answer)
    answer = (
        Cell.of(now)
        if entry.words in timeline.readable
        else Cell(text=Phrase("not visible to you. Run the same command to see why"))
    )
    return Row(
        cells=(
            Cell.of_moment(entry.at, at),
            Cell.of(entry.actor),
            Cell.of(entry.words),
            answer,
            Cell.of(entry.operation),
        )
    )


def _count_left_out(left_out: int) -> tuple[Section, ...]:
    if left_out <= 0:
        return ()
    line = Phrase("{n} older entry in the audit log", plural="{n} older entries in the audit log", n=left_out)
    return (Section(heading=Phrase("Not shown"), lines=(line,)),)
