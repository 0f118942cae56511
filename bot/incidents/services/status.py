"""Status of incidents in their channels: one message for each, edited, and its timeline as replies.

incidents ─▶ each that is open, or whose end is not shown ─┬─ notice: posted once, edited where it shows something old
                                                           └─ entries ─▶ a reply

One edit and one reply in ten seconds at most, however much happens; each shows everything until then. While Slack does not
take messages, the first reply waits, the status is rewritten, and what comes in between is one reply afterwards.

What was shown is in rows, so a crash costs nothing: the names of messages come from the rows, and one that is in the outbox
is not posted again. A person who deletes the message is noticed by the next edit, after five minutes at the latest.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from adapters.errors import FlatnetError
from bot.incidents.ports import ChannelPrivacy, IncidentLister, OpenAlerts, StatusRecord, TimelineFollower
from bot.incidents.rules.visibility import find_shown_place
from bot.incidents.tables.deliveries import IncidentDelivery
from bot.model.alert import Alert
from bot.model.announcement import AlertAnnouncer, Announcement, DeliveryStage
from bot.model.incident import EntryKind, Incident, TimelineEntry
from bot.model.incident_notice import IncidentNotice, IncidentReply, count_alerts, make_notice, make_reply
from bot.store.outbox_values import INCIDENT_PREFIX, REPLY_MARK

EDIT_INTERVAL = timedelta(seconds=10)
"""Least time between two edits of a status message, and between two replies to it."""

REFRESH_INTERVAL = timedelta(minutes=5)
"""Time after which the status of an open incident is edited in any case: it may have been deleted, or dropped on its way."""

SETTLING_TIME = timedelta(seconds=1)
"""Age at which an entry becomes a reply. By then, the answer that says the same in the channel is in the outbox."""

MAX_PROBED = 300
"""Entries that are tried as the newest one of a reply that a crash kept from its row."""

MAX_REVIEWED = 20
"""Newest incidents whose messages are compared with their state after a start, although no list has them any more."""

_log = structlog.get_logger("bot.incidents.services.status")

EntrySight = Callable[[TimelineEntry], bool]
"""Judges whether all readers of a channel may see an entry."""


def _see_all(entry: TimelineEntry) -> bool:
    return True


@dataclass(frozen=True)
class StatusSources:
    """Sources of the status of incidents, and the record of what was shown.

    `find_sight` finds which entries all who may read a channel may see: replies have no others.
    """

    incidents: IncidentLister
    timeline: TimelineFollower
    alerts: OpenAlerts
    deliveries: StatusRecord
    channels: ChannelPrivacy
    find_sight: Callable[[str], EntrySight] = lambda channel: _see_all


@dataclass
class _Track:
    """Memory of one incident: its newest entry, its alerts, entries that are no replies yet, and what was shown when.

    `compared` are the version and the newest entry with which the message was compared at `compared_at`. `exposed`: its
    channel was public at `asked_at`. `up_to_date` is the version that the message shows.
    """

    seen: int = 0
    alerts: set[int] = field(default_factory=set)
    pending: list[TimelineEntry] = field(default_factory=list)
    compared: tuple[int, int] = (0, 0)
    compared_at: datetime | None = None
    up_to_date: int = 0
    shown_at: datetime | None = None
    replied_at: datetime | None = None
    reply: str = ""
    exposed: bool = False
    asked_at: datetime | None = None

    def learn(self, entries: tuple[TimelineEntry, ...], replied: int) -> None:
        """Learns new entries."""
        self.seen = entries[-1].number if entries else self.seen
        self.alerts |= {entry.about for entry in entries if entry.kind is EntryKind.ALERT}
        self.pending += [entry for entry in entries if entry.number > replied]


class IncidentStatus:
    """Shows the status of incidents. `find_channel` finds the place of public incidents without one, "" for none."""

    def __init__(
        self,
        sources: StatusSources,
        announcer: AlertAnnouncer,
        find_channel: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self._sources = sources
        self._announcer = announcer
        self._find_channel = find_channel
        self._now = now
        self._showing = asyncio.Lock()
        self._tracks: dict[int, _Track] = {}
        self._begun = False
        self._still: tuple[Alert, ...] | None = None
        """Open alerts, once this round needs them."""
        self._ended: dict[int, int] = {}
        """Versions of incidents whose end is shown, by number."""

    async def show(self) -> None:
        """Shows one round; rounds wait for one another.

        Raises errors of the database and of the announcer; the next round goes on from there.
        """
        async with self._showing:
            listed = await self._sources.incidents.list_incidents()
            if self._begun and not self._tracks and all(map(self._is_over, listed)):
                return
            deliveries, self._still = await self._sources.deliveries.read_all(), None
            incidents = [each for each in await self._add_merged(listed, deliveries) if not self._is_over(each)]
            broken = [each.number for each in incidents if not await self._try_to_show(each, deliveries)]
        if broken:
            raise RuntimeError(f"the status of incidents could not be shown: {broken}")

    async def _add_merged(
        self, listed: tuple[Incident, ...], deliveries: Mapping[int, IncidentDelivery]
    ) -> tuple[Incident, ...]:
        """Adds incidents that are in no list any more and may still show their former state: merged ones."""
        known = set(self._tracks) if self._begun else set(sorted(deliveries)[-MAX_REVIEWED:])
        self._begun = True
        left = known - {each.number for each in listed} - self._ended.keys()
        return (*listed, *[await self._sources.incidents.find(number, "") for number in sorted(left)])

    def _is_over(self, incident: Incident) -> bool:
        return not incident.open and self._ended.get(incident.number) == incident.version

    async def _try_to_show(self, incident: Incident, deliveries: Mapping[int, IncidentDelivery]) -> bool:
        """Shows one incident, and returns whether it could. A bug in one is logged, and must not silence the others."""
        delivery = deliveries.get(incident.number) or IncidentDelivery(incident.number)
        try:
            await self._show(incident, delivery)
        except FlatnetError:
            raise
        except Exception:
            _log.exception("the status of an incident could not be shown", incident=incident.number)
            return False
        return True

    async def _show(self, incident: Incident, delivery: IncidentDelivery) -> None:
        place = find_shown_place(incident, self._find_channel())
        if not place or (not delivery.posting and not incident.open):
            self._end(incident)  # without a place, or over before people were shown it
            return
        track = await self._follow(incident, delivery)
        shown = _Place(incident, place, delivery.posting > 0)
        name = await self._show_status(shown, delivery, track)
        await self._reply(shown, name, track)
        if not track.pending and track.up_to_date == incident.version:
            self._end(incident)

    def _end(self, incident: Incident) -> None:
        """Forgets an incident that is over."""
        if not incident.open:
            self._ended[incident.number] = incident.version
            self._tracks.pop(incident.number, None)

    async def _follow(self, incident: Incident, delivery: IncidentDelivery) -> _Track:
        """Reads new entries. After a start it reads all, and finds the reply that a crash kept from its row."""
        known = self._tracks.get(incident.number)
        track = known or _Track()
        track.learn(await self._sources.timeline.read_after(incident.number, track.seen), delivery.replied)
        if known is None:
            await self._recover(name_status(incident.number, delivery.posting), delivery, track)
            self._tracks[incident.number] = track
        return track

    async def _recover(self, name: str, delivery: IncidentDelivery, track: _Track) -> None:
        for entry in track.pending[:MAX_PROBED]:
            reply = _name_reply(name, delivery.replied, entry.number)
            if await self._announcer.find_delivery(reply) is not DeliveryStage.ABSENT:
                await self._sources.deliveries.mark_replied(delivery.incident, entry.number)
                track.pending = [each for each in track.pending if each.number > entry.number]
                return

    async def _show_status(self, shown: "_Place", delivery: IncidentDelivery, track: _Track) -> str:
        """Posts the message, or brings it up to date. Returns its name."""
        now, posting, incident = self._now(), max(1, delivery.posting), shown.incident
        name, mark = name_status(incident.number, posting), (incident.version, track.seen)
        same = mark == track.compared and is_within(track.compared_at, EDIT_INTERVAL, now)
        if same or is_within(track.shown_at, EDIT_INTERVAL, now):
            return name
        notice = await self._make_notice(shown, track)
        refreshes = incident.open and not is_within(track.shown_at, REFRESH_INTERVAL, now)
        if notice.digest != delivery.shown or refreshes:
            name = await self._deliver(shown, notice, posting)
            track.shown_at = now
        track.compared, track.compared_at, track.up_to_date = mark, now, incident.version
        return name

    async def _deliver(self, shown: "_Place", notice: IncidentNotice, posting: int) -> str:
        """Posts or edits the message, and records it. Returns its name."""
        number = shown.incident.number
        name = name_status(number, posting)
        known = await self._announcer.find_delivery(name) is not DeliveryStage.ABSENT
        if not known and shown.posted:  # the old one is too old to be known
            posting, name = posting + 1, name_status(number, posting + 1)
        if known:
            await self._announcer.revise(shown.announce(name, notice), None)
        else:
            await self._announcer.announce(shown.announce(name, notice))
        await self._sources.deliveries.mark_shown(number, notice.digest, posting)
        return name

    async def _make_notice(self, shown: "_Place", track: _Track) -> IncidentNotice:
        """Makes the message as it should be now."""
        now, incident = self._now(), shown.incident
        if self._still is None:
            self._still = await self._sources.alerts.list_open()
        if incident.private and not is_within(track.asked_at, REFRESH_INTERVAL, now):
            track.asked_at = now
            track.exposed = await self._sources.channels.is_private(shown.place) is False
        counts = count_alerts(track.alerts | set(incident.alerts), self._still)
        return make_notice(incident, counts, now).model_copy(update={"exposed": track.exposed})

    async def _reply(self, shown: "_Place", name: str, track: _Track) -> None:
        """Posts new entries below the message, unless it or the reply before waits: Slack takes no messages then."""
        now, number = self._now(), shown.incident.number
        ready = [entry for entry in track.pending if not is_within(entry.recorded_at, SETTLING_TIME, now)]
        if not ready or is_within(track.replied_at, EDIT_INTERVAL, now):
            return
        for before in filter(None, (name, track.reply)):
            if await self._announcer.find_delivery(before) is DeliveryStage.WAITING:
                return
        reply = make_reply(ready, self._sources.find_sight(shown.place))
        if reply.lines:
            track.reply = _name_reply(name, track.pending[0].number - 1, reply.newest)
            await self._announcer.announce(shown.announce(track.reply, reply, below=name))
            track.replied_at = now
        await self._sources.deliveries.mark_replied(number, reply.newest)
        track.pending = [entry for entry in track.pending if entry.number > reply.newest]


@dataclass(frozen=True)
class _Place:
    """An incident, and the channel in which it is shown. `posted`: its message was posted before."""

    incident: Incident
    place: str
    posted: bool

    def announce(self, name: str, body: IncidentNotice | IncidentReply, below: str = "") -> Announcement:
        """Makes an announcement in its place. What is or may be private never goes to another channel."""
        private = self.incident.private is not False
        return Announcement(name, self.place, body, private=private, below=below)


def name_status(incident: int, posting: int) -> str:
    """Names the announcement of a status message."""
    return f"{INCIDENT_PREFIX}{incident}-status-{posting}"


def _name_reply(status: str, before: int, newest: int) -> str:
    """Names the announcement of the reply with the entries after `before`, up to `newest`."""
    return f"{status}{REPLY_MARK}{before}-{newest}"


def is_within(since: datetime | None, period: timedelta, now: datetime) -> bool:
    """Returns whether less than a period has passed since then. A clock that was set back ends every period."""
    return since is not None and timedelta() <= now - since < period
