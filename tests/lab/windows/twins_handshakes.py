"""The twin of the script that reads the handshakes in Nebula's log, line by line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import Twin, round_trip
from tests.lab.windows.twins_watch import New, describe_position, find_new, open_named, skip_oldest, take_lines

RECEIVED, REFUSED = b"Handshake message received", b"Invalid certificate from host"
NAME = re.compile(rb'certName"?[=:](?:"(?:[^"\\]|\\.)*"|[^\s",]+)')
WHY = re.compile(rb'error"?[=:](?:"(?:[^"\\]|\\.)*"|[^\s",]+)')
PLACES = re.compile(rb"[0-9]+(?:\.[0-9]+){3}|[0-9a-f]{64}")


@dataclass
class Counts:
    """What the lines so far say."""

    numbers: dict[str, int] = field(default_factory=lambda: {"received": 0, "unparsed": 0, "dropped": 0, "refused": 0})
    newest: dict[bytes, bytes] = field(default_factory=dict)
    refusals: dict[bytes, bytes] = field(default_factory=dict)


def _read_handshakes(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    path, condition = open_named(arguments["log"], state)
    position = arguments["position"]
    told: dict[str, Any] = {"state": condition, "position": position, "skipped": 0, "lost": False}
    counts = Counts()
    new = list(find_new(path, arguments, state)) if position is not None else []
    if position is None and path is not None:
        new = [New(path, 0, state.size_of(path), ended=False, lost=False)]
    if new:
        size = sum(part.end - part.begin for part in new)
        skipped, offset = size, new[-1].end
        if arguments["milliseconds"] > 0:
            skipped = max(0, size - arguments["bytes_limit"])
            offset = _read_lines(skip_oldest(new, skipped), arguments, state, counts)
        told |= {
            "position": describe_position(new[-1].path, offset, arguments, state),
            "skipped": skipped,
            "lost": new[0].lost,
        }
    lines, refusals = (
        [line.decode("utf-8", "replace") for line in kept.values()] for kept in (counts.newest, counts.refusals)
    )
    return told | counts.numbers | {"lines": lines, "refusals": refusals, "clock": round_trip(state.clock(now))}


def _read_lines(parts: Any, arguments: Mapping[str, Any], state: WindowsState, counts: Counts) -> int:
    """Where the next read of the last file goes on."""
    offset = 0
    for part in parts:
        lines, dropped, offset = take_lines(part, state)
        counts.numbers["unparsed"] += dropped
        for line in lines:
            if RECEIVED in line:
                _add_handshake(line.rstrip(b"\r"), arguments, counts)
            if REFUSED in line:
                _add_refusal(line.rstrip(b"\r"), arguments, counts)
    return offset


def _add_handshake(line: bytes, arguments: Mapping[str, Any], counts: Counts) -> None:
    counts.numbers["received"] += 1
    prints = re.findall(rb"[0-9a-f]{64}", line)
    if len(line) > arguments["line_limit"] or not prints:
        counts.numbers["unparsed"] += 1
        return
    name = NAME.search(line)
    counts.numbers["dropped"] += _keep(
        counts.newest, b" ".join([b"" if name is None else name[0], *prints]), line, arguments["most"]
    )


def _add_refusal(line: bytes, arguments: Mapping[str, Any], counts: Counts) -> None:
    counts.numbers["refused"] += 1
    if len(line) > arguments["line_limit"]:
        return
    why = WHY.search(line)
    key = b" ".join([b"" if why is None else why[0], *PLACES.findall(line)])
    _keep(counts.refusals, key, line, arguments["most_refusals"])


def _keep(kept: dict[bytes, bytes], key: bytes, line: bytes, most: int) -> int:
    """How many lines gave way to the newest of this key."""
    kept.pop(key, None)
    kept[key] = line
    if len(kept) <= most:
        return 0
    del kept[next(iter(kept))]
    return 1


TWINS: Mapping[str, Twin] = {"read-handshakes": _read_handshakes}
