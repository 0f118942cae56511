"""Registry of incidents: opens them, records the acts on them, and finds the one that a request means.

an act ─ under a lock: follow ─ row ─ rules.transitions judges ─▶ one signed audit event ─ follow ─▶ row and timeline entry

Acts take turns, so of two at the same time one succeeds, and the other is judged by what the first one made of the incident.
An act that is repeated after a crash finds its own event, and nothing is recorded again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from adapters.errors import FlatnetError, Refused
from adapters.phrase import Moment, Phrase
from bot.access.rules import is_channel
from bot.audit_log.log import EventKind
from bot.audit_log.ports import SignedLog
from bot.incidents.model import IncidentEntry
from bot.incidents.rules.channels import CreatedChannel, IncidentChannels, IncidentNotStored, NewChannel
from bot.incidents.rules.events import IncidentAct, IncidentEvent, make_event, parse_event
from bot.incidents.rules.requests import ActRequest, AlreadyOpen, IncidentRequest, NoSuchIncident, SeveralIncidents
from bot.incidents.rules.transitions import NotNow
from bot.incidents.rules.visibility import IncidentReader
from bot.incidents.services.journal import IncidentJournal
from bot.incidents.tables.incidents import IncidentTable, encode_incident
from bot.incidents.tables.timeline import ALL_ENTRIES, TimelineTable
from bot.model.incident import Incident, TimelineEntry
from bot.store.encoding import encode_json
from bot.store.errors import DatabaseError

RECENT_PERIOD = timedelta(days=7)
"""Period for which a resolved incident is still listed."""

PRIVACY_CACHE = timedelta(minutes=5)
"""Time for which Slack's answer that a channel is public is trusted."""

MAX_MERGES = 100
"""Merges that are followed from a duplicate."""


async def refresh_nothing() -> None:
    """Refreshes nothing, where no timeline is collected."""


class IncidentRegistry:
    """The incidents of a bot. Each act is recorded in the audit log first, and its row follows from that.

    `refresh` brings timelines up to date (`bot.incidents.services.collector`).
    """

    def __init__(
        self,
        table: IncidentTable,
        timeline: TimelineTable,
        audit: SignedLog,
        now: Callable[[], datetime],
        refresh: Callable[[], Awaitable[None]] = refresh_nothing,
    ) -> None:
        self._table = table
        self._timeline = timeline
        self._audit = audit
        self._now = now
        self._refresh = refresh
        self._asked: dict[str, datetime] = {}
        self._making = asyncio.Lock()
        self._acting = asyncio.Lock()
        self._journal = IncidentJournal(table, timeline, audit)

    async def follow(self) -> None:
        """Make up for what a crash left between the audit log and the rows."""
        await self._journal.follow()

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

    async def list_of_alert(self, alert: int) -> tuple[Incident, ...]:
        """List the recent incidents that an alert belongs to: a person added it, or it joined the timeline."""
        joined = await self._timeline.find_with_alert(alert)
        return tuple(each for each in await self.list_incidents() if alert in each.alerts or each.number in joined)

    async def list_working(self) -> tuple[Incident, ...]:
        """List the incidents in which people work, by number."""
        return await self._table.list_working()

    async def read_timeline(self, number: int, most: int = ALL_ENTRIES) -> tuple[TimelineEntry, ...]:
        """Read the newest entries of a timeline, in the order in which they happened. It is brought up to date first."""
        await self._refresh()
        return await self._timeline.read(number, most)

    async def count_timeline(self, number: int) -> int:
        """Count the entries of a timeline, which is also the number of the newest one."""
        return await self._timeline.count(number)

    async def find(self, number: int, channel: str) -> Incident:
        """Find an incident by its number; without a number the open one of the channel. Raises `NoSuchIncident`."""
        found = await self._table.find(number) if number else await self.find_open_in(channel)
        if found is not None:
            return found
        if number:
            raise _make_unknown_number(number)
        raise NoSuchIncident.of_place(channel)

    async def find_visible(self, number: int, reader: IncidentReader, channels: IncidentChannels) -> Incident:
        """Find an incident as `find` does. One that the reader may not see does not exist for them."""
        found = await self.find(number, reader.channel)
        [known] = await self.look_up_privacy((found,), channels)
        if not reader.may_see(known):
            raise _make_unknown_number(number)
        return known

    async def find_current(
        self, number: int, reader: IncidentReader, channels: IncidentChannels, operation: str = ""
    ) -> Incident:
        """Find the incident that a request means: by its number, else that of the channel, else the only open one.

        The number of a duplicate means the other one, for those who may see it. A request that has acted before, in an
        attempt that a crash ended, means what it acted on. Raises `NoSuchIncident` and `SeveralIncidents`.
        """
        if (acted := await self.find_acted(operation)) is not None:
            return acted
        if number:
            return await self._find_other_side(await self.find_visible(number, reader, channels), reader, channels)
        here = await self.find_open_in(reader.channel)
        if here is not None and reader.may_see(here):
            return here
        running = await self.look_up_privacy(await self.list_working(), channels)
        match [each for each in running if reader.may_see(each)]:
            case [only]:
                return only
            case []:
                raise NoSuchIncident.of_place(reader.channel)
            case several:
                raise SeveralIncidents(
                    Phrase("several incidents are open. Add {option}", option="--incident N"),
                    [each.number for each in several],
                )

    async def _find_other_side(self, incident: Incident, reader: IncidentReader, channels: IncidentChannels) -> Incident:
        for _ in range(MAX_MERGES):
            other = await self._table.find(incident.duplicate_of) if incident.duplicate_of else None
            if other is None:
                break
            [known] = await self.look_up_privacy((other,), channels)
            if not reader.may_see(known):
                break
            incident = known
        return incident

    async def look_up_privacy(self, incidents: Sequence[Incident], channels: IncidentChannels) -> tuple[Incident, ...]:
        """Look up whether the channels of incidents are private now, and store it. Never known ones count as private.

        A public channel can be made private later, so Slack is asked again; while it does not say, the last answer counts.
        One that was private stays private: what was said there was not said to others.
        """
        known: dict[str, bool] = {}
        asked = {each.channel for each in incidents if each.channel and not each.private and self._is_privacy_old(each)}
        for channel in asked:
            private = await channels.is_private(channel)
            if private is not None:
                known[channel] = private
                self._asked[channel] = self._now()
                await self._table.set_private(channel, private)
        return tuple(replace(each, private=each.private or known.get(each.channel, each.private)) for each in incidents)

    def _is_privacy_old(self, incident: Incident) -> bool:
        at = self._asked.get(incident.channel)
        return incident.private is None or at is None or not timedelta() <= self._now() - at < PRIVACY_CACHE

    async def open(self, opening: IncidentRequest, channel: str) -> Incident:
        """Open one in a channel, or without one where that is none. The same request again is the same incident.

        Raises `AlreadyOpen`, and what `opening.judge` raises.
        """
        async with self._making:
            return await self._open_in_place(opening, CreatedChannel(channel), made=False)

    async def _open_in_place(self, opening: IncidentRequest, place: CreatedChannel, *, made: bool) -> Incident:
        """Open one in a channel, or without a place where that is none."""
        self._require_trust()
        async with self._acting:
            await self.follow()
            standing = await self._table.find_opened_by(opening.operation) or await self.find_open_in(place.id)
            if standing is None:
                opening.judge(await self.list_working())
                standing = await self._record_opening(opening, place, made=made)
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
                opening.scope,
            )
        return standing

    async def _record_opening(self, opening: IncidentRequest, place: CreatedChannel, *, made: bool) -> Incident:
        new = Incident(
            opening.operation,
            place.id if is_channel(place.id) else "",
            opening.title,
            str(opening.target),
            opening.by,
            self._now(),
            number=await self._table.find_newest_number() + 1,
            channel_name=place.name,
            private=opening.private,
            shared=opening.shared,
            severity=opening.severity,
            lead=opening.by,
            began_at=opening.began_at,
            alerts=opening.alerts,
            made_channel=made,
        )
        await self._record(opening.operation, opening.by, make_event(IncidentAct.OPENED, None, new, {}))
        return await self._follow_own(new)

    async def act(self, number: int, request: ActRequest) -> Incident:
        """Act on an incident; the same act of the same request again changes nothing.

        Raises `NoSuchIncident`, the refusals of `judge` and `check`, and the errors of the audit log.
        """
        self._require_trust()
        async with self._acting:
            await self.follow()
            before = await self.find(number, "")
            if await self._has_acted(number, request):
                return before
            await request.check(before)
            after = replace(request.judge(before, self._now()), version=before.version + 1)
            await self._refuse_taken_channel(before, after)
            encode_json(encode_incident(after))  # what no row can hold is refused, and not recorded
            await self._record(request.operation, request.by, make_event(request.act, before, after, request.data))
            return await self._follow_own(after)

    async def _refuse_taken_channel(self, before: Incident, after: Incident) -> None:
        """Refuse to reopen an incident whose channel has another open one by now. That one is not named."""
        if after.open and not before.open and await self.find_open_in(after.channel) is not None:
            raise NotNow(
                Phrase(
                    "another incident is open in the channel of incident {number}. Resolve it first",
                    number=str(after.number),
                )
            )

    async def _has_acted(self, number: int, request: ActRequest) -> bool:
        """Return whether the log has this act of this request: it was recorded before a crash."""
        events = await self._read_acts(request.operation)
        return any((event.number, event.act) == (number, request.act) for event in events)

    async def find_acted(self, operation: str) -> Incident | None:
        """Find the incident on which a request has acted; None if it has not acted yet."""
        events = await self._read_acts(operation) if operation else []
        if not events:
            return None
        await self.follow()
        return await self._table.find(events[0].number)

    async def _read_acts(self, operation: str) -> list[IncidentEvent]:
        stored = await self._audit.find_signed(operation, EventKind.INCIDENT)
        return [event for each in stored if (event := parse_event(each)) is not None]

    async def _follow_own(self, after: Incident) -> Incident:
        """Follow the log up to an event that was just recorded, and return the row that it made.

        The act has happened. A row that a full or busy database does not take now follows with the next look.
        """
        try:
            await self.follow()
            return await self._table.find(after.number) or after
        except DatabaseError:
            return after

    def _require_trust(self) -> None:
        if self._audit.trouble is not None:
            raise Refused(Phrase("changes are blocked while the audit log is inconsistent: {why}", why=self._audit.trouble))

    async def open_in_new_channel(
        self, opening: IncidentRequest, new: NewChannel, channels: IncidentChannels
    ) -> tuple[Incident, CreatedChannel]:
        """Open one in a channel that is made for it; the same request again is the same incident in the same channel.

        Openings run one after the other: of two people with the same hosts the second is asked before a channel is made.
        Raises `ChannelNotCreated`, `IncidentNotStored`, and what `opening.judge` raises.
        """
        self._require_trust()
        async with self._making:
            await self.follow()  # an attempt that a crash ended may have opened it
            standing = await self._table.find_opened_by(opening.operation)
            if standing is not None:
                return standing, CreatedChannel(standing.channel, standing.channel_name)
            opening.judge(await self.list_working())
            made = await self._make_channel(opening, new, channels)
            try:
                return await self._open_in_place(opening, made, made=True), made
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
        await self._record(opening.operation, opening.by, {"incident": "making a channel", **event})
        try:
            return await channels.make_channel(new)
        except FlatnetError as error:
            failed = {"incident": "no channel", "name": new.name, "why": str(error.phrase)}
            await self._record(opening.operation, opening.by, failed)
            raise

    async def add_entry(self, entry: IncidentEntry) -> None:
        """Store a request and its answer."""
        await self._table.add_entry(entry)

    async def read_entries(self, number: int) -> tuple[tuple[IncidentEntry, ...], int]:
        """Read the newest entries, oldest first, and the number of all."""
        return await self._table.read_entries(number)

    async def _record(self, operation: str, by: str, data: Mapping[str, Any]) -> None:
        await self._audit.record(EventKind.INCIDENT, by, operation, data)


def _make_unknown_number(number: int) -> NoSuchIncident:
    return NoSuchIncident(Phrase("no incident {number}. Run {words} for the list", number=str(number), words="incident"))
