"""Starts of the steps of interrupted runs. Rows and queries only; `services.intent_log` says how many are too many."""

from collections.abc import Collection

from sqlalchemy import bindparam, delete
from sqlalchemy.dialects.postgresql import insert

from bot.store.database import Database
from bot.store.schema.tables import STEP_STARTS

_COUNT = (
    insert(STEP_STARTS)
    .values(operation=bindparam("operation"), step=bindparam("step"), starts=1)
    .on_conflict_do_update(index_elements=["operation", "step"], set_={"starts": STEP_STARTS.c.starts + 1})
    .returning(STEP_STARTS.c.starts)
)
_FORGET = delete(STEP_STARTS).where(STEP_STARTS.c.operation.not_in(bindparam("kept", expanding=True)))


class StepStartTable:
    """Table of starts. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count_start(self, operation: str, step: str) -> int:
        """Counts one more start of a step. Returns how many there were."""
        values = {"operation": operation, "step": step}
        return await self._database.run(lambda connection: int(connection.execute(_COUNT, values).scalar_one()))

    async def forget_others(self, operations: Collection[str]) -> None:
        """Deletes the starts of all other operations."""
        kept = {"kept": list(operations)}
        await self._database.run(lambda connection: connection.execute(_FORGET, kept) and None)
