"""A change of the CA on simulated hosts: no tunnel is lost, whoever is away in whichever stage."""

from dataclasses import replace
from datetime import timedelta
from pathlib import PureWindowsPath

import pytest

from commands.certificates.rotation.abort import RotationAbort
from commands.certificates.rotation.next import RotationNext
from commands.model.operation import CannotPlan
from commands.model.rotation import RotationStage
from tests.adapters.windows.nebula_hosts import NO_CA, refusal
from tests.commands.certificates.rotation.played_rounds import PATHS, World
from tests.commands.certificates.rotation.round_cases import names

NEXT, ABORT = RotationNext(), RotationAbort()
ALL = ("lighthouse", "host-a", "host-b", "host-c")
BOTH = ["Flatnet CA", "Flatnet CA 2"]


async def test_trust_and_signatures_reach_all_hosts_without_a_lost_tunnel() -> None:
    world = World.of(*ALL)

    assert ["lighthouse", "host-a", "host-b", "host-c"] == await world.run(NEXT)
    assert [BOTH] * 4 == [world.trusted(name) for name in ALL]
    assert set() == world.tunnels()
    assert ["host-a", "host-b", "host-c", "lighthouse"] == await world.run(NEXT)
    assert dict.fromkeys(ALL, "new") == world.signers()
    assert set() == world.tunnels()
    with pytest.raises(CannotPlan, match="ca rotation finish"):
        await world.plan(NEXT)


async def test_a_host_that_is_away_while_others_begin_to_trust_holds_the_signatures_back_and_catches_up() -> None:
    world = World.of(*ALL)
    world.away = {"host-c"}

    assert ["lighthouse", "host-a", "host-b"] == await world.run(NEXT)
    with pytest.raises(CannotPlan, match="host-c must trust the new CA first"):
        await world.plan(NEXT)
    world.away = set()
    assert ["host-c"] == await world.run(RotationNext(only=names("host-c")))
    assert ["host-a", "host-b", "host-c", "lighthouse"] == await world.run(NEXT)
    assert set() == world.tunnels()


async def test_a_host_that_is_away_while_others_are_signed_keeps_its_tunnels_and_is_signed_later() -> None:
    world = World.of(*ALL)
    await world.run(NEXT)
    world.away = {"host-c"}

    assert ["host-a", "host-b", "lighthouse"] == await world.run(NEXT)
    assert set() == world.tunnels()
    world.away = set()
    assert ["host-c"] == await world.run(NEXT)
    assert dict.fromkeys(ALL, "new") == world.signers()
    assert set() == world.tunnels()


async def test_a_host_that_was_left_behind_is_cut_off_and_returns_with_one_restart() -> None:
    world = World.of(*ALL)
    world.away = {"host-c"}
    await world.run(NEXT)

    assert ["host-a", "host-b", "lighthouse"] == await world.run(RotationNext(leave=names("host-c")))
    assert {name for pair in world.tunnels() for name in pair if "host-c" in pair} == set(ALL)
    assert not [pair for pair in world.tunnels() if "host-c" not in pair]
    world.away = set()
    assert ["host-c"] == await world.run(RotationNext(only=names("host-c")))
    assert BOTH == world.trusted("host-c")
    assert set() == world.tunnels()


async def test_without_the_lighthouse_no_round_begins_and_all_stays_as_it_is() -> None:
    world = World.of(*ALL)
    world.away = {"lighthouse"}
    with pytest.raises(CannotPlan, match="the lighthouse could not be checked, so the change cannot be verified"):
        await world.plan(NEXT)
    world.away = set()
    await world.run(NEXT)
    world.away = {"lighthouse"}
    with pytest.raises(CannotPlan, match="signing requires the lighthouse lighthouse, but it could not be checked"):
        await world.plan(NEXT)
    assert set() == world.tunnels()


async def test_a_host_returns_also_while_others_drop_the_old_ca() -> None:
    world = World.of(*ALL)
    world.away = {"host-c"}
    await world.run(NEXT)
    await world.run(RotationNext(leave=names("host-c")))
    world.move(RotationStage.DROPPING)
    world.away = set()

    assert ["host-c"] == await world.run(RotationNext(only=names("host-c")))
    assert set() == world.tunnels()


async def test_a_first_certificate_that_one_host_refuses_goes_no_further() -> None:
    """Its file has the new CA, but its Nebula was started from an older one."""
    world = World.of(*ALL)
    await world.run(NEXT)
    member = world.stage.mesh.members["host-b"]
    assert member.runs_with is not None
    member.runs_with = replace(member.runs_with, authorities=member.runs_with.authorities[:1])
    world.runs += 1
    part = (await world.plan(NEXT)).parts[0]

    assert ["host-a/meet/host-b", "reachable: False"] == world.stage.play(part)
    steps = part.steps
    begun = steps[: [step.key for step in steps].index("host-a/begin") + 1]
    assert [] == world.stage.undo(begun)
    assert dict.fromkeys(ALL, "old") == world.signers()
    assert set() == world.tunnels()


async def test_a_certificate_that_the_signed_host_refuses_is_no_success_although_its_peer_took_it() -> None:
    world = World.of(*ALL)
    await world.run(NEXT)
    world.runs += 1
    part = (await world.plan(NEXT)).parts[0]
    proof = next(step for step in part.steps if step.key == "host-a/refusals")

    assert [] == world.stage.play(part)
    world.stage.states["host-a"].files[PureWindowsPath(PATHS.nebula_log)] += refusal(NO_CA)
    assert ["host-a/refusals", "count: 1"] == world.stage.play(part.model_copy(update={"steps": (proof,)}))


async def test_a_ca_that_was_lost_is_replaced_on_all_hosts_from_the_lighthouse_on() -> None:
    world = World.of(*ALL, lost=True)

    assert list(ALL) == await world.run(NEXT)
    assert [["Flatnet CA 2"]] * 4 == [world.trusted(name) for name in ALL]
    assert dict.fromkeys(ALL, "new") == world.signers()
    assert set() == world.tunnels()


async def test_a_ca_that_has_expired_is_replaced_although_no_tunnel_is_left() -> None:
    world = World.of(*ALL, lost=True)
    world.stage.now = world.rotation.old.ends_at + timedelta(days=1)
    everyone = {(one, other) for one in ALL for other in ALL if one != other}

    assert everyone == world.tunnels()
    assert list(ALL) == await world.run(NEXT)
    assert set() == world.tunnels()


async def test_after_a_lost_ca_a_host_that_was_away_follows_when_it_is_back() -> None:
    world = World.of(*ALL, lost=True)
    world.away = {"host-b"}

    assert ["lighthouse", "host-a", "host-c"] == await world.run(NEXT)
    world.away = set()
    assert ["host-b"] == await world.run(RotationNext(only=names("host-b")))
    assert set() == world.tunnels()


async def test_an_abort_before_any_host_trusts_wipes_the_new_key_alone() -> None:
    world = World.of(*ALL)

    assert ["lighthouse"] == await world.run(ABORT)
    assert not [path for path in world.stage.states["lighthouse"].files if "authorities" in path.parts]
    assert [["Flatnet CA"]] * 4 == [world.trusted(name) for name in ALL]


async def test_an_abort_while_hosts_begin_to_trust_takes_the_new_ca_out_everywhere() -> None:
    world = World.of(*ALL)
    await world.run(NEXT)
    world.move(RotationStage.ABORTING)

    assert ["host-a", "host-b", "host-c", "lighthouse", "lighthouse"] == await world.run(ABORT)
    assert [["Flatnet CA"]] * 4 == [world.trusted(name) for name in ALL]
    assert not [path for path in world.stage.states["lighthouse"].files if "authorities" in path.parts]
    assert set() == world.tunnels()


async def test_an_abort_while_hosts_are_signed_returns_their_certificates_first() -> None:
    world = World.of(*ALL)
    await world.run(NEXT)
    await world.run(NEXT)
    world.move(RotationStage.ABORTING)

    assert ["host-a", "host-b", "host-c", "lighthouse"] == await world.run(ABORT)
    assert dict.fromkeys(ALL, "old") == world.signers()
    assert set() == world.tunnels()
    assert ["host-a", "host-b", "host-c", "lighthouse", "lighthouse"] == await world.run(ABORT)
    assert [["Flatnet CA"]] * 4 == [world.trusted(name) for name in ALL]
    assert set() == world.tunnels()


async def test_an_abort_leaves_the_trust_of_a_host_that_is_away_to_be_taken_back_later() -> None:
    world = World.of(*ALL)
    await world.run(NEXT)
    world.move(RotationStage.ABORTING)
    world.away = {"host-b"}

    assert ["host-a", "host-c", "lighthouse"] == await world.run(ABORT)
    assert BOTH == world.trusted("host-b")
    world.away = set()
    assert ["host-b", "lighthouse"] == await world.run(RotationAbort(only=names("host-b")))
    assert [["Flatnet CA"]] * 4 == [world.trusted(name) for name in ALL]
    assert not [path for path in world.stage.states["lighthouse"].files if "authorities" in path.parts]


@pytest.mark.parametrize("end", ["lighthouse", "host-a"])
async def test_a_disk_that_is_full_at_either_end_changes_nothing_that_is_used(end: str) -> None:
    world = World.of(*ALL)
    await world.run(NEXT)
    plan = await world.plan(NEXT)
    world.stage.states[end].disk_full = True

    assert world.stage.play(plan.parts[0])[0] == ("host-a/sign" if end == "lighthouse" else "host-a/keys")
    assert dict.fromkeys(ALL, "old") == world.signers()
    assert set() == world.tunnels()
