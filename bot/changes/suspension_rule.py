"""The rule for changes on suspended hosts: such a host counts as one that does not answer, until it is resumed. Pure.

    FleetView ─ hide_suspended ─▶ reads of these hosts fail ─▶ each operation leaves them out (owed), or refuses
    its plan ─ require_none_suspended ─▶ no step changes one of them

So no operation knows the rule. Two see such a host as it is: those that suspend and resume it, and a revocation or the
removal of a CA that is owed there, because that runs before Nebula starts again.
"""

from collections.abc import Mapping
from dataclasses import replace

from adapters.errors import RequestError
from adapters.inventory import Inventory
from commands.model.operation import CannotPlan, FleetChange, FleetView
from commands.model.plan import LeftOutHost, Plan
from commands.model.suspension import HostSuspended, Suspension


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
