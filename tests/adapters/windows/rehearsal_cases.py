"""What the scripts of a rehearsal answer on which host. The guard itself has tests of its own."""

import hashlib
from pathlib import PureWindowsPath

from adapters.windows.rehearsal import MakeScratch, ReadRehearsal, list_other_scratch
from tests.adapters.windows.script_cases import NOW, Case, Failed, Script, missing
from tests.lab.windows.change_files import FOLDER as CHANGES
from tests.lab.windows.guard import GuardedChange, Swap
from tests.lab.windows.state import Task, WindowsState
from tests.lab.windows.twin import round_trip
from tests.lab.windows.twins_rehearsal import USERS

OPERATION = "op-0123456789ab-keep"
FOLDER = PureWindowsPath(r"F:\flatnet\operations\op-0123456789ab")
TARGET = FOLDER / "keep.txt"

MAKE = Script(MakeScratch(folder=str(FOLDER), names=("keep", "lapse")), {"changed": True})
READ = Script(
    ReadRehearsal(
        operation=OPERATION,
        target=str(TARGET),
        others=list_other_scratch(str(FOLDER), "keep"),
        running=True,
        max_clock_offset=30.0,
    ),
    {
        "operation": OPERATION,
        "state": "absent",
        "why": "",
        "text": "absent",
        "sddl": "",
        "account": "",
        "powershell": "",
        "edition": "",
        "culture": "",
        "ui_culture": "",
        "arguments_length": 0,
        "arguments_hash": "",
        "build": "10.0.20348",
        "clock": round_trip(NOW),
    },
)
APPLIED = {
    "state": "applied",
    "text": "new",
    "sddl": "O:BAG:SYD:PAI(A;;FA;;;SY)(A;;FA;;;BA)",
    "account": "S-1-5-18",
    "powershell": "5.1.20348.2227",
    "edition": "Desktop",
    "culture": "ja-JP",
    "ui_culture": "en-US",
    "arguments_length": 9,
    "arguments_hash": hashlib.sha256(b"arguments").hexdigest(),
}


def lay(host: WindowsState, text: str) -> None:
    """All that is swapped has this text."""
    for path in (TARGET, *map(PureWindowsPath, list_other_scratch(str(FOLDER), "keep"))):
        host.files[path] = text


def half(host: WindowsState) -> None:
    """The folder is still the old one."""
    applied(host)
    host.files[FOLDER / "keep-folder" / "scratch.txt"] = "rehearsal: old"


def applied(host: WindowsState) -> None:
    """The guard waits for its word."""
    host.culture = "ja-JP"
    host.guard_asleep = True
    lay(host, "rehearsal: new")
    host.tasks[f"flatnet-bot change {OPERATION}"] = Task("arguments")
    host.changes[OPERATION] = GuardedChange(
        operation=OPERATION,
        window=120,
        has_facts=True,
        looked_at=NOW,
        swaps=[Swap(str(FOLDER / "keep.new"), str(TARGET), private=True)],
        state="applied",
        left=100.0,
        guarded=True,
        saved=True,
        facts=host.facts,
    )


def opened(host: WindowsState) -> None:
    applied(host)
    host.files[TARGET] = "mine"
    host.readers[TARGET] = [USERS]


def ended(host: WindowsState) -> None:
    applied(host)
    host.tasks.clear()
    lay(host, "rehearsal: old")
    host.changes[OPERATION].state, host.changes[OPERATION].why = "reverted", "aborted"


def illegible(host: WindowsState) -> None:
    host.files[CHANGES / OPERATION / "state-0001.json"] = ""


def no_wmi(host: WindowsState) -> None:
    host.wmi = False


def disk_full(host: WindowsState) -> None:
    host.disk_full = True


def entered(host: WindowsState) -> None:
    host.files[FOLDER / "note.txt"] = "mine"
    host.readers[FOLDER] = [USERS]


WIDE = "O:BAG:SYD:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;S-1-5-32-545)"
GONE = {"state": "reverted", "why": "aborted", "text": "old", "arguments_length": 0, "arguments_hash": ""}

CASES = (
    Case("scratch files in a folder that is not there yet", MAKE),
    Case("the same once more", MAKE, lambda host: host.files.update({TARGET: "rehearsal: new"})),
    Case(
        "a folder that is not an operation's",
        MAKE,
        given={"folder": r"F:\flatnet\config"},
        fails=Failed("NotOurs", r"F:\flatnet\config is not the folder of an operation"),
    ),
    Case("no room", MAKE, disk_full, fails=Failed("DiskFull", "less than 1 MB is free on F:")),
    Case(
        "a folder that others can enter",
        MAKE,
        entered,
        fails=Failed(
            "FolderNotSafe", f"others than SYSTEM and Administrators can enter {FOLDER}; look at it, then remove it"
        ),
    ),
    Case("an argument that is missing", MAKE, left_out=frozenset({"folder"}), fails=missing("folder")),
    Case("nothing has begun", READ),
    Case("nothing has begun, and WMI does not answer", READ, no_wmi, differs={"build": ""}),
    Case("a guard that waits", READ, applied, differs=APPLIED),
    Case("a file of others, which they can read", READ, opened, differs=APPLIED | {"text": "other", "sddl": WIDE}),
    Case("a folder that was not swapped with its files", READ, half, differs=APPLIED | {"text": "other"}),
    Case("the end, when the task is gone", READ, ended, differs=APPLIED | GONE),
    Case(
        "a record that cannot be read",
        READ,
        illegible,
        fails=Failed(
            "ChangeUnreadable",
            rf"{CHANGES}\{OPERATION}\state-0001.json cannot be read; see what that change did, then remove its folder",
        ),
    ),
    Case(
        "an operation that could be no folder",
        READ,
        given={"operation": ".."},
        fails=Failed("BadOperation", ".. cannot be the name of a change"),
    ),
    Case("an argument that is missing", READ, left_out=frozenset({"operation"}), fails=missing("operation")),
)
