"""Signals of one check: cleaned before they are stored, and matched with the alerts of their host. Pure.

Names and texts come from hosts, so they are redacted, escaped and bounded here, once, before an alert is found by its key.

Signals on the change of the CA that is under way: late, at a standstill, or unreadable. Pure.

| observed | then |
| --- | --- |
| the old CA ends within 30 days, and hosts may still depend on it | late; each limit that it crosses is a step |
| nothing has moved for 7 days, or for 1 where the old CA is lost | at a standstill; each further week is a step |
| the audit log does not have its state | unreadable: no change can be planned |

The end of the CA that is being replaced is no alert of its own meanwhile (`bot.alerts.rules.certificates`).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from adapters.phrase import Moment, Phrase
from bot.alerts.rules.certificates import count_steps
from bot.alerts.rules.transitions import CheckTime, is_current, judge
from bot.model.alert import Alert, AlertMove
from bot.store.encoding import escape_text
from commands.alerts.conditions import CONDITION_RULES, Condition, ConditionRule, HostChecked, Resolution, Signal
from commands.certificates.assessment import CA_EXPIRY_LIMITS, judge_time_left
from commands.certificates.rotation.next import tally_members
from commands.model.finding import Severity
from commands.model.rotation import Rotation, RotationStage
from commands.values.arguments import shorten_argument

MAX_SIGNALS = 200
"""Maximum number of signals that one check may have; the worst ones."""

MAX_SUBJECT_LENGTH = 200
MAX_COMMAND_LENGTH = 300
MAX_PHRASE_BYTES = 4000
MAX_TEXT_LENGTH = 500
"""Characters of a text that is too long as a phrase."""


def clean_check(checked: HostChecked, redact: Callable[[Any], Any]) -> HostChecked:
    """Removes secrets from the signals of a check, bounds them, and leaves one of each key, the worst.

    Conditions of which signals were left out count as not judged, because an alert without a signal would be well.
    """
    resolutions = tuple(_clean_resolution(each, redact) for each in checked.resolutions)
    if not checked.signals:
        return checked.model_copy(update={"resolutions": resolutions})
    worst_first = sorted(_clean_signals(checked.signals, redact), key=lambda signal: (signal.hovering, signal.severity.rank))
    signals = tuple({signal.key: signal for signal in reversed(worst_first)}.values())[::-1]
    left_out = frozenset(signal.condition for signal in signals[MAX_SIGNALS:])
    return checked.model_copy(
        update={"signals": signals[:MAX_SIGNALS], "judged": checked.judged - left_out, "resolutions": resolutions}
    )


def list_moves(checked: HostChecked, alerts: Iterable[Alert], time: CheckTime) -> tuple[AlertMove, ...]:
    """Lists the moves that a check makes of the alerts of its host. Alerts that it did not judge make none."""
    known = {alert.key: alert for alert in sorted(alerts, key=_rate_newness) if is_current(alert, time.now)}
    signals = {signal.key: signal for signal in checked.signals}
    return tuple(_list_moves(checked, known, signals, time))


def _list_moves(
    checked: HostChecked, known: Mapping[str, Alert], signals: Mapping[str, Signal], time: CheckTime
) -> Iterator[AlertMove]:
    outcomes = {resolution.subject: resolution.phrase for resolution in checked.resolutions}
    for key in dict.fromkeys((*known, *signals)):
        alert, signal = known.get(key), signals.get(key)
        if signal is None and (alert is None or not _is_judged(alert, checked)):
            continue
        after = judge(alert, signal, find_rule(alert, signal), time)
        if after is not alert:
            yield AlertMove(alert, _add_outcome(alert, after, outcomes))


def _add_outcome(before: Alert | None, after: Alert | None, outcomes: Mapping[str, Phrase]) -> Alert | None:
    """Adds to an alert that is resolved now how its problem ended, where the check knows it."""
    if before is None or not before.open or after is None or after.open or after.subject not in outcomes:
        return after
    return after.model_copy(update={"outcome": outcomes[after.subject]})


def find_rule(alert: Alert | None, signal: Signal | None = None) -> ConditionRule:
    """Finds the rule of a problem, as the newest check names its condition."""
    found = signal or alert
    assert found is not None
    return CONDITION_RULES[found.condition]


def _is_judged(alert: Alert, checked: HostChecked) -> bool:
    """Returns whether a check judged the condition of an alert without finding it, so that it is well."""
    return alert.condition in checked.judged and (checked.subjects is None or alert.subject in checked.subjects)


def _rate_newness(alert: Alert) -> tuple[bool, int]:
    """Rates the alerts of one key: the newest comes last, and one that is not resolved after all others."""
    return alert.resolved_at is None, alert.number


def _clean_signals(signals: Sequence[Signal], redact: Callable[[Any], Any]) -> list[Signal]:
    """Removes secrets from all texts at once, because most of them are the same, and shortens them then."""
    names = ("subject", "short", "why", "next", "cause")
    documents = redact([signal.model_dump(mode="json", include=set(names)) for signal in signals])
    return [_shorten(signal, document) for signal, document in zip(signals, documents, strict=True)]


def _clean_resolution(resolution: Resolution, redact: Callable[[Any], Any]) -> Resolution:
    return resolution.model_copy(update={"phrase": _shorten_phrase(redact(resolution.phrase.to_json()))})


def _shorten(signal: Signal, document: Mapping[str, Any]) -> Signal:
    """Returns a signal with clean texts. A command that is too long is left out: a part of it would be another command."""
    command = document["next"]
    return signal.model_copy(
        update={
            "subject": escape_text(document["subject"])[:MAX_SUBJECT_LENGTH],
            "short": _shorten_phrase(document["short"]),
            "why": _shorten_phrase(document["why"]),
            "next": None if command is None or len(command) > MAX_COMMAND_LENGTH else escape_text(command),
            "cause": escape_text(document["cause"])[: 2 * MAX_SUBJECT_LENGTH],
        }
    )


def _shorten_phrase(document: Mapping[str, Any]) -> Phrase:
    phrase = Phrase.from_json(document)
    if len(json.dumps(document)) <= MAX_PHRASE_BYTES:
        return phrase
    return Phrase("{text}", text=str(phrase)[:MAX_TEXT_LENGTH] + "…")


MARGIN = timedelta(days=30)
"""Time before the end of the old CA from which a rotation is late."""

LATE_TIMES = tuple(timedelta(days=days) for days in (1, 3, 7, 14, 30))

STANDSTILL, LOST_STANDSTILL = timedelta(days=7), timedelta(days=1)
"""Time without a move after which a rotation is at a standstill; shorter where hosts are cut off meanwhile."""

_DEPENDS = (RotationStage.MADE, RotationStage.TRUSTING, RotationStage.SIGNING)
"""Stages in which hosts may have nothing but a certificate of the old CA."""


@dataclass(frozen=True)
class RotationSight:
    """The rotation that is under way: when it last moved, and the names of the hosts that take part."""

    rotation: Rotation
    moved_at: datetime
    hosts: tuple[str, ...]


def make_rotation_signals(sight: RotationSight, now: datetime) -> Iterator[Signal]:
    """Makes the signal on a rotation; none while it goes its way."""
    rotation = sight.rotation
    left = rotation.old.ends_at - now
    if left <= MARGIN and rotation.stage in _DEPENDS and not rotation.lost:
        yield _make_late_signal(sight, left, now)
    elif now - sight.moved_at >= (LOST_STANDSTILL if rotation.lost else STANDSTILL):
        yield _make_standstill_signal(sight, now)


def make_unreadable_signal(why: Phrase) -> Signal:
    """Makes the signal on a rotation whose state is not known."""
    return Signal(
        host="",
        subject="rotation/unreadable",
        condition=Condition.ROTATION,
        severity=Severity.HIGH,
        short=Phrase("state of the CA rotation unknown"),
        why=why,
        next="audit verify",
    )


def _make_late_signal(sight: RotationSight, left: timedelta, now: datetime) -> Signal:
    old = sight.rotation.old
    name = shorten_argument(old.name)
    if left <= timedelta(0):
        short = Phrase("CA rotation late: {ca} has expired", ca=name)
    else:
        short = Phrase(
            "CA rotation late: {ca} expires in {n} day",
            plural="CA rotation late: {ca} expires in {n} days",
            ca=name,
            n=left.days,
        )
    why = Phrase(
        "{tally}. Hosts without a certificate of the new CA lose their tunnels at {at}. Continue with the next round",
        tally=tally_members(sight.rotation, sight.hosts).phrase,
        at=Moment(old.ends_at),
    )
    return Signal(
        host="",
        subject="rotation/late",
        condition=Condition.ROTATION,
        severity=judge_time_left(left, CA_EXPIRY_LIMITS) or Severity.HIGH,
        step=count_steps(old.ends_at, LATE_TIMES, now),
        short=short,
        why=why,
        next="ca rotation",
    )


def _make_standstill_signal(sight: RotationSight, now: datetime) -> Signal:
    rotation, waited = sight.rotation, now - sight.moved_at
    tally = tally_members(rotation, sight.hosts).phrase
    if rotation.lost:
        why = Phrase("{tally}. The others have no tunnels. Continue with the next round", tally=tally)
    else:
        why = Phrase("{tally}. Until it is completed, hosts trust two CAs. Continue with the next round", tally=tally)
    return Signal(
        host="",
        subject="rotation/standstill",
        condition=Condition.ROTATION,
        severity=Severity.HIGH if rotation.lost else Severity.MEDIUM,
        step=waited // STANDSTILL,
        short=Phrase("CA rotation unchanged for {n} day", plural="CA rotation unchanged for {n} days", n=waited.days),
        why=why,
        next="ca rotation",
    )
