"""Starting again: a head file that only lags is caught up, and every other disagreement is trouble that stays."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bot.audit_log.files import HeadUnavailable
from bot.store.audit_chain import Verification
from tests.bot.audit_log.files import FIVE, KEY, OTHER, Files

RECORDER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.store.audit_chain import AuditKeys
from bot.audit_log.log import AuditLog, EventKind
from bot.store.audit_chain import AuditKey
from bot.store.database import Database

async def main():
    folder = Path(sys.argv[1])
    database = Database.open(folder / "flatnet.sqlite3")
    keys = AuditKeys(AuditKey(b"k" * 32))
    audit = await AuditLog.open(database, keys, folder / "audit-head.jsonl", lambda: datetime.now(UTC))
    async def record(number):
        await audit.record(EventKind.REQUEST, "ana", str(number), {})
        print(number, flush=True)
    for number in range(0, 1_000_000, 2):
        await asyncio.gather(record(number), record(number + 1))

asyncio.run(main())
"""


async def test_a_head_file_that_lags_is_caught_up(files: Files) -> None:
    """The bot died after the commit and before the line, or within the line."""
    await files.record(*FIVE)
    lines = files.lines()
    files.heads.write_text("".join(lines[:3]) + lines[3][:40])
    assert (await files.record()).intact
    assert files.lines()[-1] == lines[-1]
    assert files.verify().intact


async def test_whatever_a_killed_bot_had_recorded_is_there_and_the_log_goes_on(files: Files) -> None:
    """kill -9 at any instant between commit and line: confirmed events are kept, and the start finds no trouble."""
    with subprocess.Popen([sys.executable, "-c", RECORDER, files.folder], stdout=subprocess.PIPE, text=True) as bot:
        assert bot.stdout is not None
        confirmed = [bot.stdout.readline().strip() for _ in range(40)]
        bot.send_signal(signal.SIGKILL)
        confirmed += bot.stdout.read().split()
    assert (await files.record("after")).intact
    with closing(sqlite3.connect(files.database)) as line:
        recorded = [operation for (operation,) in line.execute("SELECT operation FROM audit ORDER BY sequence")]
    assert confirmed == recorded[: len(confirmed)]
    assert files.verify() == Verification(count=len(recorded), mac=files.verify().mac)


async def test_a_database_behind_the_head_file_is_trouble_and_stays_trouble(files: Files) -> None:
    """Copied back from an earlier time: reading goes on and is recorded, the head file stays as evidence."""
    await files.record("one", "two")
    shutil.copy(files.database, files.folder / "earlier")
    await files.record("three", "four")
    shutil.copy(files.folder / "earlier", files.database)
    evidence = files.lines()
    for words in (("new 3",), ("new 4", "new 5"), ()):
        audit = await files.record(*words)
        assert not audit.intact
        assert audit.trouble is not None
    assert evidence == files.lines()
    assert files.verify().problem is not None


async def test_a_lost_database_is_trouble(files: Files) -> None:
    await files.record("one", "two")
    files.database.unlink()
    assert "the audit log ends at event 0, but its head file at 2" in str((await files.record()).trouble)


async def test_a_lost_head_file_is_trouble_and_is_not_made_anew(files: Files) -> None:
    await files.record("one", "two")
    files.heads.unlink()
    assert "head file is missing or empty" in str((await files.record("three")).trouble)
    assert not files.heads.exists()


async def test_a_table_written_anew_is_trouble(files: Files, tmp_path: Path) -> None:
    await files.record("one", "two")
    forged = Files(tmp_path / "forged")
    await forged.record("one", "nothing", "and more")
    shutil.copy(forged.database, files.database)
    assert "audit event 2 does not match the head" in str((await files.record()).trouble)


async def test_another_key_is_trouble(files: Files) -> None:
    await files.record("one")
    assert "is not signed with a configured key" in str((await files.record(key=OTHER)).trouble)


async def test_a_key_that_was_exchanged_is_no_trouble_while_the_earlier_one_is_named(files: Files) -> None:
    await files.record("one")
    assert (await files.record("two", key=OTHER, earlier=(KEY,))).intact
    assert str((await files.record("three", key=OTHER)).trouble).startswith(
        f"audit event 1 is signed with the unknown key {KEY.id}. Add that key"
    )
    assert (await files.record("four", key=OTHER, earlier=(KEY,))).intact
    assert 4 == files.verify(OTHER, KEY).count


async def test_a_head_file_that_cannot_be_read_is_said(files: Files) -> None:
    files.heads.mkdir()
    with pytest.raises(HeadUnavailable, match="EISDIR"):
        await files.record()


@pytest.mark.parametrize("number", [2**63, 10**18 * 9 + 9 * 10**17, "-1", "01", " 1", "1.0", "NaN", '"1"'])
async def test_a_last_line_that_is_not_ours_is_passed_over(files: Files, number: object) -> None:
    """Neither a number that no event can have, nor another way to write one, stops a start."""
    await files.record("one")
    with files.heads.open("a") as file:
        file.write(f'{{"sequence":{number},"mac":"{"0" * 64}","at":"2026-01-31T09:00:00.000000Z"}}\n')
    assert (await files.record("two")).intact
    assert (2, None) == (files.verify().count, files.verify().problem)
