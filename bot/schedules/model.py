"""A schedule as it is listed."""

from dataclasses import dataclass

from bot.model.schedule import Schedule, ScheduleRun


@dataclass(frozen=True)
class ScheduleListing:
    """One schedule, and its newest due time that was claimed."""

    schedule: Schedule
    latest: ScheduleRun | None
