"""Sides of a host that is being added: their addresses, their pins, and their settings as its file has them. Pure.

What is not about the host itself (accounts, folders, services) is that of a member like it, beside the usual defaults.

Command lines that people run to prepare a new host, with its values. Pure.
"""

import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from adapters.action import SIDES, SideName
from adapters.inventory import Host, Inventory, JoiningHost, WslSide
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
    like = find_alike(inventory, side)
    if like is not None and side == "wsl" and like.wsl is not None:
        return like.wsl.port
    if like is not None and side == "windows" and like.windows is not None:
        return urlsplit(like.windows.url).port or WINRM_TLS_PORT
    return WINRM_TLS_PORT if side == "windows" else SSH_PORT


def find_alike(inventory: Inventory, side: SideName, labels: Collection[str] = ()) -> Host | None:
    """Finds the member whose settings a side of a new host gets: the first one with most of its labels, then most sides.

    Its account is one of those settings. So hosts of one place do not get the password of another. The lighthouse is none.
    """
    able = [host for host in inventory.hosts if not host.lighthouse and host.windows is not None]
    members = [host for host in able if host.get_side(side) is not None]

    def measure_likeness(host: Host) -> tuple[int, int]:
        return len({*host.labels} & {*labels}), sum(host.get_side(each) is not None for each in SIDES)

    return max(members, key=measure_likeness, default=None)


def pin_sides(table: Mapping[str, Any], addresses: Mapping[str, str], pins: Pins, inventory: Inventory) -> Mapping[str, Any]:
    """Returns the settings with the sides that have a pin. `addresses` are the complete ones, by side."""
    labels = table.get("labels", ())
    sides: dict[str, Any] = {}
    if pins.certificate:
        own = {"url": f"https://{addresses['windows']}/wsman", "certificate_sha256": pins.certificate}
        sides["windows"] = {**_take_usual(inventory, "windows", labels), **table.get("windows", {}), **own}
        like = find_alike(inventory, "gateway", labels)
        if "gateway" not in table and like is not None and like.gateway is not None:
            port = urlsplit(like.gateway.url).port or API_PORT
            url = f"http://{format_overlay(table['id'])}:{port}"
            sides["gateway"] = {**_take_usual(inventory, "gateway", labels), "url": url}
    if pins.host_key:
        address, port = split_address(addresses["wsl"])
        place = {"address": address, "port": port, "host_key": pins.host_key}
        sides["wsl"] = {**_take_usual(inventory, "wsl", labels), **table.get("wsl", {}), **place}
    return {**table, **sides}


def _take_usual(inventory: Inventory, side: SideName, labels: Collection[str]) -> Mapping[str, Any]:
    like = find_alike(inventory, side, labels)
    table = {} if like is None else inventory.tables.get(like.name, {}).get(side, {})
    return {key: value for key, value in table.items() if key not in _OWN_KEYS[side]} if isinstance(table, Mapping) else {}


PUBLIC_KEY = "ssh-ed25519 AAAA... flatnet-bot"
"""Stands for the public half of the bot's SSH key, where it is not known."""

BOT_ADDRESS = "BOT_ADDRESS"
"""Stands for the address from which the bot comes, where it is not known."""


def list_windows_lines(joining: JoiningHost, bot: str) -> tuple[str, str]:
    """Lists the commands for Windows: its certificate, made where the CA of WinRM is, and the script on the host itself."""
    address, _ = split_address(joining.windows_address)
    arguments = ["-CertificateFile", f".\\{joining.name}.pfx", "-BotAddress", bot or BOT_ADDRESS]
    if joining.wsl_address:
        wsl, port = split_address(joining.wsl_address)
        if wsl == address:
            arguments += ["-WslNetworking", "Nat", "-HostAddress", address]
        arguments += ["-SshPort", str(port)]
    return (
        shlex.join(["sh", "winrm-certificate.sh", joining.name, address]),
        " ".join(["powershell -ExecutionPolicy Bypass -File .\\prepare-windows.ps1", *arguments]),
    )


def format_wsl_line(joining: JoiningHost, inventory: Inventory, key: str) -> str:
    """Formats the command for WSL2, with what the bot may do on a member like it.

    `key` is the public half of the bot's key, "" if it is not known.
    """
    like = find_alike(inventory, "wsl", joining.labels)
    _, port = split_address(joining.wsl_address)
    words = ["sudo", "sh", "prepare-wsl.sh", "--key", key or PUBLIC_KEY, "--port", str(port), *_list_settings(joining, like)]
    return shlex.join(words)


def _list_settings(joining: JoiningHost, like: Host | None) -> Iterator[str]:
    if like is None or like.wsl is None:
        return
    side, usual = like.wsl, WslSide.model_fields
    for option, value, default in (
        ("--user", side.user, usual["user"].default),
        ("--network", side.network, usual["network"].default),
        ("--folder", side.flatnet_folder, usual["flatnet_folder"].default),
        ("--bridge", side.bridge, usual["bridge"].default),
    ):
        if value != default:
            yield from (option, value)
    if side.manage:
        yield from ("--manage", ",".join(side.manage), "--id", str(joining.id))
