"""Digest of a plan: the hash of what is approved."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from commands.model.plan import Plan, Step

FORMULA = 1
"""Number of the formula, which is part of what is hashed. Another formula needs another number."""


def compute_digest(plan: Plan, operation: str, arguments: Mapping[str, Any]) -> str:
    """Computes the SHA-256 of what is approved: operation, arguments, steps, premises, endpoints, and what approvers see.

    Raises `ValueError` for a kind of action that this version does not know.
    """
    document = {
        "formula": FORMULA,
        "operation": operation,
        "arguments": arguments,
        "steps": [_describe_step(step) for step in plan.steps],
        "parts": [[part.host, [step.key for step in part.steps]] for part in plan.parts],
        "premises": [[premise.host, premise.what, premise.value] for premise in plan.premises],
        "roads": [road.model_dump(mode="json") for road in sorted(plan.roads, key=lambda road: (road.host, road.side))],
        "edits": [edit.model_dump(mode="json") for edit in plan.edits],
        "owed": list(plan.owed_hosts),
        "about": plan.about,
        "follow_ups": [follow_up.model_dump(mode="json", exclude={"why"}) for follow_up in plan.follow_ups],
    }
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


_APPROVED_FIELDS = frozenset({"key", "host", "deed", "expect", "patience", "unbegun", "undo", "verify", "undone"})
"""Fields of a step that the digest covers. Phrases are left out, because they may be in another language."""


def _describe_step(step: Step) -> Mapping[str, Any]:
    """Describes a step: its data, what runs on each side in which role, and the source of a transfer."""
    source = step.source
    runs = {
        "deed": step.deed.describe_run(),
        "undo": None if step.undo is None else step.undo.describe_run(),
        "verify": None if step.verify is None else step.verify.deed.describe_run(),
        "undone": [check.deed.describe_run() for check in step.undone],
    }
    return step.model_dump(mode="json", include=set(_APPROVED_FIELDS)) | {
        "runs": runs,
        "source": None if source is None else source.model_dump(mode="json") | {"run": source.deed.describe_run()},
    }
