"""A restore after a bad edit, played on the page with the real bot and the lab: backup, mistake, diff, approval, result."""

from collections.abc import AsyncIterator
from pathlib import PureWindowsPath

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from bot.app.application import open_application
from bot.config.settings import read_settings
from tests.lab.controls import FleetControls
from tests.lab.fleet import QUIET, run_fleet, write_configuration
from tests.lab.serving import serve_requests
from tests.lab.windows.nginx import PATHS
from tests.lab.workspace import Workspace
from tests.lab.workspace.page import page
from tests.page.conftest import MANIFEST, PATIENCE, PHONE, Seat, Sit, Town

pytestmark = pytest.mark.asyncio(loop_scope="session")

RULES = '[[approvals.rules]]\nrisk = "critical"\napprovers = 1\n'
CONFIG = PureWindowsPath(PATHS.gateway_config)
MISTAKE = CONFIG.parent / "conf.d" / "mistake.conf"
ENDED = 60_000
"""Milliseconds in which a change ends: the guard of the lab takes its time."""


@pytest_asyncio.fixture(loop_scope="session")
async def backed(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """Two hosts, a workspace, and a bot for which one approval of a critical change is enough."""
    folder = tmp_path_factory.mktemp("r")
    async with run_fleet(folder / "lab", 2) as fleet:
        workspace = Workspace(MANIFEST)
        await workspace.start(routes=page(workspace, FleetControls(fleet)))
        try:
            file = write_configuration(folder, fleet, workspace, routine=f"{QUIET}\n{RULES}")
            settings = read_settings(file)
            async with open_application(settings, running=True) as house, serve_requests(settings, house):
                await workspace.seen(lambda: workspace.connections, timeout=PATIENCE)
                yield Town(fleet, workspace)
        finally:
            await workspace.stop()


async def approve(seat: Seat, card: Locator) -> None:
    """Alice approves a change by its card."""
    await seat.be("U0ADMIN")
    await card.get_by_role("button", name="承認", exact=True).click()
    await expect(card).to_contain_text("完了", timeout=ENDED)
    await seat.be("U0OPERATOR")


async def ask(seat: Seat, words: str) -> Locator:
    """Kenji asks for a change; its card."""
    await seat.type(f"/flatnet {words}")
    card = seat.messages.filter(has_text=words.partition(" --")[0]).filter(has_text="依頼者").last
    await expect(card).to_contain_text("承認待ち")
    return card


async def test_a_bad_edit_is_restored_from_the_backup_of_the_night(backed: Town, seats: Sit) -> None:
    """On a phone at three in the morning."""
    state = backed.fleet["host-a"].windows.state
    good = state.files[CONFIG]
    async with seats(backed.workspace, PHONE) as seat:
        await seat.sit("U0OPERATOR")
        await approve(seat, await ask(seat, "host rehearse host-a"))
        await approve(seat, await ask(seat, "backup create host-a"))
        backup = next(path.parent.name for path in state.files if path.name == "manifest.json")

        FleetControls(backed.fleet).turn("host-a", ("configuration", ""), "bad edit")
        assert (True, False) == (MISTAKE in state.files, good == state.files[CONFIG])

        card = await ask(seat, f'backup restore {backup} openresty --on host-a --reason "a bad edit"')
        await seat.be("U0ADMIN")
        await card.get_by_role("button", name="承認", exact=True).click()
        await expect(seat.modal).to_contain_text("mistake.conf")
        await seat.modal.get_by_role("textbox").first.fill("host-a")
        await seat.modal.get_by_role("button").last.click()
        await expect(card).to_contain_text("完了", timeout=ENDED)
    assert (False, good) == (MISTAKE in state.files, state.files[CONFIG])
