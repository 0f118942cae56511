"""A person in front of the page, with the real bot and a lab fleet behind it; at a desk and with a phone."""

import re

import pytest
from playwright.async_api import expect

from tests.page.conftest import DESK, PHONE, Seat, Sit, Town

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"]),
]


async def test_a_command_is_typed_and_its_answer_read(town: Town, seats: Sit, size: tuple[int, int]) -> None:
    """The hints name the command; the answer comes without a reload, for this person only."""
    async with seats(town.workspace, size) as seat:
        await seat.sit()
        await seat.field.press_sequentially("/fl")
        await expect(seat.page.get_by_role("option", name="/flatnet")).to_be_visible()
        await seat.field.press("Enter")
        await expect(seat.field).to_have_value("/flatnet ")
        await seat.field.press_sequentially("health")
        await seat.field.press("Enter")
        answer = seat.messages.filter(has_text="2 hosts are healthy")
        await expect(answer).to_have_count(1)
        await expect(answer).to_contain_text("Only visible to you")
        await expect(answer.get_by_role("img", name="large green circle").first).to_be_visible()
        await seat.be("U0MEMBER")
        await expect(seat.page.locator("h1")).to_have_text("#ops")
        await expect(seat.messages).to_have_count(0)


async def test_a_mistyped_change_is_offered_and_asks_before_it_runs(town: Town, seats: Sit, size: tuple[int, int]) -> None:
    """The button opens a form with the command in full; closed, it changes nothing; sent, it does."""
    async with seats(town.workspace, size) as seat:
        await seat.sit()
        await seat.type('/flatnet lcok add host-a 2h "disk swap"')
        await seat.messages.last.get_by_role("button", name="Lock host-a").click()
        await expect(seat.modal).to_contain_text('/flatnet lock add host-a 2h "disk swap"')
        await seat.modal.get_by_role("button", name="Cancel").click()
        await expect(seat.modal).to_be_hidden()  # until then it takes the keys, and gives the focus back to the button
        await seat.type("/flatnet lock")
        await expect(seat.messages.last).to_contain_text("No locks")
        await seat.messages.get_by_role("button", name="Lock host-a").click()
        await seat.modal.get_by_role("button", name="Send").click()
        await expect(seat.messages.last).to_contain_text("disk swap")


async def test_an_incident_gets_a_channel_that_is_one_click_away(town: Town, seats: Sit, size: tuple[int, int]) -> None:
    """It appears in the list by itself; the link leads there, and what it is about stands above it.

    The answer is in the person's language, the channel's own line in that of the workspace."""
    async with seats(town.workspace, size) as seat:
        await seat.sit()
        await seat.type('/flatnet incident open "The gateway answers 502" host-a --new')
        answer = seat.messages.filter(has_text="Channel: #")
        link = answer.locator("a.mention").first
        await expect(link).to_contain_text(re.compile(r"^#\d{4}-\d\d-\d\d-[0-9a-f]{6}$"))  # private: without the title
        name = await link.inner_text()
        await link.click()
        await expect(seat.page.locator("h1")).to_have_text(f"🔒{name.removeprefix('#')}")
        await expect(seat.page.locator("header.top")).to_contain_text("2 members · The gateway answers 502 · host-a")
        await expect(seat.messages).to_contain_text(["alice が開始"])
        await seat.drawer()
        await expect(seat.page.locator("#side").get_by_text(name.removeprefix("#"))).to_be_visible()


async def test_a_person_takes_another_language_and_the_bot_answers_in_it(
    town: Town, seats: Sit, size: tuple[int, int]
) -> None:
    """The page's own words change at once."""
    async with seats(town.workspace, size) as seat:
        await seat.sit("U0DEVELOPER")
        await expect(seat.field).to_have_attribute("placeholder", "Message #ops")
        await seat.drawer()
        await seat.page.locator("#language").select_option("ja-JP")
        await expect(seat.field).to_have_attribute("placeholder", "#ops へのメッセージ")
        await expect(seat.page.locator("html")).to_have_attribute("lang", "ja")
        await seat.page.keyboard.press("Escape")
        await seat.type("/flatnet health")
        await expect(seat.messages.filter(has_text="正常")).to_have_count(1)
        await expect(seat.messages.last).to_contain_text("あなただけに表示されています")


async def test_a_pulled_cable_changes_the_answer(town: Town, seats: Sit, size: tuple[int, int]) -> None:
    """And plugged in again, all is well; a refusing side is shown too."""
    async with seats(town.workspace, size) as seat:
        await seat.sit()
        await _faults(seat)
        await seat.page.locator(".host summary", has_text="host-b").click()
        await seat.page.get_by_role("combobox", name="host-b, Gateway").select_option("refuse")
        await expect(seat.page.locator(".host", has_text="host-b")).to_contain_text("Gateway")
        await seat.page.get_by_role("button", name="host-b: Pull the cable").click()
        await expect(seat.page.locator(".host", has_text="host-b")).to_contain_text("cable pulled")
        await seat.page.locator("#pane").get_by_role("button", name="Close").click()
        await seat.type("/flatnet health")
        await expect(seat.messages.filter(has_text="host-b unreachable")).to_have_count(1, timeout=45_000)
        await _faults(seat)
        await seat.page.get_by_role("button", name="host-b: Plug it in").click()
        await expect(seat.page.locator(".host", has_text="host-b")).to_contain_text("all well")
        assert "none" == town.fleet["host-b"].wire("gateway").fault


async def test_a_container_is_stopped_and_counts(town: Town, seats: Sit, size: tuple[int, int]) -> None:
    """A host is well where all that it runs is running."""
    async with seats(town.workspace, size) as seat:
        await seat.sit()
        await _faults(seat)
        host = seat.page.locator(".host", has_text="host-b")
        await host.locator("summary").click()
        await seat.page.get_by_role("combobox", name="host-b, Container web").select_option("stopped")
        await expect(host.locator("summary")).to_have_text("host-b Container web: stopped")
        await seat.page.get_by_role("combobox", name="host-b, Nebula").select_option("stop")
        await expect(host.locator("summary")).to_have_text("host-b Nebula stopped, Container web: stopped")
        await seat.page.locator("#pane").get_by_role("button", name="Close").click()
        await seat.type("/flatnet health")
        await expect(seat.messages.filter(has_text="host-b").last).to_contain_text("web", timeout=45_000)
        await _faults(seat)
        for name, well in (("Container web", "running"), ("Nebula", "start")):
            await seat.page.get_by_role("combobox", name=f"host-b, {name}").select_option(well)
        await expect(host.locator("summary")).to_have_text("host-b all well")


async def test_everything_is_done_with_the_keyboard(town: Town, seats: Sit, size: tuple[int, int]) -> None:
    """From the first Tab to the answer, and back out of the panel, without a pointer."""
    async with seats(town.workspace, size) as seat:
        await seat.sit()
        press = seat.page.keyboard.press
        await seat.page.locator("#skip").focus()
        await press("Enter")
        await expect(seat.field).to_be_focused()
        await seat.page.keyboard.type("/flatnet whoami")
        await press("Enter")
        await expect(seat.messages.filter(has_text="administrator")).to_have_count(1)
        await seat.page.locator(".drawer" if size == PHONE else ".faults").focus()
        await press("Enter")
        if size == PHONE:
            await expect(seat.page.locator("#side [aria-current]")).to_be_focused()
            await seat.page.locator(".faults").focus()
            await press("Enter")
        await expect(seat.page.get_by_role("heading", name="Faults")).to_be_focused()
        await press("Escape")
        await expect(seat.page.locator("#pane")).to_be_hidden()


async def _faults(seat: Seat) -> None:
    await seat.drawer()
    await seat.page.locator(".faults").click()
    await expect(seat.page.get_by_role("heading", name="Hosts")).to_be_visible()
