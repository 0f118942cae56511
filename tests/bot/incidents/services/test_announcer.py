"""Updates in the channel for announcements: one message that is edited, a reply for each update, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.incidents.services.announcements import UpdateAnnouncer, UpdateServices
from bot.incidents.tables.deliveries import IncidentDeliveryTable
from bot.incidents.tables.timeline import TimelineTable
from bot.model.announcement import Announcement, DeliveryStage, PlainWord
from bot.model.incident import EntryKind, Incident, IncidentState, TimelineEntry
from bot.store.database import Database
from commands.model.finding import Severity
from tests.bot.clockwork import Announced

NOW = datetime(2026, 1, 30, 17, 0, tzinfo=UTC)
INCIDENT = Incident(
    operation="op-1",
    channel="C0ROOM",
    title="host-a answers 502",
    target="host-a",
    opened_by="ana",
    opened_at=NOW,
    number=3,
    severity=Severity.HIGH,
    private=False,
)


class Posted(Announced):
    """What was posted, and in which order, edits included."""

    def __init__(self) -> None:
        super().__init__()
        self.acts: list[tuple[str, str, str, str]] = []

    async def announce(self, bulletin: Announcement) -> None:
        new = bulletin.name not in self.said
        await super().announce(bulletin)
        if new:
            self._note("reply" if bulletin.below else "post", bulletin)

    async def revise(self, bulletin: Announcement, word: Phrase | None) -> None:
        await super().revise(bulletin, word)
        self._note("edit", bulletin)

    async def find_delivery(self, name: str) -> DeliveryStage:
        return DeliveryStage.BEGUN if name in self.said else DeliveryStage.ABSENT

    def _note(self, act: str, bulletin: Announcement) -> None:
        assert isinstance(bulletin.body, PlainWord)
        assert bulletin.private, "it never goes to another channel"
        self.acts.append((act, bulletin.channel, bulletin.below, str(bulletin.body.phrase)))


class Waiting:
    """A channel in which people wait for news. `again` is the next life of the bot."""

    def __init__(self, database: Database) -> None:
        self.incident, self.channel, self.posted, self.entries = INCIDENT, "C0WAITING", Posted(), 0
        self.timeline, self.deliveries = TimelineTable(database), IncidentDeliveryTable(database)
        self.again()

    def again(self) -> None:
        services = UpdateServices(self.list_recent, self.timeline, self.deliveries, self.posted, lambda: self.channel)
        self.announcer = UpdateAnnouncer(services)

    async def list_recent(self) -> tuple[Incident, ...]:
        return (self.incident,)

    async def update(self, text: str, about: int = 0, kind: EntryKind = EntryKind.UPDATE) -> None:
        self.entries += 1
        said = Phrase("{text}", text=text)
        await self.timeline.add([TimelineEntry(3, f"audit:{self.entries}", kind, NOW, NOW, "ana", said, about=about)])

    async def look(self) -> list[tuple[str, str, str, str]]:
        """Lets the announcer run, and returns what it did."""
        self.posted.acts.clear()
        await self.announcer.announce()
        return self.posted.acts


@pytest.fixture
def waiting(database: Database) -> Waiting:
    return Waiting(database)


HEAD = "incident-3-updates-C0WAITING"
FIRST, SECOND = "incident 3 (open, high): We are on it.", "incident 3 (open, high): Logins work."


async def test_one_message_is_edited_and_each_update_is_a_reply(waiting: Waiting) -> None:
    await waiting.update("host-a is dead", kind=EntryKind.NOTE)
    assert [] == await waiting.look()
    await waiting.update("We are on it.")
    assert [("post", "C0WAITING", "", FIRST), ("reply", "C0WAITING", HEAD, FIRST)] == await waiting.look()
    assert [] == await waiting.look()
    await waiting.update("Logins work.")
    assert [("edit", "C0WAITING", "", SECOND), ("reply", "C0WAITING", HEAD, SECOND)] == await waiting.look()


async def test_the_same_text_twice_is_two_replies(waiting: Waiting) -> None:
    await waiting.update("We are on it.")
    await waiting.update("We are on it.")
    assert ["post", "reply", "edit", "reply"] == [act for act, *_ in await waiting.look()]


async def test_an_update_of_a_private_incident_is_announced_only_on_request(waiting: Waiting) -> None:
    waiting.incident = replace(INCIDENT, private=True)
    await waiting.update("We are on it.")
    assert [] == await waiting.look()
    await waiting.update("Logins work.", about=1)
    assert ["post", "reply"] == [act for act, *_ in await waiting.look()]


async def test_without_a_channel_updates_are_passed_over(waiting: Waiting) -> None:
    waiting.channel = ""
    await waiting.update("We are on it.")
    assert [] == await waiting.look()
    waiting.channel = "C0WAITING"
    assert [] == await waiting.look()


@pytest.mark.parametrize(("private", "edits"), [(False, 1), (True, 0)])
async def test_the_message_shows_the_state_and_never_the_cause(waiting: Waiting, private: bool, edits: int) -> None:
    await waiting.update("We are on it.")
    await waiting.look()
    waiting.incident = replace(INCIDENT, private=private, state=IncidentState.RESOLVED, was="a wrong cable on host-a")
    shown = ("edit", "C0WAITING", "", "incident 3 (resolved, high): We are on it.")
    assert [shown] * edits == await waiting.look()
    assert [] == await waiting.look()


@pytest.mark.parametrize(("private", "edits"), [(False, 1), (True, 0)])
async def test_a_state_that_changed_before_a_start_is_shown_once_after_it(
    waiting: Waiting, private: bool, edits: int
) -> None:
    waiting.incident = replace(INCIDENT, private=private)
    await waiting.update("We are on it.", about=1)
    await waiting.look()
    waiting.incident = replace(waiting.incident, state=IncidentState.RESOLVED)
    waiting.again()
    assert [("edit", "C0WAITING", "", "incident 3 (resolved, high): We are on it.")] * edits == await waiting.look()
    assert [] == await waiting.look()


async def test_an_update_that_was_passed_over_is_not_shown_after_a_start(waiting: Waiting) -> None:
    waiting.channel = ""
    await waiting.update("We are on it.")
    await waiting.look()
    waiting.channel = "C0WAITING"
    waiting.again()
    assert [] == await waiting.look()


async def test_a_crash_between_message_and_row_posts_nothing_twice(waiting: Waiting) -> None:
    await waiting.update("We are on it.")
    mark = waiting.deliveries.mark_announced

    async def crash(incident: int, entry: int) -> None:
        raise KeyboardInterrupt

    waiting.deliveries.mark_announced = crash  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await waiting.look()
    waiting.deliveries.mark_announced = mark  # type: ignore[method-assign]
    waiting.again()
    assert ["edit"] == [act for act, *_ in await waiting.look()]


async def test_what_could_not_be_posted_is_posted_in_the_next_round(waiting: Waiting) -> None:
    await waiting.update("We are on it.")
    waiting.posted.failing = 1
    with pytest.raises(FlatnetError):
        await waiting.look()
    assert ["post", "reply"] == [act for act, *_ in await waiting.look()]
