"""The copies of the bot in answers: who leads, who could take over, and what keeps the others from it. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from adapters.phrase import Phrase, Span
from bot.store.known_replicas import KnownCopies
from bot.store.replicas import LEADS, MISSED_AFTER, STOPPED, SeenCopy
from commands.model.finding import Finding, Severity, sort_worst_first
from commands.model.report import Cell, Column, Mark, Report, Row

PLACE = "bot.copies"

MAX_CLOCK_DIFFERENCE = 5.0
"""Seconds that the clock of a machine may differ from that of the database."""

_COLUMNS = (
    Column(key="copy", heading=Phrase("Copy")),
    Column(key="role", heading=Phrase("Duty"), plain=True),
    Column(key="version", heading=Phrase("Version")),
    Column(key="revision", heading=Phrase("Tables")),
    Column(key="seen_at", heading=Phrase("Last seen")),
    Column(key="term", heading=Phrase("Term")),
    Column(key="why", heading=Phrase("Cannot take over because")),
)

_ROLES = {LEADS: Phrase("leads"), STOPPED: Phrase("stopped")}


def list_copies(known: KnownCopies, at: datetime) -> Report:
    """Lists the copies, with a finding for each that could not take over."""
    findings = sort_worst_first(find_copy_problems(known))
    return Report(
        title=Phrase("Copies"),
        summary=summarize_copies(known),
        columns=_COLUMNS,
        rows=tuple(_build_row(each, known).rate(_find_worst(each, findings)) for each in known.copies),
        findings=findings,
        taken_at=at,
    )


def find_copy_problems(known: KnownCopies) -> Iterator[Finding]:
    """Finds what keeps copies from taking over, and that no copy leads. A single bot over SQLite has no such problems."""
    if known.leader is None:
        return
    if known.leading is None:
        yield _make_finding("copies.leader", Phrase("no copy of the bot leads. Check the machines of the copies"))
    for each in known.unable:
        yield _make_finding(f"copies.{each.name}", _explain(each), Severity.MEDIUM)
    for each in known.copies:
        yield from _judge_clock(each)
    if not known.able:
        why = Phrase("no other copy can take over. Start one on another machine, or fix what keeps it from taking over")
        yield _make_finding("copies.standby", why, Severity.MEDIUM)


def find_unable_copies(known: KnownCopies) -> Iterator[Finding]:
    """Finds the copies that could not take over, for a report on hosts: these findings are of no host."""
    for each in known.unable:
        short = Phrase("{name} cannot take over", name=each.name)
        yield Finding(severity=Severity.MEDIUM, host="", subject=f"copies.{each.name}", why=_explain(each), short=short)


def _explain(copy: SeenCopy) -> Phrase:
    """Explains why a copy could not take over, and what to do."""
    why, name, age = copy.report.why, copy.name, Span(copy.age.total_seconds())
    if copy.report.role == STOPPED:
        return Phrase("{name} was stopped {time} ago. Start it on its machine", name=name, time=age)
    if why is not None and not copy.is_missed:
        return Phrase("{name} cannot take over: {why}", name=name, why=why)
    if why is None:
        return Phrase("{name} has not been seen for {time}. Check its machine", name=name, time=age)
    return Phrase(
        "{name} has not been seen for {time}. Check its machine. It could not take over then: {why}",
        name=name,
        time=age,
        why=why,
    )


def _judge_clock(copy: SeenCopy) -> Iterator[Finding]:
    off = abs(copy.report.clock_ms) / 1000
    if off > MAX_CLOCK_DIFFERENCE and copy.age < MISSED_AFTER:
        wrong = Phrase(
            "the clock of {name} differs from that of the database by {time}. Set up time synchronization there",
            name=copy.name,
            time=Span(off),
        )
        yield _make_finding(f"copies.{copy.name}.clock", wrong, Severity.MEDIUM)


def _make_finding(subject: str, why: Phrase, severity: Severity = Severity.HIGH) -> Finding:
    return Finding(severity=severity, host=PLACE, subject=subject, why=why)


def summarize_copies(known: KnownCopies) -> Phrase:
    """Summarizes who leads, and how many copies could take over."""
    if known.leading is None:
        return Phrase("no copy leads, {n} could take over", n=known.able)
    if known.leader is None:
        return Phrase("{leader} leads, as the only copy", leader=known.leading.name)
    return Phrase("{leader} leads, {n} more could take over", leader=known.leading.name, n=known.able)


def _find_worst(copy: SeenCopy, findings: Sequence[Finding]) -> Finding | None:
    subjects = (f"copies.{copy.name}", f"copies.{copy.name}.clock")
    return next((each for each in findings if each.subject in subjects), None)


def _build_row(copy: SeenCopy, known: KnownCopies) -> Row:
    report, leader = copy.report, known.leader
    term = leader.term if leader is not None and leader.identity.name == copy.name else None
    seen = Cell.of_moment(copy.seen_at, copy.seen_at + copy.age)
    cells = (
        Cell.of(copy.name),
        _build_role(copy, known),
        Cell.of(report.identity.version),
        Cell.of(report.revision),
        seen.model_copy(update={"mark": Mark.UNKNOWN}) if copy.is_missed else seen,
        Cell(text="" if term is None else str(term), value=term),
        Cell(text=report.why or "", value=None if report.why is None else str(report.why)),
    )
    return Row(cells=cells)


def _build_role(copy: SeenCopy, known: KnownCopies) -> Cell:
    """Shows what a copy does. At most one leads: one that reported so and was followed by another one led before."""
    role = copy.report.role
    if copy.is_missed:
        return Cell(text=Phrase("unknown"), value=None, mark=Mark.UNKNOWN)
    if role == LEADS and known.leader is not None and copy.name != known.leader.identity.name:
        return Cell(text=Phrase("led before"), value="led")
    return Cell(text=_ROLES.get(role, Phrase("stands by")), value=role)
