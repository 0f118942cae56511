"""Outcomes of schedule runs, and the deletion of old runs in small batches."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, select

from bot.model.schedule import RunOutcome
from bot.store.schema.tables import SCHEDULE_RUNS

DELETE_BATCH_SIZE = 500
"""Runs that are deleted in one transaction."""


_NEXT_NAME = select(func.min(SCHEDULE_RUNS.c.schedule)).where(SCHEDULE_RUNS.c.schedule > bindparam("this"))
_NEWEST_DUE = select(func.max(SCHEDULE_RUNS.c.due)).where(SCHEDULE_RUNS.c.schedule == bindparam("this"))
_OLD_DUE_TIMES = (
    select(SCHEDULE_RUNS.c.due)
    .where(
        SCHEDULE_RUNS.c.schedule == bindparam("this"),
        SCHEDULE_RUNS.c.due < bindparam("oldest"),
        SCHEDULE_RUNS.c.outcome != RunOutcome.RUNNING,
    )
    .order_by(SCHEDULE_RUNS.c.due)
    .limit(bindparam("most"))
)
_DELETE = delete(SCHEDULE_RUNS).where(
    SCHEDULE_RUNS.c.schedule == bindparam("this"), SCHEDULE_RUNS.c.due.in_(bindparam("these", expanding=True))
)


def delete_old_runs(connection: Connection, oldest: datetime) -> bool:
    """Deletes some runs that were due before `oldest`, but never the newest one of a schedule.

    Returns whether more may be left.
    """
    for name in _list_names(connection):
        newest = connection.execute(_NEWEST_DUE, {"this": name}).scalar_one()
        wanted = {"this": name, "oldest": min(oldest, newest), "most": DELETE_BATCH_SIZE}
        if old := connection.execute(_OLD_DUE_TIMES, wanted).scalars().all():
            connection.execute(_DELETE, {"this": name, "these": old})
            return True
    return False


def _list_names(connection: Connection) -> Iterator[str]:
    """Yields the names of all schedules that have runs, including deleted schedules. Seeks in the key once for each."""
    name = ""
    while (following := connection.execute(_NEXT_NAME, {"this": name}).scalar()) is not None:
        name = following
        yield name
