"""Scans of a host that is not trusted yet: what it shows in handshakes that end before any login, compared with what people
read at its console.

The bot never shows the whole identity that it sees. Else it would be copied from there, and the first machine that answers
would be trusted.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from adapters.error_text import describe_error
from adapters.errors import HostError, Unreachable
from adapters.local.identities import ShownIdentity
from adapters.phrase import Phrase
from adapters.windows.tls_certificate import scan_server_certificate
from bot.joining.sides import split_address

SCAN_TIMEOUT = 8.0
"""Seconds for one handshake with Windows."""


@dataclass(frozen=True)
class Comparison:
    """Comparison of one side. `pin` is "" while it may not be trusted; `waits_for` says why."""

    pin: str = ""
    waits_for: Phrase | None = None
    mismatch: bool = False


Scan = Callable[[str], Awaitable[tuple[ShownIdentity, ...]]]
"""Reads the identities at a complete address. Raises a `HostError`."""


async def scan_windows(address: str) -> tuple[ShownIdentity, ...]:
    """Reads the certificate of WinRM at a complete address. Raises `Unreachable`."""
    host, port = split_address(address)
    try:
        async with asyncio.timeout(SCAN_TIMEOUT):
            found = await scan_server_certificate(host, port)
    except (OSError, ValueError) as error:
        raise Unreachable(
            Phrase(
                "could not read the certificate of {where} ({reason}). Check that WinRM runs and the firewall allows it",
                where=address,
                reason=describe_error(error),
            )
        ) from error
    return (ShownIdentity(pin=found.fingerprint, fingerprint=found.fingerprint),)


async def scan_wsl(address: str) -> tuple[ShownIdentity, ...]:
    """Reads the host keys of sshd at a complete address. Raises `Unreachable`."""
    from adapters.wsl.host_key import scan_host_keys

    return tuple(
        ShownIdentity(pin=each.key, fingerprint=each.fingerprint) for each in await scan_host_keys(*split_address(address))
    )


async def compare(scan: Scan, address: str, given: str, option: str) -> Comparison:
    """Compares what a host shows at an address with the fingerprint from its console; "" if none is given yet."""
    try:
        seen = await scan(address)
    except HostError as error:
        return Comparison(waits_for=error.phrase)
    if not given:
        return Comparison(
            waits_for=Phrase(
                "{where} is reachable. Give the fingerprint that the script printed on its console: {option}",
                where=address,
                option=option,
            )
        )
    for each in seen:
        if each.fingerprint == given:
            return Comparison(pin=each.pin)
    shown = ", ".join(each.short for each in seen)
    why = Phrase(
        "{where} shows another identity ({shown}) than the given fingerprint. Compare it on its console again. If it still "
        "differs, another machine has this address",
        where=address,
        shown=shown,
    )
    return Comparison(waits_for=why, mismatch=True)
