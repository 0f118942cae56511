"""What the scripts of services answer on which host, and how they leave it."""

from adapters.windows.services import ReadServices, SetStartTypes, StartSetting
from tests.adapters.windows.script_cases import Case, Failed, Script, missing
from tests.lab.windows.state import Process, Service, WindowsState

SINCE = "2025-06-02T06:30:40.0000000Z"
NEBULA = {"name": "Nebula", "status": "Running", "start_type": "Automatic", "since": SINCE}
GATEWAY = NEBULA | {"name": "OpenResty"}

READ_SERVICES = Script(
    ReadServices(nebula_service="Nebula", gateway_service="OpenResty"),
    {"nebula": NEBULA, "gateway": GATEWAY, "nginx_processes": 2},
)

SET_START_TYPES = Script(
    SetStartTypes(
        services=(
            StartSetting(name="Nebula", start_type="Manual"),
            StartSetting(name="OpenResty", start_type="Manual"),
        )
    ),
    {"changed": True},
)


def stopped_and_disabled(state: WindowsState) -> None:
    state.services |= {"Nebula": Service("Stopped", "Manual"), "OpenResty": Service("StopPending", "Disabled")}


def untold(state: WindowsState) -> None:
    state.services["Nebula"].status = "Unknown"
    state.wmi = False


def bare_nginx(state: WindowsState) -> None:
    del state.services["OpenResty"]
    state.services["Nebula"].pid = 4321
    state.processes[1:] = [Process("NGINX", 1)]


def odd_names(state: WindowsState) -> None:
    state.services[r"it's \ odd"] = Service(pid=1200)


def without_gateway(state: WindowsState) -> None:
    del state.services["OpenResty"]


CASES = (
    Case("a healthy host", READ_SERVICES),
    Case(
        "services that do not run have no time, and their start types are told",
        READ_SERVICES,
        stopped_and_disabled,
        differs={
            "nebula": NEBULA | {"status": "Stopped", "start_type": "Manual", "since": None},
            "gateway": GATEWAY | {"status": "StopPending", "start_type": "Disabled", "since": None},
        },
    ),
    Case(
        "a service that Windows tells nothing of, and WMI that does not answer, hide nothing else",
        READ_SERVICES,
        untold,
        differs={
            "nebula": NEBULA | {"status": "Unknown", "start_type": "Unknown", "since": None},
            "gateway": GATEWAY | {"since": None},
        },
    ),
    Case(
        "a bare nginx.exe without a service, and a service whose process is gone",
        READ_SERVICES,
        bare_nginx,
        differs={
            "nebula": NEBULA | {"since": None},
            "gateway": GATEWAY | {"status": "Absent", "start_type": "Unknown", "since": None},
            "nginx_processes": 1,
        },
    ),
    Case(
        "names are data in every query, and ignore case",
        READ_SERVICES,
        odd_names,
        given={"nebula_service": r"it's \ odd", "gateway_service": "OPENRESTY"},
        differs={"nebula": NEBULA | {"name": r"it's \ odd"}, "gateway": GATEWAY | {"name": "OPENRESTY"}},
    ),
    Case(
        "names that look like code or like patterns name no service",
        READ_SERVICES,
        given={"nebula_service": "x'; Remove-Item F:\\ -Recurse #", "gateway_service": "$(Get-Date)"},
        differs={
            "nebula": {
                "name": "x'; Remove-Item F:\\ -Recurse #",
                "status": "Absent",
                "start_type": "Unknown",
                "since": None,
            },
            "gateway": {"name": "$(Get-Date)", "status": "Absent", "start_type": "Unknown", "since": None},
        },
    ),
    Case(
        "an argument that is missing",
        READ_SERVICES,
        left_out=frozenset({"gateway_service"}),
        fails=missing("gateway_service"),
    ),
    Case("both services are to be started by hand", SET_START_TYPES),
    Case(
        "start types that differ from the wanted ones, of services that do not run",
        SET_START_TYPES,
        stopped_and_disabled,
    ),
    Case(
        "start types that are as wanted",
        SET_START_TYPES,
        given={"services": [{"name": "nebula", "start_type": "Automatic"}]},
        differs={"changed": False},
    ),
    Case(
        "a service that is absent, so none is set",
        SET_START_TYPES,
        without_gateway,
        fails=Failed("ServiceAbsent", "there is no service OpenResty"),
    ),
    Case(
        "a service that Windows tells nothing of",
        SET_START_TYPES,
        untold,
        fails=Failed(
            "CouldNotGetServiceInfo", "Service 'Nebula' cannot be queried due to the following error: Access is denied."
        ),
    ),
    Case(
        "a name that looks like a pattern names no service",
        SET_START_TYPES,
        given={"services": [{"name": "[N]ebula", "start_type": "Disabled"}]},
        fails=Failed("ServiceAbsent", "there is no service [N]ebula"),
    ),
    Case("no services given", SET_START_TYPES, left_out=frozenset({"services"}), fails=missing("services")),
)
