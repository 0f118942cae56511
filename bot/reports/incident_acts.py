"""Answers to those who act on an incident: one sentence, and what is left to do. Pure."""

from collections.abc import Sequence
from datetime import datetime

from adapters.phrase import Moment, Phrase
from bot.model.incident import Incident
from bot.reports.incidents import link_channel
from commands.model.report import Report, Section


def report_act(incident: Incident, said: Phrase, place: str, at: datetime, lines: Sequence[Phrase] = ()) -> Report:
    """Reports on an act, for a reader in the channel `place`. `lines` are notes below it."""
    summary = Phrase("incident {number}, {title}: {said}", number=str(incident.number), title=incident.title, said=said)
    return Report(
        title=Phrase("Incident"),
        summary=summary,
        sections=(Section(heading=Phrase("Note"), lines=tuple(lines)),) if lines else (),
        brief=True,
        taken_at=at,
        channel=link_channel(incident, place),
        next=(f"incident show {incident.number}",),
    )


def describe_audience(incident: Incident, *, configured: bool, requested: bool) -> tuple[Phrase, ...]:
    """Describes who reads an update, and when the next one is due. `configured`: there is a channel for announcements.

    `requested`: it is announced although the incident is private.
    """
    if not configured:
        line = Phrase("not announced: set announce in [incidents] to a channel. Readers of the incident see it")
    elif incident.private is False or requested:
        line = Phrase("announced with number, state and severity, without hosts and cause")
    else:
        line = Phrase("not announced, because the incident is private. To announce one, add {option}", option="--announce")
    if incident.next_update_at is None:
        return (line,)
    return (line, Phrase("next update due at {at}", at=Moment(incident.next_update_at)))


def describe_late_obstacles(lines: Sequence[Phrase], number: int) -> tuple[Phrase, ...]:
    """Describes what came up while the incident was resolved, and how to go on."""
    if not lines:
        return ()
    words = f'incident reopen "…" --incident {number}'
    return (*lines, Phrase("came up meanwhile. If it belongs to this incident, run {words}", words=words))
