"""Scope of an incident: the hosts, the alerts and the time whose events belong to its timeline. Pure.

incident, inventory ─ make_scope ─▶ Scope ─ select ─▶ an entry of this incident, or None for what does not concern it

Looks from everywhere join, also those of a private channel or a direct message. A reader of the timeline sees who looked,
when, and the command, if they may run that command themselves. The answer is not part of it: only answers that everyone in
the incident's own channel could read are stored with the incident.
"""

from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import datetime

from adapters.inventory import Inventory
from bot.model.incident import LOOKBACK_PERIOD, EntryKind, Incident, TimelineEntry
from commands.values.arguments import find_meant_names


@dataclass(frozen=True)
class Scope:
    """Scope of one incident: the events of `hosts`, and the moves of `alerts`, which a person added, since then.

    `until` is its resolution, None before it. After that only changes that were in its timeline before still join, so that
    their outcome is known. `opening` is the operation that opened the incident.
    """

    incident: int
    hosts: frozenset[str]
    alerts: frozenset[int]
    since: datetime
    until: datetime | None = None
    opening: str = ""

    def select(self, entry: TimelineEntry, joined: Set[str]) -> TimelineEntry | None:
        """Selects an entry that names no incident yet. `joined` are the changes that are in the timeline, by their ids.

        Of the hosts of a look only those of the incident are named. Its reader needs the right to its words instead.
        """
        if not self._concerns(entry) or self._is_too_late(entry, joined):
            return None
        hosts = tuple(name for name in entry.hosts if name in self.hosts) if entry.kind is EntryKind.LOOK else entry.hosts
        return replace(entry, incident=self.incident, hosts=hosts)

    def _concerns(self, entry: TimelineEntry) -> bool:
        if entry.kind is EntryKind.GAP or not self.hosts.isdisjoint(entry.hosts):
            return True
        return entry.kind is EntryKind.ALERT and entry.about in self.alerts

    def _is_too_late(self, entry: TimelineEntry, joined: Set[str]) -> bool:
        if self.until is None or entry.happened_at <= self.until:
            return False
        return entry.kind is not EntryKind.CHANGE or entry.operation not in joined


def make_scope(incident: Incident, inventory: Inventory) -> Scope:
    """Makes the scope of an incident, with the hosts that its target means now."""
    return Scope(
        incident.number,
        find_meant_names(incident.target, inventory) - {""},
        frozenset(incident.alerts),
        incident.beginning - LOOKBACK_PERIOD,
        incident.resolved_at,
        incident.operation,
    )
