"""Performs reads from the bot's own machine: its addresses, and the identities that servers show to it."""

import socket
from ipaddress import IPv4Address, IPv6Address

from adapters.local.identities import FindShownIdentities, ShownIdentities
from adapters.local.machine import FindOwnAddresses, OwnAddresses
from bot.changes.services.step_binding import OwnActions
from bot.hosts.services.joining import scan_windows, scan_wsl


def add_machine_actions(own: OwnActions) -> None:
    """Adds the reads from the bot's machine to what the bot can do on itself."""
    own.add(FindOwnAddresses, _find_own_addresses)
    own.add(FindShownIdentities, _find_shown_identities)


async def _find_shown_identities(action: FindShownIdentities) -> ShownIdentities:
    """Finds what a server shows, before any login. Raises `Unreachable`."""
    scan = scan_windows if action.place == "windows" else scan_wsl
    return ShownIdentities(shown=await scan(f"{action.address}:{action.port}"))


async def _find_own_addresses(action: FindOwnAddresses) -> OwnAddresses:
    return OwnAddresses(found=tuple(filter(_is_own, action.addresses)))


def _is_own(address: IPv4Address | IPv6Address) -> bool:
    """Returns whether a socket can be bound to an address, which the system allows for the machine's own alone."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as bound:
            bound.bind((str(address), 0))
    except OSError:
        return False
    return True
