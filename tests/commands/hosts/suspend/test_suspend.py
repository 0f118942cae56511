"""`host suspend`: what is stopped in which order, what is remembered, and which hosts are refused."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.errors import Unreachable
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import BeginChange
from commands.hosts.suspend.obstacles import list_own_addresses
from commands.hosts.suspend.records import find_memory
from commands.hosts.suspend.suspend import HostSuspend
from commands.model.operation import CannotPlan, FleetView
from commands.model.plan import PlannedChange
from commands.values.arguments import BadArgument, Target
from tests.commands.canned_certs import host, services
from tests.commands.containers.canned_containers import listed
from tests.commands.hosts.suspend.canned_hosts import DB, DOWN, OLD, SUSPENSION, WEB, B, manage, run_on, see, stopped

NEAR = manage(host("host-b", 2, url="http://10.100.2.1:5985/wsman"), "containers")


async def planned(seen: FleetView, *names: str, **given: Any) -> PlannedChange:
    return await HostSuspend(target=Target(parts=names or ("host-b",)), **given).plan(seen)


def keys(made: PlannedChange) -> list[str]:
    return [step.key.removeprefix("host-b/") for step in made.plan.steps]


async def test_containers_stop_the_last_started_first_then_the_services_in_one_guarded_change() -> None:
    made = await planned(see(DB, WEB, OLD))

    assert [
        f"policy/{WEB.id}",
        f"stop/{WEB.id}",
        f"stop/{DB.id}",
        "start-types",
        "begin",
        "look",
        "confirm",
    ] == keys(made)
    begin = made.plan.steps[4].deed.build_action({})
    assert isinstance(begin, BeginChange)
    assert [("OpenResty", "stop"), ("Nebula", "stop")] == [(move.service, move.verb) for move in begin.services]
    assert all(step.undo is not None for step in made.plan.steps if step.deed.is_change and step.key != "host-b/confirm")


async def test_it_remembers_what_ran_in_the_order_of_its_start_with_policies_and_start_types() -> None:
    found = find_memory((await planned(see(DB, WEB, OLD))).plan)

    assert found is not None
    assert ("host-b", SUSPENSION.containers, SUSPENSION.services) == (found[0], found[1].containers, found[1].services)


async def test_a_podman_that_cannot_change_policies_is_left_with_them_and_the_approver_knows() -> None:
    made = await planned(see(DB, WEB, podman="4.9.3"))

    assert f"policy/{WEB.id}" not in keys(made)
    assert ["a restart of WSL2 starts web again: podman 4.9.3 on host-b cannot change a restart policy"] == [
        str(warning) for warning in made.plan.warnings
    ]


async def test_nebula_runs_on_where_that_is_wanted() -> None:
    made = await planned(see(of=NEAR), keep_nebula=True)
    begin = next(step for step in made.plan.steps if step.key == "host-b/begin").deed.build_action({})
    look = next(step for step in made.plan.steps if step.key == "host-b/look")

    assert isinstance(begin, BeginChange)
    assert ["OpenResty"] == [move.service for move in begin.services]
    assert {"nginx": False} == look.expect


async def test_a_partial_suspension_goes_on_and_keeps_what_was_remembered_first() -> None:
    partial = SUSPENSION.model_copy(update={"complete": False})
    late = listed("late", "10.87.2.12", restart_policy="no")
    made = await planned(see(DB, stopped(WEB), late, suspension=partial))
    found = find_memory(made.plan)

    assert [f"stop/{late.id}", f"stop/{DB.id}"] == keys(made)[:2]
    assert found is not None
    assert ["db", "web", "late"] == [each.name for each in found[1].containers]


async def test_a_suspended_host_has_nothing_to_do_and_an_idle_one_is_only_looked_at() -> None:
    done = await planned(see(stopped(DB), stopped(WEB), told=DOWN, suspension=SUSPENSION))
    idle = await planned(see(told=DOWN))

    assert ((), ["look"]) == (done.plan.steps, keys(idle))
    assert [SUSPENSION.phrase] == [left.why for left in done.plan.left_out]


@pytest.mark.parametrize(
    ("seen", "name", "says"),
    [
        (see(), "lighthouse", "host-b is the lighthouse"),
        (see(of=NEAR), "host-b", "could not start it again. Keep Nebula running with --keep-nebula"),
        (run_on(see(), "192.0.2.2"), "host-b", "the bot itself runs on host-b (192.0.2.2"),
        (see(listed("job", auto_remove=True)), "host-b", "podman removes job when stopped (--rm)"),
        (see(listed("web", state="paused")), "host-b", "first: web (paused)"),
        (see(wsl=Unreachable(Phrase("connection refused"))), "host-b", "could not list the containers of host-b"),
        (see(windows=Unreachable(Phrase("connection refused"))), "host-b", "could not check Windows of host-b"),
        (see(of=host("host-b", 2)), "host-b", "containers run on host-b: the bot may not change containers there"),
        (see(told=services(nebula="StartPending")), "host-b", "service Nebula is starting"),
    ],
    ids=["lighthouse", "own road", "own host", "--rm", "paused", "no WSL2", "no Windows", "unmanaged", "in between"],
)
async def test_what_could_not_be_started_again_or_is_needed_is_refused(seen: FleetView, name: str, says: str) -> None:
    with pytest.raises(CannotPlan) as refused:
        await planned(seen, name)

    assert says.replace("host-b is the", f"{name} is the") in str(refused.value.phrase)


async def test_one_host_at_a_time_and_a_bot_that_does_not_know_where_it_runs_refuses() -> None:
    with pytest.raises(BadArgument):
        await planned(see(), "host-a", "host-b")

    async def fail(_: Any) -> Any:
        raise Unreachable(Phrase("no answer"))

    with pytest.raises(CannotPlan) as refused:
        await planned(replace(see(), read_own=fail))

    assert "could not check where the bot runs: no answer" == str(refused.value.phrase)


async def test_the_time_is_a_rule_and_moves_no_digest() -> None:
    made = await planned(see(DB, WEB), for_=timedelta(hours=4))

    assert {"target": {"parts": ["host-b"]}, "for_": "PT4H", "keep_nebula": False} == made.arguments


def test_the_addresses_that_tell_where_the_bot_runs_are_those_of_this_machine_alone() -> None:
    assert ("10.100.2.1", "10.87.2.1", "192.0.2.3", "192.0.2.2") == list_own_addresses(B)


async def test_the_card_counts_what_has_stopped() -> None:
    plan = (await planned(see(DB, WEB))).plan

    assert [
        "1 of 2 containers of host-b are stopped",
        "2 of 2 containers of host-b are stopped",
        "host-b is suspended",
    ] == [str(step.situation) for step in plan.steps if step.situation is not None]
    assert "host-b is up" == str(plan.situation)


async def test_a_bare_nginx_is_stopped_by_itself_and_has_no_startup_type() -> None:
    plan = (await planned(see(told=services(gateway="Absent")))).plan
    begin = next(step for step in plan.steps if step.key == "host-b/begin").deed.build_action({})
    types = next(step for step in plan.steps if step.key == "host-b/start-types")
    found = find_memory(plan)

    assert isinstance(begin, BeginChange)
    assert [True, False] == [move.nginx is not None for move in begin.services]
    assert [{"name": "Nebula", "start_type": "Manual"}] == types.deed.arguments["services"]
    assert found is not None
    assert ["Automatic", ""] == [each.start_type for each in found[1].services]
