"""Registry of hosts that come and go: reservations, pins and what people confirm of removed hosts.

    host add NAME ─▶ id chosen ─▶ audit event ─▶ hosts.d/NAME.toml ─▶ configuration reread
                  └▶ fingerprints compared ─▶ audit event ─▶ the file, with the pinned side
    host remove NAME --password-changed ─▶ audit event ─▶ the tombstone

One request at a time, so that two of them never get one id. A crash between the event and the file leaves the file as it
was: the next request writes it.

Choice of the id of a new host: the wanted one, or the next one that is free wherever an id can be taken.

Scans of a host that is not trusted yet: what it shows in handshakes that end before any login, compared with what people
read at its console.

The bot never shows the whole identity that it sees. Else it would be copied from there, and the first machine that answers
would be trusted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.error_text import describe_error
from adapters.errors import HostError, Refused, Unreachable
from adapters.inventory import Inventory, JoiningHost, RemovedHost
from adapters.local.action import LocalAction
from adapters.local.host_files import HostFileState, ReadHostFile, WriteHostFile
from adapters.local.identities import ShownIdentity
from adapters.phrase import Phrase
from adapters.windows.tls_certificate import scan_server_certificate
from bot.audit_log.log import EventKind, Recorder
from bot.hosts.rules.host_sides import Pins, pin_sides, split_address
from bot.hosts.rules.joining import Wish, go_on, require_address, require_own_addresses
from commands.changes.host_files import render_joining, render_removed
from commands.hosts.add.arguments import MAX_ID
from commands.hosts.add.ids import IdClaim, IdSurvey, find_overlay_holder, survey_ids
from commands.model.operation import FleetView


@dataclass(frozen=True)
class Asked:
    """A request: the id of its operation, and its requester's name."""

    operation: str
    actor: str


@dataclass(frozen=True)
class HostRegistry:
    """The hosts that come and go. `perform` acts on the bot itself, `find_inventory` returns the active hosts.

    Methods may raise a `Refused`, a `HostError` (the file could not be written), or an error of the audit log.
    """

    perform: Callable[[LocalAction[Any]], Awaitable[Any]]
    audit: Recorder
    find_inventory: Callable[[], Inventory]
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def reserve(
        self, asked: Asked, wish: Wish, choose_id: Callable[[], Awaitable[int]], make: Callable[[int], JoiningHost]
    ) -> JoiningHost:
        """Reserves a host, or goes on with one that is reserved. `choose_id` refuses an id or a name that is taken."""
        async with self._turn:
            inventory = self.find_inventory()
            require_own_addresses(wish, inventory)
            known = inventory.find_joining(wish.name)
            if known is not None:
                wanted = go_on(wish, known)
                if wanted != known:
                    content = render_joining(inventory.tables.get(known.name, {}), wanted)
                    await self._write(asked, wanted, content, {"wsl": wanted.wsl_address})
                return wanted
            require_address(wish)
            again = inventory.find_removed(wish.name) is not None  # its tombstone is what the file replaces
            joining = make(await choose_id()).model_copy(update={"again": again})
            table = {"name": joining.name, "id": joining.id, "labels": list(joining.labels)}
            addresses = {"windows": joining.windows_address, "wsl": joining.wsl_address}
            await self._write(asked, joining, render_joining(table, joining), {"what": "reserved", **addresses})
            return joining

    async def pin(self, asked: Asked, name: str, pins: Pins) -> None:
        """Pins the identities of sides, which a person compared with the console of the host."""
        async with self._turn:
            inventory = self.find_inventory()
            joining = inventory.find_joining(name)
            if joining is None:
                raise Refused(Phrase("{host} is not being added any more", host=name))
            addresses = {"windows": joining.windows_address, "wsl": joining.wsl_address}
            table = pin_sides(inventory.tables.get(joining.name, {}), addresses, pins, inventory)
            pinned = {"certificate": pins.certificate, "host_key": pins.host_key}
            await self._write(asked, joining, render_joining(table, joining), {"what": "pinned", **pinned})

    async def confirm_password(self, asked: Asked, name: str) -> None:
        """Records that a password which a removed host knew was changed."""
        async with self._turn:
            removed = self.find_inventory().find_removed(name)
            if removed is None or not removed.password_due:
                raise Refused(Phrase("{host} shares no password that must be changed", host=name))
            content = render_removed(removed.model_copy(update={"password_due": False}))
            await self._write(asked, removed, content, {"what": "password changed"})

    async def _write(self, asked: Asked, host: JoiningHost | RemovedHost, content: str, event: Mapping[str, Any]) -> None:
        """Records what is about to be written, and writes the file. A file that was edited by hand stays as it is."""
        before = await self.perform(ReadHostFile(name=host.name))
        if not isinstance(before, HostFileState) or not before.active:
            phrase = Phrase("the file of {host} was edited by hand. Reload flatnet-bot, then try again", host=host.name)
            raise Refused(phrase)
        data = {"host": host.name, "id": host.id, **event}
        await self.audit.record(EventKind.HOST, asked.actor, asked.operation, data)
        await self.perform(
            WriteHostFile(
                operation=f"{asked.operation}-prepare",  # a run of this operation keeps an earlier state of its own
                name=host.name,
                content=content,
                before=before.sha256,
            )
        )


async def choose_id(wish: Wish, view: FleetView) -> int:
    """Chooses the id of a new host. Raises `Refused` as `choose_claim`, or if its address is in use on the overlay."""
    if view.fleet.inventory.find_host(wish.name) is not None:  # known without asking all hosts
        words = f"host show {wish.name}"
        raise Refused(Phrase("{host} is a member already. Run {words}", host=wish.name, words=words))
    claim = choose_claim(wish, await survey_ids(view))
    if not wish.adopt and (holder := await find_overlay_holder(claim, view)) is not None:
        raise Refused(holder)
    return claim.number


def choose_claim(wish: Wish, survey: IdSurvey) -> IdClaim:
    """Chooses the claim of a new host. Raises `Refused` if the wanted id, or the name, is taken, or none is free.

    A host that is adopted may be on the overlay and known to the gateways already.
    """
    number = wish.id or survey.find_next_free(wish.name) or _find_unused(survey)
    claim = IdClaim(number, wish.name, adopted=wish.adopt)
    if (obstacle := survey.find_obstacle(claim)) is not None:
        raise Refused(obstacle)
    return claim


def _find_unused(survey: IdSurvey) -> int:
    """Finds an id that no host has, for the reason why it is not free all the same. Raises `Refused` if there is none."""
    inventory = survey.inventory
    used = {host.id for host in inventory.hosts} | {joining.id for joining in inventory.joining}
    for number in range(1, MAX_ID + 1):
        if number not in used:
            return number
    raise Refused(Phrase("no ID is free"))


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
