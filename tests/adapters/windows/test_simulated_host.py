"""The simulated Windows host behind the lab's answers: its state, and a real PowerShell on top of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path, PureWindowsPath

import pytest

from adapters.windows import powershell
from tests.lab.windows.pwsh import Pwsh, find_pwsh
from tests.lab.windows.state import Process, WindowsState

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
    assert (list(state.services), state.processes) == (["Nebula"], [Process("nebula", 1200)])


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
    stdout = pwsh.run(powershell.pack("n", script, {"path": r"F:\flatnet\note.txt"}), state, NOW)
    assert powershell.unpack(stdout, "n", 1000) == {"name": "HOST-A", "version": 5, "text": "日本", "other": False}
