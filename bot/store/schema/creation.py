"""Creates the tables of a new database, and checks those of an existing one.

`REVISIONS` repeats the revisions in `migrations/versions`, so that an ordinary start need not import Alembic. A test
compares both lists, and the tables that both make.
"""

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, func, insert, inspect, select, text

from adapters.phrase import Phrase
from bot.store.address import DatabaseAddress
from bot.store.errors import DatabaseOutdated, DatabaseTooNew, make_damaged_error
from bot.store.schema.tables import APPEND_ONLY_TRIGGERS, METADATA, POSTGRES_TRIGGER_NAMES, TIMELINE_TRIGGERS

REVISIONS = ("0001",)
"""All revisions of the tables, oldest first."""

HEAD_REVISION = REVISIONS[-1]

ALEMBIC_TABLE = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""The table in which Alembic records the revision, as Alembic creates it."""

_LOCK_CREATION = select(func.pg_advisory_xact_lock(int.from_bytes(b"tables", "big")))

_OWN_ON_POSTGRES = text(
    "SELECT format('%s %s %s %s', c.relname, t.tgname, p.proname, t.tgenabled) FROM pg_trigger t "
    "JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
    "WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace "
    "UNION ALL SELECT format('view %s', viewname) FROM pg_views WHERE schemaname = current_schema() "
    "UNION ALL SELECT format('rule %s', rulename) FROM pg_rules WHERE schemaname = current_schema()"
)


def share_tables(connection: Connection, address: DatabaseAddress) -> None:
    """Creates the tables in an empty database of a server, which other copies may open at this instant.

    Leaves the bot's tables of another revision as they are. Raises `DatabaseDamaged` for tables that are not the bot's.
    """
    connection.execute(_LOCK_CREATION)
    if not has_tables(connection):
        create_tables(connection)
    elif not inspect(connection).has_table(ALEMBIC_TABLE.name):
        raise make_damaged_error(address)


def prepare_tables(connection: Connection, address: DatabaseAddress) -> None:
    """Creates the tables in an empty database. Raises as `check_tables` for other tables than this program's."""
    if not has_tables(connection):
        create_tables(connection)
    check_tables(connection, address)


def has_tables(connection: Connection) -> bool:
    """Returns whether there is any table."""
    return bool(inspect(connection).get_table_names())


def create_tables(connection: Connection) -> None:
    """Creates the tables of this program, with their revision."""
    METADATA.create_all(connection)
    ALEMBIC_TABLE.create(connection)
    connection.execute(insert(ALEMBIC_TABLE).values(version_num=HEAD_REVISION))


def check_tables(connection: Connection, address: DatabaseAddress) -> None:
    """Raises `DatabaseOutdated`, `DatabaseTooNew` or `DatabaseDamaged` if the tables are not those of this program."""
    if read_revision(connection, address) != HEAD_REVISION:
        raise DatabaseOutdated(
            Phrase(
                "the database {path} is from an older version. Stop the bot and run flatnet-bot db upgrade",
                path=str(address),
            )
        )
    seen = inspect(connection).get_multi_columns()  # one statement on a server
    for table in METADATA.sorted_tables:
        if {column["name"] for column in seen.get((None, table.name), ())} != set(table.c.keys()):
            raise make_damaged_error(address)


def read_revision(connection: Connection, address: DatabaseAddress) -> str:
    """Returns the entry of `REVISIONS` that the tables have.

    Raises `DatabaseDamaged` if the tables are not the bot's, `DatabaseTooNew` if the revision is not listed.
    """
    if not inspect(connection).has_table(ALEMBIC_TABLE.name):
        raise make_damaged_error(address)
    found = connection.execute(select(ALEMBIC_TABLE.c.version_num)).scalars().all()
    if len(found) != 1:
        raise make_damaged_error(address)
    if found[0] not in REVISIONS:
        raise DatabaseTooNew(
            Phrase(
                "the database {path} is from a newer version (revision {found}). Install that version of flatnet-bot",
                path=str(address),
                found=str(found[0]),
            )
        )
    return str(found[0])


def has_own_triggers(connection: Connection) -> bool:
    """Returns whether triggers and views are the bot's alone.

    Others would act with each of its writes, and the chain of audit events does not have them.
    """
    if connection.dialect.name == "postgresql":
        return sorted(connection.execute(_OWN_ON_POSTGRES).scalars()) == sorted(POSTGRES_TRIGGER_NAMES)
    found = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE type IN ('trigger', 'view')").scalars().all()
    return sorted(map(str, found)) == sorted((*APPEND_ONLY_TRIGGERS, *TIMELINE_TRIGGERS))
