"""What the bot says by itself: once, in its channel or on the next road, and nobody can overlook that it went astray."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from adapters.phrase import Phrase
from bot.model.alert import Alert
from bot.model.alert_notice import AlertNotice, AlertWord
from bot.model.announcement import Announcement, DeliveryStage, Fallback, PlainWord
from bot.model.request import Answer, Membership, SlackIdentity
from bot.rendering import chart_process as drawing
from bot.slack.answers import files as thread_files
from bot.slack.answers.files import POLL_INTERVAL, TOO_LATE
from bot.slack.directory.channels import CACHE_SECONDS
from bot.slack.outbound.routes import MAX_OUTAGE
from bot.slack.outbound.sender import EDIT_INTERVAL, REFUSAL_MEMORY
from commands.model.finding import Severity
from commands.model.report import FileFormat, Report, ReportFile, TextFile
from tests.bot.alert_examples import FIRED, FIRING, RESOLVED
from tests.bot.rendering.examples import DETAILED
from tests.bot.slack.answers.test_charts import CHART, PNG
from tests.bot.slack.conftest import CANARY, House
from tests.commands.log_examples import excerpt
from tests.lab.workspace.faults import UPLOAD, DropAfter, DropBefore, Failing, Fault, ServerError
from tests.lab.workspace.message import Message

OPS, DEV, PARTNERS, BOARD = "C0OPS", "C0DEV", "C0PARTNERS", "C0BOARD"
ADMIN, OPERATOR = "U0ADMIN", "U0OPERATOR"


@pytest.fixture(autouse=True)
def invited(house: House) -> None:
    """The bot is in both channels."""
    house.workspace.invite_bot(DEV)


def bulletin(said: str = "all 3 hosts are healthy", *, channel: str = OPS, **more: Any) -> Announcement:
    report = Report(title=Phrase("Digest"), summary=Phrase("{said}", said=said), brief=True, **more)
    answer = Answer(operation="op-1", understood="digest", body=report)
    return Announcement("op-1", channel, answer, (Phrase("scheduled: {name} ({owner})", name="digest", owner="ana"),))


def edited(house: House, times: int) -> bool:
    """Whether messages were edited so often."""
    return len(house.workspace.calls("chat.update")) == times


async def test_it_is_said_once_in_the_words_of_its_channel(house: House) -> None:
    async with house.bot() as surface:
        await surface.announce(bulletin(channel=DEV))
        await surface.announce(bulletin("something else", channel=DEV))
        [text] = await house.public(DEV)
        await house.settled()
    assert "all 3 hosts are healthy" in text
    assert "定期実行: digest (ana)" in text
    assert 1 == len(house.workspace.messages(DEV))


async def test_after_a_restart_it_is_not_said_again(house: House) -> None:
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.public(OPS)
        await house.settled()
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.settled()
    assert 1 == len(house.workspace.messages(OPS))


@pytest.mark.parametrize("code", ["is_archived", "not_in_channel", "channel_not_found", "restricted_action"])
async def test_a_channel_that_does_not_take_it_leaves_it_to_the_second_one_and_the_bot_is_not_ready(
    house: House, code: str
) -> None:
    house.desk.fallback = Fallback(DEV, (ADMIN,))
    house.workspace.faults.switch_on("chat.postMessage", Failing(code), times=1)
    async with house.bot() as surface:
        await surface.announce(bulletin())
        [text] = await house.public(DEV)
        await house.settled()
        health = await surface.get_health()
        assert (False, False) == (health.announcements_accepted, health.healthy)
        house.time.move(REFUSAL_MEMORY.total_seconds())
        assert (await surface.get_health()).announcements_accepted
    assert "all 3 hosts are healthy" in text
    assert f"Intended for {OPS}, wh" in text
    assert () == house.workspace.messages(OPS)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("is_archived", "Unarchive it in Slack, or set"),
        ("not_in_channel", "/invite @flatnet"),
        ("restricted_action", "A channel manager can allow the app to post there, or set"),
    ],
)
async def test_it_says_what_helps(house: House, code: str, remedy: str) -> None:
    house.desk.fallback = Fallback(DEV, ())
    house.workspace.faults.switch_on("chat.postMessage", Failing(code), times=1)
    async with house.bot() as surface:
        await surface.announce(Announcement("op-1", OPS, bulletin().body))
        await house.workspace.seen(lambda: house.workspace.messages(DEV))
        await house.settled()
    [message] = house.workspace.messages(DEV)
    assert remedy in message.text or remedy in str(message.blocks)


async def test_once_the_channel_takes_it_again_the_bot_is_ready_again(house: House) -> None:
    house.desk.fallback = Fallback(DEV, ())
    house.workspace.faults.switch_on("chat.postMessage", Failing("is_archived"), times=1)
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.public(DEV)
        await house.settled()
        await surface.announce(Announcement("op-2", OPS, bulletin().body))
        await house.public(OPS)
        await house.settled()
        assert (await surface.get_health()).announcements_accepted


async def test_where_no_channel_takes_it_every_administrator_gets_it(house: House) -> None:
    house.desk.fallback = Fallback("", (ADMIN, OPERATOR))
    house.workspace.faults.switch_on("chat.postMessage", Failing("is_archived"), times=1)
    async with house.bot() as surface:
        await surface.announce(bulletin())
        texts = [*(await house.direct(ADMIN)), *(await house.direct(OPERATOR))]
        await house.settled()
        assert not (await surface.get_health()).announcements_accepted
    assert 2 == len([text for text in texts if "all 3 hosts are healthy" in text])


async def test_without_a_channel_the_administrators_are_told_and_that_is_no_trouble(house: House) -> None:
    house.desk.fallback = Fallback(DEV, (ADMIN,))
    async with house.bot() as surface:
        await surface.announce(bulletin(channel=""))
        [text] = await house.direct(ADMIN)
        await house.settled()
        assert (await surface.get_health()).announcements_accepted
    assert "Intended for" not in text


async def test_what_is_for_one_person_comes_directly_in_their_language(house: House) -> None:
    """Kenji reads Japanese; the bot asked Slack about him when it looked for the owner."""
    house.desk.fallback = Fallback(DEV, (ADMIN,))
    async with house.bot() as surface:
        await surface.refresh_identity(SlackIdentity("T0FLATNET", OPERATOR, Membership.UNKNOWN))
        await surface.announce(bulletin(channel=OPERATOR))
        [text] = await house.direct(OPERATOR)
        await house.settled()
        assert (await surface.get_health()).announcements_accepted
    assert "定期実行: digest (ana)" in text
    assert ((), ()) == (house.workspace.messages(DEV), house.workspace.direct(ADMIN))


async def test_where_nobody_takes_it_the_outbox_is_unwell(house: House) -> None:
    house.desk.fallback = Fallback("", ())
    house.workspace.faults.switch_on("chat.postMessage", Failing("is_archived"), times=1)
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.until(lambda: house.workspace.calls("chat.postMessage"))
        await house.settled()
        assert not (await surface.get_health()).sending


async def test_trouble_that_passes_is_waited_for_on_the_same_road(house: House) -> None:
    house.desk.fallback = Fallback(DEV, (ADMIN,))
    house.workspace.faults.switch_on("chat.postMessage", Failing("service_unavailable"), times=2)
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.moving(lambda: house.workspace.messages(OPS))
        await house.settled()
        assert (await surface.get_health()).announcements_accepted
    assert () == house.workspace.messages(DEV)


async def test_an_outage_of_slack_is_waited_for_and_is_no_fault_of_the_channel(house: House) -> None:
    house.desk.fallback = Fallback(DEV, (ADMIN,))
    house.workspace.faults.switch_on("chat.postMessage", Failing("service_unavailable"))
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.moving(lambda: house.time.elapsed > 1_800, step=20)
        house.workspace.faults.switch_off("chat.postMessage")
        await house.moving(lambda: house.workspace.messages(OPS), step=20)
        await house.settled()
        assert (await surface.get_health()).announcements_accepted
    assert ((), ()) == (house.workspace.messages(DEV), house.workspace.direct(ADMIN))


async def test_after_an_hour_of_trouble_it_takes_the_next_road_and_nobody_is_asked_to_mend_anything(
    house: House,
) -> None:
    house.desk.fallback = Fallback("", (ADMIN,))
    house.workspace.faults.switch_on("conversations.info", Failing("service_unavailable"))
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.moving(lambda: house.time.elapsed > MAX_OUTAGE.total_seconds() - 120, step=20)
        assert () == house.workspace.calls("chat.postMessage")
        await house.moving(lambda: house.workspace.direct(ADMIN), step=20)
        await house.settled()
        assert (await surface.get_health()).announcements_accepted
    [message] = house.workspace.direct(ADMIN)
    assert "Slack did not accept posts there for more than 1 hr (service_unavailable)." in message.text
    assert "/invite" not in message.text


LIST = TextFile(name="list.txt", text=f"a list\n{CANARY}")
COPY = ReportFile(name="report.md", form=FileFormat.MARKDOWN)


async def said_with_files(house: House, bulletin: Announcement) -> None:
    """One life of the bot, in which that is said, and its files after it."""
    async with house.bot() as surface:
        saying = asyncio.create_task(surface.announce(bulletin))
        await house.moving(saying.done)
        await saying
        await house.settled()


def in_thread(house: House, channel: str = OPS) -> list[str]:
    """The files below the one message in a channel, as they can be read now."""
    message = house.workspace.messages(channel)[0]
    replies = house.workspace.thread(channel, message.ts)
    contents = [house.workspace.file(file) for reply in replies for file in reply.files]
    return [content.decode() for content in contents if content is not None]


async def test_its_files_stand_in_its_thread_once(house: House) -> None:
    for _ in range(2):
        await said_with_files(house, bulletin(files=(LIST, COPY)))

    text, markdown = in_thread(house)
    assert "a list\n[redacted]" == text
    assert markdown.startswith("# Digest\n\nall 3 hosts are healthy\n")


async def test_lines_that_its_message_has_no_room_for_follow_in_its_thread(house: House) -> None:
    """As those of an answer that somebody asked for."""
    await said_with_files(house, bulletin(excerpt=excerpt(45)))

    [text] = in_thread(house)
    assert [0, 44] == [number for number in (0, 44, 45) if f"line-{number}\n" in text]


@pytest.mark.parametrize("place", ["files.getUploadURLExternal", UPLOAD, "files.completeUploadExternal"])
async def test_a_file_that_slack_does_not_take_for_a_moment_is_tried_again_and_seen_once(house: House, place: str) -> None:
    house.workspace.faults.switch_on(place, ServerError(503), times=2)

    await said_with_files(house, bulletin(files=(LIST, COPY)))

    assert ["a list", "# Digest"] == [content.splitlines()[0] for content in in_thread(house)]
    assert [] == [text for text in texts_below(house, OPS) if text]


@pytest.mark.parametrize("code", ["service_unavailable", "storage_limit_reached"])
async def test_where_slack_takes_no_file_that_is_said_once_below_the_message(house: House, code: str) -> None:
    house.workspace.faults.switch_on("files.completeUploadExternal", Failing(code))
    for _ in range(2):
        await said_with_files(house, bulletin(files=(LIST, COPY)))

    assert [f"Could not upload the file: Slack rejected it ({code}). Try again later."] == texts_below(house, OPS)


async def test_what_was_refused_for_good_is_not_tried_again(house: House) -> None:
    house.workspace.faults.switch_on("files.completeUploadExternal", Failing("storage_limit_reached"))

    await said_with_files(house, bulletin(files=(LIST,)))

    assert 1 == len(house.workspace.calls("files.completeUploadExternal"))


@pytest.mark.slow
async def test_a_message_that_comes_too_late_says_that_its_files_are_missing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread_files, "MAX_POLLS", 30)
    house.workspace.faults.switch_on("chat.postMessage", Failing("service_unavailable"))
    async with house.bot() as surface:
        saying = asyncio.create_task(surface.announce(bulletin(files=(LIST,))))
        await house.moving(saying.done, step=POLL_INTERVAL)
        house.workspace.faults.switch_off("chat.postMessage")
        await house.moving(lambda: house.workspace.messages(OPS) and texts_below(house, OPS), step=20)
        await house.settled()
    assert [str(TOO_LATE)] == texts_below(house, OPS)


async def test_without_a_channel_nobody_waits_for_files(house: House) -> None:
    async with house.bot() as surface:
        await surface.announce(bulletin(channel="", files=(LIST,)))
        await house.direct(ADMIN)
    assert 0.0 == house.time.elapsed


async def test_a_copy_of_it_is_written_in_the_words_of_its_channel(house: House) -> None:
    await said_with_files(house, bulletin(channel=DEV, files=(COPY,)))

    [markdown] = in_thread(house, DEV)
    assert markdown.startswith("# ダイジェスト\n")


async def test_a_picture_does_not_stand_in_the_way_of_its_files(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "chart.png").write_bytes(PNG)
    monkeypatch.setattr(drawing, "PROGRAM", ("cat", str(tmp_path / "chart.png")))

    await said_with_files(house, bulletin(files=(COPY,), chart=CHART))

    assert ["# Digest"] == [content.splitlines()[0] for content in in_thread(house)]


@pytest.mark.parametrize("place", ["files.getUploadURLExternal", UPLOAD, "files.completeUploadExternal"])
@pytest.mark.parametrize("lost", [DropBefore(), DropAfter()], ids=["the call is lost", "the answer is lost"])
async def test_files_that_were_cut_off_are_seen_once_after_the_next_start(house: House, place: str, lost: Fault) -> None:
    """What was begun and is not known to be seen goes, and is shown anew; the others stay as they are."""
    with_files = bulletin(files=(LIST, COPY))
    house.workspace.faults.switch_on(place, lost, times=1)
    for _ in range(2):
        await said_with_files(house, with_files)

    assert ["# Digest", "a list"] == sorted(content.splitlines()[0] for content in in_thread(house))


@pytest.mark.parametrize("refusal", ["is_archived", "shared"])
async def test_files_follow_what_was_said_to_the_second_channel(house: House, refusal: str) -> None:
    """And never into the channel that it was meant for."""
    house.desk.fallback = Fallback(DEV, (ADMIN,))
    if refusal != "shared":
        house.workspace.faults.switch_on("chat.postMessage", Failing(refusal), times=1)

    await said_with_files(house, bulletin(channel=PARTNERS if refusal == "shared" else OPS, files=(LIST,)))

    assert ["a list\n[redacted]"] == in_thread(house, DEV)
    shown = [call.arguments["channel_id"] for call in house.workspace.calls("files.completeUploadExternal")]
    assert [DEV] == shown
    assert ((), ()) == (house.workspace.messages(PARTNERS), house.workspace.messages(OPS))


async def test_files_do_not_follow_into_a_channel_that_has_become_shared_meanwhile(house: House) -> None:
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.public(OPS)
        await house.settled()
    house.workspace.connect(OPS)
    house.time.move(CACHE_SECONDS)

    await said_with_files(house, bulletin(files=(LIST,)))

    assert [] == in_thread(house)
    assert () == house.workspace.calls("files.getUploadURLExternal")


def texts_below(house: House, channel: str) -> list[str]:
    """What stands in the thread of the one message in a channel."""
    [first] = [message for message in house.workspace.messages(channel) if message.thread_ts in (None, message.ts)]
    return [each.text for each in house.workspace.thread(channel, first.ts) if each.ts != first.ts]


async def test_what_went_to_the_second_channel_is_edited_there_with_its_word_in_its_thread(house: House) -> None:
    house.desk.fallback = Fallback(DEV, (ADMIN,))
    house.workspace.faults.switch_on("chat.postMessage", Failing("is_archived"), times=1)
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.public(DEV)
        await house.settled()
        await surface.revise(bulletin("renewed"), Phrase("renewed"))
        await house.moving(partial(edited, house, 1))
        await house.moving(lambda: texts_below(house, DEV))
        await house.settled()
        assert not (await surface.get_health()).announcements_accepted
    assert "renewed" in house.workspace.messages(DEV)[0].text
    assert ["Renewed"] == texts_below(house, DEV)
    assert () == house.workspace.messages(OPS)


async def test_what_was_said_before_its_channel_was_replaced_is_edited_where_it_stands(house: House) -> None:
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.public(OPS)
        await house.settled()
        await surface.revise(bulletin("renewed", channel=DEV), Phrase("renewed"))
        await house.moving(partial(edited, house, 1))
        await house.moving(lambda: texts_below(house, OPS))
        await house.settled()
    assert "renewed" in house.workspace.messages(OPS)[0].text
    assert ["renewed"] == texts_below(house, OPS)
    assert () == house.workspace.messages(DEV)


async def test_where_its_old_channel_takes_nothing_more_it_moves_to_its_new_one(house: House) -> None:
    """From then on it is edited there."""
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.public(OPS)
        await house.settled()
        house.workspace.faults.switch_on("chat.update", Failing("is_inactive"), times=1)
        await surface.revise(bulletin("bound", channel=DEV), None)
        await house.moving(lambda: house.workspace.messages(DEV))
        await house.settled()
        house.time.move(EDIT_INTERVAL)
        await surface.revise(bulletin("renewed", channel=DEV), Phrase("renewed"))
        await house.moving(lambda: texts_below(house, DEV))
        await house.moving(partial(edited, house, 2))
        await house.settled()
        assert (await surface.get_health()).announcements_accepted
    assert "renewed" in house.workspace.messages(DEV)[0].text
    assert ["renewed"] == texts_below(house, DEV)
    assert 1 == len(house.workspace.messages(OPS))


async def test_what_was_said_becomes_something_else_and_a_word_stands_in_its_thread(house: House) -> None:
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.public(OPS)
        await house.settled()
        house.time.move(timedelta(days=3).total_seconds())
        for times in (1, 2):
            await surface.revise(bulletin("renewed"), Phrase("renewed"))
            await house.moving(partial(edited, house, times))
            await house.settled()
    first = house.workspace.messages(OPS)[0]
    assert ["Renewed"] == [each.text for each in house.workspace.thread(OPS, first.ts) if each.ts != first.ts]


def small_letters(message: Message) -> list[str]:
    """The notes below a message."""
    return [each["text"] for block in message.blocks if block["type"] == "context" for each in block["elements"]]


async def test_its_notes_stay_when_it_is_seen_in_another_way(house: House) -> None:
    notes = (Phrase("scheduled: {name} ({owner})", name="digest", owner="ana"), Phrase("missed {n}", n=2))
    async with house.bot() as surface:
        await surface.announce(
            Announcement("op-1", OPS, Answer(operation="op-1", understood="digest", body=DETAILED), notes)
        )
        await house.public(OPS)
        await house.settled()
        [first] = house.workspace.messages(OPS)
        await house.workspace.click(OPERATOR, first, "show.details")
        await house.moving(lambda: house.workspace.messages(OPS)[0].edits)
        await house.settled()
    [second] = house.workspace.messages(OPS)
    assert ["Scheduled: digest (ana)", "Missed 2"] == small_letters(first)[-2:] == small_letters(second)[-2:]
    assert "Requested by" not in str(second.blocks)


async def test_buttons_of_what_was_said_work_on_the_kept_answer(house: House) -> None:
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.public(OPS)
        await house.settled()
    kept = await house.rows.answers.find("op-1", house.time.now())
    assert kept is not None
    assert ("digest", "flatnet-bot") == (kept.words, kept.actor)


async def test_a_private_one_goes_to_the_administrators_and_never_to_the_second_channel(house: House) -> None:
    house.desk.fallback = Fallback(DEV, (ADMIN,))
    house.workspace.faults.switch_on("chat.postMessage", Failing("not_in_channel"), times=1)
    async with house.bot() as surface:
        await surface.announce(replace(bulletin("the key was stolen"), private=True))
        [text] = await house.direct(ADMIN)
        await house.settled()
    assert "the key was stolen" in text
    assert () == house.workspace.messages(DEV)


MESSAGE = "alert-1"


def alarm(*alerts: Alert, name: str = MESSAGE, channel: str = OPS) -> Announcement:
    return Announcement(name, channel, AlertNotice(at=FIRED, alerts=alerts or (FIRING,)))


def page(name: str = f"{MESSAGE}:word:1", *, channel: str = OPS, below: str = MESSAGE, **more: Any) -> Announcement:
    word = AlertWord(severity=Severity.CRITICAL, phrase=Phrase("Nebula stopped"), alerts=(FIRING,), **more)
    return Announcement(name, channel, word, below=below)


async def test_an_alert_is_a_message_that_is_edited_and_its_words_are_in_its_thread(house: House) -> None:
    async with house.bot() as surface:
        await surface.announce(alarm())
        await surface.announce(page(mentions=(OPERATOR,)))
        await surface.announce(page(mentions=(OPERATOR,)))
        await house.public(OPS)
        await house.settled()
        await surface.revise(alarm(RESOLVED), None)
        await house.moving(lambda: edited(house, 1))
        await house.settled()
    parent, reply = house.workspace.messages(OPS)
    assert parent.text.startswith("host-a: Nebula stopped — resolved after 42 min")
    assert (f"<@{OPERATOR}> :red_circle: Nebula stopped", parent.ts) == (reply.text, reply.thread_ts)


async def test_an_alert_overtakes_what_else_its_channel_waits_for(house: House) -> None:
    house.workspace.faults.switch_on("chat.postMessage", ServerError(503), times=1)
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.until(lambda: house.workspace.calls("chat.postMessage"))
        await house.settled()
        await surface.announce(alarm())
        [text] = await house.public(OPS)
    assert text.startswith("host-a: Nebula stopped")


async def test_what_waits_while_slack_is_away_is_brought_up_to_date_or_withdrawn(house: House) -> None:
    house.workspace.faults.switch_on("chat.postMessage", ServerError(503))
    async with house.bot() as surface:
        assert DeliveryStage.ABSENT is await surface.find_delivery(MESSAGE)
        await surface.announce(alarm())
        await house.until(lambda: house.workspace.calls("chat.postMessage"))
        await house.settled()
        await surface.announce(page())
        assert DeliveryStage.WAITING is await surface.find_delivery(MESSAGE)
        assert 1 == await surface.withdraw(f"{MESSAGE}:")
        await surface.revise(alarm(RESOLVED), None)
        house.workspace.faults.switch_off("chat.postMessage")
        await house.moving(lambda: house.workspace.messages(OPS), 60.0)
        await house.settled()
        assert DeliveryStage.BEGUN is await surface.find_delivery(MESSAGE)
    assert ["host-a: Nebula stopped — resolved after 42 min"] == [
        message.text.splitlines()[0] for message in house.workspace.messages(OPS)
    ]
    assert () == house.workspace.calls("chat.update")


async def test_what_waits_for_administrators_is_brought_up_to_date_too(house: House) -> None:
    house.desk.fallback = Fallback("", (ADMIN,))
    house.workspace.faults.switch_on("chat.postMessage", ServerError(503))
    async with house.bot() as surface:
        await surface.announce(alarm(channel=""))
        await house.until(lambda: house.workspace.calls("chat.postMessage"))
        await house.settled()
        assert DeliveryStage.WAITING is await surface.find_delivery(MESSAGE)
        await surface.revise(alarm(RESOLVED, channel=""), None)
        house.workspace.faults.switch_off("chat.postMessage")
        await house.moving(lambda: house.workspace.direct(ADMIN), 60.0)
        await house.settled()
    assert ["host-a: Nebula stopped — resolved after 42 min"] == [
        message.text.splitlines()[0] for message in house.workspace.direct(ADMIN)
    ]


async def test_an_alert_of_an_archived_channel_goes_to_the_second_one_with_its_words(house: House) -> None:
    house.desk.fallback = Fallback(DEV, (ADMIN,))
    house.workspace.faults.switch_on("chat.postMessage", Failing("is_archived"), times=1)
    async with house.bot() as surface:
        await surface.announce(alarm())
        await surface.announce(page())
        await house.moving(lambda: len(house.workspace.messages(DEV)) == 2)
        await house.settled()
    parent, reply = house.workspace.messages(DEV)
    assert parent.ts == reply.thread_ts


async def test_an_alert_that_no_channel_takes_goes_to_the_administrators_and_its_edits_do_not(house: House) -> None:
    house.desk.fallback = Fallback("", (ADMIN,))
    async with house.bot() as surface:
        house.workspace.faults.switch_on("chat.postMessage", Failing("is_archived"), times=1)
        await surface.announce(alarm())
        [text] = await house.direct(ADMIN)
        await house.settled()
        await surface.revise(alarm(RESOLVED), None)
        await house.settled()
        await surface.announce(page(channel=""))
        await house.direct(ADMIN, 2)
    assert "host-a: Nebula stopped" in text


async def test_people_who_are_mentioned_and_do_not_see_the_channel_get_the_word_directly(house: House) -> None:
    house.workspace.invite_bot(BOARD)
    async with house.bot() as surface:
        await surface.announce(alarm(channel=BOARD))
        await surface.announce(page(channel=BOARD, mentions=(ADMIN, "S0OPERATORS")))
        [text] = await house.direct(OPERATOR)
        await house.settled()
    assert text.startswith(":red_circle: Nebula が停止")
    assert () == house.workspace.direct(ADMIN)


async def test_the_second_step_is_a_direct_message_once_in_the_words_of_each_person(house: House) -> None:
    async with house.bot() as surface:
        for _ in range(2):
            await surface.announce(page(f"{MESSAGE}:second:1", channel=OPERATOR, below=""))
        [text] = await house.direct(OPERATOR)
        await house.settled()
    assert text.startswith(":red_circle: Nebula が停止")
    assert () == house.workspace.messages(OPS)


async def test_a_plain_word_is_posted_and_edited_exactly_as_it_is_without_notifying_anyone(house: House) -> None:
    def make(name: str, text: str, below: str = "") -> Announcement:
        return Announcement(name, OPS, PlainWord(phrase=Phrase("{text}", text=text)), private=True, below=below)

    async with house.bot() as surface:
        await surface.announce(make("word", "We are on it. <!channel>"))
        await surface.announce(make("word-1", "We are on it. <!channel>", "word"))
        await house.workspace.seen(lambda: len(house.workspace.messages(OPS)) == 2)
        house.time.move(EDIT_INTERVAL)
        await surface.revise(make("word", "x" * 2_000), None)
        await house.workspace.seen(lambda: edited(house, 1))
        await house.settled()
    head, reply = house.workspace.messages(OPS)
    assert ("x" * 2_000, "We are on it. &lt;!channel&gt;") == (head.text, reply.text)
    assert (head.ts, ()) == (reply.thread_ts, tuple(head.blocks))
