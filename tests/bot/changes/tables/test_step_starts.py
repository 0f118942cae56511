"""Starts of interrupted steps."""

from bot.changes.tables.step_starts import StepStartTable
from bot.store.database import Database


async def test_starts_are_counted_for_each_step_until_its_operation_is_over(database: Database) -> None:
    table = StepStartTable(database)
    steps = [("op-1", "step a"), ("op-1", "step a"), ("op-1", "undo a"), ("op-2", "step a")]
    assert [1, 2, 1, 1] == [await table.count_start(*step) for step in steps]
    await table.forget_others(["op-1"])
    assert [3, 1] == [await table.count_start("op-1", "step a"), await table.count_start("op-2", "step a")]
    await table.forget_others([])
    assert 1 == await table.count_start("op-1", "step a")
