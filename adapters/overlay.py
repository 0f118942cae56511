"""Addresses of hosts on the overlay, and ids of hosts: N of 10.100.N.1. Pure."""

from ipaddress import IPv4Network, ip_address

OVERLAY_NETWORK = IPv4Network("10.100.0.0/16")

API_PORT = 8080
"""Port of every gateway's API on the overlay."""


def format_overlay(number: int) -> str:
    """Formats the address of a host on the overlay from its id."""
    return f"10.100.{number}.1"


def format_gateway(number: int) -> str:
    """Formats the URL of a gateway's API on the overlay from the id of its host: what other gateways have as their peer."""
    return f"http://{format_overlay(number)}:{API_PORT}"


def find_host_id(address: str) -> int | None:
    """Finds the id of the host with this address of the overlay; None for any other address."""
    try:
        at = ip_address(address)
    except ValueError:
        return None
    if at.version != 4 or at not in OVERLAY_NETWORK or int(at) & 0xFF != 1:
        return None
    return int(at) >> 8 & 0xFF
