"""The inbox of several copies: one row for one delivery, by the clock of the database alone, and the leader is woken."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from bot.store.address import PostgresAddress
from bot.store.database import Database
from bot.store.errors import TooLarge
from bot.store.inbox import Delivery, Inbox
from bot.store.shared_inbox import InboxSeal, InboxSignal, SharedInbox, Stored, Terms
from tests.postgres import PostgresServer

SEAL = InboxSeal((b"k" * 32,))

FAR = datetime(2001, 1, 1, tzinfo=UTC)
"""What the clock of a machine says that is decades off."""


@pytest.fixture
async def databases(postgres: PostgresAddress) -> AsyncIterator[tuple[Database, Database]]:
    """The sessions of two copies."""
    both = Database.connect(postgres), Database.connect(postgres)
    yield both
    await asyncio.gather(*(each.aclose() for each in both))


def command(key: str, text: str = "health") -> Delivery:
    return Delivery(key, "command", {"text": text}, FAR)


async def terms(inbox: SharedInbox, seconds: float = 60, *, begins: bool = False, withdraws: bool = True) -> Terms:
    """Terms whose deadline is so many seconds away, by the clock of the database."""
    now = (await inbox.read_clock(time.monotonic)).now
    return Terms(now + timedelta(seconds=seconds), begins, withdraws)


async def test_a_delivery_that_comes_to_two_copies_at_once_is_one_row(databases: tuple[Database, Database]) -> None:
    copies = [SharedInbox(each, name, SEAL) for each, name in zip(databases, ("bot-a", "bot-b"), strict=True)]
    kept = await asyncio.gather(*[copy.keep(command("t-1"), await terms(copy)) for _ in range(5) for copy in copies])
    assert {Stored.NEW: 1, Stored.KNOWN: 9} == {each: kept.count(each) for each in set(kept)}
    assert ["t-1"] == [each.key for each in await copies[0].list_waiting(FAR)]


async def test_what_a_copy_keeps_was_not_begun_and_is_as_old_as_the_database_says(
    databases: tuple[Database, Database],
) -> None:
    inbox, leader = SharedInbox(databases[0], "bot-a", SEAL), SharedInbox(databases[1], "bot-b", SEAL)
    await inbox.keep(command("waits"), await terms(inbox))
    await leader.keep(command("begins"), await terms(leader, begins=True))
    waiting = await leader.list_waiting(FAR)
    assert [("waits", 0), ("begins", 1)] == [(each.key, each.attempts) for each in waiting]
    assert all(FAR - timedelta(seconds=20) < each.received_at <= FAR for each in waiting)
    assert 1 == await Inbox(databases[1]).begin("waits")


FORGED = {
    "none": "UPDATE inbox SET mac = NULL",
    "no mac": "UPDATE inbox SET mac = 'é ' || repeat('0', 64)",
    "another person's words": "UPDATE inbox SET payload = replace(payload, 'health', 'approve')",
    "another kind": "UPDATE inbox SET kind = 'click'",
    "another key": "UPDATE inbox SET key = 'other'",
    "no JSON": "UPDATE inbox SET payload = '{'",
}


@pytest.mark.parametrize("forgery", FORGED)
async def test_who_can_write_the_database_makes_no_request(
    forgery: str, databases: tuple[Database, Database], postgres: PostgresAddress, postgres_server: PostgresServer
) -> None:
    inbox, leader = SharedInbox(databases[0], "bot-a", SEAL), SharedInbox(databases[1], "bot-b", SEAL)
    await inbox.keep(command("t-1"), await terms(inbox))
    assert ["t-1"] == [each.key for each in await leader.list_waiting(FAR)]
    postgres_server.execute(FORGED[forgery], postgres.name)
    assert () == await leader.list_waiting(FAR)


async def test_while_the_audit_key_is_replaced_a_machine_with_the_earlier_one_reads_what_another_one_keeps(
    databases: tuple[Database, Database],
) -> None:
    inbox = SharedInbox(databases[0], "bot-a", InboxSeal((b"n" * 32, *SEAL.keys)))
    await inbox.keep(command("t-1"), await terms(inbox))
    seals = (SEAL, InboxSeal((b"n" * 32,)), InboxSeal((b"x" * 32,)))
    readers = [SharedInbox(databases[1], "bot-b", seal) for seal in seals]
    assert [1, 1, 0] == [len(await each.list_waiting(FAR)) for each in readers]


async def test_a_late_delivery_is_withdrawn_at_once_and_its_key_is_taken(databases: tuple[Database, Database]) -> None:
    hung, other = SharedInbox(databases[0], "bot-a", SEAL), SharedInbox(databases[1], "bot-b", SEAL)
    late = await hung.keep(command("t-1", "typed"), await terms(hung, -1))
    again = await other.keep(command("t-1", "typed"), await terms(other))
    [(payload,)] = await databases[0].read(lambda connection: connection.exec_driver_sql("SELECT payload FROM inbox").all())
    assert (Stored.LATE, Stored.KNOWN, "{}", ()) == (late, again, payload, await other.list_waiting(FAR))


async def test_a_late_delivery_that_comes_again_leaves_no_row(databases: tuple[Database, Database]) -> None:
    """An event that is not acked is delivered again, and a form that failed is submitted again."""
    hung, other = SharedInbox(databases[0], "bot-a", SEAL), SharedInbox(databases[1], "bot-b", SEAL)
    late = await hung.keep(command("view V1"), await terms(hung, -1, withdraws=False))
    again = await other.keep(command("view V1"), await terms(other, withdraws=False))
    behind = await hung.keep(command("view V1"), await terms(hung, -1, withdraws=False))
    assert (Stored.LATE, Stored.NEW, Stored.KNOWN) == (late, again, behind)


async def test_a_delivery_that_is_too_large_is_refused(databases: tuple[Database, Database]) -> None:
    inbox = SharedInbox(databases[0], "bot-a", SEAL)
    with pytest.raises(TooLarge):
        await inbox.keep(command("t-1", "x" * 65_536), await terms(inbox))
    assert () == await inbox.list_waiting(FAR)


class Waker:
    """Counts what it was woken for, and can be waited for."""

    def __init__(self) -> None:
        self.count = 0
        self._loop = asyncio.get_running_loop()

    def __call__(self) -> None:
        self._loop.call_soon_threadsafe(self._add)

    def _add(self) -> None:
        self.count += 1

    async def until(self, look: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not look():
                await asyncio.sleep(0.005)


async def test_the_leader_is_woken_by_what_others_keep_and_after_its_session_was_lost(
    databases: tuple[Database, Database], postgres: PostgresAddress, postgres_server: PostgresServer
) -> None:
    inbox, leader, waker = SharedInbox(databases[0], "bot-a", SEAL), SharedInbox(databases[1], "bot-b", SEAL), Waker()
    signal: InboxSignal = leader.follow(waker)
    await waker.until(lambda: waker.count == 1)
    await inbox.keep(command("t-1"), await terms(inbox))
    await waker.until(lambda: waker.count == 2)
    postgres_server.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{postgres.name}' AND query LIKE 'LISTEN%'"
    )
    await waker.until(lambda: waker.count == 3)
    await inbox.keep(command("t-2"), await terms(inbox))
    await waker.until(lambda: waker.count == 4)
    await leader.keep(command("t-3"), await terms(leader, begins=True))
    await leader.keep(command("t-1"), await terms(leader))
    signal.close()
    await asyncio.to_thread(signal.join)
    assert 4 == waker.count
