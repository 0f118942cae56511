"""Completes the tables of a configuration before they are validated: defaults of the hosts, absolute paths. Pure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

PATH_KEYS = frozenset(
    {"data_folder", "secrets_folder", "ca_file", "certificate_file", "key_file", "known_hosts_file", "socket_file"}
    | {"bot_certificate", "folder"}
)
"""Keys whose relative paths start at the folder of the configuration file."""

VERBATIM_TABLES = frozenset({"variables", "volumes", "written_hosts"})
"""Tables with keys that an operator chooses, of which none is a path of this machine, and settings as they were written."""


def fill_defaults(tables: dict[str, Any]) -> dict[str, Any]:
    """Completes each host's sides from `[defaults.<side>]`. A side that a host does not have stays absent."""
    defaults = tables.get("defaults", {})
    hosts, joining = tables.get("hosts"), tables.get("joining", [])
    if not isinstance(defaults, dict) or not isinstance(hosts, list):
        return dict(tables)
    rest = {name: value for name, value in tables.items() if name != "defaults"}
    return rest | {
        "hosts": [_fill_host_defaults(host, defaults) for host in hosts],
        "joining": [
            each | {"host": _fill_host_defaults(each["host"], defaults)} if "host" in each else each for each in joining
        ],
    }


def _fill_host_defaults(host: Any, defaults: Mapping[str, Any]) -> Any:
    if not isinstance(host, dict):
        return host
    sides = {
        name: dict(usual) | host[name]
        for name, usual in defaults.items()
        if isinstance(usual, dict) and isinstance(host.get(name), dict)
    }
    return host | sides


def resolve_paths(value: Any, folder: Path) -> Any:
    """Makes the paths of all `PATH_KEYS` absolute, at any depth but in `VERBATIM_TABLES`."""
    if isinstance(value, list):
        return [resolve_paths(item, folder) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _resolve_setting(key, inner, folder) for key, inner in value.items()}


def _resolve_setting(key: str, value: Any, folder: Path) -> Any:
    if key in VERBATIM_TABLES:
        return value
    return str(folder / value) if key in PATH_KEYS and isinstance(value, str) else resolve_paths(value, folder)
