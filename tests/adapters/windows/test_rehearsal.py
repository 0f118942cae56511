"""A rehearsal on a host: what its reading proves, what it calls a fault, and the real scripts and guard at work together."""

from datetime import timedelta
from pathlib import PureWindowsPath
from typing import Any

import pytest

from adapters.windows import powershell
from adapters.windows.action import WindowsAction
from adapters.windows.commit_confirm import AbortChange, BeginChange, ConfirmChange, ReadChange
from adapters.windows.rehearsal import (
    MakeScratch,
    ReadRehearsal,
    RehearsalReading,
    identify_guard,
    list_other_scratch,
    list_scratch_swaps,
)
from tests.adapters.windows.script_cases import NOW
from tests.adapters.windows.test_commit_confirm import ask, guarded, wait_until_applied
from tests.lab.windows.pwsh import Machine, Pwsh
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twins import answer

OPERATION = "op-0123456789ab"
FOLDER = PureWindowsPath(r"F:\flatnet\operations") / OPERATION
TARGET = FOLDER / "keep.txt"

MAKE = MakeScratch(folder=str(FOLDER), names=("keep",))
BEGIN = BeginChange(operation=OPERATION, swaps=list_scratch_swaps(str(FOLDER), "keep"))
READ = ReadRehearsal(
    operation=OPERATION,
    target=str(TARGET),
    others=list_other_scratch(str(FOLDER), "keep"),
    running=True,
    max_clock_offset=30.0,
)


def begun(state: WindowsState) -> None:
    """The guard has swapped the scratch files, and waits."""
    for action in (MAKE, BEGIN):
        answer(action.script, action.build_arguments(), state, NOW)
    state.settle(NOW)


def read(state: WindowsState) -> RehearsalReading:
    return READ.parse(answer(READ.script, READ.build_arguments(), state, NOW))


def opened(state: WindowsState) -> None:
    state.readers[TARGET] = ["S-1-5-32-545"]


def extended(state: WindowsState) -> None:
    """A program that watches over tasks has its own idea of their arguments."""
    state.tasks[f"flatnet-bot change {OPERATION}"].arguments += " -Verbose"


def clock(**ahead: float) -> Any:
    return lambda state: setattr(state, "clock_offset", timedelta(**ahead))


def well(state: WindowsState) -> None:
    pass


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        (well, well, ""),
        (clock(seconds=30), well, ""),
        (well, clock(seconds=31), "the host's clock differs from the bot's by 31 s. Synchronize it on the host: w32tm"),
        (well, clock(seconds=-31), "the host's clock differs from the bot's by -31 s. Synchronize it on the host: w32tm"),
        (
            well,
            opened,
            "others than SYSTEM and Administrators can open the swapped file (O:BAG:SYD:PAI(",
        ),
        (well, extended, f"of the scheduled task as they were sent ({len(powershell.build_guard_options()) + 9} of "),
        (
            lambda state: setattr(state, "task_account", "S-1-5-20"),
            well,
            "the scheduled task ran as S-1-5-20 instead of SYSTEM. Check which policy changes scheduled tasks on the host",
        ),
    ],
)
def test_what_is_not_as_it_must_be_is_a_fault_with_what_to_do(before: Any, after: Any, fault: str) -> None:
    state = WindowsState.healthy(1, "host-a")
    before(state)
    begun(state)
    after(state)
    reading = read(state)
    assert ("applied", "new") == (reading.state, reading.text)
    found = READ.find_fault(reading, NOW, NOW)
    assert (bool(fault), True) == (found is not None, fault in str(found))


def test_time_that_passes_while_the_host_is_asked_is_no_difference_of_clocks() -> None:
    state = WindowsState.healthy(1, "host-a")
    begun(state)
    state.clock_offset = timedelta(seconds=40)
    assert None is READ.find_fault(read(state), NOW - timedelta(seconds=20), NOW + timedelta(seconds=15))


def test_the_file_is_tightened_although_users_could_read_the_old_one_and_goes_back_with_its_text() -> None:
    state = WindowsState.healthy(1, "host-a")
    begun(state)
    assert [] == state.readers.get(TARGET, [])
    state.elapse(120)
    assert ("reverted", "old") == (read(state).state, read(state).text)


def test_the_version_is_that_of_all_code_that_guards_a_change() -> None:
    version = identify_guard()
    assert (64, 64, False) == (len(version.bootstrap), len(version.guard), version.bootstrap == version.guard)
    assert version == identify_guard()


@pytest.mark.pwsh
@pytest.mark.slow
@pytest.mark.parametrize(
    ("last", "state", "text"),
    [(ConfirmChange(operation=OPERATION), "confirmed", "new"), (AbortChange(operation=OPERATION), "reverted", "old")],
)
def test_scripts_and_guard_rehearse_in_a_real_powershell(
    last: WindowsAction[Any], state: str, text: str, pwsh: Pwsh
) -> None:
    """The task's own arguments are what runs, and hash as the bot's; services are left alone."""
    host = WindowsState.healthy(1, "host-a")
    services = (dict(host.services), list(host.processes))
    with pwsh.machine(host, NOW, pace=0.02) as machine:
        ask(machine, MAKE)
        ask(machine, BEGIN)
        with guarded(machine):
            wait_until_applied(machine)
            found: RehearsalReading = ask(machine, READ)
            ask(machine, last)
        assert None is READ.find_fault(found, NOW, NOW)
        assert ("applied", "new", "Desktop") == (found.state, found.text, found.edition)
        ended = ask_plainly(machine)
    assert (state, text, services) == (ended.state, ended.text, (host.services, host.processes))


def ask_plainly(machine: Machine) -> RehearsalReading:
    reading: RehearsalReading = ask(machine, READ)
    assert ask(machine, ReadChange(operation=OPERATION)).settled
    return reading
