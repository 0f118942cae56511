"""Decisions by click: on the card, in the form for a reason, on the home tab; and what only the clicker sees of them."""

import json
from collections.abc import Callable

import pytest

from adapters.phrase import Phrase
from bot.model.change import ApprovalState, Change, ChangeState
from bot.model.home import HomeFacts
from bot.model.request import Answer, Failure, FailureKind, Request
from tests.bot.rendering import changes
from tests.bot.rendering.changes import OPERATION, approval, change, review
from tests.bot.slack.conftest import House
from tests.lab.workspace.faults import DELIVERY, Duplicated
from tests.lab.workspace.message import Message

APPROVED = change(ChangeState.READY, approval=approval(ApprovalState.APPROVED, review()), version=2)
DENIED = changes.DENIED.model_copy(update={"version": 2})


def told(body: Change | Failure) -> Callable[[Request], Answer]:
    """A desk that always says this."""
    return lambda request: Answer(operation=f"op-{request.key}", understood=request.text, body=body)


async def carded(house: House, surface: object, body: Change) -> Message:
    """The card of a change, in the channel."""
    surface.show_change(body)  # type: ignore[attr-defined]
    await house.public("C0OPS")
    await house.settled()
    return house.workspace.messages("C0OPS")[0]


async def test_a_click_on_approve_asks_the_desk_as_if_typed_and_only_the_clicker_sees_the_answer(house: House) -> None:
    house.desk.answer = told(APPROVED)
    async with house.bot() as surface:
        card = await carded(house, surface, change(version=1))
        delivery = await house.workspace.click("U0OPERATOR", card, "run.approve")
        [text] = await house.private("U0OPERATOR")
        await house.settled()
        assert 1 == len(house.workspace.messages("C0OPS"))
    assert text.endswith("`/flatnet cert renew host-a`")
    [request] = house.desk.requests
    assert (f"approve {OPERATION}", "C0OPS", delivery.trigger_id) == (request.text, request.channel, request.key)


async def test_a_card_with_answers_in_its_thread_is_still_answered_privately(house: House) -> None:
    """Slack may name such a message as its own thread."""
    house.desk.answer = told(APPROVED)
    async with house.bot() as surface:
        await carded(house, surface, changes.GLASS.model_copy(update={"version": 1}))
        await house.moving(lambda: len(house.workspace.messages("C0OPS")) > 1)
        card = house.workspace.messages("C0OPS")[0]
        await house.workspace.click("U0OPERATOR", card, "run.stop")
        await house.private("U0OPERATOR")
        await house.settled()
    assert 2 == len(house.workspace.messages("C0OPS"))


async def test_a_click_that_is_delivered_twice_is_one_request(house: House) -> None:
    house.desk.answer = told(APPROVED)
    house.workspace.faults.switch_on(DELIVERY, Duplicated(2))
    async with house.bot() as surface:
        card = await carded(house, surface, change(version=1))
        await house.workspace.click("U0OPERATOR", card, "run.approve")
        await house.private("U0OPERATOR")
        await house.settled()
    assert 1 == len(house.desk.requests)


async def test_deny_opens_a_form_for_the_reason_and_becomes_words(house: House) -> None:
    house.desk.answer = told(DENIED)
    async with house.bot() as surface:
        card = await carded(house, surface, change(version=1))
        await house.workspace.click("U0DEVELOPER", card, "form.deny")
        await house.workspace.seen(lambda: house.workspace.view("U0DEVELOPER"))
        view = house.workspace.view("U0DEVELOPER")
        assert view is not None
        assert OPERATION in json.dumps(view.blocks)
        await house.workspace.submit("U0DEVELOPER", {"deny.why": "not before the backup"})
        [text] = await house.private("U0DEVELOPER")
    assert f'deny {OPERATION} "not before the backup"' == house.desk.requests[0].text
    assert "Denied" in text


async def test_what_somebody_found_after_an_unknown_result_is_asked_for_in_a_form(house: House) -> None:
    """A button for each result. Pressed twice, the second is told of the first by the desk."""
    house.desk.answer = told(changes.DONE)
    async with house.bot() as surface:
        card = await carded(house, surface, changes.UNKNOWN.model_copy(update={"version": 3}))
        await house.workspace.click("U0DEVELOPER", card, "form.resolve.undone")
        await house.workspace.seen(lambda: house.workspace.view("U0DEVELOPER"))
        await house.workspace.submit("U0DEVELOPER", {"op-resolve.saw": "the old certificate is in place"})
        await house.private("U0DEVELOPER")
    [request] = house.desk.requests
    assert f'op resolve {OPERATION} "the old certificate is in place" --outcome undone' == request.text


async def test_a_reason_left_empty_is_asked_for_in_the_form(house: House) -> None:
    async with house.bot() as surface:
        card = await carded(house, surface, change(version=1))
        await house.workspace.click("U0DEVELOPER", card, "form.deny")
        await house.workspace.seen(lambda: house.workspace.view("U0DEVELOPER"))
        submitted = await house.workspace.submit("U0DEVELOPER", {"deny.why": " "})
    assert submitted.errors
    assert [] == house.desk.requests


@pytest.mark.parametrize("user", ["U0GUEST", "U0VISITOR"])
@pytest.mark.parametrize("action", ["run.approve", "form.deny"])
async def test_a_guest_who_presses_a_button_is_told_why_not(house: House, user: str, action: str) -> None:
    async with house.bot() as surface:
        card = await carded(house, surface, change(version=1))
        await house.workspace.click(user, card, action)
        [text] = await house.private(user)
    assert "Only members may ask" in text
    assert house.workspace.view(user) is None


@pytest.mark.parametrize("action", ["run.approve", "form.deny"])
async def test_who_may_not_decide_gets_the_desks_reason(house: House, action: str) -> None:
    reason = Phrase("you cannot approve your own request (administrators included). Ask someone else")
    house.desk.answer = told(Failure(kind=FailureKind.REFUSED, phrase=reason))
    house.desk.catalogue = tuple(each for each in house.desk.catalogue if each.words != ("deny",))
    async with house.bot() as surface:
        card = await carded(house, surface, change(version=1))
        await house.workspace.click("U0ADMIN", card, action)
        [text] = await house.private("U0ADMIN")
    assert "You cannot approve your own request" in text


async def test_a_message_of_a_year_ago_explains_itself_to_the_clicker_alone(house: House) -> None:
    gone = Phrase("no change is called {operation}", operation=OPERATION)
    house.desk.answer = told(Failure(kind=FailureKind.USAGE, phrase=gone))
    async with house.bot() as surface:
        card = await carded(house, surface, change(version=1))
        house.time.elapsed += 365 * 24 * 3600
        await house.workspace.click("U0OPERATOR", card, "run.approve")
        [text] = await house.private("U0OPERATOR")
        await house.settled()
        assert 1 == len(house.workspace.messages("C0OPS"))
    assert "no change is called" in text


async def test_whoever_asks_where_the_card_stands_gets_one_line(house: House) -> None:
    house.desk.answer = told(change(version=1))
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "cert renew host-a")
        [text] = await house.private("U0ADMIN")
        [message] = house.workspace.private("U0ADMIN")
    assert (
        ":raised_hand: Waiting for approval: 0 of 1. See the message in this channel: `/flatnet cert renew host-a`" == text
    )
    assert () == message.blocks


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (f"op show {OPERATION}", change()),
        (f"approval show {OPERATION}", change()),
        ("cert renew host-a", change(channel="C0DEV")),
        ("cert renew host-a", change(channel="")),
        ("cert renew host-a --dry-run", changes.DRY),
    ],
)
async def test_elsewhere_and_when_asked_for_all_is_shown(house: House, words: str, body: Change) -> None:
    house.desk.answer = told(body)
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", words)
        await house.private("U0ADMIN")
        [message] = house.workspace.private("U0ADMIN")
    assert "Interrupted during the change" in str(message.blocks)


async def test_a_mention_in_a_thread_gets_its_line_alone_too(house: House) -> None:
    house.desk.answer = told(change(version=1))
    async with house.bot():
        asked = await house.workspace.say("U0ADMIN", "C0OPS", "<@U0FLATNET> cert renew host-a")
        [text] = await house.private("U0ADMIN")
        assert 1 == len(house.workspace.thread("C0OPS", asked.ts))
    assert "See the message in this channel" in text


async def test_the_home_tab_offers_what_the_person_may_decide_and_names_what_runs(house: House) -> None:
    runs = changes.RUNNING.model_copy(update={"operation": "op-ffffffffffff"})
    house.desk.home = HomeFacts(waiting=(change(version=1),), running=(runs,))
    house.desk.answer = told(APPROVED)
    async with house.bot():
        await house.workspace.open_home("U0ADMIN")
        await house.workspace.seen(lambda: house.workspace.home("U0ADMIN"))
        view = house.workspace.home("U0ADMIN")
        assert view is not None
        shown = json.dumps(view.blocks, ensure_ascii=False)
        assert "Waiting for you" in shown
        assert "Running now" in shown
        house.time.move(3)
        await house.workspace.act("U0ADMIN", view, "home.approve")
        [text] = await house.direct("U0ADMIN")
    assert f"approve {OPERATION}" == house.desk.requests[0].text
    assert "Approved" in text


async def test_deny_on_the_home_tab_asks_for_the_reason_and_answers_directly(house: House) -> None:
    house.desk.home = HomeFacts(waiting=(change(version=1),))
    house.desk.answer = told(DENIED)
    async with house.bot():
        await house.workspace.open_home("U0ADMIN")
        await house.workspace.seen(lambda: house.workspace.home("U0ADMIN"))
        view = house.workspace.home("U0ADMIN")
        assert view is not None
        await house.workspace.act("U0ADMIN", view, "form.deny")
        await house.workspace.seen(lambda: house.workspace.view("U0ADMIN"))
        await house.workspace.submit("U0ADMIN", {"deny.why": "not now"})
        [text] = await house.direct("U0ADMIN")
    assert f'deny {OPERATION} "not now"' == house.desk.requests[0].text
    assert "Denied" in text


async def test_a_tab_full_of_changes_is_one_that_slack_takes(house: House) -> None:
    house.desk.home = HomeFacts(waiting=(change(),) * 40, running=(changes.RUNNING,) * 200)
    async with house.bot():
        await house.workspace.open_home("U0ADMIN")
        await house.workspace.seen(lambda: house.workspace.home("U0ADMIN"))
        view = house.workspace.home("U0ADMIN")
    assert view is not None
    assert "35 more" in json.dumps(view.blocks, ensure_ascii=False)
