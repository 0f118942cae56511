"""Owed changes in answers: their list, and lines about them in digests, on the home tab and of one host. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from adapters.phrase import Moment, Phrase
from bot.model.owed import AskStatus, OwedChange
from commands.model.finding import list_some, relate_moment
from commands.model.owed import Matter
from commands.model.report import Cell, Column, Mark, Report, Row, Section

MAX_NEXT_COMMANDS = 3
"""Maximum number of suggested commands."""

MAX_LINES = 10
"""Maximum number of lines in a section. `owed` has all."""

_COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="number", heading=Phrase("Number")),
    Column(key="words", heading=Phrase("Command")),
    Column(key="state", heading=Phrase("State")),
    Column(key="since", heading=Phrase("Owed since")),
    Column(key="requester", heading=Phrase("User")),
    Column(key="operation", heading=Phrase("ID")),
)

_LONG_ID = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
"""An id of podman. Its first twelve digits name the container as well, and fit on a phone."""

_MATTERS = {
    Matter.REVOCATION: Phrase("revocation"),
    Matter.AUTHORITY: Phrase("removal of a CA"),
}
"""Names of what concerns identities. A change has none."""


def list_owed(found: Sequence[OwedChange], statuses: Mapping[int, AskStatus], at: datetime) -> Report:
    """Lists owed changes: open and recently settled ones. `statuses` are those of requests for open ones, by number."""
    still_open = [owed for owed in found if owed.is_open]
    now_due = [owed for owed in still_open if owed.due_at is None or owed.due_at <= at]
    return Report(
        title=Phrase("Owed changes"),
        summary=_summarize(still_open),
        columns=_COLUMNS,
        rows=tuple(_build_row(owed, statuses.get(owed.number), at) for owed in found),
        taken_at=at,
        next=tuple(dict.fromkeys(_suggest(owed, statuses.get(owed.number)) for owed in now_due))[:MAX_NEXT_COMMANDS],
    )


def build_owed_section(found: Sequence[OwedChange], at: datetime) -> Section:
    """Builds the section of open owed changes: a line for each run that left some."""
    lines = [_describe_group(group, relate_moment(_find_time(group[0]), at)) for group in _group(found)]
    shown = lines[:MAX_LINES]
    more = [Phrase("… and {n} more", n=len(lines) - len(shown))] if len(lines) > len(shown) else []
    return Section(heading=Phrase("Owed changes"), lines=(*shown, *more))


def list_owed_lines(found: Sequence[OwedChange]) -> Iterator[Phrase]:
    """Lists open owed changes without distances from now, for a tab that may stay open."""
    for group in _group(found):
        yield _describe_group(group, Moment(_find_time(group[0])))


def list_owed_facts(found: Sequence[OwedChange], at: datetime) -> Iterator[tuple[Phrase, Phrase]]:
    """Lists the open owed changes of one host as facts."""
    for owed in found:
        when, command, number = relate_moment(_find_time(owed), at), shorten_ids(owed.words), str(owed.number)
        template = Phrase("{command}, since {at} (number {number})", command=command, at=when, number=number)
        due = Phrase("{command}, due {at} (number {number})", command=command, at=when, number=number)
        yield Phrase("Owed"), template if owed.due_at is None else due


def build_owed_cell(found: Sequence[OwedChange]) -> Cell:
    """Builds the cell of a host: how many changes are owed to it."""
    if not found:
        return Cell(text="", value=0)
    worst = Mark.BAD if any(owed.matter.is_guarded for owed in found) else Mark.PLAIN
    return Cell(text=str(len(found)), value=len(found), mark=worst)


def shorten_ids(words: str) -> str:
    """Shortens the ids of containers in a command, which still means the same."""
    return _LONG_ID.sub(r"\1", words)


def _find_time(owed: OwedChange) -> datetime:
    """Finds the time that people need: when it is due, else since when it is owed."""
    return owed.since if owed.due_at is None else owed.due_at


def _summarize(still_open: Sequence[OwedChange]) -> Phrase:
    if not still_open:
        return Phrase("nothing is owed to any host")
    n, guarded = len(still_open), [owed for owed in still_open if owed.matter.is_guarded]
    counted = Phrase("{n} change is owed", plural="{n} changes are owed", n=n)
    if not guarded:
        return counted
    return Phrase(
        "{counted}. Until then, Nebula is not started on {hosts}",
        counted=counted,
        hosts=list_some(list(dict.fromkeys(owed.host for owed in guarded))),
    )


def _suggest(owed: OwedChange, status: AskStatus | None) -> str:
    """Suggests what to do about an open one. A host that was not asked yet is asked by `health`, which requests it."""
    if status is not None and status.ended_at is None:
        return f"op show {status.operation}"
    return f"health {owed.host}" if owed.asked_at is None else f"owed retry {owed.number}"


def _build_row(owed: OwedChange, status: AskStatus | None, at: datetime) -> Row:
    return Row(
        host=owed.host,
        cells=(
            Cell.of(owed.host),
            Cell(text=str(owed.number), value=owed.number),
            Cell(text=shorten_ids(owed.words), value=owed.words),
            _build_state_cell(owed, status, at),
            Cell.of_moment(owed.since, at),
            Cell.of(owed.requester),
            Cell.of(owed.operation),
        ),
    )


def _build_state_cell(owed: OwedChange, status: AskStatus | None, at: datetime) -> Cell:
    if not owed.is_open:
        return _build_settled_cell(owed)
    if status is not None and status.ended_at is None:
        return Cell(text=Phrase("requested: {operation}", operation=status.operation), value="requested")
    if owed.note is not None:
        return Cell(text=Phrase("could not be requested: {why}", why=owed.note), value="refused", mark=Mark.BAD)
    if status is not None:
        return Cell(text=Phrase("not done by {operation}", operation=status.operation), value="not done")
    if owed.due_at is not None and at < owed.due_at:
        return Cell(text=Phrase("due {at}", at=relate_moment(owed.due_at, at)), value="due")
    return Cell(text=Phrase("waiting for the host"), value="waiting")


def _build_settled_cell(owed: OwedChange) -> Cell:
    if owed.reason:
        text = Phrase("dropped by {who}: {reason}", who=owed.settled_by, reason=owed.reason)
        return Cell(text=text, value="dropped")
    if owed.settled_by:
        return Cell(text=Phrase("done by {operation}", operation=owed.settled_by), value="done")
    return Cell(text=Phrase("nothing was left to do"), value="fulfilled")


def _group(found: Sequence[OwedChange]) -> list[list[OwedChange]]:
    """Groups open ones of one kind by the run that left them; what concerns identities first, then the oldest."""
    groups: dict[tuple[str, str], list[OwedChange]] = {}
    for owed in sorted((owed for owed in found if owed.is_open), key=lambda owed: (not owed.matter.is_guarded, owed.number)):
        groups.setdefault((owed.operation, owed.kind), []).append(owed)
    return list(groups.values())


def _describe_group(group: Sequence[OwedChange], since: Phrase | Moment) -> Phrase:
    first = group[0]
    command = shorten_ids(first.words) if len(group) == 1 else first.kind
    hosts = list_some([owed.host for owed in group])
    if (matter := _MATTERS.get(first.matter)) is not None:
        return Phrase(
            "{hosts}: {command} ({matter}), owed since {at}", hosts=hosts, command=command, matter=matter, at=since
        )
    if first.due_at is not None:
        return Phrase("{hosts}: {command}, due {at}", hosts=hosts, command=command, at=since)
    return Phrase("{hosts}: {command}, owed since {at}", hosts=hosts, command=command, at=since)
