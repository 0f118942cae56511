"""Facts of a change besides its steps, in one language: disruptions, rollback, approvers. Pure.

Facts that matter only to approvers disappear when the change has ended. Nothing is escaped yet.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from adapters.phrase import Listing, Moment, Phrase, Texts, show
from bot.model.change import Approval, Change, State
from commands.model.plan import Plan

_Said = tuple[Phrase, Sequence[Phrase | Moment | Listing | str]]
"""A label, and the items after it."""


@dataclass(frozen=True)
class Fact:
    """One fact: a label, and one or several sentences."""

    label: str
    items: tuple[str, ...]


def matters(change: Change) -> bool:
    """Returns whether a decision on the change is still possible."""
    return change.dry_run or not change.state.ended


def asking(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Describes requester and reason, the reason to wait, and a request to stop."""
    return _facts(_asking(change), texts)


def meanwhile(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Describes the reason to wait, and a request to stop."""
    return _facts(_meanwhile(change), texts)


def dangers(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Describes the disruptions, and the warnings for approvers."""
    if not matters(change):
        return ()
    return _facts(
        [(Phrase("Stops meanwhile:"), change.plan.disrupts), (Phrase("Know before:"), change.plan.warnings)], texts
    )


def grounds(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Describes the hosts left out, the steps that a failure rolls back or does not roll back, and the premises."""
    plan = change.plan
    left_out = [Phrase("{host} — {why}", host=each.host, why=each.why) for each in plan.left_out]
    if not matters(change):
        return _facts([(Phrase("Left out:"), left_out)], texts)
    return _facts(
        [
            (Phrase("Left out:"), left_out),
            (Phrase("Put back if a step fails:"), _undoing(plan)),
            (Phrase("Not put back:"), _lasting(plan)),
            (Phrase("Rests on:"), [] if change.started_at else [premise.phrase for premise in plan.premises]),
        ],
        texts,
    )


def _undoing(plan: Plan) -> Sequence[Phrase]:
    """Lists the rollbacks, last step first. A rollback that two steps share is listed once."""
    ways = {str(step.undo): step.undo_phrase or step.phrase for step in reversed(plan.steps) if step.undo is not None}
    others = [Phrase("hosts that are done by then stay as they are")] if ways and len(plan.parts) > 1 else []
    return [*ways.values(), *others]


def _lasting(plan: Plan) -> Sequence[Phrase]:
    """Lists the steps that are never rolled back. The last step of a part and mere clean-up need no rollback."""
    tidying = [step.undo for step in plan.steps]
    early = [step for part in plan.parts for step in part.steps[:-1]]
    return [step.phrase for step in early if step.undo is None and step.deed.changes and step.deed not in tidying]


def deciders(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Describes the possible approvers, the expiry of the request, and the reviews."""
    return _facts(_deciders(change), texts)


def _asking(change: Change) -> Iterator[_Said]:
    yield Phrase("Asked by:"), [change.requester]
    if change.reason:
        yield Phrase("Reason:"), [change.reason]
    yield from _meanwhile(change)


def _meanwhile(change: Change) -> Iterator[_Said]:
    if change.waits_for is not None and change.state in (State.WAITING, State.READY):
        yield Phrase("Waits for:"), [change.waits_for]
    if change.stopping and not change.state.ended:
        yield Phrase("Asked to stop:"), [change.stopping]


def _deciders(change: Change) -> Iterator[_Said]:
    approval = change.approval
    if approval is not None and change.state is State.WAITING:
        yield Phrase("May approve:"), [Listing((*approval.may, *members(approval)))]
        yield Phrase("Expires:"), [Moment(approval.expires_at)]
    if approval is not None:
        for said in approval.reviews:
            label = Phrase("Approved by:") if said.approves else Phrase("Denied by:")
            yield label, [Phrase("{name}, {at}", name=said.person, at=Moment(said.at)), *filter(None, [said.reason])]
    if (glass := reviewed(change)) is not None:
        yield Phrase("Break-glass:"), [glass]


def members(approval: Approval) -> tuple[Phrase, ...]:
    """Describes the approvers that are known only by their user groups."""
    count = len(approval.groups)
    return (Phrase("members of {n} user group", plural="members of {n} user groups", n=count),) if count else ()


def reviewed(change: Change) -> Phrase | None:
    """Describes the review of a break-glass change; None if it is no such change or never began."""
    glass = change.break_glass
    if glass is None or change.state is State.CLOSED:
        return None
    if not glass.reviewed_by and change.state.ended:
        return Phrase("it ran without approval; somebody else must still review it")
    if not glass.reviewed_by:
        return Phrase("it runs without approval; somebody else must still review it")
    return Phrase("it ran without approval; reviewed by {name}: {text}", name=glass.reviewed_by, text=glass.review)


def _facts(facts: Iterable[_Said], texts: Texts) -> tuple[Fact, ...]:
    """Renders the facts that have items. Equal sentences appear once."""
    said = ((label.render(texts), tuple(dict.fromkeys(show(each, texts) for each in items))) for label, items in facts)
    return tuple(Fact(label, items) for label, items in said if items)
