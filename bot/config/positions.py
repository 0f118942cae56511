"""Complaints with their places: key paths as readers know them, with files and lines. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from adapters.phrase import Phrase
from bot.config.errors import Complaint
from bot.config.host_files import HostFile
from bot.config.toml_positions import KeyPath, find_line, find_lines


@dataclass(frozen=True)
class Positions:
    """Positions of keys in the configuration file, whose text this is, and in the files of the host folder.

    `tables` are those of all files together, with the hosts of the host folder last.
    """

    text: str
    tables: dict[str, Any]
    host_files: tuple[HostFile, ...]

    def make_complaints(self, found: Iterable[tuple[KeyPath, Phrase]]) -> tuple[Complaint, ...]:
        """Makes complaints in the order of the files and lines."""
        lines = find_lines(self.text)
        complaints = [self._make_complaint(path, phrase, lines) for path, phrase in found]
        return tuple(sorted(complaints, key=lambda each: (str(each.file or ""), each.line or 0, each.key)))

    def _make_complaint(self, path: KeyPath, phrase: Phrase, lines: dict[KeyPath, int]) -> Complaint:
        key = _format_key_path(path, self.tables)
        own = self._find_host_file(path)
        if own is None:
            return Complaint(key, find_line(path, lines), phrase)
        return Complaint(key, find_line(path[2:], find_lines(own.text)), phrase, own.path)

    def _find_host_file(self, path: KeyPath) -> HostFile | None:
        """Finds the file of the host folder that a key path leads to; None for the configuration file."""
        hosts = self.tables.get("hosts")
        if len(path) < 2 or path[0] != "hosts" or not isinstance(path[1], int) or not isinstance(hosts, list):
            return None
        place = path[1] - (len(hosts) - len(self.host_files))
        return self.host_files[place] if 0 <= place < len(self.host_files) else None


def _format_key_path(path: KeyPath, tables: Any) -> str:
    """Formats a key path for readers, with hosts and people by name: `hosts[host-b].windows.url`."""
    shown, here = "", tables
    for part in path:
        here = _get_item(here, part)
        if isinstance(part, int):
            name = here.get("name") if isinstance(here, dict) else None
            shown += f"[{name if isinstance(name, str) else part + 1}]"
        else:
            shown += f".{part}" if shown else part
    return shown


def _get_item(value: Any, part: str | int) -> Any:
    try:
        return value[part]
    except (KeyError, IndexError, TypeError):
        return None
