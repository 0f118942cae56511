"""Registry of removed hosts: what people confirm of them, as an audit event first, then in the tombstone."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from adapters.errors import Refused
from adapters.inventory import Inventory
from adapters.local.action import LocalAction
from adapters.local.host_files import HostFileState, ReadHostFile, WriteHostFile
from adapters.phrase import Phrase
from bot.audit.log import EventKind
from bot.joining.registry import JoiningAudit, JoiningRegistry
from commands.planning.host_files import render_removed


@dataclass(frozen=True)
class TombstoneRegistry:
    """The removed hosts. `perform` acts on the bot itself, `find_inventory` returns the active hosts."""

    perform: Callable[[LocalAction[Any]], Awaitable[Any]]
    audit: JoiningAudit
    find_inventory: Callable[[], Inventory]
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def beside(cls, registry: JoiningRegistry) -> "TombstoneRegistry":
        """Makes the registry that writes where another one does."""
        return cls(registry.perform, registry.audit, registry.find_inventory)

    async def confirm_password(self, operation: str, actor: str, name: str) -> None:
        """Records that a password which a removed host knew was changed.

        Raises a `Refused`, a `HostError` (the file could not be written), or an error of the audit log.
        """
        async with self._turn:
            removed = self.find_inventory().find_removed(name)
            if removed is None or not removed.password_due:
                raise Refused(Phrase("{host} shares no password that must be changed", host=name))
            before = await self.perform(ReadHostFile(name=name))
            if not isinstance(before, HostFileState) or not before.active:
                phrase = Phrase("the file of {host} was edited by hand. Reload flatnet-bot, then try again", host=name)
                raise Refused(phrase)
            data = {"host": name, "id": removed.id, "what": "password changed"}
            await self.audit.record(EventKind.HOST, actor, operation, data)
            content = render_removed(removed.model_copy(update={"password_due": False}))
            wanted = WriteHostFile(operation=operation, name=name, content=content, before=before.sha256)
            await self.perform(wanted)
