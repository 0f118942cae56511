"""A loss is accepted by its name, is told for ever, and hides nothing that happens afterwards."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from bot.app.settle_loss import settle_loss
from bot.audit_log.log import AuditLog, EventKind, NotAcceptable
from bot.store.audit_chain import AuditKey, AuditKeys, StoredEvent, parse_acceptance
from bot.store.database import Database
from tests.bot.audit_log.files import KEY, NOW, OTHER, Closed, Files


@asynccontextmanager
async def bot(files: Files, key: AuditKey = KEY) -> AsyncIterator[AuditLog]:
    """A bot that runs on these files."""
    database = Database.open(files.database, patience=0.05)
    audit = await AuditLog.open(database, AuditKeys(key), files.heads, lambda: NOW)
    try:
        yield audit
    finally:
        await audit.aclose()
        await database.aclose()


async def rolled_back(files: Files, *since: str) -> list[str]:
    """Two events, a copy, two more events, the copy put back, and `since` recorded in trouble; the head file's lines."""
    await files.record("one", "two")
    shutil.copy(files.database, files.folder / "earlier")
    await files.record("three", "four")
    shutil.copy(files.database, files.folder / "later")
    shutil.copy(files.folder / "earlier", files.database)
    await files.record(*since)
    return files.lines()


def name(files: Files, line: int = -1) -> str:
    """The name of what a line of the head file tells."""
    told = json.loads(files.lines()[line])
    return f"audit-{told['sequence']}-{told['mac'][:8]}"


def row(files: Files, sequence: int) -> tuple[str, ...]:
    """An event as it is stored."""
    with closing(sqlite3.connect(files.database)) as line:
        return tuple(line.execute("SELECT kind, actor, data FROM audit WHERE sequence = ?", (sequence,)).fetchone())


@pytest.mark.parametrize("since", [(), ("new 3",), ("new 3", "new 4"), ("new 3", "new 4", "new 5", "new 6")], ids=len)
async def test_an_accepted_loss_is_no_trouble_any_more_and_stays_told(files: Files, since: tuple[str, ...]) -> None:
    """However far the log went on meanwhile: shorter than what was lost, as long, or longer."""
    evidence = await rolled_back(files, *since)
    lost = name(files)
    async with bot(files) as audit:
        assert f"audit accept {lost}" in str(audit.trouble)
        await audit.accept("root", lost)
        assert audit.intact
        await audit.record(EventKind.REQUEST, "ana", "after", {})
    at = 3 + len(since)
    assert evidence == files.lines()[: len(evidence)]
    assert [at, at + 1] == [json.loads(line)["sequence"] for line in files.lines()[len(evidence) :]]
    kind, actor, data = row(files, at)
    assert ("accepted", "root") == (kind, actor)
    told = parse_acceptance(StoredEvent(at, "", kind, actor, "", data, "", "", ""))
    assert told is not None
    assert (lost, 4, json.loads(evidence[-1])["mac"], at - 1) == (told.name, told.lost, told.lost_mac, told.found)
    found = files.verify()
    assert found.gap is not None
    assert (at + 1, None, at, "root", 4) == (found.count, found.problem, found.gap.sequence, found.gap.actor, found.gap.lost)
    assert "A loss was accepted by root (event" in str(found.phrase)
    assert (await files.record("restarted")).intact


@pytest.mark.parametrize("running", [True, False])
async def test_what_was_open_in_the_earlier_state_is_closed_once(files: Files, running: bool) -> None:
    """By the bot that runs with the trouble, or by the next one if the loss is accepted where none runs (`do`)."""
    await rolled_back(files)
    lost, closed = name(files), Closed()
    async with bot(files) as audit:
        if running:
            await settle_loss(closed, audit)
        await audit.accept("root", lost)
    assert running == bool(closed.why)
    for _ in range(2):
        async with bot(files) as audit:
            await settle_loss(closed, audit)
    assert 1 == len(closed.why)
    assert lost in closed.why[0]
    assert files.verify().intact


async def test_it_can_happen_again(files: Files) -> None:
    """Each loss is accepted by its own name, and the last one is told."""
    await rolled_back(files)
    async with bot(files) as audit:
        await audit.accept("root", name(files))
    shutil.copy(files.database, files.folder / "earlier")
    await files.record("five", "six")
    shutil.copy(files.folder / "earlier", files.database)
    async with bot(files) as audit:
        first = json.loads(row(files, 3)[2])["name"]
        with pytest.raises(NotAcceptable):
            await audit.accept("root", first)
        await audit.accept("eve", name(files))
    found = files.verify()
    assert found.gap is not None
    assert (4, None, 4, "eve") == (found.count, found.problem, found.gap.sequence, found.gap.actor)


@pytest.mark.parametrize(
    "spoil",
    [
        str.upper,
        lambda name: name[:-1],
        lambda name: f" {name}",
        lambda name: "",
        lambda name: "yes",
        lambda name: name + "\0",
    ],
)
async def test_only_the_exact_name_accepts(files: Files, spoil: Callable[[str], str]) -> None:
    """Nothing is recorded, and the trouble stays."""
    evidence = await rolled_back(files)
    async with bot(files) as audit:
        with pytest.raises(NotAcceptable, match="no loss named"):
            await audit.accept("root", spoil(name(files)))
        assert not audit.intact
    assert evidence == files.lines()
    assert 2 == files.verify().count


async def test_a_log_without_trouble_accepts_nothing(files: Files) -> None:
    """Not even the name of its own last line."""
    await files.record("one")
    async with bot(files) as audit:
        with pytest.raises(NotAcceptable):
            await audit.accept("root", name(files))
    assert (1, None) == (files.verify().count, files.verify().gap)


async def test_an_older_log_that_was_changed_cannot_be_accepted(files: Files) -> None:
    """A loss may be accepted, a forgery never."""
    await rolled_back(files, "new 3")
    files.tamper("UPDATE audit SET actor = 'eve' WHERE sequence = 1")
    async with bot(files) as audit:
        with pytest.raises(NotAcceptable, match="audit event 1 was modified"):
            await audit.accept("root", name(files))
        assert not audit.intact


async def test_an_older_log_of_another_key_cannot_be_accepted(files: Files) -> None:
    """Whoever wrote it did not have the key."""
    await rolled_back(files)
    async with bot(files, OTHER) as audit:
        with pytest.raises(NotAcceptable, match="is signed with the unknown key"):
            await audit.accept("root", name(files))


async def test_a_head_file_that_changed_since_the_start_is_not_accepted(files: Files) -> None:
    """The name told of another line."""
    await rolled_back(files)
    async with bot(files) as audit:
        lost = name(files)
        files.heads.write_text("".join(files.lines()[:-1]))
        with pytest.raises(NotAcceptable, match="changed after the bot started"):
            await audit.accept("root", lost)


async def test_two_who_accept_at_once_are_one_acceptance(files: Files) -> None:
    """The second finds nothing lost any more."""
    await rolled_back(files)
    async with bot(files) as audit:
        both = await asyncio.gather(
            audit.accept("root", name(files)), audit.accept("eve", name(files)), return_exceptions=True
        )
    assert [None, NotAcceptable] == [None if one is None else type(one) for one in both]
    assert 3 == files.verify().count


async def test_events_beside_an_acceptance_leave_the_log_whole(files: Files) -> None:
    """Those before it have no line, those after it have."""
    await rolled_back(files)
    async with bot(files) as audit:
        work = [audit.record(EventKind.REQUEST, "ana", str(number), {}) for number in range(40)]
        await asyncio.gather(*work[:20], audit.accept("root", name(files)), *work[20:])
        await audit.record(EventKind.STOP, "system", "", {})
    assert (44, None) == (files.verify().count, files.verify().problem)
    assert (await files.record("restarted")).intact


async def test_a_crash_between_the_event_and_its_line_is_caught_up(files: Files) -> None:
    """The acceptance is in the table, and the head file ends with what was lost."""
    evidence = await rolled_back(files)
    async with bot(files) as audit:
        await audit.accept("root", name(files))
    files.heads.write_text("".join(evidence))
    assert files.verify().intact
    assert (await files.record("after")).intact
    assert (4, None) == (files.verify().count, files.verify().problem)
    assert [3, 4] == [json.loads(line)["sequence"] for line in files.lines()[len(evidence) :]]


async def test_a_lost_head_file_can_be_accepted_too(files: Files) -> None:
    """By a name that comes from the newest event; a new file begins."""
    await files.record("one", "two")
    newest = files.verify().mac
    files.heads.unlink()
    async with bot(files) as audit:
        await audit.accept("root", f"audit-0-{newest[:8]}")
        assert audit.intact
    found = files.verify()
    assert found.gap is not None
    assert (3, None, 0) == (found.count, found.problem, found.gap.lost)
    assert [0, 3] == [json.loads(line)["sequence"] for line in files.lines()]
    assert (await files.record("after")).intact


class TestForgeries:
    """What somebody may try who can write the database, and in the last ones the head file, but does not have the key."""

    async def accepted(self, files: Files) -> None:
        """A log with an accepted loss at event 3, and two events after it."""
        await rolled_back(files)
        async with bot(files) as audit:
            await audit.accept("root", name(files))
        shutil.copy(files.database, files.folder / "accepted")
        await files.record("five", "six")

    async def test_the_database_before_the_acceptance_put_back(self, files: Files) -> None:
        await self.accepted(files)
        shutil.copy(files.folder / "earlier", files.database)
        assert not files.verify().intact
        assert not (await files.record()).intact

    async def test_the_database_that_was_lost_put_back(self, files: Files) -> None:
        """It is honest, and still not the log that goes on."""
        await self.accepted(files)
        shutil.copy(files.folder / "later", files.database)
        assert not files.verify().intact
        assert not (await files.record()).intact

    async def test_the_database_as_it_was_accepted_put_back(self, files: Files) -> None:
        """One acceptance does not cover the next loss."""
        await self.accepted(files)
        shutil.copy(files.folder / "accepted", files.database)
        assert "4 to 5 are missing at the end" in str(files.verify().phrase)
        assert not (await files.record()).intact

    @pytest.mark.parametrize("change", ["actor = 'nobody'", "kind = 'request'", "data = replace(data, '4', '2')"])
    async def test_an_acceptance_rewritten(self, files: Files, change: str) -> None:
        await self.accepted(files)
        files.tamper(f"UPDATE audit SET {change} WHERE sequence = 3")
        assert not files.verify().intact

    async def test_an_acceptance_made_up_for_a_database_put_back(self, files: Files) -> None:
        """The event says just the right thing, but nobody with the key signed it."""
        await rolled_back(files)
        lost = json.dumps(
            {"name": "x", "lost": 4, "lost_mac": json.loads(files.lines()[-1])["mac"], "found": 2, "found_mac": ""}
        )
        files.tamper(
            f"INSERT INTO audit SELECT 3, at, 'accepted', 'root', '', '{lost}', key, mac, mac FROM audit WHERE sequence = 2"
        )
        assert "3 was modified" in str(files.verify().phrase)
        assert not (await files.record()).intact

    async def test_what_came_before_an_acceptance_rewritten(self, files: Files) -> None:
        """No line of the head file is compared there any more, and yet the acceptance holds all of it."""
        await self.accepted(files)
        files.tamper("UPDATE audit SET actor = 'eve' WHERE sequence = 1")
        assert "1 was modified" in str(files.verify().phrase)

    async def test_what_came_before_an_acceptance_rewritten_with_the_key(self, files: Files, tmp_path: Path) -> None:
        """Somebody with the key makes a whole new log; the line of the acceptance contradicts it."""
        await self.accepted(files)
        forged = Files(tmp_path / "forged")
        forged.folder.mkdir()
        await rolled_back(forged)
        shutil.copy(forged.folder / "earlier", forged.database)
        forged.heads.write_text("".join(files.lines()[:5]))
        forged.tamper("DELETE FROM audit WHERE sequence = 2")
        await forged.record("innocent")
        async with bot(forged) as audit:
            await audit.accept("root", name(forged, 4))
        await forged.record("five", "six")
        shutil.copy(forged.database, files.database)
        assert "audit event 3 does not match the head" in str(files.verify().phrase)

    async def test_old_lines_told_again_at_the_end_of_the_head_file(self, files: Files) -> None:
        """With the database put back as it was accepted: the first telling counts, so the lines between are missed."""
        await self.accepted(files)
        shutil.copy(files.folder / "accepted", files.database)
        lines = files.lines()
        with files.heads.open("a") as file:
            file.writelines(lines[-4:-2])
        assert "4 to 5 are missing at the end" in str(files.verify().phrase)

    async def test_the_evidence_cut_out_of_the_head_file(self, files: Files) -> None:
        """What was accepted must stay there to be seen."""
        await self.accepted(files)
        lines = files.lines()
        files.heads.write_text("".join(lines[:3] + lines[5:]))
        assert "the head file no longer has the line audit-4-" in str(files.verify().phrase)
