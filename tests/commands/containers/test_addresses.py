"""`ipam` and `ipam clean`: addresses of the plug-in, and removing those without a container."""

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from typing import Any

import pytest

from adapters.action import Action
from adapters.action_registry import parse_action
from adapters.errors import ActionFailed, HostError, Unreachable
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.ipam import Allocation, Allocations, LookForOrphans, OrphanLook, ReadAllocations
from commands.containers.addresses import AddressClean, AddressList
from commands.model.operation import CannotPlan, FleetView
from commands.model.plan import PlannedChange
from commands.model.report import Report
from commands.values.arguments import Target
from tests.commands import canned_certs
from tests.commands.containers.canned_containers import A, B
from tests.commands.gateways.canned_registrations import LATE
from tests.commands.gateways.canned_registrations import C as UNMANAGED

GONE, LOST = (
    Allocation(container=digit * 64, address=IPv4Address(f"10.87.1.{last}")) for digit, last in (("a", 31), ("b", 30))
)
BUSY = ActionFailed(Phrase("podman does not answer"), code="failed", maybe_ran=False)
SAME_ANSWER = {"first": IPv4Address("10.87.1.10"), "last": IPv4Address("10.87.1.40")}

Said = Mapping[str, tuple[Allocations | HostError, OrphanLook | HostError]]


def handed(host: Host, count: int, **given: IPv4Address) -> Allocations:
    """A plug-in that has handed out so many addresses."""
    addresses = list(host.bridge.network.hosts())[1 : count + 1]
    allocations = {f"{number:064x}": address for number, address in enumerate(addresses)}
    return Allocations(subnet=str(host.bridge.network), allocations=allocations, **given)


def look(*orphans: Allocation) -> OrphanLook:
    return OrphanLook(uptime=500, orphans=orphans)


def view(said: Said | None = None) -> FleetView:
    """host-a and host-b let the bot manage addresses, host-c does not."""
    answers = {"host-a": (handed(A, 3), look()), "host-b": (handed(B, 3), look()), **(said or {})}

    def answer(name: str) -> Callable[[Action[Any]], object]:
        def perform(action: Action[Any]) -> object:
            allocations, orphans = answers[name]
            return {ReadAllocations: allocations, LookForOrphans: orphans}[type(action)]

        return perform

    return canned_certs.view(A, B, UNMANAGED, said={(name, "wsl"): answer(name) for name in answers})


async def read(said: Said | None = None, *targets: str) -> Report:
    return await AddressList(target=Target(parts=targets or ("host-a", "host-b"))).read(view(said))


async def plan(said: Said | None = None, *targets: str) -> PlannedChange:
    return await AddressClean(target=Target(parts=targets or ("host-a",))).plan(view(said))


async def test_hosts_with_free_addresses_and_no_orphans_are_one_sentence() -> None:
    report = await read()
    assert str(report.summary) == "2 hosts have free addresses and no orphans"
    assert [[cell.value for cell in row.cells[1:4]] for row in report.rows] == [[3, 250, 0], [3, 250, 0]]


async def test_a_host_that_does_not_let_the_bot_read_them_is_named_and_not_counted() -> None:
    report = await read(None, "all")
    assert str(report.summary) == "2 hosts have free addresses and no orphans"
    assert str(report.sections[0].lines[0]) == "not read: host-c"
    assert "--manage ipam" in str(report.sections[0].lines[1])
    alone = await read(None, "host-c")
    assert (str(alone.summary), alone.findings) == ("the bot may not read the addresses of these hosts", ())


@pytest.mark.parametrize(
    ("allocations", "orphans", "expected"),
    [
        pytest.param(handed(A, 3), look(GONE, LOST), ("low", "2 orphans", "ipam clean host-a"), id="orphans"),
        pytest.param(handed(A, 233), look(), ("medium", "20 free addresses", "ipam host-a --details"), id="few"),
        pytest.param(handed(A, 253), look(), ("high", "0 free addresses", "ipam host-a --details"), id="none"),
        pytest.param(
            handed(A, 11, **SAME_ANSWER),
            look(),
            ("medium", "20 free addresses", "ipam host-a --details"),
            id="a small range",
        ),
        pytest.param(handed(A, 3), BUSY, ("medium", "orphans unavailable", "ipam host-a --details"), id="podman is busy"),
        pytest.param(
            Unreachable(LATE),
            Unreachable(LATE),
            ("high", "container addresses unreachable", "ipam host-a --details"),
            id="silent",
        ),
    ],
)
async def test_each_problem_has_its_next_command(
    allocations: Allocations | HostError, orphans: OrphanLook | HostError, expected: tuple[str, str, str]
) -> None:
    report = await read({"host-a": (allocations, orphans)})
    (finding,) = report.findings
    assert (finding.severity.value, str(finding.short), finding.next) == expected


async def test_orphans_are_checked_twice_a_minute_apart_and_removed_by_their_ids() -> None:
    planned = await plan({"host-a": (handed(A, 3), look(GONE, LOST))})
    steps = planned.plan.steps
    assert [step.key for step in steps] == ["host-a/check", "host-a/again", "host-a/remove"]
    actions = [
        parse_action(step.deed.kind, {**step.deed.arguments, **({"since": 0} if step.deed.products else {})})
        for step in steps
    ]
    assert [getattr(action, "expected", ()) or getattr(action, "orphans", ()) for action in actions] == [(LOST, GONE)] * 3
    again = steps[1]
    assert (again.deed.products["since"].step, again.deed.products["since"].field) == ("host-a/check", "uptime")
    assert (again.expect, getattr(actions[1], "settling", 0)) == ({"missing": 0, "settled": True}, 60)
    assert [None if step.verify is None else step.verify.expect for step in steps] == [None, None, {"left": 0}]
    assert "10.87.1.30, 10.87.1.31" in str(planned.plan.premises[0].phrase)


async def test_the_plan_is_the_same_when_it_is_made_again_later() -> None:
    """Orphans in another order, and another uptime, change nothing that was approved."""
    first = await plan({"host-a": (handed(A, 3), look(GONE, LOST))})
    again = await plan({"host-a": (handed(A, 3), OrphanLook(uptime=9000, orphans=(LOST, GONE)))})
    assert again.plan == first.plan


async def test_a_host_without_orphans_has_nothing_to_do() -> None:
    planned = await plan()
    assert (planned.plan.steps, str(planned.plan.left_out[0].why)) == ((), "no orphan addresses")


@pytest.mark.parametrize(
    ("said", "target", "why"),
    [
        ({"host-a": (BUSY, BUSY)}, "host-a", "podman does not answer"),
        ({"host-a": (Unreachable(LATE), Unreachable(LATE))}, "host-a", "could not connect"),
        ({}, "host-c", "the bot may not change ipam there"),
    ],
)
async def test_it_is_refused_while_it_cannot_be_known(said: Said, target: str, why: str) -> None:
    with pytest.raises(CannotPlan, match=why) as caught:
        await plan(said, target)
    assert [left.owed for left in caught.value.left_out] == [False]
