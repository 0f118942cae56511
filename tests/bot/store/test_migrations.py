"""The tables' revisions: the same tables on both ways, and an upgrade that keeps everything and leaves a copy."""

import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory

from bot.copies.rules import Candidate, NotLeading, find_obstacle, require_permission
from bot.store import schema
from bot.store.address import PostgresAddress
from bot.store.database import LOCK_TIMEOUT, Database, make_private
from bot.store.errors import DatabaseInUse, DatabaseOutdated, DatabaseTooNew, DatabaseUnavailable
from bot.store.inbox import Delivery
from bot.store.inbox_seal import InboxSeal
from bot.store.lead import CopyIdentity
from bot.store.shared_inbox import SharedInbox, Stored, Terms
from bot.store.situation import read_situation
from bot.store.sqlite_connection import SqliteConnection
from bot.store.upgrade import UpgradeResult, make_alembic_config, run_migrations, upgrade_database
from tests.postgres import PostgresServer

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[3]


def definitions(path: Path) -> dict[str, str]:
    """Everything that a database defines: tables, indexes, triggers."""
    with closing(sqlite3.connect(path)) as line:
        rows = line.execute("SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_master").fetchall()
    return {name: " ".join(sql.split()) for name, sql in rows}


def test_the_list_of_revisions_is_that_of_the_migrations() -> None:
    script = ScriptDirectory.from_config(make_alembic_config())
    assert schema.REVISIONS == tuple(revision.revision for revision in script.walk_revisions())[::-1]
    assert schema.HEAD_REVISION == script.get_current_head()


async def test_a_new_file_has_the_tables_that_the_migrations_make(tmp_path: Path) -> None:
    made, migrated = tmp_path / "made", tmp_path / "migrated"
    await Database.open(made).aclose()
    make_private(migrated)
    line = SqliteConnection(migrated, LOCK_TIMEOUT)
    with line.transaction("BEGIN IMMEDIATE") as connection:
        run_migrations(connection)
    line.close()
    assert definitions(migrated) == definitions(made)
    assert {"table inbox", "table outbox", "table audit", "trigger audit_no_update", "trigger audit_only_next"} <= set(
        definitions(made)
    )
    await Database.open(migrated).aclose()


async def test_an_upgrade_of_newest_tables_does_nothing(path: Path) -> None:
    await Database.open(path).aclose()
    before = sorted(path.parent.iterdir())
    assert upgrade_database(path, NOW) == UpgradeResult(schema.HEAD_REVISION, schema.HEAD_REVISION, None)
    assert sorted(path.parent.iterdir()) == before


async def test_older_tables_get_the_newer_ones_and_keep_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "flatnet.sqlite3"
    make_older(path, "0002")
    with closing(sqlite3.connect(path)) as older:
        older.execute(ROW)
        older.commit()
    with pytest.raises(DatabaseOutdated):
        Database.open(path)
    done = upgrade_database(path, NOW)
    assert ("0002", schema.HEAD_REVISION) == (done.before, done.after)
    await Database.open(path).aclose()
    with closing(sqlite3.connect(path)) as rows:
        assert rows.execute("SELECT key FROM inbox").fetchall() == [("kept",)]


async def test_an_upgrade_erases_what_older_versions_kept_of_finished_deliveries(tmp_path: Path) -> None:
    """From the file and from the copy that it leaves, and from rows that were deleted long ago. Unfinished ones stay."""
    path = tmp_path / "flatnet.sqlite3"
    make_private(path)
    with closing(sqlite3.connect(path)) as older:
        older.execute("PRAGMA journal_mode = WAL")
    make_older(path, "0002")
    with closing(sqlite3.connect(path)) as older:
        for key, end in (("open", None), ("done", "2026-01-31T09:00:01.000000Z"), ("gone", "2026-01-01T09:00:01.000000Z")):
            payload = f'{{"text": "Zq7-{key}-text"}}'
            older.execute("INSERT INTO inbox VALUES (?, 'command', ?, '2026', 1, ?)", (key, payload, end))
        older.commit()
        older.execute("DELETE FROM inbox WHERE key = 'gone'")
        older.commit()
    done = upgrade_database(path, NOW)
    assert done.copy is not None
    for file in (path, done.copy):
        assert [b"Zq7-open-text"] == re.findall(rb"Zq7-[a-z]+-text", file.read_bytes())
        with closing(sqlite3.connect(file)) as rows:
            assert [("done", "{}"), ("open", '{"text": "Zq7-open-text"}')] == rows.execute(
                "SELECT key, payload FROM inbox ORDER BY key"
            ).fetchall()


PARTS = "id, replaces, below, after, edits, channel, landed"


async def test_what_was_searched_in_json_is_found_in_columns_after_the_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "flatnet.sqlite3"
    make_older(path, "0015")
    with closing(sqlite3.connect(path)) as older:
        add_row(older, "outbox", id=1, address='{"channel":"C1","landed":"C2","thread_ts":"1.1"}')
        add_row(older, "outbox", id=2, address='{"channel":"C1","replaces":1,"ts":"1.2"}')
        add_row(older, "outbox", id=3, address='{"after":2,"below":1,"response_url":"https://example.invalid"}')
        add_row(older, "operations", operation="op-1", hosts='["host-b","host-a"]', break_glass='{"reviewed_by":""}')
        add_row(older, "operations", operation="op-2", hosts='["host-a"]', break_glass='{"reviewed_by":"ben"}')
        add_row(older, "operations", operation="op-3", hosts="[]", break_glass=None)
        older.commit()
    upgrade_database(path, NOW)
    with closing(sqlite3.connect(path)) as rows:
        assert [
            (1, None, None, None, None, "C1", "C2"),
            (2, 1, None, None, "1.2", "C1", None),
            (3, None, 1, 2, None, None, None),
        ] == rows.execute(f"SELECT {PARTS} FROM outbox").fetchall()
        assert [("op-1", 1), ("op-2", 0), ("op-3", 0)] == rows.execute(
            "SELECT operation, review_open FROM operations ORDER BY operation"
        ).fetchall()
        assert [("op-1", "host-a"), ("op-1", "host-b"), ("op-2", "host-a")] == rows.execute(
            "SELECT operation, host FROM operation_hosts ORDER BY operation, host"
        ).fetchall()


def make_older(path: Path, revision: str) -> None:
    """Make a database with the tables of an older revision."""
    make_private(path)
    line = SqliteConnection(path, LOCK_TIMEOUT)
    with line.transaction("BEGIN IMMEDIATE") as connection:
        config = make_alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    line.close()


def add_row(line: sqlite3.Connection, table: str, **given: object) -> None:
    """Add a row to a table of any revision; what is not given is empty."""
    columns = line.execute(f"SELECT name, type FROM pragma_table_info('{table}')").fetchall()
    empty = {"TEXT": "", "INTEGER": 0, "BLOB": b""}
    values = {name: given.get(name, empty[kind]) for name, kind in columns}
    line.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", tuple(values.values()))


async def test_an_upgrade_beside_a_running_bot_is_refused(database: Database, path: Path) -> None:
    with pytest.raises(DatabaseInUse):
        upgrade_database(path, NOW)


async def test_tables_of_a_newer_version_are_not_touched(path: Path) -> None:
    await Database.open(path).aclose()
    with closing(sqlite3.connect(path)) as line:
        line.execute("UPDATE alembic_version SET version_num = '9999'")
        line.commit()
    with pytest.raises(DatabaseTooNew):
        upgrade_database(path, NOW)


def test_where_there_is_no_database_there_is_nothing_to_upgrade(path: Path) -> None:
    with pytest.raises(DatabaseUnavailable):
        upgrade_database(path, NOW)
    assert not path.exists()


@pytest.mark.slow
async def test_the_next_release_finds_older_tables_upgrades_them_and_leaves_a_copy(tmp_path: Path) -> None:
    """The packages are copied, as a wheel would lay them down, and get one more revision there."""
    path = tmp_path / "flatnet.sqlite3"
    database = Database.open(path)
    await database.run(lambda connection: connection.exec_driver_sql(ROW) and None)
    await database.aclose()
    release = next_release(tmp_path / "site 100%")

    assert "DatabaseOutdated" in run(release, "open", path)
    assert (
        run(release, "upgrade", path)
        == f"{schema.HEAD_REVISION} 9999 flatnet.sqlite3.{schema.HEAD_REVISION}-20260131T090000Z"
    )
    assert run(release, "open", path) == "9999"

    copy = tmp_path / f"flatnet.sqlite3.{schema.HEAD_REVISION}-20260131T090000Z"
    assert copy.stat().st_mode & 0o777 == 0o600
    for file, table in ((path, True), (copy, False)):
        with closing(sqlite3.connect(file)) as line:
            assert line.execute("SELECT key FROM inbox").fetchall() == [("kept",)]
        assert ("table later" in definitions(file)) is table


@pytest.mark.slow
async def test_the_next_release_upgrades_a_server_while_no_copy_leads(
    tmp_path: Path, postgres: PostgresAddress, postgres_server: PostgresServer
) -> None:
    """A copy of the release before takes deliveries afterwards, but does not lead any more."""
    standby = Database.connect(postgres)
    me = CopyIdentity("a", "1", "digest", "key")
    release = next_release(tmp_path / "site")
    assert await standby.try_lead(me)
    assert "DatabaseInUse a leads over" in run(release, "upgrade on a server", postgres)
    await standby.aclose()
    standby = Database.connect(postgres)
    assert f"{schema.HEAD_REVISION} 9999 None" == run(release, "upgrade on a server", postgres)
    assert "9999 9999 None" == run(release, "upgrade on a server", postgres)
    assert [("later",)] == postgres_server.execute("SELECT to_regclass('later')::text", postgres.name)

    late = datetime.now(UTC) + timedelta(hours=1)
    delivery = Delivery("key", "command", {"text": "kept"}, NOW, 0)
    assert Stored.NEW == await SharedInbox(standby, "a", SEAL).keep(delivery, Terms(late, begins=False, withdraws=False))
    seen = await standby.read(read_situation)
    assert "the database has tables of a newer version (revision 9999)" in str(find_obstacle(Candidate(me), seen))
    with pytest.raises(NotLeading):
        await standby.try_lead(me, check=lambda session: require_permission(Candidate(me), read_situation(session)))
    await standby.aclose()
    await Database.connect(postgres).aclose()  # it starts over the newer tables


SEAL = InboxSeal((b"k" * 32,))

ROW = (
    "INSERT INTO inbox (key, kind, payload, received_at, attempts)"
    " VALUES ('kept', 'command', '{}', '2026-01-31T09:00:00.000000Z', 0)"
)

LATER = f'''"""A later table."""

from alembic import op

revision = "9999"
down_revision = "{schema.HEAD_REVISION}"


def upgrade():
    op.execute("CREATE TABLE later (name TEXT)")
'''

USE = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from adapters.errors import FlatnetError
from bot.store import schema

path = Path(sys.argv[2])
try:
    if sys.argv[1] == "upgrade on a server":
        from bot.store.address import parse_postgres_address
        from bot.store.upgrade import upgrade_server
        done = upgrade_server(parse_postgres_address(sys.argv[2]))
        print(done.before, done.after, done.copy)
        sys.exit()
    if sys.argv[1] == "open":
        from bot.store.database import Database
        asyncio.run(Database.open(path).aclose())
        print(schema.HEAD_REVISION)
        assert "alembic" not in sys.modules, "an ordinary start imports alembic"
    else:
        from bot.store.upgrade import upgrade_database
        done = upgrade_database(path, datetime(2026, 1, 31, 9, 0, tzinfo=UTC))
        print(done.before, done.after, done.copy.name)
except FlatnetError as error:
    print(type(error).__name__, error)
"""


def next_release(site: Path) -> Path:
    """The packages as the next release may have them."""
    for package in ("adapters", "commands", "bot"):
        shutil.copytree(ROOT / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    store = site / "bot" / "store"
    (store / "migrations" / "versions" / "r9999_later.py").write_text(LATER)
    text = (store / "schema.py").read_text()
    (store / "schema.py").write_text(text.replace(f'"{schema.HEAD_REVISION}",', f'"{schema.HEAD_REVISION}", "9999",'))
    return site


def run(site: Path, *arguments: object) -> str:
    """Use a release from an empty folder; what it says."""
    command = [sys.executable, "-c", USE, *map(str, arguments)]
    done = subprocess.run(command, cwd=site, env={"PYTHONPATH": str(site)}, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.strip()
