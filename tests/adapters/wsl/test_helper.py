"""The helper's answers as values, and its failures with what to do."""

from datetime import UTC, datetime
from ipaddress import IPv4Address

import pytest

from adapters.errors import ActionFailed
from adapters.wsl.action import CompletedProgram
from adapters.wsl.containers import ListContainers, ListedContainer, MoveContainer
from adapters.wsl.helper import (
    HELPER_VERSION,
    ForwardingStatus,
    ReadBackup,
    ReadForwardingStatus,
    ReadHelper,
)
from adapters.wsl.ipam import ReadAllocations
from adapters.wsl.network import ReadNetwork
from tests.host_scripts import HELPER

ID = "0123456789abcdef" * 4
LINE = (
    f'{{"id":"{ID}","name":"web","image":"localhost/web:1","image_id":"2f3d","state":"running","exit_code":0,'
    '"started_at":"2026-11-25T09:30:00.123456789Z","restarts":0,"address":"10.87.1.10"}\n'
)


def answered(stdout: str = "", code: int = 0, stderr: str = "") -> list[CompletedProgram]:
    return [CompletedProgram(code=code, stdout=stdout, stderr=stderr)]


def test_the_bot_works_with_the_helper_of_its_own_version() -> None:
    assert f"\nversion={HELPER_VERSION}\n" in HELPER.read_text()


@pytest.mark.parametrize(("version", "current"), [(HELPER_VERSION, True), (HELPER_VERSION + 1, False)])
def test_a_version_is_compared(version: int, current: bool) -> None:
    info = ReadHelper().parse(answered(f'{{"version":{version},"areas":["ipam"]}}\n'))
    assert (current, ("ipam",)) == (info.current, info.areas)


GOOD = (
    '{"bridge":"flatnet-br0","address":"10.87.1.1/24","link":"up","addressed":true,"forwarding":true,"at_boot":true,'
    '"blocked":false}'
)


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ('"link":"up"', '"link":"down"'),
        ('"link":"up"', '"link":"absent"'),
        ('"addressed":true', '"addressed":false'),
        ('"forwarding":true', '"forwarding":false'),
        ('"at_boot":true', '"at_boot":false'),
        ('"blocked":false', '"blocked":true'),
    ],
)
def test_forwarding_is_ready_if_nothing_is_missing(part: str, wrong: str) -> None:
    def parse(text: str) -> ForwardingStatus:
        return ReadForwardingStatus().parse(answered(text))

    assert (True, False) == (parse(GOOD).ready, parse(GOOD.replace(part, wrong)).ready)


def test_containers_come_with_their_addresses() -> None:
    """podman's warnings on standard error are no failure; "" is no address, Go's zero time no start."""
    created = LINE.replace("2026-11-25T09:30:00.123456789Z", "0001-01-01T00:00:00Z").replace("10.87.1.10", "")
    web, other = ListContainers().parse(answered(LINE + created, stderr="level=warning")).containers
    assert web == ListedContainer(
        id=ID,
        name="web",
        image="localhost/web:1",
        image_id="2f3d",
        state="running",
        exit_code=0,
        started_at=datetime(2026, 11, 25, 9, 30, 0, 123456, tzinfo=UTC),
        restarts=0,
        address=IPv4Address("10.87.1.10"),
    )
    assert (None, None) == (other.address, other.started_at)
    assert () == ListContainers().parse(answered()).containers


@pytest.mark.parametrize("line", ["{}", "web", LINE.replace(ID, "../x"), LINE.replace("10.87.1.10", "10.87.1"), LINE * 5001])
def test_a_list_that_does_not_fit_is_no_answer(line: str) -> None:
    with pytest.raises(ValueError, match=r"validation error|too_long"):
        ListContainers().parse(answered(line))


def test_a_container_is_named_by_its_whole_id() -> None:
    assert (("sudo", "-n", "/usr/local/libexec/flatnet-bot", "containers", "stop", ID),) == MoveContainer(
        verb="stop", container=ID
    ).build_commands()
    for wrong in (ID[1:], f"{ID}\n", "web", "--all", ""):
        with pytest.raises(ValueError, match="container"):
            MoveContainer(verb="stop", container=wrong)


def test_allocations_are_addresses_by_container() -> None:
    text = '{"subnet":"10.87.1.0/24","gateway":"10.87.1.1","host_id":1,"allocations":{"abc":"10.87.1.10"}}'
    assert {"abc": IPv4Address("10.87.1.10")} == ReadAllocations().parse(answered(text)).allocations


def test_a_piece_of_a_backup_has_the_bytes_and_the_whole_size() -> None:
    """Bytes that are no text, too. A failure of either program is told."""
    size = CompletedProgram(code=0, stdout='{"size":1000,"sha256":"ab"}\n', stderr="")
    piece = CompletedProgram(code=0, stdout="?", stderr="", output=b"\x00\xff\n")
    read = ReadBackup().read_at(997)
    assert isinstance(read, ReadBackup)
    assert ("sudo", "-n", "/usr/local/libexec/flatnet-bot", "backup", "read", "997") == read.build_commands()[1]
    parsed = read.parse([size, piece])
    assert (997, 1000, b"\x00\xff\n", True) == (parsed.offset, parsed.size, parsed.data, parsed.last)
    failed = CompletedProgram(code=6, stdout="", stderr="flatnet-bot: there is nothing of Flatnet to keep\n")
    for answers in ([failed, piece], [size, failed]):
        with pytest.raises(ActionFailed, match="there is nothing of Flatnet to keep"):
            read.parse(answers)


FAULTS = [
    (1, "sudo: a password is required", "absent", "Run prepare-wsl.sh with --manage there"),
    (1, "sudo: /usr/local/libexec/flatnet-bot: command not found", "absent", "Run prepare-wsl.sh with --manage there"),
    (2, "flatnet-bot: no such verb or argument. Read the head of it", "other-version", "Run prepare-wsl.sh again"),
    (3, "flatnet-bot: ipam is not allowed here. To allow it, run X", "not-allowed", "refused: ipam is not allowed here"),
    (4, "flatnet-bot: others than root can change /x. Run as root: Y", "unsafe", "did nothing: others than root can change"),
    (5, "flatnet-bot: areas is missing", "broken", "failed: areas is missing"),
    (6, "flatnet-bot: it is no bridge", "failed", "failed: it is no bridge"),
    (125, "Error: no container", "failed", "failed: Error: no container"),
    (124, "", "failed", "failed: exit code 124"),
    (7, "flatnet-bot: term 18 is kept here, and this is of term 17", "OlderTerm", "a later leader (term 18)"),
    (7, "Error: no such thing", "failed", "failed: Error: no such thing"),
]


@pytest.mark.parametrize(("code", "stderr", "fault", "words"), FAULTS)
def test_a_failure_says_what_to_do(code: int, stderr: str, fault: str, words: str) -> None:
    with pytest.raises(ActionFailed) as caught:
        ReadHelper().parse(answered(code=code, stderr=stderr))
    assert (fault, fault == "failed", True) == (caught.value.code, caught.value.maybe_ran, words in str(caught.value))


NETWORK = (
    '{"backend":"cni","network":"flatnet","subnet":"10.87.1.0/24","state":"STATE","file":"/etc/cni/net.d/10-flatnet.conflist"'
    ',"own":false,"plugin":true,"containers":0}'
)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("absent", "podman has no network flatnet"),
        ("other", "podman has a network flatnet that is not 10.87.1.0/24. See /etc/cni/net.d/10-flatnet.conflist in WSL2"),
        ("ready", "None"),
    ],
)
def test_a_network_is_absent_ready_or_another_one(state: str, words: str) -> None:
    answer = ReadNetwork().parse(answered(NETWORK.replace("STATE", state)))
    assert (state, words) == (answer.state, str(ReadNetwork().explain_answer(answer)))
