"""Rows as frozen values, read and written by statements that are built once.

    class MuteRow(Mute, Table, table=True)          the table: a column for each field of the value, and what only rows have
    MUTES = Rows(Mute, MuteRow, repair=leave_out)
    _SINCE = MUTES.select(MUTES.c.ends_at > bindparam("since")).order_by(MUTES.c.number)

    await database.read(MUTES.list, _SINCE, since=at)
    await database.run(execute, _END, this=number, now=at)

Rows are read as they are stored and decoded one by one, so a damaged cell spoils neither the query nor another row. Each
table says by `repair` what a damaged row becomes.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Connection, Executable, Row, Select, select, type_coerce
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.types import TypeDecorator

from bot.store.schema.base import Table
from bot.store.schema.column_types import Coded, SafeText

T = TypeVar("T")

DAMAGE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""Errors of decoders and of values, for what is not theirs. A `ValidationError` is a `ValueError`."""


def leave_out(readable: Mapping[str, Any]) -> None:
    """Leaves out a damaged row. Only for a table whose missing row cannot be taken for a healthy state."""


class Rows(Generic[T]):
    """Rows of one table as values of `kind`. All methods with a connection are parts of the caller's transaction.

    `repair` gets the readable fields of a damaged row, and returns a value in its place, or None to leave it out.
    """

    def __init__(self, kind: type[T], row: type[Table], *, repair: Callable[[Mapping[str, Any]], T | None]) -> None:
        self.table = Table.metadata.tables[str(row.__tablename__)]
        self.c = self.table.c
        fields = _list_fields(kind)
        read = [column for column in self.c if column.name in fields]
        self._kind = kind
        self._repair = repair
        self.names = tuple(column.name for column in read)
        self._stored = tuple(type_coerce(each, _find_stored_type(each.type)).label(each.name) for each in read)
        self._decoders = tuple((each.name, decode) for each in read if (decode := _find_decoder(each.type)) is not None)
        self._codes = {each.name: each.type.code for each in read if isinstance(each.type, Coded)}
        counted = {column.name for column in self.table.primary_key if column.default is not None}
        self._written = tuple(name for name in self.names if name not in counted)
        self.insert = insert(self.table)
        self.insert_new = self.insert.on_conflict_do_nothing()

    def select(self, *where: ColumnElement[bool]) -> Select[Any]:
        """Builds a query of values, for `find` and `list`."""
        return select(*self._stored).where(*where)

    def upsert(self, newest_by: str = "", **own: Any) -> Insert:
        """Builds a statement that stores values in place of those of the same key.

        A stored value with a later `newest_by` stays. Own columns of the row stay, unless they are given.
        """
        keys = [column.name for column in self.table.primary_key]
        new = self.insert.excluded
        newer = new[newest_by] >= self.c[newest_by] if newest_by else None
        set_ = {name: new[name] for name in self.names if name not in keys} | own
        return self.insert.on_conflict_do_update(index_elements=keys, set_=set_, where=newer)

    def encode(self, value: T) -> dict[str, Any]:
        """Makes the columns of a row, without a number that the database counts. Raises `TooLarge`."""
        row = {name: getattr(value, name) for name in self._written}
        for name, code in self._codes.items():
            if row[name] is not None:
                row[name] = code.encode(row[name])
        return row

    def store(self, connection: Connection, statement: Insert, values: Iterable[T]) -> None:
        """Stores values by a statement such as `insert_new`, all or none."""
        execute_many(connection, statement, [self.encode(value) for value in values])

    def find(self, connection: Connection, query: Select[Any], /, **given: Any) -> T | None:
        """Returns the first value that a query finds; None if there is none."""
        row = connection.execute(query, given).first()
        return None if row is None else self.decode(row)

    def list(self, connection: Connection, query: Select[Any], /, **given: Any) -> tuple[T, ...]:
        """Lists the values that a query finds."""
        read = map(self.decode, connection.execute(query, given))
        return tuple(value for value in read if value is not None)

    def decode(self, row: Row[Any]) -> T | None:
        """Decodes a row of `select`, whose first columns count."""
        values = dict(zip(self.names, row, strict=False))
        for name, decode in self._decoders:
            try:
                values[name] = decode(values[name], None)
            except DAMAGE:
                del values[name]
        try:
            return self._kind(**values) if len(values) == len(self.names) else self._repair(values)
        except DAMAGE:
            return self._repair(values)


def execute(connection: Connection, statement: Executable, /, **given: Any) -> None:
    """Executes a statement of which nothing is read."""
    connection.execute(statement, given)


def exists(connection: Connection, query: Executable, /, **given: Any) -> bool:
    """Returns True if a query finds a row, or a change made one, also a damaged one."""
    return connection.execute(query, given).first() is not None


def execute_many(connection: Connection, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
    """Executes a statement once for each row; not at all without any."""
    if rows:
        connection.execute(statement, rows)


def _list_fields(kind: type[Any]) -> frozenset[str]:
    if issubclass(kind, BaseModel):
        return frozenset(kind.model_fields)
    return frozenset(each.name for each in dataclasses.fields(kind))


def _find_decoder(type_: Any) -> Callable[[Any, Any], Any] | None:
    if isinstance(type_, TypeDecorator) and not isinstance(type_, SafeText):
        return type_.process_result_value
    return None


def _find_stored_type(type_: Any) -> Any:
    return type_.impl_instance if isinstance(type_, TypeDecorator) else type_
