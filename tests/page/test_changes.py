"""A change as people see it on the page: asked for by one, decided by another, followed to its end."""

import pytest
from playwright.async_api import Locator, expect

from tests.page.conftest import DESK, PHONE, Seat, Sit, Town

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"]),
]

WORDS = "service restart openresty host-a"


async def asked(seat: Seat, reason: str) -> Locator:
    """The card of a change that the operator asks for; the channel reads Japanese."""
    await seat.sit("U0OPERATOR")
    await seat.type(f"/flatnet {WORDS} --reason {reason}")
    card = seat.messages.filter(has_text=reason).filter(has_text="依頼者")
    await expect(card).to_contain_text("承認待ち: 0 / 1 人")
    return card


async def test_one_asks_another_approves_and_both_see_it_done(town: Town, seats: Sit, size: tuple[int, int]) -> None:
    """The button asks once more before it counts; afterwards the card has none, and says who and what."""
    async with seats(town.workspace, size) as seat:
        card = await asked(seat, "slow")
        await seat.be("U0ADMIN")
        await card.get_by_role("button", name="承認").click()
        await seat.page.get_by_role("dialog").get_by_role("button", name="承認").click()
        await expect(card).to_contain_text("完了", timeout=30_000)
        await expect(card.get_by_role("button", name="承認")).to_have_count(0)
        await expect(card).to_contain_text("@alice")


async def test_who_asks_cannot_approve_and_a_denial_says_why(town: Town, seats: Sit, size: tuple[int, int]) -> None:
    """The reason is asked for in a form, and stands on the card."""
    async with seats(town.workspace, size) as seat:
        card = await asked(seat, "impatience")
        await card.get_by_role("button", name="承認").click()
        await seat.page.get_by_role("dialog").get_by_role("button", name="承認").click()
        await expect(seat.messages.last).to_contain_text("自分")
        await seat.be("U0ADMIN")
        await card.get_by_role("button", name="却下").click()
        await seat.modal.get_by_role("textbox").fill("after the backup")
        await seat.modal.get_by_role("button", name="Send").click()
        await expect(card).to_contain_text("after the backup")
        await expect(card.get_by_role("button", name="却下")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_decision_needs_no_more_than_one_screen_and_the_rest_is_one_tap_away(
    town: Town, seats: Sit, size: tuple[int, int], scheme: str
) -> None:
    """What, where, what stops, a missing rehearsal, who asks and the buttons; steps and digest are in the plan."""
    async with seats(town.workspace, size, scheme) as seat:
        await seat.sit("U0OPERATOR")
        reason = f"one-screen-{scheme}"
        await seat.type(f"/flatnet service restart nebula host-a --reason {reason}")
        card = seat.messages.filter(has_text=reason).filter(has_text="依頼者")
        await expect(card).to_contain_text("承認待ち")
        await card.evaluate("card => card.scrollIntoView({block: 'start'})")
        for said in (
            "承認待ち",
            "service restart nebula host-a",
            "対象ホスト",
            "変更中に止まるもの",
            "注意",
            "依頼者",
            reason,
            "承認できる人",
        ):
            await expect(card.get_by_text(said).first).to_be_in_viewport()
        for name in ("承認", "却下", "詳細", "取り下げ"):
            await expect(card.get_by_role("button", name=name, exact=True)).to_be_in_viewport(ratio=1)
        await expect(card).not_to_contain_text("計画のダイジェスト")
        await card.get_by_role("button", name="詳細", exact=True).click()
        plan = seat.modal
        await expect(plan).to_contain_text("計画のダイジェスト")
        await expect(plan).to_contain_text("Nebula を再起動")
        await plan.get_by_role("button", name="閉じる").last.click()
        await expect(plan).to_be_hidden()
