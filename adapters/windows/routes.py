"""Routes of a Windows host to its containers: 10.87.N.0/24 through WSL2's address, which changes when WSL2 restarts.

Such a route carries nothing but packets from this host to its own containers. So a change of it cuts none of the bot's
connections, and needs no guard: a connection of a bot that ran in one of these containers would use the route that works,
which is never changed.
"""

from ipaddress import IPv4Address, IPv4Interface
from typing import Annotated, Any

from pydantic import Field, StringConstraints, computed_field

from adapters.action import Effect
from adapters.phrase import Listing, Phrase
from adapters.value import Value
from adapters.windows.action import WindowsAction

MAX_ROUTES = 16

Destination = Annotated[str, StringConstraints(pattern=r"^10\.87\.\d{1,3}\.0/24$")]
"""A container subnet, in the form in which Windows lists destinations. No other route can be read or set."""

Index = Annotated[int, Field(ge=0, le=2**32 - 1)]


class Route(Value):
    """A route: its next hop and the index of its interface. A `persistent` one is there again after Windows restarts."""

    next_hop: IPv4Address
    interface: Index
    metric: Annotated[int, Field(ge=0, le=65_535)]
    persistent: bool


class OwnAddress(Value):
    """An IPv4 address of the host, the length of its network's prefix, and its interface."""

    address: IPv4Address
    prefix: Annotated[int, Field(ge=0, le=32)]
    interface: Index
    alias: Annotated[str, StringConstraints(max_length=256)]

    @property
    def network(self) -> IPv4Interface:
        return IPv4Interface(f"{self.address}/{self.prefix}")


class RouteReading(Value):
    """The routes to a destination, and the host's own addresses."""

    routes: Annotated[tuple[Route, ...], Field(max_length=MAX_ROUTES)]
    addresses: Annotated[tuple[OwnAddress, ...], Field(max_length=1024)]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def next_hops(self) -> tuple[str, ...]:
        """The next hops, sorted."""
        return tuple(map(str, sorted(route.next_hop for route in self.routes)))

    def is_own(self, address: IPv4Address) -> bool:
        """Returns whether an address is one of this host."""
        return any(own.address == address for own in self.addresses)

    def find_link(self, address: IPv4Address) -> OwnAddress | None:
        """Finds the host's own address on the network of another address; None if they share none."""
        return next((own for own in self.addresses if own.prefix > 0 and address in own.network.network), None)


class ReadRoutes(WindowsAction[RouteReading]):
    """Reads the routes to a container subnet, and this host's addresses."""

    script = "read-routes"
    deadline = 30.0
    output_limit = 512_000

    destination: Destination

    def explain_answer(self, answer: RouteReading) -> Phrase | None:
        if not answer.routes:
            return Phrase("Windows has no route to {subnet}", subnet=self.destination)
        return Phrase(
            "Windows routes {subnet} through {address}", subnet=self.destination, address=Listing(answer.next_hops)
        )


class RoutesSet(Value):
    """The routes are those that were given. `changed`: they were not before."""

    changed: bool


class SetRoutes(WindowsAction[RoutesSet]):
    """Makes the routes to a container subnet those that are given. New ones are added before others are removed."""

    script = "set-routes"
    effect = Effect.CHANGE
    deadline = 60.0
    output_limit = 64_000

    destination: Destination
    routes: Annotated[tuple[Route, ...], Field(max_length=MAX_ROUTES)]

    def build_arguments(self) -> dict[str, Any]:
        return self.model_dump(mode="json")
