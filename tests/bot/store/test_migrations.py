"""The tables' revisions: the same tables on both ways, and an upgrade that keeps everything and leaves a copy."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from bot.app.leading_rules import Candidate, NotLeading, find_obstacle, require_permission
from bot.store.address import PostgresAddress
from bot.store.database import LOCK_TIMEOUT, Database, make_private
from bot.store.errors import DatabaseInUse, DatabaseTooNew, DatabaseUnavailable
from bot.store.inbox import Delivery
from bot.store.leadership import CopyIdentity
from bot.store.maintenance import own_database
from bot.store.schema import creation as schema
from bot.store.shared_inbox import InboxSeal, SharedInbox, Stored, Terms
from bot.store.situation import read_situation
from bot.store.sqlite import SqliteConnection
from bot.store.upgrade import UpgradeResult, make_alembic_config, run_migrations, upgrade_database, upgrade_server
from tests.postgres import PostgresServer

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[3]


def definitions(path: Path) -> dict[str, str]:
    """Everything that a database defines: tables, indexes, triggers."""
    with closing(sqlite3.connect(path)) as line:
        rows = line.execute("SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_master").fetchall()
    return {name: " ".join(sql.split()) for name, sql in rows}


DEFINITIONS = """
SELECT table_name, concat_ws(' ', column_name, data_type, is_nullable, column_default) FROM information_schema.columns
WHERE table_schema = 'public'
UNION ALL SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT tgrelid::regclass::text, tgname::text FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid <> 0
ORDER BY 1, 2
"""


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


def test_a_server_gets_the_tables_that_the_migrations_make(
    postgres: PostgresAddress, empty_postgres: PostgresAddress, postgres_server: PostgresServer
) -> None:
    with own_database(empty_postgres) as owned:
        owned.write(run_migrations)
    made, migrated = (postgres_server.execute(DEFINITIONS, each.name) for each in (postgres, empty_postgres))
    assert made == migrated
    assert ("audit", "audit_no_change") in migrated


async def test_an_upgrade_of_newest_tables_does_nothing(path: Path) -> None:
    await Database.open(path).aclose()
    before = sorted(path.parent.iterdir())
    assert upgrade_database(path, NOW) == UpgradeResult(schema.HEAD_REVISION, schema.HEAD_REVISION, None)
    assert sorted(path.parent.iterdir()) == before


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
    assert run(release, "upgrade", path) == "9999 9999 None"
    with pytest.raises(DatabaseTooNew, match="9999"):
        Database.open(path)

    copy = tmp_path / f"flatnet.sqlite3.{schema.HEAD_REVISION}-20260131T090000Z"
    assert copy.stat().st_mode & 0o777 == 0o600
    for file, later in ((path, True), (copy, False)):
        with closing(sqlite3.connect(file)) as line:
            assert line.execute("SELECT key FROM inbox").fetchall() == [("kept",)]
        assert later is ("later TEXT" in definitions(file)["table inbox"])


@pytest.mark.slow
async def test_the_next_release_upgrades_a_server_while_no_copy_leads(
    tmp_path: Path, postgres: PostgresAddress, postgres_server: PostgresServer
) -> None:
    """A copy of the release before takes deliveries afterwards, but does not lead any more."""
    standby = Database.connect(postgres)
    me = CopyIdentity("a", "1", "digest", "key")
    release = next_release(tmp_path / "site")
    assert await standby.try_lead(me)
    await standby.run(lambda connection: connection.exec_driver_sql(ROW) and None)
    assert "DatabaseInUse a leads over" in run(release, "upgrade on a server", postgres)
    await standby.aclose()
    standby = Database.connect(postgres)
    assert f"{schema.HEAD_REVISION} 9999 None" == run(release, "upgrade on a server", postgres)
    assert "9999 9999 None" == run(release, "upgrade on a server", postgres)
    assert [("kept", None)] == postgres_server.execute("SELECT key, later FROM inbox", postgres.name)

    late = datetime.now(UTC) + timedelta(hours=1)
    delivery = Delivery("key", "command", {"text": "kept"}, NOW, 0)
    assert Stored.NEW == await SharedInbox(standby, "a", SEAL).keep(delivery, Terms(late, begins=False, withdraws=False))
    seen = await standby.read(read_situation)
    assert "the database has tables of a newer version (revision 9999)" in str(find_obstacle(Candidate(me), seen))
    with pytest.raises(NotLeading):
        await standby.try_lead(me, check=lambda session: require_permission(Candidate(me), read_situation(session)))
    await standby.aclose()
    await Database.connect(postgres).aclose()  # it starts over the newer tables
    with pytest.raises(DatabaseTooNew, match="9999"):
        upgrade_server(postgres)


@pytest.mark.slow
async def test_the_next_release_restores_a_backup_of_the_release_before_into_a_server(
    tmp_path: Path, empty_postgres: PostgresAddress, postgres_server: PostgresServer
) -> None:
    """Its tables are upgraded on the way."""
    path = tmp_path / "flatnet.sqlite3"
    database = Database.open(path)
    await database.run(lambda connection: connection.exec_driver_sql(ROW) and None)
    await database.aclose()
    assert "True" == run(next_release(tmp_path / "site"), "restore to a server", empty_postgres, path)
    assert [("kept", None)] == postgres_server.execute("SELECT key, later FROM inbox", empty_postgres.name)


SEAL = InboxSeal((b"k" * 32,))

ROW = (
    "INSERT INTO inbox (key, kind, payload, received_at, attempts)"
    " VALUES ('kept', 'command', '{}', '2026-01-31T09:00:00.000000Z', 0)"
)

LATER = f'''"""A later column."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{schema.HEAD_REVISION}"


def upgrade():
    op.add_column("inbox", sa.Column("later", sa.Text(), nullable=True))
'''

LAST_COLUMN = "    mac: str | None = Field(default=None, sa_type=Text)\n"
"""The last column of the inbox, behind which the next release has one more."""

USE = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from adapters.errors import FlatnetError
from bot.store.schema import creation as schema

path = Path(sys.argv[2])
try:
    if sys.argv[1] == "upgrade on a server":
        from bot.store.address import parse_postgres_address
        from bot.store.upgrade import upgrade_server
        done = upgrade_server(parse_postgres_address(sys.argv[2]))
        print(done.before, done.after, done.copy)
        sys.exit()
    if sys.argv[1] == "restore to a server":
        from bot.backups.database.restore import DatabasePlaces, restore_to_server
        from bot.store.address import parse_postgres_address
        from bot.store.audit_chain import AuditKey
        places = DatabasePlaces(path, path.with_name("heads"), path)
        address, backup = parse_postgres_address(sys.argv[2]), Path(sys.argv[3])
        done = restore_to_server(backup, places, address, [AuditKey(b"k" * 32)])
        print(not done.outdated)
        sys.exit()
    if sys.argv[1] == "open":
        from bot.store.database import Database
        asyncio.run(Database.open(path).aclose())
        print(schema.HEAD_REVISION)
        assert "alembic" not in sys.modules, "an ordinary start imports alembic"
    else:
        from bot.store.upgrade import upgrade_database
        done = upgrade_database(path, datetime(2026, 1, 31, 9, 0, tzinfo=UTC))
        print(done.before, done.after, done.copy and done.copy.name)
except FlatnetError as error:
    print(type(error).__name__, error)
"""


def next_release(site: Path) -> Path:
    """The packages as the next release may have them."""
    for package in ("adapters", "commands", "bot"):
        shutil.copytree(ROOT / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    store = site / "bot" / "store"
    (store / "migrations" / "versions" / "r9999_later.py").write_text(LATER)
    replace_once(store / "schema" / "creation.py", f'"{schema.HEAD_REVISION}",', f'"{schema.HEAD_REVISION}", "9999",')
    replace_once(store / "schema" / "base.py", LAST_COLUMN, LAST_COLUMN + LAST_COLUMN.replace("mac", "later"))
    return site


def replace_once(file: Path, old: str, new: str) -> None:
    """Replace a text that a file has once."""
    text = file.read_text()
    assert 1 == text.count(old)
    file.write_text(text.replace(old, new))


def run(site: Path, *arguments: object) -> str:
    """Use a release from an empty folder; what it says."""
    command = [sys.executable, "-c", USE, *map(str, arguments)]
    done = subprocess.run(command, cwd=site, env={"PYTHONPATH": str(site)}, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.strip()
