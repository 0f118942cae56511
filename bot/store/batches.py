"""Long deletions in batches: each is a short transaction, so that no one waits for long, and no lead is lost over it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Executable

from bot.store.database import Database

BATCH = 1000
"""Rows of one transaction. The server ends a session that works for seconds on what it deleted."""


async def delete_in_batches(database: Database, statement: Executable, values: Mapping[str, Any]) -> int:
    """Deletes until a batch is not full. Returns the number of rows.

    `statement` deletes at most `:batch` rows, and returns them. Raises `DatabaseError`: earlier batches are gone then.
    """
    deleted, size, found = 0, BATCH, BATCH
    while found == size:
        found = await database.run(lambda connection: len(connection.execute(statement, {**values, "batch": size}).all()))
        deleted += found
    return deleted
