"""Reads and judges forwarding on both sides of a host.

Windows ─ route 10.87.N.0/24 ─▶ WSL2's own address ─ IP forwarding ─▶ bridge 10.87.N.1 ─▶ containers
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from adapters.errors import ActionFailed, HostError
from adapters.inventory import Host
from adapters.phrase import Listing, Phrase
from adapters.windows.routes import ReadRoutes, RouteReading
from adapters.wsl.forwarding import ReadForwarding, WslForwarding
from adapters.wsl.helper import ForwardingStatus, HelperInfo, ReadForwardingStatus, ReadHelper
from adapters.wsl.podman import UnreadPart
from commands.health.assessment import (
    Judgment,
    Remark,
    make_absent_checks,
    make_remarked_check,
    make_unanswered_checks,
    make_unread_check,
    merge_judgments,
)
from commands.health.fleet_report import read_side
from commands.health.wsl_checks import find_helper_fault, judge_bridge, judge_forwarding
from commands.model.finding import Severity
from commands.model.operation import FleetView
from commands.model.report import Cell, Mark

WSL_KEYS = ("bridge", "forwarding", "address")
ROUTE = Phrase("Windows route")


@dataclass(frozen=True)
class ForwardingState:
    """Forwarding of a host as read. `helper` and `status` are None unless the bot may change forwarding there."""

    host: Host
    wsl: WslForwarding | HostError | None
    routes: RouteReading | HostError | None
    helper: HelperInfo | HostError | None = None
    status: ForwardingStatus | HostError | None = None

    @property
    def address(self) -> IPv4Address | None:
        """WSL2's own address; None if it is unknown."""
        known = isinstance(self.wsl, WslForwarding) and isinstance(self.wsl.address, IPv4Address)
        return self.wsl.address if known else None  # type: ignore[union-attr,return-value]

    @property
    def mirrored(self) -> bool:
        """True if WSL2 has an address of Windows itself, so that there is nothing to route through."""
        return self.address is not None and isinstance(self.routes, RouteReading) and self.routes.is_own(self.address)

    @property
    def subnet(self) -> str:
        return str(self.host.bridge.network)


def is_managed(host: Host) -> bool:
    """Returns whether the configuration lets the bot change forwarding on a host."""
    return host.wsl is not None and "forwarding" in host.wsl.manage


async def read_forwarding(host: Host, view: FleetView) -> ForwardingState:
    """Reads both sides of a host concurrently, and the helper where the bot may change forwarding."""
    side = host.wsl
    managed = side if is_managed(host) else None
    routes = ReadRoutes(destination=str(host.bridge.network)) if host.windows and side else None
    ask_wsl = read_side(host, ReadForwarding.of(side) if side else None, view)
    ask_windows = read_side(host, routes, view)
    ask_helper = read_side(host, ReadHelper.of(managed) if managed else None, view)
    ask_status = read_side(host, ReadForwardingStatus.of(managed) if managed else None, view)
    return ForwardingState(host, *await asyncio.gather(ask_wsl, ask_windows, ask_helper, ask_status))


def judge_state(state: ForwardingState) -> Judgment:
    """Judges both sides of a host. What the bot may set right has that as the next command."""
    if state.host.wsl is None:
        return make_absent_checks(*WSL_KEYS, "route", "boot")
    judged = merge_judgments(_judge_wsl(state), _judge_route(state), _judge_helper(state))
    return judged.suggest(f"forwarding apply {state.host.name}") if is_managed(state.host) and _is_usable(state) else judged


def _is_usable(state: ForwardingState) -> bool:
    """Returns whether the helper can be used as it is."""
    return isinstance(state.helper, HelperInfo) and find_helper_fault(state.host, state.helper) is None


def _judge_wsl(state: ForwardingState) -> Judgment:
    said = state.wsl
    if said is None or isinstance(said, HostError):
        assert said is not None
        return make_unanswered_checks("wsl", Phrase("WSL2"), WSL_KEYS, said)
    if isinstance(said.address, UnreadPart):
        address = make_unread_check("address", said.address.phrase, Phrase("WSL2 address"))
    else:
        address = Judgment({"address": Cell.of(str(said.address))})
    return merge_judgments(judge_bridge(state.host, said.bridge), judge_forwarding(said.forwarding), address)


def _judge_route(state: ForwardingState) -> Judgment:
    reading, address = state.routes, state.address
    if reading is None:
        return make_absent_checks("route")
    if isinstance(reading, HostError):
        return make_unanswered_checks("windows", Phrase("Windows"), ("route",), reading)
    if state.mirrored:
        return Judgment({"route": Cell(text=Phrase("not needed"), value="mirrored")})
    if not reading.routes:
        return _make_route_check(Phrase("missing"), "missing", _explain_missing(state))
    through = Listing(reading.next_hops)
    text = Phrase("through {address}", address=through)
    if address is None:
        return Judgment({"route": Cell(text=text, value=",".join(reading.next_hops), mark=Mark.UNKNOWN)})
    if reading.next_hops == (str(address),):
        return Judgment({"route": Cell(text=text, value=str(address), mark=Mark.WELL)})
    why = Phrase(
        "Windows routes {subnet} through {old}, but WSL2 now has the address {address}, so containers cannot be reached. "
        "WSL2's address changes when it restarts",
        subnet=state.subnet,
        old=through,
        address=str(address),
    )
    return _make_route_check(Phrase("wrong address"), "wrong-address", why)


def _explain_missing(state: ForwardingState) -> Phrase:
    return Phrase(
        "Windows has no route to {subnet}, so containers cannot be reached. It is lost when Windows restarts",
        subnet=state.subnet,
    )


def _make_route_check(text: Phrase, value: str, why: Phrase) -> Judgment:
    return make_remarked_check("route", Cell(text=text, value=value, mark=Mark.BAD), Severity.HIGH, why, ROUTE)


def _judge_helper(state: ForwardingState) -> Judgment:
    """Judges what the helper alone can see: forwarding at boot, and a firewall in WSL2."""
    if not is_managed(state.host):
        return make_absent_checks("boot")
    said = state.helper
    unknown = {"boot": Cell(text=Phrase("unavailable"), value="unread", mark=Mark.UNKNOWN)}
    if isinstance(said, ActionFailed | HelperInfo) and (fault := find_helper_fault(state.host, said)) is not None:
        return Judgment(unknown, (Remark("helper", Severity.MEDIUM, Phrase("helper not usable"), fault),))
    if not isinstance(state.status, ForwardingStatus):
        return Judgment(unknown)
    at_boot = state.status.at_boot
    cell = Cell(text=Phrase("on") if at_boot else Phrase("off"), value=at_boot, mark=Mark.WELL if at_boot else Mark.BAD)
    return Judgment({"boot": cell}, tuple(_list_helper_remarks(state.status)))


def _list_helper_remarks(status: ForwardingStatus) -> Iterator[Remark]:
    if not status.at_boot:
        why = Phrase("IP forwarding is not switched on at boot, so it will be off after WSL2 restarts")
        yield Remark("boot", Severity.LOW, Phrase("forwarding off at boot"), why)
    if status.blocked:
        why = Phrase(
            "a firewall in WSL2 drops what is forwarded to {bridge} (iptables, chain FORWARD)", bridge=status.bridge
        )
        yield Remark("firewall", Severity.HIGH, Phrase("forwarding blocked"), why)
