"""Conflicts of a new incident with others in which people work: the same host, or the same alert. Pure.

new scope, others ─ find_conflicts ─▶ those that share something ─ split_by_reader ─┬─ known ──▶ join, or open another one?
                                                                                    └─ hidden ─▶ never named

Snapshot of an incident's hosts when it is opened, from stored observations alone. Pure: no host is read.

alerts, sightings, changes, checks ─ take_snapshot ─▶ Snapshot ─┬─ summarize ─▶ one sentence for the timeline
                                                                └─ lines ─────▶ the answer
What was not checked lately is unknown. Each value has its age or its time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.inventory import Inventory
from adapters.phrase import Moment, Phrase
from bot.incidents.rules.likely_causes import (
    Evidence,
    LikelyCause,
    describe_alert_briefly,
    describe_change,
    find_likely_cause,
    measure_age,
    select_changes_before,
)
from bot.incidents.rules.transitions import NotNow
from bot.incidents.rules.visibility import IncidentReader
from bot.model.alert import Alert, AlertState
from bot.model.incident import Incident
from commands.alerts.conditions import Condition
from commands.model.finding import GRADE_NAMES, Grade, list_some
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


MAX_ALERTS = 5
"""Maximum number of alerts and of changes that a snapshot describes. More are counted."""


@dataclass(frozen=True)
class Sightings:
    """Hosts that were checked since a time: those that answered at least once, and those that did not."""

    since: datetime
    answered: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Snapshot:
    """State of the hosts at a time. `hosts` are the names that a reader needs the right to.

    `began` says when the problem began, `verdict` counts the hosts by their state, and `unknown` explains those whose state
    is not known. `alerts` and `changes` have a phrase each.
    """

    at: datetime
    began: Phrase
    verdict: Phrase
    likely: LikelyCause
    unknown: tuple[Phrase, ...] = ()
    alerts: tuple[Phrase, ...] = ()
    changes: tuple[Phrase, ...] = ()
    hosts: tuple[str, ...] = ()

    @property
    def likely_line(self) -> Phrase:
        """The likely cause as a sentence."""
        return Phrase("Likely: {cause}", cause=self.likely.phrase)

    @property
    def lines(self) -> tuple[Phrase, ...]:
        """All sentences, the likely cause first."""
        return (self.likely_line, self.began, self.verdict, *self.alerts, *self.unknown, *self.changes)

    def summarize(self) -> Phrase:
        """Summarizes it in one text, for the timeline."""
        return Phrase("{likely}. {began}. {verdict}", likely=self.likely_line, began=self.began, verdict=self.verdict)


def take_snapshot(known: Evidence, sightings: Sightings, *, said: bool = False) -> Snapshot:
    """Takes the snapshot. `said`: a person said when the problem began."""
    of_hosts = [alert for alert in known.alerts if alert.host in known.hosts]
    likely, changes = find_likely_cause(known), select_changes_before(known)
    shown = (*known.hosts, *likely.hosts, *(host for change in changes for host in change.hosts))
    return Snapshot(
        at=known.now,
        began=_describe_beginning(known, said=said),
        verdict=_count_hosts(known, of_hosts, sightings),
        likely=likely,
        unknown=tuple(_explain_unknown(known, of_hosts, sightings)),
        alerts=tuple(_describe_alerts(of_hosts, known.now)),
        changes=tuple(_describe_changes(known)),
        hosts=tuple(dict.fromkeys(shown)),
    )


def _describe_beginning(known: Evidence, *, said: bool) -> Phrase:
    at = Moment(known.began_at)  # the timeline keeps the sentence, so it has no distance from now
    if said:
        return Phrase("began at {at}, as reported", at=at)
    if any(alert.host in known.hosts for alert in known.alerts):
        return Phrase("began at {at}, with the first alert", at=at)
    return Phrase("the beginning is not known")


def _count_hosts(known: Evidence, alerts: Sequence[Alert], sightings: Sightings) -> Phrase:
    unknown = _find_unknown(known, alerts, sightings)
    bad = {alert.host for alert in alerts} - unknown
    return Phrase(
        "{n} host: {bad} with alerts, {unknown} unknown, {rest} without alerts (checked since {at})",
        plural="{n} hosts: {bad} with alerts, {unknown} unknown, {rest} without alerts (checked since {at})",
        n=len(known.hosts),
        bad=len(bad),
        unknown=len(unknown),
        rest=len(known.hosts) - len(bad) - len(unknown),
        at=Moment(sightings.since),
    )


def _find_unknown(known: Evidence, alerts: Sequence[Alert], sightings: Sightings) -> set[str]:
    """Finds the hosts whose state is not known: silent ones, and those that were not checked lately and have no alert."""
    silent = {alert.host for alert in alerts if alert.condition is Condition.SILENT}
    troubled = {alert.host for alert in alerts}
    return silent | {host for host in known.hosts if host not in troubled | sightings.answered}


def _explain_unknown(known: Evidence, alerts: Sequence[Alert], sightings: Sightings) -> Iterator[Phrase]:
    unknown = _find_unknown(known, alerts, sightings)
    reported = {alert.host for alert in alerts}
    silent = [host for host in known.hosts if host in unknown & sightings.silent - reported]
    unchecked = [host for host in known.hosts if host in unknown - sightings.silent - reported]
    if silent:
        yield Phrase("not responding since {at}: {hosts}", at=Moment(sightings.since), hosts=list_some(silent))
    if unchecked:
        yield Phrase("not checked since {at}: {hosts}", at=Moment(sightings.since), hosts=list_some(unchecked))


def _describe_alerts(alerts: Sequence[Alert], now: datetime) -> Iterator[Phrase]:
    worst = sorted(alerts, key=lambda alert: (alert.severity.rank, alert.began_at, alert.number))
    for alert in worst[:MAX_ALERTS]:
        described = Phrase(
            "{alert}, since {at} (checked {age} ago)",
            alert=describe_alert_briefly(alert),
            at=Moment(alert.began_at),
            age=measure_age(alert.checked_at, now),
        )
        severity = GRADE_NAMES[Grade(alert.severity)]
        if alert.state is AlertState.ACKNOWLEDGED:
            person = alert.acknowledged_by
            yield Phrase("{severity}, acknowledged by {person}: {alert}", severity=severity, person=person, alert=described)
        else:
            yield Phrase("{severity}: {alert}", severity=severity, alert=described)
    if len(worst) > MAX_ALERTS:
        yield Phrase("{n} more alert", plural="{n} more alerts", n=len(worst) - MAX_ALERTS)


def _describe_changes(known: Evidence) -> Iterator[Phrase]:
    """Describes the changes of the hour before, the newest first."""
    newest = sorted(select_changes_before(known), key=lambda change: change.at, reverse=True)
    for change in newest[:MAX_ALERTS]:
        yield Phrase("changed: {change}", change=describe_change(change, known.began_at))
    if len(newest) > MAX_ALERTS:
        yield Phrase("{n} more change", plural="{n} more changes", n=len(newest) - MAX_ALERTS)
