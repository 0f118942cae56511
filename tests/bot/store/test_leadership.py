"""The lead: one session has it, and a process that lost its session ends before anyone in it learns of that."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy import Connection, text

from adapters.phrase import Phrase
from bot.store import leadership as lead
from bot.store import replicas as copies
from bot.store.address import PostgresAddress
from bot.store.database import LEAD_LOST, Database
from bot.store.errors import DatabaseError, DatabaseFull, DatabaseInUse, DatabaseUnavailable
from bot.store.leadership import CopyIdentity
from bot.store.postgres_session import SessionLimits
from bot.store.replicas import LEADS, STANDS_BY, STOPPED
from tests.cut_proxy import CutProxy, Way
from tests.postgres import PostgresServer, run_server

ROOT = Path(__file__).parents[3]


class Lost(Exception):
    """The process would have ended here."""


def lose(error: DatabaseError) -> NoReturn:
    raise Lost(str(error))


def name_copy(name: str) -> CopyIdentity:
    return CopyIdentity(name, "1.0", "digest", "key")


Join = Callable[[str], Database]


@pytest.fixture
async def join(postgres: PostgresAddress) -> AsyncIterator[Join]:
    """Opens sessions that stand by."""
    async with AsyncExitStack() as stack:

        def open_one(name: str) -> Database:
            database = Database.connect(postgres)
            stack.push_async_callback(database.aclose)
            database.report(name_copy(name))
            return database

        yield open_one


def count_inbox(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM inbox")).scalar_one())


def add_delivery(connection: Connection) -> None:
    statement = "INSERT INTO inbox (key, kind, payload, received_at, attempts) VALUES ('a', 'command', '{}', '2026', 0)"
    connection.execute(text(statement))


class TestTaking:
    async def test_of_all_that_start_at_once_on_an_empty_database_one_leads(self, empty_postgres: PostgresAddress) -> None:
        every = await asyncio.gather(*(asyncio.to_thread(Database.connect, empty_postgres) for _ in range(8)))
        took = await asyncio.gather(*(each.try_lead(name_copy(f"bot-{n}"), lose) for n, each in enumerate(every)))
        assert [1, 0, 0, 0, 0, 0, 0, 0] == sorted((each.term for each in every), reverse=True)
        assert [each.term == 1 for each in every] == took
        await asyncio.gather(*(each.aclose() for each in every))

    async def test_a_leader_that_closes_its_session_hands_over(self, join: Join, postgres: PostgresAddress) -> None:
        former, next_one = Database.connect(postgres), join("bot-b")
        assert [True, False] == [await each.try_lead(name_copy("bot-a"), lose) for each in (former, next_one)]
        await former.aclose()
        await take_over(next_one, "bot-b")
        found = await next_one.read(lead.read_leader)
        assert found is not None
        assert (2, name_copy("bot-b")) == (found.term, found.identity)

    async def test_a_check_that_fails_under_the_lock_leaves_the_lead_to_others(self, join: Join) -> None:
        def check(connection: Connection) -> None:
            raise DatabaseUnavailable(Phrase("no"))

        first, second = join("bot-a"), join("bot-b")
        with pytest.raises(DatabaseUnavailable, match="no"):
            await first.try_lead(name_copy("bot-a"), lose, check)
        assert (None, 0) == (await first.read(lead.read_leader), first.term)
        assert await second.try_lead(name_copy("bot-b"), lose)

    async def test_a_read_only_database_is_led_by_no_copy_until_it_is_writable(
        self, postgres_server: PostgresServer, postgres: PostgresAddress
    ) -> None:
        await Database.connect(postgres).aclose()
        setting = f"ALTER DATABASE {postgres.name} {{}} default_transaction_read_only"
        postgres_server.execute(setting.format("SET") + " = on")
        reader = Database.connect(postgres)
        with pytest.raises(DatabaseUnavailable, match="is read-only"):
            await reader.try_lead(name_copy("bot-a"), lose)
        postgres_server.execute(setting.format("RESET"))
        writer = Database.connect(postgres)
        assert await writer.try_lead(name_copy("bot-b"), lose)
        await reader.aclose()
        await writer.aclose()


class TestLeading:
    @pytest.mark.parametrize(
        ("harm", "mend", "expected"),
        [
            (
                "SET default_transaction_read_only = on",
                "SET default_transaction_read_only = off",
                DatabaseUnavailable,
            ),
            (
                "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$; "
                "CREATE TRIGGER full_disk BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION fill()",
                "DROP TRIGGER full_disk ON inbox",
                DatabaseFull,
            ),
        ],
    )
    async def test_a_database_that_cannot_be_written_for_a_while_does_not_end_the_lead(
        self, join: Join, harm: str, mend: str, expected: type[DatabaseError]
    ) -> None:
        database = join("bot-a")
        assert await database.try_lead(name_copy("bot-a"), lose)
        await database.run(lambda connection: connection.exec_driver_sql(harm).close())
        with pytest.raises(expected):
            await database.run(add_delivery)
        await database.run(lambda connection: connection.exec_driver_sql(mend).close())
        await database.run(add_delivery)
        assert 1 == await database.read(count_inbox)

    async def test_a_busy_event_loop_does_not_lose_the_lead(self, postgres: PostgresAddress) -> None:
        database = Database.connect(postgres, SessionLimits(idle=1.5, beat=0.1))
        assert await database.try_lead(name_copy("bot-a"), lose)
        time.sleep(2.5)  # the event loop does nothing else
        await database.run(add_delivery)
        await database.aclose()

    async def test_a_session_that_says_nothing_loses_the_lead(self, postgres: PostgresAddress) -> None:
        silent = Database.connect(postgres, SessionLimits(idle=1, beat=3600))
        assert await silent.try_lead(name_copy("bot-a"), lose)
        next_one = Database.connect(postgres)
        await take_over(next_one, "bot-b")
        with pytest.raises(Lost, match="was lost, and the lead with it"):
            await silent.run(add_delivery)
        assert 0 == await next_one.read(count_inbox)
        await next_one.aclose()
        await silent.aclose()


async def take_over(database: Database, name: str) -> None:
    """Try as a standby does, until it leads."""
    async with asyncio.timeout(30):
        while not await database.try_lead(name_copy(name), lose):
            await asyncio.sleep(0.05)


class TestStandingBy:
    async def test_a_second_copy_of_one_name_is_refused_until_the_first_one_ends(self, postgres: PostgresAddress) -> None:
        first, second = Database.connect(postgres), Database.connect(postgres)
        await first.take_name("bot-a")
        with pytest.raises(DatabaseInUse) as refusal:
            await second.take_name("bot-a")
        assert f"another copy named bot-a uses {postgres}. Stop it, or set another copy_name on this machine" == str(
            refusal.value
        )
        await second.take_name("bot-b")
        await first.aclose()
        await take_name_at_last(second, "bot-a")
        await second.aclose()

    async def test_a_lost_session_is_opened_anew_and_has_its_name_again(
        self, postgres_server: PostgresServer, postgres: PostgresAddress
    ) -> None:
        standby = Database.connect(postgres)
        await standby.take_name("bot-a")
        end_sessions(postgres_server, postgres)
        assert 0 == await read_at_last(standby)
        other = Database.connect(postgres)
        with pytest.raises(DatabaseInUse):
            await other.take_name("bot-a")
        await standby.aclose()
        await other.aclose()

    async def test_a_session_whose_server_stays_silent_is_opened_anew(self, postgres: PostgresAddress) -> None:
        with CutProxy(postgres.port) as proxy:
            standby = Database.connect(replace(postgres, port=proxy.port), SessionLimits(silence=0.5))
            await standby.take_name("bot-a")
            proxy.cut(Way.TO_CLIENT)  # what it sends arrives
            with pytest.raises(DatabaseUnavailable):
                await standby.run(add_delivery)
            proxy.heal()
            assert 0 == await read_at_last(standby)
            await standby.aclose()

    async def test_every_copy_reports_itself_and_its_end(self, join: Join, postgres: PostgresAddress) -> None:
        leader, standby = Database.connect(postgres), join("bot-b")
        leader.report(name_copy("bot-a"))
        assert await leader.try_lead(name_copy("bot-a"), lose)
        standby.report(name_copy("bot-b"), Phrase("no disk"))
        expected = [(LEADS, None), (STANDS_BY, Phrase("no disk"))]
        seen = await list_until(standby, lambda found: expected == [(each.report.role, each.report.why) for each in found])
        assert all(timedelta() <= each.age for each in seen)
        await leader.aclose()
        await list_until(standby, lambda found: [each.report.role for each in found] == [STOPPED, STANDS_BY])


def end_sessions(server: PostgresServer, address: PostgresAddress) -> None:
    server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{address.name}'")


async def read_at_last(database: Database) -> int:
    """Read as soon as the session is opened anew."""
    async with asyncio.timeout(30):
        while True:
            with suppress(DatabaseUnavailable):
                return await database.read(count_inbox)
            await asyncio.sleep(0.05)


async def take_name_at_last(database: Database, name: str) -> None:
    """Take a name as soon as the server has ended the session that had it."""
    async with asyncio.timeout(30):
        while True:
            with suppress(DatabaseInUse):
                return await database.take_name(name)
            await asyncio.sleep(0.05)


async def list_until(
    database: Database, holds: Callable[[tuple[copies.SeenCopy, ...]], bool]
) -> tuple[copies.SeenCopy, ...]:
    """List the copies until this holds for them."""
    async with asyncio.timeout(30):
        while not holds(found := await database.read(copies.list_copies)):
            await asyncio.sleep(0.05)
    return found


def start_leader(address: PostgresAddress) -> "subprocess.Popen[str]":
    """A process that leads, as it says. Its database must exist."""
    place = (address.host, str(address.port), address.name)
    words = [sys.executable, "-m", "tests.bot.store.lead_process", "bot-a", *place]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def read_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def wait_until_free(server: PostgresServer, address: PostgresAddress) -> None:
    """Wait until the server has ended all sessions of a database."""
    for _ in range(600):
        if not server.execute(f"SELECT 1 FROM pg_stat_activity WHERE datname = '{address.name}'"):
            return
        time.sleep(0.05)
    raise AssertionError("a session goes on")


def test_a_process_that_lost_its_session_ends_before_anything_in_it_learns_of_that(
    postgres_server: PostgresServer, postgres_tables: PostgresAddress
) -> None:
    """Each process says that it leads, and would say what its waiters learn."""
    with ExitStack() as stack:
        own = stack.enter_context(run_server())
        cases = {
            name: (server, server.create(postgres_tables.name if server is postgres_server else "template0"))
            for name, server in {
                "ended by the server": postgres_server,
                "stopped and continued": postgres_server,
                "not heard": postgres_server,
                "hears nothing": postgres_server,
                "the server is gone": own,
            }.items()
        }
        for server, address in cases.values():
            if server is not own:
                stack.callback(server.drop, address)
        proxies = {name: stack.enter_context(CutProxy(postgres_server.port)) for name in ("not heard", "hears nothing")}
        processes = {
            name: start_leader(replace(address, port=proxies[name].port if name in proxies else address.port))
            for name, (_, address) in cases.items()
        }
        assert dict.fromkeys(cases, "leads\n") == {name: read_line(each) for name, each in processes.items()}

        processes["stopped and continued"].send_signal(signal.SIGSTOP)
        end_sessions(*cases["ended by the server"])
        proxies["not heard"].cut(Way.TO_SERVER)
        proxies["hears nothing"].cut(Way.TO_CLIENT)
        own.stop()
        wait_until_free(*cases["stopped and continued"])
        processes["stopped and continued"].send_signal(signal.SIGCONT)

        said = {name: (each.communicate(timeout=60)[0], each.returncode) for name, each in processes.items()}
        assert dict.fromkeys(cases, ("", LEAD_LOST)) == said
