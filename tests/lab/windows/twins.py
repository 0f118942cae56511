"""The Windows scripts once more, in Python, acting on a simulated host.

Each twin answers as the real script would, failures included; the contract suite runs both and
compares. A script is known by its name without `.ps1`.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from adapters.windows.powershell import load_script
from tests.lab.windows import (
    twins_authority,
    twins_backup_trial,
    twins_backups,
    twins_change,
    twins_configuration,
    twins_disks,
    twins_good,
    twins_handshakes,
    twins_key_backup,
    twins_logs,
    twins_nebula,
    twins_new_host,
    twins_nginx,
    twins_rehearsal,
    twins_restore,
    twins_routes,
    twins_spool,
    twins_term,
    twins_watch,
)
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import ScriptError, Twin, read_status, round_trip
from tests.lab.windows.updates import read_updates


def answer(script: str, arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    """What the script returns on that host at `now`; `ScriptError` where it fails, `KeyError` where it has no twin."""
    state.settle(now)
    return TWINS[script](_Arguments(arguments), state, now)


class _Arguments(dict[str, Any]):
    """A script's arguments under `Set-StrictMode`: one that is missing is an error."""

    def __missing__(self, name: str) -> Any:
        raise ScriptError(
            f"The property '{name}' cannot be found on this object. Verify that the property exists.",
            "System.Management.Automation.PropertyNotFoundException",
            "PropertyNotFoundStrict",
        )


def _read_system(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    return {
        "nebula": read_status(state, arguments["nebula_service"]),
        "gateway": read_status(state, arguments["gateway_service"]),
        "nginx_processes": sum(process.name.lower() == "nginx" for process in state.processes),
        "powershell_version": state.powershell_version,
        "os_version": state.os_version if state.wmi else "",
        "nebula_version": _version(state, arguments["nebula_exe"], r"Version: (\S{1,64})"),
        "nginx_version": _version(state, arguments["gateway_exe"], r"nginx version: (\S{1,64})"),
        "clock": round_trip(state.clock(now)),
        "booted_at": round_trip(state.booted_at) if state.wmi else None,
        "logs": twins_disks.read_logs(arguments, state),
    }


def _version(state: WindowsState, path: str, pattern: str) -> str:
    program = state.program(path)
    if program is None or program.condition != "working":
        return ""
    found = re.search(pattern, program.prints, re.IGNORECASE)
    return found[1] if found else ""


def _run_with_term(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    twins_term.keep_term(arguments["term"], state, now)
    return TWINS[known_scripts()[arguments["script"]]](_Arguments(arguments["args"]), state, now)


@cache
def known_scripts() -> Mapping[str, str]:
    """The names of the shipped scripts by their texts."""
    folder = files("adapters.windows").joinpath("scripts")
    names = [file.name.removesuffix(".ps1") for file in folder.iterdir() if file.name.endswith(".ps1")]
    return {load_script(name): name for name in names}


TWINS: Mapping[str, Twin] = {
    "with-term": _run_with_term,
    "read-system": _read_system,
    "read-updates": read_updates,
    **twins_backup_trial.TWINS,
    **twins_backups.TWINS,
    **twins_authority.TWINS,
    **twins_change.TWINS,
    **twins_configuration.TWINS,
    **twins_disks.TWINS,
    **twins_good.TWINS,
    **twins_handshakes.TWINS,
    **twins_key_backup.TWINS,
    **twins_logs.TWINS,
    **twins_nebula.TWINS,
    **twins_new_host.TWINS,
    **twins_nginx.TWINS,
    **twins_rehearsal.TWINS,
    **twins_restore.TWINS,
    **twins_routes.TWINS,
    **twins_spool.TWINS,
    **twins_term.TWINS,
    **twins_watch.TWINS,
}
