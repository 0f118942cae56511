"""Logs on a host's disk, and what the part that reads them must tell, whichever script it stands in."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PureWindowsPath
from typing import Any

from tests.lab.windows.state import WindowsState

FOLDER = PureWindowsPath(r"F:\flatnet\logs")

LOGS = {f"{name}_log": str(FOLDER / f"{name}.log") for name in ("nebula", "access", "error")}
"""The arguments of a script that reads logs."""


def log(name: str, state: str, **told: Any) -> Mapping[str, Any]:
    """One log as a script tells of it."""
    nothing = {"size": 0, "written_at": None, "rotated": 0, "rotated_size": 0, "rotated_at": None}
    return {"name": name, "path": str(FOLDER / f"{name}.log"), "state": state} | nothing | told


ABSENT = tuple(log(name, "absent") for name in ("nebula", "access", "error"))


def day(number: int) -> datetime:
    return datetime(2026, 2, number, 4, 30, tzinfo=UTC)


def lay(state: WindowsState, name: str, size: int, written: datetime) -> None:
    """A file of that size among the logs; of a large one all but the beginning is a hole."""
    path = FOLDER / name
    state.write(path, "x" * min(size, 10), written)
    state.sizes[path] = size


def neighbours(state: WindowsState) -> None:
    """Rotated by all kinds of programs, beside files that are no rotated logs of ours."""
    lay(state, "nebula.log", 3_000_000_000, day(28))
    lay(state, "nebula-20260131T093000.123.log", 20, day(1))
    lay(state, "nebula_2026-02-08.log.gz", 30, day(8))
    lay(state, "NEBULA.LOG.1", 40, day(15))
    lay(state, "nebula.old.log", 50, day(2))
    lay(state, "access.log", 0, day(27))
    lay(state, "access.log-20260220", 60, day(20))
    lay(state, "access.log.2.zip", 70, day(13))
    lay(state, "access.1.log", 80, day(21))
    for name in (
        "access-api.log",
        "access-api-20260201.log",
        "access.log.tmp",
        "access2.log",
        "accesses.log.1",
        "xaccess.log.1",
    ):
        lay(state, name, 1_000, day(28))
    lay(state, "error.log", 5, day(26))
    state.write(FOLDER / "old" / "error.log.1", "elsewhere", day(1))


def told(size: int, written: int, rotated: int = 0, rotated_size: int = 0, newest: int = 0) -> dict[str, Any]:
    at = "2026-02-{:02}T04:30:00.0000000Z".format
    return {
        "size": size,
        "written_at": at(written),
        "rotated": rotated,
        "rotated_size": rotated_size,
        "rotated_at": at(newest) if newest else None,
    }


NEIGHBOURS = [
    log("nebula", "present", **told(3_000_000_000, 28, 4, 140, 15)),
    log("access", "present", **told(0, 27, 3, 210, 21)),
    log("error", "present", **told(5, 26)),
]
"""What is told of `neighbours`."""


def a_folder(state: WindowsState) -> None:
    """A link to a folder where a log should be: there is something, and its size is not told."""
    state.links.append(FOLDER / "nebula.log")
