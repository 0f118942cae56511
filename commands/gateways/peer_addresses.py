"""Addresses of peers: the gateway's API on the overlay, `http://10.100.N.1:8080` for host N. Pure."""

import re

from adapters.inventory import Host, Inventory
from adapters.overlay import format_gateway

_ADDRESS = re.compile(r"http://[a-z0-9.-]{1,200}(:[0-9]{1,5})?/?")


def is_peer_address(text: str) -> bool:
    """Returns whether a text is an address as a request can name it."""
    return _ADDRESS.fullmatch(text) is not None


def make_peer_address(host: Host) -> str:
    """Makes the address under which other gateways list a host."""
    return format_gateway(host.id)


def are_equal_addresses(one: str, other: str) -> bool:
    """Returns whether two spellings mean the same address."""
    return one.lower().rstrip("/") == other.lower().rstrip("/")


def find_peer(address: str, inventory: Inventory) -> Host | None:
    """Finds the host of an address; None if it is not one of the inventory."""
    return next((host for host in inventory.hosts if are_equal_addresses(address, make_peer_address(host))), None)
