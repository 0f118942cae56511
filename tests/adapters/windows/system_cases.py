"""What `read-system` answers on which host."""

from collections.abc import Callable
from datetime import timedelta

from adapters.windows.system import ReadSystem, ServiceStatus
from tests.adapters.windows.log_cases import ABSENT, LOGS, NEIGHBOURS, neighbours
from tests.adapters.windows.script_cases import Case, Script, missing
from tests.lab.windows.state import Process, Program, Service, WindowsState

READ_SYSTEM = Script(
    ReadSystem(
        nebula_service="Nebula",
        gateway_service="OpenResty",
        nebula_exe=r"F:\flatnet\nebula\nebula.exe",
        gateway_exe=r"F:\flatnet\openresty\nginx.exe",
        **LOGS,
    ),
    {
        "nebula": "Running",
        "gateway": "Running",
        "nginx_processes": 2,
        "powershell_version": "5.1.20348.2227",
        "os_version": "10.0.20348",
        "nebula_version": "1.9.3",
        "nginx_version": "openresty/1.25.3.1",
        "clock": "2026-03-01T12:00:00.2500000Z",
        "booted_at": "2025-06-02T06:30:00.0000000Z",
        "logs": list(ABSENT),
    },
)


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
    Case("a healthy host", READ_SYSTEM),
    Case(
        "a service of which Windows tells nothing, which is not the same as none",
        READ_SYSTEM,
        services("Unknown", "Running"),
        differs={"nebula": "Unknown"},
    ),
    Case(
        "services that are stopped and start",
        READ_SYSTEM,
        services("Stopped", "StartPending"),
        differs={"nebula": "Stopped", "gateway": "StartPending"},
    ),
    Case(
        "services that stop and are paused",
        READ_SYSTEM,
        services("StopPending", "Paused"),
        differs={"nebula": "StopPending", "gateway": "Paused"},
    ),
    Case(
        "services that are being paused and continued",
        READ_SYSTEM,
        services("PausePending", "ContinuePending"),
        differs={"nebula": "PausePending", "gateway": "ContinuePending"},
    ),
    Case(
        "no gateway at all: no service, no process, no program",
        READ_SYSTEM,
        no_gateway,
        differs={"gateway": "Absent", "nginx_processes": 0, "nginx_version": ""},
    ),
    Case(
        "a bare nginx.exe without a service; names of services and processes ignore case",
        READ_SYSTEM,
        bare_nginx,
        given={"nebula_service": "NEBULA"},
        differs={"gateway": "Absent", "nginx_processes": 1},
    ),
    Case(
        "a program that Windows will not start, and one that says something else",
        READ_SYSTEM,
        programs(
            nebula=Program("-version", "Version: 1.9.3", condition="broken"),
            nginx=Program("-v", "no version here; see Version: 1"),
        ),
        differs={"nebula_version": "", "nginx_version": ""},
    ),
    Case(
        "WMI that does not answer, a clock that is ahead",
        READ_SYSTEM,
        ill_and_ahead,
        differs={"os_version": "", "booted_at": None, "clock": "2026-03-01T12:05:00.2500010Z"},
    ),
    Case("logs and their rotated neighbours", READ_SYSTEM, neighbours, differs={"logs": NEIGHBOURS}),
    Case(
        "names and paths that look like code stay data; a drive that does not exist hides nothing",
        READ_SYSTEM,
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
        READ_SYSTEM,
        left_out=frozenset({"gateway_service", "nebula_exe"}),
        fails=missing("gateway_service"),
    ),
)

HANGING = Case(
    "a program that never ends",
    READ_SYSTEM,
    programs(
        nebula=Program("-version", "Version: 1.10.0"),
        nginx=Program("-v", "nginx version: openresty/1.25.3.1", "stderr", "hanging"),
    ),
    differs={"nebula_version": "1.10.0", "nginx_version": ""},
)
"""Its real script waits out its own time limit."""
