"""`host rehearse`: what is planned on which host, and which plans rely on a guard that was not tried before."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.action import BOT_NAME
from adapters.errors import Unreachable
from adapters.inventory import Host, Inventory, JoiningHost, WindowsSide
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import BeginChange, ChangeStatus, ServiceMove
from commands.changes.commit_confirm import CommitConfirmedChange, build_begin_step
from commands.changes.rehearsal import HostRehearse, RehearsedHost, build_rehearsal_steps, find_unrehearsed_hosts
from commands.model.operation import CannotPlan
from commands.model.plan import Part, Plan, PlannedChange
from commands.model.plan_digest import compute_digest
from commands.values.arguments import NoSuchHost, Target
from tests.commands.canned import Said, host, view

OPERATION = "op-0123456789ab"
PLAIN = WindowsSide(url="http://192.0.2.1:5985/wsman", user="flatnet", allow_http=True)
A, B = host("host-a", 1, windows=PLAIN), host("host-b", 2, windows=PLAIN)


async def planned(*names: str, hosts: tuple[Host, ...] = (A, B), said: Said | None = None) -> PlannedChange:
    idle = {(each.name, "windows"): ChangeStatus(operation=OPERATION, state="absent") for each in hosts}
    seen = view(*hosts, said={**idle, **(said or {})})
    return await HostRehearse(target=Target(parts=names)).plan(replace(seen, operation_id=OPERATION))


async def test_each_host_confirms_one_swap_leaves_one_alone_and_aborts_one() -> None:
    plan = (await planned("all")).plan
    assert [
        "scratch",
        "keep/begin",
        "keep/measure",
        "keep/confirm",
        "keep/check",
        "lapse/begin",
        "lapse/check",
        "abort/begin",
        "abort/abort",
        "abort/check",
        "transfer/pack",
        "transfer/return",
        "tidy",
    ] == [step.key.removeprefix("host-a/rehearsal/") for step in plan.steps if step.host == "host-a"]
    assert (BOT_NAME, "host-a", "host-b") == plan.hosts
    assert () == plan.disrupts


async def test_no_change_of_it_touches_a_service_and_the_scratch_goes_in_the_end_or_with_a_failure() -> None:
    plan = (await planned("host-a")).plan
    begun = [step.deed.build_action({}) for step in plan.steps if step.deed.kind == "windows.BeginChange"]
    assert [()] * 3 == [each.services for each in begun if isinstance(each, BeginChange)]
    first, last = plan.steps[0], plan.steps[-1]
    assert first.undo == last.deed
    assert "windows.ForgetFolder" == last.deed.kind


async def test_a_failure_leaves_no_change_waiting_whatever_had_become_of_it() -> None:
    """A change that was confirmed cannot be aborted: what counts is that the guard is done with the files."""
    steps = [step for step in (await planned("host-a")).plan.steps if step.key.endswith("/begin")]
    assert [{"settled": True}] * 3 == [step.undone[0].expect for step in steps]
    assert ["windows.AbortChange"] * 3 == [step.undo.kind for step in steps if step.undo is not None]


async def test_nothing_in_the_plan_moves_with_the_clock() -> None:
    first, again = await planned("host-a"), await planned("host-a")
    assert compute_digest(first.plan, "host rehearse", first.arguments) == compute_digest(
        again.plan, "host rehearse", again.arguments
    )


async def test_a_host_that_does_not_answer_is_left_out_with_the_reason() -> None:
    made = await planned("all", said={("host-b", "windows"): Unreachable(Phrase("nothing answers"))})
    assert ((BOT_NAME, "host-a"), [("host-b", "could not check the host: nothing answers")]) == (
        made.plan.hosts,
        [(left.host, str(left.why)) for left in made.plan.left_out],
    )


async def test_a_host_without_windows_has_no_guard() -> None:
    with pytest.raises(CannotPlan, match="no Windows connection configured"):
        await planned("host-c", hosts=(host("host-c", 3, windows=None),))


def rehearsal(each: Host) -> Part:
    return Part(host=each.name, steps=tuple(build_rehearsal_steps(RehearsedHost(each, OPERATION, 30.0))))


def swap(each: Host) -> Part:
    change = BeginChange(operation=OPERATION, services=(ServiceMove(service="Nebula", verb="restart"),))
    return Part(host=each.name, steps=(build_begin_step(CommitConfirmedChange(each, change, Phrase("a"), Phrase("b"))),))


PLANS: Mapping[str, tuple[tuple[Part, ...], tuple[str, ...]]] = {
    "a rehearsal alone": ((rehearsal(A),), ()),
    "a change alone": ((swap(A), swap(B)), ("host-a", "host-b")),
    "its own plan rehearses first": ((rehearsal(A), swap(A)), ()),
    "it rehearses afterwards": ((swap(A), rehearsal(A)), ("host-a",)),
    "it rehearses elsewhere": ((rehearsal(B), swap(A)), ("host-a",)),
    "nothing that is guarded": ((), ()),
}


@pytest.mark.parametrize("story", PLANS)
def test_hosts_on_which_a_plan_relies_on_a_guard_that_it_has_not_tried(story: str) -> None:
    parts, hosts = PLANS[story]
    assert hosts == find_unrehearsed_hosts(Plan(parts=parts))


def test_the_scratch_lies_in_the_folder_of_the_operation() -> None:
    taken = RehearsedHost(A, OPERATION, 30.0)
    assert rf"F:\flatnet\operations\{OPERATION}" == str(taken.folder)


def test_a_host_that_is_being_added_rehearses_when_it_is_named_and_no_pattern_means_it() -> None:
    new = host("host-d", 4, windows=PLAIN, labels=("tokyo",))
    joining = JoiningHost(name="host-d", id=4, host=new, since=datetime(2026, 11, 30, tzinfo=UTC), by="tanaka")
    waiting = joining.model_copy(update={"name": "host-e", "id": 5, "host": None})
    inventory = Inventory(hosts=(A, B), joining=(joining, waiting))
    for parts, expected in ((("host-d",), (new,)), (("host-d", "host-a"), (A, new)), (("all",), (A, B)), (("h*",), (A, B))):
        assert expected == HostRehearse(target=Target(parts=parts)).resolve_hosts(inventory)
    for name in ("tokyo", "host-e"):
        with pytest.raises(NoSuchHost):
            HostRehearse(target=Target(parts=(name,))).resolve_hosts(inventory)
