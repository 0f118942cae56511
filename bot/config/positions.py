"""Complaints with their places: key paths as readers know them, with files and lines. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from adapters.phrase import Phrase
from bot.config.errors import Complaint
from bot.config.hosts import HostTables, Source, find_own_path
from bot.config.toml import KeyPath, find_line, find_lines


@dataclass(frozen=True)
class Positions:
    """Positions of keys in the configuration file, whose text this is, and in the files of the host folder.

    `tables` are those of all files together, and `hosts` says where those of hosts come from.
    """

    text: str
    tables: dict[str, Any]
    hosts: HostTables | None

    def make_complaints(self, found: Iterable[tuple[KeyPath, Phrase]]) -> tuple[Complaint, ...]:
        """Makes complaints in the order of the files and lines."""
        lines = find_lines(self.text)
        complaints = [self._make_complaint(path, phrase, lines) for path, phrase in found]
        return tuple(sorted(complaints, key=lambda each: (str(each.file or ""), each.line or 0, each.key)))

    def _make_complaint(self, path: KeyPath, phrase: Phrase, lines: dict[KeyPath, int]) -> Complaint:
        key, source = _format_key_path(path, self.tables), self._find_source(path)
        if source is None:
            return Complaint(key, find_line(path, lines), phrase)
        if isinstance(source, int):
            return Complaint(key, find_line(("hosts", source, *path[2:]), lines), phrase)
        own = find_own_path(str(path[0]), path[2:])
        shown = _format_key_path(own, {}, f"hosts[{source.path.stem}]")
        return Complaint(shown, find_line(own, find_lines(source.text)), phrase, source.path)

    def _find_source(self, path: KeyPath) -> Source | None:
        """Finds where the table of a host comes from that a key path leads to; None for what is no host."""
        sources = self.hosts.sources.get(str(path[0]), ()) if self.hosts is not None and path else ()
        place = path[1] if len(path) > 1 else None
        return sources[place] if isinstance(place, int) and place < len(sources) else None


def _format_key_path(path: KeyPath, tables: Any, shown: str = "") -> str:
    """Formats a key path for readers, behind `shown`, with hosts and people by name: `hosts[host-b].windows.url`."""
    here = tables
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
