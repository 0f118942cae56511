"""Life of an alert: the rules by which checks and people move it. Pure.

                found, fewer times than it takes
                   ┌──┐                            worse, or its acknowledgement is over
     found         │  ▼   found often enough         ┌──┐        a person
  ∅ ──────────▶ PENDING ──────────────────────▶ FIRING ◀─┘ ◀──────────────────▶ ACKNOWLEDGED ──┐ another person
  ▲               │                              ▲  │     its time is over,        │    ▲──────┘
  └── well ───────┘     found again often enough │  │     worse, or changed        │
                          within an hour         │  ▼ well often enough            ▼
                                               RESOLVED ◀──────────────────────────┘
                                                  └─ an hour later a new problem is a new alert

| a check | pending | open | resolved within the hour |
| --- | --- | --- | --- |
| found it | counts; fires | its streak of well checks ends; fires again if worse | counts; fires again |
| did not find it (well) | is forgotten | counts; is resolved | its count ends |
| found the figure between both limits (hovering) | stays | its streak of well checks ends | stays |
| did not judge it (unknown) | stays | stays | stays |
| is the one that was counted last | stays | stays | stays |

A move that people must see has a new `version`. Streaks, and texts such as "91 % used", change without one: a figure that
changes with every check must not edit the message every minute. The next edit, and `alert show`, have the newest text.
Worse is a worse severity, or a higher step of the same one. A step does not end an acknowledgement until a time.

The clock may jump. An alert is never resolved before it fired, so no duration is negative. What was acknowledged while the
clock was ahead lasts as long as it was asked for, from now on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from adapters.phrase import Phrase
from bot.model.alert import OPEN_STATES, Alert, AlertChange, AlertEpisode, AlertHistory, AlertState
from commands.alerts.conditions import CONDITION_RULES, Condition, ConditionRule, Signal
from commands.model.finding import Severity

REOPEN_PERIOD = timedelta(hours=1)
"""Period after its resolution in which the same problem is the same alert."""

FLAPPING_CHANGES = 4
"""Changes between open and resolved within `FLAPPING_PERIOD` that make an alert a flapping one."""

FLAPPING_PERIOD = timedelta(hours=1)


@dataclass(frozen=True)
class CheckTime:
    """Times of a check: it began `at`, and is judged `now`."""

    at: datetime
    now: datetime


def judge(alert: Alert | None, signal: Signal | None, rule: ConditionRule, time: CheckTime) -> Alert | None:
    """Returns the alert after a check that judged it; None if there is none then. An unmoved alert is returned as it is.

    `alert` is the one of this key that is open, pending, or resolved within `REOPEN_PERIOD` (`is_current`).
    """
    if alert is None:
        return None if signal is None or signal.hovering else _begin(signal, time)
    if alert.checked_at == time.at:
        return alert
    match alert.state:
        case AlertState.PENDING:
            return None if signal is None else _count_found(alert, signal, rule, time)
        case AlertState.RESOLVED:
            return _end_streak(alert, time) if signal is None else _count_found(alert, signal, rule, time)
        case _:
            return _count_well(alert, rule, time) if signal is None else _keep_open(alert, signal, time)


def fire_if_due(alert: Alert, rule: ConditionRule, now: datetime) -> Alert:
    """Returns an alert that is not open: firing, if it was found often enough. A new one is stored first, for its number."""
    return _fire(alert, now) if not alert.open and alert.streak >= rule.fires_after else alert


def is_current(alert: Alert, now: datetime) -> bool:
    """Returns whether a new problem of its key is this alert. Also after a clock that was ahead, for an hour."""
    return alert.resolved_at is None or abs(now - alert.resolved_at) <= REOPEN_PERIOD


def acknowledge(alert: Alert, by: str, until: datetime | None, now: datetime) -> Alert:
    """Returns an open alert that a person acknowledged, in place of an earlier acknowledgement. None: until it changes."""
    acknowledgement = {"acknowledged_by": by, "acknowledged_at": now, "acknowledged_until": until}
    return _move(alert, state=AlertState.ACKNOWLEDGED, **acknowledgement)


def end_acknowledgement(alert: Alert, now: datetime) -> Alert:
    """Returns the alert: firing again if the time of its acknowledgement is over, else as it is."""
    until = alert.acknowledged_until
    if alert.state is not AlertState.ACKNOWLEDGED or until is None or until > now:
        return alert
    return _fire(alert, now).model_copy(update={"streak": alert.streak})


def correct_acknowledgement(alert: Alert, now: datetime) -> Alert:
    """Returns the alert: acknowledged from now on for as long as was asked for, if the clock was ahead at that time."""
    at, until = alert.acknowledged_at, alert.acknowledged_until
    if at is None or at <= now:
        return alert
    return alert.model_copy(
        update={"acknowledged_at": now, "acknowledged_until": None if until is None else now + (until - at)}
    )


def leave(alert: Alert, now: datetime) -> Alert | None:
    """Returns the alert after its host left the configuration: resolved if people saw it, else none."""
    return _give_up(alert, Phrase("{host} is no longer in the configuration", host=alert.host), now)


def switch_off(alert: Alert, now: datetime) -> Alert | None:
    """Returns the alert after the watch was switched off: resolved if people saw it, else none. Certificates stay."""
    if not CONDITION_RULES[alert.condition].watched:
        return alert
    return _give_up(alert, Phrase("alerts were switched off"), now)


def _give_up(alert: Alert, outcome: Phrase, now: datetime) -> Alert | None:
    if alert.state is AlertState.PENDING:
        return None
    return _resolve(alert.model_copy(update={"outcome": outcome, "next": None}), now)


def is_fire(before: Alert | None, after: Alert) -> bool:
    """Returns whether a move is a fire, the first one or again. A better severity and another cause are not."""
    if after.state is not AlertState.FIRING:
        return False
    return before is None or before.state is not AlertState.FIRING or _is_worse(after, before)


def is_flapping(changes: Sequence[AlertChange], now: datetime) -> bool:
    """Returns whether an alert opened and was resolved too often lately. `changes` are its newest, oldest first."""
    return count_turns(changes, now) >= FLAPPING_CHANGES


def count_turns(changes: Sequence[AlertChange], now: datetime) -> int:
    """Counts how often an alert opened or was resolved lately. `changes` are its newest, oldest first."""
    turns = [after for before, after in pairwise((None, *changes)) if after and _is_turn(before, after)]
    return len([turn for turn in turns if abs(now - turn.at) <= FLAPPING_PERIOD])


def list_episodes(history: AlertHistory) -> tuple[AlertEpisode, ...]:
    """Lists the times for which an alert was open, oldest first.

    No episode ends before it begins, even if the clock was set back meanwhile.
    """
    alert, began_at = history.alert, history.opened_at
    episodes: list[AlertEpisode] = []
    for change in history.changes:
        if change.state in OPEN_STATES:
            began_at = began_at or change.at
        elif began_at is not None:
            episodes.append(AlertEpisode(alert, began_at, max(began_at, change.at)))
            began_at = None
    return tuple(episodes) if began_at is None else (*episodes, AlertEpisode(alert, began_at, None))


def name_move(before: Alert | None, after: Alert) -> str:
    """Names a move for the audit log; "" for one that people need not notice, such as a better severity."""
    if is_fire(before, after):
        return "fired" if before is None or before.state is AlertState.PENDING else "fired again"
    return "resolved" if after.state is AlertState.RESOLVED and before is not None and before.open else ""


def _begin(signal: Signal, time: CheckTime) -> Alert:
    return Alert(
        host=signal.host,
        subject=signal.subject,
        condition=signal.condition,
        severity=signal.severity,
        step=signal.step,
        state=AlertState.PENDING,
        short=signal.short,
        why=signal.why,
        next=signal.next,
        cause=signal.cause,
        began_at=time.at,
        checked_at=time.at,
    )


def _count_found(alert: Alert, signal: Signal, rule: ConditionRule, time: CheckTime) -> Alert:
    """Counts a check that found the problem of an alert that is not open."""
    if signal.hovering:
        return alert
    return fire_if_due(_describe(alert, signal, time, streak=alert.streak + 1), rule, time.now)


def _count_well(alert: Alert, rule: ConditionRule, time: CheckTime) -> Alert:
    """Counts a check that did not find the problem of an open alert."""
    well = alert.model_copy(update={"streak": alert.streak + 1, "checked_at": time.at})
    return well if well.streak < rule.resolves_after else _resolve(well, time.now)


def _end_streak(alert: Alert, time: CheckTime) -> Alert:
    return alert if alert.streak == 0 else alert.model_copy(update={"streak": 0, "checked_at": time.at})


def _keep_open(alert: Alert, signal: Signal, time: CheckTime) -> Alert:
    """Keeps an alert open whose problem was found again. A hovering figure changes its texts alone."""
    if signal.hovering:
        return _refresh(alert, signal, time, streak=0)
    found = _describe(alert, signal, time, streak=0)
    if _is_worse(found, alert) and not _is_quiet(alert, found):
        return _fire(found, time.now)
    if _rate_change(found) != _rate_change(alert):
        return _fire(found, time.now) if _ends_acknowledgement(alert, found) else _move(found)
    return found


def _describe(alert: Alert, signal: Signal, time: CheckTime, *, streak: int) -> Alert:
    """Returns the alert as the newest check found it. While it is open it keeps a worse severity that lingers."""
    keeps = alert.open and signal.lingering is alert.severity
    rating = {
        "condition": signal.condition,
        "severity": alert.severity if keeps else signal.severity,
        "step": signal.step,
        "cause": signal.cause,
    }
    return _refresh(alert, signal, time, streak=streak).model_copy(update=rating)


def _refresh(alert: Alert, signal: Signal, time: CheckTime, *, streak: int) -> Alert:
    """Returns the alert with the texts of the newest check."""
    texts = {"short": signal.short, "why": signal.why, "next": signal.next}
    return alert.model_copy(update={**texts, "checked_at": time.at, "streak": streak})


def _fire(alert: Alert, now: datetime) -> Alert:
    """Returns the alert firing, unacknowledged. Repeats and the second step count from now on."""
    return _move(
        alert,
        state=AlertState.FIRING,
        streak=0,
        first_fired_at=alert.first_fired_at if alert.open else now,
        fired_at=now,
        resolved_at=None,
        outcome=None,
        acknowledged_by="",
        acknowledged_at=None,
        acknowledged_until=None,
        repeated_at=None,
        escalated_at=None,
    )


def _resolve(alert: Alert, now: datetime) -> Alert:
    fired_at = alert.first_fired_at or now
    return _move(alert, state=AlertState.RESOLVED, streak=0, resolved_at=max(now, fired_at))


def _move(alert: Alert, **changes: Any) -> Alert:
    return alert.model_copy(update={**changes, "version": alert.version + 1})


def _is_worse(after: Alert, before: Alert) -> bool:
    return (after.severity.rank, -after.step) < (before.severity.rank, -before.step)


def _is_quiet(alert: Alert, found: Alert) -> bool:
    """Returns whether an acknowledgement until a time covers what was found: another step, but no worse severity."""
    return alert.acknowledged_until is not None and found.severity is alert.severity


def _ends_acknowledgement(alert: Alert, found: Alert) -> bool:
    """Returns whether an acknowledgement until it changes ends, although it is not worse: it has another cause."""
    until_changed = alert.state is AlertState.ACKNOWLEDGED and alert.acknowledged_until is None
    return until_changed and (alert.cause, alert.condition) != (found.cause, found.condition)


def _rate_change(alert: Alert) -> tuple[Severity, int, str, Condition]:
    return alert.severity, alert.step, alert.cause, alert.condition


def _is_turn(before: AlertChange | None, after: AlertChange) -> bool:
    """Returns whether an alert opened or was resolved."""
    return before is None or (before.state in OPEN_STATES) is not (after.state in OPEN_STATES)
