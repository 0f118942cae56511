"""Runs of a rotation as their signed outcomes tell them: plans whose steps have marks, and what became of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters.phrase import Phrase
from adapters.windows.nebula import ForgetFolder
from bot.model.change import ChangeState
from bot.model.request import Surface, SystemIdentity
from bot.store.records import OperationRecord
from commands.certificates.rotation.records import START_WORDS, RotationStart
from commands.model.operation import Risk
from commands.model.plan import Part, Plan, PlannedAction, Result, Step, StepResult
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA, Authority
from tests.commands.canned_rotation import FOLDER, NEXT_CA, rotation_authority

DEED = PlannedAction.of(ForgetFolder(folder=r"F:\flatnet\operations\op-1"))
CANARY = NEXT_CA.sign("canary", "10.100.0.99/16")[0]

START = RotationStart(
    old=rotation_authority(CA, "ca"),
    certificate_file=rf"{FOLDER}\rotation-1.crt",
    key_file=rf"{FOLDER}\rotation-1.key",
)
STARTED = {
    "lighthouse/make": {"certificate": NEXT_CA.certificate},
    "lighthouse/canary": {"certificate": CANARY},
}
"""Answers of the steps of a start."""


@dataclass(frozen=True)
class Trail:
    """Signed outcomes of a run."""

    results: Mapping[str, StepResult]
    undone: Mapping[str, StepResult] = field(default_factory=dict)
    touched: frozenset[str] = frozenset()


def signature(ca: Authority, name: str = "host-a") -> dict[str, Any]:
    """The answer of a step that signs."""
    return {"certificate": ca.sign(name, "10.100.1.1/16")[0]}


def make_record(words: str, *keys: str, operation: str = "op-2", **given: Any) -> OperationRecord:
    """A stored run whose steps have these keys: a part for each host that they begin with."""
    hosts = dict.fromkeys(key.partition("/")[0] for key in keys)
    parts = tuple(
        Part(host=name, steps=tuple(_make_step(key) for key in keys if key.startswith(f"{name}/"))) for name in hosts
    )
    usual: dict[str, Any] = {
        "operation": operation,
        "words": words,
        "kind": words,
        "arguments": {},
        "risk": Risk.DISRUPT,
        "requester": "ana",
        "identity": SystemIdentity(1000, "ana"),
        "surface": Surface.SHELL,
        "channel": "",
        "card": "",
        "reason": "",
        "plan": given.pop("plan", None) or Plan(parts=parts, premises=given.pop("premises", ())),
        "digest": "",
        "asked_at": NOW,
        "expires_at": NOW,
        "state": ChangeState.RUNNING,
        "before": "",
    }
    return OperationRecord(**usual | given)


def make_start(operation: str = "op-000000000001", start: RotationStart = START) -> OperationRecord:
    """A stored run that starts a rotation."""
    return make_record(START_WORDS, *STARTED, operation=operation, premises=(start.build_premise("lighthouse"),))


def make_trail(
    record: OperationRecord,
    answers: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    failed: str = "",
    undone: str = "",
    at: datetime = NOW,
) -> Trail:
    """All steps of a record were done, but that `failed` and those after it; the part of a host was rolled back."""
    results, touched = {}, set()
    for step in record.plan.steps:
        result = Result.FAILED if step.key == failed else Result.DONE
        product = (answers or {}).get(step.key, {})
        results[step.key] = StepResult(key=step.key, result=result, product=product, began_at=at, ended_at=at)
        if result is Result.FAILED:
            break
        touched.add(step.key)
    back = {
        key: StepResult(key=key, result=Result.UNDONE, began_at=at, ended_at=at)
        for key in results
        if undone and key.startswith(f"{undone}/")
    }
    return Trail(results, back, frozenset(touched))


def _make_step(key: str) -> Step:
    return Step(key=key, host=key.partition("/")[0], deed=DEED, phrase=Phrase("x"))
