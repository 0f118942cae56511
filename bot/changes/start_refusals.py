"""Phrases for changes that cannot start: expired, or not approved by enough people who still may. Pure."""

from adapters.phrase import Phrase
from bot.access.policy import Refusal
from bot.model.change import ChangeState
from bot.store.records import OperationRecord


def explain_expiry(record: OperationRecord) -> Phrase:
    """Explain the expiry of an operation."""
    if record.state is ChangeState.WAITING:
        return Phrase("not approved by enough people in time. Submit it again")
    what = Phrase("hosts") if record.waits_for is None else record.waits_for
    return Phrase("expired while waiting for {what}. Submit it again", what=what)


def explain_lost_right(person: str, refused: Refusal) -> Phrase:
    """Explain that an approver may no longer approve."""
    return Phrase("{person} approved this but no longer has permission: {why}", person=person, why=refused.reason)


def explain_unrecorded(person: str) -> Phrase:
    """Explain that a decision is in the database alone."""
    return Phrase(
        "the audit log has no record of this decision by {person} (the database was changed). Submit it again", person=person
    )


def explain_unopened(person: str) -> Phrase:
    """Explain that an approval counts for nothing, because its approver has not opened the plan of a critical change."""
    return Phrase(
        "the audit log has no record that {person} opened the plan of this critical change. Submit it again", person=person
    )


def explain_untyped(person: str) -> Phrase:
    """Explain that an approval counts for nothing, because its approver has not typed the name of the object."""
    return Phrase(
        "the audit log has no record that {person} typed the name of what this critical change is about. Submit it again",
        person=person,
    )


def explain_missing_terminal() -> Phrase:
    """Explain that all approvals came from Slack."""
    return Phrase("one approval of a critical change must come from a terminal, and none did. Submit it again")


def refuse_too_many_open(limit: int) -> Refusal:
    """Refuse one more request of a person of whom too many wait."""
    phrase = Phrase(
        "you have reached the limit of {n} waiting requests. Withdraw one with {words}, or wait until one starts",
        n=limit,
        words="op cancel",
    )
    return Refusal("too many open", phrase)


def refuse_too_few(people: int, needed: int) -> Refusal:
    """Refuse a change that fewer people approved than are needed today."""
    phrase = Phrase(
        "approved by {n} person, but the current rules require {needed}. Submit it again",
        plural="approved by {n} people, but the current rules require {needed}. Submit it again",
        n=people,
        needed=needed,
    )
    return Refusal("too few people", phrase)
