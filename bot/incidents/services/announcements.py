"""Announcer of updates: one message of each incident in the channel for announcements, and a reply for each update.

entry of an update that goes to all ─▶ the message, which shows the newest ─▶ a reply below it ─▶ the row
another state or severity ────────────▶ the message alone

The row comes last: a crash in between repeats the same messages, which their names make the same ones. After a start the
message is edited once: the state may have changed just before.

Proposals to mark incidents as mitigated: the bot proposes, a person decides.

all alerts of an open incident are resolved, for two minutes ─ announce ─▶ a message with the button ─▶ the row

Once for each last move: a note or another act proposes nothing again, an alert that fires and is resolved again does. The
row comes last, so a crash in between repeats the same message.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from adapters.phrase import Phrase
from bot.incidents.ports import OpenAlerts
from bot.incidents.rules.requests import describe_update, goes_to_all
from bot.incidents.rules.visibility import find_shown_place
from bot.incidents.tables.deliveries import IncidentDelivery
from bot.model.announcement import Announcement, AnnouncementSender, Announcer, DeliveryStage, PlainWord
from bot.model.incident import EntryKind, Incident, IncidentState, TimelineEntry
from bot.model.request import Answer
from commands.incidents.acts import IncidentMitigated
from commands.language.grammar import render_operation
from commands.model.report import Report


class UpdateReader(Protocol):
    """Timelines (`bot.incidents.tables.timeline`)."""

    async def find_newest_updates(self, incidents: Collection[int]) -> Mapping[int, int]: ...

    async def read_after(self, incident: int, number: int) -> tuple[TimelineEntry, ...]: ...

    async def find(self, incident: int, number: int) -> TimelineEntry | None: ...


class AnnouncementStore(Protocol):
    """Records of what was announced (`bot.incidents.tables.deliveries`)."""

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


SETTLING_PERIOD = timedelta(minutes=2)
"""Time for which no alert may move before a proposal: two checks of a host."""


class MoveReader(Protocol):
    """Timelines (`bot.incidents.tables.timeline`)."""

    async def find_newest_moves(self, incidents: Collection[int]) -> Mapping[int, Mapping[int, int]]: ...

    async def find(self, incident: int, number: int) -> TimelineEntry | None: ...


class ProposalRecord(Protocol):
    """Records of what was shown (`bot.incidents.tables.deliveries`)."""

    async def read(self, incident: int) -> IncidentDelivery: ...

    async def mark_proposed(self, incident: int, entry: int) -> None: ...


@dataclass(frozen=True)
class ProposalServices:
    """Services that proposals need. `find_channel` returns the place of public incidents without one, "" for none."""

    list_working: Callable[[], Awaitable[tuple[Incident, ...]]]
    timeline: MoveReader
    alerts: OpenAlerts
    record: ProposalRecord
    announcer: AnnouncementSender
    find_channel: Callable[[], str]


class MitigationProposer:
    """Proposes to mark incidents as mitigated."""

    def __init__(self, services: ProposalServices, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now

    async def propose(self) -> None:
        """Propose it for each incident whose alerts are all resolved now. Raises errors of database and announcer."""
        working = await self._services.list_working()
        still = {each.number: each for each in working if each.state is IncidentState.OPEN}
        if not still:
            return
        moves = await self._services.timeline.find_newest_moves(still)
        firing = {alert.number for alert in await self._services.alerts.list_open()} if moves else set()
        for number, newest in moves.items():
            incident = still[number]
            alerts = {*newest, *incident.alerts}
            if firing.isdisjoint(alerts):
                await self._propose_once(incident, max(newest.values()), len(alerts))

    async def _propose_once(self, incident: Incident, last: int, count: int) -> None:
        """Propose it after the last move, unless that is too new, or it was proposed after it before."""
        entry = await self._services.timeline.find(incident.number, last)
        known = await self._services.record.read(incident.number)
        if entry is None or known.proposed >= last or timedelta() <= self._now() - entry.recorded_at < SETTLING_PERIOD:
            return
        name = f"incident-{incident.number}-mitigated-{last}"
        answer = Answer(operation=name, understood="incident", body=describe_proposal(incident, count))
        place, private = find_shown_place(incident, self._services.find_channel()), incident.private is not False
        await self._services.announcer.announce(Announcement(name, place, answer, private=private))
        await self._services.record.mark_proposed(incident.number, last)


def describe_proposal(incident: Incident, count: int) -> Report:
    """Describes the proposal, with the commands that accept it and that show what happened."""
    text = Phrase(
        "the alert of incident {number} ({title}) is resolved. Mark it as mitigated if users no longer notice the problem",
        plural="all {n} alerts of incident {number} ({title}) are resolved. Mark it as mitigated if users no longer notice "
        "the problem",
        n=count,
        number=str(incident.number),
        title=incident.title,
    )
    words = (render_operation(IncidentMitigated(incident=incident.number)), f"incident show {incident.number}")
    return Report(title=Phrase("Incident"), summary=text, brief=True, next=words)
