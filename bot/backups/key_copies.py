"""Registry of encrypted copies of CA keys: what runs made and read back, from their signed outcomes.

end of a run ─ signed outcomes ─▶ one row for each copy      (again after a crash: the same row)
"""

from collections.abc import Sequence

from adapters.action_registry import get_kind
from adapters.local.key_backups import ReadStoredKey
from adapters.nebula.certificates import parse_pem
from adapters.windows.key_backup import ProtectKey
from bot.model.run_trail import RunTrail, are_done
from bot.store.key_backups import KeyBackupTable
from bot.store.records import OperationRecord
from commands.model.backup import KeyBackup, PlaceState
from commands.model.certificates import MAX_TEXT
from commands.model.plan import Part, Step


class KeyCopyRegistry:
    """Copies of all CA keys. Every method may raise a `DatabaseError`."""

    def __init__(self, table: KeyBackupTable) -> None:
        self.table = table

    async def follow_run(self, record: OperationRecord, trail: RunTrail) -> None:
        """Records what a run made (`bot.changes.repository.RunFollower`). Only those of a whole part count."""
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
