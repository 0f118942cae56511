"""Reports on incidents: one, a list, and the messages in an incident's channel. Pure.

Answers to those who act on an incident: one sentence, and what is left to do. Pure.
"""

from collections.abc import Sequence
from datetime import datetime

from adapters.phrase import Moment, Phrase
from bot.access.rules import is_channel
from bot.incidents.rules.visibility import IncidentReader
from bot.model.incident import STATE_NAMES, Incident, IncidentState
from commands.model.finding import GRADE_NAMES, Grade, relate_moment
from commands.model.report import Cell, ChannelLink, Column, Mark, Report, Row, Section

_COLUMNS = (
    Column(key="number", heading=Phrase("Number")),
    Column(key="state", heading=Phrase("State")),
    Column(key="severity", heading=Phrase("Severity")),
    Column(key="title", heading=Phrase("Incident")),
    Column(key="target", heading=Phrase("Host")),
    Column(key="opened_at", heading=Phrase("Since")),
    Column(key="lead", heading=Phrase("Lead")),
    Column(key="next_update_at", heading=Phrase("Next update")),
    Column(key="opened_by", heading=Phrase("User"), detail=True),
    Column(key="channel", heading=Phrase("Channel"), detail=True),
    Column(key="was", heading=Phrase("Cause")),
)

MAX_OFFERED = 3
"""Maximum number of incidents that a list suggests to show."""


def list_others(others: Sequence[Incident], at: datetime) -> tuple[Section, ...]:
    """Section about the open incidents of other channels."""
    if not others:
        return ()
    return (Section(heading=Phrase("Other channels"), lines=tuple(summarize(each, at) for each in others)),)


def list_left_to_do(*lines: Phrase) -> tuple[Section, ...]:
    """Section about tasks that must be done by hand."""
    return (Section(heading=Phrase("Remaining steps"), lines=lines),) if lines else ()


def report_resolution(incident: Incident, at: datetime) -> Report:
    """Report on a resolved incident for readers in its channel. Commands there have the usual defaults again."""
    section = list_from_now_on(Phrase("this channel is back to normal"))
    return report_incident(incident, incident.channel, at).model_copy(update={"sections": (section,)})


def list_from_now_on(*lines: Phrase) -> Section:
    """Section about what is different in a channel from now on."""
    return Section(heading=Phrase("From now on in this channel"), lines=lines)


def report_incident(incident: Incident, place: str, at: datetime) -> Report:
    """Report on one incident, for readers in the channel `place`."""
    return Report(
        title=Phrase("Incident"),
        summary=summarize(incident, at),
        columns=_COLUMNS,
        rows=(_build_row(incident, at),),
        taken_at=at,
        channel=link_channel(incident, place),
        next=suggest_next(incident, place),
        brief=True,
    )


def link_channel(incident: Incident, place: str) -> ChannelLink | None:
    """Link to its channel for readers in another channel; None for readers in it."""
    return None if incident.channel == place else ChannelLink(id=incident.channel, name=incident.channel_name)


def list_incidents(found: Sequence[Incident], reader: IncidentReader, at: datetime) -> Report:
    """Report that lists the incidents that a reader may see, the open ones first, outside of a channel with an open one."""
    running = [incident for incident in found if incident.open]
    return Report(
        title=Phrase("Incidents"),
        summary=_summarize_open(running, reader, at),
        sections=_explain_hidden(reader),
        columns=_COLUMNS,
        rows=tuple(_build_row(each, at) for each in sorted(found, key=_rank)),
        taken_at=at,
        next=suggest_showing(running),
    )


def _summarize_elsewhere(running: Sequence[Incident], at: datetime) -> Phrase:
    """Summarize the open incidents of other channels for readers in a channel without one."""
    first = running[0]
    if len(running) > 1:
        return Phrase("no open incident in this channel, {n} in others", n=len(running))
    if not first.channel_name:
        return Phrase("no open incident in this channel. In another one: {incident}", incident=summarize(first, at))
    return Phrase(
        "no open incident in this channel. In {channel}: {incident}",
        channel=f"#{first.channel_name}",
        incident=summarize(first, at),
    )


def _summarize_open(running: Sequence[Incident], reader: IncidentReader, at: datetime) -> Phrase:
    """Summarize the open incidents that the reader may see. Others may be open."""
    in_channel = is_channel(reader.channel) and not reader.movable
    match running:
        case []:
            return _summarize_none(reader, in_channel=in_channel)
        case _ if in_channel:
            return _summarize_elsewhere(running, at)
        case [only]:
            return summarize(only, at)
        case _:
            return Phrase("{n} incident is open", plural="{n} incidents are open", n=len(running))


def _summarize_none(reader: IncidentReader, *, in_channel: bool) -> Phrase:
    """Summarize that the reader sees no open incident, without revealing hidden ones."""
    if reader.sees_all:
        return Phrase("no open incidents")
    return Phrase("no open incident in this channel") if in_channel else Phrase("no open incidents are listed here")


def _explain_hidden(reader: IncidentReader) -> tuple[Section, ...]:
    """Explain which incidents are not listed. The text is the same with and without hidden ones."""
    if reader.sees_all:
        return ()
    line = (
        Phrase("incidents in private channels, because others read this result")
        if reader.in_public
        else Phrase("incidents in private channels, unless you opened or lead them, or were invited")
    )
    return (Section(heading=Phrase("Not listed"), lines=(line,)),)


def suggest_showing(incidents: Sequence[Incident]) -> tuple[str, ...]:
    """Commands that show the first incidents."""
    return tuple(f"incident show {incident.number}" for incident in incidents[:MAX_OFFERED])


def summarize(incident: Incident, at: datetime) -> Phrase:
    """Summary in one sentence: the subject and the time of one in which people work, the cause of a resolved one.

    The other side of a duplicate is not named, because not all readers may know of it.
    """
    number, title = str(incident.number), incident.title
    match incident.state:
        case IncidentState.OPEN:
            return Phrase(
                "incident {number}, {title} ({target}): open since {at}",
                number=number,
                title=title,
                at=relate_moment(incident.opened_at, at),
                target=incident.target,
            )
        case IncidentState.MITIGATED:
            return Phrase(
                "incident {number}, {title} ({target}): mitigated at {at}, the cause is still there",
                number=number,
                title=title,
                at=relate_moment(incident.mitigated_at or incident.opened_at, at),
                target=incident.target,
            )
        case IncidentState.RESOLVED:
            return Phrase(
                "incident {number}, {title}: resolved at {at} by {person}: {was}",
                number=number,
                title=title,
                at=relate_moment(incident.resolved_at or at, at),
                person=incident.resolved_by,
                was=incident.was,
            )
        case IncidentState.DUPLICATE:
            return Phrase("incident {number}, {title}: merged into another incident", number=number, title=title)


def suggest_next(incident: Incident, place: str) -> tuple[str, ...]:
    """Commands to type next. A read is suggested only in its channel: elsewhere other people would see the answer."""
    shown = suggest_showing((incident,))
    if incident.state is IncidentState.RESOLVED:
        return (f"incident report {incident.number}", *shown)
    return (f"health {incident.target}", *shown) if incident.open and not link_channel(incident, place) else shown


def _rank(incident: Incident) -> tuple[bool, int, int]:
    """Ranks incidents for a list: those in which people work, the worst first, then the others by number."""
    severity = Grade.WELL if incident.severity is None else Grade.of(incident.severity)
    return not incident.open, severity.rank if incident.open else 0, incident.number


def _build_row(incident: Incident, at: datetime) -> Row:
    severity, due = incident.severity, incident.next_update_at if incident.open else None
    return Row(
        cells=(
            Cell(text=str(incident.number), value=incident.number),
            _build_state_cell(incident),
            Cell.of("") if severity is None else Cell(text=GRADE_NAMES[Grade.of(severity)], value=severity.value),
            Cell.of(incident.title),
            Cell.of(incident.target),
            Cell.of_moment(incident.opened_at, at),
            Cell.of(incident.lead),
            Cell.of("")
            if due is None
            else Cell(text=relate_moment(due, at), value=due.isoformat(), mark=_mark_due(due, at)),
            Cell.of(incident.opened_by),
            Cell(text=f"#{incident.channel_name}" if incident.channel_name else incident.channel, value=incident.channel),
            Cell.of(incident.was),
        )
    )


def _build_state_cell(incident: Incident) -> Cell:
    if incident.state is IncidentState.RESOLVED:
        return Cell(text=Phrase("resolved by {person}", person=incident.resolved_by), value="resolved")
    mark = Mark.BAD if incident.open else Mark.PLAIN
    return Cell(text=STATE_NAMES[incident.state], value=incident.state.value, mark=mark)


def _mark_due(due: datetime, at: datetime) -> Mark:
    return Mark.BAD if due < at else Mark.PLAIN


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
