"""The simulated Windows host behind the lab's answers: its state, and a real PowerShell on top of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest

from adapters.errors import ActionFailed
from adapters.windows import powershell
from tests.adapters.windows import change_cases, system_cases
from tests.adapters.windows.script_cases import Case
from tests.lab.windows.pwsh import Machine, Pwsh, find_pwsh
from tests.lab.windows.state import WindowsState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_state_survives_its_json() -> None:
    state = WindowsState.healthy(1, "host-a")
    state.files[PureWindowsPath(r"F:\flatnet\config\nebula\config.yaml")] = "pki: {}  # 日本\n"
    state.clock_offset = timedelta(seconds=-1.5)
    assert state == WindowsState.from_json(state.to_json())


@pytest.mark.parametrize("document", [None, {}, {"computer_name": "X", "booted_at": "yesterday"}])
def test_what_is_no_state_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="WindowsState"):
        WindowsState.from_json(document)


def test_the_lighthouse_has_nebula_and_no_gateway() -> None:
    state = WindowsState.healthy(0, "lighthouse")
    assert (["Nebula"], ["nebula"]) == (list(state.services), [process.name for process in state.processes])


def test_names_ignore_case_as_on_windows() -> None:
    state = WindowsState.healthy(1, "host-a")
    assert state.service("NEBULA") is state.services["Nebula"]
    assert state.program(r"f:\FLATNET\nebula\Nebula.exe") is not None
    assert (state.service("Nebula2"), state.program(r"F:\flatnet\nebula\nebula")) == (None, None)


def test_powershell_is_the_named_one_else_the_one_on_the_path_else_none(tmp_path: Path) -> None:
    """So a checkout may use a PowerShell that is not installed."""
    for name in ("pwsh", "mine"):
        (tmp_path / name).touch(mode=0o700)
    path, empty = str(tmp_path), str(tmp_path / "empty")
    assert find_pwsh({"FLATNET_PWSH": f"{path}/mine", "PATH": path}) == tmp_path / "mine"
    assert find_pwsh({"FLATNET_PWSH": "", "PATH": path}) == tmp_path / "pwsh"
    assert find_pwsh({"PATH": empty}) is None


@pytest.mark.pwsh
def test_a_real_powershell_finds_itself_on_the_simulated_host(pwsh: Pwsh) -> None:
    """Its name, its version, its drives with their files."""
    state = WindowsState.healthy(1, "host-a")
    state.files[PureWindowsPath(r"F:\flatnet\note.txt")] = "日本\n"
    script = r"""
        param($a)
        @{
            name = $env:COMPUTERNAME
            version = $PSVersionTable.PSVersion.Major
            text = Get-Content -LiteralPath $a.path -Encoding utf8
            other = Test-Path -LiteralPath 'G:\flatnet'
        }
    """
    stdout = pwsh.run(powershell.pack_request("n", script, {"path": r"F:\flatnet\note.txt"}), state, NOW)
    assert powershell.unpack_answer(stdout, "n", 1000) == {"name": "HOST-A", "version": 5, "text": "日本", "other": False}


def asked(machine: Machine, script: str) -> Any:
    """What a script of a test answers."""
    return powershell.unpack_answer(machine.run(powershell.pack_request("n", script, {})), "n", 1000)


@pytest.mark.pwsh
def test_a_request_finds_nothing_of_the_one_before(pwsh: Pwsh) -> None:
    """One PowerShell answers many; each finds what a new one would find."""
    leave = r"""
        $global:left = 1
        $env:LEFT = 'x'
        $env:ProgramData = 'C:\elsewhere'
        function global:Get-Date { 'never' }
        Set-Alias -Name left -Value Get-Item -Scope Global
        Set-Location -LiteralPath F:\flatnet
        $ErrorActionPreference = 'SilentlyContinue'
        $null = New-PSDrive -Name L -PSProvider FileSystem -Root / -Scope Global
        Remove-Module LabWindows
        @{ left = 1 }
    """
    look = r"""
        $variable = Get-Variable -Name left -Scope Global -ErrorAction SilentlyContinue
        $alias = Get-Alias -Name left -ErrorAction SilentlyContinue
        @{
            variable = $null -ne $variable
            environment = [string]$env:LEFT + $env:ProgramData
            date = (Get-Date).Year
            alias = $null -ne $alias
            folder = (Get-Location).Path
            errors = [string]$ErrorActionPreference
            drive = Test-Path -LiteralPath 'L:\'
            array = $null -ne (Get-TypeData -TypeName System.Array)
        }
    """
    with pwsh.machine(WindowsState.healthy(1, "host-a"), NOW) as machine:
        found = asked(machine, look)
        asked(machine, leave)
        again = asked(machine, look)
        alone = powershell.unpack_answer(machine.run_alone(powershell.pack_request("n", look, {})), "n", 1000)
    assert found == again == alone
    assert (False, "C:\\ProgramData", 2026, False, False) == (
        found["variable"], found["environment"], found["date"], found["alias"], found["drive"],
    )  # fmt: skip


ALONE = (system_cases.CASES[0], change_cases.BEGINNING[1], change_cases.ABORTING[0], change_cases.CONFIRMING[1])


@pytest.mark.pwsh
@pytest.mark.slow
@pytest.mark.parametrize("case", ALONE, ids=lambda case: case.script.name)
def test_a_powershell_that_serves_many_answers_as_one_that_is_started_for_it(case: Case, pwsh: Pwsh) -> None:
    request = powershell.pack_request("n", powershell.load_script(case.script.name), case.arguments)
    first, second = case.state(), case.state()
    with pwsh.machine(first, NOW) as machine:
        many = machine.run(request)
    with pwsh.machine(second, NOW) as machine:
        alone = machine.run_alone(request)
    assert unpacked(many) == unpacked(alone)
    assert first == second


def unpacked(stdout: bytes) -> Any:
    """The answer, or the error with its code."""
    try:
        return powershell.unpack_answer(stdout, "n", 10_000)
    except ActionFailed as error:
        return error.code, error.phrase.values


@pytest.mark.pwsh
def test_a_powershell_that_ends_in_the_middle_is_said_so_and_the_next_one_answers(pwsh: Pwsh) -> None:
    with pwsh.machine(WindowsState.healthy(1, "host-a"), NOW) as machine:
        with pytest.raises(RuntimeError, match="PowerShell ended"):
            asked(machine, "[Environment]::Exit(3)")
        assert {"a": 1} == asked(machine, "@{ a = 1 }")
