"""`ca rotation abort`: what each stage allows, and what it refuses."""

from datetime import timedelta

import pytest

from adapters.windows.authority import WipeAuthority
from commands.certificates.rotation.abort import RotationAbort
from commands.model.operation import CannotPlan, Risk
from commands.model.owed import Matter
from commands.model.plan_digest import compute_digest
from commands.model.rotation import Rotation, RotationStage
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA
from tests.commands.canned_rotation import NEXT_CA, held
from tests.commands.certificates.rotation.round_cases import (
    AWAY,
    HOSTS,
    A,
    B,
    Said,
    ca_of,
    find,
    in_stage,
    keys,
    names,
    old,
    parts,
    sight,
    signed,
    trusting,
)

ABORT = RotationAbort()
MADE, TRUSTING, SIGNING, ABORTING = map(
    in_stage, (RotationStage.MADE, RotationStage.TRUSTING, RotationStage.SIGNING, RotationStage.ABORTING)
)
ALL_OLD = {each.name: old(each) for each in HOSTS}
ALL_TRUST = {each.name: trusting(each) for each in HOSTS}


async def refuse(operation: RotationAbort, rotation: Rotation, said: Said) -> str:
    with pytest.raises(CannotPlan) as refused:
        await operation.plan(sight(rotation, said))
    return str(refused.value.phrase)


def test_an_abort_is_critical_and_what_it_owes_is_a_ca_that_should_be_gone() -> None:
    assert (Risk.CRITICAL, Matter.AUTHORITY) == (ABORT.assessed_risk, RotationAbort.matter)


@pytest.mark.parametrize("said", [ALL_OLD, ALL_OLD | {"host-c": AWAY}])
async def test_a_ca_that_was_only_made_is_wiped(said: Said) -> None:
    plan = (await ABORT.plan(sight(MADE, said))).plan
    wipe = find(plan, "lighthouse/settle/wipe")

    assert ["lighthouse/settle/wipe"] == [step.key for step in plan.steps]
    assert WipeAuthority(folder=r"F:\flatnet\nebula") == wipe.deed.build_action({})


async def test_a_ca_that_some_hosts_trust_is_taken_out_and_wiped_with_the_lighthouse() -> None:
    plan = (await ABORT.plan(sight(TRUSTING, ALL_OLD | {"host-a": trusting(A), "lighthouse": trusting(HOSTS[0])}))).plan

    assert ["host-a", "lighthouse", "lighthouse"] == parts(plan)
    assert {"take-back/stage", "take-back/test", "take-back/loaded"} <= set(keys(plan, "host-a"))
    assert "settle/wipe" == keys(plan, "lighthouse")[-1]
    assert {"take-back/stage", "take-back/test", "take-back/loaded"} <= set(keys(plan, "lighthouse"))
    assert [["-Flatnet CA 2"]] * 2 == [[line.partition(" (")[0] for line in each.diff] for each in plan.edits]


async def test_the_key_stays_while_a_host_that_is_away_may_trust_its_ca() -> None:
    plan = (await ABORT.plan(sight(TRUSTING, ALL_TRUST | {"host-c": AWAY}))).plan

    assert "settle/wipe" not in keys(plan, "lighthouse")
    assert [("host-c", True)] == [(left.host, left.owed) for left in plan.left_out]


async def test_a_host_that_is_given_up_does_not_keep_the_key() -> None:
    plan = (await RotationAbort(leave=names("host-c")).plan(sight(TRUSTING, ALL_TRUST | {"host-c": AWAY}))).plan

    assert "settle/wipe" in keys(plan, "lighthouse")
    assert [("host-c", True)] == [(left.host, left.owed) for left in plan.left_out]


async def test_a_host_that_answers_but_cannot_be_changed_is_given_up_by_its_name() -> None:
    stuck = held(HOSTS[3], CA, NEXT_CA, signed=NEXT_CA, configured_certificate="inline")
    said = ALL_OLD | {"host-c": stuck}
    aborting = in_stage(RotationStage.ABORTING)
    assert "host-c: " in await refuse(ABORT, aborting, said)

    plan = (await RotationAbort(leave=names("host-c")).plan(sight(aborting, said))).plan
    assert ["settle/wipe"] == keys(plan, "lighthouse")
    assert [("host-c", True)] == [(left.host, left.owed) for left in plan.left_out]
    assert "host-c responds now, and is left behind all the same" in map(str, plan.warnings)


async def test_the_last_host_that_was_away_takes_the_key_with_it() -> None:
    made = await RotationAbort(only=names("host-c")).plan(sight(ABORTING, ALL_OLD | {"host-c": trusting(HOSTS[3])}))

    assert ["host-c", "lighthouse"] == parts(made.plan)
    assert {"only": {"parts": ["host-c", "lighthouse"]}, "leave": {"parts": []}} == made.arguments


async def test_hosts_with_a_new_certificate_get_one_of_the_old_ca_first() -> None:
    said = ALL_TRUST | {"host-a": signed(A), "host-b": signed(B)}
    plan = (await ABORT.plan(sight(SIGNING, said))).plan
    ca = SIGNING.old

    assert ["host-a", "host-b"] == parts(plan)
    assert {(ca.certificate_file, ca.key_file, ca.fingerprint)} == {
        ca_of(step) for step in plan.steps if step.key.endswith("/sign")
    }
    assert "after this round, ca rotation abort once more takes the new CA out" == str(plan.warnings[0])
    assert not [step.key for step in plan.steps if "/meet/" in step.key]


async def test_an_old_ca_that_ends_soon_is_no_way_back() -> None:
    soon = SIGNING.old.model_copy(update={"ends_at": NOW + timedelta(days=29)})
    short = SIGNING.model_copy(update={"old": soon})

    why = await refuse(ABORT, short, ALL_TRUST | {"host-a": signed(A)})
    assert why == (
        "Flatnet CA is valid only until 2026-12-24 09:10:00 UTC, too short to return to it. Go on with ca rotation next"
    )


async def test_an_abort_that_has_begun_goes_on_although_the_old_ca_ends_soon() -> None:
    """A host was away for long. No other command goes on from here."""
    soon = ABORTING.old.model_copy(update={"ends_at": NOW + timedelta(days=29)})
    short = ABORTING.model_copy(update={"old": soon})
    plan = (await ABORT.plan(sight(short, ALL_TRUST | {"host-a": signed(A)}))).plan

    assert ["host-a"] == parts(plan)
    assert "sign" in keys(plan, "host-a")


@pytest.mark.parametrize(
    ("rotation", "why"),
    [
        (
            in_stage(RotationStage.DROPPING),
            "the old CA is being taken out, and only the way forward is left. Go on with ca rotation finish",
        ),
        (
            in_stage(RotationStage.SIGNING, lost=True),
            "the old CA is lost, and only the way forward is left. Go on with ca rotation next",
        ),
        (in_stage(RotationStage.DONE), "the CA is not being changed. Begin with ca rotation start"),
    ],
)
async def test_a_stage_without_a_way_back_says_what_to_do(rotation: Rotation, why: str) -> None:
    assert why == await refuse(ABORT, rotation, ALL_TRUST)


async def test_a_host_with_a_new_certificate_that_is_away_keeps_the_new_ca_in_place() -> None:
    away = SIGNING.model_copy(
        update={
            "members": (SIGNING.find_member("host-c").model_copy(update={"trusts_at": NOW, "signed_at": NOW}),),
            "stage": RotationStage.ABORTING,
        }
    )

    assert (
        "host-c must return to the old CA, but cannot be checked. Get them to respond, or go on without them: "
        "ca rotation abort --leave host-c"
    ) == await refuse(ABORT, away, ALL_TRUST | {"host-c": AWAY})


async def test_the_plan_is_the_same_when_it_is_made_again_for_the_hosts_that_it_names() -> None:
    for rotation, said in ((MADE, ALL_OLD), (TRUSTING, ALL_TRUST), (SIGNING, ALL_TRUST | {"host-a": signed(A)})):
        first = await ABORT.plan(sight(rotation, said))
        again = await RotationAbort.model_validate(dict(first.arguments)).plan(sight(rotation, said))
        assert first.arguments == again.arguments
        assert compute_digest(first.plan, "x", first.arguments) == compute_digest(again.plan, "x", again.arguments)
