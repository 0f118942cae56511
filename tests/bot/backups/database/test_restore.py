"""The database of the bot returns from a backup: what is refused, what is kept, what must be done before the next change."""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.errors import FlatnetError
from adapters.local.backups import PackDatabase
from bot.app.backup_files import BackupActions, OwnData, SecondPlace
from bot.audit_log.files import verify_files
from bot.audit_log.log import AuditLog, EventKind
from bot.backups.database.restore import DatabasePlaces, RestoredDatabase, restore_database, restore_to_server
from bot.backups.services.database_copy import NotACopy, check_copy, unpack_copy
from bot.changes.services.step_binding import OwnActions
from bot.store.address import PostgresAddress
from bot.store.audit_chain import AuditKeys
from bot.store.copying import copy_history
from bot.store.database import Database
from bot.store.errors import DatabaseDamaged, DatabaseInUse, DatabaseNotEmpty, DatabaseOutdated, DatabaseTooNew
from bot.store.leadership import CopyIdentity
from bot.store.schema import creation as schema
from tests.bot.audit_log.files import KEY, OTHER, Files
from tests.bot.backups.archive import copy_database, pack
from tests.postgres import PostgresServer

NOW = datetime(2026, 2, 1, 9, 0, tzinfo=UTC)
MARK = ".replaced-20260201T090000Z"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    (tmp_path / "data").mkdir(mode=0o700)
    return Files(tmp_path / "data")


async def back_up(files: Files) -> Path:
    """A backup after two events; then two more are recorded."""
    await files.record("one", "two")
    file = files.folder.parent / "bot.tar"
    pack(file, audit_head_jsonl=files.heads.read_bytes(), flatnet_sqlite3=copy_database(files.database, file))
    await files.record("three", "four")
    return file


def restore(files: Files, file: Path) -> RestoredDatabase:
    places = DatabasePlaces(files.database, files.heads, files.folder / "durable.sqlite3")
    return restore_database(file, places, [KEY], NOW)


async def open_bot(files: Files) -> tuple[AuditLog, Database]:
    database = Database.open(files.database)
    return await AuditLog.open(database, AuditKeys(KEY), files.heads, lambda: NOW), database


async def test_after_a_restore_changes_are_refused_until_the_loss_is_accepted_by_its_name(files: Files) -> None:
    done = restore(files, await back_up(files))
    audit, database = await open_bot(files)
    assert (2, False) == (done.copy.events.count, audit.intact)
    assert done.loss in str(audit.trouble)
    await audit.accept("root", done.loss)
    assert audit.intact
    await audit.aclose()
    await database.aclose()


async def test_without_a_head_file_changes_are_refused_as_well(files: Files) -> None:
    """On a new machine there is none."""
    file = await back_up(files)
    shutil.rmtree(files.folder)
    files.folder.mkdir(mode=0o700)
    done = restore(files, file)
    audit, database = await open_bot(files)
    assert (False, ()) == (audit.intact, done.kept)
    await audit.accept("root", done.loss)
    assert audit.intact
    await audit.aclose()
    await database.aclose()


async def test_the_present_files_are_kept_with_what_sqlite_has_beside_them(files: Files) -> None:
    file = await back_up(files)
    present = files.database.read_bytes()
    for name in ("flatnet.sqlite3-wal", "durable.sqlite3", "durable.sqlite3-shm"):
        (files.folder / name).write_bytes(name.encode())
    done = restore(files, file)
    assert (files.folder / f"flatnet.sqlite3{MARK}", files.folder / f"durable.sqlite3{MARK}") == done.kept
    assert present == done.kept[0].read_bytes()
    left = {path.name for path in files.folder.iterdir()}
    expected = {"flatnet.sqlite3", f"flatnet.sqlite3{MARK}", f"flatnet.sqlite3{MARK}-wal", f"durable.sqlite3{MARK}"}
    assert expected | {f"durable.sqlite3{MARK}-shm", "flatnet.sqlite3.lock", "audit-head.jsonl"} == left
    assert 0o600 == files.database.stat().st_mode & 0o777


async def test_a_database_without_an_archive_is_taken_as_it_is(files: Files) -> None:
    """As `db upgrade` leaves one."""
    await files.record("one", "two")
    file = files.folder.parent / "flatnet.sqlite3.0012"
    file.write_bytes(copy_database(files.database, files.folder.parent / "copy"))
    await files.record("three")
    assert 2 == restore(files, file).copy.events.count


async def test_an_older_revision_is_restored_and_upgraded_later(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    await files.record("one")
    monkeypatch.setattr(schema, "REVISIONS", (*schema.REVISIONS, "9999"))
    monkeypatch.setattr(schema, "HEAD_REVISION", "9999")
    file = pack(files.folder.parent / "bot.tar", flatnet_sqlite3=copy_database(files.database, files.folder / "copy"))
    done = restore(files, file)
    assert done.outdated
    assert "run flatnet-bot db upgrade before you start the bot" in [str(phrase) for phrase in done.describe(file)]
    with pytest.raises(DatabaseOutdated):
        Database.open(files.database)


def change_byte(content: bytes) -> bytes:
    """One bit of the text of an event."""
    at = content.index(b'{"text":"two"}') + 10
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def set_newer_revision(content: bytes) -> bytes:
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content)
        with closing(sqlite3.connect(file.name)) as line, line:
            line.execute("UPDATE alembic_version SET version_num = '9999'")
        return copy_database(Path(file.name), Path(f"{file.name}.copy"))


def run_sql(text: str) -> Callable[[bytes], bytes]:
    """What becomes of a copy that somebody else could open."""

    def change(content: bytes) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "copy")
            file.write_bytes(content)
            with closing(sqlite3.connect(file)) as line, line:
                line.execute(text)
            return copy_database(file, Path(folder, "again"))

    return change


CHANGED: dict[str, tuple[Callable[[bytes], bytes], type[FlatnetError], str]] = {
    "one bit changed in an event": (change_byte, NotACopy, "audit event 2 was modified"),
    "cut short": (lambda content: content[: len(content) // 2], DatabaseDamaged, "is damaged"),
    "of a newer version": (set_newer_revision, DatabaseTooNew, "is from a newer version"),
    "with a trigger of its own": (
        run_sql("CREATE TRIGGER x AFTER INSERT ON schedules BEGIN DELETE FROM locks; END"),
        DatabaseDamaged,
        "is damaged",
    ),
    "without a trigger of ours": (run_sql("DROP TRIGGER audit_no_update"), DatabaseDamaged, "is damaged"),
    "not a database": (lambda content: b"PK\x03\x04" + content, NotACopy, "is not a backup of the bot"),
    "pages full of zeros": (lambda content: content[:100] + bytes(len(content) - 100), DatabaseDamaged, "is damaged"),
}


@pytest.mark.parametrize("story", CHANGED)
async def test_a_file_that_is_not_a_whole_copy_is_refused_and_changes_nothing(files: Files, story: str) -> None:
    change, error, words = CHANGED[story]
    await files.record("one", "two")
    content = change(copy_database(files.database, files.folder.parent / "copy"))
    file = pack(files.folder.parent / "bot.tar", audit_head_jsonl=files.heads.read_bytes(), flatnet_sqlite3=content)
    before = {path.name: path.read_bytes() for path in files.folder.iterdir() if path.suffix != ".lock"}
    with pytest.raises(error, match=words):
        restore(files, file)
    assert before == {path.name: path.read_bytes() for path in files.folder.iterdir() if path.suffix != ".lock"}


async def test_a_copy_that_another_key_signed_is_refused(files: Files) -> None:
    await files.record("one", key=OTHER)
    file = pack(files.folder.parent / "bot.tar", flatnet_sqlite3=copy_database(files.database, files.folder / "copy"))
    with pytest.raises(NotACopy, match="is signed with the unknown key"):
        restore(files, file)


async def test_a_copy_that_is_behind_its_own_head_file_is_refused(files: Files) -> None:
    file = await back_up(files)
    older = copy_database(files.database, files.folder / "copy")
    await files.record("five")
    pack(file, audit_head_jsonl=files.heads.read_bytes(), flatnet_sqlite3=older)
    with pytest.raises(NotACopy, match="are missing at the end"):
        restore(files, file)


async def test_a_restore_beside_a_running_bot_is_refused(files: Files) -> None:
    file = await back_up(files)
    running = Database.open(files.database)
    with pytest.raises(DatabaseInUse):
        restore(files, file)
    await running.aclose()


ARCHIVES: dict[str, dict[str, bytes]] = {
    "an empty archive": {},
    "no database in it": {"audit_head_jsonl": b"{}"},
    "two databases": {"a": b"SQLite format 3\0", "b": b"SQLite format 3\0"},
    "further files": {"a": b"SQLite format 3\0", "b": b"", "c": b""},
}


@pytest.mark.parametrize("story", ARCHIVES)
def test_another_archive_is_refused(tmp_path: Path, story: str) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(NotACopy, match="is not a backup of the bot"):
        unpack_copy(pack(tmp_path / "bot.tar", **ARCHIVES[story]), tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 10_240, b"\x1f\x8b" + b"\0" * 600, b"x" * 1024])
def test_any_other_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "bot.tar").write_bytes(content)
    with pytest.raises(NotACopy, match="is not a backup of the bot"):
        unpack_copy(tmp_path / "bot.tar", tmp_path / "out")


def test_a_file_that_is_not_there_is_told_as_that(tmp_path: Path) -> None:
    with pytest.raises(NotACopy, match="No such file"):
        unpack_copy(tmp_path / "bot.tar", tmp_path)


async def test_names_in_the_archive_lead_nowhere(files: Files) -> None:
    await files.record("one")
    content = copy_database(files.database, files.folder / "copy")
    file = pack(files.folder.parent / "bot.tar", **{"../../escaped": content})
    out = files.folder / "out"
    out.mkdir()
    copy = unpack_copy(file, out)
    assert (out / "flatnet.sqlite3", None) == (copy.database, copy.head_file)
    assert 1 == check_copy(copy, [KEY], file).events.count


async def test_a_backup_returns_into_an_empty_database_of_a_server(files: Files, empty_postgres: PostgresAddress) -> None:
    """With its loss, and not into one that has a history."""
    file = await back_up(files)
    places = DatabasePlaces(files.database, files.heads, files.folder / "durable.sqlite3")
    done = restore_to_server(file, places, empty_postgres, [KEY])
    assert (2, (), False) == (done.copy.events.count, done.kept, done.outdated)
    assert f"flatnet-bot audit accept {done.loss}" in " ".join(map(str, done.describe(file)))
    assert "events 3 to 4 are missing" in str(verify_files(empty_postgres, files.heads, [KEY]).phrase)
    with pytest.raises(DatabaseNotEmpty):
        restore_to_server(file, places, empty_postgres, [KEY])


async def test_a_backup_of_a_server_returns_to_another_one_and_to_a_file(
    files: Files, postgres: PostgresAddress, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Packed while the bot leads. A file is the way back to one copy; the term goes on where its history moves again."""
    leader = Database.connect(postgres)
    assert await leader.try_lead(CopyIdentity("a", "1", "digest", KEY.id))
    audit = await AuditLog.open(leader, AuditKeys(KEY), files.heads, lambda: NOW)
    await audit.record(EventKind.REQUEST, "ana", "op-one", {})
    own = OwnActions()
    BackupActions(lambda: SecondPlace(tmp_path / "place"), OwnData(postgres, files.heads), lambda: NOW).add_to(own)
    await own.perform(PackDatabase(backup="flatnet-bot-0123456789ab", name="bot.tar"))
    await audit.record(EventKind.REQUEST, "ana", "op-two", {})
    await audit.aclose()
    await leader.aclose()

    file = tmp_path / "place" / "flatnet-bot-0123456789ab" / "bot.tar"
    there = postgres_server.create()
    places = DatabasePlaces(files.database, files.heads, files.folder / "durable.sqlite3")
    losses = {restore_to_server(file, places, there, [KEY]).loss, restore(files, file).loss}
    copy_history(there, tmp_path / "there")
    postgres_server.drop(there)
    assert read_rows(files.database) == (rows := read_rows(tmp_path / "there"))
    assert (1, [1]) == (len(rows["audit"]), [dict(leader)["term"] for leader in read_named(files.database, "leader")])
    opened, database = await open_bot(files)
    assert losses == {str(opened.trouble).rpartition(" ")[2]}
    await opened.accept("root", *losses)
    assert files.verify().intact
    await opened.aclose()
    await database.aclose()


def read_named(database: Path, table: str) -> list[sqlite3.Row]:
    """The rows of one table, with their names."""
    with closing(sqlite3.connect(database)) as line:
        line.row_factory = sqlite3.Row
        return line.execute(f"SELECT * FROM {table}").fetchall()


def read_rows(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables, in any order of the tables' columns."""
    with closing(sqlite3.connect(database)) as line:
        names = [name for (name,) in line.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {name: sorted(each[1] for each in line.execute(f"PRAGMA table_info({name})")) for name in names}
        return {
            name: sorted(line.execute(f"SELECT {', '.join(columns[name])} FROM {name}").fetchall(), key=repr)
            for name in names
        }
