"""The statements that make the tables, for each kind of database, compiled without one."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import create_mock_engine

from bot.store.schema.tables import METADATA

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
    return "\n\n".join(_sort(statements)) + "\n"


def _sort(statements: Iterable[str]) -> Iterator[str]:
    """Sort tables by name, each with its sorted indexes, then all else: SQLAlchemy has tables as modules were imported."""
    found = list(statements)
    tables = sorted(text for text in found if text.startswith("CREATE TABLE "))
    indexes = sorted(text for text in found if " INDEX " in text.partition(" ON ")[0])
    for table in tables:
        name = table.split()[2]
        yield table
        yield from (text for text in indexes if text.partition(" ON ")[2].split()[0] == name)
    yield from (text for text in found if text not in {*tables, *indexes})
