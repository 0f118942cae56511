"""Reloads, folders and several services in one change: the guard in a real PowerShell, beside what the lab plays.

Both must leave the host in the same state. Power is cut after every step of a change, and of its rollback.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PureWindowsPath

import pytest

from tests.adapters.windows.change_cases import OPERATION
from tests.adapters.windows.move_cases import (
    AROUND,
    CASES,
    CONFIG,
    EDIT,
    ENDED,
    FOLDER,
    GOOD,
    GOOD_TEXT,
    LUA,
    RELOAD,
    WHOLE,
    Moved,
    open_file,
    source_gone,
    start_again,
)
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


WHOLE_FOLDER = Moved("", "reverted", swaps=(FOLDER,), moves=WHOLE)


def test_a_folder_of_which_a_file_is_open_stays_and_its_service_runs_again() -> None:
    state = replace(WHOLE_FOLDER, host=open_file).state()
    state.settle(NOW)
    change = state.changes[OPERATION]
    assert ("reverted", rf"Access to the path '{LUA}\flatnet' is denied.") == (change.state, change.why)
    assert (LUA_FILES["old"], "Running") == (lua_of(state), state.services["OpenResty"].status)


@pytest.mark.pwsh
def test_a_new_folder_that_has_vanished_leaves_the_old_one_in_its_place(pwsh: Pwsh) -> None:
    state = replace(WHOLE_FOLDER, host=source_gone).state()
    with pwsh.machine(state, NOW) as machine:
        machine.guard(f"flatnet-bot change {OPERATION}")
    change = state.changes[OPERATION]
    assert ("reverted", True) == (change.state, "Could not find a part of the path" in change.why)
    assert (LUA_FILES["old"], "Running") == (lua_of(state), state.services["OpenResty"].status)


CHANGES = {
    "a reload": Moved("", "reverted", swaps=(EDIT,), moves=(RELOAD,)),
    "a folder and a file": Moved("", "reverted", swaps=(FOLDER, EDIT), moves=WHOLE),
    "several services": Moved("", "reverted", swaps=(EDIT,), moves=AROUND),
    "a fallback": Moved("", "reverted", swaps=(GOOD,), moves=(RELOAD,), config=GOOD_TEXT),
}


@dataclass(frozen=True)
class Cut:
    """Power is cut after so many steps of a change, and of its rollback."""

    change: str
    done: int
    undone: int = 0

    @property
    def case(self) -> Moved:
        return CHANGES[self.change]

    def state(self) -> WindowsState:
        """The host as it starts again."""
        state = self.case.state()
        change = state.changes[OPERATION]
        change.guarded = True
        change.save(state)
        for step in change.steps[: self.done] + change.undo[: self.undone]:
            change.do(state, step)
        if self.undone:
            change.state, change.why = "reverting", ENDED
        return state


def list_cuts() -> Iterator[Cut]:
    for name, case in CHANGES.items():
        change = case.state().changes[OPERATION]
        yield from (Cut(name, done) for done in range(len(change.steps) + 1))
        yield from (Cut(name, len(change.steps), undone) for undone in range(1, len(change.undo)))


CUTS = tuple(list_cuts())


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_after_a_power_cut_the_old_state_is_back_whatever_was_done_by_then(cut: Cut) -> None:
    state = cut.state()
    start_again(state)
    assert ("reverted", ENDED) == (state.changes[OPERATION].state, state.changes[OPERATION].why)
    assert (cut.case.config, LUA_FILES["old"]) == (state.files[CONFIG], lua_of(state))
    assert {"Running"} == {service.status for service in state.services.values()}


@pytest.mark.pwsh
@pytest.mark.slow
@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_after_a_power_cut_the_real_guard_does_what_the_one_of_the_lab_does(cut: Cut, pwsh: Pwsh) -> None:
    simulated, real = cut.state(), cut.state()
    start_again(simulated)
    with pwsh.machine(real, NOW) as machine:
        machine.guard(f"flatnet-bot change {OPERATION}")
    assert simulated == real
