"""`log`: lines of one log of many hosts, searched on the hosts themselves and merged by time.

hosts ─ read (concurrently) ─▶ CollectedLog* ─ parse, correct clocks ─▶ HostLog* ─ merge, filter ─▶ Excerpt ─▶ Report

A file is never transferred as a whole. The host searches it, within its own limits, and reports what it left out.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, ClassVar

from adapters.logs import LINES_LIMIT, Truncation
from adapters.phrase import Phrase
from commands.health.operation import Health, build_clock_cell
from commands.log_lines.excerpt import NO_LINES, Excerpt
from commands.log_lines.formats import Level
from commands.log_lines.groups import count_errors, merge_lines, take_newest
from commands.log_lines.lines import CONTAINER_PREFIX, HostLog, LogLine, make_container_source
from commands.log_lines.patterns import escape_pattern, parse_pattern, parse_pattern_text
from commands.log_lines.redaction import map_host_names
from commands.logs.collection import LOG_SOURCES, CollectedLog, LogQuery, build_finding, compute_scanned_lines, read_logs
from commands.logs.text_file import list_notes
from commands.model.finding import Finding, list_some, sort_worst_first
from commands.model.operation import FleetRead, FleetView, OwnOperation
from commands.model.report import Cell, Column, Mark, Report, Row
from commands.model.times import TimePoint, make_time_option, resolve_interval
from commands.values.arguments import (
    ALL_HOSTS,
    BadArgument,
    Flag,
    Option,
    Positional,
    TargetArgument,
    find_nearest,
    make_choice_parser,
    shorten_argument,
)

MAX_KEPT_LINES = 20_000
"""Maximum lines of an answer, of all hosts together: the newest ones."""

MAX_KEPT_BYTES = 7 * 2**20
"""Maximum bytes of these lines as JSON, with six for a character beyond ASCII. A stored answer has at most 8 MiB in all."""

_LINE_OVERHEAD = 160
"""Maximum bytes of a line beside its names and its text."""

MAX_NAMED = 3

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="lines", heading=Phrase("Lines")),
    Column(key="errors", heading=Phrase("Errors")),
    Column(key="clock_difference", heading=Phrase("Clock")),
)

LOG_HISTORY_LIMIT = timedelta(days=366)
"""Maximum age of lines."""


def _parse_source(typed: str) -> str:
    said = typed.strip().lower()
    if said in LOG_SOURCES:
        return said
    if (
        said.startswith(CONTAINER_PREFIX)
        and (source := make_container_source(typed.strip()[len(CONTAINER_PREFIX) :])) is not None
    ):
        return source
    known = [*LOG_SOURCES, "container:NAME"]
    phrase = Phrase(
        "{part} is not a log. Available logs: {sources}", part=shorten_argument(typed), sources=list_some(known, len(known))
    )
    raise BadArgument(phrase, part=typed, nearest=find_nearest(said, LOG_SOURCES))


def _parse_tail(typed: str) -> int:
    if re.fullmatch(r"[0-9]{1,9}", typed) and 1 <= int(typed) <= LINES_LIMIT:
        return int(typed)
    phrase = Phrase("{part} is not a valid number of lines. Use 1 to {most}", part=shorten_argument(typed), most=LINES_LIMIT)
    raise BadArgument(phrase, part=typed)


_parse_level_name = make_choice_parser(*(str(level) for level in Level))


class LogRead(FleetRead):
    """Show lines of one log of several hosts."""

    words: ClassVar = ("log",)
    summary: ClassVar = Phrase("log lines from several hosts, merged by time")
    example: ClassVar = "log nebula host-a --since 1h --grep handshake"
    label: ClassVar = Phrase("show the {source} log of {target}", source="…", target="…")

    source: Annotated[
        str,
        Positional(
            "source",
            Phrase("name of the log (nebula, access, error, cni, podman or container:NAME)"),
            lambda words: _parse_source(words[0]),
            lambda source: (source,),
        ),
    ]
    target: TargetArgument = ALL_HOSTS
    tail: Annotated[int, Option("n", Phrase("number of newest lines per host"), _parse_tail, str)] = 50
    grep: Annotated[
        str, Option("pattern", Phrase("only lines matching this regular expression"), parse_pattern_text, str)
    ] = ""
    fixed: Annotated[bool, Flag(Phrase("treat the pattern as plain text"))] = False
    case: Annotated[bool, Flag(Phrase("case-sensitive"))] = False
    since: Annotated[TimePoint | None, make_time_option(LOG_HISTORY_LIMIT)] = None
    until: Annotated[TimePoint | None, make_time_option(LOG_HISTORY_LIMIT)] = None
    level: Annotated[
        Level | None,
        Option(
            "level",
            Phrase("minimum level: debug, info, warn, error, fatal"),
            lambda word: Level(_parse_level_name((word,))),
            lambda level: str(level),
        ),
    ] = None
    raw: Annotated[bool, Flag(Phrase("every line as it was written, not grouped"))] = False

    async def read(self, view: FleetView) -> Report:
        hosts = self.resolve_hosts(view.fleet.inventory)
        wanted = self._build_query(len(hosts), view.now())
        got = await read_logs(hosts, (self.source,), wanted, view)
        sought = escape_pattern(self.grep) if self.fixed else self.grep
        shown = Excerpt(sought=sought, names=map_host_names(view.fleet.inventory), raw=self.raw)
        return build_report(got, self.source, view.now(), shown)

    def _build_query(self, hosts: int, now: datetime) -> LogQuery:
        """Builds the query. Raises `BadArgument` for an invalid pattern or interval."""
        if self.grep and not self.fixed:
            parse_pattern(self.grep)
        since, until = resolve_interval(self.since, self.until, now, LOG_HISTORY_LIMIT)
        return LogQuery(
            tail=self.tail,
            pattern=self.grep,
            fixed=self.fixed,
            case=self.case,
            since=since,
            until=until,
            level=self.level,
            scanned_lines=compute_scanned_lines(hosts) if self.level or self.grep else 0,
        )


class LogCollect(OwnOperation):
    """Collect the evidence of some hosts as one archive. Its handler adds the bot's own records."""

    words: ClassVar = ("log", "collect")
    summary: ClassVar = Phrase("collect health, logs and recent changes into one archive, with a timeline")
    example: ClassVar = "log collect host-a --since 30m"
    label: ClassVar = Phrase("collect evidence of {target}", target="…")
    includes: ClassVar = (LogRead, Health)

    target: TargetArgument = ALL_HOSTS
    since: Annotated[TimePoint, make_time_option(LOG_HISTORY_LIMIT)] = timedelta(minutes=30)


def build_report(got: Sequence[CollectedLog], source: str, at: datetime, shown: Excerpt = NO_LINES) -> Report:
    """Builds the report on one log of several hosts, with its lines and notes in place of those of `shown`."""
    logs = [each.log for each in got if each.log is not None]
    lines = merge_lines(log.lines for log in logs)
    kept = select_newest(lines)
    findings = sort_worst_first(build_finding(each) for each in got if each.error is not None)
    asked = sum(each.log is not None or each.error is not None for each in got)
    return Report(
        title=Phrase("Logs"),
        summary=_summarize(kept, logs, findings, source, asked),
        columns=COLUMNS,
        rows=tuple(map(_build_row, got)),
        findings=findings,
        excerpt=shown.with_lines(kept, (*_describe_left_out(len(kept), len(lines)), *list_notes(logs))),
        taken_at=at,
    )


def select_newest(lines: Sequence[LogLine]) -> tuple[LogLine, ...]:
    """Selects the newest of merged lines, as many as an answer keeps."""
    return take_newest(lines[-MAX_KEPT_LINES:], MAX_KEPT_BYTES, _estimate_size)


def _estimate_size(line: LogLine) -> int:
    return len(json.dumps(line.text)) + len(line.host) + len(line.source) + _LINE_OVERHEAD


def _describe_left_out(kept: int, total: int) -> tuple[Phrase, ...]:
    if kept == total:
        return ()
    return (Phrase("showing the newest {n} of {total} lines. Choose fewer hosts", n=kept, total=total),)


def _build_row(got: CollectedLog) -> Row:
    name = Cell.of(got.host.name)
    if got.log is not None:
        lines = got.log.lines
        return Row(
            host=got.host.name,
            cells=(
                name,
                _build_count_cell(len(lines)),
                _build_count_cell(count_errors(lines)),
                build_clock_cell(got.log.ahead),
            ),
        )
    if got.error is None:
        return Row(host=got.host.name, cells=(name, *(Cell(text=Phrase("N/A"), mark=Mark.ABSENT),) * 3))
    unknown = Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)
    return Row(host=got.host.name, cells=(name, *(unknown,) * 3)).rate(build_finding(got))


def _build_count_cell(count: int) -> Cell:
    return Cell(text=Phrase("{n}", n=count), value=count)


def _summarize(
    lines: Sequence[LogLine], logs: Sequence[HostLog], findings: Sequence[Finding], source: str, asked: int
) -> Phrase:
    if not asked:
        return Phrase("none of these hosts has the log {source}", source=source)
    if not logs:
        return Phrase(
            "could not read {source}", plural="could not read {source} on any of {n} hosts", source=source, n=asked
        )
    told = (
        Phrase(
            "{n} line of {source}",
            plural="{n} lines of {source}",
            n=len(lines),
            source=source,
        )
        if lines
        else Phrase("no matching lines in the part of {source} that could be read", source=source)
        if any(log.cut - {Truncation.LONG} for log in logs)
        else Phrase("no matching lines in {source}", source=source)
    )
    if (errors := count_errors(lines)) == len(lines) > 1:
        told = Phrase("{lines}, all of them errors", lines=told)
    elif errors:
        told = Phrase("{lines}, {n} of them an error", plural="{lines}, {n} of them errors", lines=told, n=errors)
    unread = tuple(dict.fromkeys(finding.host for finding in findings))
    if unread:
        return Phrase("{lines} (could not read: {hosts})", lines=told, hosts=list_some(list(unread), MAX_NAMED))
    return told
