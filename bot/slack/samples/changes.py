"""Invented changes in every state, with as many hosts, reasons and people as make their cards full. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from adapters.endpoint import Endpoint
from bot.model.change import Approval, ApprovalState, BreakGlass, Change, ChangeState, Review
from bot.slack.samples.reports import AT, FOREIGN, HOSTS, quote_text
from commands.model.operation import Risk
from commands.model.plan import FileEdit, LeftOutHost, Part, Plan, PlannedAction, Premise, Result, Step, StepResult

_OPERATION, _NEXT_OPERATION = "op-0123456789ab", "op-ba9876543210"
_PERSON, _OTHER, _GROUP = "U0123456789", "W0123456789", "S0123456789"

_DIFF = ("@@ -11,5 +11,6 @@", f"     {FOREIGN}", *(f"+{FOREIGN * 3}",) * 9, f"-    {FOREIGN}")

_APPROVALS = (
    *((state, ChangeState.CLOSED) for state in (ApprovalState.DENIED, ApprovalState.WITHDRAWN, ApprovalState.EXPIRED)),
    *((state, ChangeState.CLOSED) for state in (ApprovalState.SUPERSEDED, ApprovalState.REFUSED)),
    (ApprovalState.PENDING, ChangeState.WAITING),
    (ApprovalState.APPROVED, ChangeState.READY),
)
"""States of an approval, each with the state of its change."""


@dataclass(frozen=True)
class ChangeSample:
    """An invented change, and a name for the case that it stands for."""

    name: str
    change: Change


def list_changes() -> Iterator[ChangeSample]:
    """Lists changes in every state, of their approvals, too, and the cases that look different."""
    for state in ChangeState:
        yield ChangeSample(state.value, _make_change(state))
    for approval, state in _APPROVALS:
        yield ChangeSample(f"{state.value}.{approval.value}", _make_change(state, approval=_make_approval(approval)))
    running = _make_change(ChangeState.RUNNING)
    yield ChangeSample("running.stopping", running.model_copy(update={"stopping": FOREIGN}))
    glass = BreakGlass(ping=(_PERSON, _GROUP))
    yield ChangeSample("running.break-glass", running.model_copy(update={"approval": None, "break_glass": glass}))
    waived = Approval(
        state=ApprovalState.USED, needed=0, rule="approvals.rules[1]", ping=(_PERSON,), expires_at=AT + timedelta(hours=1)
    )
    yield ChangeSample("running.waived", running.model_copy(update={"approval": waived}))
    seen = BreakGlass(ping=(_PERSON,), reviewed_by="carol", reviewed_at=AT, review=FOREIGN * 9)
    done = _make_change(ChangeState.DONE)
    owing = done.plan.model_copy(
        update={"left_out": tuple(left.model_copy(update={"owed": True}) for left in done.plan.left_out)}
    )
    yield ChangeSample("done.owed", done.model_copy(update={"plan": owing}))
    yield ChangeSample("done.reviewed", done.model_copy(update={"approval": None, "break_glass": seen}))
    yield ChangeSample("planned.dry-run", _make_change(ChangeState.PLANNED, dry_run=True, approval=None))
    quiet = _make_change(ChangeState.WAITING, risk=Risk.CHANGE, hosts=1, mention="", requester="alice")
    yield ChangeSample("waiting.one-host", quiet)
    lacking = _make_approval(ApprovalState.PENDING).model_copy(update={"may": (), "lacking": quote_text(FOREIGN, 4)})
    yield ChangeSample("waiting.lacking", _make_change(ChangeState.WAITING, approval=lacking))
    yield ChangeSample("waiting.critical", _make_change(ChangeState.WAITING, risk=Risk.CRITICAL))


def _make_change(
    state: ChangeState, *, approval: Approval | None = None, hosts: int = 40, risk: Risk = Risk.DISRUPT, **given: Any
) -> Change:
    plan = _make_plan(hosts)
    began = state not in (ChangeState.PLANNED, ChangeState.WAITING, ChangeState.READY, ChangeState.CLOSED)
    fields: dict[str, Any] = {
        "operation": _OPERATION,
        "words": "cert renew --due 30d",
        "requester": FOREIGN,
        "mention": _PERSON,
        "channel": "C0123456789",
        "reason": FOREIGN * 20,
        "plan": plan,
        "digest": "1a2b3c4d" + "0" * 56,
        "approval": approval or _make_approval(ApprovalState.USED if began else ApprovalState.PENDING),
        "waits_for": quote_text(FOREIGN, 9) if state is ChangeState.READY else None,
        "results": _make_results(plan) if began else (),
        "running": plan.steps[5].key if state is ChangeState.RUNNING and hosts > 1 else "",
        "why": quote_text(FOREIGN, 9) if state in (ChangeState.FAILED, ChangeState.UNKNOWN, ChangeState.UNDONE) else None,
        "before": _OPERATION,
        "after": _NEXT_OPERATION if state is ChangeState.CLOSED else "",
        "asked_at": AT,
        "started_at": AT if began else None,
        "ended_at": AT + timedelta(minutes=3) if began and state is not ChangeState.RUNNING else None,
    }
    return Change(state=state, risk=risk, **(fields | given))


def _make_approval(state: ApprovalState) -> Approval:
    denied = state is ApprovalState.DENIED
    reviews = tuple(
        Review(person=f"person {number}", approves=not denied, reason=FOREIGN * 5, at=AT, mention=mention)
        for number, mention in enumerate((_OTHER, "", _OTHER))
    )
    return Approval(
        state=state,
        needed=2,
        rule="disrupt: two",
        may=HOSTS,
        groups=(_GROUP,),
        ping=(_PERSON, _OTHER, _GROUP),
        expires_at=AT + timedelta(hours=1),
        reviews=() if state is ApprovalState.PENDING else reviews,
    )


def _make_plan(hosts: int) -> Plan:
    sentences = (quote_text(FOREIGN, 4),) * 12
    return Plan(
        parts=tuple(_make_part(host) for host in HOSTS[:hosts]),
        premises=tuple(Premise(host=HOSTS[0], what="state", value=1, phrase=phrase) for phrase in sentences),
        disrupts=sentences,
        warnings=sentences,
        left_out=tuple(LeftOutHost(host=host, why=quote_text(FOREIGN)) for host in HOSTS[:5]),
        roads=tuple(Endpoint(host=host, side="windows", address=FOREIGN, identity="ab" * 32) for host in HOSTS[:hosts]),
        reach=sentences[:2],
        edits=tuple(FileEdit(host=host, file=FOREIGN, diff=_DIFF) for host in HOSTS[:hosts]),
        situation=sentences[0],
    )


def _make_part(host: str) -> Part:
    """Makes a step that changes and can be rolled back, one that cannot, and a proof. The first two change the situation."""
    change = PlannedAction(kind="windows.BeginChange", arguments={})
    undo = PlannedAction(kind="windows.AbortChange", arguments={})
    proof = PlannedAction(kind="windows.FindHandshake", arguments={})
    back, said = quote_text("restore"), quote_text(FOREIGN, 2)
    steps = (
        Step(key=f"{host}.swap", host=host, deed=change, phrase=said, undo=undo, undo_phrase=back, situation=said),
        Step(key=f"{host}.begin", host=host, deed=change, phrase=said, situation=said),
        Step(key=f"{host}.proof", host=host, deed=proof, phrase=said),
    )
    return Part(host=host, steps=steps)


def _make_results(plan: Plan) -> tuple[StepResult, ...]:
    """Makes a result of every kind."""
    return tuple(
        StepResult(key=step.key, result=result, why=quote_text(FOREIGN, 3), began_at=AT, ended_at=AT + timedelta(seconds=9))
        for step, result in zip(plan.steps, Result, strict=False)
    )
