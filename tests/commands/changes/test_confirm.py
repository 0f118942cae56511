"""`op confirm`: the plan of reporting a critical change as done."""

from dataclasses import replace

import pytest

from adapters.action import BOT_NAME
from adapters.inventory import Inventory
from bot.changes.services.planner import find_plan_hosts
from commands.changes.confirm import OperationConfirm
from commands.model.operation import CannotPlan, FleetView, Risk, UnknownChange
from commands.model.plan_digest import compute_digest
from tests.commands.canned_certs import host, view

TARGET = "op-0123456789ab"
HOSTS = (host("host-a", 1), host("host-b", 2), host("host-c", 3))


def sight(*hosts: str) -> FleetView:
    unknown = {TARGET: UnknownChange("cert revoke host-a,host-b", hosts or ("host-a", "host-b"))}
    return replace(view(*HOSTS), critical_unknown=unknown, operation_id="op-1")


async def test_it_is_critical_and_its_step_runs_on_the_bot_itself() -> None:
    made = await OperationConfirm(id=TARGET).plan(sight())
    (step,) = made.plan.steps
    assert Risk.CRITICAL is OperationConfirm.risk
    assert (BOT_NAME, "bot.ConfirmSuccess", {"change": TARGET, "operation": "op-1"}) == (
        step.host,
        step.deed.kind,
        dict(step.deed.arguments),
    )
    assert step.verify is not None
    assert {"state": "done"} == dict(step.verify.expect)


async def test_approvers_type_the_id_and_the_rules_of_the_hosts_of_the_unknown_change_apply() -> None:
    plan = (await OperationConfirm(id=TARGET).plan(sight())).plan
    assert TARGET == plan.object_name
    assert ["host-a", "host-b"] == [each.name for each in find_plan_hosts(plan, Inventory(hosts=HOSTS))]


async def test_approvers_see_what_is_unknown_where_and_that_nothing_is_checked() -> None:
    plan = (await OperationConfirm(id=TARGET).plan(sight())).plan
    assert [f"the result of {TARGET} on {name} is unknown" for name in ("host-a", "host-b")] == [
        str(each.phrase) for each in plan.premises
    ]
    assert ["nothing is checked on the hosts. Compare the reason with what you see there"] == list(map(str, plan.warnings))
    assert "record that cert revoke host-a,host-b was done" == str(plan.steps[0].phrase)


async def test_a_change_whose_result_is_known_or_that_is_not_critical_is_refused() -> None:
    with pytest.raises(CannotPlan) as refused:
        await OperationConfirm(id="op-ffffffffffff").plan(sight())
    told = "op-ffffffffffff is not a critical change whose result is unknown. Run op for the list"
    assert told == str(refused.value.phrase)


async def test_the_plan_does_not_depend_on_the_reason() -> None:
    plans = [(await OperationConfirm(id=TARGET, reason=reason).plan(sight())).plan for reason in ("", "seen")]
    assert 1 == len({compute_digest(plan, "op confirm", {"id": TARGET}) for plan in plans})
