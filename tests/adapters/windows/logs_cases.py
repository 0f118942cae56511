"""What `read-log` answers on which host."""

import gzip
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.logs import LINE_READ_LIMIT, LogSearch
from adapters.windows.log_files import LogName
from adapters.windows.logs import ReadLog
from tests.adapters.windows.log_cases import FOLDER, LOGS, day
from tests.adapters.windows.script_cases import NOW, Case, Failed, Script, missing
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import round_trip

TIME = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)
"""The time of the first of some lines; each is a minute after the one before."""

Lay = Callable[[WindowsState], None]


def at(minutes: float) -> datetime:
    return TIME + timedelta(minutes=minutes)


def text(minutes: float, words: str) -> str:
    return f'time="{at(minutes):%Y-%m-%dT%H:%M:%SZ}" level=info msg="{words}"'


def slog(minutes: float, words: str) -> str:
    return f'time={at(minutes):%Y-%m-%dT%H:%M:%S}.126Z level=INFO msg="{words}"'


def json_line(minutes: float, words: str) -> str:
    return f'{{"level":"info","msg":"{words}","time":"{at(minutes):%Y-%m-%dT%H:%M:%S}.126456789Z"}}'


def access(minutes: float, words: str) -> str:
    return f'10.100.2.1 - - [{at(minutes + 540):%d/%b/%Y:%H:%M:%S} +0900] "GET /{words} HTTP/1.1" 200 5 "-" "curl/8"'


def error(minutes: float, words: str) -> str:
    return f"{at(minutes):%Y/%m/%d %H:%M:%S} [error] 4#8: *1 {words}"


def some(*numbers: int) -> list[str]:
    return [text(number, f"line {number}") for number in numbers]


def ends(lines: Sequence[str], line_end: str = "\n") -> str:
    return "".join(line + line_end for line in lines)


NEW = day(28)


def put(name: str, content: str | bytes, written: datetime = NEW) -> Lay:
    """A file among the logs."""

    def lay(state: WindowsState) -> None:
        if isinstance(content, bytes):
            state.write_raw(FOLDER / name, content, written)
        else:
            state.write(FOLDER / name, content, written)

    return lay


def all_of(*lays: Lay) -> Lay:
    def lay(state: WindowsState) -> None:
        for each in lays:
            each(state)

    return lay


def case(story: str, lay: Lay, lines: Sequence[str], *, log: LogName = "nebula", tail: int = 5, **told: Any) -> Case:
    """A question about a log; `told`: what is asked beside its tail, and what is answered beside its lines."""
    asked = {name: told.pop(name) for name in list(told) if name in LogSearch.model_fields}
    state = WindowsState.healthy(1, "host-a")
    lay(state)
    size = sum(map(state.size_of, state.files))
    answer = {
        "lines": list(lines),
        "openings": [""] * len(lines) if asked.get("pattern") else [],
        "cut": [],
        "searched": size,
        "size": size,
        "files": [f"{log}.log"] if lines else [],
        "encoding": "utf-8",
        "clock": round_trip(NOW),
        "offsets": [{"begins": 0, "seconds": 0}],
    }
    given = told.pop("given", {})
    script = Script(ReadLog(log=LOGS[f"{log}_log"], search=LogSearch(tail=tail, **asked)), answer | told)
    return Case(story, script, lay, given=given)


def refused(story: str, lay: Lay, code: str, message: str, **asked: Any) -> Case:
    script = Script(ReadLog(log=LOGS["nebula_log"], search=LogSearch(tail=5, **asked)), {})
    return Case(story, script, lay, fails=Failed(code, message))


PATH = LOGS["nebula_log"]

LOG = put("nebula.log", ends(some(1, 2, 3, 4, 5, 6)))

TRACE = ["panic: no", "", "goroutine 1 [running]:", "\tmain.main()"]

TRACED = put("nebula.log", ends([*some(1, 2), *TRACE, *some(3)]))

ROTATED = all_of(
    put("nebula.log", ends(some(7, 8)), day(28)),
    put("nebula.log.1", ends(some(5, 6)), day(27)),
    put("nebula-20260226T093000.123.log", ends(some(3, 4)), day(26)),
    put("nebula.log.3.gz", gzip.compress(ends(some(1, 2)).encode(), mtime=0), day(25)),
    put("nebula.log.tmp", ends(some(9)), day(28)),
)

PACKED = gzip.compress(ends(some(1, 2)).encode(), mtime=0)
PACKED_ON = gzip.compress(ends(some(3, 4)).encode(), mtime=0)

JAPANESE = "指定されたファイルが見つかりません。"

LUA = [
    f"{error(1, 'lua entry thread aborted: runtime error: no host_id')}",
    "stack traceback:",
    "\t[C]: in function 'require'",
    "\tcoroutine 0: no host_id",
]
"""An error of nginx whose cause is on a line of its own, without a time or a level."""

HEAD = LUA[0][:120]

LUA_LOG = put("error.log", ends([error(0, "before"), *LUA, error(2, "after")]))

LUA_PACKED = all_of(
    put("error.log", ends([error(3, "now")])),
    put("error.log.1.gz", gzip.compress(ends([error(0, "before"), *LUA, error(2, "after")]).encode(), mtime=0), day(27)),
)

FAR = put("error.log", ends([error(0, "begins"), *["\tx" * 400] * 75, "\tno host_id"]))
"""An entry that is longer than what is read first."""

QUERIES = (
    case(
        "a line that continues an entry comes with its beginning",
        LUA_LOG,
        LUA[3:],
        log="error",
        pattern="coroutine",
        openings=[HEAD],
    ),
    case(
        "so do several, and the beginning needs none",
        LUA_LOG,
        [LUA[0], LUA[3]],
        log="error",
        pattern="no host_id",
        openings=["", HEAD],
    ),
    case(
        "so do lines of several entries",
        LUA_LOG,
        [error(0, "before"), LUA[1], error(2, "after")],
        log="error",
        pattern="before|traceback|after",
        openings=["", HEAD, ""],
    ),
    case(
        "so does one of a packed log",
        LUA_PACKED,
        LUA[3:],
        log="error",
        pattern="coroutine",
        openings=[HEAD],
        files=["error.log.1.gz"],
    ),
    case("so does one far below", FAR, ["\tno host_id"], log="error", pattern="host_id", openings=[error(0, "begins")]),
    case(
        "so does one where times are asked for",
        LUA_LOG,
        LUA[3:],
        log="error",
        pattern="coroutine",
        openings=[HEAD],
        since=at(0.5),
        until=at(1.5),
    ),
    case(
        "a line of no entry has none",
        put("error.log", ends(["\tno host_id", error(1, "x")])),
        ["\tno host_id"],
        log="error",
        pattern="host_id",
    ),
    case("the end of a log", LOG, some(2, 3, 4, 5, 6), cut=["lines"]),
    case("a whole log", LOG, some(1, 2, 3, 4, 5, 6), tail=6),
    case("a log with nothing in it", put("nebula.log", ""), []),
    case("its last line is being written", put("nebula.log", "one\ntw"), ["one", "tw"]),
    case("empty lines are lines", put("nebula.log", "\n\none\n\n"), ["", "", "one", ""]),
    case("line ends as Windows has them are no part of a line", put("nebula.log", "one\r\n\r\ntwo\r\n"), ["one", "", "two"]),
    case("a pattern", LOG, some(2, 5), pattern="LINE (2|5)"),
    case("a pattern that fits more lines than are asked for", LOG, some(6), pattern="line", tail=1, cut=["lines"]),
    case("a pattern that nothing fits", LOG, [], pattern="nowhere"),
    case("upper and lower case differ where they are meant to", LOG, [], pattern="LINE", case=True),
    case("the ends of a line", put("nebula.log", "ab\r\nba\r\naba\r\n"), ["ba", "aba"], pattern="^.*a$"),
    case("a pattern never reaches over the end of a line", put("nebula.log", "a\nb\n a b\n"), [" a b"], pattern=r"a\s+b"),
    case("nor looks beyond it", put("nebula.log", "a\nb\nab\n"), ["a", "ab"], pattern=r"\Aa(?![\s\S]*c)"),
    case("what reaches over several lines fits none of them", put("nebula.log", "a\nx\nb\n"), [], pattern="a[^b]*b"),
    case("a plain text is no pattern", put("nebula.log", "a.c(\nabc\n"), ["a.c("], pattern="A.C(", fixed=True),
    case(
        "a pattern that looks like a time stays a text",
        LOG,
        some(2),
        pattern="2026-02-20T09:02:00Z",
    ),
    case(
        "what looks like code is data", put("nebula.log", "$(Get-Date)';\n"), ["$(Get-Date)';"], pattern="$(Get-", fixed=True
    ),
    case("since a time", LOG, some(4, 5, 6), since=at(4)),
    case("until a time", LOG, some(1, 2, 3), until=at(3)),
    case("between two times, with a pattern", LOG, some(3), since=at(2), until=at(5), pattern="line 3"),
    case("a time that is still to come", LOG, [], since=at(100)),
    case("a time before all", LOG, [], until=at(-100)),
    case("a line without a time belongs to the one before it", TRACED, [some(2)[0], *TRACE], since=at(2), until=at(2)),
    case(
        "so does one that a pattern finds",
        TRACED,
        [TRACE[2]],
        since=at(2),
        until=at(2),
        pattern="GOROUTINE",
        openings=[text(2, "line 2")],
    ),
    case("and so it is left out", TRACED, some(3), since=at(3)),
    case("a log without times is not judged by them", put("nebula.log", "one\ntwo\n"), ["one", "two"], since=at(2)),
    case(
        "a time that is none",
        put("nebula.log", 'time="2026-13-41T00:00:00Z" x\n'),
        ['time="2026-13-41T00:00:00Z" x'],
        since=at(2),
    ),
    case(
        "a clock that was set back",
        put("nebula.log", ends(some(1, 30, 31, 2, 3, 4))),
        some(30, 31, 3, 4),
        since=at(3),
    ),
    case(
        "times as Nebula 1.11 writes them",
        put("nebula.log", ends([slog(1, "a"), slog(2, "b")])),
        [slog(2, "b")],
        since=at(2),
    ),
    case(
        "and in JSON",
        put("nebula.log", ends([json_line(1, "a"), json_line(2, "b")])),
        [json_line(1, "a")],
        until=at(1.5),
    ),
    case(
        "times in the gateway's access log, with their zone",
        put("access.log", ends([access(1, "a"), access(2, "b")])),
        [access(2, "b")],
        log="access",
        since=at(2),
    ),
    case(
        "times in its error log, which are the host's own",
        put("error.log", ends([error(1, "a"), error(2, "b")])),
        [error(2, "b")],
        log="error",
        since=at(2),
    ),
)


def living_in(zone: str, lay: Lay) -> Lay:
    def there(state: WindowsState) -> None:
        lay(state)
        state.zone = zone

    return there


def offset(begins: datetime | int, hours: float) -> dict[str, int]:
    return {
        "begins": begins if isinstance(begins, int) else int(begins.timestamp()),
        "seconds": int(hours * 3600),
    }


def new_york(year: int) -> list[dict[str, int]]:
    """On the second Sunday of March at 2:00, on the first of November at 2:00."""
    march, november = datetime(year, 3, 14, 7, tzinfo=UTC), datetime(year, 11, 7, 6, tzinfo=UTC)
    return [
        offset(sunday, hours)
        for latest, hours in ((march, -4), (november, -5))
        for sunday in [latest - timedelta(days=(latest.weekday() + 1) % 7)]
    ]


LOCAL = put("error.log", ends([error(1, "a"), error(2, "b"), error(3, "c")]))

GAP = "2025/03/09 02:30:00 [error] 4#8: x"

SET_BACK = datetime(2025, 11, 2, 6, 0, tzinfo=UTC)

TWICE = [f"2025/11/02 {time} [error] 4#8: x" for time in ("00:59:00", "01:30:00", "02:00:00")]

IN_NEW_YORK = [offset(0, -5), *(each for year in range(2016, 2026) for each in new_york(year))]

ZONES = (
    case(
        "local times of Japan",
        living_in("Asia/Tokyo", LOCAL),
        [error(2, "b"), error(3, "c")],
        log="error",
        since=at(2 - 540),
        offsets=[offset(0, 9)],
    ),
    case(
        "of India",
        living_in("Asia/Kolkata", LOCAL),
        [error(3, "c")],
        log="error",
        since=at(3 - 330),
        offsets=[offset(0, 5.5)],
    ),
    case(
        "of New York, and every change of its clocks in ten years",
        living_in("America/New_York", LOCAL),
        [error(3, "c")],
        log="error",
        since=at(3 + 300),
        offsets=IN_NEW_YORK,
    ),
    case(
        "a time that a change of the clock left out hides no line",
        living_in("America/New_York", put("error.log", f"{GAP}\n")),
        [GAP],
        log="error",
        since=datetime(2025, 3, 9, 5, tzinfo=UTC),
        offsets=IN_NEW_YORK,
    ),
    *(
        case(
            f"a time that came twice is left out only where both are: {story}",
            living_in("America/New_York", put("error.log", ends(TWICE))),
            TWICE[begin:end],
            log="error",
            offsets=IN_NEW_YORK,
            since=since,
            until=until,
        )
        for story, begin, end, since, until in (
            ("until the first", 0, 2, None, SET_BACK - timedelta(minutes=30)),
            ("until before it", 0, 1, None, SET_BACK - timedelta(minutes=31)),
            ("since the second", 1, 3, SET_BACK + timedelta(minutes=30), None),
            ("since behind it", 2, 3, SET_BACK + timedelta(minutes=31), None),
        )
    ),
    case("a log without local times", living_in("Asia/Tokyo", LOG), some(6), since=at(6), offsets=[offset(0, 9)]),
)


def neighbours() -> tuple[Case, ...]:
    """Rotated logs beside the log; `nebula.log.tmp` is none of them."""
    plain, packed = len(ends(some(1, 2))), len(gzip.compress(ends(some(1, 2)).encode(), mtime=0))
    size = 3 * plain + packed
    return (
        case(
            "rotated logs go on where the log ends",
            ROTATED,
            some(4, 5, 6, 7, 8),
            searched=3 * plain,
            size=size,
            files=["nebula-20260226T093000.123.log", "nebula.log.1", "nebula.log"],
            cut=["lines"],
        ),
        case(
            "packed ones too",
            ROTATED,
            some(1, 8),
            pattern="line [18]",
            searched=size,
            size=size,
            files=["nebula.log.3.gz", "nebula.log"],
        ),
        case(
            "as far back as a time reaches",
            ROTATED,
            some(6, 7, 8),
            since=at(6),
            searched=3 * plain,
            size=size,
            files=["nebula.log.1", "nebula.log"],
        ),
        case(
            "where there are as many lines as asked for nobody has looked whether there are more",
            ROTATED,
            some(7, 8),
            tail=2,
            searched=plain,
            size=size,
            cut=["lines"],
        ),
        case(
            "what is packed otherwise, damaged or not ours to read is not passed over in silence",
            all_of(
                put("nebula.log", ends(some(5)), day(28)),
                put("nebula.log.1.zip", b"PK\x03\x04", day(27)),
                put("nebula.log.2.gz", b"\x1f\x8bnot gzip", day(26)),
                put("nebula.log.3", ends(some(1)), day(25)),
                lambda state: state.denied.append(FOLDER / "nebula.log.3"),
                put("nebula.log.4", ends(some(2)), day(24)),
            ),
            some(2, 5),
            searched=2 * len(ends(some(1))) + len(b"\x1f\x8bnot gzip"),
            files=["nebula.log.4", "nebula.log"],
            cut=["unread"],
        ),
        case(
            "a packed one that was cut short is not taken for whole",
            all_of(put("nebula.log", ends(some(3)), day(28)), put("nebula.log.1.gz", PACKED[:-8], day(27))),
            some(1, 2, 3),
            files=["nebula.log.1.gz", "nebula.log"],
            cut=["unread"],
        ),
        case(
            "nor in the middle of a line",
            all_of(put("nebula.log", ends(some(3)), day(28)), put("nebula.log.1.gz", PACKED[:-20], day(27))),
            [some(1)[0][:-1], *some(3)],
            pattern=r"line [13]",
            files=["nebula.log.1.gz", "nebula.log"],
            cut=["unread"],
        ),
        case(
            "nor one of several members, of which Windows PowerShell sees only the first",
            all_of(put("nebula.log", ends(some(5)), day(28)), put("nebula.log.1.gz", PACKED + PACKED_ON, day(27))),
            some(1, 5),
            pattern="line [15]",
            files=["nebula.log.1.gz", "nebula.log"],
            cut=["unread"],
        ),
        case(
            "no file is read twice because rotation gave it another name meanwhile",
            all_of(put("nebula.log", ends(some(1, 2)), day(28)), put("nebula.log.1", ends(some(1, 2)), day(27))),
            some(1, 2),
            searched=plain,
            cut=["unread"],
        ),
    )


CONTENTS = (
    case("Japanese in UTF-8", put("nebula.log", f"{JAPANESE}\nx\n"), [JAPANESE], pattern="ファイル"),
    case("a mark at the beginning", put("nebula.log", f"\ufeff{JAPANESE}\n"), [JAPANESE], pattern="^指定"),
    case(
        "UTF-16 with a mark",
        put("nebula.log", f"\ufeff{JAPANESE}\r\nਊĊ\r\n".encode("utf-16-le")),
        [JAPANESE, "ਊĊ"],
        encoding="utf-16-le",
    ),
    case(
        "UTF-16 the other way round",
        put("nebula.log", f"\ufeff{JAPANESE}\nਊĊ\n".encode("utf-16-be")),
        [JAPANESE],
        pattern="見つかり",
        encoding="utf-16-be",
    ),
    case(
        "UTF-16 without a mark",
        put("nebula.log", f"{text(1, JAPANESE)}\r\n".encode("utf-16-le")),
        [text(1, JAPANESE)],
        encoding="utf-16-le",
    ),
    case(
        "Shift-JIS, as Windows itself words its errors",
        put("error.log", error(1, f"({JAPANESE})").encode("cp932") + b"\n"),
        [error(1, f"({JAPANESE})")],
        log="error",
        pattern="ファイル",
        encoding="shift_jis",
    ),
    case(
        "both in one log",
        put("error.log", f"{JAPANESE}\n".encode() + f"{JAPANESE}\n".encode("cp932")),
        [JAPANESE, JAPANESE],
        log="error",
        encoding="shift_jis",
    ),
    case("broken bytes", put("nebula.log", b"a\xffb\n\xe9\n"), ["a\ufffdb", "\ufffd"]),
    case(
        "binary data",
        put("nebula.log", bytes(range(32)) * 2 + b"\nMZ\x00\x00"),
        [
            bytes(range(10)).decode(),
            bytes(range(11, 32)).decode() + bytes(range(10)).decode(),
            bytes(range(11, 32)).decode(),
            "MZ\x00\x00",
        ],
    ),
    case(
        "colours, mentions and quotes stay as they are",
        put("nebula.log", '\x1b[31m<!channel> "q" \\ \x07\x7f\u2028 😀\n'),
        ['\x1b[31m<!channel> "q" \\ \x07\x7f\u2028 😀'],
    ),
    case(
        "a long line is cut, never within a character",
        put("nebula.log", "x" * 9 + "日" * 9_000 + "\nshort\n" + "x" + "😀" * 9_000 + "\n"),
        ["x" * 9 + "日" * (LINE_READ_LIMIT - 9), "short", "x" + "😀" * (LINE_READ_LIMIT - 1)],
        cut=["long"],
    ),
    case(
        "a line that is just as long as may be",
        put("nebula.log", "😀" * LINE_READ_LIMIT + "\n"),
        ["😀" * LINE_READ_LIMIT],
    ),
    case(
        "an answer of limited size",
        put("nebula.log", ends(["a" * 40, "<" * 10, "c" * 40])),
        ["c" * 40],
        given={"bytes_limit": 100},
        cut=["bytes"],
    ),
    *(
        case(
            f"what JSON escapes counts as it is written: {story}",
            put("nebula.log", ends(["a" * 40, sign * 8, "c" * 41])),
            ["c" * 41] if escaped else [sign * 8, "c" * 41],
            given={"bytes_limit": 90},
            cut=["bytes"],
        )
        for story, sign, escaped in (
            ("an ampersand", "&", True),
            ("a quote, by Windows PowerShell", "'", True),
            ("a line end of old terminals", "\x85", True),
            ("a line separator", "\u2028", True),
            ("a paragraph separator", "\u2029", True),
            ("a letter", "b", False),
            ("a letter of three bytes", "\u3042", False),
        )
    ),
    case("no time to look at anything", LOG, [], given={"milliseconds": 0}, searched=0, cut=["time"]),
)


def directory(state: WindowsState) -> None:
    state.write(FOLDER / "nebula.log" / "inner.txt", "x", day(1))


def link_within(state: WindowsState) -> None:
    put("current.log", ends(some(1, 2)))(state)
    put("current.log.1", ends(some(0)))(state)
    state.file_links[FOLDER / "nebula.log"] = FOLDER / "current.log"


def link_outside(state: WindowsState) -> None:
    state.write(FOLDER.parent / "config" / "host.key", "secret", day(1))
    state.file_links[FOLDER / "nebula.log"] = FOLDER.parent / "config" / "host.key"


def link_to_nothing(state: WindowsState) -> None:
    state.file_links[FOLDER / "nebula.log"] = FOLDER / "gone.log"


def not_ours(state: WindowsState) -> None:
    LOG(state)
    state.denied.append(FOLDER / "nebula.log")


REFUSED = (
    refused("no such log", lambda state: None, "LogMissing", f"there is no log {PATH}"),
    refused("a folder in its place", directory, "LogIsFolder", f"{PATH} is a folder"),
    refused(
        "a link to a folder",
        lambda state: state.links.append(FOLDER / "nebula.log"),
        "LogIsFolder",
        f"{PATH} is a folder",
    ),
    refused("a link out of its folder", link_outside, "LogOutside", f"{PATH} is a link out of its folder"),
    refused("a link to nothing", link_to_nothing, "LogMissing", f"there is no log {PATH}"),
    refused("a log that our account may not read", not_ours, "LogDenied", f"{PATH} may not be read"),
    refused(
        "no regular expression", LOG, "PatternInvalid", "Invalid pattern 'a(' at offset 2. Not enough )'s.", pattern="a("
    ),
    refused(
        "a pattern without end",
        put("nebula.log", "a" * 40 + "b\n"),
        "PatternSlow",
        "the pattern takes too long on a single line",
        pattern="(a+)+$",
    ),
)

CASES: tuple[Case, ...] = (
    *QUERIES,
    *ZONES,
    *neighbours(),
    *CONTENTS,
    case(
        "a link within its folder, and what lies beside the log itself",
        link_within,
        some(0, 1, 2),
        files=["current.log.1", "current.log"],
    ),
    *REFUSED,
    Case("an argument that is missing", REFUSED[0].script, LOG, left_out=frozenset({"tail"}), fails=missing("tail")),
)
