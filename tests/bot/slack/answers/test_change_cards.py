"""The board: one card for each change, edited in place, and each thing that others must notice exactly once."""

from typing import Any

import pytest

from adapters.phrase import Phrase
from bot.model.change import ApprovalState, BreakGlass, Change, ChangeState
from bot.rendering.slack.blocks import SlackMessage as Words
from bot.slack.answers.change_cards import REFRESH_INTERVAL
from bot.slack.outbound.message import Address, build_post
from bot.store.outbox_values import CARD_PREFIX
from tests.bot.rendering import changes
from tests.bot.rendering.changes import BEGUN, ENDED, OPERATION, approval, change, result, review
from tests.bot.slack.conftest import CANARY, House
from tests.lab.workspace.faults import Failing
from tests.lab.workspace.message import Message

ASKED = change(version=1)
STARTED = change(ChangeState.RUNNING, version=3, **BEGUN, running="host-a.pair")
DONE = changes.DONE.model_copy(update={"version": 9})


def cards(house: House, channel: str = "C0OPS") -> list[Message]:
    """What stands in the channel itself."""
    return [message for message in house.workspace.messages(channel) if message.thread_ts in (None, message.ts)]


def card(house: House, channel: str = "C0OPS") -> Message:
    """The one message in the channel."""
    [message] = cards(house, channel)
    return message


def said(message: Message) -> str:
    return str(message.blocks)


def replies(house: House, channel: str = "C0OPS") -> list[str]:
    """What stands in the threads of cards."""
    return [
        reply.text
        for each in cards(house, channel)
        for reply in house.workspace.thread(channel, each.ts)
        if reply.ts != each.ts
    ]


async def shown(house: House, surface: Any, change: Change) -> None:
    """A change is told, and Slack has all of it."""
    surface.show_change(change)
    await house.moving(lambda: house.stories.versions.get(change.operation, -1) >= change.version)
    await house.moving(lambda: not house._busy())


async def test_a_change_is_one_message_from_its_question_to_its_end(house: House) -> None:
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
        asked = card(house)
        assert "<@U0OPERATOR>" in said(asked)
        await shown(house, surface, STARTED)
        await shown(house, surface, DONE)
    assert asked.ts == card(house).ts
    assert "*Done* — took 1 min, 15 sec" in said(card(house))
    assert "Approve" not in said(card(house))


async def test_what_others_must_notice_stands_in_its_thread_once(house: House) -> None:
    async with house.bot() as surface:
        for each in (ASKED, STARTED, STARTED.model_copy(update={"version": 4}), DONE):
            await shown(house, surface, each)
    assert [
        ":white_check_mark: bob approved this (1 of 1): `/flatnet cert renew host-a`",
        "<@U0ADMIN> :white_check_mark: Done (took 1 min, 15 sec). host-a: tunnel confirmed by lighthouse. "
        "`/flatnet cert renew host-a`",
    ] == replies(house)


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (changes.DENIED, "<@U0ADMIN> :x: bob denied this (not before the backup): `/flatnet"),
        (changes.EXPIRED, "<@U0ADMIN> :hourglass: Not approved by enough people in time. Submit it again: `/flatnet"),
        (changes.WITHDRAWN, ":no_entry_sign: Withdrawn by alice: `/flatnet"),
        (changes.WITHDRAWN_GLASS, "<@U0ADMIN> :no_entry_sign: Withdrawn by alice. Nothing was done"),
        (changes.SUPERSEDED, "Replaced by a new request: op-ba9876543210."),
        (changes.REFUSED, "<@U0ADMIN> :no_entry_sign: bob may no longer approve. Nothing was done"),
        (changes.UNDONE, "<@U0ADMIN> :leftwards_arrow_with_hook: Rolled back to the previous state"),
        (changes.FAILED, "<@U0ADMIN> :x: Failed: lighthouse does not answer"),
        (changes.UNKNOWN, "<@U0ADMIN> :question: Result unknown, host check required"),
        (changes.STOPPING, ":octagonal_sign: carol requested a stop before the next step"),
    ],
)
async def test_every_end_is_told_to_whom_it_concerns(house: House, end: Change, sentence: str) -> None:
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
        await shown(house, surface, end.model_copy(update={"version": 5}))
    assert sentence in "\n".join(replies(house))


async def test_break_glass_is_told_to_every_approver_at_once_and_its_review_too(house: House) -> None:
    glass = BreakGlass(ping=("U0OPERATOR", "U0SECURITY"))
    ready = change(ChangeState.READY, approval=None, break_glass=glass, version=1)
    closed = glass.model_copy(update={"reviewed_by": "bob", "review": "agreed"})
    async with house.bot() as surface:
        await shown(house, surface, ready)
        await shown(house, surface, ready.model_copy(update={"break_glass": closed, "version": 2}))
    alarm, reviewed = replies(house)
    assert alarm.startswith(
        "<@U0OPERATOR> <@U0SECURITY> :rotating_light: Emergency change: alice runs this without approval"
    )
    assert "bob reviewed this emergency change (agreed)" in reviewed


async def test_what_was_not_shown_before_a_crash_is_shown_at_the_start_and_nothing_twice(house: House) -> None:
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
        await shown(house, surface, STARTED)
    house.stories.changes[OPERATION] = DONE
    house.stories.notes[OPERATION] = ""  # it died before it had written down what was told
    async with house.bot() as surface:
        await house.moving(lambda: house.stories.versions[OPERATION] == 9 and not house._busy())
    assert ["approved this", "Done"] == [
        word for word in ("approved this", "Done") for text in replies(house) if word in text
    ]
    assert 2 == len(replies(house))


async def test_a_card_that_a_person_deleted_is_posted_anew_with_the_next_state(house: House) -> None:
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
        async with house.api() as api:
            await api.delete("C0OPS", card(house).ts)
        await shown(house, surface, DONE)
    assert ["*Done*"] == [word for word in ("*Done*",) for each in cards(house) if word in said(each)]
    assert "plan.details" in said(cards(house)[-1])


async def test_what_concerns_nobody_in_particular_does_not_wait_for_the_place_of_the_card(house: House) -> None:
    """Slack takes no message now; a denial would wait, for whoever asked may have to be told directly."""
    house.workspace.faults.switch_on("chat.postMessage", Failing("internal_error"))
    async with house.bot() as surface:
        surface.show_change(changes.WITHDRAWN.model_copy(update={"version": 5}))
        await house.moving(lambda: house.stories.versions.get(OPERATION) == 5)
        house.workspace.faults.switch_off("chat.postMessage")
        await house.moving(lambda: not house._busy())
    assert [":no_entry_sign: Withdrawn by alice: `/flatnet cert renew host-a`"] == replies(house)


async def test_what_is_told_while_the_bot_is_not_connected_waits_for_the_start(house: House) -> None:
    surface = house.surface()
    surface.show_change(ASKED)
    assert () == house.workspace.messages("C0OPS")


async def test_an_older_version_that_comes_late_is_not_shown(house: House) -> None:
    async with house.bot() as surface:
        await shown(house, surface, DONE)
        surface.show_change(ASKED)
        await house.settled()
    assert "*Done*" in said(card(house))
    assert 9 == house.stories.versions[OPERATION]


async def test_many_versions_at_once_are_few_edits_and_the_last_one_stays(house: House) -> None:
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
        for version in range(2, 30):
            surface.show_change(STARTED.model_copy(update={"version": version}))
        await shown(house, surface, DONE.model_copy(update={"version": 30}))
    assert "*Done*" in said(card(house))
    assert len(card(house).edits) <= 3


async def test_the_card_of_a_long_step_is_shown_anew_for_its_time(house: House) -> None:
    async with house.bot() as surface:
        await shown(house, surface, STARTED)
        edits = len(house.workspace.calls("chat.update"))
        await house.moving(lambda: len(house.workspace.calls("chat.update")) > edits, REFRESH_INTERVAL)
        assert "running for" in said(card(house))


async def test_a_reply_waits_for_its_card_and_an_edit_holds_up_no_reply(house: House) -> None:
    """The card cannot be posted for a while; nothing of it overtakes it."""
    house.workspace.faults.switch_on("chat.postMessage", Failing("internal_error"), times=2)
    async with house.bot() as surface:
        surface.show_change(STARTED)
        surface.show_change(DONE)
        await house.moving(lambda: len(replies(house)) == 2)
    assert "*Done*" in said(card(house))


async def test_a_card_that_was_deleted_is_posted_anew_once(house: House) -> None:
    async with house.bot() as surface:
        await shown(house, surface, ASKED)
        house.workspace.faults.switch_on("chat.update", Failing("message_not_found"), times=1)
        await shown(house, surface, STARTED)
        await shown(house, surface, DONE)
    assert 2 == len(cards(house))
    assert "*Done*" in said(cards(house)[1])


async def test_where_the_bot_is_not_in_the_channel_those_whom_it_concerns_are_told_directly(house: House) -> None:
    async with house.bot() as surface:
        await shown(house, surface, change(channel="C0DEV", version=1))
        for version in range(2, 6):
            await shown(house, surface, STARTED.model_copy(update={"channel": "C0DEV", "version": version}))
        await shown(house, surface, DONE.model_copy(update={"channel": "C0DEV"}))
        texts = await house.direct("U0ADMIN", 3)
        [asked] = house.workspace.direct("U0OPERATOR")
        assert "run.approve" in str(asked.edits[0].blocks)
        assert "run.approve" not in said(asked)
        assert (await surface.get_health()).sending
    assert "/invite @flatnet" in texts[0]
    assert "完了" in texts[2] or "Done" in texts[2]
    assert 3 == len(texts)


async def test_nothing_is_posted_where_another_organization_reads_along(house: House) -> None:
    async with house.bot() as surface:
        await shown(house, surface, change(channel="C0PARTNERS", version=1))
        [text] = await house.direct("U0ADMIN")
        await house.direct("U0OPERATOR")
    assert "shared with another organization" in text
    assert () == house.workspace.messages("C0PARTNERS")


async def test_without_a_channel_approvers_get_the_card_and_the_requester_the_end(house: House) -> None:
    async with house.bot() as surface:
        await shown(house, surface, change(channel="", approval=approval(ping=("U0DEVELOPER",)), version=1))
        await house.direct("U0DEVELOPER")
        [asked] = house.workspace.direct("U0DEVELOPER")
        assert "run.approve" in said(asked)
        await shown(house, surface, DONE.model_copy(update={"channel": ""}))
        [text] = await house.direct("U0ADMIN")
    assert text.startswith(":white_check_mark: Done")
    assert () == house.workspace.messages("C0OPS")


async def test_a_guest_or_a_user_group_is_never_told_directly(house: House) -> None:
    async with house.bot() as surface:
        await shown(house, surface, change(channel="", approval=approval(ping=("U0GUEST", "S0ADMINS")), version=1))
        assert () == house.workspace.direct("U0GUEST")
    assert () == house.workspace.calls("chat.postMessage")


async def test_a_dry_run_is_shown_to_nobody_else(house: House) -> None:
    async with house.bot() as surface:
        surface.show_change(changes.DRY.model_copy(update={"channel": "C0OPS"}))
        await house.settled()
    assert () == house.workspace.messages("C0OPS")


async def test_a_channel_reads_its_own_language(house: House) -> None:
    house.workspace.invite_bot("C0DEV")
    async with house.bot() as surface:
        await shown(house, surface, change(channel="C0DEV", version=1))
        await shown(house, surface, DONE.model_copy(update={"channel": "C0DEV"}))
    assert "秒" in replies(house, "C0DEV")[-1]


async def test_no_secret_leaves_with_a_card_or_a_reply(house: House) -> None:
    failed = change(
        ChangeState.FAILED,
        **ENDED,
        reason=f"the password is {CANARY}",
        results=(result("host-a.pair"),),
        why=Phrase("it said {secret}", secret=CANARY),
        version=2,
    )
    async with house.bot() as surface:
        await shown(house, surface, failed)
        await shown(house, surface, failed.model_copy(update={"version": 3}))
    calls = [*house.workspace.calls("chat.postMessage"), *house.workspace.calls("chat.update")]
    assert 4 == len(calls)
    assert CANARY not in str(calls)


async def test_cards_are_remembered_longer_than_other_messages(house: House) -> None:
    outbox = house.rows.outbox
    for operation in (f"{CARD_PREFIX}{OPERATION}", "op-other"):
        address = Address(channel="C0OPS")
        row = await outbox.add(build_post(operation, address, Words("text", ()), house.time.now()))
        await outbox.begin_sending([row])
        await outbox.mark_sent(row, "1.2")
    house.time.elapsed += 8 * 24 * 3600
    assert 1 == await outbox.prune()
    assert await outbox.has_message(f"{CARD_PREFIX}{OPERATION}")
    house.time.elapsed += 90 * 24 * 3600
    assert 1 == await outbox.prune()


async def test_two_approvals_are_two_replies(house: House) -> None:
    first = change(approval=approval(ApprovalState.PENDING, review(), needed=2), version=2)
    second = approval(ApprovalState.APPROVED, review(), review("carol", mention="U0SECURITY"), needed=2)
    async with house.bot() as surface:
        await shown(house, surface, first)
        await shown(house, surface, change(ChangeState.READY, approval=second, version=3))
    assert ["bob approved this (1 of 2)", "carol approved this (2 of 2)"] == [
        text.partition("mark: ")[2].partition(":")[0] for text in replies(house)
    ]
