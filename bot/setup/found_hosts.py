"""Hosts that `init --discover` found, as tables of `flatnet.toml`: what is missing is commented out.

A found address is a claim. So a side that needs a login stays a comment until its identity is pinned. The API of a gateway
needs none, and its address on the overlay belongs to the host that has the certificate.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from adapters.overlay import format_gateway
from commands.hosts.discover.comparison import ComparedHost, InventoryStatus

MISSING = "…"
"""Stands for what is missing. The parser of the configuration refuses it, so it cannot be left in a side by mistake."""


@dataclass(frozen=True)
class ProposedHost:
    """A found host as it is proposed: name, ID, URL of its gateway, address in the site's network.

    `gateway` and `underlay` are "" where they are not known.
    """

    name: str
    id: int
    gateway: str = ""
    underlay: str = ""


def take_found_hosts(compared: Iterable[ComparedHost], gateway: tuple[int, str] | None) -> tuple[ProposedHost, ...]:
    """Takes what is written of the hosts that are not in the draft. `gateway` is the one that was read: ID and URL."""
    return tuple(
        ProposedHost(each.name, each.found.id, _find_gateway(each, gateway), each.underlay)
        for each in compared
        if each.status is InventoryStatus.UNKNOWN and each.words is not None
    )


def render_found_hosts(hosts: Iterable[ProposedHost], quote: Callable[[str], str]) -> Iterator[list[str]]:
    """Renders a table for each host. Without a known gateway all of it is a comment, because it has no connection."""
    for host in hosts:
        yield _render_gateway(host, quote) if host.gateway else _render_comment(host, quote)


def _render_gateway(host: ProposedHost, quote: Callable[[str], str]) -> list[str]:
    address, why = host.underlay or MISSING, _explain_address(host)
    return [
        "# Found, and not proven: fill in what is missing, then remove the comment signs of that side.",
        "[[hosts]]",
        f"name = {quote(host.name)}",
        f"id = {host.id}",
        "[hosts.gateway]",
        f"url = {quote(host.gateway)}",
        *_comment(["[hosts.windows]", f"url = {quote(f'https://{address}:5986/wsman')}"], why),
        *_comment([f"certificate_sha256 = {quote(MISSING)}"], "printed by prepare-windows.ps1"),
        *_comment(["[hosts.wsl]", f"address = {quote(address)}"], why),
        *_comment(["port = 2222"]),
        *_comment([f"host_key = {quote(f'ssh-ed25519 {MISSING}')}"], "printed by prepare-wsl.sh"),
    ]


def _render_comment(host: ProposedHost, quote: Callable[[str], str]) -> list[str]:
    """Renders a host of which no connection is known. Its sides are inline tables: without the lines above them they belong
    to no other host, because the parser refuses them there."""
    address, why = host.underlay or MISSING, _explain_address(host)
    url, place = quote(f"https://{address}:5986/wsman"), quote(address)
    windows = f"windows = {{ url = {url}, certificate_sha256 = {quote(MISSING)} }}"
    wsl = f"wsl = {{ address = {place}, port = 2222, host_key = {quote(f'ssh-ed25519 {MISSING}')} }}"
    return [
        "# Found, and not proven: fill in the sides that it has, then remove the comment signs of host and sides.",
        *_comment(["[[hosts]]", f"name = {quote(host.name)}", f"id = {host.id}"]),
        *_comment([windows], f"{why}; printed by prepare-windows.ps1"),
        *_comment([wsl], f"{why}; printed by prepare-wsl.sh"),
        *_comment([f"gateway = {{ url = {quote(format_gateway(host.id))} }}"], "no peer"),
    ]


def _explain_address(host: ProposedHost) -> str:
    return "seen, check it" if host.underlay else "missing"


def _find_gateway(each: ComparedHost, gateway: tuple[int, str] | None) -> str:
    if gateway is not None and gateway[0] == each.found.id:
        return gateway[1]
    return format_gateway(each.found.id) if each.found.has_gateway else ""


def _comment(lines: list[str], why: str = "") -> list[str]:
    """Comments lines out. The last one gets a remark."""
    *before, last = lines
    remarked = f"{last:<50} # {why}" if why else last
    return [f"# {line}" for line in (*before, remarked)]
