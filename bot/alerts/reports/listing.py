"""Report that lists alerts, and the phrases about one. Pure.

firing            a finding of its host, worst first, with the command that fixes it
consequences      of another open alert: a line each, because they end with their cause
acknowledged, muted, resolved in the last day    a line each
rows              all of them as data, a row each; people read the above
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial

from adapters.phrase import Moment, Phrase
from bot.model.alert import Alert, AlertState, Mute
from bot.model.alert_notice import describe_acknowledgement, describe_alert, describe_mute, measure_span
from commands.model.finding import Finding, list_some, relate_moment
from commands.model.report import Cell, Column, Report, Row, Section

MAX_NEXT_COMMANDS = 3
"""Maximum number of suggested commands."""

_COLUMNS = (
    Column(key="number", heading=Phrase("Number")),
    Column(key="host", heading=Phrase("Host")),
    Column(key="subject", heading=Phrase("Subject")),
    Column(key="condition", heading=Phrase("Condition")),
    Column(key="severity", heading=Phrase("Severity")),
    Column(key="state", heading=Phrase("State")),
    Column(key="why", heading=Phrase("Reason")),
    Column(key="began_at", heading=Phrase("Since")),
    Column(key="fired_at", heading=Phrase("Fired")),
    Column(key="acknowledged_by", heading=Phrase("Acknowledged by")),
    Column(key="acknowledged_until", heading=Phrase("Acknowledged until")),
    Column(key="resolved_at", heading=Phrase("Resolved")),
    Column(key="muted_until", heading=Phrase("Muted until")),
    Column(key="next", heading=Phrase("Command")),
)


@dataclass(frozen=True)
class AlertOverview:
    """Alerts that a reader may see: the open ones, worst first, those resolved lately, and the mutes of the open ones."""

    open: Sequence[Alert]
    recent: Sequence[Alert] = ()
    mutes: Mapping[int, Mute] = field(default_factory=dict)

    @property
    def muted(self) -> tuple[Alert, ...]:
        """Open alerts that are muted."""
        return tuple(alert for alert in self.open if alert.number in self.mutes)

    @property
    def heard(self) -> tuple[Alert, ...]:
        """Open alerts that are not muted."""
        return tuple(alert for alert in self.open if alert.number not in self.mutes)

    @property
    def acknowledged(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.heard if alert.state is AlertState.ACKNOWLEDGED)

    @property
    def firing(self) -> tuple[Alert, ...]:
        """Alerts that need attention: neither muted, nor acknowledged, nor explained by another open alert."""
        waiting = (alert for alert in self.heard if alert.state is AlertState.FIRING)
        return tuple(alert for alert in waiting if self.find_cause(alert) is None)

    @property
    def consequences(self) -> tuple[Alert, ...]:
        """Firing alerts that another open alert explains."""
        waiting = (alert for alert in self.heard if alert.state is AlertState.FIRING)
        return tuple(alert for alert in waiting if self.find_cause(alert) is not None)

    def find_cause(self, alert: Alert) -> Alert | None:
        """Finds the open alert that explains an alert; None if there is none that the reader may see."""
        return self._by_key.get(alert.cause) if alert.cause and alert.cause != alert.key else None

    @cached_property
    def _by_key(self) -> Mapping[str, Alert]:
        return {alert.key: alert for alert in self.open}


def list_alerts(seen: AlertOverview, at: datetime) -> Report:
    """Lists the alerts that a reader may see."""
    return Report(
        title=Phrase("Alerts"),
        summary=summarize_alerts(seen),
        columns=_COLUMNS,
        rows=tuple(_build_row(alert, seen.mutes.get(alert.number)) for alert in (*seen.open, *seen.recent)),
        findings=tuple(make_finding(alert) for alert in seen.firing),
        sections=tuple(_list_sections(seen, at)),
        brief=True,
        taken_at=at,
        next=tuple(_suggest(seen.firing))[:MAX_NEXT_COMMANDS],
    )


def summarize_alerts(seen: AlertOverview) -> Phrase:
    """Summarizes in one sentence what needs attention, and counts what does not."""
    n = len(seen.firing)
    needed = (
        Phrase("{n} alert needs attention", plural="{n} alerts need attention", n=n)
        if n
        else Phrase("no alert needs attention")
        if seen.open
        else Phrase("no open alerts")
    )
    if n == 1:
        needed = Phrase("{count}: {alert}", count=needed, alert=describe_alert(seen.firing[0]))
    counts = (
        (Phrase("{n} follows from others", plural="{n} follow from others", n=len(seen.consequences))),
        (Phrase("{n} acknowledged", n=len(seen.acknowledged))),
        (Phrase("{n} muted", n=len(seen.muted))),
    )
    others = [count for count in counts if count.values["n"]]
    return Phrase("{alerts} ({others})", alerts=needed, others=list_some(others)) if others else needed


def _suggest(firing: Sequence[Alert]) -> Iterator[str]:
    for alert in firing[:2]:
        yield f"alert acknowledge {alert.number}"
        yield f"alert show {alert.number}"


def make_finding(alert: Alert) -> Finding:
    """Makes the finding of an alert that needs attention, with the command that fixes it or shows more."""
    why = Phrase("#{number}: {why} (since {at})", number=str(alert.number), at=Moment(alert.began_at), why=alert.why)
    return Finding(
        severity=alert.severity,
        host=alert.host,
        subject=alert.subject,
        why=why,
        short=alert.short,
        next=alert.next or f"alert show {alert.number}",
    )


def _list_sections(seen: AlertOverview, at: datetime) -> Iterator[Section]:
    relate = partial(relate_moment, now=at)
    parts = (
        (Phrase("Consequences"), [_describe_consequence(alert, seen) for alert in seen.consequences]),
        (
            Phrase("Acknowledged"),
            [describe_with_state(alert, describe_acknowledgement(alert, relate)) for alert in seen.acknowledged],
        ),
        (
            Phrase("Muted"),
            [describe_with_state(alert, describe_mute(seen.mutes[alert.number], relate)) for alert in seen.muted],
        ),
        (Phrase("Resolved in the last day"), [describe_with_state(alert, describe_end(alert, at)) for alert in seen.recent]),
    )
    for heading, lines in parts:
        if lines:
            yield Section(heading=heading, lines=tuple(lines))


def describe_with_state(alert: Alert, state: Phrase) -> Phrase:
    """Describes an alert by its number, its name and its state."""
    return Phrase("#{number} {alert}, {state}", number=str(alert.number), alert=describe_alert(alert), state=state)


def _describe_consequence(alert: Alert, seen: AlertOverview) -> Phrase:
    cause = seen.find_cause(alert) or alert
    return describe_with_state(
        alert, Phrase("follows from #{number} {alert}", number=str(cause.number), alert=describe_alert(cause))
    )


def describe_end(alert: Alert, at: datetime) -> Phrase:
    """Describes when an alert was resolved, and how long it lasted."""
    since, resolved = alert.first_fired_at or alert.began_at, alert.resolved_at or alert.checked_at
    said = Phrase("resolved at {at} after {span}", at=relate_moment(resolved, at), span=measure_span(since, resolved))
    return said if alert.outcome is None else Phrase("{state}: {why}", state=said, why=alert.outcome)


def describe_state(alert: Alert, at: datetime) -> Phrase:
    """Describes the state of an alert with its time."""
    match alert.state:
        case AlertState.ACKNOWLEDGED:
            return describe_acknowledgement(alert, partial(relate_moment, now=at))
        case AlertState.RESOLVED:
            return describe_end(alert, at)
        case AlertState.FIRING:
            return Phrase("firing since {at}", at=relate_moment(alert.first_fired_at or alert.began_at, at))
        case AlertState.PENDING:
            return Phrase("seen since {at}, not confirmed yet", at=relate_moment(alert.began_at, at))


def _build_row(alert: Alert, mute: Mute | None) -> Row:
    times = (alert.fired_at, alert.acknowledged_until, alert.resolved_at, None if mute is None else mute.ends_at)
    fired, until, resolved, muted = (_make_cell(None if at is None else at.isoformat()) for at in times)
    return Row(
        cells=(
            _make_cell(alert.number),
            _make_cell(alert.host),
            _make_cell(alert.subject),
            _make_cell(alert.condition.value),
            _make_cell(alert.severity.value),
            _make_cell(alert.state.value),
            Cell.of(alert.why),
            _make_cell(alert.began_at.isoformat()),
            fired,
            _make_cell(alert.acknowledged_by),
            until,
            resolved,
            muted,
            _make_cell(alert.next),
        )
    )


def _make_cell(value: str | int | None) -> Cell:
    return Cell(text="" if value is None else str(value), value=value)
