"""Copies all rows of the bot's tables from one database to another, whatever each of them is: SQLite or PostgreSQL.

Values are copied as they are stored, so that the mac of each audit event stays right. Rows come in the order of their keys:
the trigger of the audit log takes no other.

PostgreSQL does not store NUL and half characters as text, which damaged rows of SQLite may have. They are escaped as
`bot.store.encoding` does it, and counted; an audit event with one is refused, because its mac would be wrong.
"""

from dataclasses import dataclass
from itertools import islice

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Table,
    TypeDecorator,
    insert,
    select,
)
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.types import TypeEngine

from adapters.phrase import Phrase
from bot.store.encoding import escape_text
from bot.store.errors import DatabaseDamaged
from bot.store.tables import AUDIT, COPIES, METADATA

BATCH = 500
"""Rows that are read and written at once."""

LIVE = (COPIES,)
"""Tables that say which processes run now. They are history nowhere."""


@dataclass(frozen=True)
class CopiedRows:
    """Numbers of rows: all that were copied, and those in which characters were escaped."""

    rows: int
    escaped: int


def copy_tables(source: Connection, target: Connection) -> CopiedRows:
    """Copies all rows into empty tables, within the transactions of both.

    Raises `DatabaseDamaged` for a value that the target cannot store.
    """
    copied = [_copy_rows(each, source, target) for each in METADATA.sorted_tables if each not in LIVE]
    return CopiedRows(sum(each.rows for each in copied), sum(each.escaped for each in copied))


def _copy_rows(known: Table, source: Connection, target: Connection) -> CopiedRows:
    plain, copied, escaped = _make_plain(known), 0, 0
    escapes = target.dialect.name == "postgresql"
    query = select(plain).order_by(*plain.primary_key.columns).execution_options(yield_per=BATCH)
    with source.execute(query) as rows:
        while batch := [row._asdict() for row in islice(rows, BATCH)]:
            hostile = sum(_escape(row) for row in batch) if escapes else 0
            if hostile and known is AUDIT:
                raise _make_value_error(known, batch, "NUL")
            try:
                target.execute(insert(plain), batch)
            except (DataError, IntegrityError, UnicodeError) as error:
                raise _make_value_error(known, batch, type(error.__cause__ or error).__name__) from error
            copied, escaped = copied + len(batch), escaped + hostile
    return CopiedRows(copied, escaped)


def _escape(row: dict[str, object]) -> bool:
    """Escapes what PostgreSQL does not store as text. Returns whether the row had something of it."""
    changed = {
        name: escaped
        for name, value in row.items()
        if isinstance(value, str) and ("\0" in value or not value.isascii()) and (escaped := escape_text(value)) != value
    }
    row.update(changed)
    return bool(changed)


def _make_plain(known: Table) -> Table:
    """Makes the same table with the types of the database alone, which change no value."""
    columns = (
        Column(each.name, _find_stored_type(each.type), primary_key=each.primary_key, autoincrement=False)
        for each in known.columns
    )
    return Table(known.name, MetaData(), *columns)


def _find_stored_type(known: TypeEngine[object]) -> TypeEngine[object]:
    return known.impl_instance if isinstance(known, TypeDecorator) else known


def _make_value_error(known: Table, batch: list[dict[str, object]], reason: str) -> DatabaseDamaged:
    first = next(iter(known.primary_key.columns)).name
    return DatabaseDamaged(
        Phrase(
            "the table {table} has a value that the other database cannot store ({reason}). It is in one of the rows from "
            "{first} to {last}. Correct it, or restore an earlier backup",
            table=known.name,
            reason=reason,
            first=str(batch[0][first])[:60],
            last=str(batch[-1][first])[:60],
        )
    )
