"""Incidents: a problem that people work on together, and its timeline. Values; `bot.incidents` has the rules.

OPEN ─ mitigated ─▶ MITIGATED ─┬─ resolved ─▶ RESOLVED ─ reopened ─▶ OPEN ◀─ reopened ─ MITIGATED
  ├─────────── resolved ───────┘
  └─ OPEN or MITIGATED ─ merged ─▶ DUPLICATE of another one

Each act of a person is one signed audit event, which names the number and the version of the incident after it. Row and
timeline are folded from these events, so a crash between event and row is made up for.

Quoted message: a message of Slack that a person made a note of, as Slack describes it.

The text of the note is in the words of the request, where it is checked for secrets. The rest comes only with deliveries of
Slack, so no one can type that a note was written by another person.

Update preview: the line that those who wait will read, before it is posted.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from adapters.phrase import Phrase
from commands.model.finding import Severity


class IncidentState(StrEnum):
    """States of an incident. The values are stored."""

    OPEN = "open"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    DUPLICATE = "duplicate"


STATE_NAMES = {
    IncidentState.OPEN: Phrase("open"),
    IncidentState.MITIGATED: Phrase("mitigated"),
    IncidentState.RESOLVED: Phrase("resolved"),
    IncidentState.DUPLICATE: Phrase("duplicate"),
}

WORKED_ON_STATES = frozenset({IncidentState.OPEN, IncidentState.MITIGATED})
"""States in which people work on an incident, and its timeline grows."""

LOOKBACK_PERIOD = timedelta(minutes=30)
"""Time before its beginning that belongs to an incident: what people did then may be its cause."""


@dataclass(frozen=True)
class FollowUp:
    """Something to do after an incident. `number` counts those of the incident from 1; `who` is "" for no person."""

    number: int
    text: str
    who: str = ""
    due: date | None = None
    done_by: str = ""
    done_at: datetime | None = None


@dataclass(frozen=True)
class Incident:
    """One incident. `target` are its hosts as a host expression; `was` is the cause, given when it is resolved.

    `operation` is the request that opened it; `resolution` the one that resolved it, "" while it is not. `channel` is its
    place, "" for none; `channel_name` is "" if the name is not known. `private` (of the channel, or of the direct message in
    which it was opened) is None if that is not known. `shared`: everyone in the channel sees the results of reads there.
    `version` counts its moves. `severity` is None, and `lead` "", if only the columns of its row could be read.
    `began_at` is when the problem began, as a person said; None if no one did. `duplicate_of` is the number of the incident
    that it was merged into, 0 for none. `alerts` are the numbers of alerts that a person added. `invited` may read it, too.
    `made_channel`: the bot created the channel for it. `update` is the newest text for those who wait.
    """

    operation: str
    channel: str
    title: str
    target: str
    opened_by: str
    opened_at: datetime
    resolution: str = ""
    resolved_by: str = ""
    resolved_at: datetime | None = None
    was: str = ""
    number: int = 0
    channel_name: str = ""
    private: bool | None = None
    shared: bool = True
    state: IncidentState = IncidentState.OPEN
    version: int = 1
    severity: Severity | None = None
    lead: str = ""
    began_at: datetime | None = None
    mitigated_at: datetime | None = None
    duplicate_of: int = 0
    alerts: tuple[int, ...] = ()
    invited: tuple[str, ...] = ()
    made_channel: bool = False
    update: str = ""
    updated_at: datetime | None = None
    next_update_at: datetime | None = None
    followups: tuple[FollowUp, ...] = field(default=())

    @property
    def open(self) -> bool:
        """True while people work on it: it is neither resolved nor a duplicate."""
        return self.state in WORKED_ON_STATES and self.resolved_at is None

    @property
    def beginning(self) -> datetime:
        """The time at which the problem began, as a person said: its opening if no one did, or at the latest."""
        return min(self.began_at or self.opened_at, self.opened_at)


class EntryKind(StrEnum):
    """Kinds of timeline entries. The values are stored."""

    OPENED = "opened"
    SNAPSHOT = "snapshot"
    NOTE = "note"
    UPDATE = "update"
    POSTPONEMENT = "postponement"
    STATE = "state"
    SEVERITY = "severity"
    LEAD = "lead"
    INVITATION = "invitation"
    SCOPE = "scope"
    CORRECTION = "correction"
    FOLLOWUP = "followup"
    CALL = "call"
    ALERT = "alert"
    CHANGE = "change"
    LOOK = "look"
    GAP = "gap"


PERSONAL_KINDS = frozenset(
    {
        EntryKind.NOTE,
        EntryKind.UPDATE,
        EntryKind.POSTPONEMENT,
        EntryKind.STATE,
        EntryKind.SEVERITY,
        EntryKind.LEAD,
        EntryKind.CORRECTION,
        EntryKind.FOLLOWUP,
    }
)
"""Kinds of entries that show that a person works on the incident."""


@dataclass(frozen=True)
class TimelineEntry:
    """One entry of a timeline. It is never changed or deleted.

    `number` counts the entries of the incident from 1, in the order in which they were recorded; 0 before it is stored.
    `source` names what it is made of, once for each incident: `audit:1234` (an audit event), `alert:12/3` (a move of an
    alert), `gap:12-15` (audit events that are missing or not signed), `operation:op-…` (a request of a version without
    timelines). `author` is "" for the bot. `hosts` are the names
    that a reader needs the right to, none for entries that all readers of the incident see. `words` are the command of a
    look or a change, `operation` its id. `link` leads to the message that a note was taken from. `about` is the entry that a
    correction corrects, the alert of a move, or the follow-up; never another incident, which may have other readers.
    """

    incident: int
    source: str
    kind: EntryKind
    happened_at: datetime
    recorded_at: datetime
    author: str
    text: Phrase
    number: int = 0
    hosts: tuple[str, ...] = ()
    words: str = ""
    operation: str = ""
    link: str = ""
    about: int = 0


@dataclass(frozen=True)
class QuotedMessage:
    """The channel and timestamp of a message, its author and its link.

    `author` is the configured name of its author, else the name and the id by which Slack knows them, as in
    `Max Huber (U0MEMBER)`. `link` is "" if Slack gave none.
    """

    channel: str
    ts: str
    author: str
    link: str = ""

    @property
    def at(self) -> datetime:
        """The time at which it was posted, by Slack's clock."""
        seconds, _, fraction = self.ts.partition(".")
        return datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(fraction[:6].ljust(6, "0") or 0))


@dataclass(frozen=True)
class UpdatePreview:
    """Preview of an update. `words` are the command with the number of its incident.

    `channel` gets exactly `line`; it is "" where the update is not announced, for the reason in `obstacle`.
    """

    words: str
    line: Phrase
    channel: str = ""
    obstacle: Phrase | None = None
