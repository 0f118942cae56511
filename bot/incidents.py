"""Incidents: a channel in which several people look at the same hosts, from when it began until somebody says what it was.

open (one for each channel) ─▶ looks in it: for all there, about its hosts, since it began ─▶ resolve ─▶ an ordinary channel

What is asked and answered there is kept with it. Two people who open it at the same time open one: the second is told
of the first.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from adapters.errors import Refused, RequestError
from adapters.phrase import Moment, Phrase
from bot.audit import EventKind, Recorder
from bot.store.incidents import Entry as Entry
from bot.store.incidents import Incident as Incident
from bot.store.incidents import IncidentTable
from commands.arguments import Target
from commands.incidents import IncidentOpen, IncidentResolve
from commands.logs import LogCollect
from commands.operation import FleetRead, Operation

LISTED = timedelta(days=7)
"""How long an incident that has ended is still listed."""

LEAD = timedelta(minutes=30)
"""A channel is opened when somebody has noticed: what led to it was written before."""


class NoSuchIncident(RequestError):
    """There is none here, or none of that number."""


class AlreadyOpen(Refused):
    """This channel is that of another incident, which has not ended."""


class AlreadyResolved(Refused):
    """It has ended."""


class Incidents:
    """The incidents of a bot. Opening and resolving is in the audit log first."""

    def __init__(self, table: IncidentTable, audit: Recorder, now: Callable[[], datetime]) -> None:
        self._table = table
        self._audit = audit
        self._now = now

    async def open_in(self, channel: str) -> Incident | None:
        """The open incident of a channel; None where there is none, or where it is no channel."""
        return await self._table.open_in(channel) if channel.startswith(("C", "G")) else None

    async def all(self) -> tuple[Incident, ...]:
        """Those that are open, and those that ended within a week, by number."""
        return await self._table.since(self._now() - LISTED)

    async def find(self, number: int, channel: str) -> Incident:
        """One by its number; without a number the open one of the channel. `NoSuchIncident`."""
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
        """Open one in a channel; the same request again is the same incident. `AlreadyOpen`, `NoSuchIncident`."""
        if not channel.startswith(("C", "G")):
            raise NoSuchIncident(Phrase("an incident needs a channel; type this in the one where you talk about it"))
        standing = await self.open_in(channel)
        if standing is None:
            await self._record("opened", operation, by, {"channel": channel, "title": title, "target": str(target)})
            made = Incident(operation, channel, title, str(target), by, self._now())
            standing = await self._table.add(made)
        if standing.operation != operation:
            raise AlreadyOpen(
                Phrase(
                    "this is already the channel of incident {number}, {title}, opened by {person} at {at}",
                    number=str(standing.number),
                    title=standing.title,
                    person=standing.opened_by,
                    at=Moment(standing.opened_at),
                )
            )
        return standing

    async def resolve(self, operation: str, number: int, channel: str, was: str, by: str) -> Incident:
        """End one; `AlreadyResolved` where somebody has."""
        incident = await self.find(number, channel)
        if not incident.open:
            raise AlreadyResolved(
                Phrase(
                    "incident {number} was resolved by {person}: {was}",
                    number=str(incident.number),
                    person=incident.resolved_by,
                    was=incident.was,
                )
            )
        await self._record("resolved", operation, by, {"number": incident.number, "channel": incident.channel, "was": was})
        await self._table.resolve(incident.number, by, was, self._now())
        return await self.find(incident.number, channel)

    async def note(self, entry: Entry) -> None:
        """Keep what was asked and answered."""
        await self._table.note(entry)

    async def entries(self, number: int) -> tuple[tuple[Entry, ...], int]:
        """The newest entries, oldest first, and how many there are."""
        return await self._table.entries(number)

    async def _record(self, what: str, operation: str, by: str, data: dict[str, Any]) -> None:
        await self._audit.record(EventKind.INCIDENT, by, operation, {"incident": what, **data})


def framed(operation: Operation, incident: Incident | None, now: datetime) -> Operation:
    """A look as it is meant in the channel of an incident: for all there, and unless its words say otherwise about the
    incident's hosts and the time since it began, with what led to it. That it begins and ends is said to all there, too.
    Everything else stays as it was asked. Pure."""
    if isinstance(operation, IncidentOpen) or (isinstance(operation, IncidentResolve) and incident is not None):
        return operation.model_copy(update={"here": True})
    if incident is None or not isinstance(operation, FleetRead | LogCollect):
        return operation
    fields, said = type(operation).model_fields, operation.model_fields_set
    meant: dict[str, Any] = {"here": True}
    if "target" in fields and "target" not in said:
        meant["target"] = Target(parts=tuple(incident.target.split(",")))
    if "since" in fields and "since" not in said:
        meant["since"] = now - incident.opened_at + LEAD
    return operation.model_copy(update=meant)
