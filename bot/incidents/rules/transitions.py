"""Life of an incident: which acts are allowed in which state, and what they make of it. Pure.

OPEN ─ mitigated ─▶ MITIGATED ─┬─ resolved ─▶ RESOLVED ─ reopened ─▶ OPEN ◀─ reopened ─ MITIGATED
  ├─────────── resolved ───────┘
  └─ OPEN or MITIGATED ─ merged ─▶ DUPLICATE of another one

judge_…(incident, …) ─▶ the incident after the act, or `Refused` with what to do next
apply(incident, event) ─▶ the incident after an event;  make_entry(event, incident) ─▶ the entry of its timeline
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from adapters.errors import Refused
from adapters.phrase import Moment, Phrase
from bot.incidents.rules.events import IncidentAct, IncidentEvent, change_incident
from bot.model.incident import EntryKind, FollowUp, Incident, IncidentState, TimelineEntry
from commands.model.finding import GRADE_NAMES, Grade, Severity

CLOCK_TOLERANCE = timedelta(minutes=1)
"""Time by which a note may be ahead: the clocks of people, of Slack and of the bot differ."""


class NotNow(Refused):
    """The incident is in a state in which the act makes no sense. `suggestions` are commands to type instead."""

    def __init__(self, phrase: Phrase, *suggestions: str) -> None:
        super().__init__(phrase)
        self.suggestions = suggestions


class AlreadyResolved(NotNow):
    """The incident was resolved before."""


class NothingChanges(NotNow):
    """The incident is that way already."""


def judge_note(incident: Incident, now: datetime, at: datetime | None = None) -> Incident:
    """Judges a note on what happened at that time. A resolved incident takes notes, too."""
    _refuse_duplicate(incident)
    if at is not None and at > now + CLOCK_TOLERANCE:
        raise NotNow(Phrase("{at} is in the future. Give the time at which it happened", at=Moment(at)))
    return incident


def judge_update(incident: Incident, now: datetime, text: str, next_at: datetime | None = None) -> Incident:
    """Judges an update for those who wait; `next_at` is when the next one is due."""
    _require_open(incident)
    return replace(incident, update=text, updated_at=now, next_update_at=next_at)


def judge_postponement(incident: Incident, next_at: datetime) -> Incident:
    """Judges that the next update comes at that time only, so that its lead is not asked before."""
    _require_open(incident)
    return replace(incident, next_update_at=next_at)


def judge_severity(incident: Incident, severity: Severity) -> Incident:
    """Judges a severity."""
    _require_open(incident)
    if incident.severity is severity:
        raise _make_unchanged(incident)
    return replace(incident, severity=severity)


def judge_lead(incident: Incident, person: str) -> Incident:
    """Judges a new lead."""
    _require_open(incident)
    if incident.lead == person:
        raise _make_unchanged(incident)
    return replace(incident, lead=person)


def judge_invitation(incident: Incident, person: str) -> Incident:
    """Judges the invitation of a person who may read the incident from then on."""
    _refuse_duplicate(incident)
    if person in (*incident.invited, incident.lead, incident.opened_by):
        raise _make_unchanged(incident)
    return replace(incident, invited=(*incident.invited, person))


def judge_addition(incident: Incident, hosts: Collection[str] = (), alerts: Collection[int] = ()) -> Incident:
    """Judges hosts and alerts that join the incident. `hosts` are names; those that its target names stay as they are."""
    _require_open(incident)
    parts = tuple(incident.target.split(","))
    target = ",".join((*parts, *(host for host in hosts if host not in parts)))
    joined = (*incident.alerts, *(each for each in alerts if each not in incident.alerts))
    after = replace(incident, target=target, alerts=joined)
    if after == incident:
        raise _make_unchanged(incident)
    return after


def judge_correction(incident: Incident, entry: int, count: int) -> Incident:
    """Judges the correction of an entry. `count` is the number of entries; the original stays."""
    _refuse_duplicate(incident)
    if not 0 < entry <= count:
        raise NotNow(
            Phrase(
                "incident {number} has no entry {entry}. {words} lists them",
                number=str(incident.number),
                entry=str(entry),
                words=f"incident show {incident.number}",
            )
        )
    return incident


def judge_followup(incident: Incident, text: str, who: str = "", due: date | None = None) -> Incident:
    """Judges a follow-up. A resolved incident takes them, too."""
    _refuse_duplicate(incident)
    new = FollowUp(len(incident.followups) + 1, text, who, due)
    return replace(incident, followups=(*incident.followups, new))


def judge_followup_done(incident: Incident, now: datetime, number: int, by: str) -> Incident:
    """Judges that a follow-up is done."""
    found = next((each for each in incident.followups if each.number == number), None)
    if found is None:
        raise NotNow(
            Phrase(
                "incident {number} has no follow-up {followup}. {words} lists them",
                number=str(incident.number),
                followup=str(number),
                words=f"incident show {incident.number}",
            )
        )
    if found.done_at is not None:
        raise _make_unchanged(incident)
    done = replace(found, done_by=by, done_at=now)
    return replace(incident, followups=tuple(done if each is found else each for each in incident.followups))


def judge_mitigation(incident: Incident, now: datetime) -> Incident:
    """Judges that users are no longer affected."""
    _require_open(incident)
    if incident.state is IncidentState.MITIGATED:
        raise NothingChanges(Phrase("incident {number} is already mitigated", number=str(incident.number)))
    return replace(incident, state=IncidentState.MITIGATED, mitigated_at=now)


def judge_resolution(incident: Incident, now: datetime, was: str, by: str, operation: str) -> Incident:
    """Judges the end of the incident. Of two at the same time the second is refused with the first one's cause."""
    _require_open(incident)
    return replace(incident, state=IncidentState.RESOLVED, resolution=operation, resolved_by=by, resolved_at=now, was=was)


def judge_reopening(incident: Incident) -> Incident:
    """Judges that a resolved or mitigated incident is open again.

    Its cause is no longer known; the timeline has the one of before.
    """
    _refuse_duplicate(incident)
    if incident.state is IncidentState.OPEN:
        raise NothingChanges(Phrase("incident {number} is already open", number=str(incident.number)))
    return replace(
        incident,
        state=IncidentState.OPEN,
        resolution="",
        resolved_by="",
        resolved_at=None,
        was="",
        mitigated_at=None,
        next_update_at=None,
    )


def judge_merge(incident: Incident, into: Incident) -> Incident:
    """Judges that an incident is a duplicate of another one in which people work. Readers of neither change."""
    _require_open(incident)
    if into.number == incident.number:
        raise NotNow(Phrase("an incident cannot be merged into itself"))
    _require_open(into)
    return replace(incident, state=IncidentState.DUPLICATE, duplicate_of=into.number)


def judge_call(incident: Incident) -> Incident:
    """Judges that others are called for help."""
    _require_open(incident)
    return incident


def apply(before: Incident | None, event: IncidentEvent) -> Incident | None:
    """Returns the incident after an event; None if the event does not follow its version, or cannot be read.

    Whether the channel is private is decided by Slack after the opening, so no later event changes that.
    """
    if event.version != (0 if before is None else before.version) + 1:
        return None
    if (before is None) != (event.act is IncidentAct.OPENED):
        return None
    after = change_incident(before, event)
    return after if after is None or before is None else replace(after, private=before.private)


def make_entry(event: IncidentEvent, after: Incident) -> TimelineEntry:
    """Makes the timeline entry of an event. `after` is the incident after it."""
    data = event.data
    about = data.get("about", 0)
    return TimelineEntry(
        incident=event.number,
        source=f"audit:{event.sequence}",
        kind=_KINDS[event.act],
        happened_at=_parse_time(data.get("happened_at")) or event.at,
        recorded_at=event.at,
        author=_parse_text(data.get("author", event.actor)),
        text=_describe(event, after),
        hosts=tuple(name for name in data.get("hosts", ()) if isinstance(name, str)),
        operation=event.operation,
        link=_parse_text(data.get("link", "")),
        about=about if type(about) is int else 0,
    )


_KINDS = {
    IncidentAct.OPENED: EntryKind.OPENED,
    IncidentAct.SNAPSHOT: EntryKind.SNAPSHOT,
    IncidentAct.NOTED: EntryKind.NOTE,
    IncidentAct.UPDATED: EntryKind.UPDATE,
    IncidentAct.POSTPONED: EntryKind.POSTPONEMENT,
    IncidentAct.SEVERITY: EntryKind.SEVERITY,
    IncidentAct.LEAD: EntryKind.LEAD,
    IncidentAct.INVITED: EntryKind.INVITATION,
    IncidentAct.ADDED: EntryKind.SCOPE,
    IncidentAct.CORRECTED: EntryKind.CORRECTION,
    IncidentAct.FOLLOWUP: EntryKind.FOLLOWUP,
    IncidentAct.FOLLOWUP_DONE: EntryKind.FOLLOWUP,
    IncidentAct.MITIGATED: EntryKind.STATE,
    IncidentAct.RESOLVED: EntryKind.STATE,
    IncidentAct.REOPENED: EntryKind.STATE,
    IncidentAct.MERGED: EntryKind.STATE,
    IncidentAct.CALLED: EntryKind.CALL,
    IncidentAct.RELATED: EntryKind.SCOPE,
}


def _describe(event: IncidentEvent, after: Incident) -> Phrase:
    """Describes an act: the bot's phrase where it has one, else by its kind, with what the person typed as a value."""
    if isinstance(phrase := event.data.get("phrase"), dict) and (said := _parse_phrase(phrase)) is not None:
        return said
    text = _parse_text(event.data.get("text", ""))
    match event.act:
        case IncidentAct.OPENED:
            return Phrase("opened: {title} ({target})", title=after.title, target=after.target)
        case IncidentAct.POSTPONED if after.next_update_at is not None:
            return Phrase("next update later, at {at}", at=Moment(after.next_update_at))
        case IncidentAct.SEVERITY:
            return Phrase("severity: {severity}", severity=name_severity(after))
        case IncidentAct.LEAD:
            return Phrase("lead: {person}", person=after.lead)
        case IncidentAct.INVITED:
            return Phrase("{person} may read this incident", person=after.invited[-1] if after.invited else "")
        case IncidentAct.ADDED:
            return Phrase("added: {what}", what=text)
        case IncidentAct.FOLLOWUP_DONE:
            return Phrase("follow-up {number} is done", number=str(event.data.get("about", "")))
        case IncidentAct.MITIGATED:
            return Phrase("mitigated")
        case IncidentAct.RESOLVED:
            return Phrase("resolved: {was}", was=after.was)
        case IncidentAct.REOPENED:
            return Phrase("reopened: {why}", why=text)
        case IncidentAct.MERGED:
            return Phrase("merged into another incident")  # its readers need not be those of the other one
        case IncidentAct.CALLED:
            return Phrase("others were called")
    return Phrase("{text}", text=text)


def name_severity(incident: Incident) -> Phrase:
    """Names the severity of an incident."""
    return Phrase("unknown") if incident.severity is None else GRADE_NAMES[Grade.of(incident.severity)]


def _parse_phrase(stored: dict[str, Any]) -> Phrase | None:
    try:
        return Phrase.from_json(stored)
    except (ValueError, KeyError, TypeError):
        return None


def _parse_text(stored: object) -> str:
    return stored if isinstance(stored, str) else ""


def _parse_time(stored: object) -> datetime | None:
    """Parses an aware point in time; None for anything else."""
    try:
        at = datetime.fromisoformat(stored) if isinstance(stored, str) else None
    except ValueError:
        return None
    return None if at is None or at.tzinfo is None else at


def _refuse_duplicate(incident: Incident) -> None:
    if incident.state is IncidentState.DUPLICATE:
        raise NotNow(
            Phrase("incident {number} was merged into another one and takes no entries", number=str(incident.number))
        )


def _require_open(incident: Incident) -> None:
    """Refuses an act on an incident in which nobody works any longer."""
    _refuse_duplicate(incident)
    if not incident.open:
        raise AlreadyResolved(
            Phrase(
                "incident {number} was resolved by {person}: {was}",
                number=str(incident.number),
                person=incident.resolved_by,
                was=incident.was,
            ),
            f"incident show {incident.number}",
            f"incident reopen --incident {incident.number}",
        )


def _make_unchanged(incident: Incident) -> NothingChanges:
    return NothingChanges(Phrase("nothing to do: incident {number} already has this", number=str(incident.number)))
