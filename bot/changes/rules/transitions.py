"""Transitions of an operation's record by decisions and ends: pure functions, applied in one transaction."""

from dataclasses import replace
from datetime import datetime

from adapters.errors import Refused
from adapters.phrase import Moment, Phrase
from bot.changes.rules.approval import (
    AlreadyDecided,
    Expired,
    NotAllowed,
    ReasonMissing,
    apply_review,
    move_approval,
    move_state,
)
from bot.changes.tables.operations import Transition
from bot.model.change import Approval, ApprovalState, ChangeState, Review
from bot.model.request import Identity
from bot.store.records import OperationRecord


def add_review(decided: Review, identity: Identity) -> Transition:
    """Make the transition for one person's decision."""

    def transition(record: OperationRecord) -> OperationRecord:
        if record.approval is None:
            raise AlreadyDecided(Phrase("an administrator started this as an emergency change, so no approval is needed"))
        if record.approval.waived:
            raise AlreadyDecided(Phrase("the configuration allows this without approval, so no approval is needed"))
        approval = apply_review(record.approval, decided, record.requester)
        after = replace(record, approval=approval, reviewers={**record.reviewers, decided.person: identity})
        match approval.state:
            case ApprovalState.APPROVED:
                return replace(after, state=move_state(record.state, ChangeState.READY), ready_at=decided.at)
            case ApprovalState.DENIED:
                why = Phrase("denied by {who}: {reason}", who=decided.person, reason=decided.reason)
                return _close_record(after, approval, why, decided.at)
            case _:
                return after

    return transition


def cancel_change(who: str, at: datetime) -> Transition:
    """Withdraw the operation where it has not started; otherwise ask it to stop before its next step, once."""

    def transition(record: OperationRecord) -> OperationRecord:
        if record.state in (ChangeState.WAITING, ChangeState.READY):
            return close_change(ApprovalState.WITHDRAWN, Phrase("withdrawn by {who}", who=who), at)(record)
        if record.state is ChangeState.RUNNING:
            return record if record.stopping else replace(record, stopping=who)
        raise explain_ended(record)

    return transition


def close_change(to: ApprovalState, why: Phrase, at: datetime) -> Transition:
    """Close the operation without any change of a host."""

    def transition(record: OperationRecord) -> OperationRecord:
        approval = None if record.approval is None else move_approval(record.approval, to)
        return _close_record(record, approval, why, at)

    return transition


def supersede_change(successor: str, why: Phrase, at: datetime) -> Transition:
    """Close the operation at its start, for the plan differs now; `successor` asks again, "" where none does."""

    def transition(record: OperationRecord) -> OperationRecord:
        return replace(close_change(ApprovalState.SUPERSEDED, why, at)(record), after=successor)

    return transition


def finish_run(state: ChangeState, why: Phrase | None, at: datetime) -> Transition:
    """Finish a run. An ended one stays as it is, for the end may be reported again after a crash."""

    def transition(record: OperationRecord) -> OperationRecord:
        if record.state is not ChangeState.RUNNING:
            return record
        return replace(record, state=move_state(record.state, state), why=why, running="", ended_at=at)

    return transition


def resolve_unknown(state: ChangeState, why: Phrase, at: datetime) -> Transition:
    """Set the outcome that a person found for an operation whose outcome was unknown."""

    def transition(record: OperationRecord) -> OperationRecord:
        if record.state is ChangeState.UNKNOWN:
            return replace(record, state=move_state(record.state, state), why=why, ended_at=at)
        if record.state.ended and record.why is not None:
            when = Moment(record.ended_at or record.asked_at)
            raise AlreadyDecided(Phrase("already finished at {when}: {why}", when=when, why=record.why))
        if record.state.ended:
            raise explain_ended(record)
        raise Refused(Phrase("not finished yet. See op show for progress"))

    return transition


def set_successor(successor: str) -> Transition:
    """Record the operation that continues this one."""

    def transition(record: OperationRecord) -> OperationRecord:
        if record.after not in ("", successor):
            raise AlreadyDecided(Phrase("already replaced by {operation}", operation=record.after))
        return replace(record, after=successor)

    return transition


def review_break_glass(who: str, text: str, at: datetime) -> Transition:
    """Close the break-glass review: another person has checked all that was done without approval."""

    def transition(record: OperationRecord) -> OperationRecord:
        glass = record.break_glass
        if glass is None:
            raise Refused(Phrase("this was not an emergency change, so there is nothing to review"))
        if who == record.requester:
            raise NotAllowed(Phrase("you cannot review your own emergency change. Ask someone else"))
        if not record.state.ended:
            raise Refused(Phrase("not finished yet. Review it afterwards"))
        if glass.reviewed_by and glass.reviewed_at is not None:
            raise AlreadyDecided(
                Phrase("{who} already reviewed this at {when}", who=glass.reviewed_by, when=Moment(glass.reviewed_at))
            )
        if not text.strip():
            raise ReasonMissing(Phrase("enter a review comment"))
        seen = glass.model_copy(update={"reviewed_by": who, "reviewed_at": at, "review": text})
        return replace(record, break_glass=seen)

    return transition


def explain_ended(record: OperationRecord) -> Refused:
    """Explain that the operation has ended, so that nothing can be done any more."""
    if record.approval is not None and record.approval.state is ApprovalState.EXPIRED:
        return Expired(Phrase("expired at {when}. Submit it again", when=Moment(record.approval.expires_at)))
    when = Moment(record.ended_at or record.asked_at)
    return AlreadyDecided(Phrase("already finished at {when}. See op show for the result", when=when))


def _close_record(record: OperationRecord, approval: Approval | None, why: Phrase, at: datetime) -> OperationRecord:
    return replace(
        record,
        state=move_state(record.state, ChangeState.CLOSED),
        approval=approval,
        why=why,
        waits_for=None,
        running="",
        ended_at=at,
    )
