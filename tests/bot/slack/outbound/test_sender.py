"""Slack is slow, away, or refuses: nothing is lost in silence."""

from datetime import timedelta

import pytest

from bot.rendering.slack.blocks import SlackMessage
from bot.slack.outbound.message import Address, build_post
from bot.slack.outbound.sender import MAX_CONCURRENT_CALLS, MESSAGE_LIFETIME
from bot.store.outbox_values import PostState
from tests.bot.slack.conftest import MANIFEST, House, well
from tests.lab.workspace import Workspace
from tests.lab.workspace.faults import (
    RESPONSE_URL,
    DropAfter,
    DropBefore,
    Failing,
    Fault,
    RateLimited,
    ServerError,
    Slow,
)
from tests.lab.workspace.message import Message as Sent
from tests.lab.workspace.seed import Sharing

AGAIN = "Sent again"


@pytest.mark.parametrize(
    ("fault", "marked"),
    [
        (RateLimited(2), False),
        (ServerError(500), True),
        (ServerError(502), True),
        (ServerError(503), False),
        (DropBefore(), True),
        (Failing("internal_error"), True),
        (Failing("service_unavailable"), False),
        (Failing("message_limit_exceeded"), False),
        (Failing("team_added_to_org"), False),
    ],
    ids=str,
)
@pytest.mark.parametrize("place", [RESPONSE_URL, "chat.postMessage"])
async def test_what_passes_by_itself_is_tried_again(house: House, place: str, fault: Fault, marked: bool) -> None:
    """And marked as a repetition where Slack may have taken the first one."""
    house.desk.answer = lambda request: well(request, here=place != RESPONSE_URL)
    house.workspace.faults.switch_on(place, fault, times=2)

    def seen() -> tuple[Sent, ...]:
        return house.workspace.private("U0ADMIN") if place == RESPONSE_URL else house.workspace.messages("C0OPS")

    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await house.until(lambda: house.workspace.calls(place))
        assert () == seen()
        await house.moving(seen)
        await house.settled()
    [message] = seen()
    assert "3 hosts are healthy" in message.text
    assert marked == (AGAIN in message.text)
    assert 3 == len(house.workspace.calls(place))


async def test_a_message_whose_answer_was_lost_appears_twice_and_the_second_says_so(house: House) -> None:
    """Slack has no idempotency key: a marked repetition is the honest choice."""
    house.workspace.faults.switch_on(RESPONSE_URL, DropAfter(), times=1)
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await house.moving(lambda: len(house.workspace.private("U0ADMIN")) == 2)
    first, second = house.workspace.private("U0ADMIN")
    assert AGAIN not in first.text
    assert AGAIN in second.text


async def test_retry_after_is_obeyed(house: House) -> None:
    house.workspace.faults.switch_on(RESPONSE_URL, RateLimited(30), times=1)
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await house.until(lambda: house.workspace.calls(RESPONSE_URL))
        await house.settled()
        next_try = (await house.rows.outbox.find_due()).next_at
        assert house.time.now() + timedelta(seconds=30) == next_try
        await house.moving(lambda: house.workspace.private("U0ADMIN"))


@pytest.mark.parametrize(
    ("channel", "why"),
    [
        ("C0DEV", "/invite @flatnet"),
        ("C0BOARD", "/invite @flatnet"),
        ("C0PARTNERS", "shared with another organization"),
    ],
    ids=["not a member", "a private channel", "a shared channel"],
)
async def test_an_answer_for_all_that_the_channel_does_not_take_comes_privately(
    house: House, channel: str, why: str
) -> None:
    house.desk.answer = lambda request: well(request, here=True)
    async with house.bot() as surface:
        await house.workspace.slash("U0ADMIN", channel, "health --here")
        [text] = await house.private("U0ADMIN")
        await house.settled()
        assert (await surface.get_health()).healthy
    assert "3 hosts are healthy" in text
    assert why in text
    assert () == house.workspace.messages(channel)


@pytest.mark.parametrize("code", ["not_in_channel", "channel_not_found", "is_archived", "restricted_action"])
async def test_each_refusal_of_a_channel_leads_to_the_person(house: House, code: str) -> None:
    house.desk.answer = lambda request: well(request, here=True)
    house.workspace.faults.switch_on("chat.postMessage", Failing(code), times=1)
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health --here")
        [text] = await house.private("U0ADMIN")
    assert "Only visible to you" in text


async def test_a_channel_of_which_slack_does_not_tell_whether_it_is_shared_gets_nothing(house: House) -> None:
    house.desk.answer = lambda request: well(request, here=True)
    house.workspace.faults.switch_on("conversations.info", Failing("access_denied"))
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health --here")
        [text] = await house.private("U0ADMIN")
    assert "could not check whether that channel is shared" in text
    assert () == house.workspace.messages("C0OPS")


@pytest.mark.parametrize(
    ("sharing", "why"),
    [
        (Sharing.SHARED, "shared with another organization"),
        (Sharing.INVITED, "shared with another organization"),
        (Sharing.UNSAID, "could not check whether that channel is shared"),
    ],
)
async def test_only_a_channel_that_is_clearly_not_shared_gets_an_answer(house: House, sharing: Sharing, why: str) -> None:
    house.workspace.connect("C0OPS", sharing)
    house.desk.answer = lambda request: well(request, here=True)
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health --here")
        [text] = await house.private("U0ADMIN")
    assert why in text
    assert () == house.workspace.messages("C0OPS")


async def test_between_two_people_there_is_no_advice_to_invite(house: House) -> None:
    """`/invite` does not exist in a direct message."""
    house.workspace.talk_privately("U0ADMIN", "U0OPERATOR", name="D0TWO")
    house.desk.answer = lambda request: well(request, here=True)
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "D0TWO", "health --here")
        [text] = await house.private("U0ADMIN")
    assert text.endswith("Only visible to you: the bot is not part of that direct message.")


async def test_without_the_scope_of_group_direct_messages_the_answer_says_so(house: House) -> None:
    house.workspace = Workspace(MANIFEST, withheld=frozenset({"mpim:read"}))
    await house.workspace.start()
    group = house.workspace.talk_privately("U0ADMIN", "U0OPERATOR", "U0FLATNET")
    async with house.bot():
        said = await house.workspace.say("U0ADMIN", group, "<@U0FLATNET> health")
        [text] = await house.private("U0ADMIN")
    await house.workspace.stop()
    assert "3 hosts are healthy" in text
    assert "the app needs the scope mpim:read" in text
    assert (said,) == house.workspace.messages(group)


async def test_the_view_of_a_private_answer_in_a_thread_replaces_it(house: House) -> None:
    """Only its response_url can do that; a new message in the thread would leave the old one behind."""
    address = Address(
        response_url=f"{house.workspace.base_url}/response/x",
        answerable=house.time.now() + timedelta(minutes=1),
        aside="C0OPS",
        aside_thread="1.0",
        user="U0ADMIN",
        clicked=True,
    )
    async with house.sender() as sender:
        await sender.add("op-1", address, SlackMessage("more", ()))
        await house.until(lambda: house.workspace.calls(RESPONSE_URL))
        await house.settled()
    assert () == house.workspace.calls("chat.postEphemeral")


async def test_a_response_url_that_is_used_up_leads_to_a_direct_message(house: House) -> None:
    house.workspace.faults.switch_on(RESPONSE_URL, Failing("used_url"))
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        [text] = await house.direct("U0ADMIN")
    assert "3 hosts are healthy" in text


async def test_a_response_url_is_not_tried_more_often_than_it_has_uses(house: House) -> None:
    house.workspace.faults.switch_on(RESPONSE_URL, ServerError(500))
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await house.moving(lambda: house.workspace.direct("U0ADMIN"))
    assert len(house.workspace.calls(RESPONSE_URL)) <= 4


async def test_what_finds_no_road_is_counted_and_makes_the_bot_unwell_for_an_hour(house: House) -> None:
    house.workspace.faults.switch_on(RESPONSE_URL, Failing("used_url"))
    house.workspace.faults.switch_on("chat.postMessage", Failing("channel_not_found"))
    async with house.bot() as surface:
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await house.until(lambda: house.workspace.calls("chat.postMessage"))
        await house.settled()
        [lost] = await house.rows.outbox.list_undeliverable()
        assert (PostState.UNDELIVERABLE, "channel_not_found") == (lost.state, lost.why)
        assert not (await surface.get_health()).healthy
        house.time.move(3601)
        assert (await surface.get_health()).healthy


async def test_what_nobody_waits_for_any_more_is_given_up(house: House) -> None:
    old = build_post("op", Address(user="U0ADMIN"), SlackMessage("old", ()), house.time.now() - MESSAGE_LIFETIME)
    await house.rows.outbox.add(old)
    house.time.move(1)
    house.workspace.faults.switch_on("chat.postMessage", ServerError(503))
    async with house.bot():
        await house.until(lambda: house.workspace.calls("chat.postMessage"))
        await house.settled()
    assert ["http_503"] == [post.why for post in await house.rows.outbox.list_undeliverable()]


@pytest.mark.parametrize("code", ["msg_blocks_too_long", "invalid_blocks", "msg_too_long"])
async def test_a_message_that_is_too_much_for_slack_is_sent_as_plain_text(house: House, code: str) -> None:
    house.desk.answer = lambda request: well(request, here=True, words="x" * 9_000)
    house.workspace.faults.switch_on("chat.postMessage", Failing(code), times=1)
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health --here")
        await house.public("C0OPS")
    [message] = house.workspace.messages("C0OPS")
    assert () == message.blocks
    assert len(message.text) <= 4_000
    assert message.text.endswith("Choose fewer hosts to see more.")


async def test_a_message_that_the_database_does_not_hold_is_kept_as_plain_text(house: House) -> None:
    """64 kB a row, and a Japanese character takes six bytes of it."""
    long = SlackMessage(
        "短い", tuple({"type": "section", "text": {"type": "mrkdwn", "text": "長" * 3_000}} for _ in range(4))
    )
    async with house.sender() as sender:
        await sender.add("op", Address(user="U0ADMIN"), long)
        [text] = await house.direct("U0ADMIN")
    assert "短い" in text


async def test_order_holds_in_a_channel_while_another_goes_on(house: House) -> None:
    house.desk.answer = lambda request: well(request, here=True, words=request.text)
    house.workspace.invite_bot("C0DEV")
    house.workspace.faults.switch_on("chat.postMessage", RateLimited(5), times=1)
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "first")
        await house.until(lambda: house.workspace.calls("chat.postMessage"))
        await house.workspace.slash("U0ADMIN", "C0OPS", "second")
        await house.workspace.slash("U0ADMIN", "C0DEV", "elsewhere")
        assert "elsewhere" in (await house.public("C0DEV"))[0]
        assert () == house.workspace.messages("C0OPS")
        await house.moving(lambda: len(house.workspace.messages("C0OPS")) == 2)
    first, second = house.workspace.messages("C0OPS")
    assert "first" in first.text
    assert "second" in second.text


async def test_a_channel_gets_a_short_burst_and_then_one_message_a_second(house: House) -> None:
    house.desk.answer = lambda request: well(request, here=True)
    async with house.bot():
        for _ in range(6):
            await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await house.public("C0OPS", 3)
        await house.moving(lambda: len(house.workspace.messages("C0OPS")) == 6, step=0.25)
    assert house.time.elapsed >= 3.0
    assert all(call.error == "" for call in house.workspace.calls("chat.postMessage"))


async def test_edits_of_one_message_go_out_every_three_seconds_and_end_with_the_last_state(house: House) -> None:
    async with house.sender() as sender:
        await sender.add("op", Address(channel="C0OPS"), SlackMessage("0 %", ()))
        await house.public("C0OPS")
        await house.settled()
        [posted] = house.workspace.messages("C0OPS")
        for percent in range(1, 101):
            await sender.add("op", Address(channel="C0OPS", ts=posted.ts), SlackMessage(f"{percent} %", ()))
        await house.moving(lambda: house.workspace.messages("C0OPS")[0].text == "100 %")
    assert 2 == len(house.workspace.calls("chat.update"))
    assert house.time.elapsed >= 3.0


async def test_an_edit_of_a_message_that_is_gone_is_posted_anew(house: House) -> None:
    async with house.sender() as sender:
        await sender.add("op", Address(channel="C0OPS", ts="1.000001"), SlackMessage("done", ()))
        assert ["done"] == await house.public("C0OPS")


async def test_trouble_that_lasts_is_met_with_patience_to_the_end(house: House) -> None:
    """A thousand tries on, pauses are still a minute."""
    async with house.sender() as sender:
        house.workspace.faults.switch_on("chat.postMessage", ServerError(503))
        await sender.add("op", Address(user="U0ADMIN"), SlackMessage("hello", ()))
        await house.moving(lambda: len(house.workspace.calls("chat.postMessage")) == 9, step=30.0)
    assert (await house.rows.outbox.find_due()).next_at is not None


async def test_no_more_calls_are_under_way_at_once_than_slack_can_answer_in_time(house: House) -> None:
    async with house.sender() as sender:
        house.workspace.faults.switch_on("response_url", Slow(0.02))
        for number in range(3 * MAX_CONCURRENT_CALLS):
            address = Address(response_url=f"{house.workspace.base_url}/response/{number}", answerable=house.time.now())
            await sender.add("op", address, SlackMessage("hello", ()))
        await house.settled()
    assert 3 * MAX_CONCURRENT_CALLS == len(await house.rows.outbox.list_undeliverable())
