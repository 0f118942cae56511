"""Schedules: a command with the times when it runs, and the outcomes of its runs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from adapters.phrase import Phrase


class RunOutcome(StrEnum):
    """State or outcome of one due time. `bot.schedules.tables.schedules` draws the transitions."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    SKIPPED = "skipped"
    MISSED = "missed"
    DROPPED = "dropped"


RETENTION = timedelta(days=90)
"""Retention of a due time. The newest one of each schedule is never deleted, so that it never runs again."""


class ScheduleOrigin(StrEnum):
    """Origin of a schedule: a person's command, the configuration, or the bot itself."""

    ADDED = "added"
    CONFIGURED = "configured"
    BUILT_IN = "built_in"


@dataclass(frozen=True)
class Schedule:
    """One schedule: runs the command `words` at the times of `cron` in `zone`, on behalf of `owner`.

    Answers go to `channel`; "" means to the administrators. `missed` is the handling of missed times: `run`, `skip` or
    `tell`. `identity` is the owner's, encoded as in `bot.store.encoding`; "" if the configuration names the owner.
    `operation` is the request that added it, else "". Due times count from `since`. `paused_by` is "" while it is active;
    `why` is the reason of the pause.
    """

    name: str
    origin: ScheduleOrigin
    cron: str
    zone: str
    words: str
    channel: str
    missed: str
    owner: str
    identity: str
    since: datetime
    operation: str = ""
    paused_by: str = ""
    why: Phrase | None = None

    @property
    def paused(self) -> bool:
        """True while no due time counts."""
        return bool(self.paused_by)


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
class RunTally:
    """Number of claimed due times of one schedule with one outcome; `missed` counts earlier ones that did not run."""

    schedule: str
    outcome: RunOutcome
    count: int
    missed: int
