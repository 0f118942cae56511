"""Lines of logs in Slack: however many they are, their files are shown, and go when the answer does."""

from datetime import timedelta

from adapters.phrase import Phrase
from bot.store.answers import KEPT, LARGEST
from commands.excerpts import Excerpt
from commands.report import Bundle, Copy, Form, Report
from tests.bot.slack.conftest import House
from tests.bot.slack.test_clicks import asked, posted, said
from tests.commands.log_examples import line

LONG = "x" * 4_000
LARGE = Report(
    title=Phrase("Logs"),
    summary=Phrase("many lines"),
    excerpt=Excerpt(lines=tuple(line(n, f"{n} {LONG}") for n in range(LARGEST // len(LONG) + 1))),
)
"""Larger than what is kept of an answer."""

ARCHIVE = Bundle(name="evidence.zip", members=(Copy(name="timeline.txt", form=Form.LINES),))


async def test_lines_that_are_too_large_to_be_kept_come_as_a_file_all_the_same(house: House) -> None:
    async with house.bot():
        first = await posted(house, LARGE)
        await house.moving(lambda: len(house.workspace.thread("C0OPS", first.ts)) > 1)
        [file] = house.workspace.thread("C0OPS", first.ts)[1].files
        content = house.workspace.file(file)
        assert content is not None
        assert len(content) > LARGEST


async def test_buttons_say_that_such_lines_are_not_kept(house: House) -> None:
    async with house.bot():
        first = await posted(house, LARGE)
        await house.workspace.click("U0ADMIN", first, "show.older")
        await house.workspace.seen(lambda: house.workspace.messages("C0OPS")[0].edits)
        [message] = house.workspace.messages("C0OPS")
    assert "the lines were too large to be kept" in said(message)
    assert "many lines" in message.text


async def test_files_of_lines_that_are_not_kept_are_deleted_as_all_are(house: House) -> None:
    """An archive that one person asked for."""
    async with house.bot():
        await asked(house, LARGE.model_copy(update={"files": (ARCHIVE,)}))
        await house.workspace.seen(lambda: any(message.files for message in house.workspace.direct("U0ADMIN")))
        [file] = [file for message in house.workspace.direct("U0ADMIN") for file in message.files]
        assert house.workspace.file(file) is not None
        await house.settled()
        house.time.elapsed += KEPT / timedelta(seconds=1)
        house.time.move(1.0)
        await house.workspace.seen(lambda: house.workspace.file(file) is None)
