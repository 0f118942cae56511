"""Samples of messages about alerts: one, many, with symptoms, in each state, muted, flapping, and words. Pure."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from adapters.phrase import Texts
from bot.alerts.slack import message as alert
from bot.model.alert import Alert, AlertState, Mute, MuteKind
from bot.model.alert_notice import AlertNotice, AlertWord
from bot.rendering.slack.blocks import SlackMessage
from bot.slack.samples.reports import AT, FOREIGN, HOSTS, quote_text
from commands.alerts.conditions import Condition
from commands.model.finding import Severity

_FIRED = AT - timedelta(minutes=30)


def list_alert_messages(texts: Texts) -> Iterator[tuple[str, SlackMessage]]:
    """Lists every kind of message about alerts, by the name of its kind."""
    for name, notice in _list_notices():
        yield f"alert.{name}", alert.render(notice, texts)
    firing = AlertWord(
        severity=Severity.CRITICAL,
        phrase=quote_text(FOREIGN, 20),
        mentions=("U0123456789", "S0123456789"),
        alerts=(_make_alert(0),),
    )
    yield "alert.word", alert.render_word(firing, texts)
    yield "alert.person", alert.render_for_person(firing, texts)
    over = AlertWord(severity=None, phrase=quote_text("resolved"))
    yield "alert.word.resolved", alert.render_word(over, texts)
    yield "alert.person.resolved", alert.render_for_person(over, texts)


def list_open_alerts() -> tuple[Alert, ...]:
    """Lists open alerts, also acknowledged ones, with foreign words."""
    return tuple(alert for _, notice in _list_notices() for alert in notice.alerts[:2] if alert.open)


def _list_notices() -> Iterator[tuple[str, AlertNotice]]:
    many = tuple(map(_make_alert, range(len(HOSTS))))
    resolved = tuple(_change(each, state=AlertState.RESOLVED, resolved_at=AT) for each in many)
    acknowledged = tuple(
        _change(
            each,
            state=AlertState.ACKNOWLEDGED,
            acknowledged_by="operator",
            acknowledged_at=_FIRED,
            acknowledged_until=AT + timedelta(hours=number % 3) if number % 3 else None,
        )
        for number, each in enumerate(many)
    )
    symptoms = tuple(
        _change(each, number=1_000 + place, subject=f"container/{place}", condition=condition, cause=many[0].key)
        for place, condition in enumerate(Condition)
        for each in many[place * 3 : place * 3 + 3]
    )
    mutes = {each.number: _make_mute(each.number) for each in many[:20]}
    yield "firing", AlertNotice(at=AT, alerts=many[:1])
    yield "firing.many", AlertNotice(at=AT, alerts=many)
    yield "certificates.many", AlertNotice(at=AT, alerts=tuple(map(_make_certificate_alert, many)))
    yield "symptoms", AlertNotice(at=AT, alerts=(many[0], *symptoms))
    yield "acknowledged", AlertNotice(at=AT, alerts=acknowledged[:1])
    yield "acknowledged.many", AlertNotice(at=AT, alerts=acknowledged)
    yield "muted", AlertNotice(at=AT, alerts=many[:1], mutes=mutes, left_out=3)
    yield "muted.many", AlertNotice(at=AT, alerts=many, mutes=mutes, left_out=3)
    yield "flapping", AlertNotice(at=AT, alerts=many[:1], flapping=frozenset({many[0].number}))
    yield "resolved", AlertNotice(at=AT, alerts=(_change(resolved[0], outcome=quote_text(FOREIGN, 9)),))
    yield "resolved.some", AlertNotice(at=AT, alerts=(*many[:60], *resolved[60:]))
    yield "resolved.many", AlertNotice(at=AT, alerts=resolved)


def _make_alert(number: int) -> Alert:
    host = HOSTS[number]
    return Alert(
        number=number + 1,
        host=host,
        subject="nebula",
        condition=Condition.NEBULA,
        severity=tuple(Severity)[number % len(Severity)],
        state=AlertState.FIRING,
        short=quote_text(FOREIGN, 2),
        why=quote_text(FOREIGN, 20),
        next=f"service start nebula {host}",
        began_at=_FIRED,
        checked_at=AT,
        first_fired_at=_FIRED,
        fired_at=_FIRED,
    )


def _make_certificate_alert(alert: Alert) -> Alert:
    renewal = f"cert renew {alert.host}"
    return _change(alert, subject="certificate", condition=Condition.CERTIFICATE, step=3, next=renewal)


def _make_mute(number: int) -> Mute:
    return Mute(
        number=1 + number % 2,
        kind=tuple(MuteKind)[number % 2],
        what="label:tokyo",
        reason=FOREIGN * 5,
        owner="operator",
        identity="{}",
        operation=f"op-{number}",
        channel="C0123456789",
        added_at=_FIRED,
        ends_at=AT + timedelta(hours=4),
    )


def _change(given: Alert, **changes: Any) -> Alert:
    return given.model_copy(update=changes)
