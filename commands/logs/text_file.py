"""Renders lines of logs as a text file, with the notes that belong to them. Pure, given the reader's language and zone.

# log nebula host-a,host-b --since 1h
# 53 lines from 2026-11-25 17:26:47.126 to 2026-11-25 18:26:47.126 (Asia/Tokyo): 1 error, 2 warn, 50 info
# the clock of host-b is 2.4 s ahead; its times are shown corrected
2026-11-25 17:26:47.126 host-a nebula INFO  time="2026-11-25T08:26:47Z" level=info msg=…
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, tzinfo

from adapters.logs import BYTES_LIMIT, LINE_LIMIT, LINE_SEARCH_LIMIT, SEARCHED_LINES_LIMIT, Truncation
from adapters.phrase import Listing, Phrase, Span, Texts
from commands.log_lines.formats import Level
from commands.log_lines.groups import count_by_level
from commands.log_lines.lines import HostLog, LogLine, TimeDoubt, sanitize_line, shorten_line
from commands.model.finding import list_some
from commands.values.units import format_size

NO_TIME = "-" * 23
"""Placeholder of an unknown time, as wide as a time."""

NO_LEVEL = "-"

_LEVEL_WIDTH = max(map(len, Level))


def render_text(lines: Sequence[LogLine], heading: Iterable[Phrase], texts: Texts, zone: tzinfo) -> str:
    """Renders one line of text for each, with times in the reader's zone, below the heading (the request, its notes)."""
    host, source = _compute_width(line.host for line in lines), _compute_width(line.source for line in lines)
    told = [f"# {shorten_line(sanitize_line(phrase.render_sentence(texts)))}" for phrase in heading]
    body = [
        f"{_format_time(line.at, zone)} {line.host:<{host}} {line.source:<{source}} {_format_level(line.level)} {line.text}"
        for line in lines
    ]
    return "".join(f"{line.rstrip()}\n" for line in (*told, *body))


def summarize_lines(lines: Sequence[LogLine], zone: tzinfo) -> Phrase:
    """Summarizes lines: their number, their times, their number by level."""
    if not lines:
        return Phrase("no lines")
    times = [line.at for line in lines if line.at is not None]
    counted = count_by_level(lines)
    counts = Listing(
        (
            *(_describe_count(level, n) for level, n in counted.items()),
            *_describe_continued(len(lines) - sum(counted.values())),
        )
    )
    if not times:
        return Phrase("{n} line: {counts}", plural="{n} lines: {counts}", n=len(lines), counts=counts)
    return Phrase(
        "{n} line, {first} – {last} ({zone}): {counts}",
        plural="{n} lines, {first} – {last} ({zone}): {counts}",
        n=len(lines),
        first=_format_time(min(times), zone),
        last=_format_time(max(times), zone),
        zone=str(zone),
        counts=counts,
    )


def _compute_width(names: Iterable[str]) -> int:
    return max(map(len, set(names)), default=0)


def _format_time(at: datetime | None, zone: tzinfo) -> str:
    return at.astimezone(zone).replace(tzinfo=None).isoformat(" ", "milliseconds") if at is not None else NO_TIME


def _format_level(level: Level | None) -> str:
    return f"{level.upper() if level is not None else NO_LEVEL:<{_LEVEL_WIDTH}}"


def _describe_count(level: Level | None, n: int) -> Phrase:
    return Phrase("{n} {level}", n=n, level=str(level)) if level is not None else Phrase("{n} of unknown level", n=n)


def _describe_continued(n: int) -> Iterable[Phrase]:
    """Describes the number of lines that continue an entry, so that the counts add up."""
    if n:
        yield Phrase("{n} continuation line", plural="{n} continuation lines", n=n)


def _describe_clocks(logs: Iterable[HostLog]) -> Iterable[Phrase]:
    """Describes the hosts' clock offsets in one note, each host once, the largest first, without those that round to 0.

    Windows and WSL2 of a host have a clock each. The larger offset counts.
    """
    aheads: dict[str, float] = {}
    for log in logs:
        aheads[log.host] = max(aheads.get(log.host, 0.0), round(log.ahead, 3), key=abs)
    wrong = sorted(((host, ahead) for host, ahead in aheads.items() if ahead), key=lambda each: -abs(each[1]))
    if len(wrong) > 1:
        clocks = Listing(tuple(_describe_offset(host, ahead) for host, ahead in wrong))
        yield Phrase("clocks that are off (times shown are corrected): {clocks}", clocks=clocks)
        return
    for host, ahead in wrong:
        if ahead > 0:
            yield Phrase("the clock of {host} is {time} ahead. Times shown are corrected", host=host, time=Span(ahead))
        if ahead < 0:
            yield Phrase("the clock of {host} is {time} behind. Times shown are corrected", host=host, time=Span(-ahead))


def _describe_offset(host: str, ahead: float) -> Phrase:
    if ahead > 0:
        return Phrase("{host} {time} ahead", host=host, time=Span(ahead))
    return Phrase("{host} {time} behind", host=host, time=Span(-ahead))


def _describe_more_lines(logs: Phrase, option: str) -> Phrase:
    return Phrase("{logs}: more lines match. Use {option} to show more", logs=logs, option=option)


def _describe_size_limit(logs: Phrase, option: str) -> Phrase:
    return Phrase(
        "{logs}: showing the newest {size} only. Narrow the search with {option}",
        logs=logs,
        size=format_size(BYTES_LIMIT),
        option=option,
    )


_TRUNCATION_NOTES: dict[Truncation, Callable[[Phrase], Phrase]] = {
    Truncation.LINES: lambda logs: _describe_more_lines(logs, "--tail"),
    Truncation.LEVEL: lambda logs: Phrase(
        "{logs}: only the newest lines were checked for level. Use {option} to search all lines",
        logs=logs,
        option="--grep",
    ),
    Truncation.BYTES: lambda logs: _describe_size_limit(logs, "--grep"),
    Truncation.SEARCHED: lambda logs: Phrase(
        "{logs}: only the newest {n} lines were searched, older lines may be missing", logs=logs, n=SEARCHED_LINES_LIMIT
    ),
    Truncation.TIME: lambda logs: Phrase(
        "{logs}: time limit reached, older lines may be missing. Narrow the search with {option}",
        logs=logs,
        option="--since",
    ),
    Truncation.UNREAD: lambda logs: Phrase(
        "{logs}: the log or a rotated file could only be read in part. Older lines may be missing", logs=logs
    ),
    Truncation.PARTLY: lambda logs: Phrase(
        "{logs}: some lines were only partly searched (longer than {size}, or in an unsupported encoding)",
        logs=logs,
        size=format_size(LINE_SEARCH_LIMIT),
    ),
    Truncation.LONG: lambda logs: Phrase("{logs}: lines longer than {n} characters are truncated", logs=logs, n=LINE_LIMIT),
}

_DOUBT_NOTES: dict[TimeDoubt, Callable[[int, Phrase], Phrase]] = {
    TimeDoubt.FUTURE: lambda n, logs: Phrase(
        "{logs}: {n} line has a future timestamp. Check the host's clock",
        plural="{logs}: {n} lines have a future timestamp. Check the host's clock",
        logs=logs,
        n=n,
    ),
    TimeDoubt.TWICE: lambda n, logs: Phrase(
        "{logs}: {n} line falls in the repeated DST hour and may be off by 1 hour",
        plural="{logs}: {n} lines fall in the repeated DST hour and may be off by 1 hour",
        logs=logs,
        n=n,
    ),
    TimeDoubt.SKIPPED: lambda n, logs: Phrase(
        "{logs}: {n} line falls in the skipped DST hour and may be off by 1 hour",
        plural="{logs}: {n} lines fall in the skipped DST hour and may be off by 1 hour",
        logs=logs,
        n=n,
    ),
    TimeDoubt.UNPLACED: lambda n, logs: Phrase(
        "{logs}: {n} line is in local time of an unknown time zone, so no time is shown",
        plural="{logs}: {n} lines are in local time of an unknown time zone, so no time is shown",
        logs=logs,
        n=n,
    ),
}


COLLECTED_TRUNCATION_NOTES = _TRUNCATION_NOTES | {
    Truncation.LINES: lambda logs: _describe_more_lines(logs, "log SOURCE --tail"),
    Truncation.BYTES: lambda logs: _describe_size_limit(logs, "log SOURCE --grep"),
}
"""Notes for collected logs, which name the command that has the options."""


def list_notes(
    logs: Sequence[HostLog], cuts: Mapping[Truncation, Callable[[Phrase], Phrase]] = _TRUNCATION_NOTES
) -> tuple[Phrase, ...]:
    """Lists the notes that must be shown with logs. Missing lines come first, because a surface may show the first only."""
    return (
        *_describe_truncations(logs, cuts),
        *_describe_clocks(logs),
        *_describe_doubts(logs),
        *_describe_missing_times(logs),
        *_describe_encodings(logs),
    )


def _describe_truncations(
    logs: Sequence[HostLog], cuts: Mapping[Truncation, Callable[[Phrase], Phrase]]
) -> Iterable[Phrase]:
    for cut, say in cuts.items():
        where = [log for log in logs if cut in log.cut]
        if where:
            yield say(_name_logs(where))


def _describe_doubts(logs: Sequence[HostLog]) -> Iterable[Phrase]:
    for doubt, say in _DOUBT_NOTES.items():
        where = [log for log in logs if log.doubts.get(doubt)]
        if where:
            yield say(sum(log.doubts[doubt] for log in where), _name_logs(where))


def _describe_missing_times(logs: Sequence[HostLog]) -> Iterable[Phrase]:
    where = [log for log in logs if any(line.at is None for line in log.lines)]
    if where:
        yield Phrase(
            "{logs}: {n} line has no timestamp and keeps its position in the log",
            plural="{logs}: {n} lines have no timestamp and keep their position in the log",
            logs=_name_logs(where),
            n=sum(line.at is None for log in where for line in log.lines),
        )


def _describe_encodings(logs: Sequence[HostLog]) -> Iterable[Phrase]:
    others = defaultdict(list)
    for log in logs:
        if log.encoding != "utf-8":
            others[log.encoding].append(log)
    for encoding, where in others.items():
        yield Phrase("{logs}: read as {encoding}", logs=_name_logs(where), encoding=encoding)


def _name_logs(logs: Iterable[HostLog]) -> Phrase:
    return list_some([f"{log.host} {log.source}" for log in logs])
