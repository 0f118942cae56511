"""What may become of an approval and of an operation: every pair of states, and nothing that is not in the picture."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from adapters.errors import FlatnetError
from bot.changes.rules.approval import (
    CHANGE_TRANSITIONS,
    AlreadyDecided,
    Expired,
    InvalidTransition,
    NotAllowed,
    ReasonMissing,
    apply_review,
    move_approval,
    move_state,
)
from bot.model.change import Approval, ApprovalState, ChangeState, Review

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)

A = ApprovalState
PICTURE = {
    (A.PENDING, A.APPROVED),
    (A.PENDING, A.DENIED),
    (A.PENDING, A.WITHDRAWN),
    (A.PENDING, A.EXPIRED),
    (A.APPROVED, A.USED),
    (A.APPROVED, A.WITHDRAWN),
    (A.APPROVED, A.EXPIRED),
    (A.USED, A.SUPERSEDED),
    (A.USED, A.REFUSED),
}
"""All moves that an approval may make."""

S = ChangeState
LIVES = {
    *product((S.PLANNED,), (S.WAITING, S.READY, S.CLOSED)),
    *product((S.WAITING,), (S.READY, S.CLOSED)),
    *product((S.READY,), (S.RUNNING, S.CLOSED)),
    *product((S.RUNNING,), (S.DONE, S.UNDONE, S.FAILED, S.UNKNOWN, S.CLOSED)),
    *product((S.UNKNOWN,), (S.DONE, S.UNDONE, S.FAILED)),
}
"""All moves that an operation may make."""


def approval(state: ApprovalState = A.PENDING, *reviews: Review, needed: int = 1) -> Approval:
    return Approval(
        state=state, needed=needed, rule="disrupt needs 1", expires_at=NOW + timedelta(hours=1), reviews=tuple(reviews)
    )


def yes(person: str, at: datetime = NOW) -> Review:
    return Review(person=person, approves=True, at=at)


def no(person: str, reason: str = "not today", at: datetime = NOW) -> Review:
    return Review(person=person, approves=False, reason=reason, at=at)


@pytest.mark.parametrize(("before", "after"), list(product(ApprovalState, ApprovalState)))
def test_an_approval_makes_the_moves_of_the_picture_and_no_other(before: ApprovalState, after: ApprovalState) -> None:
    if (before, after) in PICTURE:
        assert after is move_approval(approval(before), after).state
    else:
        with pytest.raises(InvalidTransition):
            move_approval(approval(before), after)


@pytest.mark.parametrize(("before", "after"), list(product(ChangeState, ChangeState)))
def test_an_operation_makes_the_moves_of_the_picture_and_no_other(before: ChangeState, after: ChangeState) -> None:
    if (before, after) in LIVES:
        assert after is move_state(before, after)
    else:
        with pytest.raises(InvalidTransition):
            move_state(before, after)


def test_only_what_has_ended_and_is_known_moves_no_more() -> None:
    assert {state for state, moves in CHANGE_TRANSITIONS.items() if not moves} == {S.DONE, S.UNDONE, S.FAILED, S.CLOSED}


@pytest.mark.parametrize(
    ("earlier", "decided", "after", "counted"),
    [
        ((), yes("ben"), A.APPROVED, 1),
        ((), no("ben"), A.DENIED, 0),
    ],
)
def test_one_decision_is_enough_where_one_is_needed(
    earlier: tuple[Review, ...], decided: Review, after: ApprovalState, counted: int
) -> None:
    found = apply_review(approval(A.PENDING, *earlier), decided, "ana")
    assert (after, counted, (*earlier, decided)) == (found.state, found.approvals, found.reviews)


def test_two_different_people_are_needed_where_two_are() -> None:
    first = apply_review(approval(needed=2), yes("ben"), "ana")
    assert A.PENDING is first.state
    with pytest.raises(AlreadyDecided, match="1 more approval is needed"):
        apply_review(first, yes("ben"), "ana")
    assert A.APPROVED is apply_review(first, yes("cai"), "ana").state


def test_one_denial_denies_also_by_somebody_who_had_approved() -> None:
    first = apply_review(approval(needed=2), yes("ben"), "ana")
    assert A.DENIED is apply_review(first, no("ben"), "ana").state


@pytest.mark.parametrize(
    ("state", "reviews", "decided", "error", "words"),
    [
        (A.PENDING, (), yes("ana"), NotAllowed, "you cannot approve your own"),
        (A.PENDING, (), no("ana"), NotAllowed, "op cancel"),
        (A.PENDING, (), no("ben", " "), ReasonMissing, "enter a reason for denying"),
        (A.PENDING, (), yes("ben", NOW + timedelta(hours=1)), Expired, "2026-01-31 10:00:00 UTC"),
        (A.EXPIRED, (), yes("ben"), Expired, "2026-01-31 10:00:00 UTC"),
        (
            A.DENIED,
            (no("cai"),),
            yes("ben"),
            AlreadyDecided,
            "cai already denied this at 2026-01-31 09:00:00 UTC: not today",
        ),
        (A.APPROVED, (yes("cai"),), yes("ben"), AlreadyDecided, "cai already approved this at 2026-01-31 09:00:00 UTC"),
        (A.USED, (yes("cai"),), no("ben"), AlreadyDecided, "cai already approved this at 2026-01-31 09:00:00 UTC"),
        (A.WITHDRAWN, (), yes("ben"), AlreadyDecided, "withdrawn"),
        (A.SUPERSEDED, (yes("cai"),), yes("ben"), AlreadyDecided, "replaced by a new one"),
        (A.REFUSED, (yes("cai"),), yes("ben"), AlreadyDecided, "already decided"),
    ],
)
def test_what_comes_too_late_or_from_the_wrong_person_is_told_so(
    state: ApprovalState, reviews: tuple[Review, ...], decided: Review, error: type[FlatnetError], words: str
) -> None:
    with pytest.raises(error, match=words.replace("(", r"\(")):
        apply_review(approval(state, *reviews), decided, "ana")
