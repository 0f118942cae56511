"""Reports that list changes and locks, and the verification of the audit log. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from adapters.phrase import Listing, Phrase
from bot.access.people import list_alternatives, name_roles
from bot.changes.rules.locks import describe_lock
from bot.model.change import STATE_PHRASES, Approval, Change, ChangeState
from bot.model.lock import Lock
from bot.store.audit_chain import Verification
from commands.model.finding import Finding, Severity, list_some
from commands.model.report import Cell, Column, Report, Row, Section

MAX_NEXT_COMMANDS = 3
"""Maximum number of suggested commands."""

_COLUMNS = {
    "words": Column(key="words", heading=Phrase("Command")),
    "state": Column(key="state", heading=Phrase("State")),
    "requester": Column(key="requester", heading=Phrase("User")),
    "approvals": Column(key="approvals", heading=Phrase("Approvals")),
    "approvers": Column(key="approvers", heading=Phrase("Approvers")),
    "asked_at": Column(key="asked_at", heading=Phrase("Requested")),
    "until": Column(key="until", heading=Phrase("Expires")),
    "operation": Column(key="operation", heading=Phrase("ID")),
}
_PENDING_COLUMNS = ("words", "requester", "approvals", "approvers", "until", "operation")
_RECENT_COLUMNS = ("words", "state", "requester", "asked_at", "operation")


def list_pending(changes: Sequence[Change], waived: Mapping[str, str], at: datetime) -> Report:
    """Lists the changes that wait for approval or review, and the operations whose approval a rule waives."""
    n = len(changes)
    return Report(
        title=Phrase("Approvals"),
        summary=Phrase("{n} request needs action", plural="{n} requests need action", n=n)
        if n
        else Phrase("nothing is waiting for approval or review"),
        columns=tuple(_COLUMNS[key] for key in _PENDING_COLUMNS),
        rows=tuple(_build_change_row(change, _PENDING_COLUMNS, at) for change in changes),
        sections=_list_waived(waived),
        taken_at=at,
        next=tuple(f"approval show {change.operation}" for change in changes[:MAX_NEXT_COMMANDS]),
    )


def _list_waived(waived: Mapping[str, str]) -> tuple[Section, ...]:
    """Lists the operations that need no approval unless a rule demands it, with the rules that say so."""
    lines = tuple(Phrase("{words} ({rule})", words=words, rule=rule) for words, rule in waived.items())
    return (Section(heading=Phrase("Without approval"), lines=lines),) if lines else ()


def list_recent_changes(changes: Sequence[Change], at: datetime) -> Report:
    """Lists the recent changes: running, waiting and ended ones, in the given order."""
    running = sum(change.state is ChangeState.RUNNING for change in changes)
    asked = sum(change.state is ChangeState.WAITING for change in changes)
    unknown = [change.operation for change in changes if change.state is ChangeState.UNKNOWN]
    summary = (
        Phrase(
            "the result of {operations} is unknown. Check the hosts, then report the outcome",
            operations=Listing((*unknown,)),
        )
        if unknown
        else Phrase("{n} change is running", plural="{n} changes are running", n=running)
        if running
        else Phrase(
            "{n} change is waiting for approval, none is running",
            plural="{n} changes are waiting for approval, none are running",
            n=asked,
        )
        if asked
        else Phrase("no changes running")
    )
    return Report(
        title=Phrase("Changes"),
        summary=summary,
        columns=tuple(_COLUMNS[key] for key in _RECENT_COLUMNS),
        rows=tuple(_build_change_row(change, _RECENT_COLUMNS, at) for change in changes),
        taken_at=at,
        next=tuple(f"op show {change.operation}" for change in changes[:MAX_NEXT_COMMANDS]),
    )


def _build_change_row(change: Change, keys: Sequence[str], at: datetime) -> Row:
    approval = change.approval
    cells = {
        "words": Cell.of(change.words),
        "state": Cell(text=_describe_state(change), value=change.outcome),
        "requester": Cell.of(change.requester),
        "approvals": _build_approvals_cell(change, approval),
        "approvers": _build_approvers_cell(approval),
        "asked_at": _build_moment_cell(change.asked_at, at),
        "until": _build_moment_cell(
            approval.expires_at if approval is not None and change.state is ChangeState.WAITING else None, at
        ),
        "operation": Cell.of(change.operation),
    }
    return Row(cells=tuple(cells[key] for key in keys))


def _describe_state(change: Change) -> Phrase:
    if change.state is ChangeState.DONE and change.owed_hosts:
        return Phrase("done, except {hosts} (owed)", hosts=list_some(change.owed_hosts))
    return STATE_PHRASES[change.state]


def _build_approvals_cell(change: Change, approval: Approval | None) -> Cell:
    if change.break_glass is not None:
        reviewed = change.break_glass.reviewed_by
        if not reviewed:
            return Cell(text=Phrase("emergency, not reviewed"), value="break-glass")
        return Cell(text=Phrase("emergency, reviewed by {person}", person=reviewed), value="break-glass")
    if approval is None:
        return Cell(text=Phrase("N/A"))
    return Cell(
        text=Phrase("{given} of {needed}", given=approval.approvals, needed=approval.needed),
        value=f"{approval.approvals}/{approval.needed}",
    )


def _build_approvers_cell(approval: Approval | None) -> Cell:
    """Builds the cell with the people to ask who have not decided yet. A waiver names none."""
    if approval is None or approval.waived:
        return Cell(text=Phrase("N/A"))
    decided = {review.person for review in approval.reviews}
    names = tuple(name for name in approval.may if name not in decided)
    return Cell(text=list_alternatives(names) if names else name_roles(approval.roles), value=", ".join(names))


def list_locks(found: Sequence[Lock], at: datetime) -> Report:
    """Lists active and recently ended locks."""
    active = [lock for lock in found if lock.ends_at > at]
    everywhere = next((lock for lock in active if "all" in lock.target.split(",")), None)
    summary = (
        Phrase("all changes are locked: {lock}", lock=describe_lock(everywhere, at))
        if everywhere is not None
        else describe_lock(active[0], at)
        if len(active) == 1
        else Phrase("{n} lock is blocking changes", plural="{n} locks are blocking changes", n=len(active))
        if active
        else Phrase("no locks are active")
    )
    return Report(
        title=Phrase("Locks"),
        summary=summary,
        columns=(
            Column(key="target", heading=Phrase("Host")),
            Column(key="owner", heading=Phrase("User")),
            Column(key="reason", heading=Phrase("Reason")),
            Column(key="ends_at", heading=Phrase("Expires")),
            Column(key="state", heading=Phrase("State")),
            Column(key="number", heading=Phrase("Number")),
        ),
        rows=tuple(_build_lock_row(lock, at) for lock in found),
        taken_at=at,
        next=tuple(f"lock remove {lock.number}" for lock in active[:MAX_NEXT_COMMANDS]),
    )


def _build_lock_row(lock: Lock, at: datetime) -> Row:
    return Row(
        cells=(
            Cell.of(lock.target),
            Cell.of(lock.owner),
            Cell.of(lock.reason),
            _build_moment_cell(lock.ends_at, at),
            _build_lock_state_cell(lock, at),
            Cell(text=str(lock.number), value=lock.number),
        )
    )


def _build_lock_state_cell(lock: Lock, at: datetime) -> Cell:
    if lock.ends_at > at:
        return Cell(text=Phrase("active"), value="active")
    if lock.removed_by:
        return Cell(text=Phrase("removed by {person}", person=lock.removed_by), value="removed")
    return Cell(text=Phrase("ended"), value="ended")


def report_verification(found: Verification) -> Report:
    """Reports the result of a verification of the audit log."""
    if found.problem is None:
        summary = Phrase("{n} audit event verified", plural="{n} audit events verified", n=found.count)
        return Report(title=Phrase("Audit log"), summary=summary, brief=True)
    finding = Finding(severity=Severity.CRITICAL, host="", subject="audit", why=found.problem.phrase)
    doubt = Phrase("the audit log has been altered")
    return Report(title=Phrase("Audit log"), summary=doubt, findings=(finding,))


def _build_moment_cell(when: datetime | None, at: datetime) -> Cell:
    return Cell(text="") if when is None else Cell.of_moment(when, at)
