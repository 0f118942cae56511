"""Path of the control socket, found without loading the whole configuration: `do` asks a running bot at once."""

import os
import tomllib
from pathlib import Path

from bot.control.output_client import MAX_PATH_BYTES

MAX_FILE_BYTES = 1_000_000
"""Maximum size of the configuration file. 254 hosts written out in full need about 150 kB."""

DATA_FOLDER, SOCKET_NAME = "var", "control.sock"
"""Defaults: the data folder, beside the configuration file, and the socket in it."""


def find_control_socket(file: Path) -> Path | None:
    """Return the path of `Settings.control_socket`; None if it cannot be read here, so that the settings must be parsed."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
        tables = tomllib.loads(content.decode("utf-8-sig")) if len(content) <= MAX_FILE_BYTES else {"data_folder": None}
    except (OSError, ValueError, RecursionError):
        return None
    socket_file, data_folder = tables.get("socket_file"), tables.get("data_folder", DATA_FOLDER)
    folder = file.absolute().parent
    if not isinstance(data_folder, str) or not isinstance(socket_file, str | None):
        return None
    path = folder / data_folder / SOCKET_NAME if socket_file is None else folder / socket_file
    return path if len(os.fsencode(path)) <= MAX_PATH_BYTES else None
