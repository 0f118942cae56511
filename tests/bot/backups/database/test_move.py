"""The bot's history goes from SQLite to PostgreSQL: whole or not at all, with its chain and its head file."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import FlatnetError
from bot.audit_log.files import verify_files
from bot.audit_log.log import AuditLog, EventKind
from bot.backups.database.move import MovedDatabase, NotMovable, move_database
from bot.backups.database.restore import DatabasePlaces
from bot.backups.services.database_copy import DatabaseCopy, check_copy
from bot.store.address import PostgresAddress
from bot.store.audit_chain import AuditKeys, StoredEvent
from bot.store.copying import HistoryUnverified, copy_history
from bot.store.database import Database
from bot.store.errors import DatabaseDamaged, DatabaseInUse, DatabaseNotEmpty
from bot.store.leadership import CopyIdentity
from bot.store.reading import open_for_reading
from bot.store.schema import creation as schema
from bot.store.schema.tables import COPIES, METADATA
from tests.bot.audit_log.files import KEY, OTHER, Files
from tests.bot.backups.killed_move import POINTS
from tests.postgres import PostgresServer

ROOT = Path(__file__).parents[4]
NOW = datetime(2026, 2, 1, 9, 0, tzinfo=UTC)
MARK = ".moved-20260201T090000Z"
LEADER = CopyIdentity("a", "1", "digest", KEY.id)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    (tmp_path / "data").mkdir(mode=0o700)
    return Files(tmp_path / "data")


def list_places(files: Files) -> DatabasePlaces:
    return DatabasePlaces(files.database, files.heads, files.folder / "durable.sqlite3")


def move(files: Files, postgres: PostgresAddress) -> MovedDatabase:
    return move_database(list_places(files), postgres, [KEY], NOW)


def run_sql(files: Files, *statements: str) -> None:
    with closing(sqlite3.connect(files.database)) as line, line:
        for statement in statements:
            line.execute(statement)


def read_all(address: Path | PostgresAddress) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, as they are stored, in the order of their keys."""
    with open_for_reading(address) as connection:
        tables = [each for each in METADATA.sorted_tables if each is not COPIES]
        return {each.name: _read_rows(connection, each.name) for each in tables}


def _read_rows(connection: Any, name: str) -> list[dict[str, Any]]:
    rows = [dict(row._mapping) for row in connection.exec_driver_sql(f"SELECT * FROM {name}")]
    return sorted(rows, key=lambda row: str(sorted(row.items(), key=lambda item: item[0])))


LOCKED = (
    "INSERT INTO locks (number, operation, target, reason, owner, added_at, ends_at, removed_by) "
    "VALUES (41, 'op-1', 'ä', '\U0001f512', 'ana', '2026-01-31T09:00:00.000000Z', '2026-01-31T10:00:00.000000Z', '')"
)


async def test_a_moved_history_has_every_row_and_goes_on(files: Files, empty_postgres: PostgresAddress) -> None:
    """Its chain, and the head file of this machine."""
    await files.record("one", "two")
    run_sql(files, LOCKED)
    before = read_all(files.database)
    done = move(files, empty_postgres)
    assert before == read_all(empty_postgres)
    assert (files.folder / f"flatnet.sqlite3{MARK}",) == done.kept
    database = Database.connect(empty_postgres)
    assert await database.try_lead(LEADER)
    audit = await AuditLog.open(database, AuditKeys(KEY), files.heads, lambda: NOW)
    await audit.record(EventKind.START, "system", "", {})
    assert (True, 3) == (audit.intact, verify_files(empty_postgres, files.heads, [KEY]).count)
    await audit.aclose()
    await database.aclose()


async def test_a_copy_of_the_moved_history_is_the_file_that_was_moved(
    files: Files, empty_postgres: PostgresAddress, tmp_path: Path
) -> None:
    """As the bot's own backup holds it."""
    await files.record("one", "two")
    run_sql(files, LOCKED)
    [kept] = move(files, empty_postgres).kept
    copy_history(empty_postgres, tmp_path / "copy")
    assert read_all(kept) == read_all(tmp_path / "copy")
    assert 0o600 == (tmp_path / "copy").stat().st_mode & 0o777
    checked = check_copy(DatabaseCopy(tmp_path / "copy", files.heads), [KEY], tmp_path / "copy")
    assert (2, True) == (checked.events.count, checked.events.intact)


@pytest.mark.parametrize("point", POINTS)
async def test_a_move_that_was_killed_is_begun_again_or_finished_by_the_next(
    files: Files, empty_postgres: PostgresAddress, postgres_server: PostgresServer, point: str
) -> None:
    """Before the commit the file has all, and the database nothing. After it the database has all."""
    await files.record("one", "two")
    (files.folder / "durable.sqlite3").touch()
    before = read_all(files.database)
    words = (point, str(files.folder), empty_postgres.host, str(empty_postgres.port), empty_postgres.name)
    killed = subprocess.run([sys.executable, "-m", "tests.bot.backups.killed_move", *words], cwd=ROOT, timeout=60)
    assert -signal.SIGKILL == killed.returncode
    await wait_for_no_session(postgres_server, empty_postgres)
    assert files.database.exists()
    done = move(files, empty_postgres)
    assert (point == "before the commit") == (done.put is not None)
    assert ("in postgresql://" in str(done.describe()[0])) == (done.put is None)
    assert before == read_all(empty_postgres)
    assert {"durable.sqlite3", "flatnet.sqlite3"} == {
        each.name.partition(".moved-")[0] for each in files.folder.iterdir() if ".moved-" in each.name
    }
    assert (2, True) == ((found := verify_files(empty_postgres, files.heads, [KEY])).count, found.intact)
    with pytest.raises(NotMovable, match="does not exist"):
        move(files, empty_postgres)


async def wait_for_no_session(server: PostgresServer, address: PostgresAddress) -> None:
    """Wait until the server has ended the sessions of a killed process."""
    query = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{address.name}'"
    async with asyncio.timeout(10):
        while server.execute(query):
            await asyncio.sleep(0.05)


def spoil_event(files: Files) -> None:
    files.tamper("UPDATE audit SET actor = 'eve' WHERE sequence = 1")


def leave_run(files: Files) -> None:
    with closing(sqlite3.connect(files.folder / "durable.sqlite3")) as line, line:
        line.executescript("CREATE TABLE workflow_status (status TEXT); INSERT INTO workflow_status VALUES ('PENDING')")


def record_nul(files: Files) -> None:
    """An event whose chain is right, with a character that the bot never records."""
    with closing(sqlite3.connect(files.database)) as line, line:
        line.text_factory = lambda stored: stored.decode()
        last = StoredEvent(*line.execute("SELECT * FROM audit ORDER BY sequence DESC").fetchone())
        event = KEY.seal(last._replace(actor="a\0na"), last)
        line.execute(f"INSERT INTO audit VALUES ({', '.join('?' * len(event))})", event)


REFUSED: dict[str, tuple[Callable[[Files], None], type[FlatnetError], str]] = {
    "a changed event": (spoil_event, HistoryUnverified, "audit event 1 was modified"),
    "a host is held": (
        lambda files: run_sql(files, "INSERT INTO claims (host, operation) VALUES ('a', 'op-7')"),
        NotMovable,
        "op-7 is running or holds a host",
    ),
    "the engine has a run": (leave_run, NotMovable, "durable.sqlite3 has runs that were not finished"),
    "a request waits": (
        lambda files: run_sql(
            files, "INSERT INTO inbox (key, kind, payload, received_at, attempts) VALUES ('k', 'command', '{}', '2026', 1)"
        ),
        NotMovable,
        "flatnet.sqlite3 has requests from Slack that were not answered",
    ),
    "an event has a NUL": (record_nul, DatabaseDamaged, "the table audit has a value that the other database cannot store"),
}


async def test_tables_of_an_older_version_are_not_moved(
    files: Files, empty_postgres: PostgresAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    await files.record("one")
    monkeypatch.setattr(schema, "REVISIONS", (*schema.REVISIONS, "9999"))
    monkeypatch.setattr(schema, "HEAD_REVISION", "9999")
    with pytest.raises(NotMovable, match="Remove the setting database and run flatnet-bot db upgrade"):
        move(files, empty_postgres)


@pytest.mark.parametrize("story", REFUSED)
async def test_what_cannot_be_moved_stays_where_it_is(files: Files, empty_postgres: PostgresAddress, story: str) -> None:
    spoil, error, words = REFUSED[story]
    await files.record("one", "two")
    spoil(files)
    with pytest.raises(error, match=words):
        move(files, empty_postgres)
    assert files.database.exists()
    with pytest.raises(FlatnetError, match="is damaged or is not"), open_for_reading(empty_postgres):
        pass  # not even tables were made


async def test_characters_that_the_server_cannot_store_are_escaped_and_counted(
    files: Files, empty_postgres: PostgresAddress, postgres_server: PostgresServer
) -> None:
    """A damaged byte as well. The chain is as it was."""
    await files.record("one", "two")
    run_sql(files, LOCKED, "UPDATE locks SET reason = 'a' || char(0) || 'b', owner = CAST(X'61FF' AS TEXT)")
    assert "1 row had characters that PostgreSQL cannot store" in str(move(files, empty_postgres).describe()[1])
    assert [("a\\x00b", "a\\udcff")] == postgres_server.execute("SELECT reason, owner FROM locks", empty_postgres.name)
    assert verify_files(empty_postgres, files.heads, [KEY]).intact


async def test_two_rows_that_would_become_one_are_refused(files: Files, empty_postgres: PostgresAddress) -> None:
    await files.record("one")
    row = "INSERT INTO inbox (key, kind, payload, received_at, attempts, finished_at) VALUES ({}, 'k', '{{}}', '2', 0, '2')"
    run_sql(files, row.format("'a' || char(0)"), row.format("'a\\x00'"))
    with pytest.raises(DatabaseDamaged, match="the table inbox has a value"):
        move(files, empty_postgres)


async def test_another_key_moves_nothing(files: Files, empty_postgres: PostgresAddress) -> None:
    await files.record("one")
    with pytest.raises(HistoryUnverified, match="is signed with the unknown key"):
        move_database(list_places(files), empty_postgres, [OTHER], NOW)


async def test_a_move_goes_only_into_an_empty_database(
    files: Files, empty_postgres: PostgresAddress, postgres_server: PostgresServer
) -> None:
    """Copies that stand by may be there already, but neither a history nor an engine."""
    await files.record("one")
    await Database.connect(empty_postgres).aclose()
    postgres_server.execute("CREATE SCHEMA dbos", empty_postgres.name)
    with pytest.raises(DatabaseNotEmpty, match="dbos"):
        move(files, empty_postgres)
    postgres_server.execute("DROP SCHEMA dbos", empty_postgres.name)
    postgres_server.execute("INSERT INTO claims (host, operation) VALUES ('a', 'op-7')", empty_postgres.name)
    with pytest.raises(DatabaseNotEmpty, match="claims"):
        move(files, empty_postgres)
    postgres_server.execute("DELETE FROM claims", empty_postgres.name)
    assert 1 == len(move(files, empty_postgres).kept)


async def test_nothing_moves_beside_a_bot_or_a_leader(files: Files, empty_postgres: PostgresAddress) -> None:
    await files.record("one")
    running = Database.open(files.database)
    with pytest.raises(DatabaseInUse, match="another flatnet-bot"):
        move(files, empty_postgres)
    await running.aclose()
    leader = Database.connect(empty_postgres)
    assert await leader.try_lead(LEADER)
    with pytest.raises(DatabaseInUse, match="a leads over"):
        move(files, empty_postgres)
    await leader.aclose()


async def test_without_a_history_there_is_nothing_to_move(files: Files, empty_postgres: PostgresAddress) -> None:
    with pytest.raises(NotMovable, match="does not exist"):
        move(files, empty_postgres)
    await files.record()
    with pytest.raises(NotMovable, match="has no history"):
        move(files, empty_postgres)
