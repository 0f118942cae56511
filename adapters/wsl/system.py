"""State of WSL2 in one round trip: Flatnet's containers, the bridge, IP forwarding.

Each part may fail without hiding the others: a part that could not be read is an `UnreadPart`.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field, IPvAnyAddress, StringConstraints, TypeAdapter

from adapters.inventory import InterfaceName, PodmanName, WslSide
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.wsl.action import Argv, CompletedProgram, WslAction
from adapters.wsl.podman import Container, UnreadPart, build_listing_commands, parse_listing


class Bridge(Value):
    """The container bridge: whether it exists, is up, and its IPv4 addresses (10.87.1.1/24)."""

    exists: bool
    up: bool = False
    addresses: tuple[str, ...] = ()


class WslSystem(Value):
    """State of the WSL2 side of one host."""

    containers: tuple[Container, ...] | UnreadPart
    bridge: Bridge | UnreadPart
    forwarding: bool | UnreadPart


class ReadSystem(WslAction[WslSystem]):
    """Reads containers, bridge and forwarding. The quick programs come first, because podman may hang on its own lock."""

    program_timeout = 4.0
    deadline = 20.0
    output_limit = 2 * 1024 * 1024  # podman prints 2 kB for a container, 4 with many labels; a host has at most 253

    network: PodmanName
    bridge: InterfaceName

    @classmethod
    def of(cls, side: WslSide) -> "ReadSystem":
        """Makes the action for one host's network and bridge."""
        return cls(network=side.network, bridge=side.bridge)

    def build_commands(self) -> tuple[Argv, ...]:
        return (
            ("sysctl", "-n", "net.ipv4.ip_forward"),
            ("ip", "-json", "addr", "show", self.bridge),
            *build_listing_commands(self.network),
        )

    def parse(self, completed: Sequence[CompletedProgram]) -> WslSystem:
        forwarding, bridge, *podman = completed
        return WslSystem(
            forwarding=parse_forwarding(forwarding),
            bridge=parse_bridge(bridge, self.bridge),
            containers=parse_listing(podman, self.network),
        )


def parse_forwarding(answer: CompletedProgram) -> bool | UnreadPart:
    """Parses the output of sysctl for net.ipv4.ip_forward."""
    match answer.code, answer.stdout.strip():
        case 0, "0" | "1" as value:
            return value == "1"
        case _:
            return UnreadPart(
                phrase=Phrase(
                    "could not read the IP forwarding state with sysctl: {why}. Run in WSL2: sysctl net.ipv4.ip_forward",
                    why=answer.error_line,
                )
            )


class LinkAddress(BaseModel):
    """An address of a link, as far as it is read."""

    family: str
    local: IPvAnyAddress
    prefixlen: Annotated[int, Field(ge=0, le=128)]


class Link(BaseModel):
    """One element of `ip -json addr show`, as far as it is read."""

    name: str = Field(alias="ifname")
    flags: Annotated[list[Annotated[str, StringConstraints(max_length=32)]], Field(max_length=64)]
    addresses: Annotated[list[LinkAddress], Field(max_length=256)] = Field(alias="addr_info")


LINKS = TypeAdapter(list[Link])


def parse_bridge(answer: CompletedProgram, name: str) -> Bridge | UnreadPart:
    """Parses the output of ip for the bridge of that name."""
    if answer.code == 1:  # usage errors of ip have 255, errors of the kernel 2
        return Bridge(exists=False)
    if answer.code != 0:
        return UnreadPart(
            phrase=Phrase(
                "could not read {bridge} with ip: {why}. Run in WSL2: ip addr show {bridge}",
                bridge=name,
                why=answer.error_line,
            )
        )
    try:
        links = LINKS.validate_json(answer.stdout)
    except ValueError:
        return UnreadPart(
            phrase=Phrase("could not parse the output of ip for {bridge}. Update iproute2 in WSL2", bridge=name)
        )
    link = next((link for link in links if link.name == name), None)
    if link is None:
        return Bridge(exists=False)
    # "UP" is the administrative state. A bridge without a running container is up without a carrier: `operstate` DOWN.
    addresses = tuple(f"{at.local}/{at.prefixlen}" for at in link.addresses if at.family == "inet")
    return Bridge(exists=True, up="UP" in link.flags, addresses=addresses)
