"""Recording: each event is chained to the one before, is on the disk when told so, and is only ever appended."""

import asyncio
import json
import sqlite3
from contextlib import closing

import pytest

from bot.audit_log.files import HeadUnavailable
from bot.audit_log.log import AuditLog, EventKind
from bot.store.audit_chain import MIN_KEY_BYTES, AuditKey, AuditKeyTooShort, Verification
from bot.store.audit_head_file import INITIAL_MAC
from bot.store.errors import DatabaseBusy, TooLarge
from tests.bot.audit_log.files import FIVE, KEY, OTHER, Files


class TestRecording:
    async def test_an_untouched_log_is_in_order(self, files: Files) -> None:
        await files.record(*FIVE)
        found = files.verify()
        assert (found.count, found.problem, str(found.phrase)) == (5, None, "5 audit events verified")
        assert json.loads(files.lines()[-1]) == {"sequence": 5, "mac": found.mac, "at": "2026-01-31T09:00:00.000000Z"}

    async def test_an_empty_log_is_in_order(self, files: Files) -> None:
        await files.record()
        assert files.verify() == Verification(count=0, mac=INITIAL_MAC)

    async def test_an_event_is_kept_as_it_was_told(self, files: Files) -> None:
        await files.record("health all")
        with closing(sqlite3.connect(files.database)) as line:
            (row,) = line.execute("SELECT sequence, at, kind, actor, operation, data, key, previous FROM audit").fetchall()
        data = '{"text":"health all"}'
        assert row == (1, "2026-01-31T09:00:00.000000Z", "request", "ana", "op-health all", data, KEY.id, INITIAL_MAC)

    async def test_many_at_once_are_one_chain_and_few_lines(self, audit: AuditLog, files: Files) -> None:
        """What waits together shares a commit and a line, so that many requests a second are no burden."""
        await asyncio.gather(*(audit.record(EventKind.REQUEST, "ana", str(number), {}) for number in range(200)))
        assert files.verify().count == 200
        assert len(files.lines()) < 50

    async def test_the_newest_event_of_a_kind_is_one_that_was_signed(self, audit: AuditLog, files: Files) -> None:
        assert await audit.find_newest_signed(EventKind.ROTATION) is None
        for number in (1, 2):
            await audit.record(EventKind.ROTATION, "system", f"op-{number}", {})
            await audit.record(EventKind.REQUEST, "ana", "op-9", {})
        with closing(sqlite3.connect(files.database, isolation_level=None)) as line:
            line.execute("DROP TRIGGER audit_only_next")
            line.execute(
                "INSERT INTO audit SELECT 9, at, 'rotation', actor, 'op-8', data, key, previous, mac FROM audit LIMIT 1"
            )
        newest = await audit.find_newest_signed(EventKind.ROTATION)
        assert newest is not None
        assert (3, "op-2") == (newest.sequence, newest.operation)

    async def test_a_restart_continues_the_chain(self, files: Files) -> None:
        assert (await files.record("one")).intact
        assert (await files.record("two")).intact
        assert files.verify().count == 2

    @pytest.mark.parametrize("text", ["a\0b", "\ud83d", "‮", "'; DROP TABLE audit; --", "x" * 4000])
    async def test_hostile_words_are_recorded_and_verified(self, audit: AuditLog, files: Files, text: str) -> None:
        await audit.record(EventKind.REFUSAL, text, text, {text: text})
        assert files.verify() == Verification(count=1, mac=files.verify().mac)

    async def test_what_is_too_large_is_refused_and_leaves_no_gap(self, audit: AuditLog, files: Files) -> None:
        with pytest.raises(TooLarge):
            await audit.record(EventKind.REQUEST, "ana", "op", {"text": "x" * 70_000})
        await audit.record(EventKind.REQUEST, "ana", "op", {})
        assert files.verify().intact

    async def test_a_locked_database_is_said_and_leaves_no_gap(self, audit: AuditLog, files: Files) -> None:
        with closing(sqlite3.connect(files.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseBusy):
                await audit.record(EventKind.REQUEST, "ana", "op", {})
        await audit.record(EventKind.REQUEST, "ana", "op", {})
        assert files.verify().count == 1

    async def test_one_who_gives_up_waiting_breaks_nothing(self, audit: AuditLog, files: Files) -> None:
        for number in range(50):
            waiting = asyncio.ensure_future(audit.record(EventKind.REQUEST, "ana", str(number), {}))
            for _ in range(number % 4):
                await asyncio.sleep(0)
            waiting.cancel()
        await audit.record(EventKind.STOP, "bot", "", {})
        assert files.verify().intact

    async def test_a_head_file_that_takes_no_line_is_said_and_told_later(self, audit: AuditLog, files: Files) -> None:
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

    async def test_verifying_through_the_bot_is_itself_recorded(self, audit: AuditLog, files: Files) -> None:
        await audit.record(EventKind.START, "bot", "", {})
        assert (await audit.verify("ana", "op-7")).count == 2
        with closing(sqlite3.connect(files.database)) as line:
            assert line.execute("SELECT kind, actor, operation FROM audit").fetchall()[-1] == ("audit_read", "ana", "op-7")

    async def test_the_chain_may_be_followed_while_events_are_added(self, audit: AuditLog) -> None:
        adding = [asyncio.ensure_future(audit.record(EventKind.REQUEST, "ana", str(number), {})) for number in range(300)]
        found = [await audit.verify("ana", "op") for _ in range(5)]
        await asyncio.gather(*adding)
        assert [verification.problem for verification in found] == [None] * 5

    def test_a_short_key_is_refused_and_a_key_is_never_shown(self) -> None:
        with pytest.raises(AuditKeyTooShort, match="openssl rand -hex 32"):
            AuditKey(b"k" * (MIN_KEY_BYTES - 1))
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
