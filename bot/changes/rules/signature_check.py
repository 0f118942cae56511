"""Verifies stored plans and approvals against signed audit events. A database row alone is never trusted. Pure.

    PLAN         the requester and the digest           before anything may start
    RUN          the digest that was started, and its   before each further step: the row may have changed since, and
                 scripts by their hash                  the bot may have been upgraded
    OPENED       an approver opened the plan            before they approve a critical change, and before it starts
    REVIEW       the approver and the digest            beside the rows of reviews; of a critical change also the name that
                 the approver typed, and the surface
    BREAK_GLASS  an administrator broke the glass, and  where no approval was needed
                 the surface
    WAIVER       the requester and the digest           where a rule waived the approval

All functions take events whose signatures were checked (`bot.audit_log.log.AuditLog.find_signed`).
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from adapters.action_registry import hash_script
from bot.audit_log.log import MAX_RECORDED_LENGTH
from bot.model.change import TERMINAL_SURFACES
from bot.store.audit_chain import StoredEvent
from bot.store.records import OperationRecord
from commands.model.plan_digest import compute_digest


def is_attested(record: OperationRecord, events: Iterable[StoredEvent]) -> bool:
    """Return whether one of these events, PLAN or RUN, holds the stored digest, on behalf of the stored requester."""
    ours = (_parse_data(event) for event in events if event.actor == record.requester)
    return any(data.get("digest") == record.digest and not data.get("dry_run") for data in ours)


def is_digest_valid(record: OperationRecord) -> bool:
    """Return whether the stored plan has its digest, and its actions are the same in this version."""
    try:
        return compute_digest(record.plan, record.kind, record.arguments) == record.digest
    except ValueError:  # a plan of another version
        return False


def was_upgraded(record: OperationRecord, events: Iterable[StoredEvent]) -> bool:
    """Return whether the run of this digest was started by a version with other scripts, by these events, RUN.

    A version before this one did not record the scripts.
    """
    runs = (data for event in events if (data := _parse_data(event)).get("digest") == record.digest)
    return any("scripts" not in data or not _has_scripts(data["scripts"]) for data in runs)


def _has_scripts(started: Mapping[str, str]) -> bool:
    """Return whether this version runs the same scripts, by kind of action."""
    try:
        return all(hash_script(kind) == script for kind, script in started.items())
    except ValueError:  # an action of another version
        return False


def find_attested_approvers(record: OperationRecord, events: Iterable[StoredEvent]) -> frozenset[str]:
    """Find the people who approved this very plan by these events, REVIEW; by the names that the rows have, too."""
    yes = (event for event in events if _parse_data(event).get("approves") is True)
    return frozenset(event.actor for event in yes if _parse_data(event).get("digest") == record.digest)


def find_critical_approvers(record: OperationRecord, events: Iterable[StoredEvent], *, terminal: bool) -> frozenset[str]:
    """Find the people who approved this very plan and typed its name by these events, REVIEW; `terminal`: only those who did
    so from a terminal.
    """
    yes = [(event.actor, data) for event in events if (data := _parse_data(event)).get("approves") is True]
    named = record.digest, record.plan.object_name[:MAX_RECORDED_LENGTH]
    return frozenset(
        who
        for who, data in yes
        if (data.get("digest"), data.get("name")) == named and (not terminal or _is_from_terminal(data))
    )


def was_broken(events: Iterable[StoredEvent], *, terminal: bool) -> bool:
    """Return whether one of these events, BREAK_GLASS, replaced the approvals; `terminal`: only one from a terminal."""
    return any(not terminal or _is_from_terminal(_parse_data(event)) for event in events)


def is_waived(record: OperationRecord, events: Iterable[StoredEvent]) -> bool:
    """Return whether the approval of this very plan was waived for its requester by one of these events, WAIVER."""
    return any(event.actor == record.requester and _parse_data(event).get("digest") == record.digest for event in events)


def has_opened(record: OperationRecord, events: Iterable[StoredEvent], person: str) -> bool:
    """Return whether a person opened this very plan by these events, OPENED."""
    return any(event.actor == person and _parse_data(event).get("digest") == record.digest for event in events)


def _is_from_terminal(data: Mapping[str, Any]) -> bool:
    return str(data.get("surface")) in TERMINAL_SURFACES


def _parse_data(event: StoredEvent) -> Mapping[str, Any]:
    data: Mapping[str, Any] = json.loads(event.data)
    return data
