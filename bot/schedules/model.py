"""A schedule's run, and a schedule as it is listed."""

from dataclasses import dataclass
from datetime import datetime

from bot.model.schedule import RunOutcome, Schedule


@dataclass(frozen=True)
class ScheduleRun:
    """One claimed due time; `missed` counts the due times before it that did not run."""

    schedule: str
    due: datetime
    operation: str
    outcome: RunOutcome
    began_at: datetime
    missed: int = 0
    ended_at: datetime | None = None


@dataclass(frozen=True)
class ScheduleListing:
    """One schedule, and its newest due time that was claimed."""

    schedule: Schedule
    latest: ScheduleRun | None
