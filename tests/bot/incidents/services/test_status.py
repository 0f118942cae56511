"""The status of incidents: one message, edited at most every ten seconds, with the timeline below; whatever Slack does."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.incidents.services.status import EDIT_INTERVAL, REFRESH_INTERVAL, IncidentStatus, StatusSources, is_within
from bot.incidents.tables.deliveries import IncidentDeliveryTable
from bot.incidents.tables.timeline import TimelineTable
from bot.model.alert import Alert
from bot.model.announcement import Announcement, DeliveryStage
from bot.model.incident import EntryKind, Incident, IncidentState, TimelineEntry
from bot.model.incident_notice import MAX_LINES, IncidentNotice, IncidentReply
from bot.store.database import Database
from tests.bot.alert_examples import FIRING, change
from tests.bot.incident_examples import OPEN, OPENED

SECOND = timedelta(seconds=1)
RESOLVED = {"state": IncidentState.RESOLVED, "resolved_at": OPENED, "resolved_by": "bo", "was": "an old certificate"}


class Killed(FlatnetError):
    """The process ends here."""


class Channel:
    """The outbox and what arrived, in order. It may be away; a call that `failing` counts down to ends the process."""

    def __init__(self) -> None:
        self.away = False
        self.failing = 0
        self.known: dict[str, Announcement] = {}
        self.waiting: list[str] = []
        self.edits: list[IncidentNotice] = []
        self.arrived: list[Announcement] = []

    async def announce(self, announcement: Announcement) -> None:
        if announcement.name not in self.known:
            self.known[announcement.name] = announcement
            (self.waiting if self.away else []).append(announcement.name)
            self.arrived += [] if self.away else [announcement]
        self._take()

    async def revise(self, announcement: Announcement, word: Phrase | None) -> None:
        assert announcement.name in self.known
        assert isinstance(announcement.body, IncidentNotice)
        self.known[announcement.name] = announcement
        if announcement.name not in self.waiting:
            self.edits.append(announcement.body)
        self._take()

    async def find_delivery(self, name: str) -> DeliveryStage:
        if name not in self.known:
            return DeliveryStage.ABSENT
        return DeliveryStage.WAITING if name in self.waiting else DeliveryStage.BEGUN

    async def withdraw(self, prefix: str) -> int:
        raise AssertionError("nothing is withdrawn")

    def come_back(self) -> None:
        self.away = False
        self.arrived += [self.known[name] for name in self.waiting]
        self.waiting = []

    @property
    def notices(self) -> list[IncidentNotice]:
        """Messages that were posted, without edits."""
        return [each.body for each in self.arrived if isinstance(each.body, IncidentNotice)]

    @property
    def replies(self) -> list[IncidentReply]:
        return [each.body for each in self.arrived if isinstance(each.body, IncidentReply)]

    @property
    def lines(self) -> list[str]:
        """Entries that people read in the thread."""
        return [str(line.text) for reply in self.replies for line in reply.lines]

    def _take(self) -> None:
        self.failing -= 1
        if self.failing == 0:
            raise Killed(Phrase("killed"))


class Night:
    """A bot with incidents, alerts and a clock that the test moves."""

    def __init__(self, database: Database) -> None:
        self.now = OPENED + timedelta(minutes=1)
        self.incidents: dict[int, Incident] = {OPEN.number: OPEN}
        self.alerts: list[Alert] = []
        self.private: bool | None = None
        self.withheld_in: tuple[str, ...] = ()
        self.channel = Channel()
        self.timeline = TimelineTable(database)
        self.deliveries = IncidentDeliveryTable(database)
        self.status = self.start()

    def start(self) -> IncidentStatus:
        """Start the bot, or start it again."""
        sources = StatusSources(
            self, self.timeline, self, self.deliveries, self, lambda channel: lambda entry: channel not in self.withheld_in
        )
        self.status = IncidentStatus(sources, self.channel, lambda: "C0NOTICES", lambda: self.now)
        return self.status

    async def list_incidents(self) -> tuple[Incident, ...]:
        return tuple(each for each in self.incidents.values() if each.open or each.resolved_at is not None)

    async def find(self, number: int, channel: str) -> Incident:
        return self.incidents[number]

    async def list_open(self) -> tuple[Alert, ...]:
        return tuple(self.alerts)

    async def is_private(self, channel: str) -> bool | None:
        return self.private

    def change(self, **values: object) -> None:
        """An act on the incident."""
        before = self.incidents[OPEN.number]
        self.incidents[OPEN.number] = replace(before, version=before.version + 1, **values)  # type: ignore[arg-type]

    async def add(self, *texts: str, kind: EntryKind = EntryKind.NOTE, about: int = 0) -> None:
        """Record entries now."""
        count, now = await self.timeline.count(OPEN.number), self.now
        made = [Phrase("{text}", text=text) for text in texts]
        await self.timeline.add([
            TimelineEntry(OPEN.number, f"audit:{number}", kind, now, now, "ana", text, about=about)
            for number, text in enumerate(made, count + 1)
        ])  # fmt: skip

    async def pass_time(self, seconds: int, every: int = 1) -> None:
        """Let time pass, with a round every so many seconds."""
        for _ in range(seconds // every):
            self.now += every * SECOND
            await self.status.show()


@pytest.fixture
def night(database: Database) -> Night:
    return Night(database)


async def test_an_incident_is_posted_within_a_second_and_edited_from_then_on(night: Night) -> None:
    await night.pass_time(1)
    assert ["the gateway answers 502"] == [notice.title for notice in night.channel.notices]
    night.change(lead="bo")
    await night.pass_time(20)
    assert (1, ["bo"]) == (len(night.channel.notices), [notice.lead for notice in night.channel.edits])


async def test_entries_are_replies_below_the_message(night: Night) -> None:
    await night.add("restarted nginx", "it is back")
    await night.pass_time(3)
    [reply] = night.channel.arrived[1:]
    assert ("incident-3-status-1", "C0OPS") == (reply.below, reply.channel)
    assert ["restarted nginx", "it is back"] == night.channel.lines


async def test_what_not_all_readers_of_the_channel_may_see_is_no_reply(night: Night) -> None:
    night.withheld_in = (OPEN.channel,)
    await night.add("host-b: Nebula stopped")
    await night.pass_time(12)
    night.withheld_in = ()
    await night.add("all can read this")
    await night.pass_time(12)
    assert ["all can read this"] == night.channel.lines


async def test_254_alerts_cause_one_edit_and_one_reply_in_ten_seconds(night: Night) -> None:
    await night.pass_time(60, 10)
    before, minute = len(night.channel.edits), 60
    for second in range(minute):
        for number in range(1 + 254 * second // minute, 1 + 254 * (second + 1) // minute):
            night.alerts.append(change(FIRING, number=number, host=f"host-{number}"))
            await night.add(f"alert {number}", kind=EntryKind.ALERT, about=number)
        await night.pass_time(1)
    await night.pass_time(EDIT_INTERVAL.seconds)
    assert len(night.channel.edits) - before <= minute / EDIT_INTERVAL.seconds + 1
    assert len(night.channel.replies) <= minute / EDIT_INTERVAL.seconds + 1
    assert 254 == night.channel.edits[-1].alerts.firing
    assert 254 == (await night.deliveries.read(OPEN.number)).replied


async def test_while_slack_is_away_the_newest_state_waits_and_no_entry_is_lost(night: Night) -> None:
    night.channel.away = True
    for minute in range(60):
        await night.add(f"note {minute}")
        night.change(update=f"update {minute}", updated_at=night.now)
        await night.pass_time(60, 15)
    assert 1 == len(night.channel.waiting)
    night.channel.come_back()
    await night.pass_time(60, 5)
    assert ["update 59"] == [notice.update for notice in night.channel.notices]
    assert [f"note {minute}" for minute in range(60)] == night.channel.lines
    assert 60 / MAX_LINES == len(night.channel.replies)


@pytest.mark.parametrize("call", range(1, 5), ids=["post", "first reply", "edit", "second reply"])
async def test_a_crash_between_a_message_and_its_row_repeats_nothing(night: Night, call: int) -> None:
    """The message is in the outbox, and the row does not know."""
    night.channel.failing = call
    for number in range(2):
        await night.add(f"note {number}")
        night.change(lead=f"lead {number}")
        for _ in range(15):
            night.now += SECOND
            try:
                await night.status.show()
            except Killed:
                await night.add(f"after the crash {number}")
                night.start()
    assert 1 == len(night.channel.notices)
    assert "lead 1" == (night.channel.edits or night.channel.notices)[-1].lead
    assert sorted(set(night.channel.lines)) == sorted(night.channel.lines)
    assert 3 == len(night.channel.lines)


async def test_a_message_that_people_deleted_is_noticed_by_the_next_edit_within_five_minutes(night: Night) -> None:
    await night.pass_time(1)
    await night.pass_time(REFRESH_INTERVAL.seconds - 10, 10)
    assert 0 == len(night.channel.edits)
    await night.pass_time(10)
    assert 1 == len(night.channel.edits)


async def test_the_end_is_shown_once_and_then_nothing_more(night: Night) -> None:
    await night.pass_time(1)
    night.change(**RESOLVED)
    await night.add("resolved", kind=EntryKind.STATE)
    night.alerts.append(FIRING)
    await night.pass_time(2 * REFRESH_INTERVAL.seconds, 10)
    night.start()
    await night.pass_time(60, 10)
    assert [IncidentState.RESOLVED] == [notice.state for notice in night.channel.edits]
    assert ["resolved"] == night.channel.lines


async def test_an_end_that_could_not_be_shown_is_shown_in_the_next_round(night: Night) -> None:
    await night.pass_time(15)
    night.change(**RESOLVED)
    night.channel.failing = 1
    with pytest.raises(Killed):
        await night.pass_time(1)
    night.channel.edits.clear()
    await night.pass_time(5)
    assert [IncidentState.RESOLVED] == [notice.state for notice in night.channel.edits]


async def test_a_reopened_incident_is_shown_in_the_same_message(night: Night) -> None:
    await night.pass_time(1)
    night.change(**RESOLVED)
    await night.pass_time(15)
    night.change(state=IncidentState.OPEN, resolved_at=None)
    await night.pass_time(15)
    assert [False, True] == [notice.open for notice in night.channel.edits]


async def test_a_merged_incident_says_so_also_after_a_restart(night: Night) -> None:
    await night.pass_time(1)
    night.change(state=IncidentState.DUPLICATE, duplicate_of=2)
    night.start()
    await night.pass_time(60)
    assert [IncidentState.DUPLICATE] == [notice.state for notice in night.channel.edits]


async def test_an_incident_that_was_over_before_people_were_shown_it_is_not_posted(night: Night) -> None:
    night.change(**RESOLVED)
    await night.pass_time(60)
    assert [] == night.channel.arrived


async def test_a_message_too_old_to_be_known_is_posted_anew(night: Night) -> None:
    await night.pass_time(1)
    night.channel.known.clear()
    night.change(lead="bo")
    await night.pass_time(15)
    assert ["incident-3-status-1", "incident-3-status-2"] == [each.name for each in night.channel.arrived]
    assert 2 == (await night.deliveries.read(OPEN.number)).posting


async def test_a_late_update_is_shown_without_any_act(night: Night) -> None:
    night.change(next_update_at=night.now + timedelta(minutes=1))
    await night.pass_time(70, 5)
    assert [False, True] == [night.channel.notices[0].overdue, night.channel.edits[-1].overdue]


async def test_a_clock_that_is_set_back_stops_nothing(night: Night) -> None:
    await night.pass_time(1)
    night.now -= timedelta(days=1)
    night.change(lead="bo")
    await night.add("restarted nginx")
    await night.pass_time(3)
    assert ("bo", ["restarted nginx"]) == (night.channel.edits[-1].lead, night.channel.lines)


async def test_one_incident_that_cannot_be_shown_does_not_silence_the_others(night: Night) -> None:
    night.incidents[2] = replace(OPEN, number=2, target=3)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError):
        await night.pass_time(1)
    assert [3] == [notice.number for notice in night.channel.notices]


async def test_what_is_or_may_be_private_goes_to_no_other_channel(night: Night) -> None:
    night.incidents = {3: replace(OPEN, private=None), 4: replace(OPEN, number=4, private=False)}
    await night.pass_time(1)
    assert [True, False] == [each.private for each in night.channel.arrived]


async def test_people_are_told_that_the_channel_of_a_private_incident_became_public(night: Night) -> None:
    """It is read by all of the workspace there from then on, whatever the bot does."""
    night.change(private=True)
    night.private = True
    await night.pass_time(60, 10)
    night.private = False
    await night.pass_time(REFRESH_INTERVAL.seconds, 10)
    assert [False, True] == [night.channel.notices[0].exposed, night.channel.edits[-1].exposed]


@pytest.mark.parametrize(("ago", "within"), [(0, True), (9, True), (10, False), (-1, False)])
def test_a_period_ends_after_its_time_and_when_the_clock_is_set_back(ago: int, within: bool) -> None:
    now: datetime = OPENED
    assert within is is_within(now - ago * SECOND, EDIT_INTERVAL, now)
    assert not is_within(None, EDIT_INTERVAL, now)
