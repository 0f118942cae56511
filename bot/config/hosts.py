"""Tables of hosts: those of the configuration file and of the host folder, put together before they are validated. Pure.

NAME.toml                    a member; a table of this name in the configuration file is a mistake
NAME.toml, overrides = true  a member, in the place of such a table
NAME.toml, [joining]         a host that is being added; it hides such a table
NAME.toml, [removed]         a tombstone; it hides such a table

The host folder: hosts that the bot itself keeps, one file for each, beside those of the configuration file.

    DATA_FOLDER/hosts.d/NAME.toml   the keys of one [[hosts]] table, with `name = "NAME"`

`host add`, `host remove` and `host edit` write these files; everything else only reads them. `bot.config.hosts` says
what the files of members, of hosts that are being added and of removed hosts have beside those keys.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.phrase import Phrase
from bot.config.errors import Complaint, ConfigurationError
from bot.config.toml import KeyPath, decode_text, make_syntax_complaint

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


JOINING, REMOVED, OVERRIDES = "joining", "removed", "overrides"
"""Keys that only files of the host folder have."""

_FILE_SETTINGS = frozenset({JOINING, REMOVED, "written_hosts"})
"""Settings that are made of files of the host folder alone."""

SIDES = ("windows", "wsl", "gateway")
HOST_KEYS = frozenset({"labels", "lighthouse", *SIDES})
"""Keys of a [[hosts]] table beside the name and the id."""

Source = HostFile | int
"""Where a table comes from: a file of the host folder, or its index among the tables of the configuration file."""


@dataclass(frozen=True)
class HostTables:
    """Tables of members, of hosts that are being added and of removed hosts, and in the same order where each comes from."""

    members: tuple[Any, ...]
    joining: tuple[Mapping[str, Any], ...]
    removed: tuple[Mapping[str, Any], ...]
    sources: Mapping[str, tuple[Source, ...]]
    """By the key of the settings: `hosts`, `joining`, `removed`."""

    @property
    def written(self) -> dict[str, dict[str, Any]]:
        """The settings of members and hosts that are being added as they were written, by name."""
        hosts = (*self.members, *(_take_host(each) for each in self.joining))
        return {str(host.get("name")): dict(host) for host in hosts if isinstance(host, Mapping)}

    def add_to(self, tables: Mapping[str, Any]) -> dict[str, Any]:
        """Adds the tables of hosts to those of a configuration, in the form of the settings."""
        return {
            **tables,
            "hosts": list(self.members),
            "joining": [_describe_joining(each) for each in self.joining],
            "removed": [_describe_removed(each) for each in self.removed],
            "written_hosts": self.written,
        }


def sort_host_tables(given: list[Any], files: tuple[HostFile, ...]) -> HostTables:
    """Sorts the tables of hosts: `given` are those of the configuration file, and come first."""
    joining = tuple(file for file in files if JOINING in file.table and REMOVED not in file.table)
    removed = tuple(file for file in files if REMOVED in file.table)
    hidden = {file.path.stem for file in (*joining, *removed)}
    overriding = {
        file.path.stem: file for file in files if file.table.get(OVERRIDES) is True and file.path.stem not in hidden
    }
    members = [*_place_members(given, hidden, overriding)]
    placed = {file.path for _, file in members if isinstance(file, HostFile)}
    members += [(_take_member(file), file) for file in files if file.path.stem not in hidden and file.path not in placed]
    return HostTables(
        members=tuple(table for table, _ in members),
        joining=tuple(file.table for file in joining),
        removed=tuple(file.table for file in removed),
        sources={"hosts": tuple(source for _, source in members), "joining": joining, "removed": removed},
    )


def find_foreign(tables: Mapping[str, Any]) -> list[tuple[KeyPath, Phrase]]:
    """Finds settings of a configuration file that only files of the host folder have."""
    return [((key,), Phrase("unknown setting. Remove it")) for key in sorted(_FILE_SETTINGS & tables.keys())]


def _place_members(given: list[Any], hidden: set[str], overriding: Mapping[str, HostFile]) -> Iterator[tuple[Any, Source]]:
    """Yields the tables of the configuration file, without the hidden ones, and with those of files in their places."""
    taken = set[str]()
    for place, table in enumerate(given):
        name = table.get("name") if isinstance(table, Mapping) else None
        if not isinstance(name, str) or (name not in hidden and (name not in overriding or name in taken)):
            yield table, place
        elif name not in hidden:
            taken.add(name)
            yield _take_member(overriding[name]), overriding[name]


def _take_member(file: HostFile) -> dict[str, Any]:
    table = dict(file.table)
    if table.get(OVERRIDES) in (True, False):
        del table[OVERRIDES]
    return table


def _take_host(table: Mapping[str, Any]) -> dict[str, Any]:
    """Takes the keys of a [[hosts]] table out of a file."""
    return {key: value for key, value in table.items() if key in HOST_KEYS or key in ("name", "id")}


def _describe_joining(table: Mapping[str, Any]) -> dict[str, Any]:
    """Describes a host that is being added as the settings have it. It has no `host` while no side of it is pinned."""
    note = table[JOINING]
    rest = {key: value for key, value in table.items() if key not in HOST_KEYS and key not in (JOINING, OVERRIDES)}
    described = {**_take_note(JOINING, note), **rest, "labels": table.get("labels", [])}
    if "windows" in table or "wsl" in table:
        described["host"] = _take_host(table)
    return described


def _describe_removed(table: Mapping[str, Any]) -> dict[str, Any]:
    note = table[REMOVED]
    rest = {key: value for key, value in table.items() if key not in (REMOVED, OVERRIDES)}
    return {**_take_note(REMOVED, note), **rest}


def _take_note(key: str, note: Any) -> dict[str, Any]:
    """Takes what [joining] or [removed] says. Keys of the host itself do not belong there, and stay unknown."""
    if not isinstance(note, Mapping):
        return {key: note}
    return {f"{key}.{name}" if name in HOST_KEYS or name in ("name", "id", "host") else name: note[name] for name in note}


def find_own_path(key: str, path: KeyPath) -> KeyPath:
    """Finds the path inside a file of the host folder that a path of the settings, behind the index, leads to."""
    if key == "hosts" or path[:1] in (("name",), ("id",), ("labels",)):
        return path
    return path[1:] if key == "joining" and path[:1] == ("host",) else (key, *path)
