"""The contract of the Windows scripts: what each answers on which host.

The twins (`tests.lab.windows.twins`) always answer the cases; where there is a PowerShell, the real
scripts do too, and both must say the same, failures included.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import ActionFailed
from adapters.windows import powershell
from adapters.windows.action import WindowsAction
from adapters.windows.system import ReadSystem, ServiceStatus
from tests.lab.windows.pwsh import Pwsh
from tests.lab.windows.state import Process, Program, Service, WindowsState
from tests.lab.windows.twins import TWINS, ScriptError, answer

SCRIPTS = Path(powershell.__file__).parent / "scripts"

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)

ACTIONS: Mapping[str, WindowsAction[Any]] = {
    "read-system": ReadSystem(
        nebula_service="Nebula",
        gateway_service="OpenResty",
        nebula_exe=r"F:\flatnet\nebula\nebula.exe",
        gateway_exe=r"F:\flatnet\openresty\nginx.exe",
    ),
}
"""For each script the action that uses it; its arguments are what the cases change."""

WELL: Mapping[str, Mapping[str, Any]] = {
    "read-system": {
        "nebula": "Running",
        "gateway": "Running",
        "nginx_processes": 2,
        "powershell_version": "5.1.20348.2227",
        "os_version": "10.0.20348",
        "nebula_version": "1.9.3",
        "nginx_version": "openresty/1.25.3.1",
        "clock": "2026-03-01T12:00:00.2500000Z",
        "booted_at": "2025-06-02T06:30:00.0000000Z",
    },
}
"""What each script answers on a healthy host."""


@dataclass(frozen=True)
class Failed:
    """A script's error as the bot takes it: the id up to the first comma, and its words."""

    code: str
    message: str


@dataclass(frozen=True)
class Case:
    """A healthy host, `change`d; the action's arguments, with `given` instead and some `left_out`.

    The answer is that of a healthy host except for `differs`, or the failure `fails`.
    """

    story: str
    script: str
    change: Callable[[WindowsState], None] = lambda state: None
    given: Mapping[str, Any] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    differs: Mapping[str, Any] = field(default_factory=dict)
    fails: Failed | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """What the script gets."""
        given = ACTIONS[self.script].arguments() | dict(self.given)
        return {name: value for name, value in given.items() if name not in self.left_out}

    @property
    def expected(self) -> Any:
        """What the script answers, or how it fails."""
        return self.fails or {**WELL[self.script], **self.differs}

    def state(self) -> WindowsState:
        """The host of this case."""
        state = WindowsState.healthy(1, "host-a")
        self.change(state)
        return state


def services(nebula: ServiceStatus, gateway: ServiceStatus) -> Callable[[WindowsState], None]:
    return lambda state: state.services.update({"Nebula": Service(nebula), "OpenResty": Service(gateway)})


def programs(*, nebula: Program, nginx: Program) -> Callable[[WindowsState], None]:
    return lambda state: state.programs.update(dict(zip(state.programs, (nebula, nginx), strict=True)))


def no_gateway(state: WindowsState) -> None:
    del state.services["OpenResty"]
    state.processes[:] = [process for process in state.processes if process.name != "nginx"]
    state.programs.popitem()


def bare_nginx(state: WindowsState) -> None:
    del state.services["OpenResty"]
    state.processes[:] = [Process("NGINX", 1), Process("nginx-exporter", 2)]


def ill_and_ahead(state: WindowsState) -> None:
    state.wmi = False
    state.clock_offset = timedelta(minutes=5, microseconds=1)


CASES = (
    Case("a healthy host", "read-system"),
    Case(
        "a service of which Windows tells nothing, which is not the same as none",
        "read-system",
        services("Unknown", "Running"),
        differs={"nebula": "Unknown"},
    ),
    Case(
        "services that are stopped and start",
        "read-system",
        services("Stopped", "StartPending"),
        differs={"nebula": "Stopped", "gateway": "StartPending"},
    ),
    Case(
        "services that stop and are paused",
        "read-system",
        services("StopPending", "Paused"),
        differs={"nebula": "StopPending", "gateway": "Paused"},
    ),
    Case(
        "services that are being paused and continued",
        "read-system",
        services("PausePending", "ContinuePending"),
        differs={"nebula": "PausePending", "gateway": "ContinuePending"},
    ),
    Case(
        "no gateway at all: no service, no process, no program",
        "read-system",
        no_gateway,
        differs={"gateway": "Absent", "nginx_processes": 0, "nginx_version": ""},
    ),
    Case(
        "a bare nginx.exe without a service; names of services and processes ignore case",
        "read-system",
        bare_nginx,
        given={"nebula_service": "NEBULA"},
        differs={"gateway": "Absent", "nginx_processes": 1},
    ),
    Case(
        "a program that Windows will not start, and one that says something else",
        "read-system",
        programs(
            nebula=Program("-version", "Version: 1.9.3", condition="broken"),
            nginx=Program("-v", "no version here; see Version: 1"),
        ),
        differs={"nebula_version": "", "nginx_version": ""},
    ),
    Case(
        "WMI that does not answer, a clock that is ahead",
        "read-system",
        ill_and_ahead,
        differs={"os_version": "", "booted_at": None, "clock": "2026-03-01T12:05:00.2500010Z"},
    ),
    Case(
        "names and paths that look like code stay data; a drive that does not exist hides nothing",
        "read-system",
        given={
            "nebula_service": "x'; Remove-Item F:\\ -Recurse #",
            "gateway_service": '\u2019 $(Get-Date) `" 日本',
            "nebula_exe": "Z:\\no\\such.exe",
            "gateway_exe": "F:\\a; $(Get-Date)\\nginx.exe",
        },
        differs={"nebula": "Absent", "gateway": "Absent", "nebula_version": "", "nginx_version": ""},
    ),
    Case(
        "an argument that is missing",
        "read-system",
        left_out=frozenset({"gateway_service", "nebula_exe"}),
        fails=Failed(
            "PropertyNotFoundStrict",
            "The property 'gateway_service' cannot be found on this object. Verify that the property exists.",
        ),
    ),
)

HANGING = Case(
    "a program that never ends",
    "read-system",
    programs(
        nebula=Program("-version", "Version: 1.10.0"),
        nginx=Program("-v", "nginx version: openresty/1.25.3.1", "stderr", "hanging"),
    ),
    differs={"nebula_version": "1.10.0", "nginx_version": ""},
)
"""Its real script waits out its own time limit."""


def told(case: Case) -> str:
    return case.story


def answer_of_the_twin(case: Case) -> Any:
    try:
        return answer(case.script, case.arguments, case.state(), NOW)
    except ScriptError as error:
        return Failed(error.id.partition(",")[0], error.message)


def answer_of_powershell(case: Case, pwsh: Pwsh) -> Any:
    request = powershell.pack("nonce", powershell.script_text(case.script), case.arguments)
    try:
        return powershell.unpack(pwsh.run(request, case.state(), NOW), "nonce", ACTIONS[case.script].output_limit)
    except ActionFailed as error:
        return Failed(error.code, error.phrase.values["message"])


@pytest.mark.parametrize("case", [*CASES, HANGING], ids=told)
def test_the_twin_answers_as_agreed(case: Case) -> None:
    assert case.expected == answer_of_the_twin(case)


@pytest.mark.pwsh
@pytest.mark.parametrize("case", [*CASES, HANGING], ids=told)
def test_the_script_in_a_real_powershell_answers_as_its_twin(case: Case, pwsh: Pwsh) -> None:
    assert answer_of_the_twin(case) == answer_of_powershell(case, pwsh)


@pytest.mark.parametrize("case", [case for case in [*CASES, HANGING] if not case.fails], ids=told)
def test_the_action_understands_every_answer(case: Case) -> None:
    assert ACTIONS[case.script].parse(case.expected)


def test_every_script_has_a_twin_and_cases_of_success_and_failure() -> None:
    scripts = {path.stem for path in SCRIPTS.glob("*.ps1")}
    assert scripts == TWINS.keys()
    assert scripts == ACTIONS.keys()
    assert scripts == {case.script for case in CASES if not case.fails}
    assert scripts == {case.script for case in CASES if case.fails}
