"""The report of an incident, as a value: every fact with its source. `bot.incidents.rules.milestones` makes it.

What is not known is None or "", never a guess. What its readers may not see, and what is no longer stored, is counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.phrase import Phrase
from bot.model.change import ApprovalState, ChangeState
from bot.model.incident import Incident, TimelineEntry
from commands.model.lanes import LaneChart, Milestone


@dataclass(frozen=True)
class IncidentEntry:
    """One answered request in an incident's channel: actor, command, and the answer as one sentence."""

    incident: int
    operation: str
    at: datetime
    actor: str
    words: str
    answer: Phrase


@dataclass(frozen=True)
class Acknowledgment:
    """A person's acknowledgment of an alert. `version` is the alert's after it."""

    at: datetime
    person: str
    version: int


@dataclass(frozen=True)
class ReportedAlert:
    """The last time for which an alert of the incident was open.

    `silent`: the alert says that the host does not respond, so nothing else is known of it. `ended_at` is None while it is
    open.
    """

    number: int
    host: str
    silent: bool
    fired_at: datetime
    ended_at: datetime | None
    acknowledgments: tuple[Acknowledgment, ...] = ()


@dataclass(frozen=True)
class ReportedChange:
    """A change during the incident, as the signed events of the audit log have it.

    `plan` is the number of the event with the plan, 0 where that event is not signed or no longer stored; then `digest` is
    "" and the requester is not known. `state` is None while no end is recorded; `approval` is that of a change that never
    ran. `owed` are the hosts that it left out.
    """

    operation: str
    words: str
    hosts: tuple[str, ...]
    requester: str = ""
    asked_at: datetime | None = None
    plan: int = 0
    digest: str = ""
    state: ChangeState | None = None
    approval: ApprovalState | None = None
    ended_at: datetime | None = None
    owed: tuple[str, ...] = ()
    break_glass: bool = False


@dataclass(frozen=True)
class EvidenceFile:
    """A file that was delivered during the incident, as a signed event has it. `sha256` is that of the delivered bytes."""

    operation: str
    words: str
    person: str
    at: datetime
    name: str
    size: int
    sha256: str
    sequence: int


@dataclass(frozen=True)
class AuditProof:
    """Proof of a timeline by the audit log.

    `first` and `last` are the smallest and the largest number of an audit event that the timeline names, 0 if it names
    none. `verified`: all events up to `last` are as they were written; None if that could not be checked. `phrase` is the
    result of the verification. `differing` are the numbers of entries that their sources do not prove.
    """

    first: int
    last: int
    verified: bool | None
    phrase: Phrase
    differing: tuple[int, ...] = ()


@dataclass(frozen=True)
class ReportSources:
    """Everything that a report is made of, as far as its readers may see it.

    `entries` are those of the timeline, in the order of time. `hosts` get a lane each. `downtimes` are the times in which
    the bot did not run. `unrecorded` are looks that may have delivered a file of which no hash is recorded. `withheld`
    counts the entries that readers may not see, `expired` the alerts and plans that are no longer stored.
    """

    incident: Incident
    entries: Sequence[TimelineEntry]
    hosts: Sequence[str]
    alerts: Sequence[ReportedAlert]
    changes: Sequence[ReportedChange]
    evidence: Sequence[EvidenceFile]
    unrecorded: Sequence[TimelineEntry]
    downtimes: Sequence[tuple[datetime, datetime]]
    proof: AuditProof
    withheld: int
    expired: int
    at: datetime


@dataclass(frozen=True)
class MilestoneTime:
    """A milestone with the source of its time. Both are empty if it is not known."""

    milestone: Milestone
    at: datetime | None = None
    source: str = ""


@dataclass(frozen=True)
class Duration:
    """The seconds between two milestones that are known."""

    since: Milestone
    until: Milestone
    seconds: float


@dataclass(frozen=True)
class IncidentReport:
    """The report: its sources, and what follows from them."""

    sources: ReportSources
    milestones: tuple[MilestoneTime, ...]
    durations: tuple[Duration, ...]
    chart: LaneChart
