"""The statements that make the tables, for each kind of database, compiled without one."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import create_mock_engine

from bot.store.tables import METADATA

URLS = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://"}
"""Addresses of the kinds of databases. Nothing is opened there."""


def write_statements(kind: str) -> str:
    """Write the statements that make all tables, indexes and triggers, with empty lines between."""
    statements: list[str] = []

    def keep(statement: Any, *_: object, **__: object) -> None:
        text = str(statement.compile(dialect=engine.dialect)).replace("%%", "%")
        statements.append("\n".join(line.rstrip() for line in text.strip().splitlines()))

    engine = create_mock_engine(URLS[kind], keep)
    METADATA.create_all(engine, checkfirst=False)
    return "\n\n".join(_sort_indexes(statements)) + "\n"


def _sort_indexes(statements: Iterable[str]) -> Iterator[str]:
    """Sort the indexes of each table, of which SQLAlchemy has a set."""
    for indexes, group in groupby(statements, lambda text: " INDEX " in text.partition(" ON ")[0]):
        each = list(group)
        yield from sorted(each) if indexes else each
