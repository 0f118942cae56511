"""`sync`: what is said of registrations, and the plan of a pull."""

from typing import Any

import pytest

from adapters.action import Action
from adapters.errors import ActionFailed, HostError, Unreachable
from adapters.gateway.answers import UnusableAnswer
from adapters.gateway.api import SyncStatus
from adapters.gateway.containers import Registry
from adapters.phrase import Phrase
from adapters.wsl.containers import ContainerList, ListContainers
from commands.gateways.synchronization import SyncList, SyncPull
from commands.model.finding import Severity
from commands.model.operation import CannotPlan
from commands.model.plan import Plan
from commands.model.report import Report
from commands.values.arguments import Target
from tests.commands import canned, canned_certs
from tests.commands.cells import cell
from tests.commands.gateways.canned_registrations import LATE, A, B, C, made, registered

LIGHTHOUSE = canned.host("lighthouse", 0)
WEB_A, DB_B = registered("web", "10.87.1.10"), registered("db", "10.87.2.10")


def registry(*registrations: object, counted: int | None = None) -> Registry:
    return Registry.model_validate({"registrations": registrations, "counted": counted, "interval": 30, "peers": 2})


async def read(said: dict[tuple[str, str], object], *targets: str, details: bool = False) -> Report:
    well: dict[tuple[str, str], object] = {
        ("host-a", "wsl"): canned.wsl(A, containers=(made("web"),)),
        ("host-b", "wsl"): canned.wsl(B, containers=(made("db"),)),
        ("host-c", "wsl"): canned.wsl(C, containers=()),
    } | {(of.name, "gateway"): registry(WEB_A, DB_B) for of in (A, B, C)}
    view = canned.view(LIGHTHOUSE, A, B, C, said=well | said)
    return await SyncList(target=Target(parts=targets or ("all",)), details=details).read(view)


async def test_a_fleet_whose_registrations_are_right_is_one_sentence() -> None:
    report = await read({})
    assert str(report.summary) == "all 2 running containers are registered correctly at 3 gateways"
    assert (report.rows, report.findings, report.next) == ((), (), ())


async def test_details_show_what_is_right_as_well() -> None:
    report = await read({}, details=True)
    assert [str(cell(report, row, "container").text) for row in report.rows] == ["host-a/web", "host-b/db"]


async def test_a_ghost_is_a_finding_with_the_command_that_forgets_it() -> None:
    ghost = registered("old", "10.87.3.9")
    report = await read({("host-a", "gateway"): registry(WEB_A, DB_B, ghost, counted=5)})
    (finding,) = report.findings
    assert (finding.severity, finding.host, finding.next) == (
        Severity.MEDIUM,
        "host-c",
        f"sync forget host-c/{ghost.id[:12]}",
    )
    assert str(report.summary).endswith("Problems: 1 ghost")
    assert [str(line) for section in report.sections for line in section.lines] == ["host-a: 2"]


async def test_what_is_missing_at_a_gateway_is_pulled_there() -> None:
    report = await read({("host-b", "gateway"): registry()})
    (finding,) = report.findings
    assert (finding.host, finding.next, len(finding.parts)) == ("host-b", "sync pull host-b", 2)
    assert "2 of 2 running containers are not registered at this gateway: host-a/web, host-b/db" in str(finding.why)


async def test_the_worst_comes_first_and_what_was_not_read_is_unknown() -> None:
    report = await read(
        {
            ("host-a", "gateway"): registry(registered("web", "10.87.9.9", 1), DB_B),
            ("host-b", "gateway"): Unreachable(LATE),
            ("host-c", "wsl"): Unreachable(LATE),
            ("host-c", "gateway"): registry(WEB_A, DB_B, registered("old", "10.87.3.9")),
        }
    )
    states = [str(cell(report, row, "state").value) for row in report.rows]
    assert states == ["wrong address", "unknown", "unread", "unread"]
    assert [(each.host, each.reached) for each in report.findings] == [
        ("host-a", True),
        ("host-b", False),
        ("host-c", False),
    ]
    assert "1 registrations are unknown" in str(report.findings[2].why)
    assert "ghost" not in str(report.summary)


async def test_only_the_gateways_of_the_target_are_looked_at() -> None:
    report = await read({("host-b", "gateway"): registry()}, "host-a")
    assert str(report.summary) == "all 2 running containers are registered correctly at 1 gateways"


async def test_two_hundred_problems_are_one_finding_that_a_phone_can_show() -> None:
    many = [made(f"web-{number}") for number in range(200)]
    report = await read(
        {("host-a", "wsl"): canned.wsl(A, containers=tuple(many)), ("host-b", "wsl"): canned.wsl(B, containers=())}
    )
    nowhere = next(each for each in report.findings if each.host == "host-a" and each.severity is Severity.HIGH)
    assert str(nowhere.why).endswith("restart it in WSL2")
    assert len(str(nowhere.why)) < 250
    assert len(nowhere.parts) == 200


@pytest.mark.parametrize(
    ("manage", "helper", "expected"),
    [
        pytest.param(("containers",), "10.87.1.20", "1 wrong address", id="the helper knows another one"),
        pytest.param(("containers",), "10.87.1.10", "all 2 running containers", id="the helper knows the same"),
        pytest.param(("containers",), None, "all 2 running containers", id="the helper does not answer"),
        pytest.param((), "10.87.1.20", "all 2 running containers", id="the helper is not installed"),
    ],
)
async def test_addresses_are_compared_where_the_helper_lists_them(
    manage: tuple[str, ...], helper: str | None, expected: str
) -> None:
    assert A.wsl is not None
    managed = A.model_copy(update={"wsl": A.wsl.model_copy(update={"manage": manage})})

    def podman(action: Action[Any]) -> object:
        if isinstance(action, ListContainers):
            return Unreachable(LATE) if helper is None else ContainerList.model_validate({"containers": [listed(helper)]})
        return canned.wsl(A, containers=(made("web"),))

    said: dict[tuple[str, str], object] = {
        ("host-a", "wsl"): podman,
        ("host-b", "wsl"): canned.wsl(B, containers=(made("db"),)),
        ("host-a", "gateway"): registry(WEB_A, DB_B),
    }
    report = await SyncList(target=Target(parts=("host-a",))).read(canned_certs.view(managed, B, said=said))
    assert expected in str(report.summary)


def listed(address: str) -> dict[str, object]:
    """What the helper lists of web."""
    return {
        "id": made("web").id,
        "name": "web",
        "image": "localhost/busybox:lab",
        "image_id": "ab" * 32,
        "state": "running",
        "exit_code": 0,
        "started_at": None,
        "restarts": 0,
        "address": address,
    }


PEERS = ("http://10.100.2.1:8080", "http://10.100.3.1:8080")


async def plan(*targets: str, said: dict[tuple[str, str], object] | None = None) -> Plan:
    well = {("host-a", "gateway"): canned.gateway(A, sync=SyncStatus(host_id=1, peers=PEERS))}
    pull = SyncPull(target=Target(parts=targets))
    return (await pull.plan(canned.view(LIGHTHOUSE, A, B, C, said=well | (said or {})))).plan


async def test_a_pull_must_reach_all_peers() -> None:
    made_plan = await plan("host-a")
    pull, proof = made_plan.steps
    assert (pull.deed.arguments, pull.verify) == ({"peers": 2}, None)
    assert proof.expect == {"sync": {"host_id": 1, "peers": list(PEERS)}}
    assert [str(warning) for warning in made_plan.warnings] == [
        "takes up to 15 s on host-a: it waits 5 s for each silent peer"
    ]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param(Unreachable(LATE), "it pulls by itself", id="silent"),
        pytest.param(UnusableAnswer(phrase=Phrase("error 500")), "error 500", id="broken"),
        pytest.param(SyncStatus(host_id=None, peers=()), "not initialized", id="not initialized"),
        pytest.param(SyncStatus(host_id=1, peers=()), "no peers", id="no peers"),
    ],
)
async def test_a_gateway_that_cannot_pull_is_left_out_and_owed_nothing(
    said: SyncStatus | UnusableAnswer | HostError, why: str
) -> None:
    made_plan = await plan("host-a", "host-b", said={("host-a", "gateway"): canned.gateway(A, sync=said)})
    (left,) = made_plan.left_out
    assert (left.host, left.owed, why in str(left.why)) == ("host-a", False, True)
    assert [part.host for part in made_plan.parts] == ["host-b"]


async def test_hosts_without_a_gateway_pull_nothing() -> None:
    with pytest.raises(CannotPlan, match="no gateway configured"):
        await plan("lighthouse")
    with pytest.raises(CannotPlan):
        await plan("host-a", said={("host-a", "gateway"): ActionFailed(LATE)})
