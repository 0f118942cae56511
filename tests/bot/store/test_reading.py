"""Reading where nothing can be written: evidence stays as it is, byte by byte, and what is in its WAL file counts."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot.audit_log.files import verify_files
from bot.audit_log.log import AuditLog, EventKind
from bot.store.audit_chain import AuditKey, AuditKeys
from bot.store.database import Database
from bot.store.errors import DatabaseUnavailable
from bot.store.sqlite import SqliteConnection

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
KEY = AuditKey(b"k" * 32)
ROOT = Path(__file__).parents[3]
EVENTS = 5


async def write_log(folder: Path) -> tuple[Path, Path]:
    """A database and its head file with some events, as a bot that runs leaves them: all are in the WAL file."""
    database = Database.open(folder / "flatnet.sqlite3")
    head = folder / "audit-head.jsonl"
    audit = await AuditLog.open(database, AuditKeys(KEY), head, lambda: NOW)
    for number in range(EVENTS):
        await audit.record(EventKind.REQUEST, "ana", f"op-{number}", {"text": "health"})
    copied = folder.parent / "evidence"
    copied.mkdir()
    for file in (database.path, database.path.with_name(f"{database.path.name}-wal"), head):
        shutil.copy(file, copied)
    await audit.aclose()
    await database.aclose()
    return copied / "flatnet.sqlite3", copied / "audit-head.jsonl"


@pytest.fixture
async def evidence(tmp_path: Path) -> AsyncIterator[tuple[Path, Path]]:
    database, head = await write_log(tmp_path / "data")
    yield database, head
    for path in (database.parent, *database.parent.iterdir()):
        path.chmod(0o700)


def checkpoint(database: Path) -> None:
    """Move the events from the WAL file to the database file, as a bot that ends does."""
    line = SqliteConnection(database, 1.0)
    assert line.truncate_wal()
    line.close()


def protect(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Make all read-only; what is there."""
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    return state(folder)


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()}


@pytest.mark.parametrize("with_wal", [False, True], ids=["without a WAL file", "with a WAL file"])
async def test_a_log_on_a_read_only_medium_is_verified_whole_and_nothing_is_written(
    evidence: tuple[Path, Path], with_wal: bool
) -> None:
    database, head = evidence
    if not with_wal:
        checkpoint(database)
    before = protect(database.parent)
    assert ("flatnet.sqlite3-wal" in before) is with_wal
    verified = verify_files(database, head, [KEY])
    assert (EVENTS, None) == (verified.count, verified.problem)
    assert before == state(database.parent)


@pytest.mark.parametrize("changed", ["flatnet.sqlite3", "."], ids=["the file", "the folder"])
async def test_one_read_only_part_is_enough(evidence: tuple[Path, Path], changed: str) -> None:
    database, head = evidence
    checkpoint(database)
    (database.parent / changed).chmod(0o555)
    before = state(database.parent)
    assert verify_files(database, head, [KEY]).problem is None
    assert before == state(database.parent)


async def test_a_log_whose_wal_file_is_missing_is_behind_its_head_file(evidence: tuple[Path, Path]) -> None:
    """Events that were never moved into the database file are missing, and that is said."""
    database, head = evidence
    checkpoint_less = database.with_name("flatnet.sqlite3-wal")
    checkpoint(database)
    with head.open("ab") as file:
        file.write(head.read_bytes().splitlines(keepends=True)[-1].replace(b'"sequence":5', b'"sequence":6'))
    checkpoint_less.unlink(missing_ok=True)
    protect(database.parent)
    assert verify_files(database, head, [KEY]).problem is not None


async def test_where_no_copy_can_be_made_it_says_how(
    evidence: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    database, head = evidence
    protect(database.parent)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(DatabaseUnavailable, match=r"has a WAL file, and could not be copied to .*Set TMPDIR"):
        verify_files(database, head, [KEY])


VERIFY = """
import os, sys, tempfile
from pathlib import Path
from tempfile import TemporaryDirectory
from bot.audit_log.files import verify_files
from bot.store.audit_chain import AuditKey
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
opened = []
sys.addaudithook(lambda event, arguments: opened.append(arguments) if event == "open" else None)
folder = Path(sys.argv[1])
verified = verify_files(folder / "flatnet.sqlite3", folder / "audit-head.jsonl", [AuditKey(b"k" * 32)])
writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
written = [each for each in opened if str(folder) in str(each[0]) and each[2] & writing]
print(os.geteuid() != 0, verified.count, verified.problem, written)
"""


@pytest.mark.parametrize("with_wal", [False, True], ids=["without a WAL file", "with a WAL file"])
async def test_a_user_who_may_only_read_verifies_it(evidence: tuple[Path, Path], with_wal: bool) -> None:
    """In a process of a user without any rights, because root does not notice modes."""
    database, _ = evidence
    if not with_wal:
        checkpoint(database)
    with TemporaryDirectory() as reachable:
        folder = shutil.copytree(database.parent, Path(reachable) / "evidence")
        Path(reachable).chmod(0o755)
        before = protect(folder)
        command = [sys.executable, "-c", VERIFY, str(folder)]
        environment = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
        assert before == state(folder)
        folder.chmod(0o700)
    assert f"True {EVENTS} None []\n" == done.stdout, done.stderr
