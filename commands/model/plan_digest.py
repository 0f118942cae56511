"""Digest of a plan: the hash of what is approved, by the formula that the plan names."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from adapters.action_registry import hash_script
from commands.model.plan import DigestFormula, Plan, Step, list_actions, list_checks


def compute_digest(plan: Plan, operation: str, arguments: Mapping[str, Any]) -> str:
    """Computes the SHA-256 of what is approved, by the plan's formula: operation, arguments, steps, premises, endpoints.

    Raises `ValueError` for a kind of action that this version does not know.
    """
    seal, describe = _FORMULAS[plan.digest_formula]
    document = {
        "operation": operation,
        "arguments": arguments,
        "steps": [seal(step) for step in plan.steps],
        "parts": [[part.host, [step.key for step in part.steps]] for part in plan.parts],
        "premises": [[premise.host, premise.what, premise.value] for premise in plan.premises],
        "roads": [road.model_dump(mode="json") for road in sorted(plan.roads, key=lambda road: (road.host, road.side))],
        **describe(plan),
    }
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


_APPROVED_FIELDS = frozenset({"key", "host", "deed", "expect", "patience", "unbegun", "undo"})
"""Fields of a step that every formula covers. Phrases are left out, because they may be in another language."""


def _build_digest_input_v1(step: Step) -> Mapping[str, Any]:
    """Returns the digest input of formula 1: the data of a step, its checks in one list, and the hashes of its scripts."""
    checks = [check.model_dump(mode="json") for check in list_checks(step)]
    scripts = [hash_script(deed.kind) for deed in list_actions(step)]
    return step.model_dump(mode="json", include=set(_APPROVED_FIELDS)) | {"checks": checks, "scripts": scripts}


def _build_digest_input_v2(step: Step) -> Mapping[str, Any]:
    """Returns the digest input of formula 2: the data of a step, and what runs on each side in which role."""
    runs = {
        "deed": step.deed.describe_run(),
        "undo": None if step.undo is None else step.undo.describe_run(),
        "verify": None if step.verify is None else step.verify.deed.describe_run(),
        "undone": [check.deed.describe_run() for check in step.undone],
    }
    return step.model_dump(mode="json", include={*_APPROVED_FIELDS, "verify", "undone"}) | {"runs": runs}


def _build_digest_input_v3(step: Step) -> Mapping[str, Any]:
    """Returns the digest input of formula 3: that of formula 2, and the source of a transfer with what runs there."""
    source = step.source
    seen = None if source is None else source.model_dump(mode="json") | {"run": source.deed.describe_run()}
    return {**_build_digest_input_v2(step), "source": seen}


def _describe_plan_v3(plan: Plan) -> Mapping[str, Any]:
    """Describes what formula 3 adds of a plan: the edits that approvers see, hosts that remain owed, the name to type."""
    edits = [edit.model_dump(mode="json") for edit in plan.edits]
    return {"formula": 3, "edits": edits, "owed": list(plan.owed_hosts), "about": plan.about}


def _describe_plan_v4(plan: Plan) -> Mapping[str, Any]:
    """Describes what formula 4 adds of a plan: what is left to be done later."""
    later = [follow_up.model_dump(mode="json", exclude={"why"}) for follow_up in plan.follow_ups]
    return {**_describe_plan_v3(plan), "formula": 4, "follow_ups": later}


_FORMULAS: Mapping[DigestFormula, tuple[Callable[[Step], Mapping[str, Any]], Callable[[Plan], Mapping[str, Any]]]] = {
    1: (_build_digest_input_v1, lambda plan: {}),
    2: (_build_digest_input_v2, lambda plan: {"formula": 2}),
    3: (_build_digest_input_v3, _describe_plan_v3),
    4: (_build_digest_input_v3, _describe_plan_v4),
}
"""By formula: the functions that return the digest input of a step, and the fields that name the formula.

Formulas are never edited, because stored digests depend on them.
"""
