"""The database: one owner, one thread, whole commits, and every trouble as a type with what to do next."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot.store.database import Database
from bot.store.errors import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseError,
    DatabaseFull,
    DatabaseInUse,
    DatabaseOutdated,
    DatabaseTooNew,
    DatabaseUnavailable,
    DatabaseUntrusted,
    map_sqlite_error,
)
from bot.store.reading import open_for_reading
from bot.store.schema import creation as schema
from bot.store.upgrade import upgrade_database

ROOT = Path(__file__).parents[3]


def insert(key: str, size: int = 1) -> Callable[[Connection], None]:
    """A work that adds one inbox row, whose payload has `size` characters."""

    def work(connection: Connection) -> None:
        statement = text(
            "INSERT INTO inbox (key, kind, payload, received_at, attempts) VALUES (:key, 'command', :payload, '2026', 0)"
        )
        connection.execute(statement, {"key": key, "payload": "x" * size})

    return work


def keys(connection: Connection) -> list[str]:
    return list(connection.execute(text("SELECT key FROM inbox ORDER BY key")).scalars())


def bug(connection: Connection) -> None:
    insert("never")(connection)
    raise ZeroDivisionError


def limit_pages(pages: int) -> Callable[[Connection], None]:
    """A work that limits the file to so many pages (or to those it has): a full disk, as SQLite sees one."""

    def work(connection: Connection) -> None:
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))

    return work


def python(code: str, *arguments: object) -> "subprocess.Popen[str]":
    """Another process that uses the same code."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class TestOpening:
    async def test_a_new_file_gets_its_folder_its_tables_and_a_mode_for_its_owner_alone(self, path: Path) -> None:
        before = os.umask(0)
        try:
            database = Database.open(path)
            await database.run(insert("a"))
        finally:
            os.umask(before)
        modes = {file.name: oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()}
        await database.aclose()
        assert {
            "flatnet.sqlite3": "0o600",
            "flatnet.sqlite3-wal": "0o600",
            "flatnet.sqlite3-shm": "0o600",
            "flatnet.sqlite3.lock": "0o600",
        } == modes
        assert oct(path.parent.stat().st_mode & 0o777) == "0o700"

    async def test_a_file_that_others_could_read_is_closed_to_them(self, path: Path) -> None:
        await Database.open(path).aclose()
        path.chmod(0o644)
        await Database.open(path).aclose()
        assert path.stat().st_mode & 0o777 == 0o600

    async def test_what_was_written_is_there_at_the_next_opening(self, path: Path) -> None:
        database = Database.open(path)
        await database.run(insert("a"))
        await database.aclose()
        database = Database.open(path)
        assert await database.read(keys) == ["a"]
        await database.aclose()

    async def test_the_settings_that_durability_rests_on_hold(self, database: Database, path: Path) -> None:
        def settings(connection: Connection) -> dict[str, object]:
            names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            return {name: connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in names}

        assert {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 50} == await database.read(
            settings
        )

    async def test_a_second_bot_is_told_who_uses_the_database(self, database: Database, path: Path) -> None:
        with pytest.raises(DatabaseInUse, match=f"process {os.getpid()}"):
            Database.open(path)
        await database.run(insert("still mine"))

    async def test_a_second_process_is_told_too(self, database: Database, path: Path) -> None:
        code = "import sys, pathlib\nfrom bot.store.database import Database\nDatabase.open(pathlib.Path(sys.argv[1]))"
        with python(code, path) as second:
            _, errors = second.communicate(timeout=30)
        assert f"DatabaseInUse: another flatnet-bot (process {os.getpid()})" in errors

    async def test_what_is_no_database_is_refused_and_left_as_it_is(self, path: Path) -> None:
        path.parent.mkdir()
        path.write_bytes(b"a letter to my aunt, longer than a header\n" * 100)
        with pytest.raises(DatabaseDamaged):
            Database.open(path)
        assert path.read_bytes().startswith(b"a letter")

    async def test_another_programs_database_is_refused_and_left_as_it_is(self, path: Path) -> None:
        path.parent.mkdir()
        with closing(sqlite3.connect(path)) as foreign:
            foreign.execute("CREATE TABLE aunts (name TEXT)")
        with pytest.raises(DatabaseDamaged):
            Database.open(path)
        with closing(sqlite3.connect(path)) as foreign:
            assert [("aunts",)] == foreign.execute("SELECT name FROM sqlite_master").fetchall()

    @pytest.mark.parametrize(
        "harm",
        [
            "DROP TABLE audit",
            "ALTER TABLE outbox DROP COLUMN why",
            "DELETE FROM alembic_version",
            "DROP TABLE alembic_version",
        ],
    )
    async def test_a_database_without_one_of_our_tables_or_columns_is_damaged(self, path: Path, harm: str) -> None:
        await Database.open(path).aclose()
        with closing(sqlite3.connect(path)) as other:
            other.execute(harm)
            other.commit()
        with pytest.raises(DatabaseDamaged):
            Database.open(path)

    async def test_tables_of_a_newer_version_are_refused(self, path: Path) -> None:
        await Database.open(path).aclose()
        with closing(sqlite3.connect(path)) as other:
            other.execute("UPDATE alembic_version SET version_num = '9999'")
            other.commit()
        with pytest.raises(DatabaseTooNew, match="9999"):
            Database.open(path)

    async def test_tables_of_an_older_version_ask_for_the_upgrade(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        await Database.open(path).aclose()
        monkeypatch.setattr(schema, "REVISIONS", (*schema.REVISIONS, "9999"))
        monkeypatch.setattr(schema, "HEAD_REVISION", "9999")
        with pytest.raises(DatabaseOutdated, match="Stop the bot and run flatnet-bot db upgrade"):
            Database.open(path)

    async def test_a_folder_that_is_none_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(DatabaseUnavailable, match=r"EEXIST|ENOTDIR"):
            Database.open(tmp_path / "file" / "flatnet.sqlite3")

    async def test_a_lock_file_that_is_a_link_is_refused_and_its_target_stays(self, path: Path, tmp_path: Path) -> None:
        """The owner's pid is written into the lock file, so a link would empty another file."""
        path.parent.mkdir(0o700)
        other = tmp_path / "other"
        other.write_text("precious")
        lock = path.with_name("flatnet.sqlite3.lock")
        lock.symlink_to(other)
        with pytest.raises(DatabaseUntrusted, match=f"{lock} is a link"):
            Database.open(path)
        assert "precious" == other.read_text()

    @pytest.mark.parametrize("name", ["", "flatnet.sqlite3", "audit-head.jsonl", "flatnet.sqlite3-wal"])
    async def test_a_folder_or_a_file_in_it_that_others_can_change_is_refused(self, path: Path, name: str) -> None:
        await Database.open(path).aclose()
        changed = path.parent / name
        if not changed.exists():
            changed.touch(0o600)
        changed.chmod(changed.stat().st_mode | 0o002)
        for attempt in (lambda: Database.open(path), lambda: upgrade_database(path, datetime.now(UTC))):
            with pytest.raises(DatabaseUntrusted, match=f"{changed} is writable by others. Run: chmod o-w {changed}"):
                attempt()
        with open_for_reading(path) as connection:
            assert [] == keys(connection)
        for each in (changed, *path.parent.iterdir()):  # a reader may have made companions of the same mode
            each.chmod(each.stat().st_mode & ~0o002)
        await Database.open(path).aclose()

    async def test_a_refused_opening_leaves_the_lock_free(self, path: Path) -> None:
        path.parent.mkdir()
        path.write_bytes(b"no database" * 100)
        for _ in range(2):
            with pytest.raises(DatabaseDamaged):
                Database.open(path)


class TestCommitting:
    async def test_works_that_wait_together_fail_alone(self, database: Database) -> None:
        outcomes = await asyncio.gather(
            database.run(insert("a")), database.run(bug), database.run(insert("b")), return_exceptions=True
        )
        assert [None, ZeroDivisionError, None] == [outcome and type(outcome) for outcome in outcomes]
        assert ["a", "b"] == await database.read(keys)

    async def test_a_reader_sees_every_write_that_was_called_before(self, database: Database) -> None:
        writing = asyncio.ensure_future(database.run(insert("a")))
        await asyncio.sleep(0)
        assert ["a"] == await database.read(keys)
        await writing

    async def test_a_work_given_up_while_it_waits_is_not_done(self, database: Database) -> None:
        begun, gate = threading.Event(), threading.Event()

        def hold(connection: Connection) -> bool:
            begun.set()
            return gate.wait(5)

        held = asyncio.ensure_future(database.run(hold))
        await asyncio.to_thread(begun.wait, 5)
        given_up = asyncio.ensure_future(database.run(insert("given up")))
        given_up.cancel()
        await asyncio.sleep(0)
        assert given_up.cancelled()
        gate.set()
        assert await held
        assert [] == await database.read(keys)

    async def test_closing_finishes_what_waits(self, path: Path) -> None:
        database = Database.open(path)
        writes = [asyncio.ensure_future(database.run(insert(f"{number:03}"))) for number in range(200)]
        await asyncio.sleep(0)
        await database.aclose()
        await asyncio.gather(*writes)
        with open_for_reading(path) as connection:
            assert [f"{number:03}" for number in range(200)] == keys(connection)

    async def test_what_a_killed_writer_was_told_is_on_the_disk_is_there(self, path: Path) -> None:
        """kill -9 in the middle of writing: every confirmed row is there, and the database is free for the next."""
        with python(WRITER, path) as writer:
            assert writer.stdout is not None
            confirmed = [writer.stdout.readline().strip() for _ in range(50)]
            writer.send_signal(signal.SIGKILL)
            confirmed += writer.stdout.read().split()
        database = Database.open(path)
        found = await database.read(keys)
        await database.aclose()
        assert confirmed == found[: len(confirmed)]
        assert len(confirmed) >= 50


class TestTrouble:
    async def test_a_locked_database_is_said_and_reading_goes_on(self, database: Database, path: Path) -> None:
        await database.run(insert("a"))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseBusy, match="is locked by another program"):
                await database.run(insert("b"))
            assert ["a"] == await database.read(keys)
            other.execute("ROLLBACK")
        await database.run(insert("c"))
        assert ["a", "c"] == await database.read(keys)

    async def test_a_lock_that_is_soon_given_back_is_waited_for(self, path: Path) -> None:
        database = Database.open(path, patience=5)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writing = asyncio.ensure_future(database.run(insert("a")))
            await asyncio.sleep(0.05)
            other.execute("ROLLBACK")
        await writing
        await database.aclose()

    async def test_a_full_disk_refuses_all_that_would_share_the_commit_and_writes_nothing_of_it(
        self, database: Database, path: Path
    ) -> None:
        """SQLite takes the whole transaction back by itself; what came before in it must not be told as done."""
        await database.run(insert("before"))
        await database.run(limit_pages(1))
        outcomes = await asyncio.gather(
            *(database.run(work) for work in (insert("small"), insert("big", 100_000), insert("after"))),
            return_exceptions=True,
        )
        assert [DatabaseFull] * 3 == [type(outcome) for outcome in outcomes]
        assert ["before"] == await database.read(keys)
        await database.run(limit_pages(1_000_000))
        await database.run(insert("room again"))
        assert ["before", "room again"] == await database.read(keys)

    async def test_a_write_that_the_system_refuses_is_said_and_leaves_nothing_half_done(self, path: Path) -> None:
        """A real limit of the operating system (RLIMIT_FSIZE), met while the commit is written."""
        with python(LIMITED, path) as writer:
            output, errors = writer.communicate(timeout=30)
        assert ("DatabaseUnavailable\nDatabaseUnavailable\n", "") == (output, errors)
        with open_for_reading(path) as connection:
            assert ["before"] == keys(connection)

    async def test_a_damaged_page_is_said_when_it_is_read(self, path: Path) -> None:
        database = Database.open(path)
        await asyncio.gather(*(database.run(insert(f"{number}", 2_000)) for number in range(100)))
        await database.aclose()
        with path.open("r+b") as file:
            file.seek(4096 * 3)
            file.write(b"\xff" * (path.stat().st_size - 4096 * 3))
        with pytest.raises(DatabaseDamaged), open_for_reading(path) as connection:
            keys(connection)

    def test_every_result_code_of_sqlite_has_a_meaning_or_is_a_bug_of_ours(self, tmp_path: Path) -> None:
        def translated(code: int) -> type[DatabaseError] | None:
            error = sqlite3.OperationalError()
            error.sqlite_errorcode, error.sqlite_errorname = code, "X"
            known = map_sqlite_error(error, tmp_path)
            return None if known is None else type(known)

        assert PRIMARY_CODES == {name: translated(getattr(sqlite3, f"SQLITE_{name}")) for name in PRIMARY_CODES}

    def test_an_extended_code_means_what_its_primary_code_means(self, tmp_path: Path) -> None:
        error = sqlite3.OperationalError()
        error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_BUSY_SNAPSHOT, "SQLITE_BUSY_SNAPSHOT"
        assert isinstance(map_sqlite_error(error, tmp_path), DatabaseBusy)


class TestReadingAlone:
    async def test_it_goes_beside_a_running_bot_and_takes_no_lock(self, database: Database, path: Path) -> None:
        await database.run(insert("a"))
        with open_for_reading(path) as connection:
            await database.run(insert("b"))
            assert ["a"] == keys(connection)[:1]

    async def test_it_sees_one_state_however_long_it_takes(self, database: Database, path: Path) -> None:
        await database.run(insert("a"))
        with open_for_reading(path) as connection:
            first = keys(connection)
            await database.run(insert("b"))
            assert first == keys(connection)

    async def test_it_cannot_write(self, path: Path) -> None:
        await Database.open(path).aclose()
        with pytest.raises(DatabaseUnavailable), open_for_reading(path) as connection:
            insert("a")(connection)

    def test_a_database_that_is_not_there_is_not_made(self, path: Path) -> None:
        with pytest.raises(DatabaseUnavailable), open_for_reading(path):
            pass
        assert not path.exists()


WRITER = """
import asyncio, pathlib, sys
from sqlalchemy import text
from bot.store.database import Database

async def main():
    database = Database.open(pathlib.Path(sys.argv[1]))
    async def write(number):
        statement = text("INSERT INTO inbox (key, kind, payload, received_at, attempts) "
                         "VALUES (:key, 'command', '{}', '2026', 0)")
        await database.run(lambda connection: connection.execute(statement, {"key": f"{number:06}"}) and None)
        print(f"{number:06}", flush=True)
    for number in range(0, 1_000_000, 3):
        await asyncio.gather(write(number), write(number + 1), write(number + 2))

asyncio.run(main())
"""

LIMITED = """
import asyncio, pathlib, resource, signal, sys
from sqlalchemy import text
from bot.store.database import Database

async def main():
    path = pathlib.Path(sys.argv[1])
    database = Database.open(path)
    async def write(key, size=1):
        statement = text("INSERT INTO inbox (key, kind, payload, received_at, attempts) "
                         "VALUES (:key, 'command', :payload, '2026', 0)")
        await database.run(lambda connection: connection.execute(statement, {"key": key, "payload": "x" * size}) and None)
    await write("before")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    log = path.with_name(path.name + "-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 8192,) * 2)
    for outcome in await asyncio.gather(write("small"), write("big", 200_000), return_exceptions=True):
        print(type(outcome).__name__)

asyncio.run(main())
"""

PRIMARY_CODES: dict[str, type[DatabaseError] | None] = {
    "ABORT": None,
    "AUTH": DatabaseUnavailable,
    "BUSY": DatabaseBusy,
    "CANTOPEN": DatabaseUnavailable,
    "CONSTRAINT": None,
    "CORRUPT": DatabaseDamaged,
    "EMPTY": None,
    "ERROR": None,
    "FORMAT": None,
    "FULL": DatabaseFull,
    "INTERNAL": None,
    "INTERRUPT": None,
    "IOERR": DatabaseUnavailable,
    "LOCKED": DatabaseBusy,
    "MISMATCH": None,
    "MISUSE": None,
    "NOLFS": None,
    "NOMEM": None,
    "NOTADB": DatabaseDamaged,
    "NOTFOUND": None,
    "PERM": DatabaseUnavailable,
    "PROTOCOL": DatabaseUnavailable,
    "RANGE": None,
    "READONLY": DatabaseUnavailable,
    "SCHEMA": None,
    "TOOBIG": None,
}
"""Every error that SQLite documents (sqlite.org/rescode.html). NOMEM and NOLFS are nothing that a message could mend."""
