"""Registry of backups: derives the rows from what runs did, and returns what is known.

end of a run ─ signed outcomes ─▶ an audit event ─▶ one row for each backup that was made or removed    (again after a crash)

What `backup verify` finds is recorded by `bot.backups.services.verifier`.

Registry of encrypted copies of CA keys: what runs made and read back, from their signed outcomes.

end of a run ─ signed outcomes ─▶ one row for each copy      (again after a crash: the same row)
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence

import structlog
from pydantic import ValidationError

from adapters.action import BOT_NAME
from adapters.action_registry import get_kind
from adapters.local.backups import RemoveBackup, SealBackup
from adapters.local.key_backups import ReadStoredKey
from adapters.nebula.certificates import parse_pem
from adapters.windows.key_backup import ProtectKey
from bot.audit_log.log import EventKind
from bot.audit_log.ports import SignedLog
from bot.backups.rules import is_attested_backup, is_attested_drill
from bot.backups.services.offsite import encode_manifest
from bot.backups.tables import BackupTable, KeyBackupTable
from bot.model.change import RunTrail, are_done
from bot.store.records import OperationRecord
from commands.model.backup import Backup, BackupManifest, Drill, KeyBackup, KnownBackups, PlaceState
from commands.model.certificates import MAX_TEXT
from commands.model.plan import Part, Plan, Step, StepResult

_log = structlog.get_logger("bot.backups.services.registry")

ReadManifest = Callable[[str], bytes]
"""Reads the manifest of a backup at the second place. Raises an `OSError`. Blocking."""


class BackupRegistry:
    """Backups as rows. Every method may raise a `DatabaseError`."""

    def __init__(self, table: BackupTable, audit: SignedLog, read_manifest: ReadManifest) -> None:
        self.table = table
        self._audit = audit
        self._read_manifest = read_manifest

    async def read_known(self) -> KnownBackups:
        """Reads what is known of all backups."""
        return await self.table.read_known()

    async def attest(self, row: Backup | Drill) -> bool:
        """Returns whether signed events say what a row says: how a backup was made, or that a drill has passed."""
        if isinstance(row, Drill):
            return is_attested_drill(row, await self._audit.find_all_signed(EventKind.DRILL))
        events = await self._audit.find_signed(row.manifest.operation, EventKind.BACKUP)
        return is_attested_backup(row, events, await asyncio.to_thread(lambda: list(self._list_contents(row))))

    async def find(self, name: str) -> Backup | None:
        """Finds a backup, with the files of its parts."""
        return await self.table.find(name)

    async def follow_run(self, record: OperationRecord, trail: RunTrail) -> None:
        """Records the backups that a run made and those that it removed, as `changes.services.repository.RunFollower`."""
        plan, operation = record.plan, record.operation
        made = [backup for part in plan.parts for backup in await asyncio.to_thread(self._derive_made, part, trail)]
        removed = tuple(derive_removed(plan, trail))
        if not made and not removed:
            return
        if not await self._audit.find_signed(operation, EventKind.BACKUP):
            event = {
                "made": [{"id": each.id, "size": each.size, "manifest": each.manifest_sha256} for each in made],
                "removed": list(removed),
            }
            await self._audit.record(EventKind.BACKUP, record.requester, operation, event)
        await self.table.store(made)
        if removed:
            await self.table.mark_removed(removed, max(result.ended_at for result in trail.results.values()))

    def _derive_made(self, part: Part, trail: RunTrail) -> list[Backup]:
        """Derives the backups that a part made. Blocking."""
        seals = [seal for seal in find_seals(part) if are_done(list_own_steps(part, seal), trail)]
        made = (self._describe_made(part, seal, trail.results[seal.key]) for seal in seals)
        return [backup for backup in made if backup is not None]

    def _describe_made(self, part: Part, seal: Step, result: StepResult) -> Backup | None:
        sha256 = str(result.product.get("sha256", ""))
        manifest = self._read_attested_manifest(str(seal.deed.arguments["backup"]), sha256)
        if manifest is None:
            return None
        return Backup(
            manifest=manifest,
            manifest_sha256=sha256,
            first=find_first_state(part, seal),
            second=PlaceState.WHOLE,
            checked_at=result.ended_at,
        )

    def _list_contents(self, backup: Backup) -> Iterator[bytes]:
        """Lists the bytes that may be a backup's manifest: as this version writes it, and as it lies at the second place."""
        yield encode_manifest(backup.manifest)
        try:
            yield self._read_manifest(backup.id)
        except OSError as error:
            _log.warning("the manifest of a backup cannot be read", backup=backup.id, why=type(error).__name__)

    def _read_attested_manifest(self, backup: str, sha256: str) -> BackupManifest | None:
        """Reads a manifest whose bytes have the hash of the signed outcome; None for any other."""
        try:
            content = self._read_manifest(backup)
            if hashlib.sha256(content).hexdigest() == sha256:
                return BackupManifest.model_validate_json(content)
        except (OSError, ValidationError) as error:
            _log.warning("the manifest of a backup cannot be read", backup=backup, why=type(error).__name__)
            return None
        _log.warning("the manifest of a backup is not the one that was made", backup=backup)
        return None


def find_seals(part: Part) -> Iterator[Step]:
    """Finds the steps of a part that make a manifest."""
    return (step for step in part.steps if step.deed.kind == get_kind(SealBackup))


def list_own_steps(part: Part, seal: Step) -> list[Step]:
    """Lists the steps of the backup that a step seals: they share the beginning of its key."""
    prefix = seal.key.rpartition("/")[0] + "/"
    return [step for step in part.steps if step.key.startswith(prefix)]


def find_first_state(part: Part, seal: Step) -> PlaceState:
    """Finds the state of the first place after a run that is done. Without Windows there is none, and none of the bot."""
    at_host = any(step.host != BOT_NAME and step.deed.side == "windows" for step in list_own_steps(part, seal))
    return PlaceState.WHOLE if at_host else PlaceState.NONE


def derive_removed(plan: Plan, trail: RunTrail) -> Iterator[str]:
    """Derives the backups whose part of a run is done and removed them from the second place, which comes last."""
    for part in plan.parts:
        for step in part.steps:
            if step.deed.kind == get_kind(RemoveBackup) and are_done([step], trail):
                yield str(step.deed.arguments["backup"])


class KeyCopyRegistry:
    """Copies of all CA keys. Every method may raise a `DatabaseError`."""

    def __init__(self, table: KeyBackupTable) -> None:
        self.table = table

    async def follow_run(self, record: OperationRecord, trail: RunTrail) -> None:
        """Records what a run made (`bot.changes.services.repository.RunFollower`). Only those of a whole part count."""
        parts = (part for part in record.plan.parts if _find_step(part, ProtectKey) is not None)
        derived = [derive_key_backup(record.operation, part, trail) for part in parts]
        await self.table.store([copy for copy in derived if copy is not None])


def derive_key_backup(operation: str, part: Part, trail: RunTrail) -> KeyBackup | None:
    """Derives the copy that a part made and read back at both places; None unless all of its steps are done and stand."""
    protect, check = _find_step(part, ProtectKey), _find_step(part, ReadStoredKey)
    if protect is None or check is None or not are_done(part.steps, trail):
        return None
    certificate = _find_value(protect, "certificate", trail)
    try:
        (ca,) = parse_pem(certificate)
    except ValueError:
        return None
    made, checked_at = trail.results[protect.key].product, trail.results[check.key].ended_at
    return KeyBackup.model_validate(
        {
            "id": str(protect.deed.arguments["id"]),
            "authority": ca.fingerprint,
            "name": ca.name[:MAX_TEXT],
            "recipients": tuple(_list_recipients(protect)),
            "size": made.get("key_size"),
            "sha256": made.get("key_sha256"),
            "certificate_sha256": made.get("certificate_sha256"),
            "manifest_sha256": made.get("manifest_sha256"),
            "at": trail.results[protect.key].ended_at,
            "operation": operation,
            "first": PlaceState.WHOLE,
            "second": PlaceState.WHOLE,
            "checked_at": checked_at,
            "verified_at": checked_at,
        }
    )


def _find_step(part: Part, kind: type[ProtectKey] | type[ReadStoredKey]) -> Step | None:
    return next((step for step in part.steps if step.deed.kind == get_kind(kind)), None)


def _find_value(step: Step, name: str, trail: RunTrail) -> str:
    """Finds an argument of a step that the plan has, or that an earlier step produced; "" if there is none."""
    product = step.deed.products.get(name)
    if product is None:
        return str(step.deed.arguments.get(name, ""))
    result = trail.results.get(product.step)
    return "" if result is None else str(result.product.get(product.field, ""))


def _list_recipients(step: Step) -> Sequence[str]:
    given = step.deed.arguments.get("recipients")
    found = given if isinstance(given, list | tuple) else ()
    return [str(each["sha256"]) for each in found if isinstance(each, dict)]
