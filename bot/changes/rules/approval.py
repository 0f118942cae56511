"""State machines of an approval and of an operation, as tables and plain functions.

approval   PENDING ─ enough approvals ─▶ APPROVED ─ start ─▶ USED ─ the plan differs now ─▶ SUPERSEDED
              │                              │                └─ the right to ask or to approve is gone ─▶ REFUSED
              ├─ one denial ─▶ DENIED        │
              ├─ requester ─▶ WITHDRAWN ◀────┤
              └─ time ─▶ EXPIRED ◀───────────┘                  any other move is an error
operation  PLANNED ─▶ WAITING (for people) ─▶ READY (for its hosts) ─▶ RUNNING ─▶ DONE, UNDONE, FAILED, UNKNOWN
              └────────────┴──────────────────────┴───────────────────────┴─▶ CLOSED     (─ resolve ─▶ one of the three)

A running operation is closed only where its start finds that it must not act: nothing was changed then.

Brings a waiting approval up to date with the configuration: who may give it now, and whether that is enough. Pure.

A person may leave or lose the role while a card waits. The stored approval stays as it was requested.

Continuation: the hosts of an ended change that a new one may still change. Pure.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from adapters.errors import Refused, RequestError
from adapters.phrase import Moment, Phrase
from bot.access.policy import Policy
from bot.access.refusals import explain_too_few_approvers
from bot.access.rules import DEFAULT_RULES
from bot.model.change import Approval, ApprovalState, Change, ChangeState, Review
from bot.store.records import OperationRecord


@dataclass(frozen=True)
class Decision:
    """A decision as a person makes it: `reason` of a denial, `name` that an approver of a critical change typed."""

    approves: bool
    reason: str = ""
    name: str = ""


class NotAllowed(Refused):
    """The person may not make this decision."""


class AlreadyDecided(Refused):
    """Another decision was earlier; the phrase names its person and time."""


class Expired(Refused):
    """The time to decide is over."""


class ReasonMissing(RequestError):
    """A reason is required."""


class InvalidTransition(Exception):
    """A transition that the state machine does not have: a bug of ours."""


APPROVAL_TRANSITIONS: Mapping[ApprovalState, frozenset[ApprovalState]] = {
    ApprovalState.PENDING: frozenset(
        {ApprovalState.APPROVED, ApprovalState.DENIED, ApprovalState.WITHDRAWN, ApprovalState.EXPIRED}
    ),
    ApprovalState.APPROVED: frozenset({ApprovalState.USED, ApprovalState.WITHDRAWN, ApprovalState.EXPIRED}),
    ApprovalState.USED: frozenset({ApprovalState.SUPERSEDED, ApprovalState.REFUSED}),
    ApprovalState.DENIED: frozenset(),
    ApprovalState.WITHDRAWN: frozenset(),
    ApprovalState.EXPIRED: frozenset(),
    ApprovalState.SUPERSEDED: frozenset(),
    ApprovalState.REFUSED: frozenset(),
}
"""States that an approval may move to."""

_RESOLVED_STATES = frozenset({ChangeState.DONE, ChangeState.UNDONE, ChangeState.FAILED})

CHANGE_TRANSITIONS: Mapping[ChangeState, frozenset[ChangeState]] = {
    ChangeState.PLANNED: frozenset({ChangeState.WAITING, ChangeState.READY, ChangeState.CLOSED}),
    ChangeState.WAITING: frozenset({ChangeState.READY, ChangeState.CLOSED}),
    ChangeState.READY: frozenset({ChangeState.RUNNING, ChangeState.CLOSED}),
    ChangeState.RUNNING: _RESOLVED_STATES | {ChangeState.UNKNOWN, ChangeState.CLOSED},
    ChangeState.UNKNOWN: _RESOLVED_STATES,
    ChangeState.DONE: frozenset(),
    ChangeState.UNDONE: frozenset(),
    ChangeState.FAILED: frozenset(),
    ChangeState.CLOSED: frozenset(),
}
"""States that an operation may move to."""


def move_approval(approval: Approval, to: ApprovalState) -> Approval:
    """Move the approval to another state. Raises `InvalidTransition` where the state machine has no such move."""
    if to not in APPROVAL_TRANSITIONS[approval.state]:
        raise InvalidTransition(f"an approval that is {approval.state} cannot become {to}")
    return approval.model_copy(update={"state": to})


def move_state(state: ChangeState, to: ChangeState) -> ChangeState:
    """Return the operation's next state. Raises `InvalidTransition` where the state machine has no such move."""
    if to not in CHANGE_TRANSITIONS[state]:
        raise InvalidTransition(f"an operation that is {state} cannot become {to}")
    return to


def apply_review(approval: Approval, decided: Review, requester: str) -> Approval:
    """Add one more decision to the approval.

    Enough approvals by different people approve it, one of them from a terminal where that is required. Who approved in
    Slack may then approve again from a terminal, and still counts once. One denial denies it. Raises `NotAllowed` for the
    requester, whatever their roles, and `AlreadyDecided`, `Expired`, `ReasonMissing`.
    """
    if decided.person == requester:
        raise _refuse_own_request(decided)
    if approval.state is ApprovalState.EXPIRED or (
        approval.state is ApprovalState.PENDING and decided.at >= approval.expires_at
    ):
        raise Expired(
            Phrase(
                "the approval period ended at {when}. The requester can submit it again", when=Moment(approval.expires_at)
            )
        )
    if approval.state is not ApprovalState.PENDING:
        raise _explain_decision(approval)
    if not decided.approves and not decided.reason.strip():
        raise ReasonMissing(Phrase("enter a reason for denying"))
    _refuse_second_approval(approval, decided)
    others = tuple(each for each in approval.reviews if (each.person, each.approves) != (decided.person, decided.approves))
    after = approval.model_copy(update={"reviews": (*others, decided)})
    if not decided.approves:
        return move_approval(after, ApprovalState.DENIED)
    enough = after.approvals >= after.needed and not after.lacks_second_road
    return move_approval(after, ApprovalState.APPROVED) if enough else after


def _refuse_own_request(decided: Review) -> NotAllowed:
    if decided.approves:
        return NotAllowed(Phrase("you cannot approve your own request (administrators included). Ask someone else"))
    return NotAllowed(Phrase("this is your own request. Use op cancel to withdraw it"))


def _refuse_second_approval(approval: Approval, decided: Review) -> None:
    """Refuse a second approval by one person, unless it is the missing one from a terminal; an approver may still deny."""
    if not decided.approves or (approval.lacks_second_road and decided.by_shell):
        return
    for earlier in approval.reviews:
        if earlier.person == decided.person:
            if approval.approvals >= approval.needed:
                when = Moment(earlier.at)
                phrase = Phrase("you already approved this at {when}. One approval from a terminal is needed", when=when)
                raise AlreadyDecided(phrase)
            raise AlreadyDecided(
                Phrase(
                    "you already approved this at {when}. {n} more approval is needed",
                    plural="you already approved this at {when}. {n} more approvals are needed",
                    when=Moment(earlier.at),
                    n=approval.needed - approval.approvals,
                )
            )


def _explain_decision(approval: Approval) -> AlreadyDecided:
    """Explain who decided earlier, and when."""
    match approval.state, approval.reviews:
        case ApprovalState.DENIED, (*_, last):
            return AlreadyDecided(
                Phrase(
                    "{who} already denied this at {when}: {reason}",
                    who=last.person,
                    when=Moment(last.at),
                    reason=last.reason,
                )
            )
        case ApprovalState.APPROVED | ApprovalState.USED, (*_, last):
            return AlreadyDecided(
                Phrase(
                    "{who} already approved this at {when}. Use op cancel to stop it before the next step",
                    who=last.person,
                    when=Moment(last.at),
                )
            )
        case ApprovalState.WITHDRAWN, _:
            return AlreadyDecided(Phrase("the requester has withdrawn this"))
        case ApprovalState.SUPERSEDED, _:
            return AlreadyDecided(Phrase("the hosts have changed since then. This request was replaced by a new one"))
        case _:
            return AlreadyDecided(Phrase("this is already decided. Run op show for details"))


MAX_MENTIONS = 5
"""Maximum number of user groups and people that a card mentions. More people are named."""


def refresh_approvers(change: Change, requester: str, policy: Policy) -> Change:
    """Return a waiting change with the people and user groups that may approve it; `requester` is the current name."""
    approval = change.approval
    if approval is None or not approval.roles:
        return change
    roles = frozenset(approval.roles)
    people = [person for person in policy.people if person.reachable and person.name != requester and person.roles & roles]
    groups = tuple(group.slack for group in policy.groups if group.roles & roles)
    known = {user for person in policy.people for user in person.slack} | {group.slack for group in policy.groups}
    mentioned = [person for person in people if person.slack][: max(0, MAX_MENTIONS - len(groups))]
    may = tuple(person.name for person in people)
    rule = DEFAULT_RULES[change.risk].model_copy(update={"approvers": approval.needed, "roles": roles})
    current = {
        "may": may,
        "groups": groups,
        "ping": tuple(user for user in approval.ping if user in known),
        "mentions": {person.name: person.slack[0] for person in mentioned},
        "lacking": None if groups or len(may) >= approval.needed else explain_too_few_approvers(rule, may),
    }
    return change.model_copy(update={"approval": approval.model_copy(update=current)})


def require_ended_run(record: OperationRecord) -> None:
    """Raise `Refused` where a change has not run to an end that is known."""
    match record.state:
        case ChangeState.DONE | ChangeState.UNDONE | ChangeState.FAILED:
            return
        case ChangeState.UNKNOWN:
            raise Refused(Phrase("the result is still unknown. Report what you found with op resolve"))
        case ChangeState.CLOSED:
            raise Refused(
                Phrase("it never started, so there is nothing to continue. Submit it again: {words}", words=record.words)
            )
        case _:
            raise Refused(Phrase("not finished yet. See op show for progress"))


def list_remaining_hosts(record: OperationRecord, done: Collection[str], known: Collection[str]) -> tuple[str, ...]:
    """List the requested hosts that are not `done` and still `known`. Raises `Refused` where there are none."""
    named = list(dict.fromkeys(part.host for part in record.plan.parts if part.host not in done))
    named += [left.host for left in record.plan.left_out if left.host not in named]
    remaining = tuple(host for host in named if host in known)
    if not remaining:
        raise Refused(Phrase("nothing left: all hosts are done"))
    return remaining
