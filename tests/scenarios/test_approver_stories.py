"""Approvers who are not in the channel of the card: a mention does not reach them, a direct message does."""

from bot.model.change import ChangeState
from tests.lab.workspace.message import Message
from tests.scenarios.changing import ADMIN, OPERATOR, OPS, VIEWER, Card, Shift, operation_in, shift, shown
from tests.scenarios.conftest import PATIENCE, Build

RESTART = "service restart openresty host-a"


async def direct(s: Shift, user: str, text: str) -> Message:
    """The direct message that has this text, once it has."""

    def found() -> Message | None:
        return next((message for message in s.workspace.direct(user) if text in shown(message)), None)

    message = await s.workspace.seen(found, timeout=PATIENCE)
    assert message is not None
    return message


async def test_an_administrator_outside_of_the_channel_approves_in_the_direct_message(town: Build) -> None:
    """Told by Slack once; afterwards the message shows how the change ended."""
    async with shift(town) as s:
        s.workspace.leave(ADMIN, OPS)
        card = await s.asked(RESTART)
        asked = await direct(s, ADMIN, "run.approve")
        assert [asked.ts] == [message.ts for message in s.workspace.notified(ADMIN)]
        await s.press(ADMIN, Card(card.operation, asked), "run.approve")
        assert (ChangeState.DONE, "") == await s.ended(card)
        done = await direct(s, ADMIN, "*Done*")
        assert (asked.ts, False) == (done.ts, "run.approve" in shown(done))
        assert [asked.ts] == [message.ts for message in s.workspace.notified(ADMIN) if message.ts == done.ts]
        assert () == s.workspace.direct(VIEWER)


async def test_an_operator_outside_of_the_channel_reviews_an_emergency_change(town: Build) -> None:
    async with shift(town) as s:
        s.workspace.leave(OPERATOR, OPS)
        card = await s.asked(f'{RESTART} --break-glass --reason "the gateway is down"', ADMIN)
        alarm = await direct(s, OPERATOR, "form.review")
        assert alarm.text.startswith(":rotating_light:")
        assert (ChangeState.DONE, "") == await s.ended(card)
        await s.fills(
            OPERATOR, Card(card.operation, await direct(s, OPERATOR, "完了")), "form.review", "op-review.found", "agreed"
        )
        await s.says(card, "agreed")


async def test_whoever_asked_elsewhere_is_told_of_the_end(town: Build) -> None:
    """The card is in the channel of the approvals, where the requester is not."""
    async with shift(town) as s:
        s.workspace.leave(OPERATOR, OPS)
        await s.workspace.slash(OPERATOR, "D0OPERATOR", RESTART)
        [message] = await s.workspace.seen(s.cards, timeout=PATIENCE)
        card = Card(operation_in(message), message)
        await s.types(ADMIN, f'deny {card.operation} "not before the backup"')
        denied = await direct(s, OPERATOR, "not before the backup")
        assert denied.text.startswith(":x: ")
