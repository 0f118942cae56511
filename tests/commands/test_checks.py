"""The daily check as judgements on what each side said."""

from typing import Any

import pytest

from adapters.errors import (
    ActionFailed,
    AuthenticationFailed,
    DeadlineExceeded,
    HostError,
    HostIdentityError,
    OutcomeUnknown,
    ProtocolError,
    Unreachable,
)
from adapters.gateway.api import Problem as ApiProblem
from adapters.gateway.api import Sync
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from adapters.windows.system import ServiceStatus
from adapters.wsl.system import Bridge, Container, Problem
from commands.checks import judge, judge_gateway, judge_windows, judge_wsl, known_peers
from commands.findings import Severity
from commands.judged import Judged, Looked
from commands.operation import Thresholds
from commands.report import Mark
from tests.commands.canned import container, gateway, host, windows, wsl

A = host("host-a", 1)
LIGHTHOUSE = host("lighthouse", 0)
FLEET = known_peers(Inventory(hosts=(A, host("host-b", 2))))


def brief(judged: Judged, key: str) -> tuple[str, str]:
    """A check's mark and text."""
    cell = judged.cells[key]
    return cell.mark.value, str(cell.text)


def remarks(judged: Judged) -> list[tuple[str, str, str]]:
    return [(remark.subject, remark.severity.value, str(remark.why)) for remark in judged.remarks]


@pytest.mark.parametrize(
    ("status", "mark", "text", "severity"),
    [
        ("Running", "well", "running", None),
        ("Stopped", "bad", "stopped", "critical"),
        ("Paused", "bad", "paused", "critical"),
        ("Absent", "bad", "not installed", "critical"),
        ("StartPending", "bad", "starting", "medium"),
        ("ContinuePending", "bad", "resuming", "medium"),
        ("StopPending", "bad", "stopping", "high"),
        ("PausePending", "bad", "pausing", "high"),
    ],
)
def test_nebula_is_well_only_while_its_service_runs(
    status: ServiceStatus, mark: str, text: str, severity: str | None
) -> None:
    judged = judge_windows(A, windows(nebula=status))

    assert (mark, text) == brief(judged, "nebula")
    assert ([] if severity is None else [("nebula", severity, f"the service Nebula is {text}")]) == remarks(judged)


@pytest.mark.parametrize(
    ("status", "nginx", "mark", "text", "severity"),
    [
        ("Running", 3, "well", "running", None),
        ("Absent", 2, "well", "running, without its service", None),
        ("Stopped", 2, "well", "running, without its service", None),
        ("Running", 0, "bad", "no nginx process", "high"),
        ("Stopped", 0, "bad", "stopped", "high"),
        ("Absent", 0, "bad", "not installed", "high"),
        ("StartPending", 0, "bad", "starting", "medium"),
        ("StopPending", 2, "bad", "stopping", "high"),
    ],
)
def test_the_gateway_is_well_where_nginx_runs_with_a_service_or_without(
    status: ServiceStatus, nginx: int, mark: str, text: str, severity: str | None
) -> None:
    judged = judge_windows(A, windows(gateway=status, nginx=nginx))

    assert (mark, text) == brief(judged, "gateway")
    assert ([] if severity is None else [severity]) == [remark.severity for remark in judged.remarks]


def test_a_lighthouse_has_nebula_and_nothing_else() -> None:
    looked = Looked(LIGHTHOUSE, windows(gateway="Absent", nginx=0), None, None, 0.0)
    judged = judge(looked, FLEET, Thresholds())

    assert {
        "nebula": Mark.WELL,
        "gateway": Mark.ABSENT,
        "api": Mark.ABSENT,
        "containers": Mark.ABSENT,
        "bridge": Mark.ABSENT,
        "forwarding": Mark.ABSENT,
    } == {key: cell.mark for key, cell in judged.cells.items()}
    assert () == judged.remarks


WHY = Phrase("no route; check the cable")


@pytest.mark.parametrize(
    ("error", "text", "remark"),
    [
        (Unreachable(WHY), "not reached", ("high", "Windows was not reached: no route; check the cable")),
        (DeadlineExceeded(WHY), "not reached", ("high", "Windows was not reached: no route; check the cable")),
        (
            AuthenticationFailed(WHY),
            "log-in refused",
            ("high", "Windows did not accept the bot's log-in: no route; check the cable"),
        ),
        (
            HostIdentityError(WHY),
            "identity in doubt",
            (
                "high",
                "warning: Windows does not prove to be the machine that the bot knows; "
                "it may be another one: no route; check the cable",
            ),
        ),
        *(
            (error, "no usable answer", ("medium", "Windows gave no answer that can be used: no route; check the cable"))
            for error in (ProtocolError(WHY), ActionFailed(WHY), OutcomeUnknown(WHY))
        ),
    ],
)
def test_a_side_without_an_answer_is_unknown_and_never_bad_with_one_remark(
    error: HostError, text: str, remark: tuple[str, str]
) -> None:
    judged = judge_windows(A, error)

    assert ("unknown", text) == brief(judged, "nebula") == brief(judged, "gateway")
    assert [("windows", *remark)] == remarks(judged)
    assert [False] == [remark.reached for remark in judged.remarks]


def test_every_side_has_its_own_remark_and_its_own_unknown_checks() -> None:
    lost = Unreachable(WHY)
    judged = judge(Looked(A, lost, lost, lost), FLEET, Thresholds())

    assert {Mark.UNKNOWN} == {cell.mark for cell in judged.cells.values()}
    assert ["windows", "api", "wsl"] == [remark.subject for remark in judged.remarks]


FORBIDDEN = ApiProblem(phrase=Phrase("this address is not allowed"), forbidden=True)
BROKEN = ApiProblem(phrase=Phrase("status 500 and a page of HTML"))


@pytest.mark.parametrize(
    ("said", "mark", "text", "severity", "why"),
    [
        ({}, "well", "healthy", None, None),
        ({"healthy": False}, "bad", "not healthy", "high", "the gateway's health page does not answer OK"),
        (
            {"healthy": BROKEN},
            "bad",
            "broken",
            "high",
            "status 500 and a page of HTML",
        ),
        (
            {"sync": BROKEN, "status": BROKEN},
            "bad",
            "broken",
            "high",
            "only the gateway's health page works: status 500 and a page of HTML",
        ),
        (
            {"status": BROKEN},
            "bad",
            "broken",
            "high",
            "only the gateway's health page works: status 500 and a page of HTML",
        ),
        (
            {"sync": Sync(host_id=None, peers=())},
            "bad",
            "not initialised",
            "high",
            "the gateway's own start-up failed (it has no host id), so nothing is synchronised",
        ),
        (
            {"sync": Sync(host_id=7, peers=())},
            "bad",
            "wrong host id",
            "high",
            "the gateway says that it is host 7; the inventory says 1",
        ),
        (
            {"sync": FORBIDDEN, "status": FORBIDDEN},
            "unknown",
            "address not allowed",
            "medium",
            "the gateway API was reached, but this address is not allowed",
        ),
        (
            {"sync": Sync(host_id=1, peers=("http://10.100.2.1:8080", "http://127.0.0.1:8002"))},
            "well",
            "healthy",
            None,
            None,
        ),
        (
            {"sync": Sync(host_id=1, peers=("http://10.100.9.1:8080", "http://[half", "http://127.0.0.1:1"))},
            "well",
            "healthy",
            "low",
            "the gateway has 3 peers that the inventory does not know: "
            "http://10.100.9.1:8080, http://[half, http://127.0.0.1:1",
        ),
    ],
)
def test_the_api_is_judged_by_what_stands_behind_its_healthy_page(
    said: dict[str, Any], mark: str, text: str, severity: str | None, why: str | None
) -> None:
    judged = judge_gateway(A, gateway(A, **said), FLEET)

    assert (mark, text) == brief(judged, "api")
    assert ([] if severity is None else [("api", severity, why)]) == remarks(judged)
    assert all(remark.reached for remark in judged.remarks)


@pytest.mark.parametrize(
    ("containers", "mark", "text", "severity", "why"),
    [
        ((), "well", "none", None, None),
        ((container("web"), container("db", healthy=True)), "well", "2 running", None, None),
        ((container("web", "exited", 137),), "bad", "1 of 1 not well", "medium", "web exited with 137"),
        ((container("web"), container("job", "exited")), "bad", "1 of 2 not well", "low", "job exited with 0"),
        ((container("web", healthy=False),), "bad", "1 of 1 not well", "medium", "web is unhealthy"),
        (
            (container("a", "restarting"), container("b", "paused")),
            "bad",
            "2 of 2 not well",
            "medium",
            "a is restarting, b is paused",
        ),
        (
            tuple(container(f"c{number}", "exited", 1) for number in range(7)),
            "bad",
            "7 of 7 not well",
            "medium",
            "c0 exited with 1, c1 exited with 1, c2 exited with 1, c3 exited with 1, c4 exited with 1 and 2 more",
        ),
    ],
)
def test_containers_that_do_not_run_well_are_named(
    containers: tuple[Container, ...], mark: str, text: str, severity: str | None, why: str | None
) -> None:
    judged = judge_wsl(A, wsl(A, containers=containers))

    assert (mark, text) == brief(judged, "containers")
    assert ([] if severity is None else [("containers", severity, why)]) == remarks(judged)


@pytest.mark.parametrize(
    ("bridge", "text", "why"),
    [
        (Bridge(exists=False), "missing", "the bridge flatnet-br0 does not exist"),
        (Bridge(exists=True, up=False), "down", "the bridge flatnet-br0 is down"),
        (
            Bridge(exists=True, up=True, addresses=("10.87.2.1/24",)),
            "wrong address",
            "the bridge flatnet-br0 has 10.87.2.1/24, not 10.87.1.1/24",
        ),
        (Bridge(exists=True, up=True), "wrong address", "the bridge flatnet-br0 has no address, not 10.87.1.1/24"),
    ],
)
def test_the_bridge_exists_is_up_and_has_the_hosts_address(bridge: Bridge, text: str, why: str) -> None:
    judged = judge_wsl(A, wsl(A, bridge=bridge))

    assert ("bad", text) == brief(judged, "bridge")
    assert [("bridge", "high", why)] == remarks(judged)


def test_forwarding_that_is_off_cuts_containers_off() -> None:
    judged = judge_wsl(A, wsl(A, forwarding=False))

    assert ("bad", "off") == brief(judged, "forwarding")
    assert [Severity.HIGH] == [remark.severity for remark in judged.remarks]


@pytest.mark.parametrize("key", ["containers", "bridge", "forwarding"])
def test_a_part_that_could_not_be_read_is_unknown_and_hides_no_other(key: str) -> None:
    judged = judge_wsl(A, wsl(A, **{key: Problem(phrase=Phrase("sudo asks for a password; allow podman in sudoers"))}))

    assert ("unknown", "could not be read") == brief(judged, key)
    assert [(key, "medium", "sudo asks for a password; allow podman in sudoers")] == remarks(judged)
    assert [Mark.UNKNOWN] == [cell.mark for cell in judged.cells.values() if cell.mark is not Mark.WELL]


@pytest.mark.parametrize(
    ("ahead", "why"),
    [
        (0.0, None),
        (30.0, None),
        (-30.0, None),
        (31.0, "the Windows clock is 31 s ahead; certificates and logs go wrong by it"),
        (-3600.0, "the Windows clock is 3600 s behind; certificates and logs go wrong by it"),
    ],
)
def test_a_clock_that_differs_too_much_is_remarked_beside_the_checks(ahead: float, why: str | None) -> None:
    judged = judge(Looked(A, windows(), wsl(A), gateway(A), ahead), FLEET, Thresholds(clock_difference=30))

    assert ([] if why is None else [("clock", "medium", why)]) == remarks(judged)


def test_foreign_text_stays_data_and_is_cut_where_it_is_long() -> None:
    judged = judge_wsl(A, wsl(A, containers=(container("<!channel> `rm`", "exited", 1), container("x" * 200, "exited", 1))))

    assert f"<!channel> `rm` exited with 1, {'x' * 39}… exited with 1" == str(judged.remarks[0].why)
