"""`ca rotation next`: which round is planned, what is refused, and what a certificate of the new CA is proven by."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.windows.commit_confirm import CONFIRM_WINDOW, BeginChange
from commands.certificates.rotation.next import RotationNext
from commands.changes.commit_confirm import RETURN_TIMEOUT
from commands.model.certificates import KnownIdentities
from commands.model.operation import CannotPlan, CertificateRules, FleetView, Risk
from commands.model.owed import KnownOwed, Matter, OwedNote
from commands.model.plan_digest import compute_digest
from commands.model.rotation import RotationStage
from commands.values.arguments import NoSuchHost
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA, authority, host
from tests.commands.canned_rotation import NEXT_CA, held
from tests.commands.certificates.rotation.outsiders import member_of
from tests.commands.certificates.rotation.round_cases import (
    AWAY,
    HOSTS,
    LIGHTHOUSE,
    A,
    C,
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

MADE, TRUSTING, SIGNING = map(in_stage, (RotationStage.MADE, RotationStage.TRUSTING, RotationStage.SIGNING))
ENDED = authority("Ended CA", days=-1)
NEXT = RotationNext()

ALL_TRUST = {each.name: trusting(each) for each in HOSTS}
FIRST_SIGNED = ALL_TRUST | {"host-a": signed(A)}
ALL_SIGNED = {each.name: signed(each) for each in HOSTS}


async def refuse(operation: RotationNext, rotation: object, said: Said) -> str:
    with pytest.raises(CannotPlan) as refused:
        await operation.plan(sight(rotation, said))  # type: ignore[arg-type]
    return str(refused.value.phrase)


async def test_all_hosts_trust_the_new_ca_before_one_gets_a_certificate_of_it_the_lighthouse_first() -> None:
    plan = (await NEXT.plan(sight(MADE, {each.name: old(each) for each in HOSTS}))).plan

    assert ["lighthouse", "host-a", "host-b", "host-c"] == parts(plan)
    assert [
        *("trust/stage", "trust/test", "note/lighthouse", "begin"),
        *("trust/loaded", "reach/host-a", "seen/lighthouse", "confirm", "tidy"),
    ] == keys(plan, "host-a")
    assert [["+Flatnet CA 2"]] * 4 == [[line.partition(" (")[0] for line in each.diff] for each in plan.edits]


async def test_a_host_that_is_away_is_owed_the_trust_and_its_own_command_gives_it_later() -> None:
    said = {each.name: old(each) for each in HOSTS}
    first = (await NEXT.plan(sight(MADE, said | {"host-c": AWAY}))).plan
    later = (await RotationNext(only=names("host-c")).plan(sight(TRUSTING, ALL_TRUST | {"host-c": old(C)}))).plan

    assert [("host-c", True)] == [(left.host, left.owed) for left in first.left_out]
    assert ["host-c"] == parts(later)
    assert "trust/stage" in keys(later, "host-c")


async def test_a_host_whose_nebula_does_not_run_trusts_at_its_next_start() -> None:
    stopped = {each.name: old(each) for each in HOSTS} | {"host-a": held(A, CA, running_since=None)}
    plan = (await NEXT.plan(sight(MADE, stopped))).plan
    begin = find(plan, "host-a/begin").deed.build_action({})

    assert isinstance(begin, BeginChange)
    assert () == begin.services
    assert "Nebula is not running on host-a. Its next start counts" in list(map(str, plan.warnings))


BUNDLES: list[tuple[object, str]] = [
    (
        held(A, CA, NEXT_CA, ca_written_at=NOW, signed=CA),
        "its file is right, but Nebula has not started since. Run service restart nebula host-a",
    ),
    (held(A, CA, configured_ca="inline"), "config.yaml contains certificates inline. Move them to files such as"),
    (held(A, CA, clock=NOW + timedelta(days=1)), "clock is off by 86400 s. Run first: w32tm /resync"),
    (held(A, CA, certificate=""), "no readable certificate at"),
]


@pytest.mark.parametrize(("said", "why"), BUNDLES)
async def test_a_host_whose_file_the_bot_does_not_change_is_left_out(said: object, why: str) -> None:
    plan = (await NEXT.plan(sight(MADE, {each.name: old(each) for each in HOSTS} | {"host-a": said}))).plan

    assert ["host-a"] == [left.host for left in plan.left_out]
    assert str(plan.left_out[0].why).startswith(why)


async def test_an_expired_ca_stays_and_is_named() -> None:
    plan = (await NEXT.plan(sight(MADE, {each.name: old(each) for each in HOSTS} | {"host-a": held(A, CA, ENDED)}))).plan

    assert "host-a also trusts Ended CA, which expired at 2026-11-24 09:10:00 UTC. It stays in the file" in list(
        map(str, plan.warnings)
    )


async def test_approvers_of_the_first_certificates_see_who_may_not_trust_the_new_ca() -> None:
    changing = TRUSTING
    members = [member_of(changing.old.fingerprint), member_of(changing.old.fingerprint, "host-a")]
    known = KnownIdentities(tuple(members))
    first = (await NEXT.plan(replace(sight(changing, ALL_TRUST), identities=known))).plan
    later = (await NEXT.plan(replace(sight(SIGNING, FIRST_SIGNED), identities=known))).plan

    expected = "it is unknown whether laptop, outside the configuration, trust the new CA"
    assert [True, False] == [any(str(each).startswith(expected) for each in plan.warnings) for plan in (first, later)]


async def test_the_first_host_is_proven_from_every_other_one_and_by_its_own_log() -> None:
    plan = (await NEXT.plan(sight(TRUSTING, ALL_TRUST))).plan

    assert ["host-a", "host-b", "host-c", "lighthouse"] == parts(plan)
    assert [
        "keys",
        "sign",
        "stage",
        "tidy",
        "note/lighthouse",
        "note/host-b",
        "note/host-c",
        "note/host-a",
        "begin",
        "meet/host-b",
        "meet/host-c",
        "reach/host-a",
        "seen/lighthouse",
        "seen/host-b",
        "seen/host-c",
        "gateway",
        "refusals",
        "confirm",
        "wipe",
    ] == keys(plan, "host-a")
    assert [("host-a", "10.100.2.1"), ("host-a", "10.100.3.1")] == [
        (step.host, step.deed.arguments["address"]) for step in plan.steps if "/meet/" in step.key
    ]
    assert "host-a goes first, and every other host must accept its new certificate" in list(map(str, plan.warnings))


async def test_the_others_follow_with_the_proof_of_a_renewal_and_that_of_their_own_log() -> None:
    plan = (await NEXT.plan(sight(TRUSTING, ALL_TRUST))).plan

    assert [
        *("keys", "sign", "stage", "tidy", "note/lighthouse", "note/host-b", "begin"),
        *("reach/host-b", "seen/lighthouse", "gateway", "refusals", "confirm", "wipe"),
    ] == keys(plan, "host-b")
    assert [
        *("keys", "sign", "stage", "note/host-a", "note/host-b", "note/lighthouse", "begin"),
        *("reach/host-a", "reach/host-b", "seen/host-a", "seen/host-b", "refusals", "confirm", "wipe"),
    ] == keys(plan, "lighthouse")


async def test_the_own_log_counts_from_the_place_that_was_noted_before_the_restart() -> None:
    refusals = find((await NEXT.plan(sight(TRUSTING, ALL_TRUST))).plan, "host-a/refusals")

    assert ("host-a", {"count": 0}) == (refusals.host, refusals.expect)
    assert {"after": ("host-a/note/host-a", "position")} == {
        name: (product.step, product.field) for name, product in refusals.deed.products.items()
    }


async def test_the_ca_and_the_key_that_sign_are_those_of_the_rotation() -> None:
    plan = (await NEXT.plan(sight(TRUSTING, ALL_TRUST))).plan
    new = TRUSTING.new

    assert {(new.certificate_file, new.key_file, new.fingerprint)} == {
        ca_of(step) for step in plan.steps if step.key.endswith("/sign")
    }


async def test_only_the_first_certificate_of_all_is_proven_everywhere() -> None:
    plan = (await NEXT.plan(sight(SIGNING, FIRST_SIGNED))).plan

    assert ["host-b", "host-c", "lighthouse"] == parts(plan)
    assert not [step.key for step in plan.steps if "/meet/" in step.key]


async def test_a_host_that_cannot_prove_the_first_certificate_is_named() -> None:
    silent = ALL_TRUST | {"host-c": held(C, CA, NEXT_CA, running_since=None)}
    plan = (await NEXT.plan(sight(TRUSTING, silent))).plan

    assert "no proof from host-c: not answering, or Nebula is not running there" in list(map(str, plan.warnings))


@pytest.mark.parametrize("count", [3, 30])
async def test_the_window_of_the_first_host_has_room_for_all_proofs(count: int) -> None:
    hosts = (LIGHTHOUSE, *(host(f"host-{number}", number) for number in range(1, count)))
    plan = (await NEXT.plan(sight(TRUSTING, {each.name: trusting(each) for each in hosts}, hosts))).plan
    begin = find(plan, "host-1/begin").deed.build_action({})
    proofs = [step.patience for step in plan.parts[0].steps if step.patience]

    assert isinstance(begin, BeginChange)
    assert begin.window >= CONFIRM_WINDOW
    assert RETURN_TIMEOUT + sum(proofs) <= begin.window - 15
    assert 6 <= min(proofs)


async def test_nothing_is_signed_while_a_host_does_not_trust_and_cannot_be_checked() -> None:
    assert (
        "host-c must trust the new CA first, but cannot be checked. Get them to respond, or go on without them: "
        "ca rotation next --leave host-c"
    ) == await refuse(NEXT, TRUSTING, ALL_TRUST | {"host-c": AWAY})


async def test_a_host_that_is_left_behind_is_cut_off_and_owed_its_return() -> None:
    leaving = RotationNext(leave=names("host-c"))
    made = await leaving.plan(sight(TRUSTING, ALL_TRUST | {"host-c": AWAY}))

    assert (Risk.DISRUPT, Risk.CRITICAL) == (NEXT.assessed_risk, leaving.assessed_risk)
    assert ["host-a", "host-b", "lighthouse"] == parts(made.plan)
    assert "host-c" == made.plan.about
    assert "host-c: cut off from every host with a new certificate until its return" == str(made.plan.warnings[0])
    assert [("host-c", "left behind. When it responds again, it needs ca rotation next --only host-c", True)] == [
        (left.host, str(left.why), left.owed) for left in made.plan.left_out
    ]
    assert {
        "only": {"parts": ["host-a", "host-b", "lighthouse", "host-c"]},
        "leave": {"parts": ["host-c"]},
    } == made.arguments


async def test_a_pattern_names_the_hosts_that_are_left_behind_in_the_plan_itself() -> None:
    """The end of the run records them as left, and what is owed to them is their own round."""
    made = await RotationNext(leave=names("*-c")).plan(sight(TRUSTING, ALL_TRUST | {"host-c": AWAY}))

    assert ("host-c", {"parts": ["host-c"]}) == (made.plan.about, made.arguments["leave"])


async def test_what_is_owed_to_a_host_is_its_own_round_without_leaving_any() -> None:
    leaving = RotationNext(leave=names("host-c"))

    assert RotationNext(only=names("host-c")) == leaving.restrict_to(("host-c",))
    assert RotationNext(only=names("host-a", "host-c"), leave=names("host-c")) == leaving.restrict_to(("host-a", "host-c"))


async def test_the_plan_is_the_same_when_it_is_made_again_for_the_hosts_that_it_names() -> None:
    said = ALL_TRUST | {"host-c": AWAY}
    first = await RotationNext(leave=names("host-c")).plan(sight(TRUSTING, said))
    again = await RotationNext.model_validate(dict(first.arguments)).plan(sight(TRUSTING, said))

    assert first.arguments == again.arguments
    assert compute_digest(first.plan, "ca rotation next", first.arguments) == compute_digest(
        again.plan, "ca rotation next", again.arguments
    )


@pytest.mark.parametrize(
    ("leave", "why"),
    [
        ("lighthouse", "lighthouse signs, so it cannot be left behind"),
        ("host-b", "nothing waits for host-b, because the new CA is trusted there already. Leave out --leave"),
    ],
)
async def test_a_host_that_nothing_waits_for_is_not_left_behind(leave: str, why: str) -> None:
    assert why == await refuse(RotationNext(leave=names(leave)), TRUSTING, ALL_TRUST | {"host-c": AWAY})


async def test_a_host_that_answers_and_is_left_all_the_same_is_said() -> None:
    plan = (await RotationNext(leave=names("host-c")).plan(sight(TRUSTING, ALL_TRUST | {"host-c": old(C)}))).plan

    assert "host-c responds now, and is left behind all the same" in list(map(str, plan.warnings))


async def test_a_host_that_trusts_but_is_away_is_owed_its_certificate() -> None:
    rotation = in_stage(RotationStage.SIGNING)
    known = rotation.model_copy(update={"members": (rotation.find_member("host-c").model_copy(update={"trusts_at": NOW}),)})
    plan = (await NEXT.plan(sight(known, FIRST_SIGNED | {"host-c": AWAY}))).plan

    assert ["host-b", "lighthouse"] == parts(plan)
    assert [("host-c", True)] == [(left.host, left.owed) for left in plan.left_out]


async def test_a_host_that_returns_gets_the_ca_and_a_certificate_of_it_in_one_restart() -> None:
    rotation = in_stage(RotationStage.SIGNING, "host-c")
    plan = (await RotationNext(only=names("host-c")).plan(sight(rotation, ALL_SIGNED | {"host-c": old(C)}))).plan
    begin = find(plan, "host-c/begin").deed.build_action({})

    assert ["host-c"] == parts(plan)
    assert [
        *("trust/stage", "keys", "sign", "stage", "tidy", "note/lighthouse", "note/host-c", "begin"),
        *("trust/loaded", "reach/host-c", "seen/lighthouse", "gateway", "refusals", "confirm", "wipe"),
    ] == keys(plan, "host-c")
    assert isinstance(begin, BeginChange)
    assert [
        r"F:\flatnet\config\nebula\ca.crt",
        r"F:\flatnet\config\nebula\host.crt",
        r"F:\flatnet\config\nebula\host.key",
    ] == [swap.target for swap in begin.swaps]
    assert [("restart", "Nebula")] == [(move.verb, move.service) for move in begin.services]
    assert begin.swaps[0].source == find(plan, "host-c/stage").deed.arguments["ca"]
    assert ["+Flatnet CA 2"] == [line.partition(" (")[0] for edit in plan.edits for line in edit.diff]


async def test_a_host_that_returns_comes_before_any_further_signature() -> None:
    rotation = in_stage(RotationStage.SIGNING, "host-c")
    plan = (await NEXT.plan(sight(rotation, FIRST_SIGNED | {"host-c": old(C)}))).plan
    waits = await refuse(RotationNext(only=names("host-b")), rotation, FIRST_SIGNED | {"host-c": old(C)})

    assert ["host-c"] == parts(plan)
    assert "host-b: comes after host-c (hosts get the new CA and a certificate of it in one restart)" == waits


@pytest.mark.parametrize("stage", [RotationStage.SIGNING, RotationStage.DROPPING])
async def test_a_host_that_has_all_is_unchanged(stage: RotationStage) -> None:
    made = await RotationNext(only=names("host-c")).plan(sight(in_stage(stage), ALL_SIGNED))

    assert () == made.plan.steps
    assert [("host-c", "has all that this round changes")] == [(left.host, str(left.why)) for left in made.plan.left_out]


@pytest.mark.parametrize(
    ("stage", "why"),
    [
        (RotationStage.SIGNING, "every host has a certificate of the new CA. Go on with ca rotation finish"),
        (RotationStage.DROPPING, "the old CA is being taken out. Go on with ca rotation finish"),
        (RotationStage.ABORTING, "the change of the CA is being aborted. Go on with ca rotation abort"),
        (RotationStage.DONE, "the CA is not being changed. Begin with ca rotation start"),
    ],
)
async def test_a_stage_without_a_next_round_says_what_to_do(stage: RotationStage, why: str) -> None:
    assert why == await refuse(NEXT, in_stage(stage), ALL_SIGNED)


async def test_without_a_rotation_there_is_no_next_round() -> None:
    assert "the CA is not being changed. Begin with ca rotation start" == await refuse(NEXT, None, ALL_TRUST)


async def test_what_is_owed_to_a_host_after_the_end_leads_to_no_other_rotation() -> None:
    assert (
        "the CA is not being changed. If host-c has had no tunnel since the last change, copy the file of CAs of lighthouse "
        "there, restart Nebula, then run cert renew host-c"
    ) == await refuse(RotationNext(only=names("host-c")), None, ALL_TRUST)


async def test_a_lighthouse_whose_clock_is_off_by_a_day_signs_nothing() -> None:
    off = ALL_TRUST | {"lighthouse": held(LIGHTHOUSE, CA, NEXT_CA, clock=NOW + timedelta(days=1))}

    assert "lighthouse: clock is off by 86400 s. Run first: w32tm /resync" == await refuse(NEXT, TRUSTING, off)


async def test_a_new_key_that_is_gone_signs_nothing() -> None:
    gone = ALL_TRUST | {"lighthouse": held(LIGHTHOUSE, CA, NEXT_CA, ca_key=False)}

    assert TRUSTING.new.key_file in await refuse(NEXT, TRUSTING, gone)


async def test_an_unknown_host_is_none() -> None:
    with pytest.raises(NoSuchHost):
        await RotationNext(only=names("host-x")).plan(sight(SIGNING, ALL_SIGNED))


LOST = in_stage(RotationStage.MADE, lost=True)


async def test_after_a_lost_ca_the_lighthouse_comes_first_and_the_old_ca_goes_with_the_same_restart() -> None:
    plan = (await NEXT.plan(sight(LOST, {each.name: old(each) for each in HOSTS}))).plan

    assert ["lighthouse", "host-a", "host-b", "host-c"] == parts(plan)
    assert [
        *("trust/stage", "keys", "sign", "stage", "begin", "trust/loaded", "confirm", "wipe"),
    ] == keys(plan, "lighthouse")
    assert [
        *("trust/stage", "keys", "sign", "stage", "tidy", "note/lighthouse", "begin"),
        *("trust/loaded", "reach/host-a", "seen/lighthouse", "gateway", "confirm", "wipe"),
    ] == keys(plan, "host-a")
    assert [["-Flatnet CA", "+Flatnet CA 2"]] * 4 == [[line.partition(" (")[0] for line in each.diff] for each in plan.edits]


async def test_after_a_lost_ca_an_away_host_is_owed_its_return() -> None:
    plan = (await NEXT.plan(sight(LOST, {each.name: old(each) for each in HOSTS} | {"host-b": AWAY}))).plan

    assert ["lighthouse", "host-a", "host-c"] == parts(plan)
    assert [("host-b", True)] == [(left.host, left.owed) for left in plan.left_out]


async def test_certificates_of_a_ca_that_has_ended_are_replaced_too() -> None:
    ended = {each.name: held(each, CA, days=-1) for each in HOSTS}

    assert ["lighthouse", "host-a", "host-b", "host-c"] == parts((await NEXT.plan(sight(LOST, ended))).plan)


async def test_after_a_lost_ca_no_host_is_changed_over_the_overlay_that_it_cuts_off() -> None:
    near = host("host-b", 2, url="http://10.100.2.1:5985/wsman")
    hosts = LIGHTHOUSE, A, near
    plan = (await NEXT.plan(sight(LOST, {each.name: old(each) for each in hosts}, hosts))).plan

    assert ["lighthouse", "host-a"] == parts(plan)
    assert [
        ("host-b", "the bot reaches it over Nebula, which this cuts off. Configure its address in the local network")
    ] == [(left.host, str(left.why)) for left in plan.left_out]


async def test_a_certificate_of_another_ca_is_worth_it_although_it_ends_no_later() -> None:
    short = replace(sight(TRUSTING, ALL_TRUST), certificates=CertificateRules(lifetime_days=90))
    plan = (await NEXT.plan(short)).plan

    assert [] == [warning for warning in map(str, plan.warnings) if "extend" in warning]


def owing(matter: Matter) -> FleetView:
    """A host that returns while the old CA is taken out, whose Nebula does not run, and to which something is owed."""
    note = OwedNote(number=3, host="host-c", words="ca rotation finish --only host-c", matter=matter, since=NOW)
    stopped = ALL_SIGNED | {"host-c": held(C, CA, running_since=None)}
    return replace(sight(in_stage(RotationStage.DROPPING, "host-c"), stopped), owed=KnownOwed((note,)))


async def test_a_host_returns_before_a_ca_is_removed_there() -> None:
    assert ["host-c"] == parts((await RotationNext(only=names("host-c")).plan(owing(Matter.AUTHORITY))).plan)


async def test_a_host_returns_after_what_was_revoked_there() -> None:
    with pytest.raises(CannotPlan, match="a revocation is owed there and must run before Nebula starts"):
        await RotationNext(only=names("host-c")).plan(owing(Matter.REVOCATION))


async def test_a_lighthouse_without_nebula_proves_no_change() -> None:
    stopped = {each.name: old(each) for each in HOSTS} | {"lighthouse": held(LIGHTHOUSE, CA, running_since=None)}
    plan = (await NEXT.plan(sight(MADE, stopped))).plan

    assert ["lighthouse"] == parts(plan)
    assert {"Nebula is not running on lighthouse, so the change cannot be verified. Start Nebula"} == {
        str(left.why) for left in plan.left_out
    }
