"""One set of tables and statements: each statement is known to both databases, and both refuse and store the same."""

import itertools
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    BindParameter,
    ClauseElement,
    Column,
    Connection,
    Delete,
    Executable,
    Insert,
    Select,
    UnaryExpression,
    Update,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import visitors
from sqlalchemy.sql.operators import desc_op

from bot import store
from bot.store.daily_rows import DailyRows
from bot.store.database import Database
from bot.store.rows import Rows
from bot.store.schema import creation as schema
from bot.store.schema.column_types import Coded, SafeText, UtcText, sum_up
from bot.store.schema.tables import AUDIT, INBOX, INCIDENT_TIMELINE, TRAFFIC

STORE = Path(store.__file__).parent
NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
NOT_PORTABLE = {
    "from sqlalchemy.dialects import sqlite": "dialects.sqlite",
    "done.rowcount == 1": "rowcount",
    "func.json_extract(document, path)": "json",
    "insert(TABLE).prefix_with('OR REPLACE')": "prefix_with",
    "ORDER BY rowid": "rowid",
    "func.max(shown, version)": "max of two",
    'Index("open", sqlite_where=condition)': "sqlite_where",
}
"""Lines that only one of the databases knows, or that mean another thing on the other one."""

PATTERN = re.compile(
    r"dialects(?:\.| import )sqlite|\.rowcount\b|\bjson_(?:extract|each|set)\b|\.prefix_with\(|(?<!with_)\browid\b"
    r"|func\.(?:max|min)\([^()]*,(?! type_)|sqlite_where(?!=text\(where\), postgresql_where)"
)


def list_modules() -> list[str]:
    """List the modules of SQL: those of the store, and the tables of the wings."""
    house = STORE.parent.parent
    tables = (*STORE.glob("*.py"), *STORE.parent.glob("*/tables.py"), *STORE.parent.glob("*/tables/*.py"))
    return sorted(".".join(file.relative_to(house).with_suffix("").parts) for file in tables if file.name != "__init__.py")


def list_statements() -> Iterator[tuple[str, Any]]:
    """Yield the name and the statement of each constant of SQL."""
    for module in list_modules():
        for name, value in vars(import_module(module)).items():
            found = vars(value) if isinstance(value, DailyRows | Rows) else {"": value}
            for part, statement in found.items():
                if isinstance(statement, Select | Insert | Update | Delete):
                    yield f"{module}.{name}{part}", statement


STATEMENTS = dict(list_statements())


def choose_value(column: Any) -> object:
    """Choose a value that a column can hold."""
    if isinstance(column.type, UtcText):
        return NOW
    if isinstance(column.type, SafeText | Coded):
        return "x"
    return {str: "x", int: 1, bytes: b"x", bool: True}.get(column.type.python_type, 1)


class Explain(Executable, ClauseElement):
    """A statement that the database plans and does not execute. It must understand the statement for that."""

    inherit_cache = False

    def __init__(self, statement: Any) -> None:
        self.statement = statement


@compiles(Explain)
def _compile_explain(element: Explain, compiler: Any, **options: Any) -> str:
    planned = f"EXPLAIN {compiler.process(element.statement, **options)}"
    compiler.isinsert = compiler.isupdate = compiler.isdelete = False
    return planned


def explain(connection: Connection, statement: Any) -> None:
    """Let the database plan a statement with some values."""
    if isinstance(statement, Insert) and statement.select is None:
        named = {getattr(each, "key", each) for each in statement._values or ()}
        statement = statement.values({each: choose_value(each) for each in statement.table.columns if each.key not in named})
    elif isinstance(statement, Update):
        named = {each.key for each in visitors.iterate(statement) if isinstance(each, BindParameter)}
        free = (each for each in statement.table.columns if not each.primary_key and each.name not in named)
        statement = statement.values({each: choose_value(each) for each in itertools.islice(free, 1)})
    binds = statement.compile(dialect=connection.dialect).binds
    values = {}
    for name, bind in binds.items():
        if bind.required:
            values[name] = [choose_value(bind)] if bind.expanding else choose_value(bind)
    connection.execute(Explain(statement), values).close()


async def test_each_statement_is_known_to_the_database(database: Database) -> None:
    """With the types of its parameters, and of what it compares and writes."""

    def work(connection: Connection) -> None:
        for name, statement in STATEMENTS.items():
            if connection.dialect.name == "sqlite" and "pg_" in str(statement.compile(dialect=connection.dialect)):
                continue  # it calls a function that only PostgreSQL has, and is executed there alone
            try:
                explain(connection, statement)
            except Exception as error:
                raise AssertionError(name) from error

    await database.run(work)
    assert len(STATEMENTS) > 250


def test_each_order_says_where_missing_values_are() -> None:
    """SQLite has them first, PostgreSQL last."""
    orders = ((name, each) for name, query in STATEMENTS.items() if isinstance(query, Select) for each in list_order(query))
    assert [] == [f"{name} {column}" for name, column in orders if column.nullable]


def list_order(query: Select[Any]) -> Iterator[Column[Any]]:
    """Yield the columns that a query is ordered by and whose missing values it does not mention."""
    for each in query._order_by_clauses:
        element = each.element if isinstance(each, UnaryExpression) and each.modifier is desc_op else each
        if isinstance(element, Column):
            yield element


@pytest.mark.parametrize("line", NOT_PORTABLE)
def test_a_line_that_one_database_alone_understands_is_found(line: str) -> None:
    assert PATTERN.search(line)


def test_no_module_has_such_a_line() -> None:
    """But for revisions, of which the next one is the first that is run on PostgreSQL."""
    found = [
        f"{file.name}:{number} {line.strip()}"
        for file in sorted(STORE.parent.rglob("*.py"))
        if file.parent.name != "versions"
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if PATTERN.search(line)
    ]
    assert [] == found


HARM = {
    "a changed event": "UPDATE audit SET actor = 'eve'",
    "a deleted event": "DELETE FROM audit",
    "an event that leaves one out": "INSERT INTO audit SELECT 7, at, kind, actor, operation, data, key, mac, mac FROM audit",
    "a second event of the same number": "INSERT INTO audit SELECT * FROM audit",
    "a changed entry": "UPDATE incident_timeline SET author = 'eve'",
    "a deleted entry": "DELETE FROM incident_timeline",
}


@pytest.mark.parametrize("harm", HARM)
async def test_what_is_only_appended_to_is_never_changed(database: Database, harm: str) -> None:
    def fill(connection: Connection) -> None:
        for table in (AUDIT, INCIDENT_TIMELINE):
            connection.execute(insert(table), {each.name: choose_value(each) for each in table.columns})

    await database.run(fill)
    with pytest.raises(IntegrityError):
        await database.run(lambda connection: connection.execute(text(HARM[harm])) and None)


OTHERS = {
    "sqlite": (
        "CREATE TRIGGER other AFTER INSERT ON inbox BEGIN SELECT 1; END",
        "CREATE VIEW other AS SELECT 1",
        "DROP TRIGGER audit_no_update",
    ),
    "postgresql": (
        "CREATE TRIGGER other AFTER INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        "CREATE VIEW other AS SELECT 1",
        "DROP TRIGGER audit_no_change ON audit",
        "ALTER TABLE audit DISABLE TRIGGER audit_no_change",
        "CREATE RULE other AS ON INSERT TO inbox DO INSTEAD NOTHING",
    ),
}


async def test_triggers_of_others_are_noticed(database: Database) -> None:
    def judge(connection: Connection) -> list[bool]:
        judged = [schema.has_own_triggers(connection)]
        for harm in OTHERS[connection.dialect.name]:
            with connection.begin_nested() as attempt:
                connection.execute(text(harm))
                judged.append(schema.has_own_triggers(connection))
                attempt.rollback()
        return judged

    own, *others = await database.run(judge)
    assert (True, {False}) == (own, set(others))


async def test_characters_that_cannot_be_stored_are_escaped_and_found(database: Database) -> None:
    """Also where they were not escaped before: NUL, and on PostgreSQL half characters."""
    hostile = "a\0b" if isinstance(database.address, Path) else "a\0b\ud800"

    def work(connection: Connection) -> list[str]:
        row = {each.name: choose_value(each) for each in INBOX.columns} | {"kind": hostile, "key": "日本"}
        connection.execute(insert(INBOX), row)
        return list(connection.execute(select(INBOX.c.key).where(INBOX.c.kind == hostile)).scalars())

    assert ["日本"] == await database.run(work)


async def test_whole_numbers_have_64_bits_and_their_sums_are_no_decimals(database: Database) -> None:
    def work(connection: Connection) -> list[Any]:
        many: dict[str, Any] = dict.fromkeys(TRAFFIC.c.keys(), 2**40)
        rows = [many | {"at": at, "host": "host-a", "partial": True} for at in (1, 2)]
        connection.execute(insert(TRAFFIC), rows)
        sums = connection.execute(select(sum_up(TRAFFIC.c.time_ms), func.max(TRAFFIC.c.partial))).one()
        return [repr(each) for each in sums]

    assert [repr(2**41), "True"] == await database.run(work)
