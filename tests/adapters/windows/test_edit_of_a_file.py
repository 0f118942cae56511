"""An edit of a configuration file from its read to its swap by the guard: exactly the edited bytes become live."""

from pathlib import PureWindowsPath
from typing import Any

import pytest

from adapters.windows import powershell
from adapters.windows.action import WindowsAction
from adapters.windows.commit_confirm import BeginChange, FileSwap
from adapters.windows.configuration import ReadConfiguration, Splice, StageEdit
from adapters.windows.configuration_trial import TestConfiguration
from tests.adapters.windows.configuration_cases import BASE, FOLDER, FOREIGN, JAPANESE, MAIN, NEW, SIDE, has, sha
from tests.adapters.windows.script_cases import NOW
from tests.lab.windows.pwsh import Machine, Pwsh
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twins import answer

OPERATION = FOLDER.name
OLD = b"10.100.2.1"
EDIT = StageEdit(
    folder=str(FOLDER),
    base=str(BASE),
    file=str(MAIN),
    sha256=sha(JAPANESE),
    splices=(Splice(offset=JAPANESE.index(OLD), removed=OLD, inserted=NEW),),
    new_sha256=sha(FOREIGN),
)


def host() -> WindowsState:
    """A host whose nginx.conf is Shift-JIS with CRLF."""
    state = WindowsState.healthy(1, "host-a")
    has(MAIN, JAPANESE)(state)
    return state


def begin(staged: str) -> BeginChange:
    return BeginChange(operation=OPERATION, services=(), swaps=(FileSwap(source=staged, target=str(MAIN)),))


def by_twin(action: WindowsAction[Any], state: WindowsState) -> Any:
    return action.parse(answer(action.script, action.build_arguments(), state, NOW))


def by_powershell(action: WindowsAction[Any], machine: Machine) -> Any:
    request = powershell.pack_request("n", powershell.load_script(action.script), action.build_arguments())
    return action.parse(powershell.unpack_answer(machine.run(request), "n", action.output_limit))


def test_the_lab_swaps_the_edited_bytes_and_puts_the_old_ones_back() -> None:
    state = host()
    staged = by_twin(EDIT, state)
    assert "good" == by_twin(TestConfiguration.of_gateway(SIDE, str(FOLDER)), state).state
    by_twin(begin(staged.file), state)
    state.settle(NOW)
    assert FOREIGN == state.bytes_of(MAIN)
    state.elapse(120)
    assert ("reverted", JAPANESE) == (state.changes[OPERATION].state, state.bytes_of(MAIN))


@pytest.mark.pwsh
def test_a_real_guard_swaps_the_edited_bytes(pwsh: Pwsh) -> None:
    state = host()
    with pwsh.machine(state, NOW) as machine:
        assert JAPANESE == by_powershell(ReadConfiguration.of(str(MAIN)), machine).content
        staged = by_powershell(EDIT, machine)
        assert "good" == by_powershell(TestConfiguration.of_gateway(SIDE, str(FOLDER)), machine).state
        by_powershell(begin(staged.file), machine)
        machine.mark(OPERATION, "confirm")
        machine.guard(f"flatnet-bot change {OPERATION}")
        assert FOREIGN == machine.place(MAIN).read_bytes()
        assert FOREIGN == machine.place(PureWindowsPath(staged.file)).read_bytes()
