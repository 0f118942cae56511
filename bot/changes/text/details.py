"""Details of a change, in one language: everything that its approval covers, complete. Pure.

    the request · the name to type for an approval of a critical change · where its object is now · outages, warnings,
    excluded hosts · rollback, assumptions · edits of files · the steps of each host · endpoints · the digest

A card has the first sentences of it. Nothing is escaped yet.

Edits of configuration files in a change, in one language: unified diffs, clean and whole or their changed lines. Pure.

Nothing is escaped yet, but every line is one line without control characters, and keeps its spaces.

A change as data, for programs. Every key is always present; `what` and `why` are in the reader's language.

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

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adapters.phrase import Phrase, Texts
from bot.changes.text import facts as change_facts
from bot.changes.text import progress as change_progress
from bot.changes.text.facts import find_present_situation
from bot.model.change import Approval, Change
from bot.rendering.text import COMMAND
from bot.security.untrusted_text import clean_lines
from commands.model.operation import Risk
from commands.model.plan import Plan, StepResult
from commands.model.report import TextFile


@dataclass(frozen=True)
class ShownEdit:
    """An edit of one file: the heading that names it, and the lines of its diff."""

    heading: str
    lines: tuple[str, ...]

    @property
    def changed_lines(self) -> tuple[str, ...]:
        """The lines that are added or removed, without the indentation that all of them have."""
        changed = [line for line in self.lines if line.startswith(("+", "-"))]
        bodies = textwrap.dedent("\n".join(line[1:] for line in changed)).split("\n")
        return tuple(f"{line[0]}{body}" for line, body in zip(changed, bodies, strict=True))


def describe_edits(change: Change, texts: Texts) -> tuple[ShownEdit, ...]:
    """Describes the edits of a change, each with its whole diff."""
    return tuple(_list_edits(change, texts))


def _list_edits(change: Change, texts: Texts) -> Iterator[ShownEdit]:
    for edit in change.plan.edits:
        heading = Phrase("Edit of {file} on {host}:", file=edit.file, host=edit.host).render(texts)
        yield ShownEdit(heading, tuple(" ".join(clean_lines(line).splitlines()) for line in edit.diff))


@dataclass(frozen=True)
class DetailSection:
    """A heading, and the lines below it. `code`: they are lines of a file, whose spaces count."""

    heading: str
    lines: tuple[str, ...]
    code: bool = False


def describe_details(change: Change, texts: Texts) -> tuple[DetailSection, ...]:
    """Describes a change completely."""
    return tuple(_list_sections(change, texts))


def write_details(change: Change, texts: Texts) -> TextFile:
    """Writes the details as a text file, for a change that is too large for a view."""
    parts = ("\n".join([each.heading, *(f"  {line}" for line in each.lines)]) for each in describe_details(change, texts))
    return TextFile(name=f"flatnet-{change.operation}-plan.txt", text="\n\n".join(parts) + "\n")


def _list_sections(change: Change, texts: Texts) -> Iterator[DetailSection]:
    state = change_progress.describe_state(change).render(texts)
    found = (*change_facts.describe_reach(change, texts), *change_facts.describe_evidence(change, texts))
    yield DetailSection(f"{COMMAND} {change.words}", (state, *found))
    if change.risk is Risk.CRITICAL:
        yield DetailSection(Phrase("Name to type for an approval:").render(texts), (change.plan.object_name,))
    for fact in (
        *change_facts.describe_situation(change, texts),
        *change_facts.describe_request(change, texts),
        *change_facts.describe_dangers(change, texts),
        *change_facts.describe_grounds(change, texts),
        *change_facts.describe_deciders(change, texts),
    ):
        yield DetailSection(fact.label, fact.items)
    for edit in describe_edits(change, texts):
        yield DetailSection(edit.heading, edit.lines, code=True)
    for leg in change_progress.build_host_progress(change, texts, None):
        yield DetailSection(leg.host, tuple(map(str, leg.lines)))
    if change.plan.roads:
        yield DetailSection(Phrase("Connections:").render(texts), tuple(_list_endpoints(change.plan, texts)))
    yield DetailSection(Phrase("Digest of the plan:").render(texts), (change.digest,))


def _list_endpoints(plan: Plan, texts: Texts) -> Iterator[str]:
    """Lists the endpoints, each with the beginning of the hash of what pins its identity."""
    for road in plan.roads:
        pinned = f" — {Phrase('identity {hash}', hash=road.identity[:16]).render(texts)}" if road.identity else ""
        yield f"{road.host} ({road.side}): {road.address}{pinned}"


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
