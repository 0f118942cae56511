"""Evidence of a change: only what a step verified is said of a host, and after an unknown result, what it runs on."""

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Address

import pytest

from adapters.inventory import Host
from adapters.nebula.certificates import parse_pem
from adapters.phrase import Phrase
from adapters.windows.routes import RouteReading
from adapters.windows.trust import ReadTrust
from adapters.wsl.helper import ForwardingStatus
from commands.certificates.renewal import CertRenew
from commands.changes.evidence import (
    EarlierRun,
    describe_doubts,
    describe_proofs,
    find_present_certificate,
    find_renewed_hosts,
)
from commands.changes.rehearsal import RehearsedHost, build_rehearsal_steps
from commands.containers.serving_proof import ServingProof, Witness
from commands.gateways.forwarding.steps import ForwardingNeed, build_forwarding_part
from commands.model.operation import FleetChange
from commands.model.plan import Part, Plan, PlannedAction, Result, Step, StepResult
from commands.services.operations import ServiceRestart, ServiceStart, ServiceStop
from commands.values.arguments import Target
from tests.bot.rendering.examples import ENGLISH
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA, OPERATION, Said, files, host, services, view

A, LIGHTHOUSE = host("host-a", 1), host("lighthouse", 0)
NEW = CA.sign("host-a", str(A.overlay), 250)[0]
OLD: Said = {("host-a", "windows"): files(A, days=20)}
TARGET = Target(parts=("host-a",))


async def make_plan(operation: FleetChange, *hosts: Host, said: Said | None = None) -> Plan:
    return (await operation.plan(view(*(hosts or (LIGHTHOUSE, A)), said=said))).plan


async def renewal(said: Said | None = OLD) -> Plan:
    return await make_plan(CertRenew(target=TARGET), said=said)


def results(plan: Plan, **others: Result | None) -> Mapping[str, StepResult]:
    """All steps done, but for those named by the last part of their keys; None: it did not begin."""
    named = {step.key: others.get(step.key.rpartition("/")[2], Result.DONE) for step in plan.steps}
    return {
        key: StepResult(
            key=key,
            result=result,
            product={"certificate": NEW} if key.endswith("/sign") else {},
            began_at=NOW,
            ended_at=NOW + timedelta(minutes=1),
        )
        for key, result in named.items()
        if result is not None
    }


async def test_a_renewal_proves_the_new_end_what_was_left_and_who_saw_it() -> None:
    plan = await renewal()
    [proof] = describe_proofs(plan, results(plan), NOW)
    ends = ENGLISH.moment(NOW + timedelta(days=250))
    assert (
        f"host-a: the certificate is valid until {ends} (the old one had 20 days left), "
        "tunnel confirmed by lighthouse, the gateway responds"
    ) == proof.render(ENGLISH)


@pytest.mark.parametrize(
    ("days", "left"),
    [(0.5, "(the old one had 12 hr left)"), (-1, "(the old one had expired)"), (1.2, "(the old one had 1 day, 5 hr left)")],
)
async def test_what_was_left_is_said_in_whole_days_or_hours(days: float, left: str) -> None:
    plan = await renewal({("host-a", "windows"): files(A, days=days)})
    assert left in describe_proofs(plan, results(plan), NOW)[0].render(ENGLISH)


@pytest.mark.parametrize(
    ("operation", "state", "proof"),
    [
        (ServiceRestart(service="nebula", target=TARGET), "Running", "Nebula was running at"),
        (ServiceStart(service="nebula", target=TARGET), "Stopped", "Nebula was running at"),
        (ServiceStop(service="openresty", target=TARGET), "Running", "OpenResty was not running at"),
        (ServiceRestart(service="openresty", target=TARGET), "Running", "OpenResty was running at"),
    ],
)
async def test_a_change_of_a_service_proves_that_it_ran_or_not_when_the_host_confirmed_it(
    operation: FleetChange, state: str, proof: str
) -> None:
    plan = await make_plan(operation, said={("host-a", "windows"): _answer(state)})
    confirmed = NOW + timedelta(hours=3)
    came = {
        key: each.model_copy(update={"ended_at": confirmed}) if key.endswith("/confirm") else each
        for key, each in results(plan, begin=Result.UNCHANGED).items()
    }
    [said] = describe_proofs(plan, came, NOW)
    assert f"host-a: {proof} {ENGLISH.moment(confirmed)}" in said.render(ENGLISH)


def _answer(state: str) -> object:
    """What Windows says of its services and certificates."""

    def answer(action: object) -> object:
        return files(A) if type(action).__name__ == "ReadCertificates" else services(nebula=state)

    return answer


@pytest.mark.parametrize("step", ["confirm", "lighthouse", "begin"])
@pytest.mark.parametrize("result", [Result.UNKNOWN, Result.FAILED, Result.UNDONE, None])
async def test_a_host_with_any_step_that_is_not_done_has_no_proof(step: str, result: Result | None) -> None:
    plan = await renewal()
    assert () == describe_proofs(plan, results(plan, **{step: result}), NOW)


async def test_a_signed_certificate_that_cannot_be_read_proves_no_end() -> None:
    plan = await renewal()
    told = {key: each.model_copy(update={"product": {"certificate": "x"}}) for key, each in results(plan).items()}
    assert "valid until" not in str(describe_proofs(plan, told, NOW))


async def test_a_rehearsal_proves_the_rollback() -> None:
    part = Part(host="host-a", steps=tuple(build_rehearsal_steps(RehearsedHost(A, OPERATION, 30.0))))
    plan = Plan(parts=(part,))
    told = {step.key: StepResult(key=step.key, result=Result.DONE, began_at=NOW, ended_at=NOW) for step in plan.steps}
    assert ["host-a: the automatic rollback works"] == list(map(str, describe_proofs(plan, told, NOW)))


@pytest.mark.parametrize(
    ("others", "state"),
    [
        (
            {"stage": Result.UNKNOWN, "begin": None, "confirm": None},
            "host-a still uses its old certificate. The change stopped before the exchange",
        ),
        ({"sign": Result.UNKNOWN, "begin": Result.UNDONE}, "host-a uses its old certificate again"),
        ({"begin": Result.UNKNOWN}, "it is unknown whether host-a uses its old or its new certificate"),
        ({"confirm": Result.UNKNOWN}, "host-a applied the change. It is unknown whether it keeps it or reverted it"),
    ],
)
async def test_after_an_unknown_result_it_is_said_what_the_host_runs_on(
    others: dict[str, Result | None], state: str
) -> None:
    plan = await renewal()
    assert [state] == list(map(str, describe_doubts(plan, results(plan, **others))))


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (None, "Nebula on host-a was not touched"),
        (Result.UNDONE, "Nebula on host-a is in its previous state"),
        (Result.UNKNOWN, "the state of Nebula on host-a is unknown"),
    ],
)
async def test_so_it_is_of_a_service(result: Result | None, state: str) -> None:
    plan = await make_plan(ServiceRestart(service="nebula", target=TARGET))
    told = results(plan, begin=result, confirm=Result.UNKNOWN if result is None else None, **{"host-a": Result.UNKNOWN})
    assert [state] == list(map(str, describe_doubts(plan, told)))


async def test_a_run_without_an_unknown_result_says_nothing_of_its_hosts() -> None:
    """Its log may be cut: a step that is not in it may have run."""
    plan = await renewal()
    assert () == describe_doubts(plan, results(plan, begin=None, confirm=None))
    assert () == describe_doubts(plan, {})


async def test_the_present_certificate_is_that_which_a_rollback_restores() -> None:
    part, _ = (await renewal()).parts
    present = find_present_certificate(part)
    assert present is not None
    assert ("host-a", 20) == (present.name, (present.not_after - NOW).days)
    [service] = (await make_plan(ServiceRestart(service="nebula", target=TARGET))).parts
    assert None is find_present_certificate(service)


async def test_a_host_whose_certificate_an_earlier_run_issued_and_proved_needs_no_other() -> None:
    before, signed = await renewal(), CA.sign("host-a", str(A.overlay), 250)
    issued = parse_pem(signed[0])[0]
    now = await renewal(
        {("host-a", "windows"): files(A).model_copy(update={"certificate": signed[0], "printed": signed[1]})}
    )
    told = {
        key: each.model_copy(update={"product": {"fingerprint": issued.fingerprint}})
        for key, each in results(before).items()
    }
    run = EarlierRun("op-1", before, told)
    ends = ENGLISH.moment(issued.not_after)
    assert {"host-a": f"host-a was renewed by op-1, and its certificate is valid until {ends}"} == {
        host: why.render(ENGLISH) for host, why in find_renewed_hosts(now, [run]).items()
    }
    assert {} == find_renewed_hosts(before, [run])
    unproven = {key: each for key, each in told.items() if not key.endswith("/confirm")}
    assert {} == find_renewed_hosts(now, [EarlierRun("op-1", before, unproven)])


def test_forwarding_proves_what_health_checks_and_the_ping() -> None:
    """Where WSL2 has Windows' own addresses nothing is pinged, and so nothing is said of it."""
    status = ForwardingStatus(
        bridge="flatnet-br0",
        address="10.87.1.1/24",
        link="down",
        addressed=True,
        forwarding=True,
        at_boot=True,
        blocked=False,
    )
    reading = RouteReading(routes=(), addresses=())
    for address, words in ((IPv4Address("172.28.0.2"), ", Windows reaches the bridge"), (None, "")):
        plan = Plan(parts=(build_forwarding_part(ForwardingNeed(A, status, reading, address, 42)),))
        [proof] = describe_proofs(plan, results(plan), NOW)
        assert f"host-a: the bridge is up and IP forwarding is on{words}" == proof.render(ENGLISH)


@pytest.mark.parametrize(
    ("key", "expect", "proven"),
    [
        ("host-a/trust/loaded", {"verified": True, "loaded": True}, ("host-a: trusts the new CA",)),
        ("host-a/drop/loaded", {"verified": True, "loaded": True}, ("host-a: no longer trusts the old CA",)),
        ("host-a/take-back/loaded", {"verified": False, "loaded": True}, ("host-a: no longer trusts the new CA",)),
        ("host-a/drop/loaded", {"verified": True}, ("host-a: the new file of CAs counts from the next start",)),
    ],
)
def test_trust_is_proven_once_nebula_runs_with_it(key: str, expect: Mapping[str, bool], proven: tuple[str, ...]) -> None:
    assert A.windows is not None
    read = PlannedAction.of(ReadTrust.of(A.windows, "F:", CA.certificate))
    plan = Plan(
        parts=(Part(host="host-a", steps=(Step(key=key, host="host-a", deed=read, phrase=Phrase("x"), expect=expect),)),)
    )

    assert proven == tuple(map(str, describe_proofs(plan, results(plan), NOW)))


def test_a_container_that_serves_is_proven_by_the_gateways_that_find_it() -> None:
    proof = ServingProof(A, "web", "web", Witness(host("host-b", 2), 35.0), "host-a/web")
    plan = Plan(parts=(Part(host="host-a", steps=proof.build_steps()),))

    assert ["host-a: found at the gateways of host-a, host-b"] == list(map(str, describe_proofs(plan, results(plan), NOW)))
    assert () == describe_proofs(plan, results(plan, found=Result.FAILED), NOW)
