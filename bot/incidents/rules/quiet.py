"""Quiet incidents: when their lead is asked for a sign of life, and when others are called. Pure.

an entry of a person ─ 15, 60, 240 min, or the next morning ─▶ LEAD ─ as long again ─▶ LEAD ─ as long again ─▶ CHANNEL
critical for 30 min  ─▶ OFFER (call others) ─ twice as long without an entry ─▶ CALL, once

Only time in which the bot runs counts: a silence begins anew when the bot starts, when it was stopped or asleep, and when
the clock is set back. So no reminder is made up for.

Messages about quiet incidents: to the lead, to the channel, and to the people who are called. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any

from adapters.phrase import Phrase, Span
from bot.access.people import is_group
from bot.access.policy import Policy
from bot.incidents.rules.transitions import name_severity
from bot.incidents.rules.visibility import SEEING_ROLES, IncidentReader
from bot.model.alert_notice import AlertWord
from bot.model.incident import Incident, IncidentState
from commands.alerts.operations import find_morning
from commands.model.finding import Severity, round_distance
from commands.model.report import Report

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


def make_question(incident: Incident, silence: timedelta, *, with_call: bool) -> Report:
    """Makes the question to the lead: post an update, later, or hand over; where others can be called, that too."""
    number = incident.number
    call = (f"incident call --incident {number}",) if with_call else ()
    words = (
        f"incident update --incident {number}",
        f"incident later --incident {number}",
        f"incident lead --incident {number}",
    )
    return _make_report(_describe_silence(incident, silence), *call, *words, f"incident show {number}")


def make_channel_question(incident: Incident, silence: timedelta, *, with_call: bool) -> Report:
    """Makes the question to all in the channel, after the lead gave no answer."""
    text = Phrase(
        "{silence}. Its lead, {lead}, has not responded. Post an update, or take the lead",
        silence=_describe_silence(incident, silence),
        lead=find_lead(incident),
    )
    return make_question(incident, silence, with_call=with_call).model_copy(update={"summary": text})


def make_lost_lead(incident: Incident) -> Report:
    """Makes the message that the lead has left, for those who can take over."""
    text = Phrase(
        "{lead}, the lead of incident {number} ({title}), can no longer be reached. Take the lead",
        lead=find_lead(incident),
        number=str(incident.number),
        title=incident.title,
    )
    number = incident.number
    return _make_report(text, f"incident lead --incident {number}", f"incident show {number}")


def make_offer(incident: Incident, critical: timedelta) -> Report:
    """Makes the offer to call others."""
    text = Phrase(
        "incident {number} has been critical for {span}: {title}. Call others if you need help",
        number=str(incident.number),
        span=_round(critical),
        title=incident.title,
    )
    return _make_report(text, f"incident call --incident {incident.number}", f"incident show {incident.number}")


def make_call(incident: Incident, caller: str, mentions: tuple[str, ...]) -> AlertWord:
    """Makes the call for help. `caller` is "" if no person called, because all were silent."""
    values: dict[str, Any] = {
        "number": str(incident.number),
        "severity": name_severity(incident),
        "title": incident.title,
        "words": f"incident show {incident.number}",
    }
    text = (
        Phrase("{caller} asks for your help: incident {number} ({severity}), {title}. Run {words}", caller=caller, **values)
        if caller
        else Phrase("incident {number} ({severity}) gets no response: {title}. Please help. Run {words}", **values)
    )
    return AlertWord(severity=incident.severity, phrase=text, mentions=mentions)


def find_lead(incident: Incident) -> str:
    """Finds the lead; the opener of an incident that has none."""
    return incident.lead or incident.opened_by


def find_callable(names: Iterable[str], incident: Incident, policy: Policy) -> tuple[str, ...]:
    """Finds whom to call by Slack id: people and user groups. Of a private incident only those who may read it learn."""
    people = {person.name: person for person in policy.people}
    seeing = {group.slack for group in policy.groups if group.roles & SEEING_ROLES}
    found: dict[str, None] = {}
    for name in names:
        person = people.get(name)
        if is_group(name) and (incident.private is False or name in seeing):
            found[name] = None
        elif person is not None and IncidentReader(name, person.roles, "", movable=True).may_see(incident):
            found |= dict.fromkeys(person.slack[:1])
    return tuple(found)


def _describe_silence(incident: Incident, silence: timedelta) -> Phrase:
    return Phrase(
        "incident {number} ({severity}) has been quiet for {span}: {title}",
        number=str(incident.number),
        severity=name_severity(incident),
        span=_round(silence),
        title=incident.title,
    )


def _round(time: timedelta) -> Span:
    return Span(round_distance(max(time, timedelta(minutes=1))).total_seconds())


def _make_report(text: Phrase, *words: str) -> Report:
    return Report(title=Phrase("Incident"), summary=text, brief=True, next=words)
