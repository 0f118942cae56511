"""A change as data, for programs. Every key is always present; `what` and `why` are in the reader's language.

operation, words, risk, state, requester, reason, digest, dry_run
asked_at, started_at, ended_at      ISO 8601 in UTC, or null
hosts       [host]                  on which something changes
steps       [{key, host, what, result, why, began_at, ended_at}]    in order; `result` is "awaited" before it has one
situation   null, or {now, since, or_else}    of its object: where a container runs, since when; `or_else` if it is not known
disrupts, warnings, premises        [text]
left_out    [{host, why}]
edits       [{host, file, diff: [line]}]    unified diffs of configuration files
left_out    [{host, why, owed}]
owed        [host]                  to which the ended run owes the change; `state` is then "done_except_owed", or "failed"
approval    null, or {state, needed, have, may, expires_at, reviews: [{person, approves, reason, at}]}
break_glass null, or {reviewed_by, reviewed_at, review}
stopping, why, before, after        text, or ""
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from adapters.phrase import Texts
from bot.model.change import Approval, Change
from bot.rendering.change_facts import find_present_situation
from commands.model.plan import StepResult

STEP_COLUMNS = ("key", "host", "what", "result", "why", "began_at", "ended_at")
"""The columns of the table of steps."""


def build_document(change: Change, texts: Texts) -> dict[str, Any]:
    """Builds the JSON document."""
    plan = change.plan
    return {
        "operation": change.operation,
        "words": change.words,
        "risk": change.risk.name.lower(),
        "state": change.outcome,
        "requester": change.requester,
        "reason": change.reason,
        "digest": change.digest,
        "dry_run": change.dry_run,
        "asked_at": _format_time(change.asked_at),
        "started_at": _format_time(change.started_at),
        "ended_at": _format_time(change.ended_at),
        "hosts": list(plan.hosts),
        "steps": list(build_steps(change, texts)),
        "situation": _build_situation(change, texts),
        "disrupts": [phrase.render(texts) for phrase in plan.disrupts],
        "warnings": [phrase.render(texts) for phrase in plan.warnings],
        "premises": [premise.phrase.render(texts) for premise in plan.premises],
        "edits": [{"host": edit.host, "file": edit.file, "diff": list(edit.diff)} for edit in plan.edits],
        "left_out": [{"host": left.host, "why": left.why.render(texts), "owed": left.owed} for left in plan.left_out],
        "owed": list(change.owed_hosts),
        "approval": _build_approval(change.approval) if change.approval is not None else None,
        "break_glass": change.break_glass.model_dump(mode="json") if change.break_glass is not None else None,
        "stopping": change.stopping,
        "why": change.why.render(texts) if change.why is not None else "",
        "before": change.before,
        "after": change.after,
    }


def build_steps(change: Change, texts: Texts) -> Iterator[dict[str, Any]]:
    """Yields each step with its result."""
    results = {result.key: result for result in change.results}
    for step in change.plan.steps:
        told = {"key": step.key, "host": step.host, "what": step.phrase.render(texts)}
        yield told | _build_outcome(results.get(step.key), texts, running=change.running == step.key)


def _build_outcome(result: StepResult | None, texts: Texts, *, running: bool) -> dict[str, Any]:
    if result is None:
        return {"result": "running" if running else "awaited", "why": "", "began_at": None, "ended_at": None}
    return {
        "result": result.result.value,
        "why": result.why.render(texts) if result.why is not None else "",
        "began_at": _format_time(result.began_at),
        "ended_at": _format_time(result.ended_at),
    }


def _build_situation(change: Change, texts: Texts) -> dict[str, Any] | None:
    found = find_present_situation(change)
    if found is None:
        return None
    return {
        "now": found.phrase.render(texts),
        "since": _format_time(found.since),
        "or_else": "" if found.or_else is None else found.or_else.render(texts),
    }


def _build_approval(approval: Approval) -> dict[str, Any]:
    return {
        "state": approval.state.value,
        "needed": approval.needed,
        "have": approval.approvals,
        "may": list(approval.may),
        "expires_at": _format_time(approval.expires_at),
        "reviews": [
            {"person": said.person, "approves": said.approves, "reason": said.reason, "at": _format_time(said.at)}
            for said in approval.reviews
        ],
    }


def _format_time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()
