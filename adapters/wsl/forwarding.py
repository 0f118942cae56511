"""Forwarding in WSL2 without the helper: the bridge, IP forwarding, and WSL2's address towards Windows.

That address is the one through which Windows must route containers. With NAT, WSL2 gets another one when it restarts.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address

from pydantic import BaseModel, Field, TypeAdapter

from adapters.inventory import InterfaceName, WslSide
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.wsl.action import Argv, CompletedProgram, WslAction
from adapters.wsl.podman import UnreadPart
from adapters.wsl.system import LINKS, Bridge, parse_bridge, parse_forwarding


class WslForwarding(Value):
    """Bridge and forwarding as `health` sees them, and WSL2's own address."""

    bridge: Bridge | UnreadPart
    forwarding: bool | UnreadPart
    address: IPv4Address | UnreadPart


class ReadForwarding(WslAction[WslForwarding]):
    """Reads the bridge, IP forwarding, and the address of the interface with the default route."""

    program_timeout = 4.0
    deadline = 20.0
    output_limit = 512 * 1024

    bridge: InterfaceName

    @classmethod
    def of(cls, side: WslSide) -> "ReadForwarding":
        """Makes the action for one host's bridge."""
        return cls(bridge=side.bridge)

    def build_commands(self) -> tuple[Argv, ...]:
        return (
            ("sysctl", "-n", "net.ipv4.ip_forward"),
            ("ip", "-json", "addr", "show", self.bridge),
            ("ip", "-json", "-4", "route", "show", "default"),
            ("ip", "-json", "-4", "addr", "show"),
        )

    def parse(self, completed: Sequence[CompletedProgram]) -> WslForwarding:
        forwarding, bridge, routes, links = completed
        return WslForwarding(
            forwarding=parse_forwarding(forwarding),
            bridge=parse_bridge(bridge, self.bridge),
            address=_parse_own_address(routes, links),
        )


class _DefaultRoute(BaseModel):
    """One element of `ip -json route show default`, as far as it is read."""

    interface: str = Field(alias="dev")


_ROUTES = TypeAdapter(list[_DefaultRoute])


def _parse_own_address(routes: CompletedProgram, links: CompletedProgram) -> IPv4Address | UnreadPart:
    """Parses the first address of the interface with the default route."""
    failed = next((answer for answer in (routes, links) if answer.code != 0), None)
    if failed is not None:
        why = failed.error_line
        return UnreadPart(phrase=Phrase("could not read WSL2's address with ip: {why}. Run in WSL2: ip addr", why=why))
    try:
        defaults, found = _ROUTES.validate_json(routes.stdout), LINKS.validate_json(links.stdout)
    except ValueError:
        return UnreadPart(phrase=Phrase("could not parse the output of ip for WSL2's address. Update iproute2 in WSL2"))
    names = [route.interface for route in defaults]
    own = (at.local for link in found if link.name in names for at in link.addresses if at.family == "inet")
    address = next(own, None)
    if not isinstance(address, IPv4Address):
        return UnreadPart(phrase=Phrase("WSL2 has no default route, so its address is unknown. Run in WSL2: ip route"))
    return address
