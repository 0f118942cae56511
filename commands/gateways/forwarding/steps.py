"""Steps that set up forwarding on one host: WSL2 by the helper, then Windows' route, then a ping into the subnet. Pure.

    helper: bridge, IP forwarding ─▶ route through WSL2's present address ─▶ ping the bridge ─▶ read bridge and forwarding

The helper only adds, so there is nothing to roll back in WSL2. The old route is put back if the ping fails. It needs no
guard: see `adapters.windows.routes`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from adapters.inventory import Host
from adapters.phrase import Listing, Phrase
from adapters.windows.nebula import ReachAddress
from adapters.windows.routes import ReadRoutes, Route, RouteReading, SetRoutes
from adapters.wsl.forwarding import ReadForwarding
from adapters.wsl.helper import ApplyForwarding, ForwardingStatus, ReadForwardingStatus
from commands.model.plan import Check, Part, PlannedAction, Premise, Step

SETTLE_TIMEOUT = 20.0
"""Seconds in which a route, or what the helper set up, must be seen."""

PING_TIMEOUT = 30.0

ROUTE_METRIC = 256
"""Metric that Windows itself gives to a new route."""


@dataclass(frozen=True)
class ForwardingNeed:
    """Need of a host: WSL2's share unless it is `ready`, and a route through `address` (None: none is needed).

    `interface` is the index of Windows' interface on WSL2's network.
    """

    host: Host
    status: ForwardingStatus
    reading: RouteReading
    address: IPv4Address | None
    interface: int = 0

    @property
    def routed(self) -> bool:
        """True if Windows' route is right, or none is needed."""
        return self.address is None or self.reading.next_hops == (str(self.address),)

    @property
    def met(self) -> bool:
        """True if nothing is left to do."""
        return self.status.ready and self.routed

    @property
    def subnet(self) -> str:
        return str(self.host.bridge.network)

    def make_key(self, name: str) -> str:
        """Makes the key of a step."""
        return f"{self.host.name}/{name}"


def build_forwarding_part(need: ForwardingNeed) -> Part:
    """Builds the part of one host."""
    return Part(host=need.host.name, steps=tuple(_build_steps(need)))


def build_forwarding_premises(need: ForwardingNeed) -> tuple[Premise, ...]:
    """Builds the premises: what is missing in WSL2, and where Windows' route leads."""
    host, status = need.host.name, need.status
    missing = tuple(_list_missing(status))
    told = Phrase("{host}: missing in WSL2: {items}", host=host, items=Listing(missing)) if missing else None
    wsl = told or Phrase("{host}: nothing is missing in WSL2", host=host)
    hops = need.reading.next_hops
    route = (
        Phrase("{host}: Windows routes {subnet} through {address}", host=host, subnet=need.subnet, address=Listing(hops))
        if hops
        else Phrase("{host}: Windows has no route to {subnet}", host=host, subnet=need.subnet)
    )
    own = None if need.address is None else str(need.address)
    return (
        Premise(host=host, what="forwarding", value=status.model_dump(mode="json"), phrase=wsl),
        Premise(host=host, what="route", value={"next_hops": list(hops), "address": own}, phrase=route),
    )


def _list_missing(status: ForwardingStatus) -> Iterator[Phrase]:
    if status.link == "absent":
        yield Phrase("the bridge {bridge}", bridge=status.bridge)
    elif status.link == "down":
        yield Phrase("the bridge {bridge}, which is down", bridge=status.bridge)
    if not status.addressed:
        yield Phrase("the address {address}", address=status.address)
    if not status.forwarding:
        yield Phrase("IP forwarding")
    if not status.at_boot:
        yield Phrase("IP forwarding at boot")
    if status.blocked:
        yield Phrase("a rule of the firewall that lets containers through")


def _build_steps(need: ForwardingNeed) -> Iterator[Step]:
    if not need.status.ready:
        yield _build_helper_step(need)
    if not need.routed:
        yield _build_route_step(need)
    if need.address is not None:
        yield Step(
            key=need.make_key("ping"),
            host=need.host.name,
            deed=PlannedAction.of(ReachAddress(address=str(need.host.bridge.ip))),
            phrase=Phrase("ping {address} from Windows", address=str(need.host.bridge.ip)),
            expect={"reachable": True},
            patience=PING_TIMEOUT,
        )
    yield _build_health_step(need)


def _build_helper_step(need: ForwardingNeed) -> Step:
    read = PlannedAction.of(ReadForwardingStatus())
    return Step(
        key=need.make_key("wsl"),
        host=need.host.name,
        deed=PlannedAction.of(ApplyForwarding()),
        phrase=Phrase(
            "set up {bridge} with {address} and IP forwarding in WSL2, also at boot",
            bridge=need.status.bridge,
            address=need.status.address,
        ),
        verify=Check(host=need.host.name, deed=read, expect={"ready": True}, patience=SETTLE_TIMEOUT),
    )


def _build_route_step(need: ForwardingNeed) -> Step:
    assert need.address is not None
    wanted = Route(next_hop=need.address, interface=need.interface, metric=ROUTE_METRIC, persistent=False)
    old = list(need.reading.next_hops)
    return Step(
        key=need.make_key("route"),
        host=need.host.name,
        deed=PlannedAction.of(SetRoutes(destination=need.subnet, routes=(wanted,))),
        phrase=Phrase("route {subnet} through {address} on Windows", subnet=need.subnet, address=str(need.address)),
        verify=_check_routes(need, [str(need.address)]),
        unbegun={"next_hops": old},
        undo=PlannedAction.of(SetRoutes(destination=need.subnet, routes=need.reading.routes)),
        undo_phrase=Phrase("restore the route that was there before") if old else Phrase("remove the route"),
        undone=(_check_routes(need, old),),
    )


def _check_routes(need: ForwardingNeed, next_hops: list[str]) -> Check:
    read = PlannedAction.of(ReadRoutes(destination=need.subnet))
    return Check(host=need.host.name, deed=read, expect={"next_hops": [*next_hops]}, patience=SETTLE_TIMEOUT)


def _build_health_step(need: ForwardingNeed) -> Step:
    """Builds the step that proves what `health` checks."""
    assert need.host.wsl is not None
    bridge = {"exists": True, "up": True, "addresses": [str(need.host.bridge)]}
    return Step(
        key=need.make_key("health"),
        host=need.host.name,
        deed=PlannedAction.of(ReadForwarding.of(need.host.wsl)),
        phrase=Phrase("check the bridge and IP forwarding in WSL2"),
        expect={"forwarding": True, "bridge": bridge},
        patience=SETTLE_TIMEOUT,
    )
