"""Performs the read of the bot's own addresses."""

import socket
from ipaddress import IPv4Address, IPv6Address

from adapters.local.machine import FindOwnAddresses, OwnAddresses
from bot.changes.step_binding import OwnActions


def add_machine_actions(own: OwnActions) -> None:
    """Adds the reads of the bot's machine to what the bot can do on itself."""
    own.add(FindOwnAddresses, _find_own_addresses)


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
