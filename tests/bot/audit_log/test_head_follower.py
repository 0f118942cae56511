"""The head file of a machine that stands by: it follows, refuses a table that lost events, and accepts a loss."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from bot.app.settle_loss import settle_loss
from bot.audit_log.adoption import NamedLoss, accept_loss
from bot.audit_log.files import verify_files
from bot.audit_log.head_follower import HeadFollower
from bot.audit_log.log import AuditLog, EventKind, NotAcceptable
from bot.store import audit as table
from bot.store.address import PostgresAddress
from bot.store.audit_chain import AuditKey, AuditKeys
from bot.store.audit_head_file import HeadFile
from bot.store.database import Database
from bot.store.errors import DatabaseInUse
from bot.store.leadership import CopyIdentity
from tests.bot.audit_log.files import FIVE, KEY, NOW, OTHER, Closed
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
        database = await self.connect(name)
        follower = HeadFollower(database, AuditKeys(key), self.heads(name), lambda: NOW)
        why = await follower.follow()
        await leading.aclose()
        assert why == await database.read(lambda session: follower.find_obstacle(partial(table.read_state, session)))
        return "" if why is None else str(why)

    def change(self, *statements: str) -> None:
        """Change the table as the server's superuser."""
        for statement in statements:
            self._server.execute(f"SET session_replication_role = replica; {statement}", self.address.name)

    def lose(self, after: int) -> None:
        """The server is put back to an earlier time."""
        self.change(f"DELETE FROM audit WHERE sequence > {after}")

    def accept(self, name: str, loss: str, *keys: AuditKey) -> None:
        """An administrator accepts a loss on a machine whose copy of the bot does not run."""
        [signing, *earlier] = keys or (KEY,)
        found = AuditKeys(signing, tuple(earlier))
        accept_loss(self.address, found, HeadFile(self.heads(name)), NamedLoss(loss, "root", NOW, LEADER))

    def find_name(self, name: str) -> str:
        """The name of what the last line of a machine's file tells."""
        head = HeadFile(self.heads(name)).read_last()
        assert head is not None
        return head.name

    def read_term(self) -> int:
        [(term,)] = self._server.execute("SELECT term FROM leader", self.address.name)
        assert isinstance(term, int)
        return term

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


async def lose_two(machines: Machines, *since: str) -> None:
    """Five events, seen by a, b and c (c saw four); two are lost."""
    await machines.lead("a", *FIVE[:4])
    assert ["", ""] == [await machines.follow("c", led=True), await machines.follow("b", led=True)]
    await machines.lead("a", "five")
    assert "" == await machines.follow("b", led=True)
    machines.lose(3)
    if since:
        await machines.lead("without a file", *since)


@pytest.mark.parametrize("since", [(), ("new 4",), ("new 4", "new 5", "new 6")], ids=len)
async def test_a_loss_accepted_on_one_machine_is_accepted_on_all(machines: Machines, since: tuple[str, ...]) -> None:
    """Each keeps its own line as evidence, and verifies what follows; a machine that comes later as well."""
    await lose_two(machines, *since)
    term = machines.read_term()
    assert machines.find_name("a") in await machines.follow("a")
    machines.accept("a", machines.find_name("a"))
    assert term + 1_000_000 == machines.read_term()
    found = {name: await machines.follow(name, led=True) for name in ("a", "b", "c", "later")}
    assert dict.fromkeys(found, "") == found
    await machines.lead("b", "after")
    assert found == {name: await machines.follow(name) + machines.verify(name) for name in found}
    assert [0, 4, 5, *machines.lines("c")[3:]] == machines.lines("c")
    assert machines.verify("b") == ""


async def test_one_acceptance_does_not_cover_the_next_loss(machines: Machines) -> None:
    """The table is put back to the moment of the acceptance, so its event is there."""
    await lose_two(machines)
    machines.accept("a", machines.find_name("a"))
    await machines.lead("a", "new 5")
    assert "" == await machines.follow("b")
    machines.lose(4)
    assert "ends at event 4, but its head file at 5" in await machines.follow("b")


async def test_a_machine_that_saw_more_than_was_accepted_does_not_lead(machines: Machines) -> None:
    """And accepts what it saw by its own name."""
    await lose_two(machines)
    machines.accept("c", machines.find_name("c"))
    assert "ends at event 4, but its head file at 5" in await machines.follow("b")
    machines.accept("b", machines.find_name("b"))
    await machines.lead("b", "after")
    assert ["", ""] == [await machines.follow("b"), await machines.follow("c")]
    assert ["", ""] == [machines.verify("b"), machines.verify("c")]


async def test_an_acceptance_that_is_not_signed_is_none(machines: Machines) -> None:
    await lose_two(machines, "new 4", "new 5", "new 6")
    machines.change(
        'UPDATE audit SET kind = \'accepted\', data = \'{"name":"x","lost":5,"lost_mac":"","found":3,'
        '"found_mac":""}\' WHERE sequence = 4'
    )
    assert "audit event 5 does not match the head file" in await machines.follow("b")


async def test_what_may_not_be_accepted_changes_nothing(machines: Machines) -> None:
    await lose_two(machines)
    lines, term, name = machines.lines("b"), machines.read_term(), machines.find_name("b")
    with pytest.raises(NotAcceptable, match="no loss named"):
        machines.accept("b", name[:-1])
    with pytest.raises(NotAcceptable, match="is signed with the unknown key"):
        machines.accept("b", name, OTHER)
    leader = Database.connect(machines.address)
    assert await leader.try_lead(LEADER)
    with pytest.raises(DatabaseInUse):
        machines.accept("b", name)
    await leader.aclose()
    assert (lines, term + 1) == (machines.lines("b"), machines.read_term())
    await machines.lead("x")
    machines.lose(0)
    assert "ends at event 0" in await machines.follow("b")
    machines.accept("b", name)
    assert "" == await machines.follow("b")


async def test_the_next_leader_closes_once_what_was_open_in_the_earlier_state(machines: Machines) -> None:
    await lose_two(machines)
    name = machines.find_name("a")
    machines.accept("a", name)
    closed = Closed()
    for _ in range(2):
        database = Database.connect(machines.address)
        assert await database.try_lead(LEADER)
        audit = await AuditLog.open(database, AuditKeys(KEY), machines.heads("a"), lambda: NOW)
        await settle_loss(closed, audit)
        await audit.aclose()
        await database.aclose()
    assert [f"a loss of events was accepted by root ({name})"] == closed.why
