"""Announcer of updates: one message of each incident in the channel for announcements, and a reply for each update.

entry of an update that goes to all ─▶ the message, which shows the newest ─▶ a reply below it ─▶ the row
another state or severity ────────────▶ the message alone

The row comes last: a crash in between repeats the same messages, which their names make the same ones. After a start the
message is edited once: the state may have changed just before.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from bot.incidents.updates import describe_update, goes_to_all
from bot.model.announcement import Announcement, Announcer, DeliveryStage, PlainWord
from bot.model.incident import EntryKind, Incident, TimelineEntry
from bot.store.incident_deliveries import IncidentDelivery


class UpdateReader(Protocol):
    """Timelines (`bot.store.incident_timeline`)."""

    async def find_newest_updates(self, incidents: Collection[int]) -> Mapping[int, int]: ...

    async def read_after(self, incident: int, number: int) -> tuple[TimelineEntry, ...]: ...

    async def find(self, incident: int, number: int) -> TimelineEntry | None: ...


class AnnouncementStore(Protocol):
    """Records of what was announced (`bot.store.incident_deliveries`)."""

    async def read_all(self) -> Mapping[int, IncidentDelivery]: ...

    async def mark_announced(self, incident: int, entry: int) -> None: ...


class UpdatePoster(Announcer, Protocol):
    """Posts and edits announcements (`bot.slack.answers.announcements`)."""

    async def find_delivery(self, name: str) -> DeliveryStage: ...


@dataclass(frozen=True)
class UpdateServices:
    """Services of the announcer.

    `list_recent` lists open incidents and those that ended lately, with whether their channels are private now.
    `find_channel` returns the channel for announcements, "" without one.
    """

    list_recent: Callable[[], Awaitable[tuple[Incident, ...]]]
    timeline: UpdateReader
    records: AnnouncementStore
    poster: UpdatePoster
    find_channel: Callable[[], str]


class UpdateAnnouncer:
    """Announces updates while the bot runs."""

    def __init__(self, services: UpdateServices) -> None:
        self._services = services
        self._shown: dict[int, tuple[str, Announcement]] = {}
        """The newest text that was announced of an incident, and the message as people see it."""

    async def announce(self) -> None:
        """Announces what is new. Raises errors of the database and of the announcer; the next round goes on from there."""
        incidents = {incident.number: incident for incident in await self._services.list_recent()}
        self._shown = {number: shown for number, shown in self._shown.items() if number in incidents}
        newest = await self._services.timeline.find_newest_updates(tuple(incidents)) if incidents else {}
        known = await self._services.records.read_all() if newest else {}
        for number, entry in newest.items():
            announced = known[number].announced if number in known else 0
            if entry > announced:
                await self._announce_new(incidents[number], announced)
            elif number not in self._shown:
                await self._show_again(incidents[number], announced)
            await self._show_state(incidents[number])

    async def _announce_new(self, incident: Incident, announced: int) -> None:
        """Announces the updates after an entry. Without a channel they are passed over, and not made up for later."""
        channel = self._services.find_channel()
        entries = await self._services.timeline.read_after(incident.number, announced)
        updates = [each for each in entries if each.kind is EntryKind.UPDATE]
        for update in updates:
            if channel and goes_to_all(incident, requested=bool(update.about)):
                await self._announce_one(incident, update, channel)
        await self._services.records.mark_announced(incident.number, updates[-1].number)

    async def _announce_one(self, incident: Incident, update: TimelineEntry, channel: str) -> None:
        text = str(update.text)
        message = _make_message(incident, text, channel)
        if await self._services.poster.find_delivery(message.name) is DeliveryStage.ABSENT:
            await self._services.poster.announce(message)
        else:
            await self._services.poster.revise(message, None)
        reply = replace(message, name=f"{message.name}-{update.number}", below=message.name)
        await self._services.poster.announce(reply)
        self._shown[incident.number] = text, message

    async def _show_again(self, incident: Incident, announced: int) -> None:
        """Edits the message of an update that an earlier run of the bot has announced."""
        channel = self._services.find_channel()
        if not channel or incident.private is not False:
            return
        update = await self._services.timeline.find(incident.number, announced)
        if update is None:
            return
        text = str(update.text)
        message = _make_message(incident, text, channel)
        if await self._services.poster.find_delivery(message.name) is DeliveryStage.ABSENT:
            return
        await self._services.poster.revise(message, None)
        self._shown[incident.number] = text, message

    async def _show_state(self, incident: Incident) -> None:
        """Edits the message after a change of state or severity. A private incident changes it with an update only."""
        if incident.number not in self._shown or incident.private is not False:
            return
        text, before = self._shown[incident.number]
        message = _make_message(incident, text, before.channel)
        if message != before:
            await self._services.poster.revise(message, None)
            self._shown[incident.number] = text, message


def _make_message(incident: Incident, text: str, channel: str) -> Announcement:
    """Makes the message of an incident in a channel, with its present state. It is never posted elsewhere."""
    name, word = f"incident-{incident.number}-updates-{channel}", PlainWord(phrase=describe_update(incident, text))
    return Announcement(name, channel, word, private=True)
