"""`gateway` and `gateway test` over a fleet: configuration, workers, last good one, and what nginx makes of it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.action import Action
from adapters.errors import ActionFailed, Unreachable
from adapters.gateway.api import SyncStatus
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.configuration import Configuration, ListConfiguration, ListedFile
from adapters.windows.configuration_trial import ConfigurationTest
from adapters.windows.nginx import NginxProcess, NginxReading, ReadNginx
from commands.gateways.configuration_tests import GatewayTest
from commands.gateways.overview import GatewayList
from commands.model.finding import Severity, relate_moment
from commands.model.operation import FleetView
from commands.model.proven_configuration import ProvenConfiguration
from commands.model.report import Report
from tests.commands import canned, canned_certs
from tests.commands.canned import NOW, host
from tests.commands.cells import cell

A, B = host("host-a", 1), host("host-b", 2)
LIGHTHOUSE = host("lighthouse", 0)
LOST = Unreachable(Phrase("connection refused"))
HOUR = timedelta(hours=1)
MAIN = ListedFile(file=r"F:\flatnet\config\nginx.conf", state="present", size=1, sha256="a" * 64)
FOUND = Configuration(base=r"F:\flatnet\config", files=(MAIN,))


def nginx(**given: Any) -> NginxReading:
    """An nginx with a worker since an hour."""
    usual = {
        "version": "openresty/1.25.3.1",
        "master": NginxProcess(pid=1, started_at=NOW - 9 * HOUR),
        "workers": (NginxProcess(pid=2, started_at=NOW - HOUR),),
        "clock": NOW,
        "position": 0,
    }
    return NginxReading.model_validate(usual | given)


def windows(reading: object, found: object) -> Callable[[Action[Any]], object]:
    """A Windows side that answers both reads."""
    answers: Mapping[type[Action[Any]], object] = {ReadNginx: reading, ListConfiguration: found}
    return lambda action: answers[type(action)]


def view(*hosts: Host, reading: object = None, found: object = None, **said: object) -> FleetView:
    """Hosts that are well, but for nginx, configuration and other sides of the first."""
    told: dict[tuple[str, str], object] = {(each.name, "windows"): windows(nginx(), FOUND) for each in hosts}
    told[hosts[0].name, "windows"] = windows(reading or nginx(), found or FOUND)
    return canned_certs.view(*hosts, said={**told, **{(hosts[0].name, side): what for side, what in said.items()}})


def proven(sha256: str) -> ProvenConfiguration:
    return ProvenConfiguration(host="host-a", sha256=sha256, folder="C:\\x", operation="op-0123456789ab", at=NOW - HOUR)


async def read(*hosts: Host, **said: object) -> Report:
    return await GatewayList().read(view(*hosts, **said))


def cells(report: Report, row: int = 0) -> dict[str, str]:
    """A row's texts by their columns."""
    return {column.key: str(cell.text) for column, cell in zip(report.columns, report.rows[row].cells, strict=True)}


async def test_a_healthy_gateway_shows_what_it_runs_with() -> None:
    report = await read(A, B)
    expected = {
        "host": "host-a",
        "configuration": FOUND.sha256[:12],
        "good": "none",
        "workers": "1",
        "version": "openresty/1.25.3.1",
        "api": "healthy",
        "peers": "1",
        "workers_since": str(relate_moment(NOW - HOUR, NOW)),
        "host_id": "1",
        "files": r"F:\flatnet\config\nginx.conf",
    }
    assert ("all 2 gateways are healthy", expected) == (str(report.summary), cells(report))
    assert () == report.findings


async def test_the_data_has_the_whole_hash() -> None:
    report = await read(A)
    assert FOUND.sha256 == cell(report, report.rows[0], "configuration").value


async def test_the_lighthouse_has_no_gateway() -> None:
    report = await read(LIGHTHOUSE, A)
    assert {"N/A"} == {text for key, text in cells(report).items() if key != "host"}
    assert "1 gateway is healthy" == str(report.summary)


@pytest.mark.parametrize(
    ("given", "severity", "words", "command"),
    [
        (
            {"reading": nginx(master=None, workers=())},
            Severity.HIGH,
            "nginx is not running",
            "service start openresty host-a",
        ),
        ({"reading": nginx(workers=())}, Severity.HIGH, "without a worker", "log error host-a --since 1h"),
        (
            {"found": FOUND.model_copy(update={"files": (MAIN, ListedFile(file=r"F:\x.conf", state="missing"))})},
            Severity.MEDIUM,
            r"a file that is missing or cannot be read: F:\x.conf",
            "gateway host-a --details",
        ),
        (
            {"found": ActionFailed(Phrase("there is no file"), code="FileMissing")},
            Severity.MEDIUM,
            "there is no file",
            "health host-a --details",
        ),
        (
            {"gateway": canned.gateway(A, sync=SyncStatus(host_id=None, peers=()))},
            Severity.HIGH,
            "failed to initialize",
            "log error host-a --since 1h",
        ),
    ],
)
async def test_what_is_wrong_with_a_gateway_is_a_finding(
    given: Mapping[str, object], severity: Severity, words: str, command: str
) -> None:
    report = await read(A, B, **given)
    (finding,) = report.findings
    assert (severity, "host-a", command) == (finding.severity, finding.host, finding.next)
    assert words in str(finding.why)


async def test_files_that_lie_elsewhere_are_no_problem() -> None:
    elsewhere = ListedFile(file=r"F:\flatnet\openresty\conf\mime.types", state="outside")
    report = await read(A, found=FOUND.model_copy(update={"files": (MAIN, elsewhere)}))
    assert () == report.findings


async def test_a_host_that_does_not_answer_is_unknown_in_every_cell() -> None:
    report = await read(A, windows=LOST, gateway=LOST)
    assert [False] == [finding.reached for finding in report.findings]
    assert {"unreachable"} == {cells(report)[key] for key in ("configuration", "workers", "api")}


async def test_a_configuration_that_was_changed_since_it_was_verified_is_a_finding() -> None:
    changed = replace(view(A), good_configurations={"host-a": proven("b" * 64)})
    report = await GatewayList().read(changed)
    (finding,) = report.findings
    assert ("b" * 12, Severity.LOW, "gateway test host-a") == (cells(report)["good"], finding.severity, finding.next)


async def test_a_configuration_that_was_verified_is_no_finding() -> None:
    verified = replace(view(A), good_configurations={"host-a": proven(FOUND.sha256)})
    report = await GatewayList().read(verified)
    assert ("this one", ()) == (cells(report)["good"], report.findings)


GOOD = ConfigurationTest(state="good")
UNBOUND = ConfigurationTest(state="unbound", says="bind() failed", address="10.100.1.1:8080")
BAD = ConfigurationTest(state="bad", says='unknown directive "x"', file=r"F:\flatnet\config\nginx.conf", line=3)


async def ask_test(first: object, *hosts: Host) -> Report:
    return await GatewayTest().read(canned.view(*hosts, said={("host-a", "windows"): first, ("host-b", "windows"): GOOD}))


async def test_good_configurations_need_no_finding() -> None:
    report = await ask_test(GOOD, A, B, LIGHTHOUSE)
    assert ("nginx accepts the configurations of all 2 gateways", ()) == (str(report.summary), report.findings)


async def test_a_refused_configuration_names_the_place() -> None:
    report = await ask_test(BAD, A, B)
    (finding,) = report.findings
    assert (Severity.HIGH, "gateway test host-a") == (finding.severity, finding.next)
    assert r'unknown directive "x" (F:\flatnet\config\nginx.conf, line 3)' in str(finding.why)
    assert ("refused", r"F:\flatnet\config\nginx.conf:3") == (cells(report)["test"], cells(report)["place"])


async def test_without_nebula_the_configuration_is_not_called_bad() -> None:
    report = await ask_test(UNBOUND, A, B)
    (finding,) = report.findings
    assert (Severity.MEDIUM, "service start nebula host-a") == (finding.severity, finding.next)
    assert "Nebula has no address now, so 10.100.1.1:8080 cannot be tested" in str(finding.why)


async def test_a_test_that_could_not_be_run_says_why() -> None:
    report = await ask_test(ActionFailed(Phrase("nginx.exe does not end"), code="ProgramHangs"), A, B)
    (finding,) = report.findings
    assert ("not tested", "nginx.exe does not end") == (cells(report)["test"], str(finding.why))


async def test_a_host_that_does_not_answer_is_not_tested() -> None:
    report = await ask_test(LOST, A, B)
    assert (False, "unreachable") == (report.findings[0].reached, cells(report)["test"])
