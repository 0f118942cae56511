"""Proposals to mark an incident as mitigated: once, when all its alerts are resolved, and never by the bot itself."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from bot.incidents.services.announcements import MitigationProposer, ProposalServices
from bot.incidents.tables.deliveries import IncidentDeliveryTable
from bot.model.announcement import Announcement
from bot.model.incident import EntryKind, Incident, IncidentState
from bot.model.request import Answer
from commands.model.report import Report
from tests.bot.incidents.house import House
from tests.bot.incidents.recorded import NOW, entry, incident


@dataclass
class Post:
    """The channel, as far as it is looked at. The same name is the same message."""

    posted: dict[str, Announcement] = field(default_factory=dict)

    async def announce(self, announcement: Announcement) -> None:
        self.posted.setdefault(announcement.name, announcement)

    @property
    def said(self) -> list[str]:
        return [
            str(each.body.body.summary)
            for each in self.posted.values()
            if isinstance(each.body, Answer) and isinstance(each.body.body, Report)
        ]


@dataclass
class Desk:
    """A bot that collects and proposes, in rounds."""

    house: House
    post: Post = field(default_factory=Post)

    def __post_init__(self) -> None:
        house = self.house
        record = IncidentDeliveryTable(house.database)
        services = ProposalServices(self.list_working, house.timeline, house.alerts, record, self.post, lambda: "C0OPS")
        self.proposer = MitigationProposer(services, lambda: house.at)

    async def list_working(self) -> tuple[Incident, ...]:
        return tuple(self.house.incidents)

    async def round(self, *, minutes: float) -> int:
        """One round so many minutes after nine. Returns the number of all messages until now."""
        await self.house.collector.collect()
        self.house.at = NOW + timedelta(minutes=minutes)
        await self.proposer.propose()
        return len(self.post.posted)


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


async def test_it_is_proposed_once_when_the_last_alert_is_resolved(desk: Desk) -> None:
    desk.house.incidents = [incident("host-a,host-b", private=False)]
    a, b = await desk.house.fire("host-a", "host-b", minutes=1)
    assert 0 == await desk.round(minutes=5)
    await desk.house.resolve(a, minutes=6)
    assert 0 == await desk.round(minutes=9)
    await desk.house.resolve(b, minutes=10)
    assert 0 == await desk.round(minutes=11)
    assert 1 == await desk.round(minutes=12)
    note = entry(EntryKind.NOTE, minutes=13, source="audit:99")
    await desk.house.timeline.add([replace(note, incident=1)])
    assert 1 == await desk.round(minutes=60)
    said = "all 2 alerts of incident 1 (no tunnel) are resolved. Mark it as mitigated if users no longer notice the problem"
    assert [said] == desk.post.said


async def test_it_is_proposed_again_after_another_alert_came_and_went(desk: Desk) -> None:
    [a] = await desk.house.fire("host-a", minutes=1)
    await desk.house.resolve(a, minutes=2)
    assert 1 == await desk.round(minutes=4)
    [again] = await desk.house.fire("host-a", minutes=5)
    assert 1 == await desk.round(minutes=8)
    await desk.house.resolve(again, minutes=9)
    assert 2 == await desk.round(minutes=11)


async def test_an_added_alert_that_still_fires_keeps_it_back(desk: Desk) -> None:
    a, other = await desk.house.fire("host-a", "host-b", minutes=1)
    desk.house.incidents = [incident(alerts=(other.number,))]
    await desk.house.resolve(a, minutes=2)
    assert 0 == await desk.round(minutes=9)


@pytest.mark.parametrize(
    "state", [each for each in IncidentState if each is not IncidentState.OPEN], ids=lambda state: str(state)
)
async def test_it_is_proposed_for_open_incidents_only(desk: Desk, state: IncidentState) -> None:
    [a] = await desk.house.fire("host-a", minutes=1)
    await desk.house.resolve(a, minutes=2)
    await desk.house.collector.collect()
    desk.house.incidents = [incident(state=state)]
    assert 0 == await desk.round(minutes=9)


async def test_an_incident_without_alerts_has_none_that_is_resolved(desk: Desk) -> None:
    assert 0 == await desk.round(minutes=9)


@pytest.mark.parametrize(
    ("more", "channel", "private"),
    [
        ({"channel": "C0INC", "private": False}, "C0INC", False),
        ({"channel": "C0INC", "private": None}, "C0INC", True),
        ({"channel": "", "private": False}, "C0OPS", False),
        ({"channel": "", "private": True}, "", True),
    ],
    ids=["its channel", "not known to be public", "no channel", "direct message"],
)
async def test_the_proposal_goes_where_readers_of_the_incident_are(
    desk: Desk, more: dict[str, Any], channel: str, private: bool
) -> None:
    desk.house.incidents = [incident(**more)]
    [a] = await desk.house.fire("host-a", minutes=1)
    await desk.house.resolve(a, minutes=2)
    await desk.round(minutes=9)
    [said] = desk.post.posted.values()
    assert (channel, private) == (said.channel, said.private)
    assert isinstance(said.body, Answer)
    assert isinstance(said.body.body, Report)
    assert ("incident mitigated --incident 1", "incident show 1") == said.body.body.next


async def test_a_repeated_round_after_a_crash_is_the_same_message(desk: Desk) -> None:
    [a] = await desk.house.fire("host-a", minutes=1)
    await desk.house.resolve(a, minutes=2)
    assert 1 == await desk.round(minutes=9)
    await IncidentDeliveryTable(desk.house.database).mark_proposed(1, 0)
    assert 1 == await desk.round(minutes=9)
