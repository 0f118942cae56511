"""`log`: lines of one log of many hosts, found on the hosts themselves and merged by time.

hosts ─ read (all at once) ─▶ Got* ─ parse, clocks corrected ─▶ Log* ─ merged, filtered ─▶ Excerpt ─▶ Report

The whole file never travels: the host finds what was asked for, within its own limits, and says what it left out.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate, takewhile
from typing import Annotated, ClassVar

from adapters.inventory import Host, Inventory
from adapters.logs import LINES_LIMIT, Cut
from adapters.phrase import Phrase
from commands.arguments import ALL, BadArgument, Flag, Option, Positional, TargetArgument, choice, nearest, shown
from commands.details import clock_cell
from commands.excerpts import Excerpt
from commands.findings import Finding, worst_first
from commands.judged import some
from commands.log_formats import Level
from commands.log_lines import Line, Log
from commands.log_merged import grave, merged
from commands.log_patterns import checked_pattern, pattern_text
from commands.log_text import notes
from commands.logs_read import CONTAINER, SOURCES, Got, Wanted, brought, container_source, finding_of, read_all
from commands.operation import FleetRead, OwnOperation, View
from commands.report import Cell, Column, Mark, Report, Row
from commands.when import When, between, when_option

KEPT_LINES = 20_000
"""Lines that an answer keeps, of all hosts together: the newest ones."""

KEPT_BYTES = 7 * 2**20
"""Bytes of them as JSON, in which signs beyond ASCII take six: surfaces keep answers of 8 MiB, and there is more in one."""

_BESIDE = 160
"""Of them, what stands beside the names and the text of a line, at most."""

WORST = 3

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="lines", heading=Phrase("Lines")),
    Column(key="errors", heading=Phrase("Errors")),
    Column(key="clock_difference", heading=Phrase("Clock")),
)

FARTHEST = timedelta(days=366)
"""How far back may be asked for."""


def _source(typed: str) -> str:
    said = typed.strip().lower()
    if said in SOURCES:
        return said
    if said.startswith(CONTAINER) and (source := container_source(typed.strip()[len(CONTAINER) :])) is not None:
        return source
    known = [*SOURCES, "container:NAME"]
    phrase = Phrase("{part} is no log; there are {sources}", part=shown(typed), sources=some(known, len(known)))
    raise BadArgument(phrase, part=typed, nearest=nearest(said, SOURCES))


def _tail(typed: str) -> int:
    if typed.isascii() and typed.isdigit() and 1 <= int(typed[:9]) <= LINES_LIMIT:
        return int(typed)
    phrase = Phrase("{part} is no number of lines; give 1 to {most}", part=shown(typed), most=LINES_LIMIT)
    raise BadArgument(phrase, part=typed)


_LEVELS = choice(*(str(level) for level in Level))


class LogRead(FleetRead):
    """Lines of one log."""

    words: ClassVar = ("log",)
    summary: ClassVar = Phrase("lines of a log of many hosts, merged by time")
    example: ClassVar = "log nebula host-a --since 1h --grep handshake"

    source: Annotated[
        str,
        Positional(
            "source",
            Phrase("which log: nebula, access, error, cni, podman or container:NAME"),
            lambda words: _source(words[0]),
            lambda source: (source,),
        ),
    ]
    target: TargetArgument = ALL
    tail: Annotated[int, Option("n", Phrase("how many of the newest lines of each host"), _tail, str)] = 50
    grep: Annotated[str, Option("pattern", Phrase("only lines with this regular expression"), pattern_text, str)] = ""
    fixed: Annotated[bool, Flag(Phrase("the pattern is a plain text"))] = False
    case: Annotated[bool, Flag(Phrase("upper and lower case differ"))] = False
    since: Annotated[When | None, when_option(FARTHEST)] = None
    until: Annotated[When | None, when_option(FARTHEST)] = None
    level: Annotated[
        Level | None,
        Option(
            "level",
            Phrase("at least so grave: debug, info, warn, error, fatal"),
            lambda word: Level(_LEVELS((word,))),
            lambda level: str(level),
        ),
    ] = None

    def hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return self.target.resolve(inventory)

    async def read(self, view: View) -> Report:
        hosts = self.hosts(view.fleet.inventory)
        wanted = self._wanted(len(hosts), view.now())
        got = await read_all(hosts, (self.source,), wanted, view)
        return report(got, (self.source,), view.now())

    def _wanted(self, hosts: int, now: datetime) -> Wanted:
        """What is looked for; `BadArgument` where it makes no sense."""
        if self.grep and not self.fixed:
            checked_pattern(self.grep)
        since, until = between(self.since, self.until, now, FARTHEST)
        return Wanted(
            tail=self.tail,
            pattern=self.grep,
            fixed=self.fixed,
            case=self.case,
            since=since,
            until=until,
            level=self.level,
            brought=brought(self.level, hosts),
        )


class LogCollect(OwnOperation):
    """All evidence of some hosts as one archive; the bot's own part of it is added there."""

    words: ClassVar = ("log", "collect")
    summary: ClassVar = Phrase("health, all logs and recent changes of hosts as one archive, with a timeline")
    example: ClassVar = "log collect host-a --since 30m"

    target: TargetArgument = ALL
    since: Annotated[When, when_option(FARTHEST)] = timedelta(minutes=30)

    def hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return self.target.resolve(inventory)


def report(got: Sequence[Got], sources: Sequence[str], at: datetime) -> Report:
    """What was brought of these logs, as one report."""
    logs = [each.log for each in got if each.log is not None]
    lines = merged(log.lines for log in logs)
    kept = newest(lines)
    findings = worst_first(tuple(finding_of(each) for each in got if each.error is not None))
    asked = [each for each in got if each.log is not None or each.error is not None]
    return Report(
        title=Phrase("Logs"),
        summary=_summary(kept, logs, findings, sources, len({each.host.name for each in asked})),
        columns=COLUMNS,
        rows=tuple(_row(each) for each in _by_host(got)),
        findings=findings,
        excerpt=Excerpt(lines=kept, notes=(*_left_out(len(kept), len(lines)), *notes(logs))),
        taken_at=at,
    )


def newest(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Of merged lines, the newest that an answer keeps."""
    sizes = accumulate(_size(line) for line in reversed(lines[-KEPT_LINES:]))
    count = sum(1 for _ in takewhile(lambda size: size <= KEPT_BYTES, sizes))
    return tuple(lines[len(lines) - count :])


def _size(line: Line) -> int:
    return len(json.dumps(line.text)) + len(line.host) + len(line.source) + _BESIDE


def _left_out(kept: int, total: int) -> tuple[Phrase, ...]:
    if kept == total:
        return ()
    return (Phrase("only the newest {n} of {total} lines are kept; ask for fewer hosts", n=kept, total=total),)


def _by_host(got: Sequence[Got]) -> list[tuple[str, list[Got]]]:
    hosts = dict.fromkeys(each.host.name for each in got)
    return [(name, [each for each in got if each.host.name == name]) for name in hosts]


def _row(host: tuple[str, list[Got]]) -> Row:
    name, got = host
    logs = [each.log for each in got if each.log is not None]
    failed = [each for each in got if each.error is not None]
    known = Mark.UNKNOWN if failed and not logs else Mark.ABSENT if not logs else Mark.PLAIN
    nothing = Cell(text=Phrase("n/a") if known is Mark.ABSENT else Phrase("not known"), mark=known)
    cells = (_count(logs), _errors(logs), _clock(logs)) if logs else (nothing,) * 3
    severity = min((finding_of(each).severity for each in failed), key=lambda each: each.rank, default=None)
    return Row(host=name, cells=(Cell.of(name), *cells), severity=severity)


def _count(logs: Sequence[Log]) -> Cell:
    count = sum(len(log.lines) for log in logs)
    return Cell(text=Phrase("{n}", n=count), value=count)


def _errors(logs: Sequence[Log]) -> Cell:
    count = grave(line for log in logs for line in log.lines)
    return Cell(text=Phrase("{n}", n=count), value=count)


def _clock(logs: Sequence[Log]) -> Cell:
    return clock_cell(logs[0].ahead)


def _summary(
    lines: Sequence[Line], logs: Sequence[Log], findings: Sequence[Finding], sources: Sequence[str], asked: int
) -> Phrase:
    what = some(list(sources), len(sources))
    if not asked:
        return Phrase("no host here has the log {source}", source=what)
    if not logs:
        return Phrase(
            "{source} could not be read", plural="{source} could be read on none of {n} hosts", source=what, n=asked
        )
    told = (
        Phrase(
            "{n} line of {source}",
            plural="{n} lines of {source}",
            n=len(lines),
            source=what,
        )
        if lines
        else Phrase("no line of {source} found in what could be read", source=what)
        if any(log.cut - {Cut.LONG} for log in logs)
        else Phrase("no line of {source} fits", source=what)
    )
    if (errors := grave(lines)) == len(lines) > 1:
        told = Phrase("{lines}, all of them errors", lines=told)
    elif errors:
        told = Phrase("{lines}, {n} of them an error", plural="{lines}, {n} of them errors", lines=told, n=errors)
    unread = tuple(dict.fromkeys(finding.host for finding in findings))
    if unread:
        return Phrase("{lines}; not read: {hosts}", lines=told, hosts=some(list(unread), WORST))
    return told
