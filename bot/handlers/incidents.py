"""Who answers the operations on incidents, and how they are shown."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from adapters.errors import FlatnetError, Refused
from adapters.phrase import Moment, Phrase
from bot.incidents.channels import wanted
from bot.incidents.service import LEAD, Incident, Opening
from bot.model.announcement import Bulletin
from bot.model.request import Answer, SlackIdentity, operation_id
from commands.bot_state.incidents import IncidentList, IncidentOpen, IncidentResolve
from commands.language.grammar import canonical
from commands.model.operation import OwnOperation
from commands.model.report import Cell, Channel, Column, Mark, Report, Row, Section

if TYPE_CHECKING:
    from bot.handlers.context import Asked

_COLUMNS = (
    Column(key="number", heading=Phrase("Number")),
    Column(key="state", heading=Phrase("State")),
    Column(key="title", heading=Phrase("Incident")),
    Column(key="target", heading=Phrase("Host")),
    Column(key="opened_at", heading=Phrase("Since")),
    Column(key="opened_by", heading=Phrase("Who")),
    Column(key="channel", heading=Phrase("Channel"), detail=True),
    Column(key="was", heading=Phrase("What it was")),
)

OFFERED = 3
"""Incidents of a list that are offered to be looked at."""


async def listed(operation: IncidentList, asked: "Asked") -> Report:
    """The one of this channel, and which others are open; elsewhere all of them."""
    here, found = await asked.incidents.open_in(asked.by.channel), await asked.incidents.all()
    if here is None:
        return _listing(found, asked.now())
    report = _one(here, here.channel, asked.now())
    others = [each for each in found if each.open and each.number != here.number]
    return report.model_copy(update={"sections": _also_open(others), "next": (*report.next, *_shows(others))})


def _also_open(others: Sequence[Incident]) -> tuple[Section, ...]:
    if not others:
        return ()
    return (Section(heading=Phrase("Elsewhere"), lines=tuple(map(in_short, others))),)


async def opened(operation: IncidentOpen, asked: "Asked") -> Report:
    """A new one, in this channel or in one of its own."""
    operation.target.resolve(asked.inventory)  # a name that nobody has would be about nothing
    if operation.new:
        return await _opened_anew(operation, asked)
    incident = await asked.incidents.open(
        asked.operation, asked.by.channel, operation.title, operation.target, asked.by.actor.name
    )
    return _begun(incident, asked.now())


async def _opened_anew(operation: IncidentOpen, asked: "Asked") -> Report:
    """Said in the channel that was made for it, too; whoever asked is led there."""
    title, target, by = operation.title, operation.target, asked.by.actor.name
    day = asked.at.astimezone(ZoneInfo(asked.usual[0])).date()
    new = wanted(asked.operation, title, str(target), day, _invited(asked))
    incident, made = await asked.incidents.open_anew(Opening(asked.operation, title, target, by), new, asked.channels)
    troubles = made.troubles
    begun = _begun(incident, asked.now())
    if why := await _untold(begun, incident, operation, asked, Phrase("opened by {person}", person=by)):
        troubles = (*troubles, Phrase("the channel was not told ({why}); type {words} there", why=why, words="incident"))
    led = {"channel": Channel(id=incident.channel, name=made.name), "sections": _left_to_do(*troubles)}
    return _one(incident, asked.by.channel, asked.now()).model_copy(update=led)


def _invited(asked: "Asked") -> str:
    """Whoever asks, by the id that Slack knows; from a terminal that of the configuration."""
    if isinstance(asked.by.identity, SlackIdentity):
        return asked.by.identity.user
    name = asked.by.actor.name
    known = next((person.slack for person in asked.policy.people if person.name == name), ())
    if not known:
        raise Refused(
            Phrase(
                "nobody could be invited: {person} has no Slack id under [[people]]; give one there, or ask in Slack",
                person=name,
            )
        )
    return known[0]


async def resolved(operation: IncidentResolve, asked: "Asked") -> Report:
    """It is over; its channel is told also where somebody says so elsewhere."""
    incident = await asked.incidents.resolve(
        asked.operation, operation.incident, asked.by.channel, operation.was, asked.by.actor.name
    )
    ended = _ended(incident, asked.now())
    if operation.here and asked.by.channel == incident.channel:
        return ended  # all there read this answer
    report = _one(incident, asked.by.channel, asked.now())
    why = await _untold(ended, incident, operation, asked)
    if why is None:
        return report
    line = Phrase("its channel was not told: {why}; say there that it is over", why=why)
    return report.model_copy(update={"sections": _left_to_do(line)})


async def _untold(
    stands: Report, incident: Incident, operation: OwnOperation, asked: "Asked", *notes: Phrase
) -> Phrase | None:
    """Tell its channel how it stands; why that failed, which changes nothing of the incident, None where it did not."""
    name = operation_id(f"{asked.operation} in its channel")
    said = Answer(operation=name, understood=canonical(operation), body=stands)
    try:
        await asked.channels.announce(Bulletin(name, incident.channel, said, notes))
    except FlatnetError as error:
        return error.phrase
    return None


def _left_to_do(*lines: Phrase) -> tuple[Section, ...]:
    return (Section(heading=Phrase("Left to do"), lines=lines),) if lines else ()


def _begun(incident: Incident, at: datetime) -> Report:
    """One that was just opened, for readers in its channel: there words mean something else from now on."""
    since = Moment(incident.opened_at - LEAD)
    lines = (
        Phrase("whoever looks at hosts here, with {words} for example, is answered for all to read", words="health"),
        Phrase("a look is about {target}, a log since {at}, unless it says otherwise", target=incident.target, at=since),
        Phrase("{words} ends that", words='incident resolve "…"'),
    )
    return _from_now_on(incident, lines, at)


def _ended(incident: Incident, at: datetime) -> Report:
    """One that was just resolved, for readers in its channel: there words mean again what they mean elsewhere."""
    return _from_now_on(incident, (Phrase("this channel is an ordinary one again"),), at)


def _from_now_on(incident: Incident, lines: tuple[Phrase, ...], at: datetime) -> Report:
    section = Section(heading=Phrase("From now on in this channel"), lines=lines)
    return _one(incident, incident.channel, at).model_copy(update={"sections": (section,)})


def _one(incident: Incident, place: str, at: datetime) -> Report:
    """One incident, for readers in a place."""
    return Report(
        title=Phrase("Incident"),
        summary=in_short(incident),
        columns=_COLUMNS,
        rows=(_row(incident),),
        taken_at=at,
        channel=elsewhere(incident, place),
        next=next_words(incident, place),
        brief=True,
    )


def elsewhere(incident: Incident, place: str) -> Channel | None:
    """Its channel, for readers in another place."""
    return None if incident.channel == place else Channel(id=incident.channel, name=incident.channel_name)


def _listing(found: Sequence[Incident], at: datetime) -> Report:
    running = [incident for incident in found if incident.open]
    summary = (
        in_short(running[0])
        if len(running) == 1
        else Phrase("{n} incident is open", plural="{n} incidents are open", n=len(running))
        if running
        else Phrase("no incident is open")
    )
    return Report(
        title=Phrase("Incidents"),
        summary=summary,
        columns=_COLUMNS,
        rows=tuple(map(_row, sorted(found, key=lambda incident: not incident.open))),
        taken_at=at,
        next=_shows(running),
    )


def _shows(incidents: Sequence[Incident]) -> tuple[str, ...]:
    """Words that lead to the first of them."""
    return tuple(f"incident show {incident.number}" for incident in incidents[:OFFERED])


def in_short(incident: Incident) -> Phrase:
    """What it is about, and since when; or what it was."""
    if incident.resolved_at is None:
        return Phrase(
            "incident {number}, {title}: open since {at}, about {target}",
            number=str(incident.number),
            title=incident.title,
            at=Moment(incident.opened_at),
            target=incident.target,
        )
    return Phrase(
        "incident {number}, {title}: resolved at {at} by {person}: {was}",
        number=str(incident.number),
        title=incident.title,
        at=Moment(incident.resolved_at),
        person=incident.resolved_by,
        was=incident.was,
    )


def next_words(incident: Incident, place: str) -> tuple[str, ...]:
    """In its channel a look, too, which all there read; elsewhere it would be for others, perhaps for another incident."""
    shown = _shows((incident,))
    return ("health", *shown) if incident.open and not elsewhere(incident, place) else shown


def _row(incident: Incident) -> Row:
    state = (
        Cell(text=Phrase("open"), value="open", mark=Mark.BAD)
        if incident.open
        else Cell(text=Phrase("resolved by {person}", person=incident.resolved_by), value="resolved")
    )
    return Row(
        cells=(
            Cell(text=str(incident.number), value=incident.number),
            state,
            Cell.of(incident.title),
            Cell.of(incident.target),
            Cell.moment(incident.opened_at),
            Cell.of(incident.opened_by),
            Cell.of(incident.channel),
            Cell.of(incident.was),
        )
    )
