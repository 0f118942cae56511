"""Lines of logs as a file for people, and what must be said with them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.logs import LogText, Truncation
from adapters.phrase import ENGLISH, Phrase
from commands.log_lines.formats import Level
from commands.log_lines.groups import merge_lines
from commands.log_lines.lines import HostLog, LogLine, LogOrigin, TimeDoubt, parse_log
from commands.logs.text_file import list_notes, render_text, summarize_lines

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")


def read(host: str, source: str, *lines: str, ahead: float = 0.0) -> HostLog:
    return parse_log(LogText(lines=lines), LogOrigin(host, source, NOW, ahead=ahead))


def log(host: str = "host-a", source: str = "nebula", **given: Any) -> HostLog:
    return HostLog(**{"host": host, "source": source, "lines": ()} | given)


def line(second: int | None, level: Level | None = None, text: str = "x", order: int = 0) -> LogLine:
    at = None if second is None else NOW + timedelta(seconds=second)
    return LogLine(host="host-a", source="nebula", at=at, level=level, text=text, order=order)


def test_a_file_has_what_was_asked_what_must_be_said_and_every_line_in_the_reader_s_zone() -> None:
    logs = [
        read(
            "host-a", "nebula", "half a line", 'time=2026-11-25T09:26:47.126Z level=ERROR msg="no route"', "  of two lines"
        ),
        read("host-bb", "access", '10.1.1.1 - - [25/Nov/2026:18:26:49 +0900] "GET / HTTP/1.1" 200 3', ahead=2.4),
    ]
    lines = merge_lines(log.lines for log in logs)
    heading = (Phrase("{words}", words="log nebula host-a,\nhost-bb"), summarize_lines(lines, TOKYO), *list_notes(logs))
    assert [
        "# log nebula host-a, host-bb",
        (
            "# 4 lines, 2026-11-25 18:26:46.600 – 2026-11-25 18:26:47.126 (Asia/Tokyo): 1 error, 1 info, 1 of unknown "
            "level, 1 continuation line"
        ),
        "# The clock of host-bb is 2.4 s ahead. Times shown are corrected",
        "# host-a nebula: 1 line has no timestamp and keeps its position in the log",
        '2026-11-25 18:26:46.600 host-bb access INFO  10.1.1.1 - - [25/Nov/2026:18:26:49 +0900] "GET / HTTP/1.1" 200 3',
        "----------------------- host-a  nebula -     half a line",
        '2026-11-25 18:26:47.126 host-a  nebula ERROR time=2026-11-25T09:26:47.126Z level=ERROR msg="no route"',
        "2026-11-25 18:26:47.126 host-a  nebula ERROR   of two lines",
    ] == render_text(lines, heading, ENGLISH, TOKYO).splitlines()


def test_signs_and_tokens_in_a_line_are_text() -> None:
    text = "<!channel> ``` xoxb-1234567890-abc %s {0}"
    assert f"2026-11-25 09:30:00.000 host-a nebula -     {text}\n" == render_text([line(0, text=text)], (), ENGLISH, UTC)


def test_no_lines_are_no_file_but_the_heading() -> None:
    assert "# No lines\n" == render_text((), [summarize_lines((), UTC)], ENGLISH, UTC)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param([], "no lines", id="none"),
        pytest.param(
            [line(0, Level.WARN)], "1 line, 2026-11-25 09:30:00.000 – 2026-11-25 09:30:00.000 (UTC): 1 warn", id="one"
        ),
        pytest.param([line(None), line(None, order=1)], "2 lines: 2 of unknown level", id="without times"),
        pytest.param(
            [line(5), line(None, Level.INFO, order=1), line(1, Level.FATAL, order=2)],
            "3 lines, 2026-11-25 09:30:01.000 – 2026-11-25 09:30:05.000 (UTC): 1 fatal, 1 info, 1 of unknown level",
            id="first and last by time",
        ),
    ],
)
def test_lines_in_one_sentence(lines: list[LogLine], said: str) -> None:
    assert said == str(summarize_lines(lines, UTC))


@pytest.mark.parametrize(
    ("logs", "said"),
    [
        pytest.param([log()], [], id="nothing to say"),
        pytest.param(
            [log(ahead=0.03), log(source="access", ahead=0.03), log("host-b", ahead=-90.0), log("host-c", ahead=0.0004)],
            [
                "clocks that are off (times shown are corrected): host-b 90 s behind, host-a 0.03 s ahead",
            ],
            id="clocks, each host's once, the worst first",
        ),
        pytest.param(
            [log(ahead=5.0), log(source="podman"), log("host-b"), log("host-b", source="podman", ahead=-3.0)],
            ["clocks that are off (times shown are corrected): host-a 5 s ahead, host-b 3 s behind"],
            id="of a host's two clocks the one that is farther off",
        ),
        pytest.param(
            [log(ahead=2.4, cut=frozenset({Truncation.LINES}))],
            [
                "host-a nebula: more lines match. Use --tail to show more",
                "the clock of host-a is 2.4 s ahead. Times shown are corrected",
            ],
            id="what is missing before what is corrected",
        ),
        pytest.param(
            [log(cut=frozenset(Truncation)), log("host-b", cut=frozenset({Truncation.LINES}))],
            [
                "host-a nebula, host-b nebula: more lines match. Use --tail to show more",
                "host-a nebula: only the newest lines were checked for level. Use --grep to search all lines",
                "host-a nebula: showing the newest 512 KB only. Narrow the search with --grep",
                "host-a nebula: only the newest 100000 lines were searched, older lines may be missing",
                "host-a nebula: time limit reached, older lines may be missing. Narrow the search with --since",
                "host-a nebula: the log or a rotated file could only be read in part. Older lines may be missing",
                "host-a nebula: some lines were only partly searched (longer than 64 KB, or in an unsupported encoding)",
                "host-a nebula: lines longer than 4000 characters are truncated",
            ],
            id="every limit",
        ),
        pytest.param(
            [log(f"host-{number}", cut=frozenset({Truncation.LINES})) for number in range(30)],
            [
                (
                    "host-0 nebula, host-1 nebula, host-2 nebula, host-3 nebula, host-4 nebula and 25 more: more lines "
                    "match. Use --tail to show more"
                )
            ],
            id="thirty hosts",
        ),
        pytest.param(
            [log(doubts=dict.fromkeys(TimeDoubt, 1)), log("host-b", doubts={TimeDoubt.FUTURE: 2})],
            [
                "host-a nebula, host-b nebula: 3 lines have a future timestamp. Check the host's clock",
                "host-a nebula: 1 line falls in the repeated DST hour and may be off by 1 hour",
                "host-a nebula: 1 line falls in the skipped DST hour and may be off by 1 hour",
                "host-a nebula: 1 line is in local time of an unknown time zone, so no time is shown",
            ],
            id="every doubt",
        ),
        pytest.param(
            [log(lines=(line(None), line(1), line(None)))],
            ["host-a nebula: 2 lines have no timestamp and keep their position in the log"],
            id="lines without a time",
        ),
        pytest.param(
            [log(encoding="cp932"), log("host-b", encoding="utf-16-le"), log("host-c", encoding="cp932")],
            ["host-a nebula, host-c nebula: read as cp932", "host-b nebula: read as utf-16-le"],
            id="encodings",
        ),
    ],
)
def test_what_must_be_said_with_the_lines(logs: list[HostLog], said: list[str]) -> None:
    assert said == [str(note) for note in list_notes(logs)]
