"""`peer`: both directions between gateways, and their files. What did not answer is unknown, never missing."""

from typing import Any

import pytest

from adapters.errors import Unreachable
from adapters.gateway.answers import UnusableAnswer
from adapters.gateway.api import GatewaySystem, SyncStatus
from adapters.inventory import Host
from adapters.phrase import Phrase
from commands.catalogue import CATALOGUE
from commands.gateways.peer_report import PeerList
from commands.language.grammar import parse_operation
from commands.model.finding import Severity
from commands.model.report import Mark, Report
from commands.values.arguments import Target
from commands.values.normalize import normalize_text
from tests.commands.canned_certs import Said, host
from tests.commands.cells import cell
from tests.commands.gateways.canned_peers import address, api, conf, fleet, windows

A, B, C, LIGHTHOUSE = host("host-a", 1), host("host-b", 2), host("host-c", 3), host("lighthouse", 0)
LOST = Unreachable(Phrase("connection refused"))

PEERS = {1: (2,), 2: (1,)}


async def read(
    *targets: str, hosts: tuple[Host, ...] = (A, B), said: Said | None = None, **peers: tuple[int | str, ...]
) -> Report:
    """The report on gateways that run with these peers, and list the same in their files unless told otherwise."""
    running = {f"host_{name}": of for name, of in (("a", PEERS[1]), ("b", PEERS[2]))} | peers
    names = {each.name.replace("-", "_"): each for each in hosts}
    told: dict[tuple[str, str], object] = {
        (names[name].name, "gateway"): api(names[name].id, *of) for name, of in running.items() if name in names
    }
    texts = {name: conf(*of) for name, of in running.items() if name in names}
    operation = PeerList(target=Target(parts=targets or ("all",)))
    return await operation.read(fleet(*hosts, said=told | dict(said or {}), **texts))


def rows(report: Report) -> list[list[str]]:
    return [[str(cell.text) for cell in row.cells[:4]] for row in report.rows]


def findings(report: Report) -> list[tuple[str, Severity, str | None]]:
    return [(f"{each.host}/{each.subject}", each.severity, each.next) for each in report.findings]


async def test_mutual_peers_are_one_sentence_and_a_table() -> None:
    report = await read(hosts=(LIGHTHOUSE, A, B))
    assert "the peers of all 2 gateways are mutual and as configured" == str(report.summary)
    assert [
        ["lighthouse", "N/A", "N/A", "N/A"],
        ["host-a", "host-b", "none", "as running"],
        ["host-b", "host-a", "none", "as running"],
    ] == rows(report)
    assert () == report.findings


async def test_the_gateway_that_does_not_list_the_other_has_the_finding_and_the_command() -> None:
    report = await read(host_b=())
    assert [("host-b/one-way", Severity.MEDIUM, "peer add host-a --on host-b")] == findings(report)
    assert [["host-b", "none", "host-a", "as running"], ["host-a", "host-b", "host-b", "as running"]] == rows(report)
    assert "host-a synchronizes with host-b, but host-b not with host-a" in str(report.findings[0].why)


@pytest.mark.parametrize("target", ["host-a", "host-b"])
async def test_one_direction_is_found_whichever_host_is_asked_about(target: str) -> None:
    report = await read(target, host_b=())
    assert [(f"{target}/one-way", Severity.MEDIUM, "peer add host-a --on host-b")] == findings(report)


async def test_a_silent_gateway_makes_the_other_direction_unknown() -> None:
    report = await read("host-a", said={("host-b", "gateway"): LOST})
    assert () == report.findings
    [shown] = [cell(report, row, "return") for row in report.rows]
    assert ("host-b?", Mark.UNKNOWN) == (str(shown.text), shown.mark)
    both = await read(said={("host-b", "gateway"): LOST})
    assert [("host-b/api", Severity.HIGH, "health host-b --details")] == findings(both)
    assert ("host-b",) == both.unreached_hosts


async def test_a_gateway_whose_lua_side_did_not_start_lists_nothing_and_others_are_not_blamed() -> None:
    stopped = GatewaySystem(healthy=True, sync=SyncStatus(host_id=None, peers=()), status=None)
    report = await read(said={("host-b", "gateway"): stopped})
    assert [("host-b/peers", Severity.HIGH, "log error host-b")] == findings(report)
    assert ["host-b", "not started", "N/A", "1 peer"] in rows(report)


async def test_an_answer_that_cannot_be_used_is_unread() -> None:
    refused = UnusableAnswer(phrase=Phrase("the gateway does not allow it"), forbidden=True)
    answer = GatewaySystem(healthy=True, sync=refused, status=None)
    report = await read(said={("host-b", "gateway"): answer})
    assert [("host-b/peers", Severity.MEDIUM, "health host-b --details")] == findings(report)


async def test_a_gateway_that_runs_with_other_peers_than_its_file_is_to_be_reloaded() -> None:
    report = await read("host-a", said={("host-a", "windows"): windows({"nginx.conf": conf(2, 3)})})
    assert [("host-a/file", Severity.MEDIUM, "gateway reload host-a")] == findings(report)
    assert f"the gateway runs with {address(2)}, but its file lists {address(2)}, {address(3)}" in str(
        report.findings[0].why
    )


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (LOST, ("host-a/windows", Severity.HIGH)),
        (windows({"nginx.conf": b"http { }"}), ("host-a/file", Severity.MEDIUM)),
    ],
)
async def test_a_file_that_cannot_be_read_leaves_the_rest(answer: object, found: tuple[str, Severity]) -> None:
    report = await read("host-a", said={("host-a", "windows"): answer})
    assert [found] == [(subject, severity) for subject, severity, _ in findings(report)]
    assert "host-b" == str(cell(report, report.rows[0], "peers").text)


async def test_peers_that_are_no_hosts_and_itself_are_told_with_commands_that_can_be_run() -> None:
    report = await read("host-a", host_a=(2, 1, 9, "http://evil;x"))
    commands = [words for _, _, words in findings(report)]
    assert [
        f"peer remove {address(9)} --on host-a",
        "health host-a --details",
        "peer remove host-a --on host-a",
    ] == commands
    for words in commands:
        assert words is not None
        parse_operation(normalize_text(words), CATALOGUE, CATALOGUE)


async def test_thirty_gateways_that_all_know_each_other_have_no_findings() -> None:
    hosts = tuple(host(f"host-{number}", number) for number in range(1, 31))
    peers: dict[str, Any] = {
        f"host_{number}": tuple(other for other in range(1, 31) if other != number) for number in range(1, 31)
    }
    report = await read(hosts=hosts, **peers)
    assert () == report.findings
    assert 30 == len(report.rows)


async def test_details_have_the_addresses() -> None:
    report = await read()
    assert address(2) == cell(report, report.rows[0], "addresses").value
