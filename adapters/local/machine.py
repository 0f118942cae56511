"""The machine on which the bot runs: which addresses it has."""

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated

from pydantic import Field

from adapters.local.action import LocalAction
from adapters.value import Value


class OwnAddresses(Value):
    """The addresses among those that were asked for which this machine has."""

    found: tuple[IPv4Address | IPv6Address, ...]


class FindOwnAddresses(LocalAction[OwnAddresses]):
    """Finds which of these addresses the bot's own machine has."""

    addresses: Annotated[tuple[IPv4Address | IPv6Address, ...], Field(max_length=16)]
