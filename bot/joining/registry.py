"""Registry of hosts that are being added: reservations and pins, each an audit event first, then the file of the host.

    host add NAME ─▶ id chosen ─▶ audit event ─▶ hosts.d/NAME.toml ─▶ configuration reread
                  └▶ fingerprints compared ─▶ audit event ─▶ the file, with the pinned side

One request at a time, so that two of them never get one id. A crash between the event and the file leaves no reservation:
the next request makes it anew.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from adapters.errors import Refused
from adapters.inventory import Inventory, JoiningHost
from adapters.local.action import LocalAction
from adapters.local.host_files import HostFileState, ReadHostFile, WriteHostFile
from adapters.phrase import Phrase
from bot.audit.log import EventKind
from bot.joining.host_tables import Pins, pin_sides
from bot.joining.reservation import Wish, go_on, require_address
from commands.planning.host_files import render_joining


class JoiningAudit(Protocol):
    """The audit log (`bot.audit.log`)."""

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class Asked:
    """A request for a host: the id of its operation, its requester's name, and what it wants."""

    operation: str
    actor: str
    wish: Wish


@dataclass(frozen=True)
class JoiningRegistry:
    """The hosts that are being added. `perform` acts on the bot itself, `find_inventory` returns the active hosts.

    Methods may raise a `Refused`, a `HostError` (the file could not be written), or an error of the audit log.
    """

    perform: Callable[[LocalAction[Any]], Awaitable[Any]]
    audit: JoiningAudit
    find_inventory: Callable[[], Inventory]
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def reserve(
        self, asked: Asked, choose_id: Callable[[], Awaitable[int]], make: Callable[[int], JoiningHost]
    ) -> JoiningHost:
        """Reserves a host, or goes on with one that is reserved. `choose_id` refuses an id or a name that is taken."""
        async with self._turn:
            inventory = self.find_inventory()
            known = inventory.find_joining(asked.wish.name)
            if known is not None:
                wanted = go_on(asked.wish, known)
                if wanted != known:
                    await self._write(asked, wanted, inventory.tables.get(known.name, {}), {"wsl": wanted.wsl_address})
                return wanted
            require_address(asked.wish)
            again = inventory.find_removed(asked.wish.name) is not None  # its tombstone is what the file replaces
            joining = make(await choose_id()).model_copy(update={"again": again})
            table = {"name": joining.name, "id": joining.id, "labels": list(joining.labels)}
            addresses = {"windows": joining.windows_address, "wsl": joining.wsl_address}
            await self._write(asked, joining, table, {"what": "reserved", **addresses})
            return joining

    async def pin(self, asked: Asked, pins: Pins) -> None:
        """Pins the identities of sides, which a person compared with the console of the host."""
        async with self._turn:
            inventory = self.find_inventory()
            joining = inventory.find_joining(asked.wish.name)
            if joining is None:
                raise Refused(Phrase("{host} is not being added any more", host=asked.wish.name))
            addresses = {"windows": joining.windows_address, "wsl": joining.wsl_address}
            table = pin_sides(inventory.tables.get(joining.name, {}), addresses, pins, inventory)
            pinned = {"certificate": pins.certificate, "host_key": pins.host_key}
            await self._write(asked, joining, table, {"what": "pinned", **pinned})

    async def _write(self, asked: Asked, joining: JoiningHost, table: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Records what is about to be written, and writes the file. A file that was edited by hand stays as it is."""
        before = await self.perform(ReadHostFile(name=joining.name))
        if not isinstance(before, HostFileState) or not before.active:
            phrase = Phrase("the file of {host} was edited by hand. Reload flatnet-bot, then try again", host=joining.name)
            raise Refused(phrase)
        data = {"host": joining.name, "id": joining.id, **event}
        await self.audit.record(EventKind.HOST, asked.actor, asked.operation, data)
        await self.perform(
            WriteHostFile(
                operation=f"{asked.operation}-prepare",  # a run of this operation keeps an earlier state of its own
                name=joining.name,
                content=render_joining(table, joining),
                before=before.sha256,
            )
        )
