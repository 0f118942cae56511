"""A running workspace and the SDK's real clients on it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.socket_mode.websockets import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Clock, Timing, Workspace

MANIFEST = Path(__file__).parents[2] / "manifest.yml"
IMPATIENT = Timing(ack=0.03, redeliveries=(0.03, 0.03, 0.03), farewell=0.03)
"""Slack's waits, shortened for tests where nobody answers. Where somebody does, the real ones leave a slow machine time."""


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK and websockets take proxies from the environment, even for the loopback."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@dataclass
class FakeTime:
    """Time that stands still until it is moved."""

    elapsed: float = 0.0

    def clock(self) -> Clock:
        start = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
        return Clock(now=lambda: start + timedelta(seconds=self.elapsed), monotonic=lambda: self.elapsed)


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
async def workspace(time: FakeTime) -> AsyncIterator[Workspace]:
    """The project's own manifest, and time that stands still."""
    workspace = Workspace(MANIFEST, clock=time.clock())
    await workspace.start()
    yield workspace
    await workspace.stop()


@asynccontextmanager
async def installed(folder: Path, manifest: str, timing: Timing | None = None) -> AsyncIterator[Workspace]:
    """A running workspace with an app of another manifest, or with other waits."""
    path = folder / "manifest.yml"
    path.write_text(manifest, encoding="utf-8")
    workspace = Workspace(path, timing=timing)
    await workspace.start()
    try:
        yield workspace
    finally:
        await workspace.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def client(workspace: Workspace, session: aiohttp.ClientSession) -> AsyncWebClient:
    """The SDK's Web API client with the bot's token and no retries."""
    return web_client(workspace, session)


def web_client(workspace: Workspace, session: aiohttp.ClientSession, token: str | None = None) -> AsyncWebClient:
    return AsyncWebClient(
        token=token or workspace.bot_token, base_url=workspace.api_url, session=session, retry_handlers=[], timeout=5
    )


@dataclass
class App:
    """A Socket Mode app made of the SDK's `websockets` client: notes what arrives, acknowledges if it is told to."""

    client: SocketModeClient
    answer: dict[str, object] | None = None
    silent: bool = False
    got: list[SocketModeRequest] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def listen(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        self.got.append(request)
        async with self.arrived:
            self.arrived.notify_all()
        if not self.silent:
            await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, self.answer))

    async def connect(self) -> None:
        await self.client.connect()  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        await self.client.close()  # type: ignore[no-untyped-call]

    async def received(self, count: int) -> None:
        """Wait for so many requests."""
        async with asyncio.timeout(5), self.arrived:
            await self.arrived.wait_for(lambda: len(self.got) >= count)


Connect = Callable[[Workspace], App]


@pytest.fixture
async def apps(session: aiohttp.ClientSession) -> AsyncIterator[Connect]:
    """Makes apps for a workspace (not yet connected) and closes them in the end."""
    made: list[App] = []

    def make(workspace: Workspace) -> App:
        client = SocketModeClient(
            workspace.app_token, web_client=web_client(workspace, session, "unused"), ping_interval=0.05
        )
        app = App(client)
        client.socket_mode_request_listeners.append(app.listen)
        made.append(app)
        return app

    yield make
    for app in made:
        await app.close()


@pytest.fixture
async def app(workspace: Workspace, apps: Connect) -> App:
    """One connected app."""
    app = apps(workspace)
    await app.connect()
    await workspace.seen(lambda: workspace.connections == 1)
    return app
