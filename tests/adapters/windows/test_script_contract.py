"""The contract of the Windows scripts: what each answers on which host, and how it leaves that host.

The twins (`tests.lab.windows.twins`) always answer the cases; where there is a PowerShell, the real
scripts do too, and both must say and do the same, failures included.
"""

from pathlib import Path
from typing import Any

import pytest

from adapters.error_text import clean_line
from adapters.errors import ActionFailed
from adapters.windows import powershell
from tests.adapters.windows import (
    authority_cases,
    backup_cases,
    backup_trial_cases,
    blocklist_cases,
    change_cases,
    configuration_cases,
    disks_cases,
    handshakes_cases,
    key_backup_cases,
    logs_cases,
    nebula_cases,
    new_host_cases,
    rehearsal_cases,
    restore_cases,
    routes_cases,
    services_cases,
    spool_cases,
    system_cases,
    term_cases,
    updates_cases,
    watch_cases,
)
from tests.adapters.windows.script_cases import NOW, Case, Failed
from tests.lab.windows.pwsh import Pwsh
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import ScriptError
from tests.lab.windows.twins import TWINS, answer

SCRIPTS = Path(powershell.__file__).parent / "scripts"

QUICK: tuple[Case, ...] = (
    *system_cases.CASES,
    *change_cases.CASES,
    *rehearsal_cases.CASES,
    *routes_cases.CASES,
    *services_cases.CASES,
    *spool_cases.CASES,
    *backup_cases.CASES,
    *disks_cases.CASES,
    *logs_cases.CASES,
    *updates_cases.CASES,
    *watch_cases.CASES,
    *handshakes_cases.CASES,
    *configuration_cases.CASES,
    *backup_trial_cases.CASES,
    *key_backup_cases.CASES,
    *restore_cases.CASES,
    *term_cases.CASES,
)
CASES: tuple[Case, ...] = (*QUICK, system_cases.HANGING, configuration_cases.HANGING)

NEBULA = (*nebula_cases.CASES, *authority_cases.CASES, *blocklist_cases.CASES, *new_host_cases.CASES)
"""Cases of `test_nebula_contract`."""


def told(case: Case) -> str:
    return f"{case.script.name}: {case.story}"


def answer_of_the_twin(case: Case, state: WindowsState) -> Any:
    try:
        return answer(case.script.name, case.arguments, state, NOW)
    except ScriptError as error:
        return Failed(error.id.partition(",")[0], clean_line(error.message))


def answer_of_powershell(case: Case, state: WindowsState, pwsh: Pwsh) -> Any:
    request = powershell.pack_request("nonce", powershell.load_script(case.script.name), case.arguments)
    try:
        return powershell.unpack_answer(pwsh.run(request, state, NOW), "nonce", case.script.action.output_limit)
    except ActionFailed as error:
        return Failed(error.code, error.phrase.values["message"])


@pytest.mark.parametrize("case", CASES, ids=told)
def test_the_twin_answers_as_agreed(case: Case) -> None:
    agreed = case.expected
    if isinstance(agreed, Failed):
        agreed = Failed(agreed.code, clean_line(agreed.message))
    assert agreed == answer_of_the_twin(case, case.state())


@pytest.mark.pwsh
@pytest.mark.parametrize("case", [*QUICK, pytest.param(system_cases.HANGING, marks=pytest.mark.slow)], ids=told)
def test_the_script_in_a_real_powershell_says_and_does_what_its_twin_does(case: Case, pwsh: Pwsh) -> None:
    simulated, real = case.state(), case.state()
    assert answer_of_the_twin(case, simulated) == answer_of_powershell(case, real, pwsh)
    assert simulated == real


@pytest.mark.parametrize("case", [case for case in CASES if not case.fails], ids=told)
def test_the_action_understands_every_answer(case: Case) -> None:
    assert case.script.action.parse(case.expected)


def test_every_script_has_a_twin_and_cases_of_success_and_failure() -> None:
    scripts = {path.stem for path in SCRIPTS.glob("*.ps1")}
    cases = [(case.script.name, bool(case.fails)) for case in CASES]
    cases += [(case.action.script, bool(case.fails)) for case in NEBULA]
    assert scripts == TWINS.keys()
    assert scripts == {name for name, fails in cases if not fails}
    assert scripts == {name for name, fails in cases if fails}
