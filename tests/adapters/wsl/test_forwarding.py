"""WSL2's own address: that of the interface with the default route."""

import json
from ipaddress import IPv4Address
from typing import Any

import pytest

from adapters.wsl.action import CompletedProgram
from adapters.wsl.forwarding import ReadForwarding, WslForwarding
from adapters.wsl.podman import UnreadPart
from adapters.wsl.system import Bridge
from tests.lab.wsl.programs import run_program
from tests.lab.wsl.state import WslState


def ask(state: WslState, *replaced: tuple[int, CompletedProgram]) -> WslForwarding:
    """Reads a simulated WSL2; some programs answer otherwise."""
    action = ReadForwarding(bridge="flatnet-br0")
    completed = []
    for argv in action.build_commands():
        ran = run_program(list(argv), state)
        assert ran is not None
        completed.append(CompletedProgram(code=ran.code, stdout=ran.stdout, stderr=ran.stderr))
    for number, answer in replaced:
        completed[number] = answer
    return action.parse(completed)


def test_everything_is_there_on_a_healthy_host() -> None:
    bridge = Bridge(exists=True, up=True, addresses=("10.87.1.1/24",))
    assert WslForwarding(bridge=bridge, forwarding=True, address=IPv4Address("172.28.0.2")) == ask(WslState.healthy(1))


def says(stdout: object = "", code: int = 0, stderr: str = "") -> CompletedProgram:
    return CompletedProgram(code=code, stdout=stdout if isinstance(stdout, str) else json.dumps(stdout), stderr=stderr)


ROUTES, LINKS = 2, 3
SIX: list[Any] = [{"ifname": "eth0", "flags": [], "addr_info": [{"family": "inet6", "local": "fe80::1", "prefixlen": 64}]}]


@pytest.mark.parametrize(
    ("number", "answer", "words"),
    [
        (ROUTES, says([]), "WSL2 has no default route"),
        (ROUTES, says([{"dev": "eth9"}]), "WSL2 has no default route"),
        (LINKS, says(SIX), "WSL2 has no default route"),
        (ROUTES, says("{"), "could not parse the output of ip"),
        (LINKS, says([{"ifname": 5}]), "could not parse the output of ip"),
        (LINKS, says(code=1, stderr="broken\n"), "could not read WSL2's address with ip: broken"),
    ],
)
def test_an_address_that_is_not_known_hides_nothing_else(number: int, answer: CompletedProgram, words: str) -> None:
    said = ask(WslState.healthy(1), (number, answer))
    assert isinstance(said.address, UnreadPart)
    assert (True, True) == (words in str(said.address.phrase), said.forwarding)
