"""Whom a change concerns and who is not in the channel of its card: direct messages, each once, to whoever may see them."""

from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.model.change import ApprovalState, BreakGlass, Change, ChangeState
from bot.model.request import Answer
from bot.slack.answers import personal_notices
from bot.slack.directory.audience import CACHE_SECONDS
from tests.bot.rendering import changes
from tests.bot.rendering.changes import OPERATION, approval, change, review
from tests.bot.slack.answers.test_change_cards import shown
from tests.bot.slack.conftest import House
from tests.lab.workspace.faults import Failing
from tests.lab.workspace.message import Message
from tests.lab.workspace.seed import Kind

ASKED = change(version=1)
"""Kenji is mentioned, Alice has asked."""

DECIDED = change(ChangeState.READY, approval=approval(ApprovalState.APPROVED, review()), version=2)
DONE = changes.DONE.model_copy(update={"version": 9})

GLASS = change(
    ChangeState.READY, approval=None, break_glass=BreakGlass(ping=("U0OPERATOR", "U0SECURITY", "S0ADMINS")), version=1
)


@pytest.fixture(autouse=True)
def deciders(house: House) -> None:
    """Kenji, in the channel, and Sora, who is not, may decide."""
    house.desk.deciders = ("U0OPERATOR", "U0SECURITY")
    house.workspace.leave("U0SECURITY", "C0OPS")


def buttons(message: Message) -> set[str]:
    """The buttons that a message has now."""
    return {
        element["action_id"] for block in message.blocks for element in block.get("elements", ()) if "action_id" in element
    }


def notified(house: House, *users: str) -> dict[str, int]:
    """How often Slack notified people."""
    return {user: len(house.workspace.notified(user)) for user in users}


async def test_who_may_approve_and_is_not_in_the_channel_gets_the_card_once(house: House) -> None:
    """In the channel a mention does it."""
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
        await shown(house, surface, ASKED.model_copy(update={"version": 2}))
    [card] = house.workspace.direct("U0SECURITY")
    assert {"run.approve", "form.deny", "run.withdraw", "plan.details"} == buttons(card)
    assert card.text.startswith(":raised_hand: alice が承認を依頼しています:\n承認待ち")
    assert 1 == card.text.count("/flatnet cert renew host-a")
    assert {"U0SECURITY": 1, "U0OPERATOR": 1} == notified(house, "U0SECURITY", "U0OPERATOR")
    assert () == house.workspace.direct("U0OPERATOR")


async def test_the_buttons_of_such_a_card_work(house: House) -> None:
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
        [card] = house.workspace.direct("U0SECURITY")
        await house.workspace.click("U0SECURITY", card, "run.approve")
        await house.until(lambda: house.desk.requests)
    assert [(f"approve {OPERATION}", "D0SECURITY")] == [(each.text, each.channel) for each in house.desk.requests]


async def test_after_a_click_on_such_a_card_a_line_points_at_it(house: House) -> None:
    """A second card would show the state of that moment for ever."""
    house.desk.answer = lambda request: Answer(operation=f"op-{request.key}", understood=request.text, body=DECIDED)
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
        [card] = house.workspace.direct("U0SECURITY")
        await house.workspace.click("U0SECURITY", card, "run.approve")
        await house.moving(lambda: len(house.workspace.direct("U0SECURITY")) == 2)
        await house.workspace.open_home("U0SECURITY", "messages")
        await house.workspace.say("U0SECURITY", "D0SECURITY", f"approval show {OPERATION}")
        await house.moving(lambda: len(house.workspace.direct("U0SECURITY")) == 4)
    _, pointer, _, whole = house.workspace.direct("U0SECURITY")
    assert [(), True] == [pointer.blocks, bool(whole.blocks)]


async def test_when_the_change_is_decided_and_when_it_has_ended_such_a_card_says_so(house: House) -> None:
    """Without a notification: an edit notifies nobody."""
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
        await shown(house, surface, DECIDED)
        [card] = house.workspace.direct("U0SECURITY")
        assert {"run.withdraw", "plan.details"} == buttons(card)
        assert "<@U0OPERATOR> 承認済み" in str(card.blocks)
        await shown(house, surface, changes.RUNNING)
        edits = len(house.workspace.direct("U0SECURITY")[0].edits)
        await shown(house, surface, changes.RUNNING.model_copy(update={"version": 5, "running": "host-a.swap"}))
        assert edits == len(house.workspace.direct("U0SECURITY")[0].edits)
        await shown(house, surface, DONE)
    [card] = house.workspace.direct("U0SECURITY")
    assert "*完了*" in str(card.blocks)
    assert {"U0SECURITY": 1} == notified(house, "U0SECURITY")


async def test_a_person_who_may_no_longer_decide_is_not_shown_what_comes_after(house: House) -> None:
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
        house.desk.lookers = ("U0SECURITY",)
        await shown(house, surface, DECIDED)
        await shown(house, surface, DONE)
    [card] = house.workspace.direct("U0SECURITY")
    assert () == card.edits


@pytest.mark.parametrize("end", [changes.DENIED, changes.EXPIRED, changes.WITHDRAWN, changes.SUPERSEDED], ids=str)
async def test_a_card_that_needs_no_decision_any_more_has_no_button_to_decide(house: House, end: Change) -> None:
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
        await shown(house, surface, end.model_copy(update={"version": 5}))
    [card] = house.workspace.direct("U0SECURITY")
    assert set() == buttons(card) & {"run.approve", "form.deny"}


async def test_one_of_two_approvals_is_shown_and_the_buttons_stay(house: House) -> None:
    first = change(approval=approval(ApprovalState.PENDING, review(), needed=2), version=2)
    async with house.bot() as surface:
        await shown(house, surface, change(approval=approval(needed=2), version=1))
        await shown(house, surface, first)
    [card] = house.workspace.direct("U0SECURITY")
    assert "run.approve" in buttons(card)
    assert "<@U0OPERATOR> 承認済み" in str(card.blocks)


async def test_an_emergency_change_shows_them_the_card_with_the_review(house: House) -> None:
    """The groups among them are people, and whoever asked needs no alarm."""
    house.desk.deciders = GLASS.break_glass.ping if GLASS.break_glass is not None else ()
    house.workspace.leave("U0ADMIN", "C0OPS")
    house.workspace.change_group(
        replace(house.workspace.seed.groups[3], users=frozenset({"U0ADMIN", "U0DEVELOPER", "U0SECURITY"}))
    )
    house.workspace.leave("U0DEVELOPER", "C0OPS")
    async with house.bot() as surface:
        await shown(house, surface, GLASS)
    assert [1, 1, 0, 0] == [
        len(house.workspace.direct(user)) for user in ("U0SECURITY", "U0DEVELOPER", "U0OPERATOR", "U0ADMIN")
    ]
    [card] = house.workspace.direct("U0DEVELOPER")
    assert card.text.startswith(":rotating_light: Emergency change: alice runs this without approval")
    assert "form.review" in buttons(card)


async def test_members_of_a_group_that_may_approve_are_asked_each_once(house: House) -> None:
    house.desk.deciders = ("U0SECURITY", "S0SECURITY", "S0VIEWERS")
    house.workspace.leave("U0VIEWER", "C0OPS")
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
    assert [1, 1] == [len(house.workspace.direct(user)) for user in ("U0SECURITY", "U0VIEWER")]


@pytest.mark.parametrize("code", ["fetch_members_failed", "missing_scope", "internal_error"])
async def test_where_slack_does_not_list_the_members_everyone_who_may_decide_is_asked(house: House, code: str) -> None:
    house.workspace.faults.switch_on("conversations.members", Failing(code))
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
    assert [1, 1, 0] == [len(house.workspace.direct(user)) for user in ("U0SECURITY", "U0OPERATOR", "U0ADMIN")]


async def test_the_list_of_members_is_believed_for_a_minute(house: House) -> None:
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
        assert 1 == len(house.workspace.calls("conversations.members"))
        house.time.move(CACHE_SECONDS)
        house.workspace.leave("U0ADMIN", "C0OPS")
        await shown(house, surface, changes.EXPIRED.model_copy(update={"version": 5}))
    assert 2 == len(house.workspace.calls("conversations.members"))
    [told] = house.workspace.direct("U0ADMIN")
    assert told.text.startswith(":hourglass: Not approved by enough people in time.")


async def test_whoever_asked_and_does_not_see_the_channel_of_the_cards_is_told_of_the_end(house: House) -> None:
    house.workspace.leave("U0ADMIN", "C0OPS")
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
        assert () == house.workspace.direct("U0ADMIN")
        await shown(house, surface, DONE)
    [told] = house.workspace.direct("U0ADMIN")
    assert told.text.startswith(":white_check_mark: Done")


@pytest.mark.parametrize("kind", [Kind.GUEST, Kind.SINGLE_CHANNEL_GUEST, Kind.STRANGER, Kind.DEACTIVATED])
async def test_a_person_who_is_no_member_of_the_workspace_gets_nothing_and_is_named_in_the_log(
    house: House, kind: Kind
) -> None:
    house.workspace.change_person(replace(house.workspace.person("U0SECURITY"), kind=kind))
    with capture_logs() as logs:
        async with house.bot() as surface:
            await shown(house, surface, ASKED)
    assert () == house.workspace.direct("U0SECURITY")
    assert ["U0SECURITY"] == [line["user"] for line in logs if "is not notified" in line["event"]]


async def test_of_a_private_channel_nothing_leaves_but_to_people_who_may_decide(house: House) -> None:
    """A mentioned person who may not decide gets one sentence; others nothing."""
    house.workspace.invite_bot("C0BOARD")
    house.desk.deciders, house.desk.lookers = ("U0OPERATOR", "U0DEVELOPER"), ("U0DEVELOPER", "U0VIEWER")
    asked = change(channel="C0BOARD", approval=approval(ping=("U0VIEWER",)), version=1)
    async with house.bot() as surface:
        await shown(house, surface, asked)
    assert [1, 0, 1, 0] == [
        len(house.workspace.direct(user)) for user in ("U0OPERATOR", "U0DEVELOPER", "U0VIEWER", "U0MEMBER")
    ]
    [told] = house.workspace.direct("U0VIEWER")
    assert (":raised_hand: alice が承認を依頼しています: `/flatnet cert renew host-a`", ()) == (told.text, told.blocks)


async def test_a_person_of_whom_slack_does_not_say_what_they_are_learns_that_something_waits_and_no_more(
    house: House,
) -> None:
    house.workspace.faults.switch_on("users.info", Failing("internal_error"))
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
    [told] = house.workspace.direct("U0SECURITY")
    assert (
        ":raised_hand: A change is waiting for a decision. Type /flatnet approval to see whether you can decide it.",
        (),
    ) == (
        told.text,
        told.blocks,
    )


async def test_a_person_who_takes_no_direct_message_is_named_until_one_arrives(house: House) -> None:
    house.workspace.faults.switch_on("chat.postMessage", Failing("messages_tab_disabled"))
    async with house.bot() as surface:
        with capture_logs() as logs:
            await shown(house, surface, change(channel="", version=1))
        health = await surface.get_health()
        assert (("U0OPERATOR", "U0SECURITY"), True) == (health.unreachable_people, health.sending)
        assert ["U0OPERATOR", "U0SECURITY"] == sorted(
            line["user"] for line in logs if line["event"] == "a person could not be sent a direct message"
        )
        house.workspace.faults.switch_off("chat.postMessage")
        await shown(house, surface, change(channel="", operation="op-ba9876543210", version=1))
        assert () == (await surface.get_health()).unreachable_people
        await shown(house, surface, DECIDED.model_copy(update={"channel": ""}))
    assert [1, 1] == [len(house.workspace.direct(user)) for user in ("U0SECURITY", "U0OPERATOR")]


async def test_after_a_crash_nobody_is_asked_twice_and_the_cards_are_still_edited(house: House) -> None:
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
    house.stories.notes[OPERATION] = ""  # it died before it had written down whom it asked
    house.stories.versions[OPERATION] = 0
    house.stories.changes[OPERATION] = ASKED
    async with house.bot() as surface:
        await house.moving(lambda: house.stories.versions[OPERATION] == 1 and not house._busy())
        await shown(house, surface, DECIDED)
    [card] = house.workspace.direct("U0SECURITY")
    assert {"run.withdraw", "plan.details"} == buttons(card)


async def test_a_role_for_a_multitude_asks_so_many_and_names_the_rest_in_the_log(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(personal_notices, "MAX_PEOPLE", 3)
    users = [f"U0CROWD{number}" for number in range(5)]
    for user in users:
        house.workspace.change_person(replace(house.workspace.person("U0MEMBER"), id=user, name=user.lower()))
    house.desk.deciders = tuple(users)
    with capture_logs() as logs:
        async with house.bot() as surface:
            await shown(house, surface, change(channel="", approval=approval(ping=()), version=1))
    assert [1, 1, 1, 0, 0] == [len(house.workspace.direct(user)) for user in users]
    [line] = [line for line in logs if "too many people" in line["event"]]
    assert tuple(users[3:]) == line["users"]


async def test_no_secret_leaves_with_such_a_card(house: House) -> None:
    said: Any = ASKED.model_copy(update={"reason": "the password is c4n4ry-s3cr3t"})
    async with house.bot() as surface:
        await shown(house, surface, said)
        await shown(house, surface, DECIDED.model_copy(update={"reason": said.reason}))
    assert "c4n4ry-s3cr3t" not in str([*house.workspace.calls("chat.postMessage"), *house.workspace.calls("chat.update")])
