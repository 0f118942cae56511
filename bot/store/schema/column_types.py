"""Types of columns that SQLite and PostgreSQL store alike."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, Integer, Label, Text, cast, func
from sqlalchemy.types import TypeDecorator

from bot.store.encoding import decode_time, encode_time

Whole = BigInteger().with_variant(Integer(), "sqlite")
"""Column type of a whole number: 64 bits on both databases. Only INTEGER can be the key of a row on SQLite."""


def sum_up(column: ColumnElement[Any]) -> Label[int]:
    """Makes the sum of a column of whole numbers, under its name. PostgreSQL's own sum of 64 bits is a decimal."""
    return cast(func.sum(column), Whole).label(column.key)


class Flag(TypeDecorator[bool]):
    """Column type of a boolean, stored as 0 or 1: SQLite's strict tables have no boolean type."""

    impl = Whole
    cache_ok = True

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> bool | None:
        return None if value is None else bool(value)


class UtcText(TypeDecorator[datetime]):
    """Column type of an aware point in time, stored as text in UTC. Raises `ValueError` for a naive one."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else encode_time(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else decode_time(value)
