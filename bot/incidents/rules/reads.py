"""Reads in the channel of an incident: about its hosts and its time, shown to all there. Pure.

Looks of people at hosts: the hosts that their words meant, and looks folded for a timeline.

words ─ the grammar ─▶ an operation that reads hosts ─▶ hosts of the present inventory      none for words that do not parse
entries ─ fold_looks (pure) ─▶ entries, and in place of adjacent looks one FoldedLooks for each person
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from adapters.errors import RequestError
from adapters.inventory import Inventory
from bot.audit_log.log import MAX_RECORDED_LENGTH
from bot.model.incident import LOOKBACK_PERIOD, EntryKind, Incident, TimelineEntry
from commands.backups.listing import BackupList, BackupShow
from commands.hosts.operations import HostList, HostShow
from commands.incidents.operations import IncidentOpen, IncidentResolve
from commands.language.grammar import parse_operation
from commands.logs.operations import LOG_HISTORY_LIMIT, LogCollect
from commands.model.operation import Catalogue, FleetRead, Operation
from commands.model.times import resolve_instant
from commands.values.arguments import BadArgument, Target
from commands.values.normalize import normalize_text

_MINUTE = timedelta(minutes=1)


def apply_incident(operation: Operation, incident: Incident | None, now: datetime) -> Operation:
    """Adapt an operation to the channel of an incident. Pure.

    A read is shown to all there if its opener chose so. Unless its words name others, it is about the incident's hosts and
    the time since it began, and a while before. The opening, once the opener has chosen, and the end are shown to all
    there in any case. Other operations stay as they are.
    """
    if (isinstance(operation, IncidentOpen) and operation.opens_here) or (
        isinstance(operation, IncidentResolve) and incident is not None
    ):
        return operation.model_copy(update={"here": True})
    if incident is None or not isinstance(operation, FleetRead | LogCollect | HostList | HostShow):
        return operation
    fields, said = type(operation).model_fields, operation.model_fields_set
    meant: dict[str, Any] = {"here": operation.here or incident.shared}
    if "target" in fields and "target" not in said:
        meant["target"] = Target(parts=tuple(incident.target.split(",")))
    since = _measure_lookback(incident, now)
    until = getattr(operation, "until", None)  # a period that ends before the incident cannot start with it
    if (
        "since" in fields
        and "since" not in said
        and (until is None or resolve_instant(until, now, LOG_HISTORY_LIMIT) > now - since)
    ):
        meant["since"] = since
    return operation.model_copy(update=meant)


def leave_out_removed(incident: Incident, inventory: Inventory) -> Incident:
    """Return an incident without the hosts that have left the configuration, unless no other is left.

    People who name no host in its channel mean those that can be read.
    """
    parts = incident.target.split(",")
    present = [part for part in parts if _matches(part, inventory)]
    return replace(incident, target=",".join(present or parts))


def _matches(part: str, inventory: Inventory) -> bool:
    try:
        return bool(Target.parse((part,)).resolve(inventory))
    except BadArgument:
        return False


def _measure_lookback(incident: Incident, now: datetime) -> timedelta:
    """Compute how long ago it began, as it can be typed: in minutes, rounded up, and at most the longest time that may be
    asked.

    The clock may have been set back since.
    """
    ago = max(now - incident.beginning, timedelta()) + LOOKBACK_PERIOD
    return min(-(-ago // _MINUTE) * _MINUTE, LOG_HISTORY_LIMIT)


MAX_KNOWN_WORDS = 1000
"""Maximum number of commands whose hosts are remembered: people and scripts repeat a few of them."""


class LookReader:
    """Finds the hosts at which people looked. `catalogue` has all operations, also those that few may run."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._inventory: Inventory | None = None
        self._known: dict[str, tuple[str, ...]] = {}

    def find_hosts(self, words: str, inventory: Inventory) -> tuple[str, ...]:
        """Finds the hosts that the words of a request meant; none if it does not look at hosts.

        Words that the audit log had to cut off may mean other hosts than those that are left, so they mean none.
        """
        if inventory is not self._inventory or len(self._known) >= MAX_KNOWN_WORDS:
            self._inventory, self._known = inventory, {}
        if words not in self._known:
            cut = len(words) >= MAX_RECORDED_LENGTH
            self._known[words] = () if cut else self._parse_hosts(words, inventory)
        return self._known[words]

    def _parse_hosts(self, words: str, inventory: Inventory) -> tuple[str, ...]:
        try:
            operation = parse_operation(normalize_text(words), self._catalogue, ())
            if not isinstance(operation, FleetRead | LogCollect) or isinstance(operation, BackupList | BackupShow):
                return ()
            return tuple(host.name for host in operation.resolve_hosts(inventory))
        except (RequestError, ValueError):
            return ()


@dataclass(frozen=True)
class FoldedLooks:
    """Looks of one person between two other entries, in the order in which they happened."""

    entries: tuple[TimelineEntry, ...]

    @property
    def author(self) -> str:
        return self.entries[0].author

    @property
    def began_at(self) -> datetime:
        return self.entries[0].happened_at

    @property
    def ended_at(self) -> datetime:
        return self.entries[-1].happened_at

    @property
    def words(self) -> tuple[str, ...]:
        """Different commands, in the order in which they were first run."""
        return tuple(dict.fromkeys(entry.words for entry in self.entries))

    @property
    def hosts(self) -> tuple[str, ...]:
        """Different hosts of the incident, in the order in which they were first looked at."""
        return tuple(dict.fromkeys(host for entry in self.entries for host in entry.hosts))


def fold_looks(entries: Iterable[TimelineEntry]) -> tuple[TimelineEntry | FoldedLooks, ...]:
    """Folds the looks between two other entries into one for each person. A single look stays an entry.

    `entries` are in the order in which they are shown, and only those that the reader may see.
    """
    folded: list[TimelineEntry | FoldedLooks] = []
    for looks, group in groupby(entries, key=lambda entry: entry.kind is EntryKind.LOOK):
        adjacent = tuple(group)
        folded += _fold_adjacent(adjacent) if looks else adjacent
    return tuple(folded)


def _fold_adjacent(looks: Sequence[TimelineEntry]) -> Iterable[TimelineEntry | FoldedLooks]:
    by_author: dict[str, list[TimelineEntry]] = {}
    for look in looks:
        by_author.setdefault(look.author, []).append(look)
    return (found[0] if len(found) == 1 else FoldedLooks(tuple(found)) for found in by_author.values())
