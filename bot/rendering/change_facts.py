"""What there is to know of a change besides its steps, in one language: what stops, what can be undone, who may approve.

Once it has ended, what only mattered to approvers is no longer said. Nothing is escaped yet.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from adapters.phrase import Listing, Moment, Phrase, Texts, show
from bot.model.change import Approval, Change, State
from commands.model.plan import Plan

_Said = tuple[Phrase, Sequence[Phrase | Moment | Listing | str]]
"""A label, and what is said after it."""


@dataclass(frozen=True)
class Fact:
    """Something to know: a label, and one sentence or several."""

    label: str
    items: tuple[str, ...]


def matters(change: Change) -> bool:
    """Whether somebody may still decide by it."""
    return change.dry_run or not change.state.ended


def asking(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Who asks and why; what it waits for, and who wants it stopped."""
    return _facts(_asking(change), texts)


def meanwhile(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """What it waits for, and who wants it stopped."""
    return _facts(_meanwhile(change), texts)


def dangers(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """What people lose meanwhile, and what an approver must know."""
    if not matters(change):
        return ()
    return _facts(
        [(Phrase("Stops meanwhile:"), change.plan.disrupts), (Phrase("Know before:"), change.plan.warnings)], texts
    )


def grounds(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Which hosts the plan leaves alone, what is put back where a step fails and what is not, and what it rests on."""
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
    """How it goes back, the last step first; what two steps share is said once."""
    ways = {str(step.undo): step.undo_phrase or step.phrase for step in reversed(plan.steps) if step.undo is not None}
    others = [Phrase("hosts that are done by then stay as they are")] if ways and len(plan.parts) > 1 else []
    return [*ways.values(), *others]


def _lasting(plan: Plan) -> Sequence[Phrase]:
    """What no failure takes back. The last step of a part ends it, and what only tidies up leaves nothing to take back."""
    tidying = [step.undo for step in plan.steps]
    early = [step for part in plan.parts for step in part.steps[:-1]]
    return [step.phrase for step in early if step.undo is None and step.deed.changes and step.deed not in tidying]


def deciders(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Who may approve by name, until when, and who has decided."""
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
    """Those who may approve and are known by their user groups alone."""
    count = len(approval.groups)
    return (Phrase("members of {n} user group", plural="members of {n} user groups", n=count),) if count else ()


def reviewed(change: Change) -> Phrase | None:
    """Whether somebody has looked at a break-glass change since; None where it is none, or never began."""
    glass = change.break_glass
    if glass is None or change.state is State.CLOSED:
        return None
    if not glass.reviewed_by and change.state.ended:
        return Phrase("it ran without approval; somebody else must still review it")
    if not glass.reviewed_by:
        return Phrase("it runs without approval; somebody else must still review it")
    return Phrase("it ran without approval; reviewed by {name}: {text}", name=glass.reviewed_by, text=glass.review)


def _facts(facts: Iterable[_Said], texts: Texts) -> tuple[Fact, ...]:
    """Those of which there is something to say; the same sentence once."""
    said = ((label.render(texts), tuple(dict.fromkeys(show(each, texts) for each in items))) for label, items in facts)
    return tuple(Fact(label, items) for label, items in said if items)
