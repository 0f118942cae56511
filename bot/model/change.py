"""An operation that changes hosts, as one value for every surface and for the store.

The states of an operation and of its approval are drawn in `bot.changes.rules.approval`.

Signed outcomes of a run, as rooms that follow its end see them (`bot.changes.rules.trail.AuditTrail`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pydantic import AwareDatetime, Field

from adapters.phrase import Phrase
from adapters.value import Value
from commands.model.operation import Risk, Role
from commands.model.plan import Plan, Step, StepResult

_REPORT = Phrase("{who} reported: {saw}", who="", saw="")


def describe_report(who: str, saw: str) -> Phrase:
    """Describes what a person found of a change whose outcome was unknown. It is the reason for the end of the change."""
    return _REPORT.with_values(who=who, saw=saw)


class ChangeState(StrEnum):
    """State of an operation that changes hosts."""

    PLANNED = "planned"
    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    UNDONE = "undone"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CLOSED = "closed"

    @property
    def ended(self) -> bool:
        """True if nothing more will happen by itself."""
        return self in (ChangeState.DONE, ChangeState.UNDONE, ChangeState.FAILED, ChangeState.UNKNOWN, ChangeState.CLOSED)


class ApprovalState(StrEnum):
    """State of an approval."""

    PENDING = "pending"
    APPROVED = "approved"
    USED = "used"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    REFUSED = "refused"


STATE_PHRASES = {
    ChangeState.PLANNED: Phrase("planned"),
    ChangeState.WAITING: Phrase("waiting for approval"),
    ChangeState.READY: Phrase("waiting for hosts"),
    ChangeState.RUNNING: Phrase("running now"),
    ChangeState.DONE: Phrase("done"),
    ChangeState.UNDONE: Phrase("rolled back"),
    ChangeState.FAILED: Phrase("failed"),
    ChangeState.UNKNOWN: Phrase("result unknown"),
    ChangeState.CLOSED: Phrase("closed"),
}
"""Short names of the states of a change."""

APPROVAL_PHRASES = {
    ApprovalState.USED: Phrase("approved"),
    ApprovalState.DENIED: Phrase("denied"),
    ApprovalState.EXPIRED: Phrase("expired"),
    ApprovalState.WITHDRAWN: Phrase("withdrawn"),
    ApprovalState.SUPERSEDED: Phrase("superseded (plan changed)"),
    ApprovalState.REFUSED: Phrase("void (permission lost)"),
}
"""Outcomes of requested approvals. One that is still open has none."""

TERMINAL_SURFACES = frozenset({"shell", "do"})
"""Surfaces on which the operating system identifies people."""


class Review(Value):
    """One person's decision. `mention` is their Slack id where they have one, "" elsewhere.

    `surface` is where they decided.
    """

    person: str
    approves: bool
    reason: str = ""
    at: AwareDatetime
    mention: str = ""
    surface: str = ""

    @property
    def by_shell(self) -> bool:
        """True if it came from a terminal: from an account of the operating system, not of Slack."""
        return self.surface in TERMINAL_SURFACES


class Approval(Value):
    """One plan that waits for `needed` people; for none, if a rule waives the approval (`waived`).

    `may` are the people who may approve, by name; `groups` are Slack user groups whose members may, too, if they have one of
    `roles` when they decide. `ping` are Slack ids to notify. `rule` names for the audit the rule that demanded the approval.
    `second_road`: one of the approvals must come from a terminal, so that a stolen Slack account is not enough.
    `mentions` are Slack ids of people in `may`, by name, and `lacking` explains that there are too few of them; both as of
    now, while it waits.
    """

    state: ApprovalState
    needed: int
    rule: str
    roles: tuple[Role, ...] = ()
    may: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    ping: tuple[str, ...] = ()
    expires_at: AwareDatetime
    reviews: tuple[Review, ...] = ()
    second_road: bool = False
    mentions: Mapping[str, str] = Field(default_factory=dict)
    lacking: Phrase | None = None

    @property
    def waived(self) -> bool:
        """True if `rule` waives the approval."""
        return self.needed == 0

    @property
    def lacks_second_road(self) -> bool:
        """True if an approval from a terminal is required and missing."""
        return self.second_road and not any(review.approves and review.by_shell for review in self.reviews)

    @property
    def approvals(self) -> int:
        """Number of people who approved."""
        return len({review.person for review in self.reviews if review.approves})


class BreakGlass(Value):
    """Replacement of the approvals by one administrator; open until another person has reviewed it.

    `ping` are the Slack ids of those who would have had to approve. They are notified at once.
    """

    ping: tuple[str, ...] = ()
    reviewed_by: str = ""
    reviewed_at: AwareDatetime | None = None
    review: str = ""


class TransferProgress(Value):
    """Progress of a transfer in bytes: moved so far, and in all."""

    moved: int
    size: int


class Change(Value):
    """One operation in its current state.

    `words` are its canonical words, `requester` the person's name and `mention` their Slack id or "". `channel` is the Slack
    channel of its card, "" where it has none. `waits_for` names what a READY operation waits for.
    `results` are those of steps that began, in order. `why` is the reason for its end. `stopping` is the person who asked to
    stop before the next step. `version` grows with every change of any of this.
    """

    operation: str
    words: str
    risk: Risk
    requester: str
    mention: str = ""
    channel: str = ""
    reason: str = ""
    state: ChangeState
    plan: Plan
    digest: str
    dry_run: bool = False
    approval: Approval | None = None
    break_glass: BreakGlass | None = None
    waits_for: Phrase | None = None
    unrehearsed: tuple[str, ...] = ()
    """Hosts whose guard the plan relies on without a fresh rehearsal, while it has not ended; `plan.warnings` has why."""
    rehearsal_notes: tuple[Phrase, ...] = ()
    """The sentences on these hosts among `plan.warnings`, each with the command to rehearse as its value `words`."""
    results: tuple[StepResult, ...] = ()
    running: str = ""
    """Key of the step that is under way."""
    transfer: TransferProgress | None = None
    """Progress of the step that is under way, if it is a transfer that takes its time."""
    stopping: str = ""
    why: Phrase | None = None
    before: str = ""
    """The operation that this one continues or supersedes."""
    after: str = ""
    """The operation that took this one's place."""
    asked_at: AwareDatetime
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    version: int = 0

    @property
    def owed_hosts(self) -> tuple[str, ...]:
        """Hosts to which an ended run owes the change: those that it had to leave out, if it did anything elsewhere."""
        if self.dry_run or self.state not in (ChangeState.DONE, ChangeState.FAILED):
            return ()
        did = self.state is ChangeState.DONE or any(result.result.successful for result in self.results)
        return self.plan.owed_hosts if did else ()

    @property
    def outcome(self) -> str:
        """The state for programs: `done_except_owed` where it is done except on hosts to which it is owed."""
        return "done_except_owed" if self.state is ChangeState.DONE and self.owed_hosts else self.state.value

    @property
    def reporter(self) -> str:
        """The person whose report is the outcome, by name; "" where the bot knows the outcome itself."""
        if self.why is None or self.why.template != _REPORT.template:
            return ""
        return str(self.why.values["who"])


class RunTrail(Protocol):
    """Signed outcomes of a run: results of its steps, the rollbacks, and the steps that may have left a host different."""

    @property
    def results(self) -> Mapping[str, StepResult]: ...

    @property
    def undone(self) -> Mapping[str, StepResult]: ...

    @property
    def touched(self) -> frozenset[str]: ...


def are_done(steps: Iterable[Step], trail: RunTrail) -> bool:
    """Returns whether all of these steps are done, and none was rolled back."""
    return all(
        step.key in trail.results and trail.results[step.key].result.successful and step.key not in trail.undone
        for step in steps
    )


@dataclass(frozen=True)
class EndedOperation:
    """An operation that has ended, without its plan. `approval` is the approval's state; None if none was required."""

    operation: str
    words: str
    requester: str
    state: ChangeState
    approval: ApprovalState | None = None
    break_glass: BreakGlass | None = None


@dataclass(frozen=True)
class HostClaim:
    """The operation that holds a host. `unknown`: its outcome is unknown, so an operator must check the host first."""

    operation: str
    unknown: bool
