"""Verification of backups: several hosts at once, each judged alone; what was found is recorded.

    second place (in a thread) ─┬─▶ Inspection ─ commands.backups.verdict ─▶ JudgedBackup ─▶ an audit event, then the row
    first place (its host) ─────┘
    the bot's own: database taken out of bot.tar ─ SQLite, audit chain ─▶ the same

A host's failure is its own. A failure to record ends the verification: a result that is not on record is worth nothing.

Verification of the newest copy of the CA key: both places, its recipients, and the CA that the lighthouse uses now.

lighthouse: the present CA, hashes of the first place ─┐
bot: hashes, manifest and recipients of the second ────┴─▶ states ─▶ an audit event ─▶ the row

It does not prove that a person can open the copy: a drill does (`bot.backups.services.drills`).
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from adapters.action import BOT_NAME
from adapters.errors import ActionFailed, FlatnetError, HostError
from adapters.fleet import Fleet, ReadResult
from adapters.inventory import Host
from adapters.key_backup import Recipient
from adapters.local.key_backups import ReadStoredKey, StoredKeyCopy
from adapters.phrase import Phrase
from adapters.windows.backup_trial import BackupTrial
from adapters.windows.key_backup import KeyCopy, ReadKeyCopy
from bot.audit_log.log import EventKind, Recorder
from bot.backups.model import VerificationRequest
from bot.backups.services.database_copy import check_copy, unpack_copy
from bot.backups.services.offsite import find_place_problem, read_second_place
from bot.backups.tables import KeyBackupTable
from bot.store.audit_chain import AuditKeys
from commands.backups.verdict import FoundCopy, Inspection, JudgedBackup, NoCopy, build_trial, judge_backup
from commands.certificates.ca_key.steps import locate_key_backup
from commands.model.backup import Backup, BackupPart, KeyBackup, KnownBackups, PlaceState
from commands.model.operation import FleetView, ReadProgress

CONCURRENT_HOSTS = 16
"""Hosts whose backups are verified at once. Each runs two programs there, and its read holds a turn of the fleet."""

CONCURRENT_FILES = 2
"""Backups whose second place is hashed at once: more would only make the disk seek."""


class BackupRows(Protocol):
    """Rows of backups (`bot.backups.tables`)."""

    async def read_known(self) -> KnownBackups:
        """Read all backups that were not removed, the newest first."""

    async def record_check(self, checked: Backup) -> None:
        """Record what a look at a backup found."""


@dataclass(frozen=True)
class BackupVerifier:
    """Verifies backups. `find_folder` returns the second place in the active configuration; `scratch` is a folder of the bot
    in which copies of its database are checked.
    """

    rows: BackupRows
    audit: Recorder
    keys: AuditKeys
    find_folder: Callable[[], Path]
    scratch: Path
    now: Callable[[], datetime]
    turn: asyncio.Lock
    """Verifications run one after another: two of the same backup would share the folder on its host."""

    async def read_known(self) -> KnownBackups:
        """Reads all backups that were not removed, the newest first."""
        return await self.rows.read_known()

    async def read_state(self) -> tuple[KnownBackups, Phrase | None]:
        """Reads all backups, and the reason for which the second place cannot be read, None if it can."""
        known = await self.rows.read_known()
        return known, await asyncio.to_thread(find_place_problem, self.find_folder()) if known.backups else None

    async def verify(self, backups: Sequence[Backup], request: VerificationRequest) -> tuple[JudgedBackup, ...]:
        """Verifies backups, and records each result as soon as it is known. Raises where one could not be recorded."""
        hosts, files = asyncio.Semaphore(CONCURRENT_HOSTS), asyncio.Semaphore(CONCURRENT_FILES)
        awaited = {backup.id: backup.host for backup in backups}

        async def verify_one(backup: Backup) -> JudgedBackup:
            async with hosts:
                seen = await self._inspect(backup, request.fleet, files)
            verdict = judge_backup(backup, seen, self.now())
            await self._record(verdict, request)
            del awaited[backup.id]
            request.progress(ReadProgress(len(backups), tuple(awaited.values())))
            return verdict

        async with self.turn:
            request.progress(ReadProgress(len(backups), tuple(awaited.values())))
            results = await asyncio.gather(*map(verify_one, backups), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return tuple(result for result in results if isinstance(result, JudgedBackup))

    async def _inspect(self, backup: Backup, fleet: Fleet, files: asyncio.Semaphore) -> Inspection:
        """Reads both places at once."""

        async def read_second() -> tuple[FoundCopy | NoCopy, Phrase | None]:
            async with files:
                return await asyncio.to_thread(self._read_second_place, backup)

        first, (second, database) = await asyncio.gather(_read_first_place(backup, fleet), read_second())
        return Inspection(first, second, database)

    def _read_second_place(self, backup: Backup) -> tuple[FoundCopy | NoCopy, Phrase | None]:
        """Reads the second place, and the fault of the bot's own database in it. Blocks."""
        second = read_second_place(self.find_folder(), backup)
        try:
            return second, self._check_database(backup, second)
        except OSError as error:
            why = Phrase("the database in it could not be checked ({reason})", reason=error.strerror or type(error).__name__)
            return NoCopy(PlaceState.UNREACHABLE, why), None

    def _check_database(self, backup: Backup, second: FoundCopy | NoCopy) -> Phrase | None:
        """Checks the database in a backup of the bot, if its file has the right hash: its fault, None without one."""
        part = backup.manifest.find_part(BackupPart.BOT)
        found = None if part is None or isinstance(second, NoCopy) else second.files.get(part.file)
        if part is None or found is None or found.sha256 != part.sha256:
            return None
        file = self.find_folder() / backup.id / part.file
        try:
            with tempfile.TemporaryDirectory(prefix="verify-", dir=self.scratch) as folder:
                checked = check_copy(unpack_copy(file, Path(folder)), self.keys.all, file)
        except FlatnetError as error:
            return error.phrase
        problem = checked.events.problem
        return None if problem is None else Phrase("audit log in the backup: {why}", why=problem.phrase)

    async def _record(self, verdict: JudgedBackup, request: VerificationRequest) -> None:
        """Records the result: an audit event, then the row."""
        backup = verdict.backup
        data = {
            "backup": backup.id,
            "verified": verdict.verified,
            "first": backup.first.value,
            "second": backup.second.value,
            "fault": str(verdict.fault or ""),
        }
        await self.audit.record(EventKind.BACKUP, request.actor, request.operation, data)
        await self.rows.record_check(backup)


async def _read_first_place(backup: Backup, fleet: Fleet) -> BackupTrial | NoCopy:
    """Reads the copy on the host itself. Hosts without Windows and the bot have none."""
    if backup.host == BOT_NAME:
        return NoCopy(PlaceState.NONE)
    host = next((host for host in fleet.inventory.hosts if host.name == backup.host), None)
    if host is None:
        return NoCopy(PlaceState.UNREACHABLE, Phrase("{host} is not in the configuration any more", host=backup.host))
    if host.windows is None:
        return NoCopy(PlaceState.NONE)
    read: ReadResult[BackupTrial] = await fleet.read(host, build_trial(backup, host))
    match read.outcome:
        case ActionFailed(code="BackupMissing") as missing:
            return NoCopy(PlaceState.ABSENT, missing.phrase)
        case HostError() as error:
            return NoCopy(PlaceState.UNREACHABLE, error.phrase)
        case trial:
            return trial


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
