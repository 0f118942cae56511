"""Routes of alerts: where each goes, who is notified, how often, and who is the second step. Pure.

alert ─ severity, labels of its host ─▶ the first route that fits ─▶ channel, mentions, intervals
                                   └─ none ─▶ the channel of [notices], no mentions
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from bot.access.people import Person
from bot.config.alerts import DEFAULT_REPEATS, AlertRoute, AlertSettings, QuietHours
from bot.model.alert import Alert
from commands.alerts.conditions import CONDITION_RULES
from commands.model.finding import Severity

GRAVE_SEVERITIES = (Severity.CRITICAL, Severity.HIGH)
"""Severities that need a person at once, and that people must know of also when the problem is over."""


@dataclass(frozen=True)
class Routing:
    """Route of one alert. `mentions` and `second_step` are the Slack ids of people and user groups.

    `channel` is "" where none is configured. `repeat` and `escalate` are None where nothing is repeated or escalated.
    """

    channel: str
    mentions: tuple[str, ...] = ()
    repeat: timedelta | None = None
    escalate: timedelta | None = None
    second_step: tuple[str, ...] = ()


@dataclass(frozen=True)
class Router:
    """Router by one configuration: its settings, the channel of `[notices]`, people, and the labels of each host.

    `zone` is the one whose days and hours count.
    """

    settings: AlertSettings
    channel: str
    people: tuple[Person, ...]
    labels: Mapping[str, frozenset[str]]
    zone: ZoneInfo

    @cached_property
    def _slack_ids(self) -> Mapping[str, tuple[str, ...]]:
        return {person.name: person.slack for person in self.people}

    def find_routing(self, alert: Alert) -> Routing:
        """Finds the route of an alert. One of the bot itself has no labels."""
        labels = self.labels.get(alert.host, frozenset())
        route = next((each for each in self.settings.routes if fits(each, alert.severity, labels)), AlertRoute())
        return Routing(
            channel=route.channel or self.channel,
            mentions=_list_ids(route.mention, self._slack_ids),
            repeat=self._find_repeat(route, alert),
            escalate=route.escalate,
            second_step=_list_ids(route.escalate_to, self._slack_ids),
        )

    def _find_repeat(self, route: AlertRoute, alert: Alert) -> timedelta | None:
        if not CONDITION_RULES[alert.condition].repeats:
            return None
        return route.repeat or DEFAULT_REPEATS.get(alert.severity)

    def is_quiet(self, alert: Alert, now: datetime) -> bool:
        """Returns whether an alert waits for the end of the quiet hours. A worse severity than low never waits."""
        hours = self.settings.quiet_hours
        return hours is not None and alert.severity is Severity.LOW and is_within(hours, now.astimezone(self.zone))


def fits(route: AlertRoute, severity: Severity, labels: frozenset[str]) -> bool:
    """Returns whether a route is about alerts of this severity, on a host with these labels."""
    fits_severity = not route.severities or severity in route.severities
    return fits_severity and (not route.labels or not labels.isdisjoint(route.labels))


def is_for_grave_alerts(route: AlertRoute) -> bool:
    """Returns whether a route is about alerts that need a person at once."""
    return any(fits(route, severity, frozenset(route.labels)) for severity in GRAVE_SEVERITIES)


def is_within(hours: QuietHours, local: datetime) -> bool:
    """Returns whether a local time is within hours of the day, which may go over midnight.

    The clock on the wall counts: an hour that a change of the clocks skips or repeats is quiet by its name.
    """
    time = local.time()
    if hours.begin < hours.end:
        return hours.begin <= time < hours.end
    return time >= hours.begin or time < hours.end


def _list_ids(names: Iterable[str], slack_ids: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Lists the Slack ids of people by name; a name that is no person's is the id of a user group."""
    return tuple(dict.fromkeys(each for name in names for each in slack_ids.get(name, (name,))))
