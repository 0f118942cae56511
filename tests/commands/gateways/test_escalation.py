"""`escalation` and `route`: what needs attention, and resetting one address."""

from datetime import timedelta

import pytest

from adapters.errors import Unreachable
from adapters.gateway.escalation import Escalation, Escalations
from adapters.gateway.routing import Route, Routes
from commands.catalogue import CATALOGUE
from commands.gateways.escalation import EscalationList, EscalationReset
from commands.gateways.routes import RouteList
from commands.language.grammar import parse_operation
from commands.model.finding import Severity
from commands.model.operation import CannotPlan
from commands.model.plan import PlannedChange
from commands.model.report import Report
from commands.values.arguments import BadArgument
from commands.values.errors import GrammarError
from commands.values.normalize import normalize_text
from tests.commands import canned
from tests.commands.gateways.canned_registrations import LATE, A, B

LIGHTHOUSE = canned.host("lighthouse", 0)
IP = "10.87.2.10"


def attempt(ip: str = IP, minutes: float = 20, target: str = "10.100.2.1") -> Escalation:
    return Escalation(ip=ip, state="P2P_ATTEMPTING", target=target, attempting=timedelta(minutes=minutes))


def escalations(*addresses: Escalation) -> Escalations:
    return Escalations(addresses=addresses, counts={})


async def read(said: object) -> Report:
    well = {("host-a", "gateway"): said, ("host-b", "gateway"): escalations()}
    return await EscalationList().read(canned.view(LIGHTHOUSE, A, B, said=well))


async def test_attempts_are_counted() -> None:
    report = await read(escalations(attempt(minutes=9.9), Escalation(ip="10.87.2.11", state="P2P_ACTIVE")))
    assert report.findings == ()
    assert [cell.value for cell in report.rows[0].cells] in (["host-a", 0, 1, 1, 0], ["lighthouse", *[None] * 4])


async def test_an_attempt_of_ten_minutes_is_a_finding_with_the_command_that_ends_it() -> None:
    report = await read(escalations(attempt(minutes=10)))
    (finding,) = report.findings
    assert (finding.severity, finding.next) == (Severity.MEDIUM, f"escalation reset {IP} --on host-a")


async def test_many_attempts_are_one_finding_and_details_have_each_the_oldest_first() -> None:
    report = await read(escalations(*(attempt(f"10.87.2.{n}", minutes=n) for n in range(20, 120))))
    (finding,) = report.findings
    assert (finding.next, len(finding.parts)) == ("escalation host-a --details", 100)
    assert finding.parts[0].next == "escalation reset 10.87.2.119 --on host-a"
    assert len(str(finding.why)) < 250


async def test_an_attempt_for_no_container_cannot_be_reset() -> None:
    report = await read(escalations(attempt("10.100.2.10")))
    assert report.findings[0].parts[0].next is None


async def test_an_attempt_of_unknown_age_is_no_finding() -> None:
    report = await read(escalations(Escalation(ip=IP, state="P2P_ATTEMPTING")))
    assert report.findings == ()


async def test_a_gateway_that_does_not_respond_is_unknown() -> None:
    report = await read(Unreachable(LATE))
    assert [(each.host, each.reached) for each in report.findings] == [("host-a", False)]


def parse(words: str) -> EscalationReset:
    operation = parse_operation(normalize_text(words), CATALOGUE, CATALOGUE)
    assert isinstance(operation, EscalationReset)
    return operation


async def plan(words: str, *addresses: Escalation) -> PlannedChange:
    said = {("host-a", "gateway"): escalations(*addresses)}
    return await parse(words).plan(canned.view(LIGHTHOUSE, A, B, said=said))


async def test_a_reset_is_proven_by_the_state_and_cannot_be_rolled_back() -> None:
    (step,) = (await plan(f"escalation reset {IP} --on host-a", attempt())).plan.steps
    assert step.verify is not None
    assert (dict(step.deed.arguments), dict(step.verify.expect), step.undo) == ({"ip": IP}, {"state": "GATEWAY_ONLY"}, None)


@pytest.mark.parametrize(
    ("ip", "why"),
    [
        ("10.100.2.10", "not the address of a container. Those are inside 10.87.0.0/16"),
        ("10.88.0.1", "not the address of a container"),
        ("web", "not an IPv4 address"),
        ("10.87.2", "not an IPv4 address"),
        ("10.87.2.010", "not an IPv4 address"),
        ("10.87.2.10/32", "not an IPv4 address"),
    ],
)
def test_another_address_is_refused_with_the_reason(ip: str, why: str) -> None:
    with pytest.raises(GrammarError, match=why):
        parse(f"escalation reset {ip} --on host-a")


async def test_an_address_that_the_gateway_does_not_have_is_refused() -> None:
    with pytest.raises(CannotPlan, match=r"has no state for 10\.87\.2\.99"):
        await plan("escalation reset 10.87.2.99 --on host-a", attempt())


async def test_an_address_that_goes_by_the_gateway_already_needs_no_step() -> None:
    made = await plan(f"escalation reset {IP} --on host-a", Escalation(ip=IP, state="GATEWAY_ONLY"))
    assert made.plan.steps == ()


@pytest.mark.parametrize("on", ["lighthouse", "host-z"])
async def test_a_host_without_a_gateway_is_refused(on: str) -> None:
    with pytest.raises((CannotPlan, BadArgument)):
        await plan(f"escalation reset {IP} --on {on}", attempt())


@pytest.mark.parametrize("words", [f"escalation reset {IP}", f"escalation reset {IP} --on host-a,host-b"])
def test_one_host_must_be_named(words: str) -> None:
    with pytest.raises(BadArgument):
        parse(words).resolve_hosts(canned.view(A, B).fleet.inventory)


def routes(*listed: Route, host_id: int | None = 1, subnet: str = "10.87.1.0/24") -> Routes:
    return Routes(routes=listed, host_id=host_id, subnet=subnet, gateways=1)


LOCAL = Route(ip="10.87.1.10", type="local", target="10.87.1.10")
LOST = Route(ip="10.87.9.10", type="gateway")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(routes(LOCAL, Route(ip=IP, type="gateway", target="10.100.2.1")), [], id="well"),
        pytest.param(routes(LOST), ["no gateway is known for 10.87.9.10"], id="no route"),
        pytest.param(routes(LOCAL, subnet="10.87.2.0/24"), ["instead of 10.87.1.0/24"], id="another subnet"),
        pytest.param(routes(LOCAL, host_id=2), ["host ID 2 instead of 1"], id="another host"),
        pytest.param(routes(LOCAL, host_id=None, subnet=""), ["Fix local_subnet", "Fix local_host_id"], id="not configured"),
    ],
)
async def test_routes(said: Routes, expected: list[str]) -> None:
    report = await RouteList().read(canned.view(A, said={("host-a", "gateway"): said}))
    assert [part in str(finding.why) for part, finding in zip(expected, report.findings, strict=True)] == [True] * len(
        expected
    )
