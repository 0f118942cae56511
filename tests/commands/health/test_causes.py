"""What one stopped Nebula explains is said as one: symptoms name their cause, and headlines count causes only."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.errors import DeadlineExceeded, HostError, Unreachable
from adapters.gateway.answers import UnusableAnswer
from adapters.gateway.api import GatewaySystem, SyncStatus
from adapters.inventory import GatewaySide, Host
from adapters.phrase import Phrase
from commands.health.operation import Health
from commands.model.check import Area, KnownChecks, StoredCheck
from commands.model.finding import Finding, Severity
from commands.model.report import Report
from commands.values.arguments import Target
from tests.commands.canned import NOW, Said, gateway, host, view, windows

LOST = Unreachable(Phrase("no connection"))
BAD_GATEWAY = UnusableAnswer(phrase=Phrase("the gateway returned error 502"), bad_gateway=True)
BROKEN = UnusableAnswer(phrase=Phrase("the gateway returned error 500"))


def on_overlay(name: str, number: int) -> Host:
    """A host whose gateway the bot asks on the overlay."""
    return host(name, number, gateway=GatewaySide(url=f"http://10.100.{number}.1:8080"))


A, B, C = (on_overlay(f"host-{name}", number) for number, name in enumerate("abc", start=1))
THROUGH_LAN = host("host-b", 2)
STOPPED: Said = {("host-b", "windows"): windows(nebula="Stopped")}


def peers(of: Host, *known: Host, **given: Any) -> GatewaySystem:
    sync = SyncStatus(host_id=of.id, peers=tuple(f"http://{each.overlay.ip}:8080" for each in known))
    return gateway(of, **({"sync": sync} | given))


async def read(*hosts: Host, said: Said) -> Report:
    """Gateways know no peers but those that are said."""
    alone = {(each.name, "gateway"): peers(each) for each in hosts}
    return await Health().read(view(*hosts, said={**alone, **said}))


def find(report: Report, host: str, subject: str) -> Finding:
    (found,) = [each for each in report.findings if (each.host, each.subject) == (host, subject)]
    return found


@pytest.mark.parametrize(
    ("known", "short", "why"),
    [
        ({}, "host-b Nebula stopped", "service Nebula is stopped"),
        (
            {("host-a", "gateway"): peers(A, B, C)},
            "host-b Nebula stopped (1 gateway cannot reach it)",
            "service Nebula is stopped. 1 gateway cannot reach this host: host-a",
        ),
        (
            {("host-a", "gateway"): peers(A, B), ("host-c", "gateway"): peers(C, A, B)},
            "host-b Nebula stopped (2 gateways cannot reach it)",
            "service Nebula is stopped. 2 gateways cannot reach this host: host-a, host-c",
        ),
        ({("host-a", "gateway"): peers(A, C)}, "host-b Nebula stopped", "service Nebula is stopped"),
        ({("host-b", "gateway"): peers(B, B)}, "host-b Nebula stopped", "service Nebula is stopped"),
    ],
    ids=["no peers", "one gateway", "two gateways", "peers of others", "itself"],
)
async def test_an_outage_counts_the_gateways_that_have_the_host_as_a_peer(known: Said, short: str, why: str) -> None:
    report = await read(A, B, C, said={**STOPPED, **known})

    assert f"1 of 3 hosts needs attention: {short}" == str(report.summary)
    assert why == str(find(report, "host-b", "nebula").why)


async def test_gateways_that_answer_502_towards_it_are_symptoms_that_name_it() -> None:
    said = {
        ("host-a", "gateway"): peers(A, B, status=BAD_GATEWAY),
        ("host-c", "gateway"): peers(C, A, B, healthy=BAD_GATEWAY),
    }
    report = await read(A, B, C, said={**STOPPED, **said})

    assert "1 of 3 hosts needs attention: host-b Nebula stopped (2 gateways cannot reach it)" == str(report.summary)
    for name in ("host-a", "host-c"):
        symptom = find(report, name, "api")
        assert "the gateway returned error 502. Cause: host-b Nebula stopped" == str(symptom.why)
        assert ("host-b", "service start nebula host-b") == (symptom.cause, symptom.next)
    assert ("service start nebula host-b",) == report.next
    assert ["host-b", "host-a", "host-c"] == [row.host for row in report.rows]


@pytest.mark.parametrize("silence", [LOST, peers(B, healthy=LOST, sync=LOST, status=LOST)], ids=["side", "each path"])
async def test_the_hosts_own_gateway_on_the_overlay_cannot_respond(silence: HostError | GatewaySystem) -> None:
    report = await read(A, B, said={**STOPPED, ("host-b", "gateway"): silence})

    assert "1 of 2 hosts needs attention: host-b Nebula stopped" == str(report.summary)
    assert ("host-b", False) == ((found := find(report, "host-b", "api")).cause, found.reached)


async def test_the_hosts_own_gateway_behind_a_proxy_that_answers_502_is_a_symptom() -> None:
    bad = peers(THROUGH_LAN, healthy=BAD_GATEWAY, sync=BAD_GATEWAY, status=BAD_GATEWAY)
    report = await read(THROUGH_LAN, said={**STOPPED, ("host-b", "gateway"): bad})

    assert "host-b" == find(report, "host-b", "api").cause
    assert "host-b needs attention: Nebula stopped" == str(report.summary)


RUNNING: Said = {}
STARTING: Said = {("host-b", "windows"): windows(nebula="StartPending")}
UNREAD: Said = {("host-b", "windows"): DeadlineExceeded(Phrase("no response"))}


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        (RUNNING, peers(A, B, status=BAD_GATEWAY)),
        (STARTING, peers(A, B, status=BAD_GATEWAY)),
        (UNREAD, peers(A, B, status=BAD_GATEWAY)),
        (STOPPED, peers(A, C, status=BAD_GATEWAY)),
        (STOPPED, peers(A, B, status=BROKEN)),
        (STOPPED, peers(A, B, status=LOST)),
        (STOPPED, gateway(A, sync=BAD_GATEWAY, status=BAD_GATEWAY)),
        (STOPPED, gateway(A, sync=SyncStatus(host_id=1, peers=("http://[broken", "10.100.2.1")), status=BAD_GATEWAY)),
    ],
    ids=[
        "502 with a healthy Nebula",
        "502 while Nebula starts",
        "502 and nothing known of Nebula",
        "502 of a gateway that has other peers",
        "500",
        "no response of one path",
        "502 without a list of peers",
        "peers that are no addresses",
    ],
)
async def test_nothing_is_blamed_without_evidence(state: Said, answer: GatewaySystem) -> None:
    report = await read(A, B, C, said={**state, ("host-a", "gateway"): answer})

    assert "" == find(report, "host-a", "api").cause
    assert "host-a" in str(report.summary)


@pytest.mark.parametrize("silence", [LOST, peers(B, healthy=LOST, sync=LOST, status=LOST)], ids=["side", "each path"])
async def test_a_gateway_that_the_bot_asks_beside_the_overlay_is_silent_for_another_reason(
    silence: HostError | GatewaySystem,
) -> None:
    report = await read(A, THROUGH_LAN, said={**STOPPED, ("host-b", "gateway"): silence})

    assert "" == find(report, "host-b", "api").cause


async def test_no_finding_is_lost_when_it_is_related() -> None:
    said = {**STOPPED, ("host-a", "gateway"): peers(A, B, status=BAD_GATEWAY), ("host-b", "gateway"): LOST}
    report = await read(A, B, C, said=said)

    every = [("host-b", "nebula"), ("host-a", "api"), ("host-b", "api")]
    assert every == [(each.host, each.subject) for each in report.findings]
    assert every == [(each.host, each.subject) for each in report.show(details=True).findings]


STOPPED_LATELY = Finding(
    severity=Severity.CRITICAL,
    host="host-b",
    subject="nebula",
    why=Phrase("service Nebula is stopped"),
    short=Phrase("Nebula stopped"),
    next="service start nebula host-b",
)


@pytest.mark.parametrize(("seconds", "cause"), [(0, "host-b"), (120, "host-b"), (121, "")])
async def test_a_host_that_was_not_read_now_is_a_cause_for_two_minutes(seconds: int, cause: str) -> None:
    check = StoredCheck(host="host-b", area=Area.SERVICES, at=NOW - timedelta(seconds=seconds), findings=(STOPPED_LATELY,))
    looked = view(A, B, said={("host-a", "gateway"): peers(A, B, status=BAD_GATEWAY)})
    known = replace(looked, checks=KnownChecks({("host-b", Area.SERVICES): check}, ()))
    report = await Health(target=Target(parts=("host-a",))).read(known)

    assert cause == find(report, "host-a", "api").cause
    assert "host-a needs attention: API error" == str(report.summary)


async def test_a_fleet_whose_only_problems_are_symptoms_of_others_still_needs_attention() -> None:
    check = StoredCheck(host="host-b", area=Area.SERVICES, at=NOW, findings=(STOPPED_LATELY,))
    bad = {("host-a", "gateway"): peers(A, B, status=BAD_GATEWAY)}
    known = replace(view(A, B, C, said=bad), checks=KnownChecks({("host-b", Area.SERVICES): check}, ()))
    report = await Health(target=Target(parts=("host-a", "host-c"))).read(known)

    assert "1 of 2 hosts needs attention: host-a API error" == str(report.summary)
    assert ("service start nebula host-b",) == report.next
