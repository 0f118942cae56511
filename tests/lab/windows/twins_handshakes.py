"""The twin of the script that reads the handshakes in Nebula's log, line by line."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import Twin, round_trip
from tests.lab.windows.twins_watch import New, describe_position, find_new, open_named, skip_oldest, take_lines

RECEIVED = b"Handshake message received"
NAME = re.compile(rb'certName"?[=:](?:"(?:[^"\\]|\\.)*"|[^\s",]+)')


def _read_handshakes(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    path, condition = open_named(arguments["log"], state)
    position = arguments["position"]
    told: dict[str, Any] = {"state": condition, "position": position, "skipped": 0, "lost": False}
    counts = {"received": 0, "unparsed": 0, "dropped": 0}
    newest: dict[bytes, bytes] = {}
    new = list(find_new(path, arguments, state)) if position is not None else []
    if position is None and path is not None:
        new = [New(path, 0, state.size_of(path), ended=False, lost=False)]
    if new:
        size = sum(part.end - part.begin for part in new)
        skipped, offset = size, new[-1].end
        if arguments["milliseconds"] > 0:
            skipped = max(0, size - arguments["bytes_limit"])
            offset = _read_lines(skip_oldest(new, skipped), arguments, state, counts, newest)
        told |= {
            "position": describe_position(new[-1].path, offset, arguments, state),
            "skipped": skipped,
            "lost": new[0].lost,
        }
    lines = [line.decode("utf-8", "replace") for line in newest.values()]
    return told | counts | {"lines": lines, "clock": round_trip(state.clock(now))}


def _read_lines(
    parts: Any, arguments: Mapping[str, Any], state: WindowsState, counts: dict[str, int], newest: dict[bytes, bytes]
) -> int:
    """Where the next read of the last file goes on."""
    offset = 0
    for part in parts:
        lines, dropped, offset = take_lines(part, state)
        counts["unparsed"] += dropped
        for line in lines:
            if RECEIVED in line:
                _add(line.rstrip(b"\r"), arguments, counts, newest)
    return offset


def _add(line: bytes, arguments: Mapping[str, Any], counts: dict[str, int], newest: dict[bytes, bytes]) -> None:
    counts["received"] += 1
    prints = re.findall(rb"[0-9a-f]{64}", line)
    if len(line) > arguments["line_limit"] or not prints:
        counts["unparsed"] += 1
        return
    name = NAME.search(line)
    key = b" ".join([b"" if name is None else name[0], *prints])
    newest.pop(key, None)
    newest[key] = line
    if len(newest) > arguments["most"]:
        del newest[next(iter(newest))]
        counts["dropped"] += 1


TWINS: Mapping[str, Twin] = {"read-handshakes": _read_handshakes}
