"""Time by the clock of the database, as an expression of a statement. Copies compare times by this clock alone."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from bot.store.schema.column_types import UtcText


class database_now(FunctionElement[datetime]):  # noqa: N801  (reads like the functions of SQLAlchemy)
    """The present time, also within one transaction: text as `bot.store.encoding.encode_time` makes it."""

    type = UtcText()
    inherit_cache = True


@compiles(database_now, "sqlite")
def _compile_for_sqlite(element: database_now, compiler: Any, **options: Any) -> str:
    return "(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z')"


@compiles(database_now, "postgresql")
def _compile_for_postgres(element: database_now, compiler: Any, **options: Any) -> str:
    return """to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


_NOW = select(database_now())


def read_time(connection: Connection) -> datetime:
    """Reads the present time by the clock of the database."""
    return connection.execute(_NOW).scalar_one()
