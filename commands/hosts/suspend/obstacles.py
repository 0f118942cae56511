"""Obstacles to a suspension: hosts that others or the bot need, and containers that could not be started again. Pure."""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from adapters.inventory import Host
from adapters.overlay import OVERLAY_NETWORK
from adapters.phrase import Phrase
from adapters.wsl.containers import ListedContainer
from commands.changes.impact import is_reached_over_overlay
from commands.model.finding import list_some


def find_host_obstacle(host: Host, *, keep_nebula: bool) -> Phrase | None:
    """Finds the reason why a host cannot be suspended, from its configuration alone; None if there is none."""
    if host.lighthouse:
        return Phrase("{host} is the lighthouse: without it, hosts cannot find each other", host=host.name)
    if host.windows is None:
        return Phrase("no Windows connection configured")
    if keep_nebula:
        return None
    if is_reached_over_overlay(host):
        return Phrase(
            "the bot reaches {host} through Nebula, and could not start it again. Keep Nebula running with {option}",
            host=host.name,
            option="--keep-nebula",
        )
    if host.wsl is not None and _parse_address(host.wsl.address) in OVERLAY_NETWORK:
        return Phrase(
            "the bot reaches WSL2 of {host} through Nebula, and could not start its containers again. Keep Nebula running "
            "with {option}",
            host=host.name,
            option="--keep-nebula",
        )
    return None


def list_own_addresses(host: Host) -> tuple[str, ...]:
    """Lists the addresses that only this host's machine has: if the bot's machine has one of them, it runs there.

    Names and loopback addresses tell nothing.
    """
    windows = "" if host.windows is None else urlsplit(host.windows.url).hostname or ""
    wsl = "" if host.wsl is None else host.wsl.address
    typed = (_parse_address(each) for each in (str(host.overlay.ip), str(host.bridge.ip), windows, wsl))
    return tuple(dict.fromkeys(str(each) for each in typed if not each.is_loopback and not each.is_unspecified))


def find_container_obstacle(containers: Iterable[ListedContainer]) -> Phrase | None:
    """Finds the reason why running containers cannot be stopped for a while; None if there is none."""
    running = [each for each in containers if each.runs]
    removed = [each.name for each in running if each.auto_remove]
    if removed:
        return Phrase(
            "podman removes {containers} when stopped (--rm), so a resume could not start them. Stop them yourself first",
            containers=list_some(removed),
        )
    odd = [Phrase("{name} ({state})", name=each.name, state=each.state) for each in running if each.state != "running"]
    if odd:
        return Phrase(
            "wait until these containers run, or stop them yourself first: {containers}", containers=list_some(odd)
        )
    return None


def _parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return ipaddress.IPv4Address(0)
