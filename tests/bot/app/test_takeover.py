"""A takeover: people are told once that another copy leads, and of no restart of the same copy."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from bot.app.takeover import Takeover, announcing, find_takeover
from bot.audit_log.log import EventKind
from bot.model.announcement import Announcement
from bot.store.address import PostgresAddress
from bot.store.audit import append
from bot.store.audit_chain import StoredEvent
from bot.store.database import Database
from bot.store.leadership import CopyIdentity
from tests.postgres import PostgresServer

NOW = datetime(2026, 11, 30, 3, 12, tzinfo=UTC)


@asynccontextmanager
async def leading(address: PostgresAddress, name: str) -> AsyncIterator[Database]:
    database = Database.connect(address)
    try:
        assert await database.try_lead(CopyIdentity(name, "1.0", "digest", "key"))
        yield database
    finally:
        await database.aclose()


async def record_start(database: Database, name: str, found: Takeover | None) -> None:
    """Record a START as the bot does; the chain does not matter here."""
    moved = {} if found is None else {"takeover": found.model_dump(mode="json")}
    data = json.dumps({"copy": name, "term": database.term} | moved)
    event = StoredEvent(0, NOW.isoformat(), EventKind.START, "system", "", data, "", "", "")

    def seal(new: StoredEvent, last: StoredEvent | None) -> StoredEvent:
        number = 1 if last is None else last.sequence + 1
        return new._replace(sequence=number, previous=str(number), mac=str(number))

    await database.run(lambda connection: append(connection, event, seal))


async def start(address: PostgresAddress, name: str) -> Takeover | None:
    """Have a copy lead for a moment, and return the takeover that it finds."""
    async with leading(address, name) as database:
        found = await find_takeover(database, name)
        await record_start(database, name, found)
        return found


def describe(found: Takeover | None) -> str:
    return "" if found is None else re.sub(r"[0-9-]{10} [0-9:]{8} UTC", "T", str(found.describe()))


async def test_a_lead_that_moved_is_a_takeover_and_a_restart_is_none(
    postgres: PostgresAddress, postgres_server: PostgresServer
) -> None:
    assert [None, None] == [await start(postgres, "bot-a"), await start(postgres, "bot-a")]
    moved = await start(postgres, "bot-b")
    assert "bot-b leads since T. bot-a was stopped at T" == describe(moved)
    # bot-b ended before it could post that: it still has to
    assert [moved, moved] == [await start(postgres, "bot-b"), await start(postgres, "bot-b")]
    postgres_server.execute("UPDATE copies SET role = 'leads' WHERE name = 'bot-b'", postgres.name)  # as after kill -9
    assert "bot-a leads since T. bot-b was last seen at T" == describe(await start(postgres, "bot-a"))


async def test_a_takeover_is_announced_once_when_slack_is_connected() -> None:
    sent: dict[str, Announcement] = {}

    class Outbox:
        async def announce(self, announcement: Announcement) -> None:
            assert sent.setdefault(announcement.name, announcement) is announcement
            said.set()

    said, connect = asyncio.Event(), asyncio.Event()
    connecting: asyncio.Task[Any] = asyncio.create_task(connect.wait())
    moved = Takeover(term=7, leader="bot-b", since=NOW, former="bot-a")
    async with announcing(moved, Outbox(), lambda: "C0OPS", connecting):
        await asyncio.sleep(0)
        assert {} == sent
        connect.set()
        await said.wait()
    assert ["takeover-7"] == list(sent)
    assert "C0OPS" == sent["takeover-7"].channel
