"""Which CA a renewal signs with: while the CA is being changed, the one that the rotation names."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.errors import Unreachable
from adapters.phrase import Phrase
from adapters.windows.action import WindowsAction
from adapters.windows.nebula import ReadCertificates
from commands.certificates.renewal import CertRenew
from commands.certificates.rotation.rounds import prepare_signing
from commands.model.operation import CannotPlan
from commands.model.plan import Plan
from commands.model.rotation import Rotation, RotationMember, RotationStage
from commands.values.arguments import Target
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA, OTHER_CA, Said, authority, host, view
from tests.commands.canned_rotation import FOLDER, NEXT_CA, held, rotation

LIGHTHOUSE, A, B = host("lighthouse", 0), host("host-a", 1), host("host-b", 2)
ALL = (LIGHTHOUSE, A, B)
AWAY = Unreachable(Phrase("connection refused"))
EXPIRED = authority("Expired CA", days=-1)


def both(**given: Any) -> dict[tuple[str, str], object]:
    """All hosts trust both CAs; `given` says otherwise by name, with an underscore."""
    said: dict[tuple[str, str], object] = {(each.name, "windows"): held(each, CA, NEXT_CA) for each in ALL}
    return said | {(name.replace("_", "-"), "windows"): answer for name, answer in given.items()}


async def renewed(changing: Rotation | None, said: Said) -> Plan:
    seen = replace(view(*ALL, said=said), rotation=changing)
    return (await CertRenew(target=Target(parts=("host-a",))).plan(seen)).plan


def signature(plan: Plan) -> tuple[object, ...]:
    """The CA, its file and its key, by which the plan signs."""
    step = next(step for step in plan.steps if step.key == "host-a/sign")
    return tuple(step.deed.arguments[name] for name in ("ca_fingerprint", "ca_certificate", "ca_key"))


OLD = (rotation(RotationStage.MADE).old.fingerprint, rf"{FOLDER}\ca.crt", rf"{FOLDER}\ca.key")
NEW = (rotation(RotationStage.MADE).new.fingerprint, rf"{FOLDER}\rotation-1.crt", rf"{FOLDER}\rotation-1.key")


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        (RotationStage.MADE, OLD),
        (RotationStage.TRUSTING, OLD),
        (RotationStage.SIGNING, NEW),
        (RotationStage.DROPPING, NEW),
        (RotationStage.ABORTING, OLD),
    ],
)
@pytest.mark.parametrize("order", [(CA, NEXT_CA), (NEXT_CA, CA)], ids=["the old one first", "the new one first"])
async def test_the_stage_decides_and_never_the_order_of_a_file(
    stage: RotationStage, expected: tuple[str, ...], order: tuple[Any, Any]
) -> None:
    said = both(lighthouse=held(LIGHTHOUSE, *order), host_a=held(A, *order))

    assert expected == signature(await renewed(rotation(stage), said))


async def test_the_signer_is_a_premise() -> None:
    (said,) = [each for each in (await renewed(rotation(RotationStage.SIGNING), both())).premises if each.what == "ca"]

    assert (NEW[0], "lighthouse signs with Flatnet CA 2") == (said.value, str(said.phrase).partition(" (")[0])


@pytest.mark.parametrize("stage", [RotationStage.TRUSTING, RotationStage.SIGNING])
async def test_the_key_that_signs_is_looked_for_where_the_rotation_has_it(stage: RotationStage) -> None:
    asked = []

    def answer(action: WindowsAction[Any]) -> object:
        asked.extend([action.ca_key] if isinstance(action, ReadCertificates) else [])
        return held(LIGHTHOUSE, CA, NEXT_CA, ca_key=False)

    with pytest.raises(CannotPlan) as refused:
        await renewed(rotation(stage), both(lighthouse=answer))

    key = (NEW if stage.signs_with_new else OLD)[2]
    assert [key] == asked
    assert f"no CA key at {key} on lighthouse. Put it back from its backup: ca backup" == str(refused.value.phrase)


CUT_OFF = "host-b would lose the tunnel to each renewed host, because they do not trust Flatnet CA 2. Run ca rotation next"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            both(lighthouse=held(LIGHTHOUSE, CA)),
            "the CA is being changed and Flatnet CA 2 must sign now, but lighthouse does not trust it. Run ca rotation",
        ),
        (
            both(host_b=held(B, CA)),
            CUT_OFF,
        ),
        (
            both(host_b=AWAY),
            CUT_OFF,
        ),
    ],
)
async def test_no_signature_of_the_new_ca_while_a_host_does_not_trust_it(said: Said, why: str) -> None:
    with pytest.raises(CannotPlan) as refused:
        await renewed(rotation(RotationStage.SIGNING), said)

    assert why == str(refused.value.phrase)


@pytest.mark.parametrize(
    ("member", "answer"),
    [
        (RotationMember(host="host-b", trusts_at=NOW), AWAY),
        (RotationMember(host="host-b", left_at=NOW), AWAY),
        (RotationMember(host="host-b", left_at=NOW), held(B, CA)),
    ],
)
async def test_a_host_that_trusted_it_before_or_was_left_behind_hinders_nothing(
    member: RotationMember, answer: object
) -> None:
    assert NEW == signature(await renewed(rotation(RotationStage.SIGNING, member), both(host_b=answer)))


async def test_a_round_that_leaves_a_host_plans_as_if_it_were_left_already() -> None:
    changing = prepare_signing(rotation(RotationStage.TRUSTING), frozenset({"host-b"}), NOW)

    assert NEW == signature(await renewed(changing, both(host_b=AWAY)))
    aborting = rotation(RotationStage.ABORTING)
    assert aborting == prepare_signing(aborting, frozenset({"host-b"}), NOW)


async def test_a_host_that_does_not_trust_the_new_ca_is_sent_to_the_rotation() -> None:
    left = rotation(RotationStage.SIGNING, RotationMember(host="host-a", left_at=NOW))
    with pytest.raises(CannotPlan) as refused:
        await renewed(left, both(host_a=held(A, CA)))

    expected = "host-a: does not trust the new CA Flatnet CA 2 yet. Run ca rotation next --only host-a"
    assert expected == str(refused.value.phrase)


async def test_an_expired_ca_that_is_first_in_the_file_does_not_sign() -> None:
    said = {(each.name, "windows"): held(each, EXPIRED, CA) for each in ALL}

    assert OLD[0] == signature(await renewed(None, said))[0]


async def test_a_certificate_of_the_old_ca_is_carried_over_where_only_the_new_one_is_trusted() -> None:
    said = both(lighthouse=held(LIGHTHOUSE, NEXT_CA, signed=NEXT_CA))

    assert NEW == signature(await renewed(rotation(RotationStage.DROPPING), said))
    with pytest.raises(CannotPlan, match="is not signed by any CA that lighthouse trusts"):
        await renewed(rotation(RotationStage.DROPPING), said | both(host_a=held(A, CA, NEXT_CA, signed=OTHER_CA)))


async def test_a_ca_that_is_lost_signs_nothing_and_a_row_with_a_damaged_certificate_neither() -> None:
    lost = rotation(RotationStage.TRUSTING, lost=True)
    damaged = lost.model_copy(update={"new": lost.new.model_copy(update={"certificate": "junk"})})

    assert NEW == signature(await renewed(lost, both()))
    with pytest.raises(CannotPlan, match="Flatnet CA 2 must sign now"):
        await renewed(damaged, both())
