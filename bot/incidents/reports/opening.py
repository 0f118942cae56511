"""Reports on an incident that was just opened, and the question who sees the results in its channel. Pure."""

from datetime import datetime

from adapters.phrase import Moment, Phrase
from bot.incidents.reports.listing import list_from_now_on, list_left_to_do, report_incident, suggest_showing
from bot.incidents.rules.opening import Snapshot
from bot.model.incident import LOOKBACK_PERIOD, Incident
from commands.incidents.operations import IncidentOpen
from commands.language.grammar import render_operation
from commands.model.finding import GRADE_NAMES, Grade
from commands.model.report import ChannelLink, Report, Section


def report_opening(incident: Incident, snapshot: Snapshot, at: datetime, troubles: tuple[Phrase, ...] = ()) -> Report:
    """Report on a new incident for readers in its channel. Commands there have other defaults from now on."""
    since = Moment(incident.beginning - LOOKBACK_PERIOD)
    lines = (
        Phrase("results of commands such as {words} are shown to everyone", words="health")
        if incident.shared
        else Phrase("results are shown only to the requester ({option} shows one to everyone)", option="--here"),
        Phrase("the default target is {target}, and logs start at {at}", target=incident.target, at=since),
        Phrase("type {words} to end this", words='incident resolve "…"'),
    )
    sections = (_describe_snapshot(incident, snapshot), list_from_now_on(*lines), *list_left_to_do(*troubles))
    return report_incident(incident, incident.channel, at).model_copy(update={"sections": sections})


def report_elsewhere(incident: Incident, snapshot: Snapshot, at: datetime, troubles: tuple[Phrase, ...] = ()) -> Report:
    """Report on an incident in a new channel, for its opener in another place. It leads to the channel."""
    led = {
        "channel": ChannelLink(id=incident.channel, name=incident.channel_name),
        "sections": (_describe_snapshot(incident, snapshot), *list_left_to_do(*troubles)),
        "next": suggest_showing((incident,)),
    }
    return report_incident(incident, "", at).model_copy(update=led)


def report_hidden(incident: Incident, at: datetime, troubles: tuple[Phrase, ...] = ()) -> Report:
    """Report on a private incident in a new channel, where others read the answer: only that it was opened."""
    said = Phrase("opened by {person}", person=incident.opened_by)
    return Report(title=Phrase("Incident"), summary=said, sections=list_left_to_do(*troubles), brief=True, taken_at=at)


def report_without_channel(
    incident: Incident, snapshot: Snapshot, at: datetime, troubles: tuple[Phrase, ...] = ()
) -> Report:
    """Report on an incident without a channel."""
    sections = (_describe_snapshot(incident, snapshot), *list_left_to_do(*troubles))
    led = {"channel": None, "sections": sections, "next": suggest_showing((incident,))}
    return report_incident(incident, "", at).model_copy(update=led)


def _describe_snapshot(incident: Incident, snapshot: Snapshot) -> Section:
    lines = snapshot.lines
    if incident.severity is not None:
        severity = GRADE_NAMES[Grade.of(incident.severity)]
        lines = (*lines, Phrase("severity {severity}, lead {person}", severity=severity, person=incident.lead))
    return Section(heading=Phrase("When it was opened"), lines=lines)


def ask_for_readers(operation: IncidentOpen, at: datetime) -> Report:
    """Ask who is to see the results of commands in the channel; each choice is a command. Nothing is opened yet."""
    lines = (
        Phrase("{option}: everyone in this channel sees results", option="--results everyone"),
        Phrase("{option}: only the requester of each sees them", option="--results requester"),
        Phrase("{option}: a new private channel, in which everyone sees them", option="--new"),
    )
    choices = ({"results": "everyone"}, {"results": "requester"}, {"new": True})
    return Report(
        title=Phrase("Incident"),
        summary=Phrase("not opened yet: choose who sees the results of commands during the incident"),
        sections=(Section(heading=Phrase("Choices"), lines=lines),),
        taken_at=at,
        next=tuple(render_operation(operation.model_copy(update=dict(choice))) for choice in choices),
    )
