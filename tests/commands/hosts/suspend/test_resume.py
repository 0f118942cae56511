"""`host resume`: the stages in their order, what is proven, and what must be done first."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.errors import Unreachable
from adapters.phrase import Phrase
from commands.hosts.suspend.resume import HostResume
from commands.model.operation import CannotPlan, FleetView
from commands.model.owed import KnownOwed, Matter, OwedNote
from commands.model.plan import PlannedChange
from commands.values.arguments import Target
from tests.commands.canned import NOW
from tests.commands.canned_certs import services
from tests.commands.hosts.suspend.canned_hosts import DB, DOWN, OLD, SUSPENSION, WEB, see, stopped


async def planned(seen: FleetView, **given: Any) -> PlannedChange:
    return await HostResume(target=Target(parts=("host-b",)), **given).plan(seen)


def stages(made: PlannedChange) -> list[list[str]]:
    return [[step.key.removeprefix("host-b/") for step in part.steps] for part in made.plan.parts]


def see_sleeping() -> FleetView:
    """A suspended host that nobody touched."""
    return see(stopped(DB), stopped(WEB), OLD, told=DOWN, suspension=SUSPENSION)


async def test_each_stage_is_a_part_of_its_own_and_is_proven_before_the_next() -> None:
    made = await planned(see_sleeping())

    assert [
        [
            "nebula/note/lighthouse",
            "nebula/begin",
            "nebula/address",
            "nebula/reach/host-b",
            "nebula/seen/lighthouse",
            "nebula/confirm",
        ],
        ["openresty/begin", "openresty/gateway", "openresty/sync", "openresty/confirm"],
        [f"start/{DB.id}/{stage}" for stage in ("move", "running", "healthy", "registered", "found", "settled", "steady")],
        [
            *(
                f"start/{WEB.id}/{stage}"
                for stage in ("move", "running", "healthy", "registered", "found", "settled", "steady")
            ),
            f"policy/{WEB.id}",
        ],
        ["start-types", "look"],
    ] == stages(made)


async def test_steps_take_what_others_produce_by_their_new_names_and_the_guards_have_two() -> None:
    steps = {step.key: step for step in (await planned(see_sleeping())).plan.steps}

    assert "host-b/nebula/note/lighthouse" == steps["host-b/nebula/seen/lighthouse"].deed.products["after"].step
    names = [steps[f"host-b/{stage}/begin"].deed.arguments["operation"] for stage in ("nebula", "openresty")]
    assert 2 == len(set(names))
    assert names == [str(steps[f"host-b/{stage}/confirm"].deed.arguments["operation"]) for stage in ("nebula", "openresty")]


async def test_the_same_command_goes_on_where_a_resume_ended() -> None:
    up = services()
    made = await planned(see(DB, stopped(WEB), told=up, suspension=SUSPENSION))

    assert [
        ["nebula/address", "nebula/reach/host-b"],
        ["openresty/gateway", "openresty/sync"],
        [f"start/{DB.id}/{stage}" for stage in ("running", "healthy", "registered", "found", "steady")],
    ] == stages(made)[:3]
    assert f"start/{WEB.id}/move" == stages(made)[3][0]
    assert ["look"] == stages(made)[-1]


async def test_a_container_that_wsl2_started_before_the_gateway_is_restarted() -> None:
    made = await planned(see(DB, stopped(WEB), told=DOWN, suspension=SUSPENSION))
    move = next(step for step in made.plan.steps if step.key == f"host-b/start/{DB.id}/move")

    assert "restart" == move.deed.arguments["verb"]


async def test_a_container_that_is_gone_is_named_and_given_up_by_name_alone() -> None:
    with pytest.raises(CannotPlan) as refused:
        await planned(see(stopped(WEB), told=DOWN, suspension=SUSPENSION))
    made = await planned(see(stopped(WEB), told=DOWN, suspension=SUSPENSION), lose=("db",))

    assert "gone from host-b since its suspension: db. To resume without: host resume host-b --lose db" == str(
        refused.value.phrase
    )
    assert not any(DB.id in step.key for step in made.plan.steps)


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (
            replace(
                see_sleeping(),
                owed=KnownOwed(
                    (
                        OwedNote(
                            number=3,
                            host="host-b",
                            words="ca rotation finish --only host-b",
                            matter=Matter.AUTHORITY,
                            since=NOW,
                        ),
                    )
                ),
            ),
            "must run before Nebula starts: ca rotation finish --only host-b",
        ),
        (
            see(told=DOWN, suspension=SUSPENSION, wsl=Unreachable(Phrase("connection refused"))),
            "If WSL2 is not running, start it on the host: wsl",
        ),
        (
            see(
                stopped(DB),
                stopped(WEB),
                told=DOWN.model_copy(update={"nebula": DOWN.nebula.model_copy(update={"start_type": "Disabled"})}),
                suspension=SUSPENSION,
            ),
            "service Nebula is disabled on the host",
        ),
    ],
    ids=["owed first", "no WSL2", "disabled"],
)
async def test_what_must_be_done_first_is_said(seen: FleetView, says: str) -> None:
    with pytest.raises(CannotPlan) as refused:
        await planned(seen)

    assert says in str(refused.value.phrase)


async def test_a_host_that_is_not_suspended_has_nothing_to_do() -> None:
    made = await planned(see(DB, WEB))

    assert ((), ["it is not suspended"]) == (made.plan.parts, [str(left.why) for left in made.plan.left_out])


async def test_nebula_that_was_left_running_is_only_proven_and_one_that_was_down_is_not_started() -> None:
    off = SUSPENSION.services[0].model_copy(update={"running": False})
    made = await planned(
        see(stopped(DB), stopped(WEB), told=DOWN, suspension=SUSPENSION.model_copy(update={"services": (off,)}))
    )

    assert not any("/nebula/" in step.key for step in made.plan.steps)


async def test_the_card_says_how_far_it_is_after_each_stage() -> None:
    made = await planned(see_sleeping())

    assert [
        "Nebula runs on host-b",
        "OpenResty runs on host-b, its containers do not yet",
        "1 of 2 containers of host-b are started",
        "2 of 2 containers of host-b are started",
        "host-b is up again",
    ] == [str(part.steps[-1].situation) for part in made.plan.parts]
    assert SUSPENSION.phrase == made.plan.situation
