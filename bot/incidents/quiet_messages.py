"""Messages about quiet incidents: to the lead, to the channel, and to the people who are called. Pure."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from adapters.phrase import Phrase, Span
from bot.access.people import is_group
from bot.access.policy import Policy
from bot.incidents.life import name_severity
from bot.incidents.privacy import SEEING_ROLES, IncidentReader
from bot.model.alert_notice import AlertWord
from bot.model.incident import Incident
from commands.model.finding import round_distance
from commands.model.report import Report


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
