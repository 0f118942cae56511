"""What there is to say of an operation that changes hosts: one value for every surface and for the store.

How an operation and its approval move from state to state is drawn in `bot.changes.approval`.
"""

from enum import StrEnum

from pydantic import AwareDatetime

from adapters.phrase import Phrase
from adapters.value import Value
from commands.model.operation import Risk, Role
from commands.model.plan import Plan, StepResult


class State(StrEnum):
    """Where an operation is in its life."""

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
        """Whether nothing more will happen by itself."""
        return self in (State.DONE, State.UNDONE, State.FAILED, State.UNKNOWN, State.CLOSED)


class ApprovalState(StrEnum):
    """Where an approval is in its life."""

    PENDING = "pending"
    APPROVED = "approved"
    USED = "used"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    REFUSED = "refused"


class Review(Value):
    """One person's decision. `mention` is their Slack id where they have one, "" elsewhere."""

    person: str
    approves: bool
    reason: str = ""
    at: AwareDatetime
    mention: str = ""


class Approval(Value):
    """One plan waiting for `needed` people. `may` are the people who may approve by name, `ping` Slack ids to notify.

    `rule` says in words for the audit which rule asked for it; `groups` are Slack user groups whose members may, too;
    whoever decides must have one of `roles` then.
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

    @property
    def approvals(self) -> int:
        """How many people approved."""
        return len({review.person for review in self.reviews if review.approves})


class BreakGlass(Value):
    """Approvals were replaced by one administrator; open until somebody else has reviewed it.

    `ping` are the Slack ids of whoever would have had to approve, to notify at once.
    """

    ping: tuple[str, ...] = ()
    reviewed_by: str = ""
    reviewed_at: AwareDatetime | None = None
    review: str = ""


class Change(Value):
    """One operation as it stands now.

    `words` are its canonical words, `requester` the person's name and `mention` their Slack id or "". `channel` is
    the Slack channel in which its one message stands, "" where it has none. `waits_for` says what a READY one waits
    for. `results` are those of steps that began, in order. `why` says why it ended as it did. `stopping`: who asked to
    stop before the next step. `version` grows with every change of any of this.
    """

    operation: str
    words: str
    risk: Risk
    requester: str
    mention: str = ""
    channel: str = ""
    reason: str = ""
    state: State
    plan: Plan
    digest: str
    dry_run: bool = False
    approval: Approval | None = None
    break_glass: BreakGlass | None = None
    waits_for: Phrase | None = None
    results: tuple[StepResult, ...] = ()
    running: str = ""
    """The key of the step that is under way."""
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
