"""Messages about alerts: one alert, or several that one cause explains or that fired together; and what is added to them.

A notice is edited until its alerts are resolved. A word is posted once: in the thread of the notice, where it notifies
people, or directly to a person.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from adapters.phrase import Moment, Phrase, Span
from adapters.value import Value
from bot.model.alert import Alert, AlertState, Mute, MuteKind
from commands.alerts.conditions import CONDITION_RULES
from commands.model.finding import Severity, list_some, round_distance

MAX_NAMED = 5
"""Maximum number of hosts or alerts that a sentence names. More are counted."""

DescribeTime = Callable[[datetime], Moment | Phrase]
"""Describes the end of something. A message that stays for long has a `Moment`; an answer may add the distance from now."""


class AlertNotice(Value):
    """Message about some alerts as they are `at` that time.

    `mutes` has what mutes them, by the alert's number. `left_out` counts muted alerts of the same kind that no message
    shows. `flapping` are the numbers of alerts that fire and are resolved again and again.
    """

    at: AwareDatetime
    alerts: Annotated[tuple[Alert, ...], Field(min_length=1)]
    mutes: dict[int, Mute] = Field(default_factory=dict)
    left_out: int = 0
    flapping: frozenset[int] = frozenset()

    @property
    def problems(self) -> tuple[Alert, ...]:
        """Alerts that no other of the message explains, the worst open ones first."""
        explained = {alert.number for alert in self.symptoms}
        found = [alert for alert in self.alerts if alert.number not in explained]
        return tuple(sorted(found, key=lambda alert: (not alert.open, alert.severity.rank, alert.number)))

    @property
    def symptoms(self) -> tuple[Alert, ...]:
        """Alerts that another one of the message explains. An open alert is not explained by a resolved one."""
        every = {alert.key: alert for alert in self.alerts}
        still = {key: alert for key, alert in every.items() if alert.open}
        return tuple(alert for alert in self.alerts if find_root(alert, still if alert.open else every) is not alert)

    @property
    def open(self) -> tuple[Alert, ...]:
        """Open problems, the worst first."""
        return tuple(alert for alert in self.problems if alert.open)

    @property
    def firing(self) -> tuple[Alert, ...]:
        """Problems that people should act on now: not acknowledged, not muted."""
        return tuple(alert for alert in self.open if alert.state is AlertState.FIRING and alert.number not in self.mutes)

    @property
    def state(self) -> AlertState:
        """State of the whole: firing while any problem fires."""
        states = {alert.state for alert in self.open}
        return next((each for each in (AlertState.FIRING, AlertState.ACKNOWLEDGED) if each in states), AlertState.RESOLVED)

    @property
    def severity(self) -> Severity:
        """The worst severity of the open problems, or of all once they are resolved."""
        return min((alert.severity for alert in self.open or self.problems), key=lambda each: each.rank)


class AlertWord(Value):
    """One sentence about alerts. `mentions` are the Slack ids of people and user groups to notify.

    A person who gets it directly can acknowledge `alerts` there. `severity` is None of what is resolved.
    """

    severity: Severity | None
    phrase: Phrase
    mentions: tuple[str, ...] = ()
    alerts: tuple[Alert, ...] = ()


def find_root(alert: Alert, by_key: Mapping[str, Alert]) -> Alert:
    """Finds the alert that explains this one in the end; itself without one, or where alerts explain each other."""
    seen, root = {alert.key}, alert
    while (cause := by_key.get(root.cause)) is not None:
        if cause.key in seen:
            return alert
        seen.add(cause.key)
        root = cause
    return root


def measure_duration(alerts: tuple[Alert, ...]) -> Span:
    """Measures how long resolved alerts lasted, from the first that fired to the last that was resolved."""
    first = min(alert.first_fired_at or alert.began_at for alert in alerts)
    return measure_span(first, max(alert.resolved_at or first for alert in alerts))


def measure_span(since: datetime, until: datetime) -> Span:
    """Measures a time for people: without seconds if it is longer than a minute, and never negative."""
    exact = max(until - since, timedelta(0))
    return Span((round_distance(exact) or exact).total_seconds())


def describe_alerts(alerts: tuple[Alert, ...]) -> Phrase:
    """Describes alerts in a few words: `host-a: Nebula stopped`, or `Nebula stopped: host-a, host-b and 6 more`."""
    conditions = dict.fromkeys(alert.condition for alert in alerts)
    if len(alerts) == 1 or len(conditions) > 1:
        return list_some([describe_alert(alert) for alert in alerts], MAX_NAMED)
    names = [alert.host or alert.subject for alert in alerts]
    return Phrase("{condition}: {names}", condition=CONDITION_RULES[alerts[0].condition].heading, names=list_some(names))


def describe_alert(alert: Alert) -> Phrase:
    """Describes one alert: `host-a: Nebula stopped`. One of the bot itself or of a CA names no host."""
    return Phrase("{host}: {why}", host=alert.host, why=alert.short) if alert.host else alert.short


def describe_acknowledgement(alert: Alert, describe_time: DescribeTime = Moment) -> Phrase:
    """Describes by whom an alert was acknowledged, and until when."""
    if alert.acknowledged_until is None:
        return Phrase("acknowledged by {name} until it changes", name=alert.acknowledged_by)
    end = describe_time(alert.acknowledged_until)
    return Phrase("acknowledged by {name} until {at}", name=alert.acknowledged_by, at=end)


def describe_mute(mute: Mute, describe_time: DescribeTime = Moment) -> Phrase:
    """Describes what mutes an alert, on whose behalf, and until when."""
    if mute.kind is MuteKind.SUSPENSION:
        return Phrase(
            "muted while {host} is suspended by {owner}: {reason}", host=mute.what, owner=mute.owner, reason=mute.reason
        )
    values: dict[str, Any] = {
        "number": str(mute.number),
        "owner": mute.owner,
        "at": describe_time(mute.ends_at),
        "reason": mute.reason,
    }
    if mute.kind is MuteKind.MAINTENANCE:
        return Phrase("muted by maintenance {number} of {owner} until {at}: {reason}", **values)
    return Phrase("muted by silence {number} of {owner} until {at}: {reason}", **values)
