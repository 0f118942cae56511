"""The second place of backups: what is written there, who can enter it, and what it refuses."""

import hashlib
import io
import os
import sqlite3
import stat
import tarfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.errors import ActionFailed
from adapters.local.backups import (
    BackupPresence,
    PackDatabase,
    Packed,
    PartToSeal,
    ReadBackupFile,
    ReadBackupFileState,
    ReadBackupPresence,
    RemoveBackup,
    RemoveBackupFile,
    SealBackup,
    WriteBackupFile,
)
from adapters.transfer import SpoolState
from bot.app.backup_files import BackupActions, OwnData, SecondPlace
from bot.app.files import SPARE_BYTES
from bot.changes.services.step_binding import OwnActions
from bot.store.database import Database
from commands.model.backup import BackupManifest

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BACKUP = "host-a-0123456789ab"


def make_archive() -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("config.yaml")
        entry.size = 5
        tar.addfile(entry, io.BytesIO(b"pki:\n"))
    return archive.getvalue()


CONTENT = make_archive()
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SINK = WriteBackupFile(backup=BACKUP, name="nebula.tar", size=len(CONTENT), sha256=SHA256)
STATE = ReadBackupFileState(backup=BACKUP, name="nebula.tar", sha256=SHA256)
SEAL = SealBackup(
    backup=BACKUP,
    host="host-a",
    operation="op-0123456789ab",
    parts=(PartToSeal(part="nebula", file="nebula.tar", folder=r"F:\flatnet\config\nebula"),),
)


def perform_at(place: SecondPlace, folder: Path) -> OwnActions:
    own = OwnActions()
    data = OwnData(folder / "flatnet.sqlite3", folder / "audit-head.jsonl")
    BackupActions(lambda: place, data, lambda: AT).add_to(own)
    return own


@pytest.fixture
def place(tmp_path: Path) -> SecondPlace:
    return SecondPlace(tmp_path / "backups")


@pytest.fixture
def own(tmp_path: Path, place: SecondPlace) -> OwnActions:
    return perform_at(place, tmp_path)


async def write(own: OwnActions) -> None:
    await own.perform(SINK)
    await own.perform(SINK.model_copy(update={"move": "write", "data": CONTENT}))
    await own.perform(SINK.model_copy(update={"move": "finish"}))


def list_modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(each.stat().st_mode) for each in (folder, *folder.rglob("*"))}


async def test_a_part_arrives_is_sealed_and_can_be_read_again(own: OwnActions, place: SecondPlace) -> None:
    await write(own)
    assert SpoolState(received=len(CONTENT), sha256=SHA256, whole=True) == await own.perform(STATE)
    sealed = await own.perform(SEAL)
    content = place.read_manifest(BACKUP)
    assert Packed(size=len(content), sha256=hashlib.sha256(content).hexdigest()) == sealed
    manifest = BackupManifest.model_validate_json(content)
    assert [("config.yaml", 5)] == [(each.path, each.size) for each in manifest.parts[0].files]
    assert (SHA256, AT) == (manifest.parts[0].sha256, manifest.at)
    piece = await own.perform(ReadBackupFile(backup=BACKUP, name="nebula.tar", offset=512))
    assert CONTENT[512:] == getattr(piece, "data", b"")


async def test_nobody_but_the_bot_can_enter_it(own: OwnActions, place: SecondPlace) -> None:
    place.folder.mkdir(mode=0o755)
    await write(own)
    await own.perform(SEAL)
    assert {0o700, 0o600} == list_modes(place.folder)


async def test_a_configured_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    own = perform_at(SecondPlace(tmp_path / "mount", made_by_bot=False), tmp_path)
    with pytest.raises(ActionFailed, match=r"is not there\. Create it, or mount its disk, then try again"):
        await own.perform(SINK)
    assert [] == list(tmp_path.iterdir())


async def test_a_full_disk_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    own = perform_at(SecondPlace(tmp_path / "backups", measure_free=lambda folder: SPARE_BYTES + 1), tmp_path)
    with pytest.raises(ActionFailed, match="too little free space"):
        await own.perform(SINK)
    assert SpoolState(received=0) == await own.perform(STATE)


async def test_a_place_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "backups").write_text("a file in its place")
    with pytest.raises(ActionFailed, match=r"could not use .* Check its owner, its mode and the free space"):
        await perform_at(SecondPlace(tmp_path / "backups"), tmp_path).perform(SINK)


async def test_the_last_file_of_a_backup_takes_its_folder_with_it(own: OwnActions, place: SecondPlace) -> None:
    await write(own)
    assert SpoolState(received=0, changed=True) == await own.perform(RemoveBackupFile(backup=BACKUP, name="nebula.tar"))
    assert [] == list(place.folder.iterdir())


async def test_a_backup_is_removed_once(own: OwnActions) -> None:
    await write(own)
    await own.perform(SEAL)
    assert BackupPresence(present=True) == await own.perform(ReadBackupPresence(backup=BACKUP))
    assert BackupPresence(present=False, changed=True) == await own.perform(RemoveBackup(backup=BACKUP))
    assert BackupPresence(present=False) == await own.perform(RemoveBackup(backup=BACKUP))
    assert BackupPresence(present=False) == await own.perform(ReadBackupPresence(backup=BACKUP))


@pytest.mark.parametrize("name", ["README", "folder/x", "..x"])
async def test_a_folder_with_something_else_in_it_is_not_removed(own: OwnActions, place: SecondPlace, name: str) -> None:
    await write(own)
    other = place.folder / BACKUP / name
    other.parent.mkdir(exist_ok=True)
    other.write_text("mine")
    with pytest.raises(ActionFailed, match="has something else in it"):
        await own.perform(RemoveBackup(backup=BACKUP))
    assert other.exists()


async def test_a_link_in_place_of_a_backup_is_not_followed(own: OwnActions, place: SecondPlace, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "nebula.tar").write_text("mine")
    place.folder.mkdir()
    (place.folder / BACKUP).symlink_to(elsewhere)
    with pytest.raises(ActionFailed, match="has something else in it"):
        await own.perform(RemoveBackup(backup=BACKUP))
    assert (elsewhere / "nebula.tar").exists()


@pytest.mark.parametrize("name", ["nebula.tar", "nebula.tar.part"])
async def test_what_is_no_plain_file_is_neither_read_nor_written(
    own: OwnActions, place: SecondPlace, tmp_path: Path, name: str
) -> None:
    """A share may have a link to the bot's own files there, or a pipe, on which it would wait for good."""
    (tmp_path / "secret").write_bytes(b"")
    write_again = SINK.model_copy(update={"move": "write", "data": CONTENT})
    for make in (lambda file: file.symlink_to(tmp_path / "secret"), os.mkfifo):
        await own.perform(SINK)
        (place.folder / BACKUP / name).unlink(missing_ok=True)
        make(place.folder / BACKUP / name)
        for action in (STATE, ReadBackupFile(backup=BACKUP, name=name)) if name == STATE.name else (write_again,):
            with pytest.raises(ActionFailed, match=r"could not use .*nebula\.tar"):
                await own.perform(action)
        (place.folder / BACKUP / name).unlink()
    assert b"" == (tmp_path / "secret").read_bytes()


async def test_the_database_is_copied_while_it_is_open_with_the_head_beside_it(own: OwnActions, tmp_path: Path) -> None:
    database = Database.open(tmp_path / "flatnet.sqlite3")
    try:
        (tmp_path / "audit-head.jsonl").write_text("{}\n")
        packed = await own.perform(PackDatabase(backup="flatnet-bot-0123456789ab", name="bot.tar"))
    finally:
        await database.aclose()
    file = tmp_path / "backups" / "flatnet-bot-0123456789ab" / "bot.tar"
    assert ["bot.tar"] == [each.name for each in file.parent.iterdir()]
    assert Packed(size=file.stat().st_size, sha256=hashlib.sha256(file.read_bytes()).hexdigest()) == packed
    with tarfile.open(file) as archive:
        assert ["audit-head.jsonl", "flatnet.sqlite3"] == archive.getnames()
        archive.extractall(tmp_path / "out", filter="data")
    with closing(sqlite3.connect(tmp_path / "out" / "flatnet.sqlite3")) as copy:
        assert ("ok",) == copy.execute("PRAGMA integrity_check").fetchone()


async def test_what_a_bot_that_was_killed_left_of_its_copy_goes_with_the_rollback(
    own: OwnActions, place: SecondPlace
) -> None:
    place.open("flatnet-bot-0123456789ab")
    left = [place.folder / "flatnet-bot.part", place.folder / "flatnet-bot.part-journal"]
    for file in left:
        file.write_bytes(b"half a database")
    await own.perform(RemoveBackupFile(backup="host-a-0123456789ab", name="nebula.tar"))
    assert all(file.exists() for file in left)
    await own.perform(RemoveBackupFile(backup="flatnet-bot-0123456789ab", name="bot.tar"))
    assert [] == list(place.folder.iterdir())


async def test_a_database_that_cannot_be_read_leaves_nothing_behind(own: OwnActions, tmp_path: Path) -> None:
    (tmp_path / "flatnet.sqlite3").write_bytes(b"not a database" * 1_000)
    with pytest.raises(ActionFailed):
        await own.perform(PackDatabase(backup="flatnet-bot-0123456789ab", name="bot.tar"))
    assert [] == [each for each in (tmp_path / "backups").rglob("*") if each.is_file()]
