"""What `read-disks` answers on which host."""

from adapters.windows.disks import ReadDisks
from tests.adapters.windows.log_cases import ABSENT, FOLDER, LOGS, NEIGHBOURS, a_folder, log, neighbours
from tests.adapters.windows.script_cases import Case, Script, missing
from tests.lab.windows.state import GB, Drive, WindowsState

READ_DISKS = Script(
    ReadDisks(**LOGS),
    {
        "drives": [
            {"name": "C:", "size": 120 * GB, "free": 70 * GB},
            {"name": "F:", "size": 500 * GB, "free": 380 * GB},
        ],
        "logs": list(ABSENT),
    },
)


def one_drive(state: WindowsState) -> None:
    state.drives = {"C:": Drive(120 * GB, 0)}


def locked(state: WindowsState) -> None:
    state.drives["E:"] = Drive(None, None)


def no_drive(state: WindowsState) -> None:
    state.drives.clear()


def ill(state: WindowsState) -> None:
    state.wmi = False
    neighbours(state)


def odd_names(state: WindowsState) -> None:
    for name in ("ac[c]ess.log", "ac[c]ess.log.1", "access.log.1"):
        state.write(FOLDER / name, "text", state.booted_at)


AT = "2025-06-02T06:30:00.0000000Z"

CASES = (
    Case("a healthy host whose logs lie elsewhere", READ_DISKS),
    Case(
        "a single drive, and full", READ_DISKS, one_drive, differs={"drives": [{"name": "C:", "size": 120 * GB, "free": 0}]}
    ),
    Case(
        "a drive that is locked tells no sizes",
        READ_DISKS,
        locked,
        differs={"drives": [*READ_DISKS.well["drives"], {"name": "E:", "size": None, "free": None}]},
    ),
    Case("no drive with a letter, which is not the same as no answer", READ_DISKS, no_drive, differs={"drives": []}),
    Case(
        "WMI that does not answer hides no log; rotated logs have many names",
        READ_DISKS,
        ill,
        differs={"drives": None, "logs": NEIGHBOURS},
    ),
    Case(
        "a folder in the place of a log",
        READ_DISKS,
        a_folder,
        differs={"logs": [log("nebula", "unknown"), *ABSENT[1:]]},
    ),
    Case(
        "names that look like patterns or code are data; a drive that does not exist hides nothing",
        READ_DISKS,
        odd_names,
        given={
            "nebula_log": "Z:\\no\\such.log",
            "access_log": str(FOLDER / "ac[c]ess.log"),
            "error_log": "F:\\a; $(Get-Date)\\e.log",
        },
        differs={
            "logs": [
                log("nebula", "absent", path="Z:\\no\\such.log"),
                log(
                    "access",
                    "present",
                    path=str(FOLDER / "ac[c]ess.log"),
                    size=4,
                    written_at=AT,
                    rotated=1,
                    rotated_size=4,
                    rotated_at=AT,
                ),
                log("error", "absent", path="F:\\a; $(Get-Date)\\e.log"),
            ]
        },
    ),
    Case("an argument that is missing", READ_DISKS, left_out=frozenset({"access_log"}), fails=missing("access_log")),
)
