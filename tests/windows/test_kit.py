"""The kit itself, over a real connection to a simulated machine with a real PowerShell."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest

from adapters.windows.powershell import build_command_line, build_resident_line
from tests.adapters.windows import rehearsal_cases
from tests.adapters.windows.conftest import pwsh as pwsh
from tests.adapters.windows.script_cases import NOW, Failed
from tests.adapters.windows.winrm_host import winrm_host
from tests.lab.windows.powershell import PROGRESS, Output
from tests.lab.windows.pwsh import Machine as Computer
from tests.lab.windows.pwsh import Pwsh
from tests.lab.windows.state import WindowsState
from tests.windows.kit import Kit, Row, Scope
from tests.windows.resident_trials import PATIENCE, shorten_idle, try_leaving, try_sharing
from tests.windows.scratch import FOLDER, SERVICE, SERVICE_FOLDER, Machine, relocate
from tests.windows.table import render_report, render_row
from tests.windows.trials import LeftOut, Trial, select_trials

NO_REHEARSAL = rehearsal_cases.READ.well

MACHINE = Machine(
    windows="Windows",
    powershell="5.1.1",
    edition="Desktop",
    culture="ja-JP",
    ui_culture="ja-JP",
    offset=0,
    zone="UTC",
)


def test_the_scratch_is_where_only_administrators_can_create_folders() -> None:
    """SYSTEM runs a program from there."""
    assert [r"C:\Windows"] * 2 == [str(PureWindowsPath(folder).parent) for folder in (FOLDER, SERVICE_FOLDER)]


def as_machine(**fields: object) -> Machine:
    return Machine.model_validate(MACHINE.model_dump() | fields)


def trial(name: str, machine: Machine = MACHINE, nebula: str = r"C:\nebula") -> Trial | LeftOut:
    return next(each for each in select_trials(machine, nebula) if each.name == name)


def test_drive_f_becomes_the_scratch_folder_with_the_separators_that_it_had() -> None:
    text = r"a F:\flatnet\x F:/flatnet/y" + r' "F:\\flatnet\\z" F:'
    slashes, doubled = FOLDER.replace("\\", "/"), FOLDER.replace("\\", "\\\\")
    assert rf"a {FOLDER}\flatnet\x {slashes}/flatnet/y" + rf' "{doubled}\\flatnet\\z" F:' == relocate(text)
    assert {"a": [f"{FOLDER}\\b", 5, None]} == relocate({"a": ["F:\\b", 5, None]})


def test_most_of_the_contract_can_be_tried_on_a_machine_with_nebulas_programs() -> None:
    trials = select_trials(MACHINE, r"C:\nebula")
    assert len([each for each in trials if isinstance(each, Trial)]) > 2 * len(
        [each for each in trials if isinstance(each, LeftOut)]
    )


@pytest.mark.parametrize(
    ("name", "machine", "nebula", "why"),
    [
        ("read-log: of India", MACHINE, "", "zone"),
        ("make-key-pair: a new key pair", MACHINE, "", "--nebula"),
        ("make-authority: another version than its nebula-cert has", MACHINE, r"C:\nebula", "programs"),
        ("read-log: times in its error log, which are the host's own", as_machine(offset=32_400), "", "own zone"),
        ("read-disks: a single drive, and full", MACHINE, "", "drives"),
        (
            "make-key-pair: a key that others can read is not taken, and one that they can still read is deleted",
            MACHINE,
            "",
            "access list",
        ),
    ],
)
def test_a_case_that_cannot_be_tried_there_says_why(name: str, machine: Machine, nebula: str, why: str) -> None:
    left_out = trial(name, machine, nebula)
    assert isinstance(left_out, LeftOut)
    assert why in left_out.why


@pytest.mark.parametrize(
    ("name", "answer", "why"),
    [
        ("read-log: a pattern that nothing fits", {"lines": ["x"], "cut": [], "encoding": "utf-8"}, "'lines': ['x']"),
        ("read-log: a pattern that nothing fits", Failed("LogUnreadable", "no"), "LogUnreadable"),
        ("note-position: a log that is not there", {"position": 5}, "'position': 5"),
        ("make-key-pair: a folder that somebody else can enter", {"public_key": "x"}, "FolderNotSafe"),
        ("make-key-pair: an argument that is missing", Failed("PropertyNotFoundStrict", "日本語"), ""),
        ("read-disks: this machine as it is", {"drives": "junk"}, "cannot read the answer"),
        ("read-rehearsal: nothing has begun", {**NO_REHEARSAL, "build": "10.0.26100", "clock": "later"}, ""),
        ("read-rehearsal: nothing has begun", {**NO_REHEARSAL, "state": "applied"}, "'state': 'applied'"),
    ],
)
def test_an_answer_is_compared_with_the_agreed_one(name: str, answer: object, why: str) -> None:
    tried = trial(name)
    assert isinstance(tried, Trial)
    found = tried.judge(answer)
    assert why in found
    assert bool(why) == bool(found)


def test_the_report_names_the_machine_the_totals_and_what_failed() -> None:
    rows = [Row("a: 1", "passed", seconds=0.25), Row("a: 2", "failed", "x | y\nz", 2.0), Row("b: 1", "left out", "zone")]
    expected = """\
Windows, PowerShell 5.1.1 Desktop, ja-JP, display ja-JP, UTC

| script | passed | failed | left out | slowest |
| --- | --- | --- | --- | --- |
| a | 1 | 1 | 0 | 2.0 s |
| b | 0 | 0 | 1 | 0.0 s |

| failed | why |
| --- | --- |
| a: 2 | x \\| y z |
"""
    assert expected == render_report(MACHINE, rows)
    assert ["ok   a: 1", "FAIL a: 2 (x | y\nz)", "-    b: 1 (zone)"] == [render_row(row) for row in rows]


@dataclass
class Processes:
    """A machine on which each read is answered by the next of `own`; what is looked for runs for `looks` looks."""

    own: list[int]
    looks: int = 0

    async def perform(self, action: Any) -> Any:
        self.looks -= 1
        return {"own": self.own.pop(0) if self.own else 1, "runs": self.looks >= 0}


@pytest.mark.parametrize(("own", "why"), [([7, 7], ""), ([7, 8], "process 7 answered first, then 8")])
async def test_reads_must_share_one_process(own: list[int], why: str) -> None:
    assert why == await try_sharing(Processes(own))


@pytest.mark.parametrize(("looks", "why"), [(0, "process 7 did not stay"), (3, ""), (PATIENCE + 1, "process 7 still runs")])
async def test_a_process_that_stays_must_end_by_itself(looks: int, why: str) -> None:
    assert why == await try_leaving(Processes([7]), Processes([], looks), pause=lambda: asyncio.sleep(0))


def test_only_the_process_that_stays_has_a_shorter_life() -> None:
    assert build_command_line() == shorten_idle(build_command_line())
    assert build_resident_line() != shorten_idle(build_resident_line())


@dataclass
class Simulated:
    """A machine whose scheduled tasks run beside the requests, as on Windows."""

    computer: Computer
    tasks: ThreadPoolExecutor

    def __post_init__(self) -> None:
        self.guards: dict[str, Future[None]] = {}

    async def run(self, line: bytes, state: WindowsState, now: datetime) -> Output:
        stdout = await asyncio.to_thread(self.computer.run, line)
        for name in self.computer.started_tasks():
            self.guards.setdefault(name, self.tasks.submit(self.computer.guard, name))
        return Output(stdout.decode("utf-8", "replace"), PROGRESS)


@asynccontextmanager
async def kit(folder: Path, pwsh: Pwsh, rows: list[Row]) -> AsyncIterator[tuple[Kit, Computer]]:
    state = WindowsState.healthy(1, "host-a")
    with ThreadPoolExecutor(4) as tasks, pwsh.machine(state, NOW) as computer:
        async with winrm_host(folder) as reached:
            reached.settings.powershell = Simulated(computer, tasks).run
            connection = reached.connection
            yield Kit(connection, connection, connection, rows.append, pause=lambda: asyncio.sleep(0.3), window=1), computer


@pytest.mark.pwsh
@pytest.mark.parametrize("only", ["a pattern that", "make-scratch", "read-rehearsal", "stage-edit"])
async def test_cases_pass_over_the_wire_and_nothing_is_left(only: str, tmp_path: Path, pwsh: Pwsh) -> None:
    rows: list[Row] = []
    async with kit(tmp_path, pwsh, rows) as (tries, computer):
        machine, found = await tries.run(Scope(only=only))
        assert not computer.place(PureWindowsPath(FOLDER)).exists()
    assert ("Simulated Windows 10.0.20348", "5.1.20348.2227") == (machine.windows, machine.powershell)
    assert found == rows
    assert {"passed", "left out"} >= {row.verdict for row in rows}, [row for row in rows if row.verdict == "failed"]
    assert len([row for row in rows if row.verdict == "passed"]) > 3


@pytest.mark.pwsh
async def test_guarded_changes_of_a_scratch_service_end_as_they_must(tmp_path: Path, pwsh: Pwsh) -> None:
    rows: list[Row] = []
    async with kit(tmp_path, pwsh, rows) as (tries, computer):
        await tries.run(Scope(only="guard: a change"))
        assert SERVICE not in computer.services()
    assert [("guard", "passed")] * 3 == [(row.name.partition(":")[0], row.verdict) for row in rows[:-1]], rows
    assert Row("the scratch is removed", "passed") == rows[-1]


@pytest.mark.pwsh
async def test_without_a_service_no_guarded_change_but_a_rehearsal_is_tried(tmp_path: Path, pwsh: Pwsh) -> None:
    rows: list[Row] = []
    async with kit(tmp_path, pwsh, rows) as (tries, _):
        await tries.run(Scope(only="guard: a", service=False))
    assert ["passed", *["left out"] * 4, "passed"] == [row.verdict for row in rows], rows
