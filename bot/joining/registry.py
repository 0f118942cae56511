"""Registry of hosts that come and go: reservations, pins and what people confirm of removed hosts.

    host add NAME ─▶ id chosen ─▶ audit event ─▶ hosts.d/NAME.toml ─▶ configuration reread
                  └▶ fingerprints compared ─▶ audit event ─▶ the file, with the pinned side
    host remove NAME --password-changed ─▶ audit event ─▶ the tombstone

One request at a time, so that two of them never get one id. A crash between the event and the file leaves the file as it
was: the next request writes it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from adapters.errors import Refused
from adapters.inventory import Inventory, JoiningHost, RemovedHost
from adapters.local.action import LocalAction
from adapters.local.host_files import HostFileState, ReadHostFile, WriteHostFile
from adapters.phrase import Phrase
from bot.audit.log import EventKind
from bot.joining.reservation import Wish, go_on, require_address, require_own_addresses
from bot.joining.sides import Pins, pin_sides
from commands.changes.host_files import render_joining, render_removed


class JoiningAudit(Protocol):
    """The audit log (`bot.audit.log`)."""

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None: ...


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
    audit: JoiningAudit
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
