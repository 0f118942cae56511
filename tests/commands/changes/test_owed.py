"""`owed abandon`: the plan of giving up what concerns identities."""

from dataclasses import replace

import pytest

from adapters.action import BOT_NAME
from commands.changes.owed import OwedAbandon
from commands.model.operation import CannotPlan, FleetView, Risk
from commands.model.owed import KnownOwed, Matter, OwedNote
from commands.model.plan_digest import compute_digest
from tests.commands.canned import NOW
from tests.commands.canned_certs import host, view


def sight(matter: Matter = Matter.REVOCATION) -> FleetView:
    note = OwedNote(number=3, host="host-a", words="revoke x --on host-a", matter=matter, since=NOW)
    return replace(view(host("host-a", 1)), owed=KnownOwed((note,)), operation_id="op-1")


async def test_it_is_critical_and_its_step_runs_on_the_bot_itself() -> None:
    made = await OwedAbandon(number=3).plan(sight())
    (step,) = made.plan.steps
    assert Risk.CRITICAL is OwedAbandon.risk
    assert (BOT_NAME, "bot.GiveUpOwed", {"number": 3, "operation": "op-1"}) == (
        step.host,
        step.deed.kind,
        dict(step.deed.arguments),
    )
    assert step.verify is not None
    assert {"settled": True} == dict(step.verify.expect)


async def test_the_approver_sees_the_command_the_host_and_the_danger() -> None:
    made = await OwedAbandon(number=3).plan(sight())
    assert str(made.plan.premises[0].phrase).startswith("revoke x --on host-a is owed to host-a since ")
    assert ["host-a keeps accepting what was revoked. Nebula can start there again"] == list(map(str, made.plan.warnings))


async def test_the_plan_does_not_depend_on_the_reason_which_no_stored_argument_has() -> None:
    plans = [(await OwedAbandon(number=3, reason=reason).plan(sight())).plan for reason in ("", "scrapped")]
    assert 1 == len({compute_digest(plan, "owed abandon", {"number": 3}) for plan in plans})


@pytest.mark.parametrize(
    ("number", "matter", "why"),
    [
        (4, Matter.REVOCATION, "no owed change 4. Run owed for the list"),
        (3, Matter.CHANGE, 'this needs no approval: owed drop 3 "…"'),
    ],
)
async def test_what_is_not_owed_or_may_simply_be_dropped_is_refused(number: int, matter: Matter, why: str) -> None:
    with pytest.raises(CannotPlan) as refused:
        await OwedAbandon(number=number).plan(sight(matter))
    assert why == str(refused.value.phrase)
