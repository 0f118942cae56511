"""`cert renew`: what is planned, what stands in its way, and that nothing in a plan moves by itself."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import JsonValue

from adapters.action import Effect
from adapters.errors import Unreachable
from adapters.inventory import Host
from adapters.nebula.pem import encode_block
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import CONFIRM_WINDOW, BeginChange, ServiceMove
from adapters.windows.nebula import SignCertificate
from commands.catalogue import CATALOGUE
from commands.certificates.renewal import CertRenew
from commands.changes.commit_confirm import RETURN_TIMEOUT
from commands.language.grammar import parse_operation, render_operation
from commands.model.operation import CannotPlan, CertificateRules
from commands.model.owed import KnownOwed, Matter, OwedNote
from commands.model.plan import Plan, PlannedChange, Step
from commands.model.plan_digest import compute_digest
from commands.values.arguments import NoSuchHost, Target
from commands.values.errors import GrammarError
from commands.values.normalize import normalize_text
from tests.commands.canned import NOW, container, wsl
from tests.commands.canned_certs import CA, OPERATION, OTHER_CA, Said, authority, files, host, view

A, B, LIGHTHOUSE = host("host-a", 1), host("host-b", 2), host("lighthouse", 0)
LOST = Unreachable(Phrase("connection refused; look at its cable"))
ENDING_CA, ENDED_CA = authority(days=20), authority(days=-1)
PUBLIC_KEY = encode_block("NEBULA X25519 PUBLIC KEY", bytes(32))
FOLDER = rf"F:\flatnet\operations\{OPERATION}"


def renew(*names: str) -> CertRenew:
    return CertRenew(target=Target(parts=names))


def due(days: int = 30) -> CertRenew:
    return CertRenew(due=timedelta(days=days))


async def planned(operation: CertRenew, *hosts: Host, said: Said | None = None) -> PlannedChange:
    return await operation.plan(view(*(hosts or (LIGHTHOUSE, A, B)), said=said))


async def steps(operation: CertRenew, *hosts: Host, said: Said | None = None) -> tuple[Step, ...]:
    return (await planned(operation, *hosts, said=said)).plan.steps


def by_key(plan: Plan, key: str) -> Step:
    return next(step for step in plan.steps if step.key == key)


async def test_a_host_gets_keys_of_its_own_a_signature_and_a_proof_from_the_other_side() -> None:
    assert [
        ("host-a/keys", "host-a", "generate a key pair (the private key stays on host-a)"),
        ("host-a/sign", "lighthouse", "sign it with Flatnet CA for up to 365 days, within the CA's validity"),
        ("host-a/stage", "host-a", "test the new pair with nebula -test (the active one stays untouched)"),
        ("host-a/tidy", "lighthouse", "remove the working folder"),
        ("host-a/note/lighthouse", "lighthouse", "record the end of Nebula's log"),
        (
            "host-a/begin",
            "host-a",
            "install the new pair and restart Nebula (host-a reverts automatically unless confirmed within 120 s)",
        ),
        ("host-a/reach/host-a", "host-a", "ping the Lighthouse"),
        ("host-a/seen/lighthouse", "lighthouse", "check the handshake of host-a in Nebula's log"),
        ("host-a/gateway", "host-a", "check that the gateway responds"),
        ("host-a/confirm", "host-a", "confirm the change (host-a cancels its automatic rollback)"),
        ("host-a/wipe", "host-a", "wipe the old private key, and all other keys in the folders of operations"),
    ] == [(step.key, step.host, str(step.phrase)) for step in await steps(renew("host-a"))]


async def test_the_lighthouse_is_proven_by_two_others_and_keeps_its_working_folder_until_the_end() -> None:
    """Its keys lie in the same folder as what it signs."""
    assert [
        "lighthouse/keys",
        "lighthouse/sign",
        "lighthouse/stage",
        "lighthouse/note/host-a",
        "lighthouse/note/host-b",
        "lighthouse/begin",
        "lighthouse/reach/host-a",
        "lighthouse/reach/host-b",
        "lighthouse/seen/host-a",
        "lighthouse/seen/host-b",
        "lighthouse/confirm",
        "lighthouse/wipe",
    ] == [step.key for step in await steps(renew("lighthouse"), LIGHTHOUSE, A, B, host("host-c", 3))]


async def test_what_is_signed_is_what_the_present_certificate_says() -> None:
    said = {("host-a", "windows"): files(A, groups="flatnet,gateway,printers")}
    plan = (await planned(renew("host-a"), said=said)).plan
    action = by_key(plan, "host-a/sign").deed.build_action({"host-a/keys": {"public_key": PUBLIC_KEY}})

    assert isinstance(action, SignCertificate)
    assert ("host-a", ("10.100.1.1/16",), ("flatnet", "gateway", "printers")) == (
        action.name,
        action.networks,
        action.groups,
    )
    assert (8760, FOLDER) == (action.lifetime, action.folder)
    assert ["host-a keeps its additional groups: printers"] == list(map(str, plan.warnings))


async def test_the_lifetime_is_a_rule_that_is_configured() -> None:
    at = view(LIGHTHOUSE, A)
    shorter = type(at)(
        at.fleet, at.now, at.thresholds, certificates=CertificateRules(lifetime_days=90), operation_id=OPERATION
    )
    plan = (await renew("host-a").plan(shorter)).plan

    assert 90 * 24 == by_key(plan, "host-a/sign").deed.arguments["lifetime"]


async def test_every_step_can_be_carried_out_once_those_before_have_answered() -> None:
    """Products name earlier steps and fields that these have."""
    produced: dict[str, Mapping[str, JsonValue]] = {}
    answers: dict[str, JsonValue] = {
        "public_key": PUBLIC_KEY,
        "certificate": CA.certificate,
        "fingerprint": "ab" * 32,
        "position": 41,
    }
    for step in await steps(renew("host-a", "lighthouse")):
        action = step.deed.build_action(produced)
        assert action.side in ("windows", "gateway")
        for check in (*((step.verify,) if step.verify else ()), *step.undone):
            assert check.deed.build_action(produced).effect is Effect.READ
        produced[step.key] = answers


async def test_the_new_pair_takes_the_place_of_the_old_one_and_goes_back_with_it() -> None:
    plan = (await planned(renew("host-a"))).plan
    begin = by_key(plan, "host-a/begin")
    action = begin.deed.build_action({})

    assert isinstance(action, BeginChange)
    assert (OPERATION, CONFIRM_WINDOW) == (action.operation, action.window)
    assert (ServiceMove(service="Nebula", verb="restart"),) == action.services
    assert [
        (rf"{FOLDER}\host.crt", r"F:\flatnet\config\nebula\host.crt"),
        (rf"{FOLDER}\host.key", r"F:\flatnet\config\nebula\host.key"),
    ] == [(swap.source, swap.target) for swap in action.swaps]
    assert begin.verify is not None
    assert {"state": "applied"} == begin.verify.expect
    assert begin.undo is not None
    assert "windows.AbortChange" == begin.undo.kind
    assert [
        ("windows.ReadChange", "host-a"),
        ("windows.ReadCertificates", "host-a"),
        ("windows.ReachAddress", "host-a"),
    ] == [(check.deed.kind, check.host) for check in begin.undone]
    assert all(check.patience > CONFIRM_WINDOW for check in begin.undone)


async def test_everything_before_the_restart_can_be_taken_back() -> None:
    """What has no undo of its own leaves nothing: a removed folder, a noted position, a confirmation, wiped keys."""
    assert ["host-a/tidy", "host-a/confirm", "host-a/wipe"] == [
        step.key for step in await steps(renew("host-a")) if step.deed.is_change and step.undo is None
    ]


async def test_the_old_key_is_wiped_in_a_part_of_its_own_which_takes_no_new_pair_back() -> None:
    renewed, wiping = (await planned(renew("host-a"))).plan.parts
    [wipe] = wiping.steps
    assert wipe.verify is not None

    assert "host-a/confirm" == renewed.steps[-1].key
    assert ("host-a/wipe", None) == (wipe.key, wipe.undo)
    assert ([r"F:\flatnet\operations"], []) == (wipe.deed.arguments["folders"], wipe.deed.arguments["files"])
    assert ("windows.ReadKeyRemains", {"left": 0}) == (wipe.verify.deed.kind, wipe.verify.expect)
    assert wipe.deed.arguments == wipe.verify.deed.arguments


@pytest.mark.parametrize("names", [("host-a",), ("lighthouse",)])
async def test_all_proofs_together_fit_into_the_window(names: tuple[str, ...]) -> None:
    """Beyond it the host has put the old pair back."""
    taken = await steps(renew(*names))
    begin = next(step for step in taken if step.key.endswith("/begin"))
    proofs = [step for step in taken if step.patience]
    assert begin.verify is not None

    assert 120 == CONFIRM_WINDOW
    assert RETURN_TIMEOUT + sum(step.patience for step in proofs) <= CONFIRM_WINDOW - 15
    assert all(step.patience >= 15 for step in proofs)


async def test_hosts_come_one_after_the_other_and_the_lighthouse_last() -> None:
    plan = (await planned(renew("all"))).plan

    assert ["host-a", "host-a", "host-b", "host-b", "lighthouse", "lighthouse"] == [part.host for part in plan.parts]
    assert ("host-a", "host-b", "lighthouse") == plan.hosts
    assert {
        ("host-a", "windows"),
        ("host-a", "gateway"),
        ("host-b", "windows"),
        ("host-b", "gateway"),
        ("lighthouse", "windows"),
    } == {(road.host, road.side) for road in plan.roads}


async def test_the_lighthouse_is_among_the_hosts_of_a_plan_because_it_signs() -> None:
    assert ("host-a", "lighthouse") == (await planned(renew("host-a"))).plan.hosts


async def test_due_means_all_that_end_in_time_and_becomes_their_names() -> None:
    said = {
        ("host-a", "windows"): files(A, days=12),
        ("host-b", "windows"): files(B, days=29),
        ("lighthouse", "windows"): files(LIGHTHOUSE, days=31),
        ("host-c", "windows"): LOST,
    }
    hosts = LIGHTHOUSE, A, B, host("host-c", 3)
    all_due, few = await planned(due(), *hosts, said=said), await planned(due(14), *hosts, said=said)

    assert {"target": {"parts": ["host-a", "host-b", "host-c"]}, "due": None} == all_due.arguments
    assert {"target": {"parts": ["host-a", "host-c"]}, "due": None} == few.arguments
    assert [("host-c", "could not check the host: connection refused; look at its cable", True)] == [
        (left.host, str(left.why), left.owed) for left in all_due.plan.left_out
    ]


async def test_due_without_anything_due_says_so() -> None:
    with pytest.raises(CannotPlan, match=r"^no certificate expires within 30d\. Nothing to do$"):
        await planned(due())


async def test_settled_arguments_give_the_same_plan_with_the_same_digest() -> None:
    """What is approved is planned again before it runs, by its names, minutes later."""
    said = {("host-a", "windows"): files(A, days=12), ("host-b", "windows"): files(B, days=13)}
    first = await planned(due(), said=said)
    at = view(LIGHTHOUSE, A, B, said=said)
    later = type(at)(at.fleet, lambda: NOW + timedelta(seconds=55), at.thresholds, operation_id=OPERATION)
    again = await CertRenew.model_validate(dict(first.arguments)).plan(later)

    assert first.arguments == again.arguments
    assert compute_digest(first.plan, "cert renew", first.arguments) == compute_digest(
        again.plan, "cert renew", again.arguments
    )
    assert first == PlannedChange.model_validate_json(first.model_dump_json())


@pytest.mark.parametrize(
    "said",
    [
        {("host-a", "windows"): files(A, days=40)},
        {("host-a", "gateway"): LOST},
        {(each.name, "windows"): files(each, OTHER_CA) for each in (LIGHTHOUSE, A)},
    ],
)
async def test_another_certificate_gateway_or_ca_is_another_plan(said: Said) -> None:
    before, now = await planned(renew("host-a"), LIGHTHOUSE, A), await planned(renew("host-a"), LIGHTHOUSE, A, said=said)

    assert compute_digest(before.plan, "cert renew", before.arguments) != compute_digest(
        now.plan, "cert renew", now.arguments
    )


async def test_the_approver_is_shown_what_the_plan_rests_on() -> None:
    said = {("host-a", "windows"): files(A)}
    premises = (await planned(renew("host-a"), said=said)).plan.premises

    assert [("lighthouse", "ca"), ("host-a", "certificate"), ("host-a", "containers")] == [
        (premise.host, premise.what) for premise in premises
    ]
    assert str(premises[1].phrase).endswith(": host-a, 10.100.1.1/16, groups flatnet, gateway")
    assert str(premises[1].value)[:12] in str(premises[1].phrase)


async def test_a_container_that_started_since_is_another_plan_and_the_order_of_the_answer_is_none() -> None:
    """The approver said yes to stopping these and no others."""
    windows = {(each.name, "windows"): files(each) for each in (LIGHTHOUSE, A, B)}
    shop, wiki, old = container("shop"), container("wiki"), container("old", "exited")

    async def digest(*containers: object) -> str:
        made = await planned(renew("host-a"), said={**windows, ("host-a", "wsl"): wsl(A, containers=containers)})
        return compute_digest(made.plan, "cert renew", made.arguments)

    approved = await digest(shop, wiki)
    assert approved == await digest(wiki, old, shop)
    assert approved != await digest(shop)
    assert approved != await digest(shop, wiki, container("db"))


async def test_what_is_cut_is_said() -> None:
    said = {("host-a", "wsl"): wsl(A, containers=(container("shop"), container("wiki"), container("old", "exited")))}
    near = host("host-a", 1, url="http://10.100.1.1:5985/wsman")
    told = (await planned(renew("host-a", "lighthouse"), LIGHTHOUSE, near, B, said=said)).plan.disrupts

    assert [
        "the tunnels of host-a will be down for a few seconds (also unreachable: shop, wiki)",
        "the bot itself connects to host-a over Nebula and waits for it to return",
        "the tunnels of lighthouse will be down for a few seconds",
        "meanwhile, hosts without an established tunnel cannot find each other (lighthouse is the lighthouse)",
    ] == list(map(str, told))


@pytest.mark.parametrize(
    ("said", "warning"),
    [
        (
            {(each.name, "windows"): files(each, ENDING_CA, 10) for each in (LIGHTHOUSE, A)},
            "the new certificate of host-a will expire soon (2026-12-15 09:09:59 UTC), together with its CA",
        ),
        (
            {("host-a", "windows"): files(A, days=265)},
            "the new certificate of host-a would not extend the expiry (2027-08-17 09:09:59 UTC)",
        ),
        (
            {("host-a", "windows"): files(A, days=-1)},
            "the certificate of host-a has expired, so it has no tunnels now. A rollback would not restore them",
        ),
        (
            {("host-a", "windows"): files(A, running_since=None)},
            "Nebula is not running on host-a. It will be started with the new certificate",
        ),
        ({("host-a", "gateway"): LOST}, "the gateway of host-a is not responding, so it cannot be used for verification"),
    ],
)
async def test_what_an_approver_must_know_is_a_warning(said: Said, warning: str) -> None:
    plan = (await planned(renew("host-a"), LIGHTHOUSE, A, said=said)).plan

    assert warning in list(map(str, plan.warnings))


async def test_an_expired_certificate_leaves_no_tunnel_to_prove_the_way_back_by() -> None:
    plan = (await planned(renew("host-a"), said={("host-a", "windows"): files(A, days=-1)})).plan

    assert "windows.ReachAddress" not in [check.deed.kind for check in by_key(plan, "host-a/begin").undone]


HINDERED: list[tuple[tuple[Host, ...], dict[tuple[str, str], object], str]] = [
    ((A, B), {}, "no lighthouse configured (needed for signing). Add it with ID 0"),
    (
        (LIGHTHOUSE, A),
        {("lighthouse", "windows"): LOST},
        "signing requires the lighthouse lighthouse, but it could not be checked: connection refused; look at its cable",
    ),
    (
        (LIGHTHOUSE, A),
        {("lighthouse", "windows"): files(LIGHTHOUSE, ca="")},
        r"no readable CA certificate at F:\flatnet\config\nebula\ca.crt on lighthouse. Run cert for details",
    ),
    (
        (LIGHTHOUSE, A),
        {(each.name, "windows"): files(each, ENDED_CA, -2) for each in (LIGHTHOUSE, A)},
        "the CA Flatnet CA expired at 2026-11-24 09:10:00 UTC. Create a new CA first",
    ),
    (
        (LIGHTHOUSE, A),
        {("lighthouse", "windows"): files(LIGHTHOUSE, ca_key=False)},
        r"no CA key at F:\flatnet\config\nebula\ca.key on lighthouse. Fix ca_key in the configuration",
    ),
    (
        (LIGHTHOUSE, A),
        {("lighthouse", "windows"): files(LIGHTHOUSE, ca_key_encrypted=True)},
        "the CA key on lighthouse has a passphrase, so the bot cannot use it. Sign manually",
    ),
    (
        (LIGHTHOUSE, A),
        {("lighthouse", "windows"): files(LIGHTHOUSE, clock=NOW - timedelta(seconds=75))},
        "lighthouse: clock is off by 75 s. Run first: w32tm /resync",
    ),
    (
        (LIGHTHOUSE, A),
        {("lighthouse", "windows"): files(LIGHTHOUSE, running_since=None)},
        "host-a: Nebula is not running on lighthouse, so the new certificate cannot be verified. Start Nebula",
    ),
]


@pytest.mark.parametrize(("hosts", "said", "why"), HINDERED)
async def test_what_hinders_signing_is_refused_when_it_is_planned(
    hosts: tuple[Host, ...], said: dict[tuple[str, str], object], why: str
) -> None:
    with pytest.raises(CannotPlan) as refused:
        await planned(renew("host-a"), *hosts, said=said)

    assert why == str(refused.value.phrase)


OBSTACLES: list[tuple[object, str]] = [
    (LOST, "could not check the host: connection refused; look at its cable"),
    (files(A, certificate=""), r"no readable certificate at F:\flatnet\config\nebula\host.crt. Put one there first"),
    (files(A, clock=NOW + timedelta(seconds=61)), "clock is off by 61 s. Run first: w32tm /resync"),
    (
        files(A, address="10.100.7.1/16"),
        "manually changed: the certificate has 10.100.7.1/16, the configuration 10.100.1.1/16. Fix one of them first",
    ),
    (
        files(A, name="host-q"),
        "manually changed: the certificate has host-q, the configuration host-a. Fix one of them first",
    ),
    (
        files(A, groups="flatnet"),
        "manually changed: the certificate has flatnet, the configuration flatnet, gateway. Fix one of them first",
    ),
    (
        files(A, configured_key=r"D:\keys\host.key"),
        r"config.yaml has D:\keys\host.key, but the configuration has F:\flatnet\config\nebula\host.key. Fix one of them",
    ),
    (
        files(A, configured_certificate="inline"),
        r"config.yaml contains certificates inline. Move them to files such as F:\flatnet\config\nebula\host.crt",
    ),
    (
        files(A, configured_ca=""),
        r"config.yaml does not set the path of F:\flatnet\config\nebula\ca.crt. Add it under pki",
    ),
    (
        files(A, OTHER_CA),
        "does not trust the CA Flatnet CA used for signing. Install that CA's certificate",
    ),
    (
        files(A, signed=OTHER_CA, groups="flatnet,gateway,admins"),
        "the current certificate is not signed by any CA that lighthouse trusts, so its contents cannot be carried over",
    ),
    (files(A, certificate=CA.certificate), r"F:\flatnet\config\nebula\host.crt is a CA certificate, not a host certificate"),
]


@pytest.mark.parametrize(("said", "why"), OBSTACLES)
async def test_an_obstacle_on_one_host_leaves_it_out_and_refuses_where_it_is_the_only_one(said: object, why: str) -> None:
    told = {("host-a", "windows"): said}
    with pytest.raises(CannotPlan) as refused:
        await planned(renew("host-a"), said=told)
    both = await planned(renew("host-a", "host-b"), said=told)

    assert f"host-a: {why}" == str(refused.value.phrase)
    assert [("host-a", why)] == [(left.host, str(left.why)) for left in both.plan.left_out]
    assert {"target": {"parts": ["host-b", *both.plan.owed_hosts]}, "due": None} == both.arguments


async def test_a_host_without_windows_and_a_lonely_lighthouse_cannot_be_renewed() -> None:
    bare = host("host-z", 9).model_copy(update={"windows": None})
    with pytest.raises(CannotPlan) as refused:
        await planned(renew("all"), LIGHTHOUSE, bare)

    assert (
        "no host can be changed: host-z: no Windows connection configured, lighthouse: no other host is reachable with "
        "Nebula running, so the new certificate cannot be verified"
    ) == str(refused.value.phrase)


async def test_an_unknown_host_is_none() -> None:
    with pytest.raises(NoSuchHost):
        await planned(renew("host-x"))


@pytest.mark.parametrize("operation", [CertRenew(), CertRenew(target=Target(parts=("host-a",)), due=timedelta(days=30))])
async def test_hosts_or_due_and_never_both(operation: CertRenew) -> None:
    with pytest.raises(GrammarError) as refused:
        await planned(operation)

    assert "cert renew takes either hosts or --due (all hosts that expire soon), not both" == str(refused.value.phrase)
    assert () == refused.value.suggestions


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("certs renew host-a", "cert renew host-a"),
        ("cert renew --due", "cert renew --due 30d"),
        ("cert renew --due=2w --dry-run", "cert renew --due 14d --dry-run"),
        ("certificate renew host-a, host-b --reason 'ends soon'", 'cert renew host-a,host-b --reason "ends soon"'),
    ],
)
def test_what_is_typed_is_understood_as_this(typed: str, words: str) -> None:
    assert words == render_operation(parse_operation(normalize_text(typed), CATALOGUE, CATALOGUE))


def test_only_some_of_the_hosts_are_named_and_no_longer_due() -> None:
    assert "cert renew host-b" == render_operation(due().restrict_to(("host-b",)))


async def test_a_renewal_does_not_start_nebula_before_what_is_owed_there_and_concerns_identities() -> None:
    note = OwedNote(number=3, host="host-a", words="blocklist add x", matter=Matter.REVOCATION, since=NOW)
    stopped = {("host-a", "windows"): files(A, running_since=None)}
    for said, refused in ((stopped, True), ({}, False)):
        sight = replace(view(LIGHTHOUSE, A, B, said=said), owed=KnownOwed((note,)))
        made = await renew("host-a", "host-b").plan(sight)
        assert refused == ("host-a" in [left.host for left in made.plan.left_out])
