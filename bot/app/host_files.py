"""Performs the actions on the host folder, each with a reload of the configuration."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.errors import ActionFailed, FlatnetError
from adapters.inventory import Inventory
from adapters.local.host_files import HostFileState, ReadHostFile, RemoveHostFile, RestoreHostFile, WriteHostFile
from adapters.phrase import Phrase
from bot.app.files import do_file_work
from bot.app.reload import ConfigurationReloader
from bot.changes.services.step_binding import OwnActions
from bot.config.host_folder import HostFolder
from bot.config.shared_hosts import ShareHosts, share_nothing


@dataclass(frozen=True)
class HostFileActions:
    """Performers of the actions on the host folder. `inventory` returns the active one."""

    folder: HostFolder
    reloader: ConfigurationReloader
    inventory: Callable[[], Inventory]
    share: ShareHosts = share_nothing

    def add_to(self, own: OwnActions) -> None:
        """Add the performers to the actions that this bot can do on itself."""
        own.add(ReadHostFile, self.read)
        own.add(WriteHostFile, self.write)
        own.add(RemoveHostFile, self.remove)
        own.add(RestoreHostFile, self.restore)

    async def read(self, action: ReadHostFile) -> HostFileState:
        """Read the file of a host, and whether the bot uses it. Raises `ActionFailed` if it cannot be read."""
        return await self._read(action.name, changed=False)

    async def write(self, action: WriteHostFile) -> HostFileState:
        """Write the file of a host, and use it. Raises `ActionFailed`; the earlier file is back then."""
        content = action.content.encode()
        if await self._hash(action.name) == hashlib.sha256(content).hexdigest():
            return await self._use(action.operation, action.name, changed=False)
        await self._require_usable(action.name, action.before, content)
        await do_file_work(self.folder.data_folder, self.folder.keep, action.operation, action.name)
        await self._share({action.name: action.content})
        await do_file_work(self.folder.data_folder, self.folder.write, action.name, content)
        return await self._use(action.operation, action.name, changed=True)

    async def remove(self, action: RemoveHostFile) -> HostFileState:
        """Remove the file of a host, and forget the host. Raises `ActionFailed`; the earlier file is back then."""
        if await self._hash(action.name) == "":
            return await self._use(action.operation, action.name, changed=False)
        await self._require_usable(action.name, action.before, None)
        await do_file_work(self.folder.data_folder, self.folder.keep, action.operation, action.name)
        await self._share({action.name: None})
        await do_file_work(self.folder.data_folder, self.folder.remove, action.name)
        return await self._use(action.operation, action.name, changed=True)

    async def restore(self, action: RestoreHostFile) -> HostFileState:
        """Restore the file of a host as it was before the operation, and use it. Raises `ActionFailed`."""
        changed = await do_file_work(self.folder.data_folder, self.folder.restore, action.operation, action.name)
        await self._share({})
        try:
            await self.reloader.reload()
        except FlatnetError as error:
            raise ActionFailed(explain_unusable(error)) from error
        return await self._read(action.name, changed=changed)

    async def _use(self, operation: str, name: str, *, changed: bool) -> HostFileState:
        """Read the configuration again. If it cannot be used, the file is restored and this fails."""
        try:
            await self.reloader.reload()
        except FlatnetError as error:
            await do_file_work(self.folder.data_folder, self.folder.restore, operation, name)
            await self._share({})
            raise ActionFailed(explain_unusable(error), maybe_ran=False) from error
        await self._share({})
        return await self._read(name, changed=changed)

    async def _share(self, changes: Mapping[str, str | None]) -> None:
        """Store the folder for the other copies of the bot, which have their hosts from there."""
        try:
            await self.share(changes)
        except FlatnetError as error:
            raise ActionFailed(error.phrase) from error

    async def _read(self, name: str, *, changed: bool) -> HostFileState:
        try:
            settings = await asyncio.to_thread(self.reloader.read_settings)
        except FlatnetError as error:
            raise ActionFailed(explain_unusable(error)) from error
        active = _find_entries(settings.inventory, name) == _find_entries(self.inventory(), name)
        return HostFileState(sha256=await self._hash(name), active=active, changed=changed)

    async def _hash(self, name: str) -> str:
        return await do_file_work(self.folder.data_folder, self.folder.hash_file, name)

    async def _require_usable(self, name: str, before: str, content: bytes | None) -> None:
        """Require that the file is as it was planned, and that the bot could use the new content, or do without it.

        Else a crash right after the write would leave a bot that does not start.
        """
        if await self._hash(name) != before:
            phrase = Phrase("the file of {host} was changed meanwhile. Submit the change again", host=name)
            raise ActionFailed(phrase, maybe_ran=False)
        try:
            settings = await asyncio.to_thread(self.reloader.check_host_file, name, content)
        except FlatnetError as error:
            raise ActionFailed(explain_unusable(error), maybe_ran=False) from error
        if content is None and settings.inventory.find_host(name) is not None:
            phrase = Phrase("the configuration file has {host}, which would be a member again. Remove it there", host=name)
            raise ActionFailed(phrase, maybe_ran=False)


def _find_entries(inventory: Inventory, name: str) -> tuple[object, ...]:
    """Find all that an inventory has of a name: a member, a host that is being added, or a tombstone."""
    found = inventory.find_host(name), inventory.find_joining(name), inventory.find_removed(name)
    return (*found, inventory.tables.get(name))


def explain_unusable(error: FlatnetError) -> Phrase:
    """Explain why the configuration cannot be used, with the first complaint where there is one."""
    complaints = getattr(error, "complaints", ())
    if not complaints:
        return error.phrase
    first = complaints[0]
    return Phrase("{why}: {key}: {complaint}", why=error.phrase, key=first.key, complaint=first.phrase)
