"""Phrases for changes that cannot start: expired, or not approved by enough people who still may. Pure.

The rule for changes on suspended hosts: such a host counts as one that does not answer, until it is resumed. Pure.

    FleetView ─ hide_suspended ─▶ reads of these hosts fail ─▶ each operation leaves them out (owed), or refuses
    its plan ─ require_none_suspended ─▶ no step changes one of them

So no operation knows the rule. Two see such a host as it is: those that suspend and resume it, and a revocation or the
removal of a CA that is owed there, because that runs before Nebula starts again.
"""

from collections.abc import Mapping
from dataclasses import replace

from adapters.errors import RequestError
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.policy import Refusal
from bot.model.change import ChangeState
from bot.store.records import OperationRecord
from commands.model.operation import CannotPlan, FleetChange, FleetView
from commands.model.plan import LeftOutHost, Plan
from commands.model.suspension import HostSuspended, Suspension


def explain_expiry(record: OperationRecord) -> Phrase:
    """Explain the expiry of an operation."""
    if record.state is ChangeState.WAITING:
        return Phrase("not approved by enough people in time. Submit it again")
    what = Phrase("hosts") if record.waits_for is None else record.waits_for
    return Phrase("expired while waiting for {what}. Submit it again", what=what)


def explain_lost_right(person: str, refused: Refusal) -> Phrase:
    """Explain that an approver may no longer approve."""
    return Phrase("{person} approved this but no longer has permission: {why}", person=person, why=refused.reason)


def explain_unrecorded(person: str) -> Phrase:
    """Explain that a decision is in the database alone."""
    return Phrase(
        "the audit log has no record of this decision by {person} (the database was changed). Submit it again", person=person
    )


def explain_unopened(person: str) -> Phrase:
    """Explain that an approval counts for nothing, because its approver has not opened the plan of a critical change."""
    return Phrase(
        "the audit log has no record that {person} opened the plan of this critical change. Submit it again", person=person
    )


def explain_untyped(person: str) -> Phrase:
    """Explain that an approval counts for nothing, because its approver has not typed the name of the object."""
    return Phrase(
        "the audit log has no record that {person} typed the name of what this critical change is about. Submit it again",
        person=person,
    )


def explain_missing_terminal() -> Phrase:
    """Explain that all approvals came from Slack."""
    return Phrase("one approval of a critical change must come from a terminal, and none did. Submit it again")


def refuse_too_many_open(limit: int) -> Refusal:
    """Refuse one more request of a person of whom too many wait."""
    phrase = Phrase(
        "you have reached the limit of {n} waiting requests. Withdraw one with {words}, or wait until one starts",
        n=limit,
        words="op cancel",
    )
    return Refusal("too many open", phrase)


def refuse_too_few(people: int, needed: int) -> Refusal:
    """Refuse a change that fewer people approved than are needed today."""
    phrase = Phrase(
        "approved by {n} person, but the current rules require {needed}. Submit it again",
        plural="approved by {n} people, but the current rules require {needed}. Submit it again",
        n=people,
        needed=needed,
    )
    return Refusal("too few people", phrase)


def find_hidden(operation: FleetChange, view: FleetView) -> Mapping[str, Suspension]:
    """Find the suspended hosts that a change must not see, by name."""
    if not view.suspensions:
        return {}
    own = _find_own(operation, view.fleet.inventory) if operation.acts_on_suspended else frozenset()
    due = {note.host for note in view.owed.notes if note.matter.is_guarded and note.matter is operation.matter}
    return {host: each for host, each in view.suspensions.items() if host not in own | due}


def hide_suspended(view: FleetView, hidden: Mapping[str, Suspension]) -> FleetView:
    """Return the view in which these hosts cannot be read."""
    if not hidden:
        return view
    failures = {host: HostSuspended.of(each) for host, each in hidden.items()}
    return replace(view, fleet=view.fleet.hide(failures))


def require_none_suspended(plan: Plan, hidden: Mapping[str, Suspension]) -> None:
    """Raise `CannotPlan` if a plan changes one of these hosts, which an operation may do that reads nothing there first."""
    changed = [host for host in plan.hosts if host in hidden]
    if changed:
        left = [LeftOutHost(host=host, why=HostSuspended.of(hidden[host]).phrase) for host in changed]
        raise CannotPlan.from_left_out(left)


def _find_own(operation: FleetChange, inventory: Inventory) -> frozenset[str]:
    try:
        return frozenset(host.name for host in operation.resolve_hosts(inventory))
    except RequestError:
        return frozenset()
