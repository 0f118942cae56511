"""Several copies of the bot in one workspace, over one database: all take deliveries, the one that leads works on them."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.runtime.clock import Clock, read_utc_time
from bot.slack.client.preflight import OPTIONAL_SCOPES, SCOPES
from bot.slack.event_loop_thread import SlackThread
from bot.slack.inbound import intake
from bot.slack.inbound import intake as arrivals
from bot.slack.parts import SlackLead, SlackStores
from bot.slack.replica_place import CopyPlace
from bot.store.address import PostgresAddress
from bot.store.answers import AnswerTable
from bot.store.database import Database
from bot.store.errors import DatabaseUnavailable
from bot.store.inbox import Delivery, Inbox
from bot.store.outbox import Outbox
from bot.store.shared_inbox import InboxSeal, SharedInbox, Stored, Terms
from commands.catalogue import CATALOGUE
from commands.model.operation import Catalogue
from tests.bot.slack.conftest import PATIENCE, House, KeptStories, ScriptedDesk, manifest_with
from tests.commands.canned import host
from tests.lab.workspace import Timing, Workspace
from tests.lab.workspace.faults import DELIVERY, Duplicated
from tests.lab.workspace.message import Message

LATE = "Nothing was done: the bot received this too late. Try again."
UNLED = "Received. No copy of the bot leads at the moment. The result follows when one does."
HEALTHY = "3 hosts are healthy"

SEAL = InboxSeal((b"k" * 32,))


@dataclass
class Configured:
    """All that a copy knows that stands by."""

    known_operations: Catalogue = CATALOGUE
    hosts: Inventory = field(default_factory=lambda: Inventory(hosts=(host("host-a", 1), host("host-b", 2))))
    note_reaction: str = ""


@dataclass
class Copy:
    """One copy of the bot. `behind` is for how many seconds its machine stood still, with its counter."""

    database: Database
    desk: ScriptedDesk = field(default_factory=ScriptedDesk)
    configured: Configured = field(default_factory=Configured)
    behind: float = 0.0
    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return read_utc_time() + self.ahead

    def clock(self) -> Clock:
        return Clock(self.now, lambda: time.monotonic() - self.behind, asyncio.sleep)


class Copies:
    """Copies of the bot in one workspace. `turn` is the number of the connection that gets what is delivered first."""

    def __init__(self, house: House, folder: Path, address: PostgresAddress) -> None:
        self.house = house
        self.address = address
        self.turn = 0
        self.led = True
        self.workspace = house.workspace = Workspace(
            manifest_with(folder, SCOPES | OPTIONAL_SCOPES.keys()),
            timing=Timing(ack=PATIENCE, farewell=0.05),
            choose=self._choose,
        )

    def _choose(self, connections: Sequence[Any]) -> Any:
        return connections[self.turn % len(connections)]

    @asynccontextmanager
    async def standby(self, copy: Copy, name: str, inbox: type[SharedInbox] = SharedInbox) -> AsyncIterator[SlackThread]:
        """A copy that stands by, connected."""
        rows = inbox(copy.database, name, SEAL)
        place = replace(self.house.place(), copy=CopyPlace(rows, lambda: self.led))
        stores = SlackStores(Inbox(copy.database), Outbox(copy.database, copy.now), AnswerTable(copy.database))
        surface = SlackThread(place, copy.configured, stores, copy.clock())
        await surface.open()
        try:
            await surface.connect()
            yield surface
        finally:
            await surface.close(0.5)

    async def take_over(self, copy: Copy, surface: SlackThread) -> None:
        """Let a copy lead."""
        surface.lead(SlackLead(copy.desk, KeptStories()))
        await surface.connect()

    async def finished(self, copy: Copy) -> None:
        """Wait until no delivery of any copy is unfinished."""
        async with asyncio.timeout(PATIENCE):
            while await SharedInbox(copy.database, "judge", SEAL).list_waiting(read_utc_time()):
                await asyncio.sleep(0.01)


@pytest.fixture
async def copies(
    house: House, postgres: PostgresAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Copies]:
    monkeypatch.setattr(arrivals, "ACK_TIME", timedelta(seconds=60))  # the machine may be busy with other tests
    (tmp_path / "copies").mkdir()
    copies = Copies(house, tmp_path / "copies", postgres)
    await copies.workspace.start()
    yield copies
    await copies.workspace.stop()


@pytest.fixture
async def pair(postgres: PostgresAddress) -> AsyncIterator[tuple[Copy, Copy]]:
    """Two copies, whose sessions are never idle for long."""
    async with AsyncExitStack() as stack:
        both = tuple(Copy(Database.connect(postgres)) for _ in range(2))
        for copy in both:
            stack.push_async_callback(copy.database.aclose)
            beating = asyncio.create_task(_beat(copy.database))
            stack.callback(beating.cancel)
        yield both[0], both[1]


async def _beat(database: Database) -> None:
    while True:
        await database.read(lambda connection: None)
        await asyncio.sleep(0.5)


async def test_what_any_copy_takes_is_answered_once_by_the_one_that_leads(copies: Copies, pair: tuple[Copy, Copy]) -> None:
    leader, other = pair
    workspace = copies.workspace
    async with copies.standby(leader, "bot-a") as leading, copies.standby(other, "bot-b"):
        await copies.take_over(leader, leading)
        for copies.turn in range(4):
            assert (await workspace.slash("U0ADMIN", "C0OPS", "health")).in_time
        workspace.faults.switch_on(DELIVERY, Duplicated(2), times=1)  # each connection gets it
        assert 2 == (await workspace.slash("U0ADMIN", "C0OPS", "health")).attempts
        await copies.house.private("U0ADMIN", 5)
        await copies.finished(leader)
    assert [HEALTHY] * 5 == [message.text for message in workspace.private("U0ADMIN")]
    assert (5, 0) == (len(leader.desk.requests), len(other.desk.requests))


async def test_what_was_taken_while_no_copy_led_is_answered_over_the_same_socket_once_one_does(
    copies: Copies, pair: tuple[Copy, Copy]
) -> None:
    heir, other = pair
    copies.led = False
    async with copies.standby(heir, "bot-a") as leading, copies.standby(other, "bot-b"):
        for copies.turn in range(2):
            await copies.workspace.slash("U0ADMIN", "C0OPS", "health")
        assert [UNLED, UNLED] == await copies.house.private("U0ADMIN", 2)
        opened = len(copies.workspace.calls("apps.connections.open"))
        await copies.take_over(heir, leading)
        await copies.house.private("U0ADMIN", 4)
        copies.turn = 0
        await copies.workspace.slash("U0ADMIN", "C0OPS", "health")
        texts = await copies.house.private("U0ADMIN", 5)
        await copies.finished(heir)
        assert opened == len(copies.workspace.calls("apps.connections.open"))
    assert [UNLED, UNLED, HEALTHY, HEALTHY, HEALTHY] == texts
    assert (3, 0) == (len(heir.desk.requests), len(other.desk.requests))


async def test_events_of_any_copy_reach_the_one_that_leads(copies: Copies, pair: tuple[Copy, Copy]) -> None:
    """An opened home tab, a mention, and a group whose members changed."""
    leader, other = pair
    copies.turn = 1
    async with copies.standby(leader, "bot-a") as leading, copies.standby(other, "bot-b"):
        await copies.take_over(leader, leading)
        await copies.workspace.open_home("U0ADMIN")
        await copies.workspace.seen(lambda: copies.workspace.home("U0ADMIN"))
        await copies.workspace.say("U0ADMIN", "C0OPS", "<@U0FLATNET> health")
        await copies.house.until(lambda: leader.desk.requests)
        await copies.finished(leader)
    assert ["health"] == [request.text for request in leader.desk.requests]


async def test_a_copy_that_stands_by_checks_a_form_from_its_configuration(copies: Copies, pair: tuple[Copy, Copy]) -> None:
    leader, other = pair
    async with copies.standby(leader, "bot-a") as leading, copies.standby(other, "bot-b"):
        await copies.take_over(leader, leading)
        await copies.workspace.click("U0ADMIN", await _open_menu(copies), "form")
        await copies.workspace.seen(lambda: copies.workspace.view("U0ADMIN"))
        copies.turn = 1
        other.configured.hosts = Inventory(hosts=(host("host-a", 1),))
        copies.workspace.fill("U0ADMIN", {"health.target": ["host-b"]})
        refused = await copies.workspace.submit("U0ADMIN", {})
        assert ["health.target"] == list(refused.errors)
        other.configured.hosts = leader.configured.hosts
        assert {} == (await copies.workspace.submit("U0ADMIN", {})).errors
        await copies.house.private("U0ADMIN", 2)
    assert ["health host-b"] == [request.text for request in leader.desk.requests]


async def test_a_form_that_could_not_be_opened_before_the_takeover_is_explained_whatever_the_clocks_say(
    copies: Copies, pair: tuple[Copy, Copy]
) -> None:
    """The press is ten seconds old by the clock of the database, and the new leader's own clock is five hours ahead."""
    former, heir = pair
    heir.ahead = timedelta(hours=5)
    async with copies.standby(former, "bot-a") as leading:
        await copies.take_over(former, leading)
        menu = await _open_menu(copies)
        await copies.finished(former)
    copies.led = False
    async with copies.standby(heir, "bot-b") as leading:
        await copies.workspace.click("U0ADMIN", menu, "form")
        await heir.database.run(
            lambda connection: connection.exec_driver_sql(
                "UPDATE inbox SET received_at = to_char(clock_timestamp() AT TIME ZONE 'UTC' - interval '10 seconds', "
                """'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') WHERE finished_at IS NULL"""
            ).close()
        )
        await copies.take_over(heir, leading)
        [_, waiting, text] = await copies.house.private("U0ADMIN", 3)
    assert (UNLED, True) == (waiting, text.startswith("Could not open the form in time."))


async def _open_menu(copies: Copies) -> Message:
    await copies.workspace.slash("U0ADMIN", "C0OPS", " ")
    await copies.house.private("U0ADMIN")
    return copies.workspace.private("U0ADMIN")[-1]


class LosingInbox(SharedInbox):
    """An inbox whose session is lost just after it was written, once."""

    lost = False

    async def keep(self, delivery: Delivery, terms: Terms) -> Stored:
        stored = await super().keep(delivery, terms)
        if not self.lost:
            self.lost = True
            raise DatabaseUnavailable(Phrase("lost"))
        return stored


async def test_a_row_whose_session_was_lost_while_it_was_written_is_not_said_to_be_undone(
    copies: Copies, pair: tuple[Copy, Copy]
) -> None:
    leader, other = pair
    async with copies.standby(leader, "bot-a") as leading, copies.standby(other, "bot-b", LosingInbox):
        await copies.take_over(leader, leading)
        copies.turn = 1
        await copies.workspace.slash("U0ADMIN", "C0OPS", "health")
        await copies.house.until(lambda: HEALTHY in (each.text for each in copies.workspace.private("U0ADMIN")))
        await copies.finished(leader)
    assert not any("Nothing was done" in each.text for each in copies.workspace.private("U0ADMIN"))
    assert 1 == len(leader.desk.requests)


class SilentInbox(SharedInbox):
    """An inbox whose database does not answer until it is too late for the ack."""

    answers = asyncio.Event()

    async def keep(self, delivery: Delivery, terms: Terms) -> Stored:
        await self.answers.wait()
        return await super().keep(delivery, terms)


async def test_what_has_no_row_is_not_acked(
    copies: Copies, pair: tuple[Copy, Copy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy may end before the row is written, and then no other one knows of it. Slack says that it failed."""
    monkeypatch.setattr(SilentInbox, "answers", asyncio.Event())
    monkeypatch.setattr(intake, "SHARED_STORE_TIMEOUT", 0.05)
    leader, silent = pair
    async with copies.standby(leader, "bot-a") as leading, copies.standby(silent, "bot-b", SilentInbox):
        await copies.take_over(leader, leading)
        copies.turn = 1
        typing = asyncio.create_task(copies.workspace.slash("U0ADMIN", "C0OPS", "health"))
        await asyncio.wait([typing], timeout=1.0)
        assert (False, ()) == (typing.done(), copies.workspace.private("U0ADMIN"))
        typing.cancel()


async def test_what_reaches_a_copy_that_stood_still_is_not_done(copies: Copies, pair: tuple[Copy, Copy]) -> None:
    leader, hung = pair
    async with copies.standby(leader, "bot-a") as leading, copies.standby(hung, "bot-b"):
        await copies.take_over(leader, leading)
        copies.turn = 1
        hung.behind = 3_600.0
        await copies.workspace.slash("U0ADMIN", "C0OPS", "service restart nebula host-a")
        assert [LATE] == await copies.house.private("U0ADMIN")
        copies.turn = 0
        await copies.workspace.slash("U0ADMIN", "C0OPS", "health")
        await copies.house.private("U0ADMIN", 2)
    assert ["health"] == [request.text for request in leader.desk.requests]
