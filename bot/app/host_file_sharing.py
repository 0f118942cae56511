"""Shares the host folder among the copies of the bot: the leader stores it with each change, the others write theirs.

    leads      ─ start ─▶ its folder is stored ─ host add, edit, remove ─▶ stored first, then written
    stands by  ─ each look ─▶ nothing new │ the folder is written, and the configuration is to be read again │ why not

Without it every other copy would have another configuration after `host add`, and could not take over. What people change in
a folder of a copy that stands by is not overwritten: it keeps that copy from leading, and is named.
"""

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from adapters.phrase import Phrase
from bot.app.files import write_file
from bot.config.host_folder import HostFolder
from bot.config.hosts import HOST_FOLDER
from bot.config.settings import Settings, check_host_files, load_audit_keys
from bot.config.shared_hosts import (
    PURPOSE,
    FollowedHosts,
    SharedHosts,
    ShareHosts,
    UnusableHosts,
    compute_mac,
    decode_hosts,
    find_foreign_changes,
    share_nothing,
)
from bot.hosts.tables import HostFilesTable, StoredHosts
from bot.security.secrets import FindSecret
from bot.store.audit_chain import AuditKeys
from bot.store.database import Database
from bot.store.leadership import NO_TERM

P = ParamSpec("P")
R = TypeVar("R")

FOLLOWED_FILE = "hosts.json"
"""File in the data folder with the version that the host folder had last."""

_NOTHING = StoredHosts(0, "", "")
"""What a database has before any copy led, or after another program removed the row."""


@dataclass(frozen=True)
class HostFileKeys:
    """Keys of the macs: that which signs, and all that are recognized."""

    signing: bytes
    known: tuple[bytes, ...]

    @classmethod
    def derive(cls, keys: AuditKeys) -> "HostFileKeys":
        """Derives them from the audit keys."""
        known = tuple(key.derive(PURPOSE) for key in keys.all)
        return cls(known[0], known)


class HostFilePublisher:
    """Stores the host folder of the copy that leads."""

    def __init__(self, folder: HostFolder, table: HostFilesTable, keys: HostFileKeys) -> None:
        self._folder, self._table, self._keys = folder, table, keys
        self._turn = asyncio.Lock()

    async def publish(self, changes: Mapping[str, str | None]) -> None:
        """Stores the folder as it is about to be: with these contents, and without the files that become None.

        Without changes it is stored as it is, and noted as what this machine has.

        Raises `UnusableHosts` or a `DatabaseError`.
        """
        async with self._turn:
            hosts = await _do_file_work(_read_hosts, self._folder, changes)
            followed = await _do_file_work(read_followed, self._folder.data_folder)
            stored = await self._table.store(
                hosts.encode(), followed.number, lambda number, content: compute_mac(self._keys.signing, number, content)
            )
            if not changes:
                version = FollowedHosts(stored.number, hosts.hash_files())
                await _do_file_work(write_followed, self._folder.data_folder, version)


async def start_sharing(settings: Settings, secrets: FindSecret, database: Database) -> ShareHosts:
    """Stores the folder of a copy that begins to lead, and returns what stores it from then on. SQLite has one copy."""
    if database.term == NO_TERM:
        return share_nothing
    keys = HostFileKeys.derive(load_audit_keys(settings, secrets))
    publisher = HostFilePublisher(HostFolder(settings.data_folder), HostFilesTable(database), keys)
    await publisher.publish({})
    return publisher.publish


class HostFileFollower:
    """Follows the host folder of the copy that leads. `file` is the configuration."""

    def __init__(self, file: Path, folder: HostFolder, keys: HostFileKeys) -> None:
        self._file, self._folder, self._keys = file, folder, keys
        self._settled: tuple[object, ...] = ()
        self.number = 0
        """Number of the version that the folder has."""

    @classmethod
    def build(cls, file: Path, settings: Settings, secrets: FindSecret) -> "HostFileFollower":
        """Builds it from the configuration. Raises `MissingSecret` or `AuditKeyTooShort`."""
        return cls(file, HostFolder(settings.data_folder), HostFileKeys.derive(load_audit_keys(settings, secrets)))

    def require_newest(self, number: int) -> None:
        """Requires that the folder has the newest version, whose number this is. Raises `UnusableHosts`."""
        if number != self.number:
            raise UnusableHosts(Phrase("the hosts have changed meanwhile. Try again in a moment"))

    async def follow(self, table: HostFilesTable, *, led_last: bool) -> bool:
        """Writes the folder as the leader has it. Returns whether it has changed, so that the configuration is read again.

        `led_last`: this copy led last, so its folder is the newest where no other copy has stored one since. Raises
        `UnusableHosts`, a `ConfigurationError` or a `DatabaseError`: this copy cannot lead then.
        """
        state = (await table.read_number(), led_last, await _do_file_work(_stamp, self._folder))
        if state == self._settled:
            return False
        stored = await table.read()
        changed = await _do_file_work(self._apply, stored or _NOTHING, led_last)
        self.number = 0 if stored is None else stored.number
        self._settled = (self.number, led_last, await _do_file_work(_stamp, self._folder))
        return changed

    def _apply(self, stored: StoredHosts, led_last: bool) -> bool:
        followed = read_followed(self._folder.data_folder)
        if led_last and stored.number == followed.number:
            return False
        if stored.number < followed.number:
            raise UnusableHosts(
                Phrase(
                    "the hosts in the database are older than those here. If the database was restored, remove {file}",
                    file=str(self._folder.data_folder / FOLLOWED_FILE),
                )
            )
        if stored == _NOTHING:
            return False
        shared = decode_hosts(stored.number, stored.content, stored.mac, self._keys.known)
        local = self._folder.read_files()
        hashes, theirs = SharedHosts(local).hash_files(), shared.hash_files()
        if foreign := find_foreign_changes(hashes, followed.hashes, theirs):
            raise UnusableHosts(_explain_foreign_change(foreign[0]))
        if hashes != theirs:
            changes = {name: text.encode() for name, text in shared.files.items()}
            check_host_files(self._file, dict.fromkeys(local) | changes)
            self._write(shared, local)
        write_followed(self._folder.data_folder, FollowedHosts(stored.number, theirs))
        return hashes != theirs

    def _write(self, shared: SharedHosts, local: Mapping[str, str]) -> None:
        for operation, files in shared.kept.items():
            for name, text in files.items():
                self._folder.take(operation, name, text)
        for name, text in shared.files.items():
            if local.get(name) != text:
                self._folder.write(name, text.encode())
        for name in local.keys() - shared.files.keys():
            self._folder.remove(name)


async def _do_file_work(work: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    """Does work on files in a thread. Raises `UnusableHosts` if the operating system refuses it."""
    try:
        return await asyncio.to_thread(work, *arguments, **named)
    except OSError as error:
        raise UnusableHosts(
            Phrase(
                "could not use {file} ({reason}). Check its owner, its mode and the free space",
                file=str(error.filename or HOST_FOLDER),
                reason=error.strerror or type(error).__name__,
            )
        ) from error


def _explain_foreign_change(name: str) -> Phrase:
    return Phrase(
        "{file} was changed on this machine, so its hosts differ from those of the copy that leads. Undo that here, then "
        "make the change with {command}",
        file=f"{HOST_FOLDER}/{name}.toml",
        command=f"host edit {name}",
    )


def read_followed(data_folder: Path) -> FollowedHosts:
    """Returns the version that a data folder had last. Blocking. Raises an `OSError`."""
    try:
        stored = json.loads((data_folder / FOLLOWED_FILE).read_bytes())
    except FileNotFoundError:
        return FollowedHosts()
    except ValueError:
        raise UnusableHosts(Phrase("{file} is damaged. Remove it", file=str(data_folder / FOLLOWED_FILE))) from None
    return FollowedHosts(int(stored["number"]), dict(stored["files"]))


def write_followed(data_folder: Path, version: FollowedHosts) -> None:
    """Writes the version that a data folder has now. Blocking. Raises an `OSError`."""
    if read_followed(data_folder) != version:
        document = json.dumps({"number": version.number, "files": dict(version.hashes)}, sort_keys=True)
        write_file(data_folder / FOLLOWED_FILE, document.encode())


def _read_hosts(folder: HostFolder, changes: Mapping[str, str | None]) -> SharedHosts:
    files = {name: text for name, text in {**folder.read_files(), **changes}.items() if text is not None}
    return SharedHosts(files, folder.read_kept())


def _stamp(folder: HostFolder) -> tuple[tuple[str, int, int], ...]:
    """Returns what differs after each change of the folder."""
    try:
        with os.scandir(folder.data_folder / HOST_FOLDER) as entries:
            return tuple(sorted((each.name, each.inode(), each.stat().st_mtime_ns) for each in entries))
    except FileNotFoundError:
        return ()
