"""Chromium in front of a workspace with a lab fleet and the real bot behind it."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect

from bot.app.application import open_application
from bot.config.settings import read_settings
from tests.lab.controls import FleetControls
from tests.lab.fleet import LabFleet, run_fleet, write_configuration
from tests.lab.serving import serve_requests
from tests.lab.workspace import Workspace
from tests.lab.workspace.page import page
from tests.page.app import PageApp, connected
from tests.workspace.conftest import everything

CHROMIUM = shutil.which("chromium")
FLAGS = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")
MANIFEST = Path(__file__).parents[2] / "manifest.yml"
PATIENCE = 20.0
"""Seconds until something must be seen: two loaded cores are slow."""

collect_ignore = [] if CHROMIUM else ["test_access.py", "test_messages.py", "test_town.py", "test_views.py"]
"""Without Chromium, `test_chromium.py` alone tells of it: one loud line."""

DESK, PHONE = (1280, 800), (390, 780)

expect.set_options(timeout=PATIENCE * 1000)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is never asked through a proxy of the machine that runs the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of this process."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        await chromium.close()


@dataclass(frozen=True)
class Seat:
    """A person in front of the page. `said` is what the browser's console had to complain about."""

    page: Page
    context: BrowserContext
    said: list[str]
    base_url: str

    async def sit(self, user: str = "U0ADMIN", place: str = "C0OPS") -> None:
        await self.page.goto(f"{self.base_url}/#{user}/{place}")
        await expect(self.page.locator("#person")).to_have_value(user)

    @property
    def field(self) -> Locator:
        return self.page.locator("#typed")

    @property
    def messages(self) -> Locator:
        return self.page.locator("#main article")

    @property
    def modal(self) -> Locator:
        return self.page.locator("#modal")

    async def type(self, text: str) -> None:
        """Type it and press Enter."""
        await self.field.fill(text)
        await self.field.press("Escape")
        await self.field.press("Enter")

    async def drawer(self) -> None:
        """Open the channel list where it is a drawer."""
        opener = self.page.locator(".drawer")
        if await opener.is_visible():
            await opener.click()

    async def be(self, user: str) -> None:
        """Become somebody else, as a person does."""
        await self.drawer()
        await self.page.locator("#person").select_option(user)
        await expect(self.page.locator("#person")).to_have_value(user)


Sit = Callable[..., AbstractAsyncContextManager[Seat]]


@pytest_asyncio.fixture(loop_scope="session")
async def seats(browser: Browser) -> Sit:
    """`async with seats(workspace, size=PHONE, scheme="dark") as seat:` opens the page in a fresh context."""

    @asynccontextmanager
    async def open_seat(
        workspace: Workspace, size: tuple[int, int] = DESK, scheme: Any = "light", language: str = "en-US"
    ) -> AsyncIterator[Seat]:
        width, height = size
        context = await browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, locale=language, has_touch=size == PHONE
        )
        opened = await context.new_page()
        said: list[str] = []
        opened.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        opened.on("pageerror", lambda error: said.append(str(error)))
        try:
            yield Seat(opened, context, said, workspace.base_url)
            assert [] == said
        finally:
            await context.close()

    return open_seat


@dataclass(frozen=True)
class Town:
    """A fleet and a workspace with its page."""

    fleet: LabFleet
    workspace: Workspace


@pytest_asyncio.fixture(loop_scope="session")
async def town(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """Two hosts and a workspace with the real bot between them."""
    folder = tmp_path_factory.mktemp("t")  # short: a socket's path has at most 107 bytes
    async with run_fleet(folder / "lab", 2) as fleet:
        workspace = Workspace(MANIFEST)
        await workspace.start(routes=page(workspace, FleetControls(fleet)))
        try:
            settings = read_settings(write_configuration(folder, fleet, workspace))
            async with open_application(settings, running=True) as house, serve_requests(settings, house):
                await workspace.seen(lambda: workspace.connections, timeout=PATIENCE)
                yield Town(fleet, workspace)
        finally:
            await workspace.stop()


@dataclass(frozen=True)
class Stage:
    """A workspace with its page, and an app that the test plays."""

    workspace: Workspace
    app: PageApp

    async def post(self, text: str = "message", **more: Any) -> str:
        """The app writes in #ops; the message's ts."""
        return str((await self.app.slack.chat_postMessage(channel="C0OPS", text=text, **more))["ts"])


@pytest_asyncio.fixture(loop_scope="session")
async def stage(browser: Browser, tmp_path: Path) -> AsyncIterator[Stage]:
    """A workspace whose app may do everything."""
    manifest = tmp_path / "manifest.yml"
    manifest.write_text(everything(), encoding="utf-8")
    workspace = Workspace(manifest)
    await workspace.start(routes=page(workspace))
    try:
        async with connected(workspace) as app:
            yield Stage(workspace, app)
    finally:
        await workspace.stop()
