"""Outlook on the alerts of one round of the notifier: what is shown of each message, and what is due. Pure.

Messages of alerts: which alerts share one, and which have none for now. Pure.

its cause is open                                  ─▶ the message of the cause
more than 5 of one condition, for one channel,
within minutes                                     ─▶ one message for all that are left
else                                               ─▶ a message of its own
muted, or its cause is; low, in quiet hours        ─▶ none: it is held

Words about alerts: one sentence each, for the thread of a message or for one person. Pure.

fires       ─▶ host-b: Nebula stopped (critical), since 02:58
fires again, got worse, its acknowledgement is over
repeated    ─▶ not acknowledged for 15 min: host-b: Nebula stopped (critical)      also the second step
flapping    ─▶ flapping (5 changes within an hour), now firing: …                  in place of all others, once an hour
resolved    ─▶ resolved after 23 min: host-b: Nebula stopped
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from adapters.phrase import Moment, Phrase, Span
from bot.alerts.rules.routes import Router
from bot.model.alert import Alert, AlertChange, AlertState, Mute
from bot.model.alert_notice import AlertNotice, AlertWord, describe_alerts, find_root, measure_duration
from bot.store.outbox_values import ALERT_PREFIX
from commands.alerts.watch import BLIND_KEY
from commands.model.finding import GRADE_NAMES, Grade, Severity, round_distance

MAX_SEPARATE_MESSAGES = 5
"""Maximum number of alerts of one condition that have a message each; more of them share one."""

JOIN_PERIOD = timedelta(minutes=5)
"""Time within which alerts belong to one storm. Hosts are checked spread over a minute, and fire one after the other."""

_NO_CHANNEL = "none"


def assign_messages(
    fresh: Sequence[Alert], shown: Sequence[Alert], find_channel: Callable[[Alert], str], now: datetime
) -> dict[str, tuple[Alert, ...]]:
    """Assigns a message to each alert that has none, by the message's name. `shown` are the open alerts that have one."""
    by_key = {alert.key: alert for alert in (*shown, *fresh)}
    roots = {alert.number: find_root(alert, by_key) for alert in fresh}
    own = [alert for alert in fresh if roots[alert.number] is alert]
    names: dict[int, str] = {}
    for (condition, channel), same in _group_by(own, lambda alert: (alert.condition, find_channel(alert))).items():
        recent = [
            alert
            for alert in shown
            if alert.condition is condition
            and parse_channel(alert.message) == channel
            and find_root(alert, by_key) is alert
            and alert.fired_at is not None
            and abs(now - alert.fired_at) <= JOIN_PERIOD
        ]
        names |= dict(_name_messages(same, recent, channel))
    for alert in fresh:
        root = roots[alert.number]
        names.setdefault(alert.number, root.message or names.get(root.number, ""))
    assigned = _group_by(fresh, lambda alert: names[alert.number])
    return {name: tuple(alerts) for name, alerts in assigned.items()}


def find_held(alerts: Collection[Alert], silenced: Collection[int], by_key: Mapping[str, Alert]) -> frozenset[int]:
    """Finds the alerts that people hear nothing of: the silenced ones, and those that a silenced one explains."""
    return frozenset(
        alert.number for alert in alerts if alert.number in silenced or find_root(alert, by_key).number in silenced
    )


def make_name(channel: str, alerts: Iterable[Alert]) -> str:
    """Makes the name of a new message, which has its channel: a later edit goes there, whatever the routes are then."""
    of = " ".join(f"{alert.number} {alert.fired_at}" for alert in alerts)
    return f"{ALERT_PREFIX}{channel or _NO_CHANNEL}-{hashlib.sha256(of.encode()).hexdigest()[:12]}"


def parse_channel(message: str) -> str:
    """Parses the channel in the name of a message; "" if it has none."""
    channel = message.removeprefix(ALERT_PREFIX).partition("-")[0]
    return "" if channel == _NO_CHANNEL else channel


def _name_messages(same: Sequence[Alert], recent: Sequence[Alert], channel: str) -> Iterator[tuple[int, str]]:
    """Names the message of each new alert of one condition; `recent` are others of it that have a message already."""
    if len(same) + len(recent) <= MAX_SEPARATE_MESSAGES:
        yield from ((alert.number, make_name(channel, [alert])) for alert in same)
        return
    counts = {name: len(alerts) for name, alerts in _group_by(recent, lambda alert: alert.message).items()}
    shared = max(counts, key=lambda name: counts[name], default="")
    if not shared or (counts[shared] == 1 and len(recent) < MAX_SEPARATE_MESSAGES):
        shared = make_name(channel, same)
    yield from ((alert.number, shared) for alert in same)


def _group_by(alerts: Iterable[Alert], key: Callable[[Alert], Any]) -> dict[Any, list[Alert]]:
    groups: dict[Any, list[Alert]] = {}
    for alert in alerts:
        groups.setdefault(key(alert), []).append(alert)
    return groups


EXPLAINED_INTERVALS = 5
"""Intervals for which a blind bot explains a silent host while the alert about that is not open."""


@dataclass(frozen=True)
class Outlook:
    """Alerts that are open, and those that people were not shown as they are now.

    `held_at` has when an alert was last held back. Repeats and the second step count from then on.
    """

    now: datetime
    router: Router
    alerts: tuple[Alert, ...]
    mutes: Mapping[int, Mute]
    held_at: Mapping[int, datetime]

    @cached_property
    def open_by_key(self) -> Mapping[str, Alert]:
        """Open alerts, by key."""
        return {alert.key: alert for alert in self.alerts if alert.open}

    @cached_property
    def held(self) -> frozenset[int]:
        """Numbers of the alerts that people hear nothing of now."""
        quiet = {alert.number for alert in self.alerts if self.router.is_quiet(alert, self.now)}
        return find_held(self.alerts, quiet | self.mutes.keys(), self.open_by_key) | self._unexplained

    @cached_property
    def _unexplained(self) -> frozenset[int]:
        """Numbers of the alerts of silent hosts that a blind bot explains, while the alert about that is not open.

        It fires soon, or was just resolved: hosts and the whole fleet are checked at different times of a minute. A host
        that was not checked again for some intervals is shown: nothing explains it any longer.
        """
        if BLIND_KEY in self.open_by_key:
            return frozenset()
        oldest = self.now - EXPLAINED_INTERVALS * timedelta(seconds=self.router.settings.interval_seconds)
        return frozenset(alert.number for alert in self.alerts if alert.cause == BLIND_KEY and alert.checked_at > oldest)

    @cached_property
    def messages(self) -> Mapping[str, tuple[Alert, ...]]:
        """Alerts by the message that shows them."""
        found: dict[str, tuple[Alert, ...]] = {}
        for alert in self.alerts:
            if alert.message:
                found[alert.message] = (*found.get(alert.message, ()), alert)
        return found

    def list_fresh(self) -> tuple[Alert, ...]:
        """Lists the alerts that get a message now."""
        return tuple(each for each in self.alerts if each.open and not each.message and each.number not in self.held)

    def list_missed(self) -> tuple[Alert, ...]:
        """Lists the alerts that were resolved before people were shown them."""
        return tuple(alert for alert in self.alerts if not alert.open and not alert.message)

    def build_notice(self, alerts: Iterable[Alert], flapping: Iterable[int] = ()) -> AlertNotice:
        """Builds the content of a message from its alerts. It leaves out those of which nothing is certain now."""
        every = tuple(alerts)
        shown = tuple(alert for alert in every if alert.number not in self._unexplained) or every
        mutes = {alert.number: self.mutes[alert.number] for alert in shown if alert.number in self.mutes}
        left_out = self._count_left_out(shown)
        return AlertNotice(at=self.now, alerts=shown, mutes=mutes, left_out=left_out, flapping=frozenset(flapping))

    def list_actionable(self, notice: AlertNotice) -> tuple[Alert, ...]:
        """Lists the alerts of a message that people should act on now, and that are not held back."""
        return tuple(alert for alert in notice.firing if alert.number not in self.held)

    def list_repeats(self, notice: AlertNotice) -> tuple[Alert, ...]:
        """Lists the alerts of a message that are mentioned again now: all actionable ones, if the time of any is over."""
        actionable = self.list_actionable(notice)
        due = any(self._is_over(alert, self.router.find_routing(alert).repeat) for alert in actionable)
        return actionable if due else ()

    def is_staying(self, alert: Alert, period: timedelta) -> bool:
        """Returns whether an alert has been open for a period and nothing was said of it after that."""
        base = self.find_base(alert)
        return self.now - base >= period > (alert.repeated_at or base) - base

    def list_second_steps(self, notice: AlertNotice) -> tuple[Alert, ...]:
        """Lists the alerts of a message of which the second step gets to know now; of each once for each fire."""
        return tuple(
            alert
            for alert in self.list_actionable(notice)
            if alert.escalated_at is None and self._is_due(alert, self.router.find_routing(alert).escalate)
        )

    def list_mentions(self, alerts: Iterable[Alert]) -> tuple[str, ...]:
        """Lists whom alerts notify, each once."""
        found = (person for alert in alerts for person in self.router.find_routing(alert).mentions)
        return tuple(dict.fromkeys(found))

    def list_channels(self, alerts: Iterable[Alert]) -> set[str]:
        """Lists the channels to which alerts go by their routes now."""
        return {self.find_channel(alert) for alert in alerts}

    def find_channel(self, alert: Alert) -> str:
        """Finds the channel to which an alert goes by its route now."""
        return self.router.find_routing(alert).channel

    def list_recipients(self, alerts: Iterable[Alert]) -> tuple[str, ...]:
        """Lists the second step of alerts, each once."""
        found = (person for alert in alerts for person in self.router.find_routing(alert).second_step)
        return tuple(dict.fromkeys(found))

    def find_base(self, alert: Alert) -> datetime:
        """Finds the time from which an alert's repeats and its second step count."""
        fired_at = alert.fired_at or alert.began_at
        return max(fired_at, self.held_at.get(alert.number, fired_at))

    def _is_over(self, alert: Alert, interval: timedelta | None) -> bool:
        since = max(self.find_base(alert), alert.repeated_at or self.find_base(alert))
        return interval is not None and self.now - since >= interval

    def _is_due(self, alert: Alert, interval: timedelta | None) -> bool:
        return interval is not None and self.now - self.find_base(alert) >= interval

    def _count_left_out(self, shown: tuple[Alert, ...]) -> int:
        """Counts muted alerts without a message that would belong to this one."""
        keys = {alert.key for alert in shown}
        conditions = {alert.condition for alert in shown} if len(shown) > 1 else set()
        return sum(
            alert.open
            and not alert.message
            and alert.number in self.mutes
            and (alert.cause in keys or (not alert.cause and alert.condition in conditions))
            for alert in self.alerts
        )


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
