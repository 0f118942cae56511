"""Conflicts of a new incident with others in which people work: the same host, or the same alert. Pure.

new scope, others ─ find_conflicts ─▶ those that share something ─ split_by_reader ─┬─ known ──▶ join, or open another one?
                                                                                    └─ hidden ─▶ never named
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adapters.inventory import Inventory
from adapters.phrase import Moment, Phrase
from bot.incidents.life import NotNow
from bot.incidents.privacy import IncidentReader
from bot.model.incident import Incident
from commands.model.finding import list_some
from commands.values.arguments import find_meant_names

MAX_OFFERED = 3
"""Maximum number of incidents that a question offers to join."""


@dataclass(frozen=True)
class NewScope:
    """Scope of an incident that is to be opened: its hosts by name, as `target` means them, and its alerts by number."""

    title: str
    target: str
    hosts: tuple[str, ...]
    alerts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Conflict:
    """An incident that shares hosts or alerts with a new one. `covers`: it has all of the new one's hosts."""

    incident: Incident
    hosts: tuple[str, ...]
    alerts: tuple[int, ...] = ()
    covers: bool = True


class ConflictFound(NotNow):
    """The requester must choose: join an incident that has the same hosts or the same alert, or open another one."""


def find_conflicts(new: NewScope, working: Iterable[Incident], inventory: Inventory) -> tuple[Conflict, ...]:
    """Finds the incidents in which people work that share a host or an alert with a new one, by number."""
    found = (_compare(new, incident, inventory) for incident in sorted(working, key=lambda each: each.number))
    return tuple(conflict for conflict in found if conflict.hosts or conflict.alerts)


def _compare(new: NewScope, incident: Incident, inventory: Inventory) -> Conflict:
    theirs = find_meant_names(incident.target, inventory)
    shared = tuple(host for host in new.hosts if host in theirs)
    alerts = tuple(alert for alert in new.alerts if alert in incident.alerts)
    return Conflict(incident, shared, alerts, covers=len(shared) == len(new.hosts))


def split_by_reader(
    conflicts: Sequence[Conflict], title: str, reader: IncidentReader
) -> tuple[tuple[Conflict, ...], tuple[Conflict, ...]]:
    """Splits conflicts into those that the requester may know of here, and hidden ones.

    An incident of the same title that the requester opened is no news, wherever others read the answer: a second click
    makes no second incident.
    """

    def is_known(incident: Incident) -> bool:
        own = incident.opened_by == reader.name and incident.title.casefold() == title.casefold()
        return own or reader.may_see(incident)

    known = tuple(conflict for conflict in conflicts if is_known(conflict.incident))
    return known, tuple(conflict for conflict in conflicts if conflict not in known)


def make_question(new: NewScope, known: Sequence[Conflict], another: str) -> ConflictFound:
    """Makes the question whether to join. `another` are the words that open one all the same."""
    offered = known[:MAX_OFFERED]
    suggestions = (*(_suggest_joining(conflict, new) for conflict in offered), another)
    what = _describe_shared(offered)
    if len(known) > 1:
        numbers = list_some([str(conflict.incident.number) for conflict in known])
        phrase = Phrase(
            "{what}: already in the incidents {numbers}. Join one, or open another one with {option}",
            what=what,
            numbers=numbers,
            option="--another",
        )
        return ConflictFound(phrase, *suggestions)
    incident = known[0].incident
    phrase = Phrase(
        "{what}: already in incident {number}, {title} (opened by {person} at {at}). "
        "Join it, or open another one with {option}",
        what=what,
        number=str(incident.number),
        title=incident.title,
        person=incident.opened_by,
        at=Moment(incident.opened_at),
        option="--another",
    )
    return ConflictFound(phrase, *suggestions)


def _describe_shared(conflicts: Sequence[Conflict]) -> Phrase:
    hosts = tuple(dict.fromkeys(host for conflict in conflicts for host in conflict.hosts))
    if hosts:
        return list_some(hosts)
    return Phrase("alert {number}", number=str(conflicts[0].alerts[0]))


def _suggest_joining(conflict: Conflict, new: NewScope) -> str:
    """Suggests the command that brings what the other one lacks, else the one that shows it."""
    number = conflict.incident.number
    if not conflict.covers:
        return f"incident add {new.target} --incident {number}"
    lacking = next((alert for alert in new.alerts if alert not in conflict.incident.alerts), 0)
    return f"incident add {lacking} --incident {number}" if lacking else f"incident show {number}"
