"""What is said of forwarding: the route compared with WSL2's present address, and what the helper alone can see."""

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from adapters.errors import ActionFailed, HostError, Unreachable
from adapters.inventory import Host, ManagedArea, WslSide
from adapters.phrase import Phrase
from adapters.windows.routes import OwnAddress, Route, RouteReading
from adapters.wsl.forwarding import WslForwarding
from adapters.wsl.helper import HELPER_VERSION, ForwardingStatus, HelperInfo
from adapters.wsl.podman import UnreadPart
from adapters.wsl.system import Bridge
from commands.gateways.forwarding.assessment import ForwardingState, judge_state
from tests.bot.rendering.examples import ENGLISH
from tests.commands.canned import host

OWN = OwnAddress(address=IPv4Address("172.28.0.1"), prefix=20, interface=42, alias="vEthernet (WSL)")
ALLOWED = HelperInfo(version=HELPER_VERSION, areas=("forwarding",))
STATUS = ForwardingStatus(
    bridge="flatnet-br0", address="10.87.1.1/24", link="up", addressed=True, forwarding=True, at_boot=True, blocked=False
)


def make_host(*areas: ManagedArea) -> Host:
    side = WslSide(address="192.0.2.1", key_file=Path("/key"), known_hosts_file=Path("/known_hosts"), manage=areas)
    return host("host-a", 1, wsl=side)


def make_wsl(address: str | None = "172.28.0.2") -> WslForwarding:
    known = UnreadPart(phrase=Phrase("no address")) if address is None else IPv4Address(address)
    bridge = Bridge(exists=True, up=True, addresses=("10.87.1.1/24",))
    return WslForwarding(bridge=bridge, forwarding=True, address=known)


def routes(*hops: str) -> RouteReading:
    found = tuple(Route(next_hop=IPv4Address(hop), interface=42, metric=256, persistent=False) for hop in hops)
    return RouteReading(routes=found, addresses=(OWN,))


SILENT = Unreachable(Phrase("nothing answers"))

CASES: list[tuple[str, WslForwarding | HostError, RouteReading | HostError, str, set[str]]] = [
    ("the route leads to WSL2", make_wsl(), routes("172.28.0.2"), "through 172.28.0.2", set()),
    ("no route", make_wsl(), routes(), "missing", {"route"}),
    ("a route to an address of before", make_wsl(), routes("172.20.5.9"), "wrong address", {"route"}),
    ("a second route", make_wsl(), routes("172.28.0.2", "172.20.5.9"), "wrong address", {"route"}),
    ("mirrored networking", make_wsl("172.28.0.1"), routes(), "not needed", set()),
    ("WSL2's address is unknown", make_wsl(None), routes("172.28.0.2"), "through 172.28.0.2", {"address"}),
    ("WSL2 is silent", SILENT, routes("172.28.0.2"), "through 172.28.0.2", {"wsl"}),
    ("WSL2 is silent, and there is no route", SILENT, routes(), "missing", {"wsl", "route"}),
    ("Windows is silent", make_wsl(), SILENT, "unreachable", {"windows"}),
]


@pytest.mark.parametrize(
    ("wsl", "reading", "cell", "subjects"), [each[1:] for each in CASES], ids=[each[0] for each in CASES]
)
def test_a_route_is_compared_with_the_present_address(
    wsl: WslForwarding | HostError, reading: RouteReading | HostError, cell: str, subjects: set[str]
) -> None:
    judged = judge_state(ForwardingState(make_host(), wsl, reading))
    text = judged.cells["route"].text
    assert (cell, subjects) == (
        text.render(ENGLISH) if isinstance(text, Phrase) else text,
        {remark.subject for remark in judged.remarks},
    )


@pytest.mark.parametrize(
    ("helper", "status", "subjects", "next_command"),
    [
        (ALLOWED, STATUS, {"route"}, "forwarding apply host-a"),
        (ALLOWED, STATUS.model_copy(update={"at_boot": False}), {"route", "boot"},
         "forwarding apply host-a"),
        (ALLOWED, STATUS.model_copy(update={"blocked": True}), {"route", "firewall"},
         "forwarding apply host-a"),
        (HelperInfo(version=9, areas=("forwarding",)), STATUS, {"route", "helper"}, None),
        (HelperInfo(version=HELPER_VERSION, areas=("ipam",)), STATUS, {"route", "helper"}, None),
        (ActionFailed(Phrase("no"), code="absent"), ActionFailed(Phrase("no"), code="absent"), {"route", "helper"}, None),
        (SILENT, SILENT, {"route"}, None),
    ],
)  # fmt: skip
def test_the_change_is_offered_where_the_helper_can_do_it(
    helper: HelperInfo | HostError, status: ForwardingStatus | HostError, subjects: set[str], next_command: str | None
) -> None:
    judged = judge_state(ForwardingState(make_host("forwarding"), make_wsl(), routes(), helper, status))
    assert (subjects, {next_command}) == (
        {remark.subject for remark in judged.remarks},
        {remark.next for remark in judged.remarks},
    )


def test_a_lighthouse_has_no_containers() -> None:
    judged = judge_state(ForwardingState(host("lighthouse", 0), None, None))
    assert ({"N/A"}, ()) == ({str(cell.text) for cell in judged.cells.values()}, judged.remarks)
