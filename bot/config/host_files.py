"""The host folder: hosts that the bot itself keeps, one file for each, beside those of the configuration file.

    DATA_FOLDER/hosts.d/NAME.toml   the keys of one [[hosts]] table, with `name = "NAME"`

`host add`, `host remove` and `host edit` write these files; everything else only reads them. `bot.config.host_tables` says
what the files of members, of hosts that are being added and of removed hosts have beside those keys.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.phrase import Phrase
from bot.config.errors import Complaint, ConfigurationError
from bot.config.toml_text import decode_text, make_syntax_complaint

HOST_FOLDER = "hosts.d"

MAX_HOST_FILE_BYTES = 64_000
"""Maximum size of one file. A host that is written out in full needs less than 2 kB."""

MAX_HOST_FILES = 1_000
"""Maximum number of files: the 254 hosts that a fleet can have, and hosts that were removed over the years."""


@dataclass(frozen=True)
class HostFile:
    """One file of the host folder, with its text and its table."""

    path: Path
    text: str
    table: Mapping[str, Any]


def find_host_file(data_folder: Path, name: str) -> Path:
    """Returns the path of the file of a host."""
    return data_folder / HOST_FOLDER / f"{name}.toml"


def read_host_files(data_folder: Path, configuration: Path) -> tuple[HostFile, ...]:
    """Reads the host folder, in the order of the names. Files with other endings are left alone.

    Raises `ConfigurationError` about `configuration`, with all complaints.
    """
    folder = data_folder / HOST_FOLDER
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigurationError(configuration, (_make_unreadable(folder, error),)) from error
    _require_few(len(paths), folder, configuration)
    read = [_read_host_file(path) for path in paths]
    complaints = tuple(each for each in read if isinstance(each, Complaint))
    if complaints:
        raise ConfigurationError(configuration, complaints)
    return tuple(each for each in read if isinstance(each, HostFile))


def replace_host_file(
    files: tuple[HostFile, ...], path: Path, content: bytes | None, configuration: Path
) -> tuple[HostFile, ...]:
    """Returns the files with another content of one of them, which may be new; without it for None. Nothing is written.

    Raises `ConfigurationError` about `configuration` if the content cannot be that of such a file.
    """
    others = [file for file in files if file.path != path]
    if content is None:
        return tuple(others)
    parsed = _parse_host_file(path, content)
    if isinstance(parsed, Complaint):
        raise ConfigurationError(configuration, (parsed,))
    _require_few(len(others) + 1, path.parent, configuration)
    return tuple(sorted([*others, parsed], key=lambda file: file.path))


def _require_few(count: int, folder: Path, configuration: Path) -> None:
    if count > MAX_HOST_FILES:
        phrase = Phrase("has more than {n} hosts. Remove those that do not belong there", n=MAX_HOST_FILES)
        raise ConfigurationError(configuration, (Complaint("", None, phrase, folder),))


def _read_host_file(path: Path) -> HostFile | Complaint:
    try:
        if path.is_symlink():
            return Complaint("", None, Phrase("is a link. Replace it by the file itself"), path)
        with path.open("rb") as stream:
            content = stream.read(MAX_HOST_FILE_BYTES + 1)
    except OSError as error:
        return _make_unreadable(path, error)
    return _parse_host_file(path, content)


def _parse_host_file(path: Path, content: bytes) -> HostFile | Complaint:
    text = decode_text(content, MAX_HOST_FILE_BYTES)
    if isinstance(text, Complaint):
        return _put_into(text, path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return _put_into(make_syntax_complaint(error, text), path)
    except RecursionError:
        return Complaint("", None, Phrase("is nested too deeply"), path)
    if table.get("name") != path.stem:
        return Complaint("name", None, Phrase("must be {name}, as the file is called", name=path.stem), path)
    return HostFile(path, text, table)


def _put_into(complaint: Complaint, path: Path) -> Complaint:
    return Complaint(complaint.key, complaint.line, complaint.phrase, path)


def _make_unreadable(path: Path, error: OSError) -> Complaint:
    reason = error.strerror or type(error).__name__
    return Complaint("", None, Phrase("cannot be read ({reason}). Check its owner and mode", reason=reason), path)
