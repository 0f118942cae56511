"""Machines that no configuration knows yet, as a person has set them up before `host add`.

    blank: nothing answers ─ prepare ─▶ WinRM and sshd answer, the helper is there ─ the bot ─▶ a member

Nebula's, nebula-cert's and the gateway's programs lie there, their services are registered and have never run, and the
network plug-in is installed without its configuration. Each machine has a certificate of WinRM and an SSH host key of its
own, so that another one at the same address is seen to be another one.
"""

from datetime import datetime
from pathlib import PureWindowsPath

from adapters.inventory import WindowsPaths
from tests.lab.gateway.state import GatewayState, Lua
from tests.lab.windows.disks import install
from tests.lab.windows.nginx import PROXY_PARAMETERS
from tests.lab.windows.state import WindowsState
from tests.lab.wsl.programs_backup import CONFLIST
from tests.lab.wsl.state import Helper, WslState

PATHS = WindowsPaths.model_validate({})

LUA_MODULE = PureWindowsPath(PATHS.gateway_config).parent / "lualib" / "flatnet" / "sync.lua"

MANAGED = ("forwarding", "containers")
"""Areas of the helper that prepare-wsl.sh allows on a new machine."""


def make_windows(number: int, name: str, now: datetime) -> WindowsState:
    """Windows of a new machine: programs and services, but nothing that was configured or started."""
    state = WindowsState.healthy(number, name)
    install(state, "1.9.3")
    state.processes.clear()
    state.routes.clear()
    for service in state.services.values():
        service.status, service.pid, service.start_type = "Stopped", 0, "Manual"
    state.write(LUA_MODULE, "local M = {}\nreturn M\n", now)
    state.write(PROXY_PARAMETERS, "proxy_http_version 1.1;\nproxy_read_timeout 60s;\n", now)
    return state


def make_wsl(number: int, now: datetime) -> WslState:
    """WSL2 of a new machine: podman without Flatnet's network, and no bridge."""
    state = WslState.healthy(number, now)
    state.containers, state.networks = [], {"podman"}
    state.bridge_exists = state.bridge_up = state.forwarding = state.kept_at_boot = False
    state.plugin.files.pop(CONFLIST)
    return state


def make_gateway(number: int) -> GatewayState:
    """A gateway that has never had a configuration."""
    state = GatewayState.healthy(number, [])
    state.lua = Lua.INIT_FAILED
    return state


def allow_changes(state: WslState, number: int) -> None:
    """What `prepare-wsl.sh --manage … --id N` leaves."""
    state.helper, state.address = Helper(areas=MANAGED), f"10.87.{number}.1"
