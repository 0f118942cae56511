"""The plan of a change behind a button: opened for one person, approved in it, and never lost where it cannot be opened."""

import pytest

from adapters.phrase import Phrase
from bot.model.change import ApprovalState, Change, ChangeState
from bot.model.home import NOTHING_AT_HOME, HomeFacts
from bot.model.request import Answer, Failure, FailureKind, Request
from bot.slack.inbound.home_tab import PUBLISH_INTERVAL
from commands.model.operation import Risk
from tests.bot.rendering import changes
from tests.bot.rendering.changes import OPERATION, approval, change, review
from tests.bot.slack.conftest import House
from tests.bot.slack.inbound.test_decisions import carded, told
from tests.bot.slack.inbound.test_one_tap import message_with
from tests.lab.workspace.faults import DELIVERY, Duplicated, Failing
from tests.lab.workspace.view import View

CRITICAL = change(risk=Risk.CRITICAL, version=1)
NAME = CRITICAL.plan.object_name
APPROVED = change(ChangeState.READY, approval=approval(ApprovalState.APPROVED, review()), version=2)


async def opened(house: House, user: str) -> View:
    """The modal in front of this person."""
    await house.workspace.seen(lambda: house.workspace.view(user))
    view = house.workspace.view(user)
    assert view is not None
    return view


def answer_by_words(request: Request) -> Answer:
    """Show the change, or approve it."""
    body = APPROVED if request.text.startswith("approve") else CRITICAL
    return Answer(operation=f"op-{request.key}", understood=request.text, body=body)


async def test_details_open_the_whole_plan_as_if_it_was_asked_for(house: House) -> None:
    house.desk.answer = told(change(version=1))
    async with house.bot() as surface:
        card = await carded(house, surface, change(version=1))
        await house.workspace.click("U0DEVELOPER", card, "plan.details")
        view = await opened(house, "U0DEVELOPER")
        await house.settled()
    assert "see its handshake" in str(view.blocks)
    assert changes.WAITING.digest in str(view.blocks)
    assert [(f"op show {OPERATION}", "C0OPS")] == [(each.text, each.channel) for each in house.desk.requests]
    assert () == house.workspace.private("U0DEVELOPER")


async def test_a_critical_change_is_approved_where_its_plan_is_read(house: House) -> None:
    """The same button on the card opens the plan first; two deliveries of the same submission approve once."""
    house.desk.answer = answer_by_words
    async with house.bot() as surface:
        card = await carded(house, surface, CRITICAL)
        await house.workspace.click("U0DEVELOPER", card, "plan.approve")
        assert "Approve" == (await opened(house, "U0DEVELOPER")).submit
        house.workspace.faults.switch_on(DELIVERY, Duplicated(2))
        await house.workspace.submit("U0DEVELOPER", {"name": NAME})
        [text] = await house.private("U0DEVELOPER")
        await house.settled()
    assert [f"op show {OPERATION}", f"approve {OPERATION} --name {NAME}"] == [each.text for each in house.desk.requests]
    assert "See the message in this channel" in text
    assert house.workspace.view("U0DEVELOPER") is None


@pytest.mark.parametrize(
    ("body", "user"),
    [
        (CRITICAL, "U0ADMIN"),
        (CRITICAL.model_copy(update={"approval": approval(ApprovalState.PENDING, review(), needed=2)}), "U0OPERATOR"),
        (APPROVED, "U0DEVELOPER"),
        (changes.DONE, "U0DEVELOPER"),
    ],
    ids=["the requester", "has approved", "approved", "done"],
)
async def test_who_cannot_approve_reads_the_plan_without_a_button(house: House, body: Change, user: str) -> None:
    house.desk.answer = told(body)
    async with house.bot() as surface:
        card = await carded(house, surface, CRITICAL)
        await house.workspace.click(user, card, "plan.details")
        assert "" == (await opened(house, user)).submit


async def test_a_plan_that_cannot_be_opened_comes_as_a_private_message(house: House) -> None:
    """A critical change may be approved once its plan was opened, so it must have been seen."""
    house.desk.answer = told(change(version=1))
    house.workspace.faults.switch_on("views.open", Failing("expired_trigger_id"))
    async with house.bot() as surface:
        card = await carded(house, surface, change(version=1))
        await house.workspace.click("U0DEVELOPER", card, "plan.details")
        await house.private("U0DEVELOPER")
    [message] = house.workspace.private("U0DEVELOPER")
    assert "see its handshake" in str(message.blocks)
    assert house.workspace.view("U0DEVELOPER") is None


async def test_a_guest_opens_nothing_and_is_told_why(house: House) -> None:
    async with house.bot() as surface:
        card = await carded(house, surface, change(version=1))
        await house.workspace.click("U0GUEST", card, "plan.details")
        [text] = await house.private("U0GUEST")
    assert "Only members may ask" in text
    assert house.workspace.view("U0GUEST") is None


async def test_a_plan_that_is_too_long_for_a_view_comes_as_a_file_too(house: House) -> None:
    large = change(plan=changes.plan(*(f"host-{number}" for number in range(900))), version=1)
    house.desk.answer = told(large)
    async with house.bot() as surface:
        card = await carded(house, surface, large)
        await house.workspace.click("U0DEVELOPER", card, "plan.details")
        view = await opened(house, "U0DEVELOPER")
        await house.moving(lambda: any(message.files for message in house.workspace.direct("U0DEVELOPER")))
    assert "in the file that was sent to you" in str(view.blocks[-1])


async def test_a_person_who_has_left_meanwhile_approves_nothing(house: House) -> None:
    house.desk.answer = lambda request: (
        Answer(
            operation=f"op-{request.key}",
            understood=request.text,
            body=Failure(kind=FailureKind.REFUSED, phrase=Phrase("you no longer may approve")),
        )
        if request.text.startswith("approve")
        else answer_by_words(request)
    )
    async with house.bot() as surface:
        card = await carded(house, surface, CRITICAL)
        await house.workspace.click("U0DEVELOPER", card, "plan.approve")
        await opened(house, "U0DEVELOPER")
        await house.workspace.submit("U0DEVELOPER", {"name": NAME})
        [text] = await house.private("U0DEVELOPER")
    assert "You no longer may approve" in text


async def test_a_card_that_a_person_deleted_leaves_an_opened_plan_that_still_approves(house: House) -> None:
    house.desk.answer = answer_by_words
    async with house.bot() as surface:
        card = await carded(house, surface, CRITICAL)
        await house.workspace.click("U0DEVELOPER", card, "plan.approve")
        await opened(house, "U0DEVELOPER")
        async with house.api() as api:
            await api.delete(card.channel, card.ts)
        await house.workspace.submit("U0DEVELOPER", {"name": NAME})
        await house.private("U0DEVELOPER")
    assert f"approve {OPERATION} --name {NAME}" == house.desk.requests[-1].text


async def home(house: House, user: str) -> View:
    """The home tab of this person."""
    await house.workspace.open_home(user)
    await house.workspace.seen(lambda: house.workspace.home(user))
    view = house.workspace.home(user)
    assert view is not None
    return view


@pytest.mark.parametrize(
    ("waiting", "action"),
    [(change(version=1), "plan.details"), (CRITICAL, "plan.details"), (CRITICAL, "plan.approve")],
    ids=["disruptive", "critical", "critical, at once"],
)
async def test_a_plan_opened_from_the_home_tab_is_approved_there(house: House, waiting: Change, action: str) -> None:
    """The answer is a direct message, and the tab no longer offers the change."""

    def answer(request: Request) -> Answer:
        if request.text.startswith("approve"):
            house.desk.home = NOTHING_AT_HOME
        body = APPROVED if request.text.startswith("approve") else waiting
        return Answer(operation=f"op-{request.key}", understood=request.text, body=body)

    house.desk.home, house.desk.answer = HomeFacts(waiting=(waiting,)), answer
    async with house.bot():
        await house.workspace.act("U0DEVELOPER", await home(house, "U0DEVELOPER"), action)
        view = await opened(house, "U0DEVELOPER")
        assert ("Approve", True) == (view.submit, "see its handshake" in str(view.blocks))
        await house.workspace.submit("U0DEVELOPER", {"name": NAME} if waiting is CRITICAL else {})
        [text] = await house.direct("U0DEVELOPER")
        await house.moving(lambda: "Waiting for you" not in str(house.workspace.home("U0DEVELOPER")), PUBLISH_INTERVAL)
    words = f"approve {OPERATION} --name {NAME}" if waiting is CRITICAL else f"approve {OPERATION}"
    assert [f"op show {OPERATION}", words] == [each.text for each in house.desk.requests]
    assert "Approved" in text


async def test_a_plan_that_cannot_be_opened_from_the_home_tab_is_a_direct_message(house: House) -> None:
    house.desk.home, house.desk.answer = HomeFacts(waiting=(change(version=1),)), told(change(version=1))
    house.workspace.faults.switch_on("views.open", Failing("expired_trigger_id"))
    async with house.bot():
        await house.workspace.act("U0DEVELOPER", await home(house, "U0DEVELOPER"), "plan.details")
        await house.direct("U0DEVELOPER")
    [message] = house.workspace.direct("U0DEVELOPER")
    assert "see its handshake" in str(message.blocks)


async def test_an_old_button_of_the_home_tab_sends_the_plan_as_a_direct_message(house: House) -> None:
    house.desk.answer = told(change(version=1))
    async with house.bot():
        old = await message_with(house, "home.story", f"op show {OPERATION}")
        await house.workspace.click("U0DEVELOPER", old, "home.story")
        [text] = await house.direct("U0DEVELOPER")
    assert OPERATION in text
    assert house.workspace.view("U0DEVELOPER") is None
