"""What `read-watch` answers on which host."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import PureWindowsPath
from typing import Any

from adapters.windows.log_files import HEAD_LIMIT, FilePosition
from adapters.windows.watch import READ_LIMIT, ReadWatch
from tests.adapters.windows.log_cases import FOLDER, LOGS, day
from tests.adapters.windows.script_cases import Case, Script, missing
from tests.adapters.windows.system_cases import bare_nginx, services
from tests.lab.windows.state import WindowsState

PATH = FOLDER / "access.log"
ASIDE = FOLDER / "access.log.1"

Change = Callable[[WindowsState], None]


def line(number: int, status: int = 200, agent: str = "curl/8", ends: str = "\n", request: str = "GET /a HTTP/1.1") -> str:
    """A request in nginx's combined format."""
    return f'10.100.2.1 - - [20/Feb/2026:18:{number:02}:00 +0900] "{request}" {status} 157 "-" "{agent}"{ends}'


OLD = line(1) + line(2, 502)
"""What was counted before."""

AT_END = {"offset": len(OLD), "head": len(OLD), "sha256": sha256(OLD.encode()).hexdigest()}


def position(content: str, offset: int | None = None) -> dict[str, Any]:
    """The position in a log at an offset, by default its end."""
    head = content.encode()[:HEAD_LIMIT]
    end = len(content.encode()) if offset is None else offset
    return {"offset": end, "head": len(head), "sha256": sha256(head).hexdigest()}


def counts(requests: int = 0, errors: int = 0, **others: int) -> dict[str, int]:
    """Counts of an answer; those that are not named are 0."""
    nothing = dict.fromkeys(("own", "unparsed", "timed", "time_ms", "slowest_ms"), 0)
    return nothing | {"requests": requests, "errors": errors} | others


def log(**told: Any) -> dict[str, Any]:
    """What is answered of the access log."""
    return {"state": "present", "position": AT_END, "counts": counts(), "skipped": 0, "lost": False} | told


READ_WATCH = Script(
    ReadWatch(
        nebula_service="Nebula",
        gateway_service="OpenResty",
        log=LOGS["access_log"],
        position=FilePosition.model_validate(AT_END),
    ),
    {
        "nebula": "Running",
        "gateway": "Running",
        "nginx_processes": 2,
        "clock": "2026-03-01T12:00:00.2500000Z",
        "access_log": log(),
    },
)


def holds(content: str) -> Change:
    """The log holds this."""
    return lambda state: state.write(PATH, content, day(20))


def all_of(*changes: Change) -> Change:
    def change(state: WindowsState) -> None:
        for each in changes:
            each(state)

    return change


def grown(story: str, new: str, expected: Mapping[str, int], left: int = 0) -> Case:
    """A log to which this was written; the last bytes of it are left to the next read."""
    content = OLD + new
    at = position(content, len(content.encode()) - left)
    return Case(story, READ_WATCH, holds(content), differs={"access_log": log(position=at, counts=expected)})


def seen(story: str, change: Change, given: Any = AT_END, **told: Any) -> Case:
    """A log in some state, read from a position."""
    return Case(story, READ_WATCH, change, given={"position": given}, differs={"access_log": log(**told)})


def aside(content: str = OLD, name: str = "access.log.1", at: int = 19) -> Change:
    """A log that rotation has put aside on a day."""
    return lambda state: state.write(FOLDER / name, content, day(at))


def grown_by(zeros: int, new: str = "") -> Change:
    """So many zeros behind what was counted, and lines behind them."""

    def change(state: WindowsState) -> None:
        state.write(PATH, OLD, day(20))
        state.grow(PATH, zeros, day(20))
        state.append(PATH, new, day(20))

    return change


def beyond(zeros: int, new: str = "") -> dict[str, Any]:
    """The position at the end of such a log."""
    head = (OLD.encode() + bytes(zeros if zeros < HEAD_LIMIT else HEAD_LIMIT))[:HEAD_LIMIT]
    return {"offset": len(OLD) + zeros + len(new), "head": len(head), "sha256": sha256(head).hexdigest()}


def denied(state: WindowsState) -> None:
    state.write(PATH, OLD + line(3), day(20))
    state.denied.append(PATH)


def locked(state: WindowsState) -> None:
    state.write(PATH, OLD + line(3), day(20))
    state.locked.append(PATH)


def a_folder(state: WindowsState) -> None:
    state.write(PATH / "x.log", line(3), day(20))


def link_to(target: PureWindowsPath, content: str) -> Change:
    def change(state: WindowsState) -> None:
        state.write(target, content, day(20))
        state.file_links[PATH] = target

    return change


REAL = r"""127.0.0.1 - - [29/Nov/2026:13:44:38 +0000] "GET /up HTTP/1.1" 502 157 "-" "curl/8"
127.0.0.1 - - [29/Nov/2026:13:44:38 +0000] "GET /api/health HTTP/1.1" 200 2 "-" "flatnet-bot"
127.0.0.1 - - [29/Nov/2026:13:44:38 +0000] "GET /\x22 502 1 \x22 HTTP/1.1" 400 157 "-" "-"
127.0.0.1 - - [29/Nov/2026:13:44:38 +0000] "GET /x HTTP/1.1" 200 2 "-" "x\x5C\x22 502"
127.0.0.1 - - [29/Nov/2026:13:44:38 +0000] "GET /bad HTTP/1.1" 503 197 "-" "request_time=\x227.000\x22 8.000"
127.0.0.1 - a] \x22GET / HTTP/1.1\x22 502 1 [29/Nov/2026:13:44:38 +0000] "GET / HTTP/1.1" 200 2 "-" "curl"
127.0.0.1 - b] c [29/Nov/2026:13:44:38 +0000] "GET /bad HTTP/1.1" 503 197 "-" "\xE8\xAA\x9E \x22flatnet-bot\x22"
127.0.0.1 - - [29/Nov/2026:13:44:38 +0000] "\x16\x03\x01\x00" 400 157 "-" "-"
127.0.0.1 - - [29/Nov/2026:13:44:38 +0000] "GARBAGE" 400 157 "-" "-"
"""
"""What a real nginx wrote of requests that were meant to spoil its log."""

UNREAD = {"counts": None}

FIRST = (
    seen("the first read only sets the position", holds(OLD), None, position=AT_END, counts=None),
    seen("so it does at an empty log", holds(""), None, position=position(""), counts=None),
    seen(
        "and in the middle of a line",
        holds(OLD + line(3, ends="")),
        None,
        position=position(OLD + line(3, ends="")),
        counts=None,
    ),
    seen("without a log there is no position", lambda state: None, None, state="absent", position=None, counts=None),
)

GROWN = (
    grown("nothing is new", "", counts()),
    grown("requests and errors", line(3) + line(4, 500) + line(5, 599) + line(6, 499), counts(4, 2)),
    grown("line ends as Windows writes them", line(3, ends="\r\n") + line(4, 502, ends="\r\n"), counts(2, 1)),
    grown("the bot's own requests are left out", line(3) + line(4, 502, "flatnet-bot"), counts(1, own=1)),
    grown(
        "a client is not the bot by half of its name",
        line(3, 502, "flatnet-bot-x") + line(4, 502, "xflatnet-bot"),
        counts(2, 2),
    ),
    grown("half a line is left to the next read", line(3) + line(4, 502, ends=""), counts(1), len(line(4, 502, ends=""))),
    grown("lines of another format are counted apart", "x\n\n" + line(3) + '"GET / HTTP/1.1" 502\n', counts(1, unparsed=3)),
    grown(
        "a client cannot write a status",
        line(3, request="GET /\\x22 502 1 \\x22 HTTP/1.1") + line(4, agent="\\x22 502 rt=9.000 flatnet-bot"),
        counts(2),
    ),
    grown("lines of a real nginx", REAL, counts(8, 3, own=1)),
    grown(
        "an empty request, one without a method, one with any bytes",
        line(3, 400, request="") + line(4, 400, request="\\x16\\x03") + line(5, 400, request="語"),
        counts(3),
    ),
    grown("a user with spaces", line(3, 502).replace("- - [", "- a] b@c 500 ["), counts(1, 1)),
    grown("a status with four digits is none", line(3, 5021), counts(unparsed=1)),
    grown("a line beyond 64 kB", line(3, 502, "x" * 70_000) + line(4), counts(2, 1)),
    grown(
        "a line beyond a block is dropped", line(3) + line(4, 502, "x" * 1_500_000) + line(5, 502), counts(2, 1, unparsed=1)
    ),
    grown("so is one that does not end", line(3) + "x" * 70_000, counts(1, unparsed=1)),
    grown("zeros, as a full disk leaves them", "\0" * 5 + line(3) + "\0\0\n" + line(4), counts(2, unparsed=1)),
)

TIMES = (
    grown(
        "times at the end of a line",
        line(3, ends=" 0.005\n") + line(4, 502, ends=" 12.345\r\n"),
        counts(2, 1, timed=2, time_ms=12_350, slowest_ms=12_345),
    ),
    grown(
        "times by their names",
        line(3, ends=" rt=0.250\n") + line(4, ends=' x=1 request_time="0.500" urt=9.000\n'),
        counts(2, timed=2, time_ms=750, slowest_ms=500),
    ),
    grown(
        "the first time is the request's, the next one the other side's",
        line(3, ends=" 0.300 0.200\n"),
        counts(1, timed=1, time_ms=300, slowest_ms=300),
    ),
    grown(
        "the bot's own times do not count",
        line(3, agent="flatnet-bot", ends=" 9.000\n") + line(4, ends=" 0.000\n"),
        counts(1, own=1, timed=1),
    ),
    grown(
        "what a client writes is no time, nor is a ratio, nor a date",
        line(3, agent="rt=9.000 5.000 ", ends=" 2.31 1772000000.123 -\n"),
        counts(1),
    ),
)


def json_line(status: Any, agent: str = "curl/8", **others: Any) -> str:
    fields = {"time": "2026-02-20T18:00:00+09:00", "status": status, "http_user_agent": agent} | others
    return json.dumps(fields) + "\n"


JSON = json_line(200, request="GET / HTTP/1.1")


def in_json(story: str, new: str, expected: Mapping[str, int]) -> Case:
    content = JSON + new
    told = log(position=position(content), counts=expected)
    return Case(story, READ_WATCH, holds(content), given={"position": position(JSON)}, differs={"access_log": told})


JSONS = (
    in_json("a log in JSON", json_line(200) + json_line("503") + json_line(502, "flatnet-bot"), counts(2, 1, own=1)),
    in_json(
        "its times",
        json_line(200, request_time="0.100") + json_line(502, request_time="1.250"),
        counts(2, 1, timed=2, time_ms=1_350, slowest_ms=1_250),
    ),
    in_json(
        "as a number, too",
        json_line(200).replace("}", ',"request_time":0.040}'),
        counts(1, timed=1, time_ms=40, slowest_ms=40),
    ),
    in_json(
        "without spaces",
        json_line(502, request_time="0.100").replace(": ", ":"),
        counts(1, 1, timed=1, time_ms=100, slowest_ms=100),
    ),
    in_json(
        "a client writes no fields", json_line(200, '","status":"502","request_time":"9.000","x":"flatnet-bot"'), counts(1)
    ),
    in_json("nor before the status", json_line(200).replace("{", '{"request": "\\"status\\": 502, \\"",'), counts(1)),
    in_json("what has no status is no request", json_line("") + json_line(5021) + "{\n", counts(unparsed=3)),
)

NEXT = line(5) + line(6, 502)

ROTATED = (
    seen(
        "a log that was rotated is finished, and its successor begun",
        all_of(aside(OLD + line(3) + line(4, 502)), holds(NEXT)),
        position=position(NEXT),
        counts=counts(4, 2),
    ),
    seen(
        "its last line ends with it",
        all_of(aside(OLD + line(3, 502, ends="")), holds("")),
        position=position(""),
        counts=counts(1, 1),
    ),
    seen("nothing more was in it", all_of(aside(), holds(NEXT)), position=position(NEXT), counts=counts(2, 1)),
    seen(
        "among others that were",
        all_of(aside(NEXT), aside(OLD + line(3), "access-20260220.log"), holds(NEXT)),
        position=position(NEXT),
        counts=counts(3, 1),
    ),
    seen(
        "one that was rotated twice is finished, and the one between is lost",
        all_of(aside(OLD + line(3), "access.log.2", at=18), aside(NEXT), holds(NEXT)),
        position=position(NEXT),
        counts=counts(3, 1),
        lost=True,
    ),
    seen(
        "an older one that was packed lately is none between",
        all_of(aside(OLD + line(3), at=18), aside("packed", "access.log.2.gz"), holds(NEXT)),
        position=position(NEXT),
        counts=counts(3, 1),
    ),
    seen(
        "one that was packed at once is lost",
        all_of(aside("packed", "access.log.1.gz"), holds(NEXT)),
        position=position(NEXT),
        counts=counts(2, 1),
        lost=True,
    ),
    seen("so is one that was removed", holds(NEXT), position=position(NEXT), counts=counts(2, 1), lost=True),
    seen("a log that was cut short is begun anew", holds(line(1)), position=position(line(1)), counts=counts(1), lost=True),
    seen("so is one that was emptied", holds(""), position=position(""), counts=counts(), lost=True),
    seen(
        "while there is no successor, the old one goes on",
        aside(OLD + line(3) + line(4, ends="")),
        state="absent",
        position=position(OLD + line(3) + line(4, ends=""), len(OLD + line(3))),
        counts=counts(1),
    ),
    seen(
        "one that began with few bytes is not taken for another",
        all_of(aside("10.9.9.9 - - and more"), holds(NEXT)),
        position("10.9.9.9 - -"),
        position=position(NEXT),
        counts=counts(2, 1),
        lost=True,
    ),
    seen("a log that was empty goes on", holds(NEXT), position(""), position=position(NEXT), counts=counts(2, 1)),
    seen(
        "one that cannot be opened is lost",
        all_of(aside(), lambda state: state.locked.append(ASIDE), holds(NEXT)),
        position=position(NEXT),
        counts=counts(2, 1),
        lost=True,
    ),
)

GB = 2**30

LARGE = (
    seen(
        "a log that grew by 1 GB is counted at its end",
        grown_by(GB, "\n" + NEXT),
        position=beyond(GB, "\n" + NEXT),
        counts=counts(2, 1),
        skipped=GB + len("\n" + NEXT) - READ_LIMIT,
    ),
    seen("so it is where no line ends there", grown_by(GB), position=beyond(GB), counts=counts(), skipped=GB - READ_LIMIT),
    Case(
        "where the time is over, the rest is skipped",
        READ_WATCH,
        holds(OLD + NEXT),
        given={"milliseconds": 0},
        differs={"access_log": log(position=position(OLD + NEXT), skipped=len(NEXT))},
    ),
    Case(
        "of several logs the oldest bytes are skipped",
        READ_WATCH,
        all_of(aside(OLD + line(3) + line(4, 502)), holds(NEXT)),
        given={"bytes_limit": len(NEXT) + len(line(4, 502)) + 1},
        differs={"access_log": log(position=position(NEXT), counts=counts(3, 2), skipped=len(line(3)) - 1)},
    ),
    seen(
        "a position in the middle of a line goes on behind it",
        holds(OLD + line(3)),
        position(OLD, len(OLD) - 10),
        position=position(OLD + line(3)),
        counts=counts(1),
    ),
)

STATES = (
    seen("the log may not be opened", denied, state="denied", **UNREAD),
    seen("another program has locked it", locked, state="unreadable", **UNREAD),
    seen("a folder stands in its place", a_folder, state="folder", **UNREAD),
    seen("it is not there", lambda state: None, state="absent", **UNREAD),
    seen(
        "a link within its folder is followed",
        link_to(FOLDER / "access-today.log", OLD + line(3)),
        position=position(OLD + line(3)),
        counts=counts(1),
    ),
    seen("one out of it is not", link_to(FOLDER.parent / "x.log", OLD + line(3)), state="outside", **UNREAD),
)

CASES = (
    Case("a healthy host", READ_WATCH, holds(OLD)),
    Case(
        "services in any state",
        READ_WATCH,
        all_of(holds(OLD), services("Unknown", "StopPending")),
        differs={"nebula": "Unknown", "gateway": "StopPending"},
    ),
    Case(
        "a bare nginx.exe without a service, and a clock that is ahead",
        READ_WATCH,
        all_of(holds(OLD), bare_nginx, lambda state: setattr(state, "clock_offset", timedelta(minutes=5))),
        differs={"gateway": "Absent", "nginx_processes": 1, "clock": "2026-03-01T12:05:00.2500000Z"},
    ),
    *FIRST,
    *GROWN,
    *TIMES,
    *JSONS,
    *ROTATED,
    *LARGE,
    *STATES,
    Case(
        "an argument that is missing", READ_WATCH, left_out=frozenset({"gateway_service"}), fails=missing("gateway_service")
    ),
)
