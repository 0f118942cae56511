"""The copies of the bot in answers: who leads, who could take over, and what keeps the others from it. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from adapters.phrase import Phrase, Span
from bot.store.copies import LEADS, STOPPED, SeenCopy
from bot.store.known_copies import KnownCopies
from commands.model.finding import Finding, Severity, sort_worst_first
from commands.model.report import Cell, Column, Mark, Report, Row

PLACE = "bot.copies"

MISSED_AFTER = timedelta(seconds=15)
"""Age of a report from which its copy counts as gone: each copy reports itself every second."""

MAX_CLOCK_DIFFERENCE = 5.0
"""Seconds that the clock of a machine may differ from that of the database."""

_COLUMNS = (
    Column(key="copy", heading=Phrase("Copy")),
    Column(key="role", heading=Phrase("State")),
    Column(key="version", heading=Phrase("Version")),
    Column(key="revision", heading=Phrase("Tables")),
    Column(key="seen_at", heading=Phrase("Last seen")),
    Column(key="term", heading=Phrase("Term")),
    Column(key="why", heading=Phrase("Cannot take over because")),
)

_ROLES = {LEADS: Phrase("leads"), STOPPED: Phrase("stopped")}


def list_copies(known: KnownCopies, at: datetime) -> Report:
    """Lists the copies, with a finding for each that could not take over."""
    return Report(
        title=Phrase("Copies"),
        summary=summarize_copies(known),
        columns=_COLUMNS,
        rows=tuple(_build_row(each, known) for each in known.copies),
        findings=sort_worst_first(find_copy_problems(known)),
        taken_at=at,
    )


def find_copy_problems(known: KnownCopies) -> Iterator[Finding]:
    """Finds what keeps copies from taking over, and that no copy leads. A single bot over SQLite has no such problems."""
    if known.leader is None:
        return
    if not any(is_leading(each) for each in known.copies):
        yield _make_finding("copies.leader", Phrase("no copy of the bot leads. Check the machines of the copies"))
    for each in known.copies:
        yield from _judge(each)
    if not any(_could_take_over(each) for each in known.copies):
        why = Phrase("no other copy could take over. Start one on another machine, or fix what keeps it from taking over")
        yield _make_finding("copies.standby", why, Severity.MEDIUM)


def is_leading(copy: SeenCopy) -> bool:
    """Returns whether a copy leads, and was seen just now."""
    return copy.report.role == LEADS and copy.age < MISSED_AFTER


def _could_take_over(copy: SeenCopy) -> bool:
    report = copy.report
    return report.role not in (LEADS, STOPPED) and report.why is None and copy.age < MISSED_AFTER


def _judge(copy: SeenCopy) -> Iterator[Finding]:
    report, name = copy.report, copy.report.identity.name
    if report.role == STOPPED:
        return
    if copy.age >= MISSED_AFTER:
        gone = Phrase(
            "{name} has not been seen for {time}. Check its machine", name=name, time=Span(copy.age.total_seconds())
        )
        yield _make_finding(f"copies.{name}", gone, Severity.MEDIUM)
    elif report.why is not None:
        yield _make_finding(
            f"copies.{name}", Phrase("{name} cannot take over: {why}", name=name, why=report.why), Severity.MEDIUM
        )
    if abs(report.clock_ms) > MAX_CLOCK_DIFFERENCE * 1000:
        wrong = Phrase(
            "the clock of {name} differs from that of the database by {time}. Set up time synchronization there",
            name=name,
            time=Span(abs(report.clock_ms) / 1000),
        )
        yield _make_finding(f"copies.{name}.clock", wrong, Severity.MEDIUM)


def _make_finding(subject: str, why: Phrase, severity: Severity = Severity.HIGH) -> Finding:
    return Finding(severity=severity, host=PLACE, subject=subject, why=why)


def summarize_copies(known: KnownCopies) -> Phrase:
    """Summarizes who leads, and how many copies could take over."""
    leading = next((each.report.identity.name for each in known.copies if is_leading(each)), None)
    able = sum(map(_could_take_over, known.copies))
    if leading is None:
        return Phrase("no copy leads, {n} could take over", n=able)
    if known.leader is None:
        return Phrase("{leader} leads, as the only copy", leader=leading)
    return Phrase("{leader} leads, {n} more could take over", leader=leading, n=able)


def _build_row(copy: SeenCopy, known: KnownCopies) -> Row:
    report = copy.report
    leader = known.leader
    term = leader.term if leader is not None and leader.identity.name == report.identity.name else None
    seen = Cell.of_moment(copy.seen_at, copy.seen_at + copy.age)
    cells = (
        Cell.of(report.identity.name),
        Cell(text=_ROLES.get(report.role, Phrase("stands by")), value=report.role),
        Cell.of(report.identity.version),
        Cell.of(report.revision),
        seen.model_copy(update={"mark": Mark.UNKNOWN}) if _is_missed(copy) else seen,
        Cell(text="" if term is None else str(term), value=term),
        Cell(text=report.why or "", value=None if report.why is None else str(report.why)),
    )
    return Row(cells=cells)


def _is_missed(copy: SeenCopy) -> bool:
    return copy.report.role != STOPPED and copy.age >= MISSED_AFTER
