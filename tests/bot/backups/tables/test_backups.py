"""The rows of backups: each comes back as it was, is stored once, and stays as a trace when it is removed."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from bot.backups.tables import BackupTable
from bot.store.database import Database
from bot.store.schema.tables import BACKUPS, DRILLS, KEY_BACKUPS
from commands.model.backup import Backup, BackupManifest, Drill, KeptFile, KeyBackup, KnownBackups, PlaceState
from tests.bot.store.conftest import Clock

SHA = "ab" * 32


@pytest.fixture
def table(database: Database) -> BackupTable:
    return BackupTable(database)


def backup(clock: Clock, host: str = "host-a", ago: float = 0.0) -> Backup:
    manifest = {
        "format": 1,
        "id": f"{host}-{int(ago):012d}",
        "host": host,
        "host_id": 1,
        "at": clock() - timedelta(seconds=ago),
        "operation": f"op-{int(ago):012d}",
        "parts": [{"part": "nebula", "file": "nebula.tar", "size": 7, "sha256": SHA, "folder": r"F:\flatnet\config"}],
        "missing": [{"path": "cni", "why": "unreachable"}],
        "versions": {"nebula": "1.9.3"},
    }
    return Backup(
        manifest=BackupManifest.model_validate(manifest),
        manifest_sha256=SHA,
        first=PlaceState.WHOLE,
        second=PlaceState.WHOLE,
        checked_at=clock(),
    )


async def test_backups_come_back_as_they_were_the_newest_first(table: BackupTable, clock: Clock) -> None:
    older, newer = backup(clock, ago=60), backup(clock)
    await table.store([older, newer])
    assert KnownBackups(backups=(newer, older)) == await table.read_known()


async def test_files_of_parts_come_with_one_backup_and_never_with_all(table: BackupTable, clock: Clock) -> None:
    """Each plan reads the list: with the files of a whole fleet it would take hundreds of megabytes."""
    bare, kept = backup(clock), KeptFile(path="config.yaml", size=7, sha256=SHA)
    (part,) = bare.manifest.parts
    parts = (part.model_copy(update={"files": (kept,)}),)
    whole = bare.model_copy(update={"manifest": bare.manifest.model_copy(update={"parts": parts})})
    await table.store([whole, backup(clock, "host-b")])

    assert bare == (await table.read_known()).find(bare.id)
    assert whole == await table.find(bare.id)
    assert None is await table.find("host-c-000000000000")
    await table.mark_removed([bare.id], clock())
    assert None is await table.find(bare.id)


async def test_a_backup_that_is_stored_again_stays_as_it_is(table: BackupTable, clock: Clock) -> None:
    await table.store([backup(clock)])
    await table.store([backup(clock).model_copy(update={"first": PlaceState.ABSENT})])
    assert (backup(clock),) == (await table.read_known()).backups


async def test_a_look_changes_what_it_found_alone(table: BackupTable, clock: Clock) -> None:
    await table.store([backup(clock)])
    found = {"first": PlaceState.DAMAGED, "fault": "one \0 byte", "verified_at": None}
    await table.record_check(backup(clock).model_copy(update={**found, "manifest_sha256": "cd" * 32}))
    (read,) = (await table.read_known()).backups
    assert (PlaceState.DAMAGED, "one \\x00 byte", SHA) == (read.first, read.fault, read.manifest_sha256)


async def test_a_removed_backup_is_not_known_and_no_look_brings_it_back(table: BackupTable, clock: Clock) -> None:
    await table.store([backup(clock), backup(clock, "host-b")])
    await table.mark_removed([backup(clock).id], clock())
    await table.record_check(backup(clock))
    await table.store([backup(clock)])
    assert ["host-b"] == [each.host for each in (await table.read_known()).backups]


async def test_a_damaged_row_hides_no_other(table: BackupTable, database: Database, clock: Clock) -> None:
    await table.store([backup(clock), backup(clock, "host-b"), backup(clock, "host-c")])
    await database.run(
        lambda connection: connection.execute(update(BACKUPS).where(BACKUPS.c.host == "host-a").values(manifest="{"))
    )
    await database.run(
        lambda connection: connection.execute(update(BACKUPS).where(BACKUPS.c.host == "host-b").values(first="gone"))
    )
    assert ["host-c"] == [each.host for each in (await table.read_known()).backups]


async def test_copies_of_keys_and_drills_are_known_beside_them(table: BackupTable, database: Database, clock: Clock) -> None:
    key = {
        "id": "lighthouse-0123456789ab",
        "authority": SHA,
        "name": "flatnet",
        "size": 900,
        "sha256": SHA,
        "certificate_sha256": SHA,
        "manifest_sha256": SHA,
        "at": clock(),
        "operation": "op-0123456789ab",
        "first": "whole",
        "second": "absent",
        "fault": "",
    }
    drill = {
        "authority": SHA,
        "public_key": "PEM",
        "opened_at": clock(),
        "ends_at": clock(),
        "opened_by": "ana",
        "passed_by": "",
        "fingerprint": "",
        "fault": "",
    }
    recipients = ("cd" * 32, "ef" * 32)
    await database.run(
        lambda connection: connection.execute(insert(KEY_BACKUPS), {**key, "recipients": " ".join(recipients)})
    )
    await database.run(lambda connection: connection.execute(insert(DRILLS), drill))
    expected = KnownBackups(
        keys=(KeyBackup.model_validate({**key, "recipients": recipients}),),
        drills=(Drill.model_validate({**drill, "number": 1}),),
    )
    assert expected == await table.read_known()
