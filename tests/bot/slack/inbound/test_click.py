"""Buttons below an answer: the kept answer is seen in another way, and nobody is asked again."""

import asyncio
import zlib
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from adapters.phrase import Phrase
from bot.model.request import Answer, Request
from bot.rendering.slack.blocks import SlackMessage
from bot.rendering.slack.buttons import AnswerView, make_command_button
from bot.slack.click_payload import find_thread, parse_click
from bot.store.answers import RETENTION
from bot.store.condition import check_writable
from bot.store.schema.tables import ANSWERS
from commands.model.report import Cell, Report, Row
from tests.bot.rendering.examples import DETAILED, HOSTS
from tests.bot.slack.conftest import House
from tests.lab.workspace.faults import RESPONSE_URL, Failing
from tests.lab.workspace.message import Message
from tests.lab.workspace.seed import Kind

MANY = HOSTS.model_copy(
    update={
        "rows": tuple(
            Row(host=f"host-{n:03}", cells=(Cell.of(f"host-{n:03}"), Cell.of(str(n)), *HOSTS.rows[0].cells[2:]))
            for n in range(900)
        )
    }
)
"""Hosts that differ, because a list puts those with the same values together."""


def answering(report: Report, *, here: bool = False) -> Any:
    """A desk's answer that is always this report."""

    def answer(request: Request) -> Answer:
        return Answer(operation=f"op-{request.key}", understood="health", body=report, here=here)

    return answer


def said(message: Message) -> str:
    return str(message.blocks)


async def asked(house: House, report: Report, user: str = "U0ADMIN") -> Message:
    """A private answer, just given."""
    house.desk.answer = answering(report)
    await house.workspace.slash(user, "C0OPS", "health")
    await house.private(user)
    return house.workspace.private(user)[0]


async def posted(house: House, report: Report) -> Message:
    """An answer for all, just given."""
    house.desk.answer = answering(report, here=True)
    await house.workspace.slash("U0ADMIN", "C0OPS", "health --here")
    await house.public("C0OPS")
    return house.workspace.messages("C0OPS")[0]


async def test_details_take_the_place_of_the_private_answer_and_go_again(house: House) -> None:
    async with house.bot():
        first = await asked(house, DETAILED)
        await house.workspace.click("U0ADMIN", first, "show.details")
        await house.workspace.seen(lambda: "1.9.5" in said(house.workspace.private("U0ADMIN")[0]))
        [second] = house.workspace.private("U0ADMIN")
        await house.workspace.click("U0ADMIN", second, "show.less")
        await house.workspace.seen(lambda: "1.9.5" not in said(house.workspace.private("U0ADMIN")[0]))
        assert first.blocks == house.workspace.private("U0ADMIN")[0].blocks
    assert 1 == len(house.desk.requests)


async def test_a_message_for_all_is_edited_in_its_place_and_still_says_who_asked(house: House) -> None:
    async with house.bot():
        first = await posted(house, DETAILED)
        await house.workspace.click("U0OPERATOR", first, "show.details")
        await house.workspace.seen(lambda: "1.9.5" in said(house.workspace.messages("C0OPS")[0]))
        [message] = house.workspace.messages("C0OPS")
    assert (first.ts, 1) == (message.ts, len(message.edits))
    assert "<@U0ADMIN>" in said(message)


async def test_many_clicks_on_one_message_are_few_edits_and_the_last_one_stays(house: House) -> None:
    async with house.bot():
        first = await posted(house, MANY)
        await house.workspace.click("U0ADMIN", first, "show.after")
        await house.workspace.seen(lambda: house.workspace.messages("C0OPS")[0].edits)
        second = house.workspace.messages("C0OPS")[0]
        for action in ("show.after", "show.before", "show.after"):
            await house.workspace.click("U0ADMIN", second, action)
            while (await check_writable(house.database)).inbox_unfinished:
                await asyncio.sleep(0.002)
        await house.moving(lambda: "page 3 of" in said(house.workspace.messages("C0OPS")[0]))
        await house.settled()
    assert 2 == len(house.workspace.messages("C0OPS")[0].edits)


async def test_a_message_that_was_deleted_meanwhile_is_not_posted_anew(house: House) -> None:
    async with house.bot():
        first = await posted(house, DETAILED)
        house.workspace.faults.switch_on("chat.update", Failing("message_not_found"))
        await house.workspace.click("U0ADMIN", first, "show.details")
        [text] = await house.private("U0ADMIN")
        assert "the message you clicked no longer exists." in text
        assert 1 == len(house.workspace.messages("C0OPS"))


async def test_in_an_archived_channel_the_person_gets_it_alone(house: House) -> None:
    async with house.bot():
        first = await posted(house, DETAILED)
        house.workspace.archive("C0OPS")
        await house.workspace.click("U0ADMIN", first, "show.details")
        [text] = await house.private("U0ADMIN")
    assert "Slack rejected the message in that channel (is_inactive)." in text


async def test_where_the_bot_was_removed_meanwhile_it_says_how_to_invite_it(house: House) -> None:
    async with house.bot():
        first = await posted(house, DETAILED)
        house.workspace.remove_bot("C0OPS")
        await house.workspace.click("U0ADMIN", first, "show.details")
        [text] = await house.private("U0ADMIN")
    assert "/invite @flatnet" in text


async def test_an_answer_that_is_no_longer_kept_explains_itself(house: House) -> None:
    async with house.bot():
        first = await asked(house, DETAILED)
        house.time.elapsed += RETENTION / timedelta(seconds=1)
        await house.workspace.click("U0ADMIN", first, "show.details")
        texts = await house.private("U0ADMIN", 2)
    assert texts[1].startswith("This result has expired.")


async def test_an_answer_that_another_version_of_the_bot_kept_counts_as_gone(house: House) -> None:
    async with house.bot():
        first = await posted(house, DETAILED)
        older = zlib.compress(b'{"operation": "op-1", "understood": "health", "body": {"file": null}}')
        await house.database.run(lambda connection: connection.execute(update(ANSWERS).values(document=older)))
        await house.workspace.click("U0ADMIN", first, "show.details")
        [text] = await house.private("U0ADMIN")
    assert text.startswith("This result has expired.")


async def test_who_may_no_longer_ask_may_no_longer_look(house: House) -> None:
    """The person became a guest after the answer."""
    async with house.bot():
        first = await posted(house, DETAILED)
        await house.workspace.click("U0OPERATOR", first, "show.details")
        await house.workspace.seen(lambda: house.workspace.messages("C0OPS")[0].edits)
        person = house.workspace.person("U0OPERATOR")
        house.workspace.change_person(type(person)(**{**vars(person), "kind": Kind.GUEST}))
        house.time.elapsed += 3_601
        await house.workspace.click("U0OPERATOR", house.workspace.messages("C0OPS")[0], "show.less")
        [text] = await house.private("U0OPERATOR")
    assert "only members may ask" in text


async def test_words_on_a_button_are_asked_as_if_typed_and_answered_where_the_click_was(house: House) -> None:
    report = Report(title=Phrase("Health"), summary=Phrase("healthy"), next=("health host-b --details",))
    async with house.bot():
        first = await asked(house, report)
        delivery = await house.workspace.click("U0ADMIN", first, "run.0")
        assert 2 == len(await house.private("U0ADMIN", 2))
    request = house.desk.requests[1]
    assert ("health host-b --details", "C0OPS", delivery.trigger_id) == (request.text, request.channel, request.key)


async def in_thread(house: House, report: Report) -> Message:
    """An answer for all in a thread, just given."""
    house.desk.answer = answering(report)
    first = await house.workspace.say("U0VIEWER", "C0OPS", "is something wrong?")
    await house.workspace.say("U0ADMIN", "C0OPS", "<@U0FLATNET> health", first.ts)
    await house.workspace.seen(lambda: len(house.workspace.thread("C0OPS", first.ts)) == 3)
    return house.workspace.thread("C0OPS", first.ts)[-1]


async def test_an_explanation_of_a_click_in_a_thread_is_shown_in_the_thread(house: House) -> None:
    """A response_url knows no threads: it would be shown at the root of the channel, far away."""
    async with house.bot():
        answer = await in_thread(house, DETAILED)
        house.time.elapsed += RETENTION / timedelta(seconds=1)
        await house.workspace.click("U0ADMIN", answer, "show.details")
        [text] = await house.private("U0ADMIN")
    assert text.startswith("This result has expired.")
    assert [answer.thread_ts] == [message.thread_ts for message in house.workspace.private("U0ADMIN")]
    assert () == house.workspace.calls(RESPONSE_URL)


@pytest.mark.parametrize("code", ["not_in_channel", "user_not_in_channel", "restricted_action"])
async def test_an_explanation_that_the_thread_refuses_is_shown_at_the_root_of_the_channel(house: House, code: str) -> None:
    """Privately as well, so that nothing needs to be said about it."""
    async with house.bot():
        answer = await in_thread(house, DETAILED)
        house.time.elapsed += RETENTION / timedelta(seconds=1)
        house.workspace.faults.switch_on("chat.postEphemeral", Failing(code))
        await house.workspace.click("U0ADMIN", answer, "show.details")
        [text] = await house.private("U0ADMIN")
    assert text == "This result has expired. Type /flatnet for the current status."
    assert [None] == [message.thread_ts for message in house.workspace.private("U0ADMIN")]


async def test_an_explanation_that_finds_no_private_place_is_a_direct_message_that_says_so(house: House) -> None:
    async with house.bot():
        answer = await in_thread(house, DETAILED)
        house.time.elapsed += RETENTION / timedelta(seconds=1)
        house.workspace.faults.switch_on("chat.postEphemeral", Failing("not_in_channel"))
        house.workspace.faults.switch_on(RESPONSE_URL, Failing("used_url"))
        await house.workspace.click("U0ADMIN", answer, "show.details")
        [text] = await house.direct("U0ADMIN")
    assert text.endswith("\nSent as a direct message because replies are no longer possible there.")


async def test_slack_failing_for_minutes_does_not_keep_an_explanation_from_the_person(house: House) -> None:
    async with house.bot():
        answer = await in_thread(house, DETAILED)
        house.time.elapsed += RETENTION / timedelta(seconds=1)
        house.workspace.faults.switch_on("chat.postEphemeral", Failing("internal_error"))
        await house.workspace.click("U0ADMIN", answer, "show.details")
        await house.moving(lambda: house.workspace.private("U0ADMIN"))


async def test_a_click_on_a_message_with_replies_is_none_in_a_thread(house: House) -> None:
    """Slack names the thread of the first message, too."""
    click = {"user": {"id": "U1", "team_id": "T1"}, "channel": {"id": "C1"}, "actions": [{"action_id": "run.0"}]}
    roots = [{"message_ts": "1.0", "thread_ts": "1.0"}, {"message_ts": "1.0"}]
    parsed = [parse_click({**click, "container": container}) for container in (*roots, {**roots[0], "message_ts": "2.0"})]
    assert ["", "", "1.0"] == [find_thread(each) for each in parsed if each is not None]


async def test_an_old_button_in_a_thread_is_explained_there(house: House) -> None:
    async with house.bot():
        answer = await in_thread(house, DETAILED)
        button = {"type": "button", "action_id": "ancient", "text": {"type": "plain_text", "text": "Go"}}
        async with house.api() as api:
            old = SlackMessage("old", ({"type": "actions", "elements": [button]},))
            ts = await api.post("C0OPS", old, answer.thread_ts or "")
        [message] = [each for each in house.workspace.thread("C0OPS", answer.thread_ts or "") if each.ts == ts]
        await house.workspace.click("U0ADMIN", message, "ancient")
        [text] = await house.private("U0ADMIN")
    assert "its buttons no longer work" in text
    assert [answer.thread_ts] == [each.thread_ts for each in house.workspace.private("U0ADMIN")]


async def test_a_form_opened_in_a_thread_is_answered_there(house: House) -> None:
    report = Report(title=Phrase("Health"), summary=Phrase("healthy"))
    async with house.bot():
        answer = await in_thread(house, report)
        denial = make_command_button("Deny", "form.deny", "deny op-0123456789ab")
        async with house.api() as api:
            ts = await api.post(
                "C0OPS", SlackMessage("card", ({"type": "actions", "elements": [denial]},)), answer.thread_ts or ""
            )
        [message] = [each for each in house.workspace.thread("C0OPS", answer.thread_ts or "") if each.ts == ts]
        await house.workspace.click("U0ADMIN", message, "form.deny")
        await house.workspace.seen(lambda: house.workspace.view("U0ADMIN"))
        await house.workspace.submit("U0ADMIN", {"deny.why": "not now"})
        await house.private("U0ADMIN")
    assert [answer.thread_ts] == [each.thread_ts for each in house.workspace.private("U0ADMIN")]


async def test_a_long_answer_becomes_a_file_that_goes_with_the_answer(house: House) -> None:
    async with house.bot():
        first = await posted(house, MANY)
        await house.workspace.click("U0ADMIN", first, "file")
        await house.workspace.seen(lambda: len(house.workspace.thread("C0OPS", first.ts)) > 1)
        [file] = house.workspace.thread("C0OPS", first.ts)[1].files
        content = house.workspace.file(file)
        assert content is not None
        assert 901 == len(content.decode("utf-8-sig").splitlines())
        await house.settled()
        house.time.elapsed += RETENTION / timedelta(seconds=1)
        house.time.move(1.0)
        await house.workspace.seen(lambda: house.workspace.file(file) is None)


async def test_the_file_of_a_private_answer_comes_as_a_direct_message(house: House) -> None:
    async with house.bot():
        first = await asked(house, MANY)
        await house.workspace.click("U0ADMIN", first, "file")
        await house.workspace.seen(lambda: any(message.files for message in house.workspace.direct("U0ADMIN")))
        assert "The file was sent to you as a direct message." in (await house.private("U0ADMIN", 2))[1]
    assert () == house.workspace.messages("C0OPS")


async def test_a_file_that_slack_does_not_take_is_explained(house: House) -> None:
    async with house.bot():
        first = await posted(house, MANY)
        house.workspace.faults.switch_on("files.getUploadURLExternal", Failing("storage_limit_reached"))
        await house.workspace.click("U0ADMIN", first, "file")
        [text] = await house.private("U0ADMIN")
    assert "storage_limit_reached" in text


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{}",
        '{"operation":"op-x"}',
        '{"operation":7}',
        '{"operation":"x","page":-1}',
        '{"operation":"x","picture":"F/../x"}',
        "null",
    ],
)
def test_what_a_button_carries_is_foreign(value: str) -> None:
    assert AnswerView.from_value(value) is None or AnswerView.from_value(value) == AnswerView(operation="op-x")


@pytest.mark.parametrize("body", [{}, {"user": "U1"}, {"actions": []}, {"actions": ["x"], "user": {"id": "U0ADMIN"}}])
def test_a_click_that_does_not_say_who_clicked_what_is_none(body: dict[str, Any]) -> None:
    assert parse_click(body) is None
