"""The second place of copies of CA keys: written, read back, removed."""

import hashlib
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.errors import ActionFailed
from adapters.key_backup import KEY_FILES
from adapters.local.key_backups import ReadStoredKey, RemoveStoredKey, StoredKeyCopy, WriteKeyFile
from adapters.nebula.certificates import parse_pem
from adapters.transfer import SpoolState
from bot.app.backup_files import SecondPlace
from bot.app.key_backup_files import KeyBackupActions
from bot.changes.services.step_binding import OwnActions
from tests.adapters.windows.key_backup_cases import ID, PEOPLE
from tests.adapters.windows.nebula_hosts import CA, EXPIRED, NOW
from tests.adapters.windows.test_key_backup_contract import make_by_twin
from tests.lab.recipients import make_holder

MADE, FILES = make_by_twin()
AUTHORITY = parse_pem(CA)[0].fingerprint
READ = ReadStoredKey(
    backup=ID,
    authority=AUTHORITY,
    key_sha256=MADE.key_sha256,
    certificate_sha256=MADE.certificate_sha256,
    manifest_sha256=MADE.manifest_sha256,
    recipients=tuple(person.recipient for person in PEOPLE),
)


def perform_at(place: SecondPlace) -> OwnActions:
    actions = OwnActions()
    KeyBackupActions(lambda: place).add_to(actions)
    return actions


@pytest.fixture
def own(tmp_path: Path) -> OwnActions:
    return perform_at(SecondPlace(tmp_path / "backups"))


async def write(own: OwnActions) -> None:
    for name in KEY_FILES:
        sink = WriteKeyFile(backup=ID, name=name, size=len(FILES[name]), sha256=hashlib.sha256(FILES[name]).hexdigest())
        await own.perform(sink)
        await own.perform(sink.model_copy(update={"move": "write", "data": FILES[name]}))
        done = SpoolState.model_validate(await own.perform(sink.model_copy(update={"move": "finish"})))
        assert (sink.size, sink.sha256) == (done.received, done.sha256)


async def read(own: OwnActions, action: ReadStoredKey = READ) -> StoredKeyCopy:
    return StoredKeyCopy.model_validate(await own.perform(action))


async def test_a_copy_that_arrived_is_whole_right_and_readable_by_the_bot_alone(own: OwnActions, tmp_path: Path) -> None:
    await write(own)
    assert StoredKeyCopy(present=True, whole=True, right=True, at=MADE.at) == await read(own)
    folder = tmp_path / "backups/ca" / ID
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "backups", folder, *folder.iterdir())]
    assert [0o700, 0o700, 0o600, 0o600, 0o600] == modes
    assert MADE.at == NOW.replace(microsecond=0)


async def test_a_copy_that_is_there_already_is_not_written_again(own: OwnActions) -> None:
    await write(own)
    sink = WriteKeyFile(backup=ID, name="ca.crt", size=len(FILES["ca.crt"]), sha256=MADE.certificate_sha256)
    found = SpoolState.model_validate(await own.perform(sink))
    assert (MADE.certificate_sha256, False) == (found.sha256, found.changed)


def flip(content: bytes) -> bytes:
    return content[:200] + bytes([content[200] ^ 1]) + content[201:]


@pytest.mark.parametrize("name", KEY_FILES)
@pytest.mark.parametrize("change", [flip, lambda content: content[:-20], lambda content: b""])
async def test_a_file_that_was_changed_or_cut_is_found(
    own: OwnActions, tmp_path: Path, name: str, change: Callable[[bytes], bytes]
) -> None:
    await write(own)
    (tmp_path / "backups/ca" / ID / name).write_bytes(change(FILES[name]))
    found = await read(own)
    assert (True, False) == (found.present, found.whole)


async def test_a_copy_for_other_people_or_of_another_ca_is_not_right(own: OwnActions) -> None:
    await write(own)
    other = {"recipients": (PEOPLE[0].recipient, make_holder("Mallory").recipient)}
    fewer = {"recipients": (PEOPLE[0].recipient,)}
    expired = {"authority": parse_pem(EXPIRED.certificate)[0].fingerprint}
    for asked in (other, fewer, expired):
        found = await read(own, READ.model_copy(update=asked))
        assert (True, False) == (found.whole, found.right)


async def test_a_copy_under_another_name_is_not_right(own: OwnActions, tmp_path: Path) -> None:
    await write(own)
    renamed = "lighthouse-ba9876543210"
    (tmp_path / "backups/ca" / ID).rename(tmp_path / "backups/ca" / renamed)
    found = await read(own, READ.model_copy(update={"backup": renamed}))
    assert (True, False) == (found.whole, found.right)
    assert StoredKeyCopy(present=False) == await read(own)


async def test_a_copy_is_removed_with_its_folder_and_only_once(own: OwnActions, tmp_path: Path) -> None:
    await write(own)
    removed = [StoredKeyCopy.model_validate(await own.perform(RemoveStoredKey(backup=ID))) for _ in range(2)]
    assert [True, False] == [each.changed for each in removed]
    assert [] == list((tmp_path / "backups/ca").iterdir())


async def test_a_link_in_the_place_of_a_file_is_not_followed(own: OwnActions, tmp_path: Path) -> None:
    await write(own)
    file = tmp_path / "backups/ca" / ID / "ca-key.cms"
    file.unlink()
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ActionFailed, match=r"ca-key\.cms"):
        await read(own)


async def test_nothing_is_written_below_a_second_place_that_is_not_mounted(tmp_path: Path) -> None:
    absent = SecondPlace(tmp_path / "mount", made_by_bot=False)
    with pytest.raises(ActionFailed, match="is not there"):
        await write(perform_at(absent))
    assert [] == list(tmp_path.iterdir())


async def test_folders_that_others_could_enter_are_closed_and_a_link_is_no_folder(own: OwnActions, tmp_path: Path) -> None:
    (tmp_path / "backups/ca").mkdir(parents=True)
    (tmp_path / "backups/ca").chmod(0o777)
    await write(own)
    assert 0o700 == stat.S_IMODE((tmp_path / "backups/ca").stat().st_mode)

    (tmp_path / "backups/ca").rename(tmp_path / "elsewhere")
    (tmp_path / "backups/ca").symlink_to(tmp_path / "elsewhere")
    await own.perform(RemoveStoredKey(backup=ID))
    with pytest.raises(ActionFailed, match="is a link"):
        await write(own)
