"""Changes in every state, as `bot.changes.services.lifecycle` tells of them, for the tests of every surface."""

from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.phrase import Phrase
from bot.model.change import Approval, ApprovalState, BreakGlass, Change, ChangeState, Review
from commands.model.operation import Risk
from commands.model.plan import LeftOutHost, Part, Plan, PlannedAction, Premise, Result, Step, StepResult

ASKED = datetime(2026, 3, 1, 8, 50, tzinfo=UTC)
STARTED = ASKED + timedelta(minutes=5)
ENDED_AT = STARTED + timedelta(seconds=75)
OPERATION = "op-0123456789ab"

_PAIR = PlannedAction(kind="windows.MakeKeyPair", arguments={})
_SIGN = PlannedAction(kind="windows.SignCertificate", arguments={})
_BEGIN = PlannedAction(kind="windows.BeginChange", arguments={})
_ABORT = PlannedAction(kind="windows.AbortChange", arguments={})
_FIND = PlannedAction(kind="windows.FindHandshake", arguments={})


def part(host: str) -> Part:
    """A renewal, in four steps."""
    steps = (
        Step(key=f"{host}.pair", host=host, deed=_PAIR, phrase=Phrase("make a new key pair")),
        Step(key=f"{host}.sign", host="lighthouse", deed=_SIGN, phrase=Phrase("sign its public key")),
        Step(
            key=f"{host}.swap",
            host=host,
            deed=_BEGIN,
            phrase=Phrase("replace the certificate and restart Nebula"),
            undo=_ABORT,
            undo_phrase=Phrase("put the old certificate of {host} back", host=host),
        ),
        Step(key=f"{host}.proof", host="lighthouse", deed=_FIND, phrase=Phrase("see its handshake")),
    )
    return Part(host=host, steps=steps)


def plan(*hosts: str) -> Plan:
    return Plan(
        parts=tuple(map(part, hosts)),
        premises=(Premise(host=hosts[0], what="fingerprint", value="ab", phrase=Phrase("host-a has the certificate ab12")),),
        disrupts=tuple(Phrase("the tunnels of {host}, for about 10 seconds", host=host) for host in hosts),
        warnings=(Phrase("the clock of {host} is 20 seconds late", host=hosts[0]),),
        left_out=(LeftOutHost(host="host-z", why=Phrase("Windows was unreachable")),),
    )


def result(key: str, what: Result = Result.DONE, second: float = 0.0, why: Phrase | None = None) -> StepResult:
    began = STARTED + timedelta(seconds=second)
    return StepResult(key=key, result=what, why=why, began_at=began, ended_at=began + timedelta(seconds=2))


def approval(state: ApprovalState = ApprovalState.PENDING, *reviews: Review, **more: Any) -> Approval:
    given = {
        "needed": 1,
        "may": ("bob", "carol"),
        "ping": ("U0OPERATOR",),
        "groups": ("S0OPS",),
        "expires_at": ASKED + timedelta(hours=1),
    }
    return Approval(state=state, rule="disrupt: one", reviews=reviews, **(given | more))


def review(person: str = "bob", *, approves: bool = True, reason: str = "", mention: str = "U0OPERATOR") -> Review:
    return Review(person=person, approves=approves, reason=reason, at=ASKED + timedelta(minutes=4), mention=mention)


def change(state: ChangeState = ChangeState.WAITING, *hosts: str, **more: Any) -> Change:
    """A renewal for these hosts."""
    given = {
        "operation": OPERATION,
        "words": "cert renew host-a",
        "risk": Risk.DISRUPT,
        "requester": "alice",
        "mention": "U0ADMIN",
        "channel": "C0OPS",
        "reason": "expires on Friday",
        "plan": plan(*(hosts or ("host-a",))),
        "digest": "1a2b3c4d" + "0" * 56,
        "approval": approval(),
        "asked_at": ASKED,
    }
    return Change(state=state, **(given | more))


APPROVED = approval(ApprovalState.USED, review())
BEGUN: dict[str, Any] = {"approval": APPROVED, "started_at": STARTED}
ENDED = BEGUN | {"ended_at": ENDED_AT}

WAITING = change()
LACKING = change(approval=approval(may=(), lacking=Phrase("approval needs another person")))
DRY = change(ChangeState.PLANNED, dry_run=True, approval=None, channel="")
READY = change(
    ChangeState.READY, approval=approval(ApprovalState.APPROVED, review()), waits_for=Phrase("host-a, which op-2 holds")
)
RUNNING = change(ChangeState.RUNNING, **BEGUN, results=(result("host-a.pair"),), running="host-a.sign", version=4)
STOPPING = RUNNING.model_copy(update={"stopping": "carol"})
DONE = change(
    ChangeState.DONE,
    **ENDED,
    results=(
        result("host-a.pair"),
        result("host-a.sign", Result.UNCHANGED, 2),
        result("host-a.swap", second=4),
        result("host-a.proof", second=6),
    ),
)
UNDONE = change(
    ChangeState.UNDONE,
    **ENDED,
    results=(
        result("host-a.pair"),
        result("host-a.sign", second=2),
        result("host-a.swap", Result.UNDONE, 4),
        result("host-a.proof", Result.FAILED, 6, Phrase("no handshake was seen")),
    ),
    why=Phrase("no handshake was seen on lighthouse"),
)
FAILED = change(
    ChangeState.FAILED,
    "host-a",
    "host-b",
    **ENDED,
    results=(
        result("host-a.pair"),
        result("host-a.sign", Result.UNREACHABLE, 2, Phrase("lighthouse does not answer")),
    ),
    why=Phrase("lighthouse does not answer"),
)
UNKNOWN = change(
    ChangeState.UNKNOWN,
    **ENDED,
    results=(result("host-a.pair"), result("host-a.sign", Result.UNKNOWN, 2, Phrase("the answer was lost"))),
    why=Phrase("the answer was lost"),
)
DENIED = change(
    ChangeState.CLOSED,
    approval=approval(ApprovalState.DENIED, review(approves=False, reason="not before the backup")),
    why=Phrase("denied by {who}: {reason}", who="bob", reason="not before the backup"),
)
EXPIRED = change(
    ChangeState.CLOSED,
    approval=approval(ApprovalState.EXPIRED),
    why=Phrase("not approved by enough people in time. Submit it again"),
)
WITHDRAWN = change(
    ChangeState.CLOSED, approval=approval(ApprovalState.WITHDRAWN), why=Phrase("withdrawn by {who}", who="alice")
)
WITHDRAWN_GLASS = change(
    ChangeState.CLOSED, approval=None, break_glass=BreakGlass(), why=Phrase("withdrawn by {who}", who="alice")
)
SUPERSEDED = change(ChangeState.CLOSED, approval=approval(ApprovalState.SUPERSEDED), after="op-ba9876543210")
REFUSED = change(
    ChangeState.CLOSED, approval=approval(ApprovalState.REFUSED), why=Phrase("{who} may no longer approve", who="bob")
)
GLASS = RUNNING.model_copy(update={"approval": None, "break_glass": BreakGlass()})
REVIEWED = DONE.model_copy(
    update={"approval": None, "break_glass": BreakGlass(reviewed_by="bob", reviewed_at=ASKED, review="agreed")}
)

ALL = {
    "waiting": WAITING,
    "lacking": LACKING,
    "dry": DRY,
    "ready": READY,
    "running": RUNNING,
    "stopping": STOPPING,
    "done": DONE,
    "undone": UNDONE,
    "failed": FAILED,
    "unknown": UNKNOWN,
    "denied": DENIED,
    "expired": EXPIRED,
    "withdrawn": WITHDRAWN,
    "withdrawn glass": WITHDRAWN_GLASS,
    "superseded": SUPERSEDED,
    "refused": REFUSED,
    "glass": GLASS,
    "reviewed": REVIEWED,
}
