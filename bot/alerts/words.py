"""Words about alerts: one sentence each, for the thread of a message or for one person. Pure.

fires       ─▶ host-b: Nebula stopped (critical), since 02:58
fires again, got worse, its acknowledgement is over
repeated    ─▶ not acknowledged for 15 min: host-b: Nebula stopped (critical)      also the second step
flapping    ─▶ flapping (5 changes within an hour), now firing: …                  in place of all others, once an hour
resolved    ─▶ resolved after 23 min: host-b: Nebula stopped
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from adapters.phrase import Moment, Phrase, Span
from bot.model.alert import Alert, AlertChange, AlertState
from bot.model.alert_notice import AlertWord, describe_alerts, measure_duration
from commands.model.finding import GRADE_NAMES, Grade, Severity, round_distance

Alerts = tuple[Alert, ...]


def make_fire_word(alerts: Alerts, changes: Sequence[AlertChange], mentions: tuple[str, ...]) -> AlertWord:
    """Makes the word that alerts fire. `changes`: the history of a single alert, oldest first, () for several."""
    severity = find_worst_severity(alerts)
    phrase = _describe_fire(alerts, changes, GRADE_NAMES[Grade.of(severity)])
    return AlertWord(severity=severity, phrase=phrase, mentions=mentions, alerts=alerts)


def make_repeat_word(alerts: Alerts, now: datetime, mentions: tuple[str, ...]) -> AlertWord:
    """Makes the word that alerts were not acknowledged for some time."""
    severity = find_worst_severity(alerts)
    since = min(alert.fired_at or alert.began_at for alert in alerts)
    phrase = Phrase(
        "not acknowledged for {span}: {alert} ({severity})",
        span=Span(round_distance(max(now - since, timedelta(minutes=1))).total_seconds()),
        alert=describe_alerts(alerts),
        severity=GRADE_NAMES[Grade.of(severity)],
    )
    return AlertWord(severity=severity, phrase=phrase, mentions=mentions, alerts=alerts)


def make_flapping_word(alert: Alert, changes: int, mentions: tuple[str, ...]) -> AlertWord:
    """Makes the word that an alert changed so often within the last hour. Only a firing one notifies people."""
    values: dict[str, Any] = {"n": changes, "alert": describe_alerts((alert,))}
    if not alert.open:
        resolved = Phrase("flapping ({n} changes within an hour), now resolved: {alert}", **values)
        return AlertWord(severity=None, phrase=resolved)
    firing = Phrase("flapping ({n} changes within an hour), now open: {alert}", **values)
    return AlertWord(severity=alert.severity, phrase=firing, mentions=mentions, alerts=(alert,))


def make_resolved_word(alerts: Alerts) -> AlertWord:
    """Makes the word that alerts are resolved, with the time that they lasted. It has no mentions."""
    if len(alerts) == 1 and alerts[0].outcome is not None:
        return AlertWord(severity=None, phrase=alerts[0].outcome)
    phrase = Phrase("resolved after {span}: {alert}", span=measure_duration(alerts), alert=describe_alerts(alerts))
    return AlertWord(severity=None, phrase=phrase)


def find_worst_severity(alerts: Alerts) -> Severity:
    """Finds the worst severity of some alerts; at least one."""
    return min((alert.severity for alert in alerts), key=lambda each: each.rank)


def _describe_fire(alerts: Alerts, changes: Sequence[AlertChange], severity: Phrase) -> Phrase:
    """Describes a fire by the last two moves: the first one, or why it fires again."""
    said = describe_alerts(alerts)
    if len(changes) < 2 or changes[-2].state is AlertState.PENDING:
        since = min(alert.began_at for alert in alerts)
        return Phrase("{alert} ({severity}), since {at}", alert=said, severity=severity, at=Moment(since))
    before, after = changes[-2:]
    if before.state is AlertState.RESOLVED:
        return Phrase("fires again: {alert} ({severity})", alert=said, severity=severity)
    if after.severity.rank < before.severity.rank:
        return Phrase("got worse: {alert} ({severity})", alert=said, severity=severity)
    if before.state is AlertState.ACKNOWLEDGED:
        return Phrase("the acknowledgement has ended. Still firing: {alert} ({severity})", alert=said, severity=severity)
    return Phrase("still firing: {alert} ({severity})", alert=said, severity=severity)
