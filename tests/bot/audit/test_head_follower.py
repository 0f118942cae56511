"""The head file of a machine that stands by: it follows, and refuses a table that lost events."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.audit.files import verify_files
from bot.audit.head_follower import HeadFollower
from bot.audit.log import AuditKeys, AuditLog, EventKind
from bot.store.address import PostgresAddress
from bot.store.chain import AuditKey
from bot.store.database import Database
from bot.store.head_file import HeadFile
from bot.store.lead import CopyIdentity
from tests.bot.audit.files import FIVE, KEY, NOW, OTHER
from tests.postgres import PostgresServer

LEADER = CopyIdentity("a", "1", "digest", KEY.id)


class Machines:
    """Machines over one database: one leads, others stand by. Each has its own head file."""

    def __init__(self, address: PostgresAddress, server: PostgresServer, folder: Path, stack: AsyncExitStack) -> None:
        self.address, self.folder = address, folder
        self._server, self._stack = server, stack
        self._sessions: dict[str, Database] = {}

    def heads(self, name: str) -> Path:
        return self.folder / name

    def lines(self, name: str) -> list[int]:
        """The numbers in a machine's head file."""
        file = HeadFile(self.heads(name))
        return [head.sequence for head in file.read(file.get_size())]

    async def connect(self, name: str) -> Database:
        if name not in self._sessions:
            self._sessions[name] = Database.connect(self.address)
            self._stack.push_async_callback(self._sessions[name].aclose)
        return self._sessions[name]

    async def lead(self, name: str, *words: str) -> None:
        """A machine leads, records these requests, and ends."""
        database = Database.connect(self.address)
        assert await database.try_lead(LEADER)
        audit = await AuditLog.open(database, AuditKeys(KEY), self.heads(name), lambda: NOW)
        for text in words:
            await audit.record(EventKind.REQUEST, "ana", f"op-{text}", {"text": text})
        await audit.aclose()
        await database.aclose()

    async def follow(self, name: str, *, led: bool = False, key: AuditKey = KEY) -> str:
        """Why a machine must not lead, after it followed once; "" if it may. `led`: while another copy leads."""
        leading = Database.connect(self.address)
        assert not led or await leading.try_lead(LEADER)
        why = await HeadFollower(await self.connect(name), AuditKeys(key), self.heads(name), lambda: NOW).follow()
        await leading.aclose()
        return "" if why is None else str(why)

    def change(self, *statements: str) -> None:
        """Change the table as the server's superuser."""
        for statement in statements:
            self._server.execute(f"SET session_replication_role = replica; {statement}", self.address.name)

    def lose(self, after: int) -> None:
        """The server is put back to an earlier time."""
        self.change(f"DELETE FROM audit WHERE sequence > {after}")

    def verify(self, name: str) -> str:
        found = verify_files(self.address, self.heads(name), [KEY])
        return "" if found.problem is None else str(found.problem.phrase)


@pytest.fixture
async def machines(postgres: PostgresAddress, postgres_server: PostgresServer, tmp_path: Path) -> AsyncIterator[Machines]:
    async with AsyncExitStack() as stack:
        yield Machines(postgres, postgres_server, tmp_path, stack)


async def test_a_machine_that_stands_by_has_the_newest_event_in_its_file(machines: Machines) -> None:
    """And no line where nothing is new."""
    await machines.lead("a", *FIVE)
    seen = [await machines.follow("b", led=True), await machines.follow("b")]
    await machines.lead("a", "six")
    assert ["", "", ""] == [*seen, await machines.follow("b")]
    assert ([0, 5, 6], "") == (machines.lines("b"), machines.verify("b"))


async def test_a_machine_without_a_file_gets_one_only_while_another_leads(machines: Machines) -> None:
    assert "" == await machines.follow("b")  # nothing was ever recorded
    await machines.lead("a", "one")
    assert "head file is missing or empty" in await machines.follow("c")
    machines.heads("d").touch()
    assert "head file is missing or empty" in await machines.follow("d", led=True)
    assert not machines.heads("c").exists()
    assert [0] == machines.lines("b")


async def test_a_table_behind_or_beside_the_file_is_a_reason_and_the_file_stays(machines: Machines) -> None:
    await machines.lead("a", *FIVE)
    await machines.follow("b", led=True)
    machines.lose(3)
    assert "ends at event 3, but its head file at 5" in await machines.follow("b")
    await machines.lead("c", "new 4", "new 5", "new 6")
    assert "audit event 5 does not match the head file" in await machines.follow("b")
    assert [0, 5] == machines.lines("b")


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'eve' WHERE sequence = 5", "key of another"])
async def test_a_newest_event_that_is_not_ours_is_a_reason(machines: Machines, change: str) -> None:
    await machines.lead("a", *FIVE[:4])
    await machines.follow("b", led=True)
    await machines.lead("a", "five")
    if change.startswith("UPDATE"):
        machines.change(change)
    key = OTHER if change.startswith("key") else KEY
    assert "is not signed with a configured key" in await machines.follow("b", key=key)
    assert [0, 4] == machines.lines("b")


async def test_a_head_file_that_cannot_be_read_is_a_reason(machines: Machines) -> None:
    machines.heads("b").mkdir()
    assert "EISDIR" in await machines.follow("b")
