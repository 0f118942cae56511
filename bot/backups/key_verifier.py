"""Verification of the newest copy of the CA key: both places, its recipients, and the CA that the lighthouse uses now.

lighthouse: the present CA, hashes of the first place ─┐
bot: hashes, manifest and recipients of the second ────┴─▶ states ─▶ an audit event ─▶ the row

It does not prove that a person can open the copy: a drill does (`bot.backups.drills`).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host
from adapters.key_backup import Recipient
from adapters.local.key_backups import ReadStoredKey, StoredKeyCopy
from adapters.windows.key_backup import KeyCopy, ReadKeyCopy
from bot.audit.log import EventKind, Recorder
from bot.store.key_backups import KeyBackupTable
from commands.certificates.ca_key.steps import locate_key_backup
from commands.model.backup import KeyBackup, KnownBackups, PlaceState
from commands.model.operation import FleetView

ReadStored = Callable[[ReadStoredKey], Awaitable[StoredKeyCopy]]
"""Reads a copy in the second place. Raises an `ActionFailed`."""


@dataclass(frozen=True)
class KeyVerifier:
    """Verifier of copies. Every method may raise a `DatabaseError`."""

    table: KeyBackupTable
    audit: Recorder
    read_stored: ReadStored
    now: Callable[[], datetime]

    async def read_known(self) -> KnownBackups:
        """Reads all copies and drills, the newest first."""
        return await self.table.read_known()

    async def verify(self, key: KeyBackup, view: FleetView, actor: str, operation: str) -> KeyBackup:
        """Verifies a copy at both places, and records what was found."""
        first = await self._read_first(key, view)
        second = await self._read_second(key, view.recipients)
        whole = (first, second) == (PlaceState.WHOLE, PlaceState.WHOLE)
        damaged = {first, second} & {PlaceState.DAMAGED, PlaceState.ABSENT}
        now = self.now()
        checked = key.model_copy(
            update={
                "first": first,
                "second": second,
                "checked_at": now,
                "verified_at": now if whole else None if damaged else key.verified_at,
                "fault": f"{first.value}, {second.value}" if damaged else "",
            }
        )
        event = {"key": key.id, "verified": whole, "first": first.value, "second": second.value}
        await self.audit.record(EventKind.BACKUP, actor, operation, event)
        await self.table.record_check(checked)
        return checked

    async def _read_first(self, key: KeyBackup, view: FleetView) -> PlaceState:
        host = find_holder(key, view.fleet.inventory.hosts)
        if host is None:
            return PlaceState.UNREACHABLE
        action = ReadKeyCopy(
            folder=locate_key_backup(host, key.id),
            key_sha256=key.sha256,
            certificate_sha256=key.certificate_sha256,
            manifest_sha256=key.manifest_sha256,
        )
        read: ReadResult[KeyCopy] = await view.fleet.read(host, action)
        if isinstance(read.outcome, HostError):
            return PlaceState.UNREACHABLE
        return _judge_place(present=read.outcome.present, right=read.outcome.whole and read.outcome.closed is True)

    async def _read_second(self, key: KeyBackup, recipients: tuple[Recipient, ...]) -> PlaceState:
        """Reads the second place. The message must be for all recipients of the row that are still configured."""
        action = ReadStoredKey(
            backup=key.id,
            authority=key.authority,
            key_sha256=key.sha256,
            certificate_sha256=key.certificate_sha256,
            manifest_sha256=key.manifest_sha256,
            recipients=tuple(each for each in recipients if each.sha256 in key.recipients),
        )
        try:
            found = await self.read_stored(action)
        except HostError:
            return PlaceState.UNREACHABLE
        known = {each.sha256 for each in action.recipients} == set(key.recipients)
        return _judge_place(present=found.present, right=found.whole and (found.right or not known))


def find_holder(key: KeyBackup, hosts: tuple[Host, ...]) -> Host | None:
    """Finds the Windows host on which the copy was made; None if it has left the configuration."""
    name = key.id.rpartition("-")[0]
    return next((host for host in hosts if host.name == name and host.windows is not None), None)


def _judge_place(*, present: bool, right: bool) -> PlaceState:
    if not present:
        return PlaceState.ABSENT
    return PlaceState.WHOLE if right else PlaceState.DAMAGED
