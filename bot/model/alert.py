"""Alerts: problems with a life, and what mutes them. Values; `bot.alerts` has the rules.

PENDING ─ enough checks ─▶ FIRING ◀─ its time is over, or it got worse ─ ACKNOWLEDGED
   │                          │  └──── a person acknowledges ──────────────────▲ │
   └─ one well check ─▶ gone  └───────── enough well checks ─▶ RESOLVED ◀────────┘
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime

from adapters.phrase import Phrase
from adapters.value import Value
from commands.alerts.conditions import Condition, make_key
from commands.model.finding import Severity

CA_PREFIX = "ca-"
"""Prefix of the subjects of CAs. Such a finding is of all hosts, whichever it was read on."""


class AlertState(StrEnum):
    """States of an alert. The values are stored."""

    PENDING = "pending"
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


OPEN_STATES = frozenset({AlertState.FIRING, AlertState.ACKNOWLEDGED})
"""States in which people see the problem."""


class Alert(Value):
    """One alert. `number` is its id for people; `version` counts its moves, and a move names the version that it moves.

    `streak` counts checks in a row: that found the problem while pending, that did not while open. `acknowledged_until` is
    None while `acknowledged_by` is set if the acknowledgement lasts until the alert changes. `message` is the name of the
    announcement that shows it, "" before it has one; alerts that fired together may share it. `shown` is the newest version
    that people were shown. `fired_at` is the latest time it fired, `first_fired_at` the first since it was last well. It
    fires again when it gets worse, and when its acknowledgement is over. `step` is the newest signal's. `outcome` says how
    the problem ended, where the check knew it.
    """

    number: int = 0
    host: str
    subject: str
    condition: Condition
    severity: Severity
    state: AlertState
    version: int = 1
    shown: int = 0
    streak: int = 1
    step: int = 0
    short: Phrase
    why: Phrase
    next: str | None = None
    cause: str = ""
    began_at: AwareDatetime
    checked_at: AwareDatetime
    first_fired_at: AwareDatetime | None = None
    fired_at: AwareDatetime | None = None
    resolved_at: AwareDatetime | None = None
    outcome: Phrase | None = None
    acknowledged_by: str = ""
    acknowledged_at: AwareDatetime | None = None
    acknowledged_until: AwareDatetime | None = None
    message: str = ""
    repeated_at: AwareDatetime | None = None
    escalated_at: AwareDatetime | None = None

    @property
    def key(self) -> str:
        """Identity of the problem: host and subject."""
        return make_key(self.host, self.subject)

    @property
    def open(self) -> bool:
        """True while people should know of it."""
        return self.state in OPEN_STATES


class AlertChange(Value):
    """One move of an alert, as its history has it. `actor` is the person who acknowledged it so, "" for the bot.

    `version` is the alert's after the move. A move from one open state to the same one is a new fire, a new
    acknowledgement, or something else that people see, such as a better severity.
    """

    alert: int
    version: int = 1
    at: AwareDatetime
    state: AlertState
    severity: Severity
    actor: str = ""


@dataclass(frozen=True)
class AlertMove:
    """A move of an alert. `before` is None where it begins, `after` is None where it is deleted."""

    before: Alert | None
    after: Alert | None

    @property
    def visible(self) -> bool:
        """True if people see the move, and the history has it."""
        if self.after is None or self.after.state is AlertState.PENDING:
            return False
        return self.before is None or self.before.version != self.after.version


@dataclass(frozen=True)
class AlertStep:
    """One move of an alert from its history, with what names the alert: its host, "" for the bot, and its problem."""

    change: AlertChange
    host: str
    short: Phrase


@dataclass(frozen=True)
class AlertHistory:
    """An alert with its changes in a period, oldest first. It was open before the first one if it had fired `opened_at`."""

    alert: Alert
    opened_at: datetime | None
    changes: tuple[AlertChange, ...]


@dataclass(frozen=True)
class AlertEpisode:
    """A time for which an alert was open. `ended_at` is None if it was still open at the end of the period."""

    alert: Alert
    fired_at: datetime
    ended_at: datetime | None


class MuteKind(StrEnum):
    """Kinds of mutes. A maintenance also hides the digest lines of its hosts. A suspension is never stored as a mute."""

    SILENCE = "silence"
    MAINTENANCE = "maintenance"
    SUSPENSION = "suspension"


class Mute(Value):
    """A silence or a maintenance: what it hides, on whose behalf, until when. `number` is assigned by the database.

    `what` is as it was typed: `host-a`, `host-a/nebula`, `label:tokyo`, `disk`, a target. `identity` is the owner's, encoded
    as in `bot.store.encoding`. `reminded_at`: its owner was notified of its end. `removed_by` is "" unless it ended early.
    """

    number: int = 0
    kind: MuteKind
    what: str
    reason: str
    owner: str
    identity: str
    operation: str
    channel: str
    added_at: AwareDatetime
    ends_at: AwareDatetime
    reminded_at: AwareDatetime | None = None
    removed_by: str = ""

    def is_active(self, now: datetime) -> bool:
        """Returns whether it hides anything at that time."""
        return self.added_at <= now < self.ends_at
