"""Copies that stand by over a real server: who leads, what keeps one from it, and that it is said wherever people look."""

import asyncio
import getpass
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.app.standby import UNLED_LIMIT, Lead, Standby
from bot.config.settings import read_settings
from bot.model.request import ExitCode, Request, Surface, SystemIdentity
from bot.runtime.clock import Clock
from bot.store.address import PostgresAddress
from bot.store.audit_head_file import Head
from bot.store.database import Database
from bot.store.encoding import encode_phrase
from bot.store.postgres_session import READER_LIMITS
from bot.store.replicas import LEADS, STANDS_BY
from bot.store.schema.creation import HEAD_REVISION
from commands.model.operation import ignore_progress
from tests.postgres import PostgresServer, run_server

PATIENCE = 60.0

CONFIGURATION = """
copy_name = "{name}"
database = "{address}"
data_folder = "data"
secrets_folder = "secrets"
[slack]
team = "T0FLATNET"
api_url = "http://127.0.0.1:9/api/"
[[people]]
name = "me"
system = ["{me}"]
roles = ["administrator", "operator"]
[[hosts]]
name = "host-a"
id = 1
[hosts.gateway]
url = "http://10.100.1.1:8080"
"""
"""A configuration in which Slack is not there: its port of loopback refuses."""

SECRETS = {"audit_key": "k" * 64, "slack_bot_token": "xoxb-1", "slack_app_token": "xapp-1"}


@dataclass
class Machine:
    """A machine with one copy. `ahead`: how far its clock is wrong; `elapsed`: seconds that its counter leapt."""

    folder: Path
    address: PostgresAddress
    ahead: timedelta = timedelta(0)
    elapsed: float = 0.0
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    again: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        for name in ("secrets", "data"):
            (self.folder / name).mkdir(parents=True)
        for name, value in SECRETS.items():
            (self.folder / "secrets" / name).write_text(value)
        written = CONFIGURATION.format(name=self.folder.name, address=self.address, me=getpass.getuser())
        self.file.write_text(written)

    @property
    def file(self) -> Path:
        return self.folder / "flatnet.toml"

    @asynccontextmanager
    async def stands_by(self) -> AsyncIterator["tuple[Standby, asyncio.Task[Lead | None]]"]:
        """The copy, and its wait for the lead. A lead that it got is given away at the end."""
        clock = Clock(lambda: datetime.now(UTC) + self.ahead, lambda: time.monotonic() + self.elapsed, self._sleep)
        standby = Standby(self.file, read_settings(self.file), self.address, clock)
        waiting = asyncio.create_task(standby.wait_for_lead(self.stop, self.again))
        try:
            yield standby, waiting
        finally:
            self.stop.set()
            if (lead := await waiting) is not None:
                with suppress(RuntimeError):  # the test gave it away
                    await lead.database.aclose()
            await standby.aclose()

    async def lead_for_a_moment(self) -> None:
        async with self.stands_by() as (_, waiting):
            assert await waiting is not None

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.05))


@pytest.fixture
def address(postgres_server: PostgresServer, postgres_tables: PostgresAddress) -> Iterator[PostgresAddress]:
    made = postgres_server.create(postgres_tables.name)
    yield made
    postgres_server.drop(made)


async def until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not look():
            await asyncio.sleep(0.01)


def read_rows(server: PostgresServer, address: PostgresAddress) -> dict[object, tuple[str, str]]:
    """Role of each copy, and what keeps it from leading, as the others see it."""
    rows = server.execute("SELECT name, role, why FROM copies", address.name)
    return {name: (str(role), str(why)) for name, role, why in rows}


async def ask(standby: Standby, words: str) -> tuple[ExitCode, str]:
    me = SystemIdentity(0, getpass.getuser())
    answer = await standby.desk.answer(Request("line-1", me, words, Surface.DO, datetime.now(UTC)), ignore_progress)
    return answer.exit_code, answer.model_dump_json()


async def test_one_of_two_leads_and_the_other_names_it_and_takes_over(
    tmp_path: Path, address: PostgresAddress, postgres_server: PostgresServer
) -> None:
    """The clock of the other one is hours off, which changes nothing."""
    first = Machine(tmp_path / "bot-a", address)
    second = Machine(tmp_path / "bot-b", address, ahead=timedelta(hours=-7))
    async with first.stands_by() as (_, leading):
        lead = await leading
        async with second.stands_by() as (standby, waiting):
            rows = {"bot-a": (LEADS, ""), "bot-b": (STANDS_BY, "")}
            await until(lambda: rows == read_rows(postgres_server, address))
            assert ((), "stands by, bot-a leads") == (standby.find_problems(), str(standby.describe_role()))
            code, said = await ask(standby, "lock")
            assert (ExitCode.REFUSED, True) == (code, "bot-a" in said)
            assert [ExitCode.WELL] * 3 == [(await ask(standby, words))[0] for words in ("version", "whoami", "audit verify")]
            assert "{leader} leads, {n} more could take over" in (await ask(standby, "copies"))[1]
            assert not waiting.done()
            assert lead is not None
            await lead.database.aclose()
            taken = await asyncio.wait_for(asyncio.shield(waiting), PATIENCE)
            assert taken is not None
            assert (1, 2) == (lead.database.term, taken.database.term)


async def test_whatever_keeps_a_copy_from_leading_is_said_until_it_is_gone(
    tmp_path: Path, address: PostgresAddress, postgres_server: PostgresServer
) -> None:
    """In /readyz, and to the other copies. The obstacles are there from the start, and removed one after the other."""

    def change(statement: str) -> None:
        postgres_server.execute(statement, address.name)

    await Machine(tmp_path / "bot-a", address).lead_for_a_moment()
    [(key, digest)] = postgres_server.execute("SELECT audit_key, digest FROM leader", address.name)
    other = Database.connect(address, READER_LIMITS)
    await other.take_name("bot-b")
    machine = Machine(tmp_path / "bot-b", address)
    token, head = machine.folder / "secrets" / "slack_app_token", machine.folder / "data" / "audit-head.jsonl"
    token.write_text("xoxb-1")
    head.write_bytes(Head(7, "ab" * 32, "2026-01-31T00:00:00.000000Z").to_line())
    change("UPDATE leader SET version = '99.0', audit_key = 'other', digest = 'other'")
    change("UPDATE alembic_version SET version_num = 'r9999'")
    steps: dict[str, Callable[[], Any]] = {
        "another copy named bot-b": other.aclose,
        "must start with xapp-": lambda: token.write_text("xapp-1"),
        "tables of a newer version": lambda: change(f"UPDATE alembic_version SET version_num = '{HEAD_REVISION}'"),
        "led with version 99.0": lambda: change("UPDATE leader SET version = '0'"),
        "configuration differs": lambda: change(f"UPDATE leader SET digest = '{digest}'"),
        "audit key differs": lambda: change(f"UPDATE leader SET audit_key = '{key}'"),
        "the audit log": head.unlink,
    }
    async with machine.stands_by() as (standby, waiting):
        for number, (said, heal) in enumerate(steps.items()):
            await until(lambda said=said: said in " ".join(map(str, standby.find_problems())))  # type: ignore[misc]
            if number > 0:  # before, the row is that of the other copy
                row = (STANDS_BY, encode_phrase(standby.why))
                await until(lambda row=row: row == read_rows(postgres_server, address).get("bot-b"))  # type: ignore[misc]
            healed = heal()
            if healed is not None and asyncio.iscoroutine(healed):
                await healed
        assert await waiting is not None


async def test_no_leader_for_a_while_and_a_database_that_is_away_are_told_apart_and_nothing_outlasts_the_signal(
    tmp_path: Path,
) -> None:
    """No copy can be said to lead, or not to lead, while the database is away. Then a SIGTERM ends it at once."""
    with run_server() as server:
        address = server.create()
        machine = Machine(tmp_path / "bot-a", address)
        await machine.lead_for_a_moment()
        machine.stop.clear()
        server.execute("UPDATE leader SET version = '99.0'", address.name)
        async with machine.stands_by() as (standby, waiting):
            await until(lambda: "stands by, no copy leads" == str(standby.describe_role()))
            assert 1 == len(standby.find_problems())
            machine.elapsed += UNLED_LIMIT
            assert "no copy of the bot has led for" in str(standby.find_problems()[1])
            server.stop("fast")  # a server that forgets what it did not sync would forget the version above
            await until(lambda: "the copy that leads is unknown" in str(standby.describe_role()))
            [problem] = standby.find_problems()
            assert "Check the server" in str(problem) or "could not reach the database server" in str(problem)
            server.start()
            await until(lambda: "stands by, no copy leads" == str(standby.describe_role()))
            server.stop("fast")
            machine.stop.set()
            assert await asyncio.wait_for(waiting, PATIENCE) is None


async def test_a_reload_counts_from_the_next_look_on_and_a_bad_one_changes_nothing(
    tmp_path: Path, address: PostgresAddress
) -> None:
    await Machine(tmp_path / "bot-a", address).lead_for_a_moment()
    machine = Machine(tmp_path / "bot-b", address)
    good = machine.file.read_text()
    machine.file.write_text(good.replace("host-a", "host-b"))
    async with machine.stands_by() as (standby, waiting):
        await until(lambda: "the configuration differs" in " ".join(map(str, standby.find_problems())))
        machine.file.write_text("hosts = [")
        machine.again.set()
        await until(lambda: not machine.again.is_set())
        assert ("host-b",) == standby.desk.hosts.names
        machine.file.write_text(good)
        machine.again.set()
        lead = await waiting
        assert lead is not None
        assert ("host-a",) == standby.desk.hosts.names == lead.settings.inventory.names


async def test_a_prepared_copy_takes_over_without_importing_more_than_the_engine_does_itself(
    tmp_path: Path, address: PostgresAddress
) -> None:
    machine = Machine(tmp_path / "bot-a", address)
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bot.app.takeover", str(machine.file), stdout=asyncio.subprocess.PIPE
    )
    said = (await running.communicate())[0].decode()
    [modules] = [line.split()[1:] for line in said.splitlines() if line.startswith("imported:")]
    assert [] == [module for module in modules if not module.startswith("dbos.")]
