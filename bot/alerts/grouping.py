"""Messages of alerts: which alerts share one, and which have none for now. Pure.

its cause is open                                  ─▶ the message of the cause
more than 5 of one condition, for one channel,
within minutes                                     ─▶ one message for all that are left
else                                               ─▶ a message of its own
muted, or its cause is; low, in quiet hours        ─▶ none: it is held
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.model.alert import Alert
from bot.model.alert_notice import find_root
from bot.store.outbox_values import ALERT_PREFIX

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
