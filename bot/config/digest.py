"""Digest of a configuration: equal on all machines whose copies of the bot behave alike.

What is a machine's own is left out: every path, the sockets and ports, the name of the copy, and the road to the database.
Values of secrets are no part of it, but their names are.
"""

import hashlib
import json
from collections.abc import Mapping, Set
from enum import Enum
from pathlib import PurePath
from typing import Any

from bot.config.settings import Settings

MACHINE_SETTINGS = frozenset(
    {
        "copy_name",
        "data_folder",
        "database",
        "secrets_folder",
        "socket_file",
        "socket_group",
        "status",
        "written_hosts",  # repeats hosts as they were written, with their paths
    }
)
"""Settings that may differ between the machines of one bot."""


def compute_digest(settings: Settings) -> str:
    """Computes the digest: SHA-256 over canonical JSON, as hexadecimal digits."""
    shared = settings.model_dump(exclude=set(MACHINE_SETTINGS))
    return hashlib.sha256(_encode(shared).encode("ascii")).hexdigest()


def _encode(value: Any) -> str:
    return json.dumps(_simplify(value), sort_keys=True, separators=(",", ":"))


def _simplify(value: Any) -> Any:
    """Turns a value into JSON. Paths are null; sets are sorted."""
    match value:
        case PurePath():
            return None
        case Mapping():
            return {str(_simplify(key)): _simplify(each) for key, each in value.items()}
        case Set():
            return sorted(map(_encode, value))
        case list() | tuple():
            return [_simplify(each) for each in value]
        case Enum():
            return _simplify(value.value)
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)
