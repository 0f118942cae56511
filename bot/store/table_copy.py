"""Copies all rows of the bot's tables from one database to another, whatever each of them is: SQLite or PostgreSQL.

Values are copied as they are stored, so that the mac of each audit event stays right. Rows come in the order of their keys:
the trigger of the audit log takes no other.
"""

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
from sqlalchemy.exc import DataError
from sqlalchemy.types import TypeEngine

from adapters.phrase import Phrase
from bot.store.errors import DatabaseDamaged
from bot.store.tables import COPIES, METADATA

BATCH = 500
"""Rows that are read and written at once."""

LIVE = (COPIES,)
"""Tables that say which processes run now. They are history nowhere."""


def copy_tables(source: Connection, target: Connection) -> int:
    """Copies all rows into empty tables, within the transactions of both. Returns the number of rows.

    Raises `DatabaseDamaged` for a value that the target cannot store, such as text with bytes that are no text.
    """
    return sum(_copy_rows(each, source, target) for each in METADATA.sorted_tables if each not in LIVE)


def _copy_rows(known: Table, source: Connection, target: Connection) -> int:
    plain, copied = _make_plain(known), 0
    query = select(plain).order_by(*plain.primary_key.columns).execution_options(yield_per=BATCH)
    with source.execute(query) as rows:
        while batch := [row._asdict() for row in islice(rows, BATCH)]:
            try:
                target.execute(insert(plain), batch)
            except (DataError, UnicodeError) as error:
                raise _make_value_error(known, batch, error) from error
            copied += len(batch)
    return copied


def _make_plain(known: Table) -> Table:
    """Makes the same table with the types of the database alone, which change no value."""
    columns = (
        Column(each.name, _find_stored_type(each.type), primary_key=each.primary_key, autoincrement=False)
        for each in known.columns
    )
    return Table(known.name, MetaData(), *columns)


def _find_stored_type(known: TypeEngine[object]) -> TypeEngine[object]:
    return known.impl_instance if isinstance(known, TypeDecorator) else known


def _make_value_error(known: Table, batch: list[dict[str, object]], error: Exception) -> DatabaseDamaged:
    first = next(iter(known.primary_key.columns)).name
    return DatabaseDamaged(
        Phrase(
            "the table {table} has a value that the other database cannot store ({reason}). It is in one of the rows from "
            "{first} to {last}. Correct it, or restore an earlier backup",
            table=known.name,
            reason=type(error.__cause__ or error).__name__,
            first=str(batch[0][first])[:60],
            last=str(batch[-1][first])[:60],
        )
    )
