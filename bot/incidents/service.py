"""Incidents: a channel in which several people examine the same hosts, from the start of a problem until it is resolved.

open (one per channel) ─▶ reads in it: for all there, about its hosts, since it began ─▶ resolve ─▶ an ordinary channel
  └ in an existing channel, or in one that is made for it (`bot.incidents.channels`)

Requests and answers in the channel are stored with the incident. Of two people who open or resolve it at the same time one
succeeds, and the other is shown the first one's incident.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from adapters.errors import FlatnetError, Refused, RequestError
from adapters.phrase import Moment, Phrase
from bot.access.rules import is_channel
from bot.audit.log import EventKind, Recorder
from bot.incidents.channels import Channels, LeftEmpty, MadeChannel, NewChannel
from bot.store.incidents import Entry as Entry
from bot.store.incidents import Incident as Incident
from bot.store.incidents import IncidentTable
from commands.bot_state.incidents import IncidentOpen, IncidentResolve
from commands.logs.operations import FARTHEST, LogCollect
from commands.model.operation import FleetRead, Operation
from commands.model.times import instant
from commands.values.arguments import Target

LISTED = timedelta(days=7)
"""Period for which a resolved incident is still listed."""

LEAD = timedelta(minutes=30)
"""Time before the opening that belongs to the incident: a channel is opened after the problem began."""

_MINUTE = timedelta(minutes=1)


class NoSuchIncident(RequestError):
    """There is none here, or none of that number."""


class AlreadyOpen(Refused):
    """This channel belongs to another open incident, or an open one has the same title."""

    def __init__(self, phrase: Phrase, number: int) -> None:
        super().__init__(phrase)
        self.next = f"incident show {number}"
        """Words that show the other incident."""


class AlreadyResolved(Refused):
    """The incident was resolved before."""


@dataclass(frozen=True)
class Opening:
    """A request to open an incident: its operation, the title of the problem, the affected hosts, and the requester."""

    operation: str
    title: str
    target: Target
    by: str


class Incidents:
    """The incidents of a bot. Opening, making a channel and resolving is in the audit log first."""

    def __init__(self, table: IncidentTable, audit: Recorder, now: Callable[[], datetime]) -> None:
        self._table = table
        self._audit = audit
        self._now = now
        self._making = asyncio.Lock()
        self._opening = asyncio.Lock()
        self._resolving = asyncio.Lock()

    async def open_in(self, channel: str) -> Incident | None:
        """Find the open incident of a channel; None where there is none, or where it is no channel."""
        return await self._table.open_in(channel) if is_channel(channel) else None

    async def around(self, operation: str, channel: str) -> Incident | None:
        """Find the incident in whose channel a request is typed: the open one, or the one that this very request has
        resolved.

        A request that is repeated after a crash finds the same incident.
        """
        return await self._table.around(operation, channel) if is_channel(channel) else None

    async def all(self) -> tuple[Incident, ...]:
        """List the open incidents, and those that were resolved within a week, by number."""
        return await self._table.since(self._now() - LISTED)

    async def find(self, number: int, channel: str) -> Incident:
        """Find one by its number; without a number the open one of the channel. Raises `NoSuchIncident`."""
        found = await self._table.find(number) if number else await self.open_in(channel)
        if found is not None:
            return found
        if number:
            raise NoSuchIncident(
                Phrase("there is no incident {number}; {words} lists them", number=str(number), words="incident")
            )
        raise NoSuchIncident(
            Phrase("this channel has no open incident; open one, or give a number: {words} lists them", words="incident")
        )

    async def open(self, operation: str, channel: str, title: str, target: Target, by: str) -> Incident:
        """Open one in a channel; the same request again is the same incident. Raises `AlreadyOpen`, `NoSuchIncident`."""
        return await self._opened(Opening(operation, title, target, by), MadeChannel(channel))

    async def _opened(self, opening: Opening, place: MadeChannel) -> Incident:
        if not is_channel(place.id):
            raise NoSuchIncident(
                Phrase(
                    "an incident needs a channel; type this where you talk about it, or add {option} for a new channel",
                    option="--new",
                )
            )
        async with self._opening:  # what is open already, or resolved, is not recorded as opened again
            standing = await self._table.of(opening.operation) or await self.open_in(place.id)
            standing = standing or await self._kept(opening, place)
        if standing.operation != opening.operation:
            raise AlreadyOpen(
                Phrase(
                    "this is already the channel of incident {number}, {title}, opened by {person} at {at}",
                    number=str(standing.number),
                    title=standing.title,
                    person=standing.opened_by,
                    at=Moment(standing.opened_at),
                ),
                standing.number,
            )
        return standing

    async def _kept(self, opening: Opening, place: MadeChannel) -> Incident:
        event = {"channel": place.id, "title": opening.title, "target": str(opening.target)}
        await self._record("opened", opening.operation, opening.by, event)
        made = Incident(
            opening.operation,
            place.id,
            opening.title,
            str(opening.target),
            opening.by,
            self._now(),
            channel_name=place.name,
        )
        return await self._table.add(made)

    async def open_anew(self, opening: Opening, new: NewChannel, channels: Channels) -> tuple[Incident, MadeChannel]:
        """Open one in a channel that is made for it; the same request again is the same incident in the same channel.

        Requests run one after the other: of two people with the same title the second is shown the first one's incident.
        Raises `AlreadyOpen`, `ChannelNotCreated`, `IncidentNotStored`.
        """
        async with self._making:
            standing = await self._table.of(opening.operation)
            if standing is not None:
                return standing, MadeChannel(standing.channel, standing.channel_name)
            await self._none_like(opening.title)
            made = await self._made(opening, new, channels)
            try:
                return await self._opened(opening, made), made
            except AlreadyOpen:
                raise
            except FlatnetError as error:
                raise LeftEmpty(
                    Phrase(
                        "the channel {channel} was made, but the incident could not be kept: {why}; "
                        "type the same there, without {option}",
                        channel=f"#{made.name}",
                        why=error.phrase,
                        option="--new",
                    )
                ) from error

    async def _made(self, opening: Opening, new: NewChannel, channels: Channels) -> MadeChannel:
        event = {"name": new.name, "title": opening.title, "person": new.person}
        await self._record("making a channel", opening.operation, opening.by, event)
        try:
            return await channels.make_channel(new)
        except FlatnetError as error:
            await self._record("no channel", opening.operation, opening.by, {"name": new.name, "why": str(error.phrase)})
            raise

    async def _none_like(self, title: str) -> None:
        """Refuse a second open incident of the same title, so that requests at the same time make one channel
        and not two.
        """
        for other in await self._table.since(self._now()):
            if other.open and other.title.casefold() == title.casefold():
                raise AlreadyOpen(_standing(other), other.number)

    async def resolve(self, operation: str, number: int, channel: str, was: str, by: str) -> Incident:
        """Resolve one; the same request again gives the same result. Raises `AlreadyResolved`, `NoSuchIncident`."""
        found = await self._table.resolved_by(operation) or await self.find(number, channel)
        ended = replace(found, resolution=operation, resolved_by=by, was=was)
        async with self._resolving:  # what is resolved already is not recorded as resolved again
            incident = await self._ended(ended)
        if incident.resolution != operation:
            raise AlreadyResolved(
                Phrase(
                    "incident {number} was resolved by {person}: {was}",
                    number=str(incident.number),
                    person=incident.resolved_by,
                    was=incident.was,
                )
            )
        return incident

    async def _ended(self, ended: Incident) -> Incident:
        """Resolve it with this result, or return the result of before."""
        standing = await self.find(ended.number, ended.channel)
        if not standing.open:
            return standing
        event = {"number": ended.number, "channel": ended.channel, "was": ended.was}
        await self._record("resolved", ended.resolution, ended.resolved_by, event)
        return await self._table.resolve(replace(ended, resolved_at=self._now()))

    async def note(self, entry: Entry) -> None:
        """Store a request and its answer."""
        await self._table.note(entry)

    async def entries(self, number: int) -> tuple[tuple[Entry, ...], int]:
        """Read the newest entries, oldest first, and the number of all."""
        return await self._table.entries(number)

    async def _record(self, what: str, operation: str, by: str, data: dict[str, Any]) -> None:
        await self._audit.record(EventKind.INCIDENT, by, operation, {"incident": what, **data})


def _standing(other: Incident) -> Phrase:
    """Describe an open incident of the same title, with its channel as far as that is known."""
    event: dict[str, Any] = {
        "number": str(other.number),
        "title": other.title,
        "person": other.opened_by,
        "at": Moment(other.opened_at),
    }
    if not other.channel_name:
        return Phrase("incident {number}, {title}, is open already, by {person} since {at}", **event)
    return Phrase(
        "incident {number}, {title}, is open already in {channel}, by {person} since {at}",
        channel=f"#{other.channel_name}",
        **event,
    )


def framed(operation: Operation, incident: Incident | None, now: datetime) -> Operation:
    """Adapt an operation to the channel of an incident. Pure.

    A read is shown to all there. Unless its words name others, it is about the incident's hosts and the time since it began,
    including its lead time. The opening and the end are shown to all there, too. Other operations stay as they are.
    """
    if (isinstance(operation, IncidentOpen) and not operation.new) or (
        isinstance(operation, IncidentResolve) and incident is not None
    ):
        return operation.model_copy(update={"here": True})
    if incident is None or not isinstance(operation, FleetRead | LogCollect):
        return operation
    fields, said = type(operation).model_fields, operation.model_fields_set
    meant: dict[str, Any] = {"here": True}
    if "target" in fields and "target" not in said:
        meant["target"] = Target(parts=tuple(incident.target.split(",")))
    since = _since(incident, now)
    until = getattr(operation, "until", None)  # a time that ends before the incident began has no such start
    if "since" in fields and "since" not in said and (until is None or instant(until, now, FARTHEST) > now - since):
        meant["since"] = since
    return operation.model_copy(update=meant)


def _since(incident: Incident, now: datetime) -> timedelta:
    """Compute how long ago it began, as it can be typed: in minutes, rounded up, and at most the longest time that may be
    asked.

    The clock may have been set back since.
    """
    ago = max(now - incident.opened_at, timedelta()) + LEAD
    return min(-(-ago // _MINUTE) * _MINUTE, FARTHEST)
