"""A chart is shown as a picture where Slack takes one, and said in words where it does not."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from adapters.phrase import Phrase, Texts
from bot.rendering import chart_process as drawing
from bot.rendering.chart_process import DrawingFailed
from bot.rendering.slack.blocks import CHART_TYPE, SlackMessage, make_picture, make_section
from bot.slack.answers.files import ChartUploader, Draw
from bot.slack.directory.channels import ChannelDirectory
from bot.slack.outbound.message import PICTURE_PAUSES, Address
from bot.slack.outbound.uploads import LOOKING_PAUSES, FileWatcher, UploadRecords, Uploads
from bot.store.answers import RETENTION, AnswerFile, StoredAnswer
from commands.model.chart import describe_chart
from commands.model.lanes import Drawing, describe_drawing
from commands.model.report import Report
from tests.bot.rendering.examples import DETAILED
from tests.bot.slack.conftest import CANARY, House, cleaned
from tests.bot.slack.inbound.test_click import answering, asked, posted, said
from tests.commands.model.test_chart import TROUBLED, certificate, chart, host
from tests.lab.workspace.faults import (
    CHARTS,
    PICTURES,
    RESPONSE_URL,
    UPLOAD,
    Failing,
    Fault,
    NotKnown,
    NotLookedAt,
    ServerError,
)
from tests.lab.workspace.responses import USES

PNG = b"\x89PNG\r\n\x1a\n"
CHART = chart(host("host-a", TROUBLED), certificates=(certificate("host-a", 5),))
WORDS = str(describe_chart(CHART))
REPORT: Report = DETAILED.model_copy(update={"chart": CHART})
NOT_SHOWN = "The chart could not be displayed."
TRIES = len(PICTURE_PAUSES) + 1


@pytest.fixture(autouse=True)
def _drawn_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The bot's drawing program gives a picture without drawing it; `tests.bot.rendering.test_charts` lets it draw."""
    (tmp_path / "chart.png").write_bytes(PNG)
    monkeypatch.setattr(drawing, "PROGRAM", ("cat", str(tmp_path / "chart.png")))


async def drawn(shown: Drawing, texts: Texts) -> bytes:
    """Something that is a picture to Slack, and says what it was made of."""
    return PNG + str(describe_drawing(shown)).encode()


async def not_drawn(shown: Drawing, texts: Texts) -> bytes:
    raise DrawingFailed(Phrase("no room"))


@asynccontextmanager
async def pictures(house: House, draw: Draw = drawn) -> AsyncIterator[ChartUploader]:
    """The bot's pictures, with an answer that they belong to."""
    async with house.api() as api:
        await house.rows.answers.store(StoredAnswer("op-1", "U0ADMIN", "digest", house.time.now(), "{}"))
        clock = house.time.clock()
        watcher = FileWatcher(api, clock)
        records = UploadRecords(house.rows.answers, house.desk.record_delivery)
        uploads = Uploads(api, ChannelDirectory(api, clock.monotonic), records, watcher, clock)
        yield ChartUploader(uploads, cleaned, draw)


async def uploaded(house: House) -> str:
    """A picture that a message may show."""
    async with pictures(house) as made:
        file = await made.upload("op-1", CHART, Address())
    assert file is not None
    return file


def images(message: Any) -> list[Mapping[str, Any]]:
    return [block for block in message.blocks if block["type"] == "image"]


def charts(message: Any) -> list[Mapping[str, Any]]:
    return [block for block in message.blocks if block["type"] == CHART_TYPE]


async def test_a_picture_is_uploaded_for_the_bot_alone_and_goes_with_its_answer(house: House) -> None:
    file = await uploaded(house)
    upload = house.workspace.upload(file)
    assert upload is not None
    assert (PNG + WORDS.encode(), "flatnet-op-1.png", "flatnet-op-1.png") == (upload.content, upload.name, upload.title)
    assert () == house.workspace.messages("C0OPS")
    later = house.time.now() + RETENTION + timedelta(seconds=1)
    assert (("op-1", (AnswerFile(file, "flatnet-op-1.png"),)),) == await house.rows.answers.list_expired(later)


async def test_a_picture_whose_answer_is_forgotten_meanwhile_is_taken_back(house: House) -> None:
    """Nobody would delete it."""

    async def forgetting(shown: Drawing, texts: Texts) -> bytes:
        await house.rows.answers.delete("op-1", ())
        return await drawn(shown, texts)

    async with pictures(house, forgetting) as made:
        assert None is await made.upload("op-1", CHART, Address())
    [deleted] = house.workspace.calls("files.delete")
    assert None is house.workspace.file(str(deleted.arguments["file"]))


async def test_secrets_are_taken_out_before_a_picture_is_drawn(house: House) -> None:
    async with pictures(house) as made:
        file = await made.upload("op-1", chart(host(f"host-{CANARY}", TROUBLED)), Address())
    content = house.workspace.file(file or "")
    assert content is not None
    assert CANARY.encode() not in content


def reached(begun: Sequence[Drawing], number: int) -> bool:
    return len(begun) >= number


async def test_pictures_are_drawn_one_after_another_and_each_comes(house: House) -> None:
    begun: list[Drawing] = []
    may_end = asyncio.Semaphore(0)

    async def slowly(shown: Drawing, texts: Texts) -> bytes:
        begun.append(shown)
        await may_end.acquire()
        return await drawn(shown, texts)

    async with pictures(house, slowly) as made:
        uploads = [asyncio.create_task(made.upload("op-1", CHART, Address())) for _ in range(3)]
        for number in (1, 2, 3):
            await house.until(partial(reached, begun, number))
            assert number == len(begun)
            may_end.release()
        assert 3 == len(set(await asyncio.gather(*uploads)) - {None})


async def test_a_picture_that_fails_does_not_keep_others_from_being_drawn(house: House) -> None:
    async with pictures(house, not_drawn) as made:
        assert [None, None] == [await made.upload("op-1", CHART, Address()) for _ in range(2)]


@pytest.mark.parametrize(
    ("place", "fault"),
    [
        ("files.getUploadURLExternal", Failing("missing_scope")),
        (UPLOAD, ServerError(503)),
        ("files.completeUploadExternal", Failing("storage_limit_reached")),
    ],
    ids=["announced", "uploaded", "completed"],
)
async def test_where_slack_refuses_the_file_there_is_none(house: House, place: str, fault: Fault) -> None:
    house.workspace.faults.switch_on(place, fault)
    async with pictures(house) as made:
        assert await made.upload("op-1", CHART, Address()) is None


async def test_where_nothing_was_drawn_nothing_is_uploaded(house: House) -> None:
    async with pictures(house, not_drawn) as made:
        assert await made.upload("op-1", CHART, Address()) is None
    assert () == house.workspace.calls("files.getUploadURLExternal")


async def test_an_answer_with_a_chart_shows_it_and_keeps_it_when_it_is_seen_in_another_way(house: House) -> None:
    async with house.bot():
        first = await posted(house, REPORT)
        [shown] = images(first)
        await house.workspace.click("U0OPERATOR", first, "show.details")
        await house.workspace.seen(lambda: "1.9.5" in said(house.workspace.messages("C0OPS")[0]))
        [second] = house.workspace.messages("C0OPS")
    content = house.workspace.file(shown["slack_file"]["id"])
    assert (PNG, WORDS) == (content, shown["alt_text"])
    assert [shown] == images(second)


async def test_an_answer_whose_picture_slack_does_not_take_says_the_same_in_words(house: House) -> None:
    house.workspace.faults.switch_on("files.getUploadURLExternal", Failing("missing_scope"))
    async with house.bot():
        message = await asked(house, REPORT)
    assert [] == images(message)
    assert WORDS in said(message)


@pytest.mark.parametrize(
    ("place", "address"),
    [("C0OPS", Address(channel="C0OPS")), ("direct", Address(user="U0ADMIN"))],
)
async def test_a_picture_that_slack_has_not_looked_at_is_tried_again(house: House, place: str, address: Address) -> None:
    """The message that shows it comes once, whole, and says nothing of that."""
    file = await uploaded(house)
    house.workspace.faults.switch_on(PICTURES, NotLookedAt(), times=TRIES - 1)

    def seen() -> tuple[Any, ...]:
        return house.workspace.direct("U0ADMIN") if place == "direct" else house.workspace.messages(place)

    async with house.sender() as sender:
        await sender.add("op-1", address, SlackMessage("chart", (make_section("chart"), make_picture(file, WORDS))))
        await house.until(lambda: house.workspace.calls("chat.postMessage"))
        assert () == seen()
        await house.moving(seen)
        await house.settled()
    [message] = seen()
    assert (1, "chart") == (len(images(message)), message.text)
    assert TRIES == len(house.workspace.calls("chat.postMessage"))


async def test_a_refused_picture_is_given_up_and_its_words_stand_in_its_place(house: House) -> None:
    file = await uploaded(house)
    house.workspace.faults.switch_on(PICTURES, NotLookedAt())
    async with house.sender() as sender:
        await sender.add(
            "op-1", Address(channel="C0OPS"), SlackMessage("chart", (make_section("chart"), make_picture(file, WORDS)))
        )
        await house.moving(lambda: house.workspace.messages("C0OPS"))
        await house.settled()
        assert sender.healthy
    [message] = house.workspace.messages("C0OPS")
    assert ["section", "context", "context"] == [block["type"] for block in message.blocks]
    assert [WORDS, NOT_SHOWN] == [block["elements"][0]["text"] for block in message.blocks[1:]]
    assert f"chart\n{NOT_SHOWN}" == message.text
    assert house.time.elapsed >= sum(PICTURE_PAUSES)


async def test_where_the_other_blocks_are_wrong_too_the_text_comes_alone(house: House) -> None:
    file = await uploaded(house)
    async with house.sender() as sender:
        wrong = SlackMessage("chart", ({"type": "alert"}, make_picture(file, WORDS)))
        await sender.add("op-1", Address(channel="C0OPS"), wrong)
        await house.moving(lambda: house.workspace.messages("C0OPS"))
        await house.settled()
    [message] = house.workspace.messages("C0OPS")
    assert () == message.blocks
    assert message.text.startswith(f"chart\n{NOT_SHOWN}\nShortened: the full result did not fit in Slack.")


async def test_a_private_answer_has_words_and_charts_that_slack_draws_and_so_has_its_next_view(house: House) -> None:
    """Slack shows no picture there."""
    async with house.bot():
        first = await asked(house, REPORT)
        await house.workspace.click("U0ADMIN", first, "show.details")
        await house.workspace.seen(lambda: "1.9.5" in said(house.workspace.private("U0ADMIN")[0]))
        [second] = house.workspace.private("U0ADMIN")
    for message in (first, second):
        assert ([], 2, True) == (images(message), len(charts(message)), WORDS in said(message))
    assert () == house.workspace.calls("files.getUploadURLExternal")


async def test_where_slack_knows_no_charts_the_words_stand_alone_and_its_next_view_asks_for_none(house: House) -> None:
    house.workspace.faults.switch_on(CHARTS, NotKnown(), times=1)
    async with house.bot():
        first = await asked(house, REPORT)
        await house.workspace.click("U0ADMIN", first, "show.details")
        await house.workspace.seen(lambda: "1.9.5" in said(house.workspace.private("U0ADMIN")[0]))
        [second] = house.workspace.private("U0ADMIN")
    for message in (first, second):
        assert ([], [], True) == (images(message), charts(message), WORDS in said(message))
    assert ["invalid_blocks", "", ""] == [call.error for call in house.workspace.calls(RESPONSE_URL)]
    assert 3 <= USES


async def test_where_the_person_is_answered_alone_instead_of_the_channel_words_take_the_place_of_the_picture(
    house: House,
) -> None:
    async with house.bot():
        house.workspace.restrict("C0OPS")
        house.desk.answer = answering(REPORT, here=True)
        await house.workspace.slash("U0ADMIN", "C0OPS", "digest --here")
        await house.private("U0ADMIN")
        [message] = house.workspace.private("U0ADMIN")
        await house.workspace.click("U0ADMIN", message, "show.details")
        await house.workspace.seen(lambda: "1.9.5" in said(house.workspace.private("U0ADMIN")[0]))
    [second] = house.workspace.private("U0ADMIN")
    for shown in (message, second):
        assert ((), [], True) == (shown.unseen, images(shown), WORDS in said(shown))


async def test_a_picture_that_was_given_up_does_not_come_back_with_the_next_view(house: House) -> None:
    """An edit that brings in a file that nobody has shared shows "file not found"."""
    house.workspace.faults.switch_on(PICTURES, NotLookedAt(), times=len(LOOKING_PAUSES) + 1 + TRIES)
    async with house.bot():
        house.desk.answer = answering(REPORT, here=True)
        await house.workspace.slash("U0ADMIN", "C0OPS", "digest --here")
        await house.moving(lambda: house.workspace.messages("C0OPS"))
        [first] = house.workspace.messages("C0OPS")
        await house.workspace.click("U0ADMIN", first, "show.details")
        await house.moving(lambda: "1.9.5" in said(house.workspace.messages("C0OPS")[0]))
    [second] = house.workspace.messages("C0OPS")
    assert ((), [], True) == (second.unseen, images(second), WORDS in said(second))


async def test_a_message_that_is_too_long_loses_all_its_blocks_at_once(house: House) -> None:
    """Its picture is not what is wrong with it."""
    file = await uploaded(house)
    async with house.sender() as sender:
        long = SlackMessage("chart", (*[make_section("x" * 2_900)] * 5, make_picture(file, WORDS)))
        await sender.add("op-1", Address(channel="C0OPS"), long)
        [text] = await house.public("C0OPS")
    assert text.startswith("chart\nShortened: the full result did not fit in Slack.")
