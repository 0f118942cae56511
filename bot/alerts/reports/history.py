"""Reports on one alert: its state, its reason, its history, what to do; and on an acknowledgement. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from adapters.phrase import Phrase
from bot.alerts.reports.listing import MAX_NEXT_COMMANDS, describe_state, describe_with_state, make_finding
from bot.model.alert import Alert, AlertChange, AlertState, Mute
from bot.model.alert_notice import describe_acknowledgement, describe_alert, describe_mute, measure_span
from bot.model.incident import Incident
from commands.alerts.conditions import CONDITION_RULES
from commands.alerts.operations import DEFAULT_LENGTH
from commands.model.finding import GRADE_NAMES, Grade, list_some, relate_moment
from commands.model.report import Report, Section
from commands.values.units import render_duration

MAX_HISTORY = 20
"""Maximum moves of an alert that are shown, the newest ones."""

MAX_REPLACED = 3
"""Maximum earlier acknowledgements that the report on a new one repeats."""


@dataclass(frozen=True)
class AlertContext:
    """One alert with its moves, its mute, its cause, the open alerts that it explains, and its incidents."""

    alert: Alert
    changes: Sequence[AlertChange] = ()
    mute: Mute | None = None
    cause: Alert | None = None
    symptoms: Sequence[Alert] = ()
    incidents: Sequence[Incident] = ()

    @property
    def waits(self) -> bool:
        """True if it needs attention. Then a finding has its reason."""
        return self.alert.state is AlertState.FIRING and self.mute is None


def report_alert(seen: AlertContext, at: datetime) -> Report:
    """Reports on one alert: its state, its reason, its history, and what to do."""
    alert = seen.alert
    title, summary = (
        Phrase("Alert"),
        describe_with_state(alert, describe_state(alert, at)),
    )
    return Report.of_facts(title, summary, _list_facts(seen, at)).model_copy(
        update={
            "findings": (make_finding(alert),) if seen.waits else (),
            "sections": tuple(_list_history(seen, at)),
            "taken_at": at,
            "next": (
                *tuple(_suggest(alert))[:MAX_NEXT_COMMANDS],
                *(f"incident show {each.number}" for each in seen.incidents),
            ),
        }
    )


def _list_facts(seen: AlertContext, at: datetime) -> Iterator[tuple[Phrase, Phrase | str]]:
    alert = seen.alert
    yield Phrase("Severity"), GRADE_NAMES[Grade.of(alert.severity)]
    yield Phrase("Condition"), CONDITION_RULES[alert.condition].heading
    if alert.host:
        yield Phrase("Host"), alert.host
    yield Phrase("Subject"), alert.subject
    if not seen.waits:
        yield Phrase("Reason"), alert.why
    yield Phrase("Since"), relate_moment(alert.began_at, at)
    yield Phrase("Last checked"), relate_moment(alert.checked_at, at)
    if seen.mute is not None:
        yield Phrase("Muted"), describe_mute(seen.mute, partial(relate_moment, now=at))
    if seen.cause is not None:
        yield Phrase("Cause"), Phrase("#{number} {alert}", number=str(seen.cause.number), alert=describe_alert(seen.cause))
    if seen.symptoms:
        names = [Phrase("#{number} {alert}", number=str(each.number), alert=describe_alert(each)) for each in seen.symptoms]
        yield Phrase("Consequences"), list_some(names)
    if seen.incidents:
        named = [Phrase("#{number} {alert}", number=str(each.number), alert=each.title) for each in seen.incidents]
        yield Phrase("Incident"), list_some(named)


def _list_history(seen: AlertContext, at: datetime) -> Iterator[Section]:
    """Lists the section with the newest moves, oldest first."""
    lines = list(_describe_changes(seen.changes, at))
    if lines:
        left = len(lines) - MAX_HISTORY
        earlier = (Phrase("{n} earlier change", plural="{n} earlier changes", n=left),) if left > 0 else ()
        yield Section(heading=Phrase("History"), lines=(*earlier, *lines[-MAX_HISTORY:]))


def _describe_changes(changes: Iterable[AlertChange], at: datetime) -> Iterator[Phrase]:
    """Describes the moves one after the other; a resolution has the time since the alert fired first."""
    fired: datetime | None = None
    for change in changes:
        moment = relate_moment(change.at, at)
        severity = GRADE_NAMES[Grade.of(change.severity)]
        match change.state:
            case AlertState.FIRING if fired is None:
                fired = change.at
                yield Phrase("{at}: fired, {severity}", at=moment, severity=severity)
            case AlertState.FIRING:
                yield Phrase("{at}: fired again, {severity}", at=moment, severity=severity)
            case AlertState.ACKNOWLEDGED:
                yield Phrase("{at}: acknowledged by {person}", at=moment, person=change.actor)
            case AlertState.RESOLVED:
                span = measure_span(fired or change.at, change.at)
                fired = None
                yield Phrase("{at}: resolved after {span}", at=moment, span=span)
            case AlertState.PENDING:
                yield Phrase("{at}: first seen", at=moment)


def _suggest(alert: Alert) -> Iterator[str]:
    if not alert.open:
        return
    if alert.next:
        yield alert.next
    yield f"alert acknowledge {alert.number}"
    if alert.host:
        yield f"health {alert.host}"


@dataclass(frozen=True)
class Acknowledgement:
    """Acknowledgement of alerts as they were before, and are `after`. The person may not acknowledge `left_out` others.

    `defaulted`: the person gave no end.
    """

    before: Sequence[Alert]
    after: Sequence[Alert]
    left_out: int = 0
    defaulted: bool = False


def report_acknowledgement(done: Acknowledgement, at: datetime) -> Report:
    """Reports on an acknowledgement: until when it lasts, and what it replaced and left out."""
    first, after = done.after[0], done.after
    n = len(after)
    until = (
        Phrase("acknowledged until it changes")
        if first.acknowledged_until is None
        else Phrase("acknowledged until {at}", at=relate_moment(first.acknowledged_until, at))
    )
    summary = (
        describe_with_state(first, until)
        if n == 1
        else Phrase("{n} alert: {state}", plural="{n} alerts: {state}", n=n, state=until)
    )
    return Report(
        title=Phrase("Alerts"),
        summary=summary,
        sections=(Section(heading=Phrase("Note"), lines=tuple(_list_remarks(done, at))),),
        brief=True,
        taken_at=at,
        next=(f"alert show {first.number}",) if n == 1 else ("alert",),
    )


def _list_remarks(done: Acknowledgement, at: datetime) -> Iterator[Phrase]:
    yield (
        Phrase("no reminders unless it gets worse or its cause changes")
        if done.after[0].acknowledged_until is None
        else Phrase("no reminders until then. If it is still open then, it fires again")
    )
    if done.defaulted:
        options = " · ".join(("--for 30m", "--until morning", "--until change"))
        yield Phrase(
            "{length} is the default. For another time, add {options}",
            length=render_duration(DEFAULT_LENGTH),
            options=options,
        )
    held = [alert for alert in done.before if alert.state is AlertState.ACKNOWLEDGED]
    for alert in held[:MAX_REPLACED]:
        yield Phrase(
            "before: {state}",
            state=describe_with_state(alert, describe_acknowledgement(alert, partial(relate_moment, now=at))),
        )
    if done.left_out:
        yield Phrase(
            "{n} alert was left out: you may not acknowledge it",
            plural="{n} alerts were left out: you may not acknowledge them",
            n=done.left_out,
        )
