"""Critical changes: the name is typed where the plan is read, and a Slack account alone is not enough."""

import pytest

from bot.model.change import Change, ChangeState
from tests.scenarios.changing import ADMIN, OPERATOR, shift
from tests.scenarios.conftest import PATIENCE, Build
from tests.scenarios.test_owed_stories import owe_revocation

SECOND_ROAD = ("[approvals]\n", "[approvals]\nsecond_road = true\n")
ONE_APPROVER = '[[approvals.rules]]\nrisk = "critical"\napprovers = 1\n'
WORDS = 'owed abandon 1 --reason "host-b was scrapped"'


@pytest.mark.slow
async def test_a_slack_account_alone_approves_nothing_critical(town: Build) -> None:
    """alice types the name in the form of the plan, and what is still missing comes from a terminal."""
    async with shift(town) as s:
        await s.ruled(ONE_APPROVER)
        await s.edited(*SECOND_ROAD)
        await owe_revocation(s)
        card = await s.asked(WORDS)
        assert "host-b" == (await s.known(card)).plan.object_name
        wrong = await s.fills(ADMIN, card, "plan.approve", "name", "host-a")
        assert "Type the name of what this critical change is about" in wrong
        await s.fills(ADMIN, card, "plan.approve", "name", " host-b ")
        waiting = await s.until(card, lambda change: change.approval is not None and change.approval.approvals == 1)
        assert ChangeState.WAITING is waiting.state
        assert "ターミナルからの承認待ち" in await s.signed(card, "ターミナルからの承認待ち")

        await s.shell(f"op show {card.operation}")
        answer = await s.shell(f"approve {card.operation} --name host-b")
        assert isinstance(answer.body, Change)
        assert (ChangeState.DONE, "") == await s.ended(card)
        decided = [kind for kind in s.trail(card) if kind in ("opened", "refusal", "review")]
        assert ["opened", "refusal", "review", "opened", "review"] == decided


@pytest.mark.slow
async def test_the_field_for_the_name_is_empty_and_no_emergency_starts_from_slack(town: Build) -> None:
    async with shift(town) as s:
        await s.ruled(ONE_APPROVER)
        await s.edited(*SECOND_ROAD)
        await owe_revocation(s)
        card = await s.asked(WORDS)
        await s.workspace.click(ADMIN, card.message, "plan.approve")
        view = await s.workspace.seen(lambda: s.workspace.view(ADMIN), timeout=PATIENCE)
        assert view is not None
        (field,) = [block for block in view.blocks if block["type"] == "input"]
        assert {"type", "action_id", "max_length"} == set(field["element"])
        assert "must be requested from a terminal" in await s.types(ADMIN, f"{WORDS} --break-glass")
        assert ChangeState.WAITING is (await s.known(card)).state


@pytest.mark.slow
async def test_that_a_critical_change_was_done_needs_approvals(town: Build) -> None:
    async with shift(town) as s:
        await s.ruled(ONE_APPROVER)
        await owe_revocation(s)
        assert "結果不明の重大な変更ではありません" in await s.types(OPERATOR, 'op confirm op-0123456789ab --reason "seen"')
