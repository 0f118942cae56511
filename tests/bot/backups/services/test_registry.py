"""The registry of backups: which rows follow from what a run did, and which never do."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.local.backups import RemoveBackup
from adapters.phrase import Phrase
from bot.audit_log.log import EventKind
from bot.backups.services.offsite import encode_manifest
from bot.backups.services.registry import BackupRegistry
from bot.backups.tables import BackupTable
from bot.store.database import Database
from bot.store.records import OperationRecord
from commands.backups.create import build_bot_part
from commands.backups.create_steps import BackupTask, build_backup_steps
from commands.certificates.ca_key.judgment import name_certificate
from commands.model.backup import Backup, BackupPart, PlaceState
from commands.model.plan import Part, Plan, PlannedAction, Result, Step, StepResult
from tests.bot.changes.workflow_team import Log
from tests.bot.records import running
from tests.commands import canned
from tests.commands.backups.made import make_backup
from tests.commands.certificates.ca_key.test_drills import DRILL as PASSED

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OPERATION = "op-0123456789ab"
A = canned.host("host-a", 1)
MADE = make_backup("host-a", AT)
MANIFEST = MADE.manifest.model_dump_json(indent=1).encode()
SHA256 = hashlib.sha256(MANIFEST).hexdigest()
PART = Part(host="host-a", steps=tuple(build_backup_steps(BackupTask(A, OPERATION, (BackupPart.NEBULA,)))))
KEYS = [step.key for step in PART.steps]
OWN = build_bot_part(OPERATION)


@dataclass(frozen=True)
class Trail:
    results: Mapping[str, StepResult] = field(default_factory=dict)
    undone: Mapping[str, StepResult] = field(default_factory=dict)
    touched: frozenset[str] = frozenset()


def came(key: str, result: Result = Result.DONE, sha256: str = SHA256) -> StepResult:
    product = {"sha256": sha256, "size": len(MANIFEST)}
    return StepResult(key=key, result=result, why=Phrase("no"), product=product, began_at=AT, ended_at=AT)


def whole(*parts: Part, sha256: str = SHA256) -> Trail:
    return Trail({step.key: came(step.key, sha256=sha256) for part in parts for step in part.steps})


def ran(*parts: Part) -> OperationRecord:
    return replace(running("host-a"), operation=OPERATION, plan=Plan(parts=parts))


@dataclass
class World:
    registry: BackupRegistry
    log: Log
    places: dict[str, bytes]

    async def known(self) -> list[str]:
        return [backup.host for backup in (await self.registry.read_known()).backups]

    def recorded(self) -> list[Mapping[str, object]]:
        return [data for kind, _, _, data in self.log.events if kind is EventKind.BACKUP]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    database = Database.open(tmp_path / "flatnet.sqlite3")
    log, places = Log(), {"host-a-0123456789ab": MANIFEST}

    def read(backup: str) -> bytes:
        if backup not in places:
            raise FileNotFoundError(backup)
        return places[backup]

    yield World(BackupRegistry(BackupTable(database), log, read), log, places)
    await database.aclose()


async def test_a_whole_part_is_a_backup_at_both_places_and_recorded_first(world: World) -> None:
    await world.registry.follow_run(ran(PART), whole(PART))
    backup = await world.registry.find(MADE.id)
    assert backup is not None
    assert (MADE.manifest, SHA256, AT) == (backup.manifest, backup.manifest_sha256, backup.checked_at)
    assert (PlaceState.WHOLE, PlaceState.WHOLE, None) == (backup.first, backup.second, backup.verified_at)
    expected = {"made": [{"id": MADE.id, "size": backup.size, "manifest": SHA256}], "removed": []}
    assert [expected] == world.recorded()


async def test_after_a_crash_the_same_run_makes_the_same_row_and_no_second_event(world: World) -> None:
    for _ in range(2):
        await world.registry.follow_run(ran(PART), whole(PART))
    assert (["host-a"], 1) == (await world.known(), len(world.recorded()))


@pytest.mark.parametrize("lacks", KEYS)
async def test_a_part_with_a_step_that_is_not_done_is_no_backup(world: World, lacks: str) -> None:
    trail = whole(PART)
    for results in (
        {key: result for key, result in trail.results.items() if key != lacks},
        {**trail.results, lacks: came(lacks, Result.FAILED)},
        {**trail.results, lacks: came(lacks, Result.UNKNOWN)},
    ):
        await world.registry.follow_run(ran(PART), Trail(results))
    await world.registry.follow_run(ran(PART), Trail(trail.results, {lacks: came(lacks, Result.UNDONE)}))
    assert ([], []) == (await world.known(), world.recorded())


async def test_a_manifest_that_is_not_the_one_of_the_signed_outcome_makes_no_row(world: World) -> None:
    await world.registry.follow_run(ran(PART), whole(PART, sha256="0" * 64))
    world.places["host-a-0123456789ab"] = b"{}"
    await world.registry.follow_run(ran(PART), whole(PART, sha256=hashlib.sha256(b"{}").hexdigest()))
    del world.places["host-a-0123456789ab"]
    await world.registry.follow_run(ran(PART), whole(PART))
    assert ([], []) == (await world.known(), world.recorded())


async def test_further_steps_of_the_part_that_fail_leave_the_backup_which_came_first(world: World) -> None:
    """As in a restore: its own steps have other keys."""
    more = PART.steps[0].model_copy(update={"key": "host-a/restore/swap"})
    part = PART.model_copy(update={"steps": (*PART.steps, more)})
    trail = Trail({**whole(PART).results, more.key: came(more.key, Result.FAILED)})
    await world.registry.follow_run(ran(part), trail)
    assert ["host-a"] == await world.known()


async def test_a_backup_of_the_bot_has_one_place(world: World) -> None:
    manifest = MADE.manifest.model_copy(update={"id": "flatnet-bot-0123456789ab", "host": "flatnet-bot"})
    content = manifest.model_dump_json().encode()
    world.places["flatnet-bot-0123456789ab"] = content
    await world.registry.follow_run(ran(OWN), whole(OWN, sha256=hashlib.sha256(content).hexdigest()))
    (backup,) = (await world.registry.read_known()).backups
    assert (PlaceState.NONE, PlaceState.WHOLE) == (backup.first, backup.second)


@pytest.mark.parametrize(("result", "kept"), [(Result.DONE, False), (Result.UNCHANGED, False), (Result.FAILED, True)])
async def test_a_removal_that_is_done_takes_the_row(world: World, result: Result, kept: bool) -> None:
    await world.registry.table.store([MADE])
    deed = PlannedAction.of(RemoveBackup(backup=MADE.id))
    step = Step(key=f"{MADE.id}/second", host="flatnet-bot", deed=deed, phrase=Phrase("remove"))
    await world.registry.follow_run(ran(Part(host="host-a", steps=(step,))), Trail({step.key: came(step.key, result)}))
    assert (["host-a"] if kept else []) == await world.known()


async def test_a_row_is_attested_only_as_the_audit_log_has_it(world: World) -> None:
    """Otherwise an edited row, with a file of its own at the second place, would be a backup to put back."""
    operation = MADE.manifest.operation
    await world.registry.follow_run(replace(ran(PART), operation=operation), whole(PART))
    made = await world.registry.find(MADE.id)
    assert made is not None
    (part,) = made.manifest.parts
    forged = made.manifest.model_copy(update={"parts": (part.model_copy(update={"sha256": "0" * 64}),)})
    fitting = hashlib.sha256(encode_manifest(forged)).hexdigest()
    rows = (made, made.model_copy(update={"manifest": forged}), Backup(manifest=forged, manifest_sha256=fitting))
    assert [True, False, False] == [await world.registry.attest(row) for row in rows]

    world.places.clear()
    assert await world.registry.attest(made)
    world.log.forget(operation, EventKind.BACKUP)
    assert not await world.registry.attest(made)


async def test_a_drill_is_attested_only_where_it_has_passed(world: World) -> None:
    passed = {"passed": name_certificate(PASSED), "fingerprint": "f" * 64, "authority": PASSED.authority}
    row = PASSED.model_copy(update={"fingerprint": "f" * 64})
    await world.log.record(EventKind.DRILL, "ana", "op-1", {"opened": name_certificate(row), "authority": row.authority})
    assert not await world.registry.attest(row)

    await world.log.record(EventKind.DRILL, "ana", "op-2", passed)
    assert await world.registry.attest(row)
    assert not await world.registry.attest(row.model_copy(update={"public_key": "another"}))
    assert not await world.registry.attest(row.model_copy(update={"authority": "0" * 64}))
