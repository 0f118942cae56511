"""Upgrade of older tables (`flatnet-bot db upgrade`), after a copy of the database was made.

Apart from the revisions themselves this is the only importer of Alembic. It needs no file at the top level: the folder of
the revisions follows from the place of this module, in a checkout as in a wheel.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from bot.store.address import PostgresAddress
from bot.store.database import LOCK_TIMEOUT, make_private
from bot.store.maintenance import own_database
from bot.store.schema import creation as schema
from bot.store.sqlite import FileLock, SqliteConnection


@dataclass(frozen=True)
class UpgradeResult:
    """Result of an upgrade. `copy` is the file with the old state; None if there was nothing to do, or on PostgreSQL."""

    before: str
    after: str
    copy: Path | None


def upgrade_database(path: Path, now: datetime) -> UpgradeResult:
    """Upgrades the database at `path` to this program's tables. Raises `DatabaseError`; then the tables are the old ones."""
    with FileLock.hold(path):
        line = SqliteConnection(path, LOCK_TIMEOUT)
        try:
            return _upgrade_open_database(line, path, now)
        finally:
            line.close()


def upgrade_copy(path: Path) -> None:
    """Upgrades the tables of a copy that this process has for itself. Raises `DatabaseError`."""
    line = SqliteConnection(path, LOCK_TIMEOUT)
    try:
        with line.transaction("BEGIN IMMEDIATE") as connection:
            run_migrations(connection)
    finally:
        line.close()


def upgrade_server(address: PostgresAddress) -> UpgradeResult:
    """Upgrades the tables of a PostgreSQL database, of which the caller has a backup. Makes no copy.

    Raises `DatabaseInUse` while a copy leads, or another `DatabaseError`; then the tables are the old ones.
    """
    with own_database(address) as owned:
        before = owned.read(lambda connection: schema.read_revision(connection, address))
        if before != schema.HEAD_REVISION:
            owned.write(run_migrations)
    return UpgradeResult(before, schema.HEAD_REVISION, None)


def _upgrade_open_database(line: SqliteConnection, path: Path, now: datetime) -> UpgradeResult:
    with line.transaction("BEGIN") as connection:
        before = schema.read_revision(connection, path)
    if before == schema.HEAD_REVISION:
        return UpgradeResult(before, before, None)
    copy = path.with_name(f"{path.name}.{before}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    make_private(copy)
    line.copy_to(copy)
    with line.transaction("BEGIN IMMEDIATE") as connection:
        run_migrations(connection)
    return UpgradeResult(before, schema.HEAD_REVISION, copy)


def run_migrations(connection: Connection) -> None:
    """Runs the missing revisions inside the caller's transaction."""
    config = make_alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def make_alembic_config() -> Config:
    """Makes Alembic's configuration with the folder of the revisions."""
    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))  # % is special in configparser
    return config
