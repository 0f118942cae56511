"""Names of the fleet's hosts in place of their addresses. Pure.

| address | is that of a host |
| --- | --- |
| 10.100.N.1, 10.87.N.1 | whose ID is N: its address on the overlay and that of its bridge |
| in the configuration of one of its sides | unless it is a loopback address, or several hosts have it |

Any other address stays as it is.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from urllib.parse import urlsplit

from adapters.inventory import Host, Inventory

_ADDRESS = re.compile(r"(?<![0-9A-Za-z_.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
"""An IPv4 address that does not continue a word."""

_CONTINUATION = re.compile(r"[0-9A-Za-z_]|\.[0-9]|/[0-9]")
"""Text after an address that makes it something else: a version, a network."""


def map_host_names(inventory: Inventory) -> Mapping[str, str]:
    """Maps every address that belongs to exactly one host to the host's name."""
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for host in inventory.hosts:
        for address in _list_addresses(host):
            owners[address].add(host.name)
    return {address: min(names) for address, names in owners.items() if len(names) == 1}


def name_hosts(text: str, names: Mapping[str, str]) -> str:
    """Replaces the addresses of hosts in a text by their names. A network such as 10.100.1.1/16 stays."""

    def name(found: re.Match[str]) -> str:
        continues = _CONTINUATION.match(text, found.end()) is not None
        return found[0] if continues else names.get(found[0], found[0])

    return _ADDRESS.sub(name, text) if names else text


def _list_addresses(host: Host) -> Iterator[str]:
    yield str(host.overlay.ip)
    yield str(host.bridge.ip)
    urls = [side.url for side in (host.windows, host.gateway) if side is not None]
    configured = [*(urlsplit(url).hostname for url in urls), *([host.wsl.address] if host.wsl is not None else [])]
    yield from (address for address in configured if address is not None and _is_specific(address))


def _is_specific(address: str) -> bool:
    try:
        parsed = IPv4Address(address)
    except ValueError:
        return False
    return not (parsed.is_loopback or parsed.is_unspecified)
