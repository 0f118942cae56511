"""Snapshot of an incident's hosts when it is opened, from stored observations alone. Pure: no host is read.

alerts, sightings, changes, checks ─ take_snapshot ─▶ Snapshot ─┬─ summarize ─▶ one sentence for the timeline
                                                                └─ lines ─────▶ the answer
What was not checked lately is unknown. Each value has its age or its time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.phrase import Moment, Phrase
from bot.incidents.likely import (
    Evidence,
    LikelyCause,
    describe_alert_briefly,
    describe_change,
    find_likely_cause,
    measure_age,
    select_changes_before,
)
from bot.model.alert import Alert, AlertState
from commands.alerts.conditions import Condition
from commands.model.finding import GRADE_NAMES, Grade, list_some

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
