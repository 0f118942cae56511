"""`flatnet-bot db upgrade`: older tables brought up to date, after a copy was made.

Beside the revisions themselves this is the only importer of Alembic. It needs no file at the top
level: where the revisions lie is known from this module's place, in a checkout as in a wheel.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from bot.store import schema
from bot.store.database import PATIENCE, make_private
from bot.store.line import Line
from bot.store.lock import FileLock


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade did. `copy` is where the old state lies; None where nothing was to be done."""

    before: str
    after: str
    copy: Path | None


def upgrade(path: Path, now: datetime) -> Upgrade:
    """Bring the database at `path` to this program's tables; on a `DatabaseError` nothing was changed."""
    lock = FileLock.take(path)
    try:
        line = Line(path, PATIENCE)
        try:
            return _upgrade(line, path, now)
        finally:
            line.close()
    finally:
        lock.release()


def _upgrade(line: Line, path: Path, now: datetime) -> Upgrade:
    with line.transaction("BEGIN") as connection:
        before = schema.revision(connection, path)
    if before == schema.HEAD:
        return Upgrade(before, before, None)
    copy = path.with_name(f"{path.name}.{before}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    make_private(copy)
    line.copy_to(copy)
    with line.transaction("BEGIN IMMEDIATE") as connection:
        migrate(connection)
    return Upgrade(before, schema.HEAD, copy)


def migrate(connection: Connection) -> None:
    """Run the revisions that are missing, inside the caller's transaction."""
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def configuration() -> Config:
    """Alembic, told where the revisions lie."""
    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))  # % is the parser's own sign
    return config
