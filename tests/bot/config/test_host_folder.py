"""Files of the host folder are written whole, and can be put back."""

import hashlib
from pathlib import Path

import pytest

from bot.config.host_folder import KEPT_OPERATIONS, HostFolder
from bot.config.hosts import find_host_file

OLD, NEW = b"old\n", b"new\n"


@pytest.fixture
def folder(tmp_path: Path) -> HostFolder:
    return HostFolder(tmp_path)


def read(folder: HostFolder) -> bytes | None:
    file = find_host_file(folder.data_folder, "host-b")
    return file.read_bytes() if file.exists() else None


@pytest.mark.parametrize("before", [None, OLD])
@pytest.mark.parametrize("after", [None, NEW])
def test_a_change_is_restored_to_what_was_before(folder: HostFolder, before: bytes | None, after: bytes | None) -> None:
    if before is not None:
        folder.write("host-b", before)
    folder.keep("op-1", "host-b")
    folder.remove("host-b") if after is None else folder.write("host-b", after)
    assert after == read(folder)
    folder.keep("op-1", "host-b")  # begun again after a crash: what was before stays
    assert (before != after) == folder.restore("op-1", "host-b")
    assert before == read(folder)
    assert not folder.restore("op-1", "host-b")


def test_an_operation_that_never_touched_a_file_restores_nothing(folder: HostFolder) -> None:
    folder.write("host-b", NEW)
    assert not folder.restore("op-1", "host-b")
    assert NEW == read(folder)


def test_the_hash_is_that_of_the_bytes(folder: HostFolder) -> None:
    assert "" == folder.hash_file("host-b")
    folder.write("host-b", NEW)
    assert hashlib.sha256(NEW).hexdigest() == folder.hash_file("host-b")


def test_others_cannot_read_or_change_the_files(folder: HostFolder) -> None:
    folder.write("host-b", NEW)
    file = find_host_file(folder.data_folder, "host-b")
    assert (0, 0) == (file.stat().st_mode & 0o027, file.parent.stat().st_mode & 0o027)
    assert ["host-b.toml"] == [path.name for path in file.parent.iterdir()]


def test_what_was_left_of_a_write_that_was_cut_short_is_no_obstacle(folder: HostFolder) -> None:
    folder.write("host-b", OLD)
    find_host_file(folder.data_folder, "host-b").with_name(".host-b.toml.new").write_bytes(b"half")
    folder.write("host-b", NEW)
    assert NEW == read(folder)


def test_a_bounded_number_of_earlier_states_is_kept(folder: HostFolder) -> None:
    for number in range(KEPT_OPERATIONS + 5):
        folder.keep(f"op-{number}", "host-b")
    assert KEPT_OPERATIONS == len(list((folder.data_folder / "changes").iterdir()))
