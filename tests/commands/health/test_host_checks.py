"""The daily check as judgements on what each side said."""

from typing import Any

import pytest

from adapters.errors import (
    ActionFailed,
    AuthenticationFailed,
    DeadlineExceeded,
    HostError,
    HostIdentityError,
    NotAsked,
    OutcomeUnknown,
    ProtocolError,
    Unreachable,
)
from adapters.gateway.answers import UnusableAnswer
from adapters.gateway.api import SyncStatus
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from adapters.windows.system import ServiceStatus
from adapters.wsl.podman import Container, UnreadPart
from adapters.wsl.system import Bridge
from commands.health.assessment import HealthAnswers, Judgment, Remark
from commands.health.host_checks import judge_gateway, judge_host, judge_windows, list_known_peers
from commands.health.wsl_checks import judge_wsl
from commands.model.report import Mark
from commands.model.thresholds import Thresholds
from tests.commands.canned import container, gateway, host, windows, wsl

A = host("host-a", 1)
LIGHTHOUSE = host("lighthouse", 0)
FLEET = list_known_peers(Inventory(hosts=(A, host("host-b", 2))))


def brief(judged: Judgment, key: str) -> tuple[str, str]:
    """A check's mark and text."""
    cell = judged.cells[key]
    return cell.mark.value, str(cell.text)


def remarks(judged: Judgment) -> list[tuple[str, str, str]]:
    """What each is about, how bad it is, why, and after an arrow the words to type."""
    return [(remark.subject, remark.severity.value, _said(remark)) for remark in judged.remarks]


def _said(remark: Remark) -> str:
    return str(remark.why) if remark.next is None else f"{remark.why} → {remark.next}"


def test_nebula_is_well_while_its_service_runs() -> None:
    judged = judge_windows(A, windows(nebula="Running"))

    assert ("well", "running") == brief(judged, "nebula")
    assert [] == remarks(judged)


@pytest.mark.parametrize(
    ("status", "text", "severity", "why"),
    [
        ("Stopped", "stopped", "critical", "service Nebula is stopped → service start nebula host-a"),
        ("Paused", "paused", "critical", "service Nebula is paused. Resume it on the host: Resume-Service Nebula"),
        (
            "Absent",
            "not installed",
            "critical",
            "service Nebula not found. Install it on the host, or fix its name in the configuration",
        ),
        ("StartPending", "starting", "medium", "service Nebula is starting. Check again in a minute"),
        ("ContinuePending", "resuming", "medium", "service Nebula is resuming. Check again in a minute"),
        ("StopPending", "stopping", "high", "service Nebula is stopping. Check again in a minute"),
        ("PausePending", "pausing", "high", "service Nebula is pausing. Check again in a minute"),
    ],
)
def test_nebula_that_does_not_run_is_said_with_what_to_do(status: ServiceStatus, text: str, severity: str, why: str) -> None:
    judged = judge_windows(A, windows(nebula=status))

    assert ("bad", text) == brief(judged, "nebula")
    assert [("nebula", severity, why)] == remarks(judged)


def test_services_of_which_windows_does_not_tell_are_unknown_and_not_missing() -> None:
    """Access denied is no proof that there is no such service."""
    judged = judge_windows(A, windows(nebula="Unknown", gateway="Unknown"))

    assert ("unknown", "unavailable") == brief(judged, "nebula") == brief(judged, "gateway")
    assert [
        (
            "nebula",
            "medium",
            "could not read the state of service Nebula from Windows. Run on the host: Get-Service Nebula",
        ),
        (
            "gateway",
            "medium",
            "could not read the state of service OpenResty from Windows. Run on the host: Get-Service OpenResty",
        ),
    ] == remarks(judged)


def test_a_command_line_quotes_a_service_name_with_spaces() -> None:
    spaced = host("host-a", 1, windows=A.windows.model_copy(update={"nebula_service": "Nebula 1.9"}) if A.windows else None)

    assert [
        ("nebula", "critical", "service Nebula 1.9 is paused. Resume it on the host: Resume-Service 'Nebula 1.9'")
    ] == remarks(judge_windows(spaced, windows("Paused")))


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("Running", "running"),
        ("Absent", "running (without its service)"),
        ("Stopped", "running (without its service)"),
    ],
)
def test_the_gateway_is_well_where_nginx_runs_with_a_service_or_without(status: ServiceStatus, text: str) -> None:
    judged = judge_windows(A, windows(gateway=status, nginx=2))

    assert ("well", text) == brief(judged, "gateway")
    assert [] == remarks(judged)


@pytest.mark.parametrize(
    ("status", "nginx", "text", "severity", "why"),
    [
        (
            "Running",
            0,
            "no nginx process",
            "high",
            "service OpenResty is running without an nginx process → service restart openresty host-a",
        ),
        ("Stopped", 0, "stopped", "high", "service OpenResty is stopped → service start openresty host-a"),
        (
            "Absent",
            0,
            "not installed",
            "high",
            "no nginx process is running, and service OpenResty does not exist → service start openresty host-a",
        ),
        ("StartPending", 0, "starting", "medium", "service OpenResty is starting. Check again in a minute"),
        ("StopPending", 2, "stopping", "high", "service OpenResty is stopping. Check again in a minute"),
    ],
)
def test_a_gateway_that_does_not_run_is_said_with_what_to_do(
    status: ServiceStatus, nginx: int, text: str, severity: str, why: str
) -> None:
    judged = judge_windows(A, windows(gateway=status, nginx=nginx))

    assert ("bad", text) == brief(judged, "gateway")
    assert [("gateway", severity, why)] == remarks(judged)


def test_a_lighthouse_has_nebula_and_nothing_else() -> None:
    looked = HealthAnswers(LIGHTHOUSE, windows(gateway="Absent", nginx=0), None, None, 0.0)
    judged = judge_host(looked, FLEET, Thresholds())

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
LATE = DeadlineExceeded(WHY)
LOST = Unreachable(WHY)
LOCKED = AuthenticationFailed(WHY)
STRANGE = HostIdentityError(WHY)
ODD = ProtocolError(WHY)
UNASKED = NotAsked(Phrase("the bot has no open files left; raise its limit"))


@pytest.mark.parametrize(
    ("error", "text", "why"),
    [
        (LOST, "unreachable", "Windows: no route; check the cable"),
        (LATE, "unreachable", "Windows: no route; check the cable"),
        (LOCKED, "login rejected", "Windows: no route; check the cable"),
        (
            STRANGE,
            "identity not verified",
            "warning: Windows may not be the configured machine: no route; check the cable",
        ),
        (UNASKED, "not checked", "Windows: the bot has no open files left; raise its limit"),
        *(
            (error, "invalid response", "Windows: no route; check the cable")
            for error in (ODD, ActionFailed(WHY), OutcomeUnknown(WHY))
        ),
    ],
)
def test_a_side_without_an_answer_is_unknown_and_never_bad_with_one_remark(error: HostError, text: str, why: str) -> None:
    judged = judge_windows(A, error)

    assert ("unknown", text) == brief(judged, "nebula") == brief(judged, "gateway")
    assert [("windows", "high", why)] == remarks(judged)
    assert [False] == [remark.reached for remark in judged.remarks]


def test_each_of_two_silent_sides_is_remarked_while_the_third_is_judged() -> None:
    judged = judge_host(HealthAnswers(A, LOST, LOST, gateway(A)), FLEET, Thresholds())

    assert ["windows", "wsl"] == [remark.subject for remark in judged.remarks]
    assert ("well", "healthy") == brief(judged, "api")


@pytest.mark.parametrize(
    ("windows", "wsl", "gateway", "short", "why"),
    [
        (
            LATE,
            LATE,
            LATE,
            "unreachable",
            "the host is not responding: timed out. Check that it is up and on the network",
        ),
        (
            LOST,
            LATE,
            LOST,
            "unreachable",
            "the host is not responding: no connection, timed out. Check that it is up and on the network",
        ),
        (
            LOCKED,
            LOCKED,
            None,
            "login rejected",
            "the host is not responding: login rejected. Use --details to see each connection",
        ),
        (
            STRANGE,
            LATE,
            ODD,
            "no response",
            (
                "the host is not responding: identity not verified, timed out, invalid response. Use --details to see each "
                "connection"
            ),
        ),
        (LOCKED, None, None, "login rejected", "Windows: no route; check the cable"),
        (
            UNASKED,
            UNASKED,
            UNASKED,
            "not checked",
            "the host was not checked: the bot has no open files left; raise its limit",
        ),
        (
            UNASKED,
            LATE,
            None,
            "no response",
            "the host is not responding: not checked, timed out. Use --details to see each connection",
        ),
    ],
)
def test_a_host_of_which_no_side_answers_is_one_remark_with_each_cause_once(
    windows: HostError, wsl: HostError | None, gateway: HostError | None, short: str, why: str
) -> None:
    judged = judge_host(HealthAnswers(A, windows, wsl, gateway), FLEET, Thresholds())
    remark = judged.remarks[0]

    assert [("host", "high", why)] == remarks(judged)
    assert (short, False) == (str(remark.short), remark.reached)
    assert len(remark.parts) == sum(side is not None for side in (windows, wsl, gateway))
    assert not {Mark.WELL, Mark.BAD} & {cell.mark for cell in judged.cells.values()}


FORBIDDEN = UnusableAnswer(phrase=Phrase("this address is not allowed"), forbidden=True)
BROKEN = UnusableAnswer(phrase=Phrase("status 500 and a page of HTML"))
TIMED_OUT = DeadlineExceeded.after(8.0)
SILENT = "gateway API ({path}): no response within 8 s. Check that the host is up and not overloaded"


@pytest.mark.parametrize(
    ("said", "mark", "text", "severity", "why"),
    [
        ({}, "well", "healthy", None, None),
        (
            {"healthy": False},
            "bad",
            "unhealthy",
            "high",
            "the gateway's health page does not return OK. Check its error.log → log error host-a --since 1h",
        ),
        (
            {"healthy": BROKEN},
            "bad",
            "error",
            "high",
            "status 500 and a page of HTML → log error host-a --since 1h",
        ),
        (
            {"sync": BROKEN, "status": BROKEN},
            "bad",
            "error",
            "high",
            "only the gateway's health page responds: status 500 and a page of HTML → log error host-a --since 1h",
        ),
        (
            {"status": BROKEN},
            "bad",
            "error",
            "high",
            "status 500 and a page of HTML → log error host-a --since 1h",
        ),
        (
            {"sync": TIMED_OUT, "status": BROKEN},
            "bad",
            "error",
            "high",
            "status 500 and a page of HTML → log error host-a --since 1h",
        ),
        (
            {"sync": SyncStatus(host_id=7, peers=()), "status": TIMED_OUT},
            "bad",
            "wrong host ID",
            "high",
            "the gateway reports host ID 7, but the configuration has 1. Fix host_id in nginx.conf or the configuration",
        ),
        (
            {"sync": SyncStatus(host_id=None, peers=())},
            "bad",
            "not initialized",
            "high",
            (
                "the gateway failed to initialize (no host ID), so nothing is synchronized. Check its error.log → log "
                "error host-a --since 1h"
            ),
        ),
        (
            {"sync": SyncStatus(host_id=7, peers=())},
            "bad",
            "wrong host ID",
            "high",
            "the gateway reports host ID 7, but the configuration has 1. Fix host_id in nginx.conf or the configuration",
        ),
        (
            {"sync": FORBIDDEN, "status": FORBIDDEN},
            "unknown",
            "address not allowed",
            "medium",
            "connected to the gateway API, but this address is not allowed",
        ),
        (
            {"sync": SyncStatus(host_id=1, peers=("http://10.100.2.1:8080", "http://127.0.0.1:8002"))},
            "well",
            "healthy",
            None,
            None,
        ),
        (
            {"sync": SyncStatus(host_id=1, peers=("http://10.100.9.1:8080", "http://[half", "http://127.0.0.1:1"))},
            "well",
            "healthy",
            "low",
            (
                "the gateway has 3 peers that are not in the configuration: http://10.100.9.1:8080, http://[half, "
                "http://127.0.0.1:1. Add the hosts, or remove them from nginx.conf"
            ),
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
    ("said", "path"),
    [
        ({"healthy": TIMED_OUT}, "/api/health"),
        ({"sync": TIMED_OUT}, "/api/sync/status"),
        ({"status": TIMED_OUT}, "/api/status"),
        ({"sync": TIMED_OUT, "status": LOST}, "/api/sync/status"),
    ],
)
def test_a_part_of_the_api_that_does_not_answer_leaves_it_unknown_and_is_named(said: dict[str, Any], path: str) -> None:
    """What is not known is not bad."""
    judged = judge_gateway(A, gateway(A, **said), FLEET)

    assert ("unknown", "unreachable") == brief(judged, "api")
    assert [("api", "high", SILENT.format(path=path))] == remarks(judged)
    assert [False] == [remark.reached for remark in judged.remarks]


WEB = "container show host-a/web"


def mended(names: str) -> str:
    """How it goes on; the names are those of a command line."""
    return f". Check the log. To restart, run in WSL2: sudo podman restart{names}"


@pytest.mark.parametrize(
    ("containers", "mark", "text", "severity", "why"),
    [
        ((), "well", "none", None, None),
        ((container("web"), container("db", healthy=True)), "well", "2 running", None, None),
        (
            (container("web", "exited", 137),),
            "bad",
            "1 of 1 with problems",
            "medium",
            f"web exited with code 137{mended(' web')} → container show host-a/web",
        ),
        (
            (container("web"), container("job", "exited")),
            "bad",
            "1 of 2 with problems",
            "low",
            (
                "job exited with code 0, without an error. To start again, run in WSL2: sudo podman start job → "
                "container show host-a/job"
            ),
        ),
        (
            (container("web", healthy=False),),
            "bad",
            "1 of 1 with problems",
            "medium",
            f"web is unhealthy{mended(' web')} → container show host-a/web",
        ),
        (
            (container("a", "restarting"), container("b", "paused")),
            "bad",
            "2 of 2 with problems",
            "medium",
            "a is restarting, b is paused. Check the log. To resume and restart, run in WSL2: sudo podman unpause b; "
            "sudo podman restart a → container show host-a/a",
        ),
        (
            (container("a", "paused"), container("b", "paused")),
            "bad",
            "2 of 2 with problems",
            "medium",
            "a is paused, b is paused. To resume, run in WSL2: sudo podman unpause a b → container show host-a/a",
        ),
        (
            (container("web"), container("api", restarts=21, restarting=True)),
            "bad",
            "1 of 2 with problems",
            "medium",
            "api keeps restarting (21 restarts so far). Check the log → container show host-a/api",
        ),
        (
            (container("api", "stopped", 3, restarts=21, restarting=True), container("b", "exited", 1)),
            "bad",
            "2 of 2 with problems",
            "medium",
            f"api keeps restarting (21 restarts so far), b exited with code 1{mended(' b')} → container show host-a/api",
        ),
        (
            (container("job", "exited"), container("b", "exited", 1)),
            "bad",
            "2 of 2 with problems",
            "medium",
            f"job exited with code 0, b exited with code 1{mended(' b')} → container show host-a/b",
        ),
        (
            tuple(container(f"c{number}", "exited", 1) for number in range(7)),
            "bad",
            "7 of 7 with problems",
            "medium",
            "c0 exited with code 1, c1 exited with code 1, c2 exited with code 1, c3 exited with code 1, "
            f"c4 exited with code 1 and 2 more{mended(' c0 c1 c2 c3 c4')} → container show host-a/c0",
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
        (
            Bridge(exists=False),
            "missing",
            "the bridge flatnet-br0 does not exist. Start a Flatnet container in WSL2 to create it",
        ),
        (
            Bridge(exists=True, up=False),
            "down",
            "the bridge flatnet-br0 is down. Run in WSL2: sudo ip link set flatnet-br0 up",
        ),
        (
            Bridge(exists=True, up=True, addresses=("10.87.2.1/24",)),
            "wrong address",
            (
                "the bridge flatnet-br0 has 10.87.2.1/24 instead of 10.87.1.1/24. Compare the podman network in WSL2 with "
                "the configuration"
            ),
        ),
        (
            Bridge(exists=True, up=True),
            "wrong address",
            (
                "the bridge flatnet-br0 has no address instead of 10.87.1.1/24. Compare the podman network in WSL2 with "
                "the configuration"
            ),
        ),
    ],
)
def test_the_bridge_exists_is_up_and_has_the_hosts_address(bridge: Bridge, text: str, why: str) -> None:
    judged = judge_wsl(A, wsl(A, bridge=bridge))

    assert ("bad", text) == brief(judged, "bridge")
    assert [("bridge", "high", why)] == remarks(judged)


def test_forwarding_that_is_off_cuts_containers_off() -> None:
    judged = judge_wsl(A, wsl(A, forwarding=False))

    assert ("bad", "off") == brief(judged, "forwarding")
    assert [
        (
            "forwarding",
            "high",
            "IP forwarding is off, so containers have no network. Run in WSL2: sudo sysctl -w net.ipv4.ip_forward=1",
        )
    ] == remarks(judged)


@pytest.mark.parametrize("key", ["containers", "bridge", "forwarding"])
def test_a_part_that_could_not_be_read_is_unknown_and_hides_no_other(key: str) -> None:
    judged = judge_wsl(A, wsl(A, **{key: UnreadPart(phrase=Phrase("sudo asks for a password; allow podman in sudoers"))}))

    assert ("unknown", "unavailable") == brief(judged, key)
    assert [(key, "medium", "sudo asks for a password; allow podman in sudoers")] == remarks(judged)
    assert [Mark.UNKNOWN] == [cell.mark for cell in judged.cells.values() if cell.mark is not Mark.WELL]


@pytest.mark.parametrize(
    ("ahead", "why"),
    [
        (0.0, None),
        (30.0, None),
        (-30.0, None),
        (31.0, "the Windows clock is 31 s ahead. Run on the host: w32tm /resync"),
        (-3600.0, "the Windows clock is 3600 s behind. Run on the host: w32tm /resync"),
    ],
)
def test_a_clock_that_differs_too_much_is_remarked_beside_the_checks(ahead: float, why: str | None) -> None:
    judged = judge_host(HealthAnswers(A, windows(), wsl(A), gateway(A), ahead), FLEET, Thresholds(clock_difference=30))

    assert ([] if why is None else [("clock", "medium", why)]) == remarks(judged)


def test_foreign_text_stays_data_and_is_cut_where_it_is_long() -> None:
    judged = judge_wsl(A, wsl(A, containers=(container("<!channel> `rm`", "exited", 1), container("x" * 200, "exited", 1))))

    assert f"<!channel> `rm` exited with code 1, {'x' * 39}… exited with code 1{mended('')}" == str(judged.remarks[0].why)
    assert judged.remarks[0].next is None
