"""Reloads, folders and several services in one change: the guard in a real PowerShell, beside what the lab plays.

Both must leave the host in the same state.
"""

from pathlib import PureWindowsPath

import pytest

from tests.adapters.windows.change_cases import OPERATION
from tests.adapters.windows.move_cases import CASES, CONFIG, LUA, Moved
from tests.adapters.windows.script_cases import NOW
from tests.adapters.windows.test_commit_confirm import saying
from tests.lab.windows.pwsh import Pwsh
from tests.lab.windows.state import WindowsState


def tell(case: Moved) -> str:
    return case.story


def lua_of(state: WindowsState) -> dict[PureWindowsPath, str]:
    return {file.relative_to(LUA): text for file, text in state.files.items() if LUA in file.parents}


LUA_FILES = {
    "old": {PureWindowsPath(r"flatnet\sync.lua"): "old", PureWindowsPath(r"flatnet\gone.lua"): "old"},
    "new": {PureWindowsPath(r"flatnet\sync.lua"): "new"},
    "": {},
}


@pytest.mark.parametrize("case", CASES, ids=tell)
def test_the_guard_of_the_lab_does_as_agreed(case: Moved) -> None:
    state = case.state()
    before = state.nginx_processes
    case.happen(state)
    change = state.changes[OPERATION]
    assert (case.ends, case.why) == (change.state, change.why)
    assert (case.config, LUA_FILES[case.lua]) == (state.files[CONFIG], lua_of(state))
    assert case.runs == tuple(name for name, service in state.services.items() if service.status == "Running")
    assert case.renewed == (before != state.nginx_processes and before[:1] == state.nginx_processes[:1])


@pytest.mark.pwsh
@pytest.mark.parametrize("case", CASES, ids=tell)
def test_the_guard_in_a_real_powershell_leaves_the_host_as_the_one_of_the_lab_does(case: Moved, pwsh: Pwsh) -> None:
    simulated, real = case.state(), case.state()
    case.happen(simulated)
    with pwsh.machine(real, NOW) as machine, saying(machine, case.word):
        machine.guard(f"flatnet-bot change {OPERATION}")
    for state in (simulated, real):
        state.changes[OPERATION].left = 0.0
    assert simulated == real
