"""The audit log: every event is chained, and what somebody does to the table or the files is found.

The table of tamperings works on the files as somebody with the operating system's rights would:
with another program, triggers removed first.
"""

import asyncio
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audit import Audit, AuditKeys, EventKind, HeadUnavailable, verify_files
from bot.store.chain import MIN_KEY, AuditKey, AuditKeyTooShort, StoredEvent, Verification, verify
from bot.store.database import Database
from bot.store.errors import DatabaseBusy, DatabaseDamaged, TooLarge
from bot.store.heads import BEGINNING, Head

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
KEY = AuditKey(b"k" * MIN_KEY)
OTHER = AuditKey(b"o" * MIN_KEY)


class Files:
    """The two files of an audit log, and how a bot opens them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "flatnet.sqlite3"
        self.heads = folder / "audit-head.jsonl"

    async def record(self, *words: str, key: AuditKey = KEY) -> Audit:
        """A bot starts, records these requests one by one, and stops."""
        database = Database.open(self.database, patience=0.05)
        audit = await Audit.open(database, AuditKeys(key), self.heads, lambda: NOW)
        for text in words:
            await audit.record(EventKind.REQUEST, "ana", f"op-{text}", {"text": text})
        await audit.aclose()
        await database.aclose()
        return audit

    def verify(self, *keys: AuditKey) -> Verification:
        return verify_files(self.database, self.heads, keys or [KEY])

    def tamper(self, *statements: str) -> None:
        """Change the table with another program."""
        with closing(sqlite3.connect(self.database)) as line:
            triggers = line.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
            line.executescript("; ".join([*(f"DROP TRIGGER {name}" for (name,) in triggers), *statements]))

    def lines(self) -> list[str]:
        return self.heads.read_text().splitlines(keepends=True)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
async def database(files: Files) -> AsyncIterator[Database]:
    opened = Database.open(files.database, patience=0.05)
    yield opened
    await opened.aclose()


@pytest.fixture
async def audit(files: Files, database: Database) -> AsyncIterator[Audit]:
    opened = await Audit.open(database, AuditKeys(KEY), files.heads, lambda: NOW)
    yield opened
    await opened.aclose()


FIVE = ("one", "two", "three", "four", "five")


class TestRecording:
    async def test_an_untouched_log_is_in_order(self, files: Files) -> None:
        await files.record(*FIVE)
        found = files.verify()
        assert (found.count, found.problem, str(found.phrase)) == (5, None, "5 audit events, all in order")
        assert json.loads(files.lines()[-1]) == {"sequence": 5, "mac": found.mac, "at": "2026-01-31T09:00:00.000000Z"}

    async def test_an_empty_log_is_in_order(self, files: Files) -> None:
        await files.record()
        assert files.verify() == Verification(count=0, mac=BEGINNING)

    async def test_an_event_is_kept_as_it_was_told(self, files: Files) -> None:
        await files.record("health all")
        with closing(sqlite3.connect(files.database)) as line:
            (row,) = line.execute("SELECT sequence, at, kind, actor, operation, data, key, previous FROM audit").fetchall()
        data = '{"text":"health all"}'
        assert row == (1, "2026-01-31T09:00:00.000000Z", "request", "ana", "op-health all", data, KEY.id, BEGINNING)

    async def test_many_at_once_are_one_chain_and_few_lines(self, audit: Audit, files: Files) -> None:
        """What waits together shares a commit and a line, so that many requests a second are no burden."""
        await asyncio.gather(*(audit.record(EventKind.REQUEST, "ana", str(number), {}) for number in range(200)))
        assert files.verify().count == 200
        assert len(files.lines()) < 50

    async def test_a_restart_continues_the_chain(self, files: Files) -> None:
        assert (await files.record("one")).intact
        assert (await files.record("two")).intact
        assert files.verify().count == 2

    @pytest.mark.parametrize("text", ["a\0b", "\ud83d", "‮", "'; DROP TABLE audit; --", "x" * 4000])
    async def test_hostile_words_are_recorded_and_verified(self, audit: Audit, files: Files, text: str) -> None:
        await audit.record(EventKind.REFUSAL, text, text, {text: text})
        assert files.verify() == Verification(count=1, mac=files.verify().mac)

    async def test_what_is_too_large_is_refused_and_leaves_no_gap(self, audit: Audit, files: Files) -> None:
        with pytest.raises(TooLarge):
            await audit.record(EventKind.REQUEST, "ana", "op", {"text": "x" * 70_000})
        await audit.record(EventKind.REQUEST, "ana", "op", {})
        assert files.verify().intact

    async def test_a_locked_database_is_said_and_leaves_no_gap(self, audit: Audit, files: Files) -> None:
        with closing(sqlite3.connect(files.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseBusy):
                await audit.record(EventKind.REQUEST, "ana", "op", {})
        await audit.record(EventKind.REQUEST, "ana", "op", {})
        assert files.verify().count == 1

    async def test_one_who_gives_up_waiting_breaks_nothing(self, audit: Audit, files: Files) -> None:
        for number in range(50):
            waiting = asyncio.ensure_future(audit.record(EventKind.REQUEST, "ana", str(number), {}))
            for _ in range(number % 4):
                await asyncio.sleep(0)
            waiting.cancel()
        await audit.record(EventKind.STOP, "bot", "", {})
        assert files.verify().intact

    async def test_a_head_file_that_takes_no_line_is_said_and_told_later(self, audit: Audit, files: Files) -> None:
        kept = files.heads.rename(files.folder / "elsewhere")
        files.heads.mkdir()
        with pytest.raises(HeadUnavailable, match="EISDIR"):
            await audit.record(EventKind.REQUEST, "ana", "op", {})
        files.heads.rmdir()
        kept.rename(files.heads)
        await audit.record(EventKind.REQUEST, "ana", "op", {})
        assert (files.verify().count, files.verify().problem, len(files.lines())) == (2, None, 2)

    async def test_both_files_are_for_their_owner_alone(self, files: Files) -> None:
        await files.record("one")
        assert [file.stat().st_mode & 0o777 for file in (files.database, files.heads)] == [0o600, 0o600]

    async def test_verifying_through_the_bot_is_itself_recorded(self, audit: Audit, files: Files) -> None:
        await audit.record(EventKind.START, "bot", "", {})
        assert (await audit.verify("ana", "op-7")).count == 2
        with closing(sqlite3.connect(files.database)) as line:
            assert line.execute("SELECT kind, actor, operation FROM audit").fetchall()[-1] == ("audit_read", "ana", "op-7")

    async def test_the_chain_may_be_followed_while_events_are_added(self, audit: Audit) -> None:
        adding = [asyncio.ensure_future(audit.record(EventKind.REQUEST, "ana", str(number), {})) for number in range(300)]
        found = [await audit.verify("ana", "op") for _ in range(5)]
        await asyncio.gather(*adding)
        assert [verification.problem for verification in found] == [None] * 5

    def test_a_short_key_is_refused_and_a_key_is_never_shown(self) -> None:
        with pytest.raises(AuditKeyTooShort, match="openssl rand"):
            AuditKey(b"k" * (MIN_KEY - 1))
        assert "k" * 8 not in repr(KEY)
        assert KEY.id != OTHER.id


class TestAppendOnly:
    """The triggers stop accidents and our own bugs; they stop nobody who can write the file."""

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE audit SET actor = 'eve'",
            "DELETE FROM audit WHERE sequence = 2",
            "REPLACE INTO audit SELECT * FROM audit WHERE sequence = 2",
            "INSERT INTO audit SELECT sequence + 6, at, kind, actor, operation, data, key, previous, mac FROM audit",
        ],
    )
    async def test_whatever_is_not_the_next_event_is_refused_by_the_table(self, files: Files, statement: str) -> None:
        await files.record(*FIVE)
        with (
            closing(sqlite3.connect(files.database)) as line,
            pytest.raises(sqlite3.IntegrityError, match="only ever appended"),
        ):
            line.execute(statement)

    async def test_who_drops_them_first_can_write_and_is_found_by_the_chain(self, files: Files) -> None:
        await files.record(*FIVE)
        files.tamper("UPDATE audit SET actor = 'eve' WHERE sequence = 2")
        assert files.verify().problem is not None


REST = "at, kind, actor, operation, data, key, previous, mac"

TAMPERINGS: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "one character of the data": (
        3,
        "3 was changed",
        ("UPDATE audit SET data = replace(data, 'r', 'x') WHERE sequence = 3",),
    ),
    "who it was": (1, "1 was changed", ("UPDATE audit SET actor = 'eve' WHERE sequence = 1",)),
    "when it was": (5, "5 was changed", ("UPDATE audit SET at = replace(at, '2026', '2025') WHERE sequence = 5",)),
    "what it was": (2, "2 was changed", ("UPDATE audit SET kind = 'refusal' WHERE sequence = 2",)),
    "a byte that is no text": (4, "4 was changed", ("UPDATE audit SET data = CAST(x'7bff7d' AS TEXT) WHERE sequence = 4",)),
    "the mac": (4, "4 was changed", ("UPDATE audit SET mac = '' WHERE sequence = 4",)),
    "the mac, to no text": (4, "4 was changed", ("UPDATE audit SET mac = CAST(x'ff' AS TEXT) WHERE sequence = 4",)),
    "the key's name": (4, "key mine, which is not configured", ("UPDATE audit SET key = 'mine' WHERE sequence = 4",)),
    "the key's name, to no text": (
        4,
        r"\udcff, which is not",
        ("UPDATE audit SET key = CAST(x'ff' AS TEXT) WHERE sequence = 4",),
    ),
    "a row in the middle": (3, "3 to 3 are missing", ("DELETE FROM audit WHERE sequence = 3",)),
    "the first rows": (1, "1 to 2 are missing", ("DELETE FROM audit WHERE sequence < 3",)),
    "a gap closed by new numbers": (
        3,
        "3 was changed",
        ("DELETE FROM audit WHERE sequence = 3", "UPDATE audit SET sequence = 3 WHERE sequence = 4"),
    ),
    "two exchanged": (
        2,
        "2 was changed",
        (
            "CREATE TEMP TABLE two AS SELECT * FROM audit WHERE sequence IN (2, 3)",
            "DELETE FROM audit WHERE sequence IN (2, 3)",
            f"INSERT INTO audit SELECT 5 - sequence, {REST} FROM two",
        ),
    ),
    "one put in between": (
        5,
        "5 was changed",
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
    "one put at the end": (6, "6 was changed", (f"INSERT INTO audit SELECT 6, {REST} FROM audit WHERE sequence = 5",)),
    "the tail cut": (4, "4 to 5 are missing at the end", ("DELETE FROM audit WHERE sequence > 3",)),
    "everything cut": (1, "1 to 5 are missing at the end", ("DELETE FROM audit",)),
}
"""What is done, where it is found first, in which words, and how it is done."""


class TestTampering:
    @pytest.mark.parametrize(("sequence", "words", "statements"), TAMPERINGS.values(), ids=TAMPERINGS)
    async def test_what_is_done_to_the_table_is_found(
        self, files: Files, sequence: int, words: str, statements: tuple[str, ...]
    ) -> None:
        await files.record(*FIVE)
        files.tamper(*statements)
        found = files.verify()
        assert found.problem is not None
        assert (found.problem.sequence, found.count) == (sequence, sequence - 1)
        assert words in str(found.phrase)
        assert Verification.model_validate_json(found.model_dump_json()) == found

    async def test_a_table_written_anew_with_another_key_is_found(self, files: Files, tmp_path: Path) -> None:
        await files.record(*FIVE)
        forged = Files(tmp_path / "forged")
        await forged.record("one", "two", "three", "four", "nothing happened", key=OTHER)
        shutil.copy(forged.database, files.database)
        assert "key" in str(files.verify().phrase)
        assert files.verify().problem is not None

    async def test_a_table_written_anew_with_the_right_key_is_found_by_the_head_file(
        self, files: Files, tmp_path: Path
    ) -> None:
        await files.record(*FIVE)
        forged = Files(tmp_path / "forged")
        await forged.record("one", "two", "nothing happened", "four", "five")
        shutil.copy(forged.database, files.database)
        found = files.verify()
        assert (found.count, "event 3 is another than the head file says" in str(found.phrase)) == (2, True)

    async def test_a_database_copied_back_from_an_earlier_time_is_found(self, files: Files) -> None:
        await files.record("one", "two")
        shutil.copy(files.database, files.folder / "earlier")
        await files.record("three")
        shutil.copy(files.folder / "earlier", files.database)
        assert "3 to 3 are missing at the end" in str(files.verify().phrase)

    async def test_another_key_than_the_one_it_was_written_with_is_named(self, files: Files) -> None:
        await files.record(*FIVE)
        assert f"signed with the key {KEY.id}, which is not configured" in str(files.verify(OTHER).phrase)

    async def test_both_keys_verify_a_log_whose_key_was_changed(self, files: Files) -> None:
        await files.record("one")
        before = files.verify()
        await files.record("two", key=OTHER)
        assert (before.count, files.verify(KEY, OTHER).count) == (1, 2)

    @pytest.mark.parametrize(
        "damage", [Path.unlink, lambda heads: heads.write_bytes(b""), lambda heads: heads.write_bytes(b"x\n" * 9)]
    )
    async def test_a_lost_head_file_is_found(self, files: Files, damage: Callable[[Path], object]) -> None:
        await files.record(*FIVE)
        damage(files.heads)
        assert "head file is missing or empty" in str(files.verify().phrase)

    @pytest.mark.parametrize(
        "line",
        [
            "torn",
            "not json",
            f'{{"sequence":{2**63},"mac":"{BEGINNING}","at":"2026-01-31T09:00:00Z"}}',
            '{"sequence":-1,"mac":"","at":""}',
            "[" * 10_000,
            "\0",
        ],
    )
    async def test_an_unreadable_line_is_passed_over_for_the_next_one_witnesses_the_same(
        self, files: Files, line: str
    ) -> None:
        await files.record("one", "two")
        files.heads.write_text("".join([*files.lines()[:2], line + "\n", files.lines()[2]]))
        assert files.verify().intact

    async def test_lines_in_another_order_are_found(self, files: Files) -> None:
        await files.record(*FIVE)
        lines = files.lines()
        files.heads.write_text("".join([*lines[:2], lines[3], lines[2], *lines[4:]]))
        assert files.verify().problem is not None

    async def test_an_honest_look_at_what_it_does_not_prove(self, files: Files, tmp_path: Path) -> None:
        """Whoever can write both files takes both back to one earlier moment, and nothing here shows it."""
        await files.record("one", "two")
        shutil.copytree(files.folder, tmp_path / "copies", ignore=shutil.ignore_patterns("copies"))
        await files.record("three")
        shutil.copy(tmp_path / "copies" / files.database.name, files.database)
        shutil.copy(tmp_path / "copies" / files.heads.name, files.heads)
        assert files.verify().count == 2

    async def test_a_database_without_its_audit_table_is_damaged(self, files: Files) -> None:
        await files.record(*FIVE)
        files.tamper("DROP TABLE audit")
        with pytest.raises(DatabaseDamaged):
            files.verify()


def chain(length: int, key: AuditKey = KEY) -> list[StoredEvent]:
    """A log in memory."""
    events: list[StoredEvent] = []
    for number in range(length):
        told = StoredEvent(0, "2026", "request", "ana", f"op-{number}", "{}", "", "", "")
        events.append(key.seal(told, events[-1] if events else None))
    return events


def heads(events: Sequence[StoredEvent]) -> list[Head]:
    return [
        Head(sequence=0, mac=BEGINNING, at=NOW),
        *(Head(sequence=event.sequence, mac=event.mac, at=NOW) for event in events),
    ]


EVENTS = chain(8)
Change = Callable[[list[StoredEvent], random.Random], None]


def change_a_field(events: list[StoredEvent], chance: random.Random) -> None:
    place, name = (
        chance.randrange(len(events)),
        chance.choice(["at", "kind", "actor", "operation", "data", "key", "previous", "mac"]),
    )
    events[place] = replace(events[place], **{name: getattr(events[place], name) + chance.choice(["x", " ", "\0", "0"])})


def move_text_to_the_next_field(events: list[StoredEvent], chance: random.Random) -> None:
    place = chance.randrange(len(events))
    event = events[place]
    events[place] = replace(event, actor=event.actor[:-1], operation=event.actor[-1] + event.operation)


def remove_some(events: list[StoredEvent], chance: random.Random) -> None:
    start = chance.randrange(len(events))
    del events[start : chance.randint(start + 1, len(events))]


def exchange_two(events: list[StoredEvent], chance: random.Random) -> None:
    one, other = chance.sample(range(len(events)), 2)
    events[one], events[other] = events[other], events[one]


def repeat_one(events: list[StoredEvent], chance: random.Random) -> None:
    events.insert(chance.randrange(len(events)), chance.choice(events))


def renumber_after_a_removal(events: list[StoredEvent], chance: random.Random) -> None:
    del events[chance.randrange(len(events) - 1)]
    events[:] = [replace(event, sequence=number) for number, event in enumerate(events, 1)]


def sign_anew_with_another_key(events: list[StoredEvent], chance: random.Random) -> None:
    place = chance.randrange(len(events))
    events[place] = OTHER.seal(events[place], events[place - 1] if place else None)


def sign_anew_with_the_right_key(events: list[StoredEvent], chance: random.Random) -> None:
    place = chance.randrange(len(events))
    events[place] = KEY.seal(replace(events[place], actor="eve"), events[place - 1] if place else None)


CHANGES: list[Change] = [
    change_a_field,
    move_text_to_the_next_field,
    remove_some,
    exchange_two,
    repeat_one,
    renumber_after_a_removal,
    sign_anew_with_another_key,
    sign_anew_with_the_right_key,
]


@given(st.sampled_from(CHANGES), st.randoms(use_true_random=False))
def test_whatever_is_changed_is_found_and_what_came_before_is_counted(change: Change, chance: random.Random) -> None:
    events = list(EVENTS)
    change(events, chance)
    pairs = zip(events, EVENTS, strict=False)
    untouched = next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(events), len(EVENTS)))
    found = verify(events, heads(EVENTS), [KEY])
    assert not found.intact
    assert found.count == untouched


def test_two_logs_of_the_same_key_cannot_be_joined() -> None:
    """Each event is well signed and well numbered, and the head file knows only the end."""
    other = [KEY.seal(replace(EVENTS[0], actor="eve"), None)]
    for event in EVENTS[1:]:
        other.append(KEY.seal(event, other[-1]))
    joined = EVENTS[:4] + other[4:]
    found = verify(joined, [heads([])[0], heads(joined)[-1]], [KEY])
    assert (found.count, "does not follow" in str(found.phrase)) == (4, True)


@given(st.sets(st.integers(1, 8)))
def test_heads_of_some_commits_are_enough_for_an_untouched_log(told: set[int]) -> None:
    some = [head for head in heads(EVENTS) if head.sequence in told | {0}]
    assert verify(EVENTS, some, [KEY]).intact


RECORDER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.audit import Audit, AuditKeys, EventKind
from bot.store.chain import AuditKey
from bot.store.database import Database

async def main():
    folder = Path(sys.argv[1])
    database = Database.open(folder / "flatnet.sqlite3")
    keys = AuditKeys(AuditKey(b"k" * 32))
    audit = await Audit.open(database, keys, folder / "audit-head.jsonl", lambda: datetime.now(UTC))
    async def record(number):
        await audit.record(EventKind.REQUEST, "ana", str(number), {})
        print(number, flush=True)
    for number in range(0, 1_000_000, 2):
        await asyncio.gather(record(number), record(number + 1))

asyncio.run(main())
"""


class TestStarting:
    async def test_a_head_file_that_lags_is_caught_up(self, files: Files) -> None:
        """The bot died after the commit and before the line, or within the line."""
        await files.record(*FIVE)
        lines = files.lines()
        files.heads.write_text("".join(lines[:3]) + lines[3][:40])
        assert (await files.record()).intact
        assert files.lines()[-1] == lines[-1]
        assert files.verify().intact

    async def test_whatever_a_killed_bot_had_recorded_is_there_and_the_log_goes_on(self, files: Files) -> None:
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

    async def test_a_database_behind_the_head_file_is_trouble_and_stays_trouble(self, files: Files) -> None:
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

    async def test_a_lost_database_is_trouble(self, files: Files) -> None:
        await files.record("one", "two")
        files.database.unlink()
        assert "ends at event 0, its head file at 2" in str((await files.record()).trouble)

    async def test_a_lost_head_file_is_trouble_and_is_not_made_anew(self, files: Files) -> None:
        await files.record("one", "two")
        files.heads.unlink()
        assert "head file is missing or empty" in str((await files.record("three")).trouble)
        assert not files.heads.exists()

    async def test_a_table_written_anew_is_trouble(self, files: Files, tmp_path: Path) -> None:
        await files.record("one", "two")
        forged = Files(tmp_path / "forged")
        await forged.record("one", "nothing", "and more")
        shutil.copy(forged.database, files.database)
        assert "event 2 is another" in str((await files.record()).trouble)

    async def test_another_key_is_trouble(self, files: Files) -> None:
        await files.record("one")
        assert "not signed with a configured key" in str((await files.record(key=OTHER)).trouble)

    async def test_a_head_file_that_cannot_be_read_is_said(self, files: Files) -> None:
        files.heads.mkdir()
        with pytest.raises(HeadUnavailable, match="EISDIR"):
            await files.record()
