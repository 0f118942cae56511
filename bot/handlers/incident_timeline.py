"""The story of an incident as `incident show` tells it: who opened it, what was asked there, and how that stands.

entries ─┬─ of a look ──▶ its answer as it was, to whoever may ask for the same
         └─ of a change ▶ how it stands now
"""

import re
from collections.abc import Mapping, Set
from typing import TYPE_CHECKING

from adapters.phrase import Phrase
from bot.handlers.incidents import elsewhere, in_short, next_words
from bot.incidents.service import Entry, Incident
from bot.model.change import State
from bot.reports.listings import STATES
from commands.bot_state.incidents import IncidentOpen, IncidentShow
from commands.language.grammar import canonical
from commands.model.report import Cell, Column, Report, Row, Section
from commands.values.arguments import Target

if TYPE_CHECKING:
    from bot.handlers.context import Asked

_ENTRIES = (
    Column(key="at", heading=Phrase("When")),
    Column(key="actor", heading=Phrase("Who")),
    Column(key="words", heading=Phrase("Request")),
    Column(key="answer", heading=Phrase("Answer")),
    Column(key="operation", heading=Phrase("Id"), detail=True),
)


_OPERATION = re.compile(r"\bop-[0-9a-f]{12}\b")


async def shown(operation: IncidentShow, asked: "Asked") -> Report:
    """Who opened it, then what was asked and answered, oldest first; an answer only to whoever may ask for it here."""
    incident = await asked.incidents.find(operation.number, asked.by.channel)
    entries, count = await asked.incidents.entries(incident.number)
    stand = await asked.changes.states({name for entry in entries for name in _about(entry)})
    seen = {words for words in {entry.words for entry in entries} if asked.may_see(words)}
    return Report(
        title=Phrase("Incident"),
        summary=in_short(incident),
        columns=_ENTRIES,
        rows=(_opening(incident), *(_entry(entry, seen, stand) for entry in entries)),
        sections=_more(count - len(entries)),
        taken_at=asked.now(),
        channel=elsewhere(incident, asked.by.channel),
        next=next_words(incident, asked.by.channel)[:-1],
    )


def _opening(incident: Incident) -> Row:
    words = canonical(IncidentOpen(title=incident.title, target=Target(parts=tuple(incident.target.split(",")))))
    return Row(
        cells=(
            Cell.moment(incident.opened_at),
            Cell.of(incident.opened_by),
            Cell.of(words),
            Cell.of(Phrase("opened")),
            Cell.of(incident.operation),
        )
    )


def _about(entry: Entry) -> tuple[str, ...]:
    """The operations of which an entry may tell: its own, and one that its words name."""
    return (entry.operation, *_OPERATION.findall(entry.words))


def _entry(entry: Entry, seen: Set[str], stand: Mapping[str, State]) -> Row:
    """`seen`: the words whose answers this reader may see. `stand`: how changes stand now, which is what is told of them."""
    now = next((STATES[stand[name]] for name in _about(entry) if name in stand), entry.answer)
    answer = (
        Cell.of(now) if entry.words in seen else Cell(text=Phrase("not shown to you; ask for the same, and you learn why"))
    )
    return Row(
        cells=(
            Cell.moment(entry.at),
            Cell.of(entry.actor),
            Cell.of(entry.words),
            answer,
            Cell.of(entry.operation),
        )
    )


def _more(left_out: int) -> tuple[Section, ...]:
    if left_out <= 0:
        return ()
    line = Phrase("{n} older entry is in the audit log", plural="{n} older entries are in the audit log", n=left_out)
    return (Section(heading=Phrase("Not shown"), lines=(line,)),)
