"""Which tables a database has: made anew, recognised, or refused.

`REVISIONS` repeats what `migrations/versions` holds, so that an ordinary start need not import
Alembic; a test compares both, and the tables that both make.
"""

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, insert, inspect, select

from adapters.phrase import Phrase
from bot.store import models
from bot.store.errors import DatabaseOutdated, DatabaseTooNew, damaged

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
"""All revisions of the tables, oldest first."""

HEAD = REVISIONS[-1]

ALEMBIC = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Where Alembic notes the revision, as Alembic makes it."""


def prepare(connection: Connection, path: Path) -> None:
    """Give an empty file its tables; refuse one whose tables are not those of this program."""
    if not inspect(connection).get_table_names():
        models.Table.metadata.create_all(connection)
        ALEMBIC.create(connection)
        connection.execute(insert(ALEMBIC).values(version_num=HEAD))
    check(connection, path)


def check(connection: Connection, path: Path) -> None:
    """Refuse tables that are not those of this program, saying what to do."""
    if revision(connection, path) != HEAD:
        raise DatabaseOutdated(
            Phrase(
                "the database {path} is from an older version; stop the bot and run flatnet-bot db upgrade", path=str(path)
            )
        )
    seen = inspect(connection)
    for table in models.Table.metadata.sorted_tables:
        if not seen.has_table(table.name) or {column["name"] for column in seen.get_columns(table.name)} != set(
            table.c.keys()
        ):
            raise damaged(path)


def revision(connection: Connection, path: Path) -> str:
    """Which of `REVISIONS` the tables have; `DatabaseDamaged` where they are not ours, `DatabaseTooNew` where it is none."""
    if not inspect(connection).has_table(ALEMBIC.name):
        raise damaged(path)
    found = connection.execute(select(ALEMBIC.c.version_num)).scalars().all()
    if len(found) != 1:
        raise damaged(path)
    if found[0] not in REVISIONS:
        raise DatabaseTooNew(
            Phrase(
                "the database {path} is from a newer version (revision {found}); install that version of flatnet-bot",
                path=str(path),
                found=str(found[0]),
            )
        )
    return str(found[0])
