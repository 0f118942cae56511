"""Lines of logs in Slack: however many they are, their files are shown, and go when the answer does; no filter holds up
the bot."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from adapters.phrase import Phrase
from bot.store.answers import MAX_DOCUMENT_BYTES, RETENTION, AnswerFile, AnswerTable, StoredAnswer
from commands.log_lines import patterns as log_patterns
from commands.log_lines.excerpt import Excerpt
from commands.model.report import Bundle, FileFormat, Report, ReportFile
from tests.bot.slack.conftest import PATIENCE, House
from tests.bot.slack.inbound.test_click import asked, posted, said
from tests.commands.log_examples import line
from tests.lab.workspace.faults import RateLimited
from tests.lab.workspace.message import Message

LONG = "x" * 4_000
LARGE = Report(
    title=Phrase("Logs"),
    summary=Phrase("many lines"),
    excerpt=Excerpt(lines=tuple(line(n, f"name-{n} {LONG}") for n in range(MAX_DOCUMENT_BYTES // len(LONG) + 1))),
)
"""Larger than what is kept of an answer."""

CHOSEN = random.Random(1)  # the same in every run
MANY = LARGE.model_copy(
    update={"excerpt": Excerpt(lines=tuple(line(n, "".join(CHOSEN.choices("ae", k=285))) for n in range(1_000)))}
)
FEW = MANY.model_copy(update={"excerpt": Excerpt(lines=(line(0, "a~"), line(1, "e~")))})

SLOW = "(.{0,100}a.{0,100}e)~"
"""A pattern that takes seconds for these lines."""

ARCHIVE = Bundle(name="evidence.zip", members=(ReportFile(name="timeline.txt", form=FileFormat.LINES),))


async def test_lines_that_are_too_large_to_be_kept_come_as_a_file_all_the_same(house: House) -> None:
    async with house.bot():
        first = await posted(house, LARGE)
        await house.moving(lambda: len(house.workspace.thread("C0OPS", first.ts)) > 1)
        [file] = house.workspace.thread("C0OPS", first.ts)[1].files
        content = house.workspace.file(file)
        assert content is not None
        assert len(content) > MAX_DOCUMENT_BYTES


async def test_a_file_that_somebody_asks_for_meanwhile_stays_when_the_thread_s_own_is_tried_again(house: House) -> None:
    async with house.bot():
        house.workspace.faults.switch_on("files.getUploadURLExternal", RateLimited(30), times=1)
        first = await posted(house, MANY)
        await house.moving(lambda: house.workspace.calls("files.getUploadURLExternal"))
        await house.workspace.click("U0ADMIN", first, "file")
        await house.workspace.seen(lambda: len(house.workspace.thread("C0OPS", first.ts)) > 1)
        await house.moving(lambda: len(house.workspace.thread("C0OPS", first.ts)) > 2)
        files = [file for message in house.workspace.thread("C0OPS", first.ts)[1:] for file in message.files]
        assert 2 == len([file for file in files if house.workspace.file(file) is not None])
        assert () == house.workspace.calls("files.delete")


async def test_buttons_say_that_such_lines_are_not_kept(house: House) -> None:
    async with house.bot():
        first = await posted(house, LARGE)
        await house.workspace.click("U0ADMIN", first, "show.older")
        await house.workspace.seen(lambda: house.workspace.messages("C0OPS")[0].edits)
        [message] = house.workspace.messages("C0OPS")
    assert "Too much text to store." in said(message)
    assert "Many lines" in message.text


async def test_files_of_lines_that_are_not_kept_are_deleted_as_all_are(house: House) -> None:
    """An archive that one person asked for."""
    async with house.bot():
        await asked(house, LARGE.model_copy(update={"files": (ARCHIVE,)}))
        await house.workspace.seen(lambda: any(message.files for message in house.workspace.direct("U0ADMIN")))
        [file] = [file for message in house.workspace.direct("U0ADMIN") for file in message.files]
        assert house.workspace.file(file) is not None
        await house.settled()
        house.time.elapsed += RETENTION / timedelta(seconds=1)
        house.time.move(1.0)
        await house.workspace.seen(lambda: house.workspace.file(file) is None)


async def count_turns(until: Callable[[], object]) -> int:
    """How often the loop turned until something is seen; never, if it stood still meanwhile."""
    turns = 0
    async with asyncio.timeout(PATIENCE):
        while not until():
            await asyncio.sleep(0.01)
            turns += 1
    return turns


def only(house: House) -> Message:
    """The message that all see, above whatever is in its thread."""
    return house.workspace.messages("C0OPS")[0]


async def filtered(house: House, pattern: str, user: str = "U0OPERATOR") -> None:
    """Somebody asks for lines with this pattern."""
    await house.workspace.click(user, only(house), "filter")
    await house.workspace.seen(lambda: house.workspace.view(user))
    await house.workspace.submit(user, {"pattern": pattern, "level": "all"})


async def test_a_slow_filter_holds_up_nobody_and_is_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_patterns, "MATCH_TIMEOUT", 1.0)
    async with house.bot():
        await posted(house, MANY)
        await filtered(house, SLOW)
        assert 5 < await count_turns(lambda: house.workspace.private("U0OPERATOR"))
        [message] = house.workspace.private("U0OPERATOR")
        [shown] = house.workspace.messages("C0OPS")
    assert "時間がかかりすぎます" in message.text
    assert () == shown.edits


async def test_a_slow_filter_s_file_holds_up_nobody_either(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The filter ran in time when it was pressed, the file's did not; nothing is announced that does not come."""
    async with house.bot():
        await posted(house, FEW)
        await filtered(house, SLOW)
        await house.workspace.seen(lambda: house.workspace.messages("C0OPS")[0].edits)
        monkeypatch.setattr(log_patterns, "MATCH_TIMEOUT", 0.0)
        [first] = house.workspace.messages("C0OPS")
        await house.workspace.click("U0OPERATOR", first, "file")
        [text] = await house.private("U0OPERATOR")
    assert "時間がかかりすぎます" in text
    assert () == house.workspace.direct("U0OPERATOR")
    assert [first] == list(house.workspace.thread("C0OPS", first.ts))


async def test_a_filtered_file_says_so_by_its_name_its_title_and_its_heading(house: House) -> None:
    """Somebody passes it on, and it is read where nobody sees the filter."""
    async with house.bot():
        await posted(house, FEW)
        await filtered(house, "a.")
        await house.workspace.seen(lambda: house.workspace.messages("C0OPS")[0].edits)
        [first] = house.workspace.messages("C0OPS")
        await house.workspace.click("U0OPERATOR", first, "file")
        await house.workspace.seen(lambda: len(house.workspace.thread("C0OPS", first.ts)) > 1)
        [file] = house.workspace.thread("C0OPS", first.ts)[1].files
        upload, content = house.workspace.upload(file), house.workspace.file(file)
    assert upload is not None
    assert content is not None
    assert upload.name.endswith("-filtered.txt")
    assert "health · a. に一致" == upload.title
    assert "# 絞り込み: a. に一致 · 2 行中 1 行" in content.decode().splitlines()


async def test_all_see_whose_choice_it_is_until_all_lines_are_shown_again(house: House) -> None:
    """Whoever turns a page did not choose its lines."""
    async with house.bot():
        await posted(house, MANY)
        await filtered(house, "a")
        await house.moving(lambda: "matching a · filtered by <@U0OPERATOR>" in said(only(house)))
        await house.workspace.click("U0ADMIN", only(house), "show.older")
        await house.moving(lambda: "Lines 961–980 of" in said(only(house)))
        assert "matching a · filtered by <@U0OPERATOR>" in said(only(house))
        await house.workspace.click("U0ADMIN", only(house), "show.lines")
        await house.moving(lambda: "Lines 981–1,000 of 1,000" in said(only(house)))
        assert "filtered" not in said(only(house))


async def test_whoever_chooses_other_lines_is_named_from_then_on(house: House) -> None:
    async with house.bot():
        await posted(house, MANY)
        await filtered(house, "a")
        await house.moving(lambda: "filtered by <@U0OPERATOR>" in said(only(house)))
        await filtered(house, "e", "U0ADMIN")
        await house.moving(lambda: "matching e · filtered by <@U0ADMIN>" in said(only(house)))


async def test_where_nobody_else_sees_it_nobody_is_named(house: House) -> None:
    async with house.bot():
        first = await asked(house, FEW)
        await house.workspace.click("U0ADMIN", first, "filter")
        await house.workspace.seen(lambda: house.workspace.view("U0ADMIN"))
        await house.workspace.submit("U0ADMIN", {"pattern": "a", "level": "all"})
        await house.workspace.seen(lambda: "1 of 2 lines" in said(house.workspace.private("U0ADMIN")[0]))
        assert "filtered by" not in said(house.workspace.private("U0ADMIN")[0])


class Expiring(AnswerTable):
    """Answers whose time is over as soon as somebody has looked at them."""

    async def find(self, operation: str, now: datetime) -> StoredAnswer | None:
        found = await super().find(operation, now)
        await self.delete(operation, ())
        return found


async def test_a_file_whose_answer_is_forgotten_meanwhile_is_taken_back_and_the_person_told(house: House) -> None:
    async with house.bot(replace(house.rows, answers=Expiring(house.database))):
        first = await posted(house, FEW)
        await house.workspace.click("U0ADMIN", first, "file")
        [text] = await house.private("U0ADMIN")
    assert "This result has expired." in text
    assert 1 == len(house.workspace.calls("files.delete"))
    assert [first] == list(house.workspace.thread("C0OPS", first.ts))


class ExpiringInThreads(AnswerTable):
    """Answers whose time is over while their files are shown."""

    async def find_files(self, operation: str, now: datetime) -> tuple[AnswerFile, ...] | None:
        found = await super().find_files(operation, now)
        await self.delete(operation, ())
        return found


async def test_in_a_thread_such_a_file_is_missing_without_a_word(house: House) -> None:
    """Whoever wants it asks again, as for every file of an answer that is no longer kept."""
    with capture_logs() as logs:
        async with house.bot(replace(house.rows, answers=ExpiringInThreads(house.database))):
            first = await posted(house, MANY)
            await house.moving(lambda: house.workspace.calls("files.delete"))
            await house.settled()
    assert [first] == list(house.workspace.thread("C0OPS", first.ts))
    assert [] == [entry for entry in logs if entry["log_level"] == "error"]
