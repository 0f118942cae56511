"""A suspended host counts as one that does not answer, for every change but its own."""

from dataclasses import replace

import pytest

from bot.changes.rules.start_refusals import find_hidden, hide_suspended, require_none_suspended
from commands.certificates.rotation.finish import RotationFinish
from commands.hosts.suspend.resume import HostResume
from commands.hosts.suspend.suspend import HostSuspend
from commands.model.operation import CannotPlan, FleetChange, FleetView
from commands.model.owed import KnownOwed, Matter, OwedNote
from commands.model.plan import Plan
from commands.services.operations import ServiceRestart
from commands.values.arguments import Target
from tests.commands.canned import NOW
from tests.commands.hosts.suspend.canned_hosts import SUSPENSION, see

WHY = "suspended since 2026-11-25 07:10:00 UTC by alice: RAM swap. Run host resume host-b first"


def restart(*names: str) -> ServiceRestart:
    return ServiceRestart(service="openresty", target=Target(parts=names))


async def plan(operation: FleetChange, view: FleetView) -> Plan:
    hidden = find_hidden(operation, view)
    made = (await operation.plan(hide_suspended(view, hidden))).plan
    require_none_suspended(made, hidden)
    return made


async def test_a_change_of_several_hosts_leaves_it_out_and_owes_it() -> None:
    made = await plan(restart("host-a", "host-b"), see(suspension=SUSPENSION))

    assert ("host-a",) == made.hosts
    assert [("host-b", WHY, True)] == [(left.host, str(left.why), left.owed) for left in made.left_out]


async def test_a_change_of_it_alone_is_refused_with_the_way_out() -> None:
    with pytest.raises(CannotPlan) as refused:
        await plan(restart("host-b"), see(suspension=SUSPENSION))

    assert f"host-b: {WHY}" == str(refused.value.phrase)


async def test_a_plan_that_changes_it_without_a_look_is_refused() -> None:
    free = await plan(restart("host-b"), see())

    with pytest.raises(CannotPlan):
        require_none_suspended(free, {"host-b": SUSPENSION})
    require_none_suspended(free, {"host-c": SUSPENSION})


@pytest.mark.parametrize(
    ("operation", "matter", "hidden"),
    [
        (HostSuspend(target=Target(parts=("host-b",))), None, []),
        (HostResume(target=Target(parts=("host-b",))), None, []),
        (HostResume(target=Target(parts=("host-a",))), None, ["host-b"]),
        (HostResume(target=Target(parts=("host-x",))), None, ["host-b"]),
        (RotationFinish(), None, ["host-b"]),
        (RotationFinish(), Matter.AUTHORITY, []),
        (RotationFinish(), Matter.REVOCATION, ["host-b"]),
        (restart("all"), Matter.AUTHORITY, ["host-b"]),
    ],
    ids=["suspend", "resume", "resume of another", "no host", "finish", "owed finish", "owed revocation", "restart"],
)
def test_its_own_changes_see_it_and_what_must_run_before_nebula_starts(
    operation: FleetChange, matter: Matter | None, hidden: list[str]
) -> None:
    notes = () if matter is None else (OwedNote(number=1, host="host-b", words="x", matter=matter, since=NOW),)
    view = replace(see(suspension=SUSPENSION), owed=KnownOwed(notes))

    assert hidden == list(find_hidden(operation, view))
