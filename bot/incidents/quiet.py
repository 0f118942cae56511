"""Quiet incidents: when their lead is asked for a sign of life, and when others are called. Pure.

an entry of a person ─ 15, 60, 240 min, or the next morning ─▶ LEAD ─ as long again ─▶ LEAD ─ as long again ─▶ CHANNEL
critical for 30 min  ─▶ OFFER (call others) ─ twice as long without an entry ─▶ CALL, once

Only time in which the bot runs counts: a silence begins anew when the bot starts, when it was stopped or asleep, and when
the clock is set back. So no reminder is made up for.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from bot.model.incident import Incident, IncidentState
from commands.alerts.operations import find_morning
from commands.model.finding import Severity

QUIET_PERIODS = {
    Severity.CRITICAL: timedelta(minutes=15),
    Severity.HIGH: timedelta(minutes=60),
    Severity.MEDIUM: timedelta(minutes=240),
}
"""Time without an entry of a person after which the lead is asked. Anything less urgent waits for the next morning."""

OFFER_AFTER = timedelta(minutes=30)
"""Time for which an incident is critical before people are offered to call others."""

LEAD_REMINDERS = 2
"""Reminders that the lead gets before the channel does."""

IGNORED_OFFERS = 2
"""Quiet periods after which an offer to call others counts as ignored."""


class Reminder(StrEnum):
    """The next thing to do about a quiet incident."""

    LEAD = "lead"
    CHANNEL = "channel"
    OFFER = "offer"
    CALL = "call"


@dataclass(frozen=True)
class Silence:
    """The present silence of an incident.

    `since` is when it began, as the bot saw it. `asked` counts the reminders in it, `asked_at` is when the newest was.
    `critical_since` is since when the bot has seen the incident as critical, None while it is not. `offered_at` and
    `called_at` are when people were offered to call others, and when others were called.
    """

    since: datetime
    asked: int = 0
    asked_at: datetime | None = None
    critical_since: datetime | None = None
    offered_at: datetime | None = None
    called_at: datetime | None = None

    def hear(self, now: datetime) -> "Silence":
        """Returns the silence that begins after an entry of a person."""
        return replace(self, since=now, asked=0, asked_at=None)

    def begin_anew(self, now: datetime) -> "Silence":
        """Returns the same silence without the time for which the bot was down. What was asked stays asked."""
        return replace(
            self,
            since=now,
            asked_at=None,
            critical_since=None if self.critical_since is None else now,
            offered_at=None if self.offered_at is None else min(self.offered_at, now),
        )

    def see_severity(self, severity: Severity | None, now: datetime) -> "Silence":
        """Returns the silence with the time since which the incident is critical."""
        since = (self.critical_since or now) if severity is Severity.CRITICAL else None
        return replace(self, critical_since=since)

    def remember(self, reminder: Reminder, now: datetime) -> "Silence":
        """Returns the silence after a reminder."""
        match reminder:
            case Reminder.OFFER:
                return replace(self, offered_at=now)
            case Reminder.CALL:
                return replace(self, called_at=now)
            case _:
                return replace(self, asked=self.asked + 1, asked_at=now)


def find_reminders(incident: Incident, silence: Silence, zone: tzinfo, now: datetime) -> tuple[Reminder, ...]:
    """Finds what is due now. `zone` is the one whose mornings count.

    The caller knows whether there are others to call.
    """
    if not incident.open:
        return ()
    return (*_find_call(incident, silence, zone, now), *_find_question(incident, silence, zone, now))


def find_due(incident: Incident, since: datetime, zone: tzinfo) -> datetime:
    """Finds when silence since that time is too long. An update that was promised for later is waited for.

    A mitigated incident is not urgent any more: it waits for the next morning.
    """
    period = QUIET_PERIODS.get(incident.severity) if incident.severity is not None else None
    urgent = incident.state is IncidentState.OPEN
    due = find_morning(since, zone) if period is None or not urgent else since + period
    return due if incident.next_update_at is None else max(due, incident.next_update_at)


def _find_question(incident: Incident, silence: Silence, zone: tzinfo, now: datetime) -> tuple[Reminder, ...]:
    """Finds whether the lead, or after two reminders the channel, is asked now."""
    since = silence.since if silence.asked_at is None else max(silence.since, silence.asked_at)
    if silence.asked > LEAD_REMINDERS or now < find_due(incident, since, zone):
        return ()
    return (Reminder.LEAD if silence.asked < LEAD_REMINDERS else Reminder.CHANNEL,)


def _find_call(incident: Incident, silence: Silence, zone: tzinfo, now: datetime) -> tuple[Reminder, ...]:
    """Finds whether people are offered to call others, or others are called because the offer was ignored."""
    critical_since = silence.critical_since
    if critical_since is None or silence.called_at is not None or incident.state is not IncidentState.OPEN:
        return ()
    if silence.offered_at is None:
        return (Reminder.OFFER,) if now - critical_since >= OFFER_AFTER else ()
    ignored_since = max(silence.offered_at, critical_since, find_due(incident, silence.since, zone))
    return (Reminder.CALL,) if now - ignored_since >= IGNORED_OFFERS * QUIET_PERIODS[Severity.CRITICAL] else ()
