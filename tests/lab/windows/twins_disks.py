"""Twins of the script that reads drives, and of the part that reads logs."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import PureWindowsPath
from typing import Any

from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import Twin, round_trip


def _read_disks(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    drives = [{"name": name, "size": drive.size, "free": drive.free} for name, drive in state.drives.items()]
    return {"drives": drives if state.wmi else None, "logs": read_logs(arguments, state)}


def read_logs(arguments: Mapping[str, Any], state: WindowsState) -> list[dict[str, Any]]:
    """What folders tell of the three logs."""
    return [_log(name, arguments[f"{name}_log"], state) for name in ("nebula", "access", "error")]


def _log(name: str, given: str, state: WindowsState) -> dict[str, Any]:
    path = PureWindowsPath(given)
    told = {"name": name, "path": given, "size": 0, "written_at": None, "rotated": 0, "rotated_size": 0, "rotated_at": None}
    if path not in state.files:
        return told | {"state": "unknown" if path in state.links else "absent"}
    neighbours = sorted(rotated(path, state), key=state.written_at)
    return told | {
        "state": "present",
        "size": state.size_of(path),
        "written_at": round_trip(state.written_at(path)),
        "rotated": len(neighbours),
        "rotated_size": sum(map(state.size_of, neighbours)),
        "rotated_at": round_trip(state.written_at(neighbours[-1])) if neighbours else None,
    }


def rotated(path: PureWindowsPath, state: WindowsState) -> Iterator[PureWindowsPath]:
    """What rotation has left beside a log."""
    stem, extension = re.escape(path.stem), f"({re.escape(path.suffix)})?"
    date = r"[-._](old|bak|[-._TZ0-9]*[0-9][-._TZ0-9]*)"
    pattern = re.compile(rf"{stem}{extension}{date}{extension}(\.(gz|zip|bz2|xz|zst|7z))?", re.IGNORECASE)
    return (file for file in state.files if file.parent == path.parent and pattern.fullmatch(file.name))


TWINS: Mapping[str, Twin] = {"read-disks": _read_disks}
