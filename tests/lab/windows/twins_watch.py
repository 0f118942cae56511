"""The twin of the script that reads a host for the alerts: requests are counted line by line."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import PureWindowsPath
from typing import Any, NamedTuple

from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import ScriptError, Twin, read_status, round_trip
from tests.lab.windows.twins_disks import rotated
from tests.lab.windows.twins_logs import PACKED, find_log

LONGEST = 65_536
"""Bytes that are kept of a line that has not ended."""

BLOCK = 1_048_576
"""Bytes that are read at a time; a line that is longer is dropped."""

STATES = {"LogMissing": "absent", "LogDenied": "denied", "LogIsFolder": "folder", "LogOutside": "outside"}
"""States by the code with which a log cannot be opened."""

REQUEST = re.compile(r'[^"]*\] "[^"]*" (\d{3})(?!\d)(.*)', re.ASCII | re.DOTALL)

TIME = re.compile(r"(?:(?:rt|request_time)=)?(\d{1,6}\.\d{3})", re.ASCII)


class New(NamedTuple):
    """Bytes of a file that have not been counted yet; `ended`: nothing more is written there; `lost`: there were others."""

    path: PureWindowsPath
    begin: int
    end: int
    ended: bool
    lost: bool


class Request(NamedTuple):
    """One request of a log; `milliseconds` is None where the log does not tell."""

    status: str
    own: bool
    milliseconds: int | None


def _read_watch(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    return {
        "nebula": read_status(state, arguments["nebula_service"]),
        "gateway": read_status(state, arguments["gateway_service"]),
        "nginx_processes": sum(process.name.lower() == "nginx" for process in state.processes),
        "clock": round_trip(state.clock(now)),
        "access_log": _read_access_log(arguments, state),
    }


def _read_access_log(arguments: Mapping[str, Any], state: WindowsState) -> dict[str, Any]:
    path, condition = open_named(arguments["log"], state)
    position = arguments["position"]
    told = {"state": condition, "position": position, "counts": None, "skipped": 0, "lost": False}
    if position is None:
        return told | {"position": None if path is None else describe_position(path, state.size_of(path), arguments, state)}
    new = list(find_new(path, arguments, state))
    if not new:
        return told
    counts: dict[str, int] = dict.fromkeys(("requests", "errors", "own", "unparsed", "timed", "time_ms", "slowest_ms"), 0)
    if arguments["milliseconds"] <= 0:
        skipped, offset = sum(part.end - part.begin for part in new), new[-1].end
    else:
        skipped = max(0, sum(part.end - part.begin for part in new) - arguments["bytes_limit"])
        offset = _count(new, skipped, counts, state)
    return told | {
        "position": describe_position(new[-1].path, offset, arguments, state),
        "counts": counts,
        "skipped": skipped,
        "lost": new[0].lost,
    }


def open_named(given: str, state: WindowsState) -> tuple[PureWindowsPath | None, str]:
    """The log behind its links, or why it is not read."""
    try:
        return find_log(given, state), "present"
    except ScriptError as error:
        return None, STATES.get(error.id, "unreadable")


def describe_position(
    path: PureWindowsPath, offset: int, arguments: Mapping[str, Any], state: WindowsState
) -> dict[str, Any]:
    head = state.part_of(path, 0, min(arguments["head_limit"], state.size_of(path)))
    return {"offset": offset, "head": len(head), "sha256": sha256(head).hexdigest()}


def _is_same(path: PureWindowsPath, position: Mapping[str, Any], state: WindowsState) -> bool:
    size = state.size_of(path)
    head = state.part_of(path, 0, min(position["head"], size))
    return size >= position["offset"] and (len(head), sha256(head).hexdigest()) == (position["head"], position["sha256"])


def find_new(path: PureWindowsPath | None, arguments: Mapping[str, Any], state: WindowsState) -> Iterator[New]:
    position = arguments["position"]
    if path is not None and _is_same(path, position, state):
        yield New(path, position["offset"], state.size_of(path), ended=False, lost=False)
        return
    beside = sorted(rotated(PureWindowsPath(arguments["log"]), state), key=state.written_at)[-10:]
    readable = [file for file in beside if position["head"] >= 64 and file not in [*state.denied, *state.locked]]
    aside = next((file for file in readable if _is_same(file, position, state)), None)
    if aside is not None:
        followed = any(state.written_at(file) > state.written_at(aside) for file in beside if file.suffix not in PACKED)
        lost = path is not None and followed
        yield New(aside, position["offset"], state.size_of(aside), ended=path is not None, lost=lost)
    if path is not None:
        yield New(path, 0, state.size_of(path), ended=False, lost=aside is None)


def _count(new: list[New], skipped: int, counts: dict[str, int], state: WindowsState) -> int:
    """Where the next read of the last file goes on."""
    offset = 0
    for part in skip_oldest(new, skipped):
        offset = _count_part(part, counts, state)
    return offset


def skip_oldest(new: list[New], skipped: int) -> Iterator[New]:
    """The parts without so many of their oldest bytes."""
    for part in new:
        skip = min(skipped, part.end - part.begin)
        skipped -= skip
        yield part._replace(begin=part.begin + skip)


def _count_part(part: New, counts: dict[str, int], state: WindowsState) -> int:
    lines, dropped, end = take_lines(part, state)
    counts["unparsed"] += dropped
    for line in lines:
        _add(parse_request(line.decode("latin-1")), counts)
    return end


def take_lines(part: New, state: WindowsState) -> tuple[list[bytes], int, int]:
    """The whole lines of a part, the number of those that are too long, and where the next read goes on."""
    content = state.part_of(part.path, part.begin, part.end)
    if part.begin and state.part_of(part.path, part.begin - 1, part.begin) != b"\n":
        _, found, content = content.partition(b"\n")
        if not found:
            return [], 0, part.end
    *lines, rest = content.split(b"\n")
    if part.ended and rest:
        lines, rest = [*lines, rest], b""
    short = [line for line in lines if len(line) <= BLOCK + LONGEST]
    endless = len(rest) > LONGEST
    return short, len(lines) - len(short) + endless, part.end - (0 if endless else len(rest))


def _add(request: Request | None, counts: dict[str, int]) -> None:
    if request is None or request.own:
        counts["unparsed" if request is None else "own"] += 1
        return
    counts["requests"] += 1
    counts["errors"] += request.status.startswith("5")
    if request.milliseconds is not None:
        counts["timed"] += 1
        counts["time_ms"] += request.milliseconds
        counts["slowest_ms"] = max(counts["slowest_ms"], request.milliseconds)


def parse_request(line: str) -> Request | None:
    """The request that a line of nginx's access log tells of, if it does."""
    if line.startswith("{"):
        return _parse_json(line)
    found = REQUEST.match(line)
    if found is None:
        return None
    fields = re.sub(r'(\w=)"([\d.]+)"', r"\1\2", found[2])
    own = '"flatnet-bot"' in found[2]
    words = re.sub(r'"[^"]*"', '""', fields).replace("\r", "").split(" ")[1:]
    times = (time[1] for word in words if (time := TIME.fullmatch(word)))
    return Request(found[1], own, _milliseconds(next(times, None)))


def _parse_json(line: str) -> Request | None:
    with suppress(ValueError):
        fields = {name: str(value) for name, value in json.loads(line, parse_float=str).items()}
        status, time = fields.get("status", ""), fields.get("request_time", "")
        if re.fullmatch(r"\d{3}", status, re.ASCII):
            return Request(status, "flatnet-bot" in fields.values(), _milliseconds(time if TIME.fullmatch(time) else None))
    return None


def _milliseconds(time: str | None) -> int | None:
    return None if time is None else int(time.replace(".", ""))


TWINS: Mapping[str, Twin] = {"read-watch": _read_watch}
