"""What somebody does to the table or to the head file is found, and where it begins.

It is done as somebody with the operating system's rights would: with another program, triggers removed first.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.audit_log.log import AuditLog, EventKind
from bot.store.audit_chain import AuditKeys, Verification
from bot.store.audit_head_file import INITIAL_MAC
from bot.store.database import Database
from bot.store.errors import DatabaseDamaged
from tests.bot.audit_log.files import FIVE, KEY, NOW, OTHER, Files

REST = "at, kind, actor, operation, data, key, previous, mac"

TAMPERINGS: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "one character of the data": (
        3,
        "3 was modified",
        ("UPDATE audit SET data = replace(data, 'r', 'x') WHERE sequence = 3",),
    ),
    "who it was": (1, "1 was modified", ("UPDATE audit SET actor = 'eve' WHERE sequence = 1",)),
    "when it was": (5, "5 was modified", ("UPDATE audit SET at = replace(at, '2026', '2025') WHERE sequence = 5",)),
    "what it was": (2, "2 was modified", ("UPDATE audit SET kind = 'refusal' WHERE sequence = 2",)),
    "a byte that is no text": (4, "4 was modified", ("UPDATE audit SET data = CAST(x'7bff7d' AS TEXT) WHERE sequence = 4",)),
    "the mac": (4, "4 was modified", ("UPDATE audit SET mac = '' WHERE sequence = 4",)),
    "the mac, to no text": (4, "4 was modified", ("UPDATE audit SET mac = CAST(x'ff' AS TEXT) WHERE sequence = 4",)),
    "the key's name": (4, "is signed with the unknown key mine.", ("UPDATE audit SET key = 'mine' WHERE sequence = 4",)),
    "the key's name, to no text": (
        4,
        r"unknown key \udcff.",
        ("UPDATE audit SET key = CAST(x'ff' AS TEXT) WHERE sequence = 4",),
    ),
    "a row in the middle": (3, "3 to 3 were removed", ("DELETE FROM audit WHERE sequence = 3",)),
    "the first rows": (1, "1 to 2 were removed", ("DELETE FROM audit WHERE sequence < 3",)),
    "a gap closed by new numbers": (
        3,
        "3 was modified",
        ("DELETE FROM audit WHERE sequence = 3", "UPDATE audit SET sequence = 3 WHERE sequence = 4"),
    ),
    "two exchanged": (
        2,
        "2 was modified",
        (
            "CREATE TEMP TABLE two AS SELECT * FROM audit WHERE sequence IN (2, 3)",
            "DELETE FROM audit WHERE sequence IN (2, 3)",
            f"INSERT INTO audit SELECT 5 - sequence, {REST} FROM two",
        ),
    ),
    "one put in between": (
        5,
        "5 was modified",
        (
            "UPDATE audit SET sequence = 6 WHERE sequence = 5",
            f"INSERT INTO audit SELECT 5, {REST} FROM audit WHERE sequence = 4",
        ),
    ),
    "one put before the first": (
        1,
        "0 is out of order",
        (f"INSERT INTO audit SELECT 0, {REST} FROM audit WHERE sequence = 1",),
    ),
    "one put at the end": (6, "6 was modified", (f"INSERT INTO audit SELECT 6, {REST} FROM audit WHERE sequence = 5",)),
    "the tail cut": (4, "4 to 5 are missing at the end", ("DELETE FROM audit WHERE sequence > 3",)),
    "everything cut": (1, "1 to 5 are missing at the end", ("DELETE FROM audit",)),
}
"""What is done, where it is found first, in which words, and how it is done."""


@pytest.mark.parametrize(("sequence", "words", "statements"), TAMPERINGS.values(), ids=TAMPERINGS)
async def test_what_is_done_to_the_table_is_found(
    files: Files, sequence: int, words: str, statements: tuple[str, ...]
) -> None:
    await files.record(*FIVE)
    files.tamper(*statements)
    found = files.verify()
    assert found.problem is not None
    assert (found.problem.sequence, found.count) == (sequence, sequence - 1)
    assert words in str(found.phrase)
    assert Verification.model_validate_json(found.model_dump_json()) == found


async def test_a_table_written_anew_with_another_key_is_found(files: Files, tmp_path: Path) -> None:
    await files.record(*FIVE)
    forged = Files(tmp_path / "forged")
    await forged.record("one", "two", "three", "four", "nothing happened", key=OTHER)
    shutil.copy(forged.database, files.database)
    assert "key" in str(files.verify().phrase)
    assert files.verify().problem is not None


async def test_a_table_written_anew_with_the_right_key_is_found_by_the_head_file(files: Files, tmp_path: Path) -> None:
    await files.record(*FIVE)
    forged = Files(tmp_path / "forged")
    await forged.record("one", "two", "nothing happened", "four", "five")
    shutil.copy(forged.database, files.database)
    found = files.verify()
    assert (found.count, "audit event 3 does not match the head" in str(found.phrase)) == (2, True)


async def test_a_database_copied_back_from_an_earlier_time_is_found(files: Files) -> None:
    await files.record("one", "two")
    shutil.copy(files.database, files.folder / "earlier")
    await files.record("three")
    shutil.copy(files.folder / "earlier", files.database)
    assert "3 to 3 are missing at the end" in str(files.verify().phrase)


async def test_another_key_than_the_one_it_was_written_with_is_named(files: Files) -> None:
    await files.record(*FIVE)
    assert f"is signed with the unknown key {KEY.id}." in str(files.verify(OTHER).phrase)


async def test_both_keys_verify_a_log_whose_key_was_changed(files: Files) -> None:
    await files.record("one")
    before = files.verify()
    await files.record("two", key=OTHER)
    assert (before.count, files.verify(KEY, OTHER).count) == (1, 2)


@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda heads: heads.write_bytes(b""), lambda heads: heads.write_bytes(b"x\n" * 9)]
)
async def test_a_lost_head_file_is_found(files: Files, damage: Callable[[Path], object]) -> None:
    await files.record(*FIVE)
    damage(files.heads)
    assert "head file is missing or empty" in str(files.verify().phrase)


@pytest.mark.parametrize(
    "line",
    [
        "torn",
        "not json",
        f'{{"sequence":{2**63},"mac":"{INITIAL_MAC}","at":"2026-01-31T09:00:00Z"}}',
        '{"sequence":-1,"mac":"","at":""}',
        "[" * 10_000,
        "\0",
    ],
)
async def test_an_unreadable_line_is_passed_over_for_the_next_one_witnesses_the_same(files: Files, line: str) -> None:
    await files.record("one", "two")
    files.heads.write_text("".join([*files.lines()[:2], line + "\n", files.lines()[2]]))
    assert files.verify().intact


async def test_lines_in_another_order_are_found(files: Files) -> None:
    await files.record(*FIVE)
    lines = files.lines()
    files.heads.write_text("".join([*lines[:2], lines[3], lines[2], *lines[4:]]))
    assert files.verify().problem is not None


async def test_an_honest_look_at_what_it_does_not_prove(files: Files, tmp_path: Path) -> None:
    """Whoever can write both files takes both back to one earlier moment, and nothing here shows it."""
    await files.record("one", "two")
    shutil.copytree(files.folder, tmp_path / "copies", ignore=shutil.ignore_patterns("copies"))
    await files.record("three")
    shutil.copy(tmp_path / "copies" / files.database.name, files.database)
    shutil.copy(tmp_path / "copies" / files.heads.name, files.heads)
    assert files.verify().count == 2


async def test_a_database_without_its_audit_table_is_damaged(files: Files) -> None:
    await files.record(*FIVE)
    files.tamper("DROP TABLE audit")
    with pytest.raises(DatabaseDamaged):
        files.verify()


async def test_all_events_of_a_kind_are_found_but_for_forged_ones(tmp_path: Path) -> None:
    files = Files(tmp_path)
    await files.record("one", "two")
    files.tamper("UPDATE audit SET data = replace(data, 'two', 'six')")
    database = Database.open(files.database)
    audit = await AuditLog.open(database, AuditKeys(KEY), files.heads, lambda: NOW)
    found = [event.operation for event in await audit.find_all_signed(EventKind.REQUEST)]
    other = await audit.find_all_signed(EventKind.DRILL)
    await audit.aclose()
    await database.aclose()
    assert (["op-one"], ()) == (found, other)
