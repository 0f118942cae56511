"""Twin of the script that reads nginx: its processes, its version, and what its error.log has of emergencies."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import PureWindowsPath
from typing import Any

from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import Twin, round_trip
from tests.lab.windows.twins_disks import rotated
from tests.lab.windows.twins_nebula import KEY_HIDDEN


def _read_nginx(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    log, after = PureWindowsPath(arguments["log"]), arguments["after"]
    position = state.size_of(log) if log in state.files else None
    found = [] if position is None or after is None else list(_emergencies(state, log, after))
    own = [process for process in state.processes if process.name.lower() == "nginx"]
    own = own if state.program(arguments["program"]) is not None else []
    processes = [
        {"pid": process.pid, "started_at": None if process.started_at is None else round_trip(process.started_at)}
        for process in sorted(own, key=lambda process: (process.started_at or now, process.pid))
    ]
    return {
        "version": _version(state, arguments["program"]),
        "master": processes[0] if processes else None,
        "workers": processes[1:],
        "clock": round_trip(state.clock(now)),
        "position": position,
        "emergencies": len(found),
        "emergency_lines": found[-arguments["lines_limit"] :],
    }


def _version(state: WindowsState, path: str) -> str:
    program = state.program(path)
    if program is None or program.condition != "working":
        return ""
    found = re.search(r"nginx version: (\S{1,64})", program.prints)
    return found[1] if found else ""


def _emergencies(state: WindowsState, log: PureWindowsPath, after: int) -> Iterator[str]:
    parts = [state.bytes_of(log)[after:]]
    if state.size_of(log) < after:
        aside = sorted(rotated(log, state), key=state.written_at)[-1:]
        parts = [*(state.bytes_of(path)[after:] for path in aside), state.bytes_of(log)]
    for part in parts:
        for line in re.split(r"\r\n|\r|\n", part.decode("utf-8", "replace")):
            if " [emerg] " in line:
                yield re.sub(KEY_HIDDEN, "...", "".join(islice(line, 500)))


TWINS: Mapping[str, Twin] = {"read-nginx": _read_nginx}
