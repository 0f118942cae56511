"""Evidence of a change of the CA: what its recorded results prove, and nothing more."""

from collections.abc import Mapping
from datetime import timedelta

from commands.certificates.rotation.next import RotationNext
from commands.changes.evidence import describe_proofs
from commands.model.plan import Plan, Result, StepResult
from commands.model.rotation import RotationStage
from tests.bot.rendering.examples import ENGLISH
from tests.commands.canned import NOW
from tests.commands.canned_rotation import NEXT_CA
from tests.commands.certificates.rotation import test_finish as finishing
from tests.commands.certificates.rotation import test_start as starting
from tests.commands.certificates.rotation.round_cases import HOSTS, in_stage, old, sight


def results(plan: Plan, *missing: str) -> Mapping[str, StepResult]:
    """All steps done, but for those of these keys, which did not begin."""
    product = {"certificate": NEXT_CA.certificate, "name": "Flatnet CA 2"}
    return {
        step.key: StepResult(
            key=step.key,
            result=Result.DONE,
            product=product if step.key.endswith("/make") else {},
            began_at=NOW,
            ended_at=NOW + timedelta(minutes=1),
        )
        for step in plan.steps
        if step.key not in missing
    }


def said(plan: Plan, *missing: str) -> list[str]:
    return [proof.render(ENGLISH) for proof in describe_proofs(plan, results(plan, *missing), NOW)]


async def test_a_start_proves_the_new_ca_and_its_copies_once_all_steps_are_done() -> None:
    plan = await starting.planned()
    ends = ENGLISH.moment(NOW + timedelta(days=3000))

    assert [f"lighthouse: Flatnet CA 2 is made, valid until {ends}, and both copies of its key are verified"] == said(plan)
    assert [] == said(plan, "lighthouse/copy/check-second")


async def test_a_round_of_trust_proves_that_nebula_runs_with_the_new_ca() -> None:
    view = sight(in_stage(RotationStage.MADE), {each.name: old(each) for each in HOSTS})
    proof = said((await RotationNext().plan(view)).plan)[1]

    assert ["trusts the new CA", "tunnel confirmed by lighthouse"] == [
        each for each in proof.split(", ") if "trusts" in each or "tunnel" in each
    ]


async def test_a_finish_proves_what_each_host_has_and_that_the_old_key_is_gone() -> None:
    view = finishing.ready(finishing.SIGNING, finishing.ALL_SIGNED)
    lazily = said(await finishing.planned(finishing.LAZY, view))

    assert ["host-a: the new file of CAs counts from the next start"] == [
        each for each in lazily if each.startswith("host-a")
    ]
    assert "lighthouse: the new CA key is in its place, and the old one is wiped" == lazily[-1]
