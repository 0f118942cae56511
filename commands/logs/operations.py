"""`log`: lines of one log of many hosts, searched on the hosts themselves and merged by time.

hosts ─ read (concurrently) ─▶ CollectedLog* ─ parse, correct clocks ─▶ HostLog* ─ merge, filter ─▶ Excerpt ─▶ Report

A file is never transferred as a whole. The host searches it, within its own limits, and reports what it left out.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, ClassVar

from adapters.logs import LINES_LIMIT, Cut
from adapters.phrase import Phrase
from commands.checks.host_details import clock_cell
from commands.health import Health
from commands.loglines.excerpt import Excerpt
from commands.loglines.formats import Level
from commands.loglines.lines import CONTAINER, Line, Log
from commands.loglines.merge import grave, merged, newest_within
from commands.loglines.patterns import checked_pattern, literal, pattern_text
from commands.loglines.sources import container_source
from commands.logs.collection import SOURCES, Got, Wanted, brought, finding_of, read_all
from commands.logs.text_file import notes
from commands.model.finding import Finding, worst_first
from commands.model.operation import FleetRead, OwnOperation, View
from commands.model.phrases import some
from commands.model.report import Cell, Column, Mark, Report, Row
from commands.model.times import When, between, when_option
from commands.values.arguments import ALL, BadArgument, Flag, Option, Positional, TargetArgument, choice, nearest, shown

KEPT_LINES = 20_000
"""Maximum lines of an answer, of all hosts together: the newest ones."""

KEPT_BYTES = 7 * 2**20
"""Maximum bytes of these lines as JSON, with six for a character beyond ASCII. A stored answer has at most 8 MiB in all."""

_BESIDE = 160
"""Maximum bytes of a line beside its names and its text."""

WORST = 3

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="lines", heading=Phrase("Lines")),
    Column(key="errors", heading=Phrase("Errors")),
    Column(key="clock_difference", heading=Phrase("Clock")),
)

FARTHEST = timedelta(days=366)
"""Maximum age of lines."""


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
    if re.fullmatch(r"[0-9]{1,9}", typed) and 1 <= int(typed) <= LINES_LIMIT:
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

    async def read(self, view: View) -> Report:
        hosts = self.hosts(view.fleet.inventory)
        wanted = self._wanted(len(hosts), view.now())
        got = await read_all(hosts, (self.source,), wanted, view)
        return report(got, self.source, view.now(), literal(self.grep) if self.fixed else self.grep)

    def _wanted(self, hosts: int, now: datetime) -> Wanted:
        """Builds the query. Raises `BadArgument` for an invalid pattern or interval."""
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
            brought=brought(hosts) if self.level or self.grep else 0,
        )


class LogCollect(OwnOperation):
    """Collect the evidence of some hosts as one archive. Its handler adds the bot's own records."""

    words: ClassVar = ("log", "collect")
    summary: ClassVar = Phrase("health, all logs and recent changes of hosts as one archive, with a timeline")
    example: ClassVar = "log collect host-a --since 30m"
    includes: ClassVar = (LogRead, Health)

    target: TargetArgument = ALL
    since: Annotated[When, when_option(FARTHEST)] = timedelta(minutes=30)


def report(got: Sequence[Got], source: str, at: datetime, sought: str = "") -> Report:
    """Builds the report on one log of several hosts; `sought` as in `Excerpt`."""
    logs = [each.log for each in got if each.log is not None]
    lines = merged(log.lines for log in logs)
    kept = newest(lines)
    findings = worst_first(tuple(finding_of(each) for each in got if each.error is not None))
    asked = sum(each.log is not None or each.error is not None for each in got)
    return Report(
        title=Phrase("Logs"),
        summary=_summary(kept, logs, findings, source, asked),
        columns=COLUMNS,
        rows=tuple(map(_row, got)),
        findings=findings,
        excerpt=Excerpt(lines=kept, notes=(*_left_out(len(kept), len(lines)), *notes(logs)), sought=sought),
        taken_at=at,
    )


def newest(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Selects the newest of merged lines, as many as an answer keeps."""
    return newest_within(lines[-KEPT_LINES:], KEPT_BYTES, _size)


def _size(line: Line) -> int:
    return len(json.dumps(line.text)) + len(line.host) + len(line.source) + _BESIDE


def _left_out(kept: int, total: int) -> tuple[Phrase, ...]:
    if kept == total:
        return ()
    return (Phrase("only the newest {n} of {total} lines are kept; ask for fewer hosts", n=kept, total=total),)


def _row(got: Got) -> Row:
    name = Cell.of(got.host.name)
    if got.log is not None:
        lines = got.log.lines
        return Row(host=got.host.name, cells=(name, _count(len(lines)), _count(grave(lines)), clock_cell(got.log.ahead)))
    if got.error is None:
        return Row(host=got.host.name, cells=(name, *(Cell(text=Phrase("n/a"), mark=Mark.ABSENT),) * 3))
    unknown = Cell(text=Phrase("not known"), mark=Mark.UNKNOWN)
    return Row(host=got.host.name, cells=(name, *(unknown,) * 3), severity=finding_of(got).severity)


def _count(count: int) -> Cell:
    return Cell(text=Phrase("{n}", n=count), value=count)


def _summary(lines: Sequence[Line], logs: Sequence[Log], findings: Sequence[Finding], source: str, asked: int) -> Phrase:
    if not asked:
        return Phrase("no host here has the log {source}", source=source)
    if not logs:
        return Phrase(
            "{source} could not be read", plural="{source} could be read on none of {n} hosts", source=source, n=asked
        )
    told = (
        Phrase(
            "{n} line of {source}",
            plural="{n} lines of {source}",
            n=len(lines),
            source=source,
        )
        if lines
        else Phrase("no line of {source} found in what could be read", source=source)
        if any(log.cut - {Cut.LONG} for log in logs)
        else Phrase("no line of {source} fits", source=source)
    )
    if (errors := grave(lines)) == len(lines) > 1:
        told = Phrase("{lines}, all of them errors", lines=told)
    elif errors:
        told = Phrase("{lines}, {n} of them an error", plural="{lines}, {n} of them errors", lines=told, n=errors)
    unread = tuple(dict.fromkeys(finding.host for finding in findings))
    if unread:
        return Phrase("{lines}; not read: {hosts}", lines=told, hosts=some(list(unread), WORST))
    return told
