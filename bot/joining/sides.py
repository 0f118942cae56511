"""Sides of a host that is being added: their addresses, their pins, and their settings as its file has them. Pure.

What is not about the host itself (accounts, folders, services) is that of a member like it, beside the usual defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from adapters.action import SIDES, SideName
from adapters.inventory import Host, Inventory
from adapters.overlay import API_PORT, format_overlay
from adapters.windows.tls_certificate import WINRM_TLS_PORT

SSH_PORT = 22

_OWN_KEYS = {
    "windows": frozenset({"url", "certificate_sha256"}),
    "wsl": frozenset({"address", "port", "host_key", "known_hosts_file"}),
    "gateway": frozenset({"url"}),
}
"""Keys of each side that are about one host, so that no other host gets them."""


@dataclass(frozen=True)
class Pins:
    """Identities that people compared with the console: SHA-256 of a certificate, and an SSH host key. "" for none."""

    certificate: str = ""
    host_key: str = ""


def complete_address(address: str, port: int) -> str:
    """Returns an address with its port, which is `port` where none is given; "" stays ""."""
    return address if not address or ":" in address else f"{address}:{port}"


def split_address(address: str) -> tuple[str, int]:
    """Splits a complete address."""
    host, _, port = address.rpartition(":")
    return host, int(port)


def find_usual_port(inventory: Inventory, side: SideName) -> int:
    """Finds the port at which this kind of side listens on a member."""
    like = find_alike(inventory)
    if like is not None and side == "wsl" and like.wsl is not None:
        return like.wsl.port
    if like is not None and side == "windows" and like.windows is not None:
        return urlsplit(like.windows.url).port or WINRM_TLS_PORT
    return WINRM_TLS_PORT if side == "windows" else SSH_PORT


def find_alike(inventory: Inventory) -> Host | None:
    """Finds the member whose settings a new host gets: the first one with most sides. The lighthouse is none."""
    members = [host for host in inventory.hosts if not host.lighthouse and host.windows is not None]
    return max(members, key=lambda host: sum(host.get_side(side) is not None for side in SIDES), default=None)


def pin_sides(table: Mapping[str, Any], addresses: Mapping[str, str], pins: Pins, inventory: Inventory) -> Mapping[str, Any]:
    """Returns the settings with the sides that have a pin. `addresses` are the complete ones, by side."""
    like = find_alike(inventory)
    usual = {} if like is None else dict(inventory.tables.get(like.name, {}))
    sides: dict[str, Any] = {}
    if pins.certificate:
        own = {"url": f"https://{addresses['windows']}/wsman", "certificate_sha256": pins.certificate}
        sides["windows"] = {**_take_usual(usual, "windows"), **table.get("windows", {}), **own}
        if "gateway" not in table and like is not None and like.gateway is not None:
            port = urlsplit(like.gateway.url).port or API_PORT
            sides["gateway"] = {**_take_usual(usual, "gateway"), "url": f"http://{format_overlay(table['id'])}:{port}"}
    if pins.host_key:
        address, port = split_address(addresses["wsl"])
        place = {"address": address, "port": port, "host_key": pins.host_key}
        sides["wsl"] = {**_take_usual(usual, "wsl"), **table.get("wsl", {}), **place}
    return {**table, **sides}


def _take_usual(usual: Mapping[str, Any], side: str) -> Mapping[str, Any]:
    table = usual.get(side, {})
    return {key: value for key, value in table.items() if key not in _OWN_KEYS[side]} if isinstance(table, Mapping) else {}
