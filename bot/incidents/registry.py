"""Incidents: a channel in which several people examine the same hosts, from the start of a problem until it is resolved.

open (one per channel) ─▶ reads in it: for all there, about its hosts, since it began ─▶ resolve ─▶ an ordinary channel
  └ in an existing channel, or in one that is made for it (`bot.incidents.channels`)

Requests and answers in the channel are stored with the incident. Of two people who open or resolve it at the same time one
succeeds, and the other is shown the first one's incident.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from adapters.errors import FlatnetError, Refused, RequestError
from adapters.phrase import Moment, Phrase
from bot.access.rules import is_channel
from bot.audit.log import EventKind, Recorder
from bot.incidents.channels import CreatedChannel, IncidentChannels, IncidentNotStored, NewChannel
from bot.incidents.privacy import IncidentReader
from bot.model.incident import Incident
from bot.store.incidents import IncidentEntry, IncidentTable
from commands.bot_state.hosts import HostList, HostShow
from commands.bot_state.incidents import IncidentOpen, IncidentResolve
from commands.logs.operations import LOG_HISTORY_LIMIT, LogCollect
from commands.model.operation import FleetRead, Operation
from commands.model.times import resolve_instant
from commands.values.arguments import Target

RECENT_PERIOD = timedelta(days=7)
"""Period for which a resolved incident is still listed."""

LEAD_TIME = timedelta(minutes=30)
"""Time before the opening that belongs to the incident: a channel is opened after the problem began."""

PRIVACY_CACHE = timedelta(minutes=5)
"""Time for which Slack's answer that a channel is public is trusted."""

_MINUTE = timedelta(minutes=1)


class NoSuchIncident(RequestError):
    """The channel has no incident, or no incident has that number."""


class AlreadyOpen(Refused):
    """This channel belongs to another open incident, or an open one has the same title."""

    def __init__(self, phrase: Phrase, number: int) -> None:
        super().__init__(phrase)
        self.next = f"incident show {number}"
        """Words that show the other incident."""


class AlreadyResolved(Refused):
    """The incident was resolved before."""


ANYONE = IncidentReader("", frozenset(), "")
"""A reader who sees public incidents alone."""


@dataclass(frozen=True)
class IncidentRequest:
    """A request to open an incident: its operation, the title of the problem, the affected hosts, and the requester.

    `private`: its channel is; None if that is not known. `reader` decides what a refusal may tell about other incidents.
    `shared`: everyone in the channel will see the results there.
    """

    operation: str
    title: str
    target: Target
    by: str
    private: bool | None = None
    reader: IncidentReader = ANYONE
    shared: bool = True


class IncidentRegistry:
    """The incidents of a bot. Opening, creating a channel and resolving are recorded in the audit log first."""

    def __init__(self, table: IncidentTable, audit: Recorder, now: Callable[[], datetime]) -> None:
        self._table = table
        self._audit = audit
        self._now = now
        self._asked: dict[str, datetime] = {}
        self._making = asyncio.Lock()
        self._opening = asyncio.Lock()
        self._resolving = asyncio.Lock()

    async def find_open_in(self, channel: str) -> Incident | None:
        """Find the open incident of a channel; None where there is none, or where it is no channel."""
        return await self._table.find_open_in(channel) if is_channel(channel) else None

    async def find_for_request(self, operation: str, channel: str) -> Incident | None:
        """Find the incident in whose channel a request is typed: the open one, or the one that this very request has
        resolved.

        A request that is repeated after a crash finds the same incident.
        """
        return await self._table.find_for_request(operation, channel) if is_channel(channel) else None

    async def list_incidents(self) -> tuple[Incident, ...]:
        """List the open incidents, and those that were resolved within a week, by number."""
        return await self._table.list_since(self._now() - RECENT_PERIOD)

    async def find(self, number: int, channel: str) -> Incident:
        """Find an incident by its number; without a number the open one of the channel. Raises `NoSuchIncident`."""
        found = await self._table.find(number) if number else await self.find_open_in(channel)
        if found is not None:
            return found
        if number:
            raise _make_unknown_number(number)
        raise NoSuchIncident(
            Phrase("no open incident in this channel. Open one, or specify a number from {words}", words="incident")
        )

    async def find_visible(self, number: int, reader: IncidentReader, channels: IncidentChannels) -> Incident:
        """Find an incident as `find` does. One that the reader may not see does not exist for them."""
        found = await self.find(number, reader.channel)
        [known] = await self.look_up_privacy((found,), channels)
        if not reader.may_see(known):
            raise _make_unknown_number(number)
        return known

    async def look_up_privacy(self, incidents: Sequence[Incident], channels: IncidentChannels) -> tuple[Incident, ...]:
        """Look up whether the channels of incidents are private now, and store it. Never known ones count as private.

        A public channel can be made private later, so Slack is asked again; while it does not say, the last answer counts.
        """
        known: dict[str, bool] = {}
        for channel in {each.channel for each in incidents if not each.private and self._is_privacy_old(each)}:
            private = await channels.is_private(channel)
            if private is not None:
                known[channel] = private
                self._asked[channel] = self._now()
                await self._table.set_private(channel, private)
        return tuple(replace(each, private=known.get(each.channel, each.private)) for each in incidents)

    def _is_privacy_old(self, incident: Incident) -> bool:
        at = self._asked.get(incident.channel)
        return incident.private is None or at is None or self._now() - at >= PRIVACY_CACHE

    async def open(self, opening: IncidentRequest, channel: str) -> Incident:
        """Open one in a channel; the same request again is the same incident. Raises `AlreadyOpen`, `NoSuchIncident`."""
        return await self._open_in_channel(opening, CreatedChannel(channel))

    async def _open_in_channel(self, opening: IncidentRequest, place: CreatedChannel) -> Incident:
        if not is_channel(place.id):
            raise NoSuchIncident(
                Phrase(
                    "an incident needs a channel. Run this in the channel you use for it, or add {option} to create one",
                    option="--new",
                )
            )
        async with self._opening:  # what is open already, or resolved, is not recorded as opened again
            standing = await self._table.find_opened_by(opening.operation) or await self.find_open_in(place.id)
            standing = standing or await self._store_incident(opening, place)
        if standing.operation != opening.operation:
            raise AlreadyOpen(
                Phrase(
                    "this channel already belongs to incident {number}, {title} (opened by {person} at {at})",
                    number=str(standing.number),
                    title=standing.title,
                    person=standing.opened_by,
                    at=Moment(standing.opened_at),
                ),
                standing.number,
            )
        return standing

    async def _store_incident(self, opening: IncidentRequest, place: CreatedChannel) -> Incident:
        event = {
            "channel": place.id,
            "title": opening.title,
            "target": str(opening.target),
            "shared": opening.shared,
        }
        await self._record("opened", opening.operation, opening.by, event)
        made = Incident(
            opening.operation,
            place.id,
            opening.title,
            str(opening.target),
            opening.by,
            self._now(),
            channel_name=place.name,
            private=opening.private,
            shared=opening.shared,
        )
        return await self._table.add(made)

    async def open_in_new_channel(
        self, opening: IncidentRequest, new: NewChannel, channels: IncidentChannels
    ) -> tuple[Incident, CreatedChannel]:
        """Open one in a channel that is made for it; the same request again is the same incident in the same channel.

        Requests run one after the other: of two people with the same title the second is shown the first one's incident.
        Raises `AlreadyOpen`, `ChannelNotCreated`, `IncidentNotStored`.
        """
        async with self._making:
            standing = await self._table.find_opened_by(opening.operation)
            if standing is not None:
                return standing, CreatedChannel(standing.channel, standing.channel_name)
            await self._refuse_same_title(opening, channels)
            made = await self._make_channel(opening, new, channels)
            try:
                return await self._open_in_channel(opening, made), made
            except AlreadyOpen:
                raise
            except FlatnetError as error:
                raise IncidentNotStored(
                    Phrase(
                        "channel {channel} was created, but the incident could not be saved: {why}. Run the same command "
                        "there without {option}",
                        channel=f"#{made.name}",
                        why=error.phrase,
                        option="--new",
                    )
                ) from error

    async def _make_channel(self, opening: IncidentRequest, new: NewChannel, channels: IncidentChannels) -> CreatedChannel:
        event = {"name": new.name, "title": opening.title, "person": new.person}
        await self._record("making a channel", opening.operation, opening.by, event)
        try:
            return await channels.make_channel(new)
        except FlatnetError as error:
            await self._record("no channel", opening.operation, opening.by, {"name": new.name, "why": str(error.phrase)})
            raise

    async def _refuse_same_title(self, opening: IncidentRequest, channels: IncidentChannels) -> None:
        """Refuse a second open incident of the same title, so that requests at the same time make one channel
        and not two. One that the requester may not see does not count, because the refusal would reveal it.
        """
        running = await self._table.list_since(self._now())
        same = [each for each in running if each.open and each.title.casefold() == opening.title.casefold()]
        for other in await self.look_up_privacy(same, channels):
            if opening.reader.may_see(other):
                raise AlreadyOpen(_describe_open_incident(other), other.number)

    async def resolve(self, operation: str, number: int, channel: str, was: str, by: str) -> Incident:
        """Resolve one; the same request again gives the same result. Raises `AlreadyResolved`, `NoSuchIncident`."""
        found = await self._table.find_resolved_by(operation) or await self.find(number, channel)
        ended = replace(found, resolution=operation, resolved_by=by, was=was)
        async with self._resolving:  # what is resolved already is not recorded as resolved again
            incident = await self._resolve_if_open(ended)
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

    async def _resolve_if_open(self, ended: Incident) -> Incident:
        """Resolve it with this result, or return the result of before."""
        standing = await self.find(ended.number, ended.channel)
        if not standing.open:
            return standing
        event = {"number": ended.number, "channel": ended.channel, "was": ended.was}
        await self._record("resolved", ended.resolution, ended.resolved_by, event)
        return await self._table.resolve(replace(ended, resolved_at=self._now()))

    async def add_entry(self, entry: IncidentEntry) -> None:
        """Store a request and its answer."""
        await self._table.add_entry(entry)

    async def read_entries(self, number: int) -> tuple[tuple[IncidentEntry, ...], int]:
        """Read the newest entries, oldest first, and the number of all."""
        return await self._table.read_entries(number)

    async def _record(self, what: str, operation: str, by: str, data: dict[str, Any]) -> None:
        await self._audit.record(EventKind.INCIDENT, by, operation, {"incident": what, **data})


def _make_unknown_number(number: int) -> NoSuchIncident:
    return NoSuchIncident(Phrase("no incident {number}. Run {words} for the list", number=str(number), words="incident"))


def _describe_open_incident(other: Incident) -> Phrase:
    """Describe an open incident of the same title, with its channel as far as that is known."""
    event: dict[str, Any] = {
        "number": str(other.number),
        "title": other.title,
        "person": other.opened_by,
        "at": Moment(other.opened_at),
    }
    if not other.channel_name:
        return Phrase("incident {number}, {title}, is already open (opened by {person} at {at})", **event)
    return Phrase(
        "incident {number}, {title}, is already open in {channel} (opened by {person} at {at})",
        channel=f"#{other.channel_name}",
        **event,
    )


def apply_incident(operation: Operation, incident: Incident | None, now: datetime) -> Operation:
    """Adapt an operation to the channel of an incident. Pure.

    A read is shown to all there if its opener chose so. Unless its words name others, it is about the incident's hosts and
    the time since it began, including its lead time. The opening, once the opener has chosen, and the end are shown to all
    there in any case. Other operations stay as they are.
    """
    if (isinstance(operation, IncidentOpen) and operation.opens_here) or (
        isinstance(operation, IncidentResolve) and incident is not None
    ):
        return operation.model_copy(update={"here": True})
    if incident is None or not isinstance(operation, FleetRead | LogCollect | HostList | HostShow):
        return operation
    fields, said = type(operation).model_fields, operation.model_fields_set
    meant: dict[str, Any] = {"here": operation.here or incident.shared}
    if "target" in fields and "target" not in said:
        meant["target"] = Target(parts=tuple(incident.target.split(",")))
    since = _measure_lookback(incident, now)
    until = getattr(operation, "until", None)  # a period that ends before the incident cannot start with it
    if (
        "since" in fields
        and "since" not in said
        and (until is None or resolve_instant(until, now, LOG_HISTORY_LIMIT) > now - since)
    ):
        meant["since"] = since
    return operation.model_copy(update=meant)


def _measure_lookback(incident: Incident, now: datetime) -> timedelta:
    """Compute how long ago it began, as it can be typed: in minutes, rounded up, and at most the longest time that may be
    asked.

    The clock may have been set back since.
    """
    ago = max(now - incident.opened_at, timedelta()) + LEAD_TIME
    return min(-(-ago // _MINUTE) * _MINUTE, LOG_HISTORY_LIMIT)
