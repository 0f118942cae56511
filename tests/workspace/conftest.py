"""A running workspace and the SDK's real clients on it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
from ruamel.yaml import YAML
from slack_bolt.adapter.socket_mode.websockets import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.socket_mode.websockets import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Clock, Timing, Workspace

MANIFEST = Path(__file__).parents[2] / "manifest.yml"
PLAIN = """\
display_information:
  name: flatnet
features:
  bot_user:
    display_name: flatnet
  app_home:
    messages_tab_enabled: true
    messages_tab_read_only_enabled: true
  slash_commands:
    - command: /flatnet
      description: Ask the fleet
      usage_hint: health | help
oauth_config:
  scopes:
    bot:
      - commands
      - "chat:write"
      - "users:read"
      - "channels:read"
      - "groups:read"
settings:
  interactivity:
    is_enabled: true
  socket_mode_enabled: true
"""
"""The manifest of an app that answers commands and hears nothing else."""

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
async def workspace(tmp_path: Path, time: FakeTime) -> AsyncIterator[Workspace]:
    """A workspace with a plain app, and time that stands still."""
    async with installed(tmp_path, PLAIN, clock=time.clock()) as workspace:
        yield workspace


@asynccontextmanager
async def installed(
    folder: Path, manifest: str, timing: Timing | None = None, clock: Clock | None = None
) -> AsyncIterator[Workspace]:
    """A running workspace with an app of another manifest, or with other waits."""
    path = folder / f"{uuid4()}.yml"
    path.write_text(manifest, encoding="utf-8")
    workspace = Workspace(path, timing=timing, clock=clock)
    await workspace.start()
    try:
        yield workspace
    finally:
        await workspace.stop()


SHORTCUTS = [
    {"name": "Open flatnet", "type": "global", "callback_id": "open", "description": "Open the form"},
    {"name": "Explain", "type": "message", "callback_id": "explain", "description": "Explain this message"},
]
SCOPES = ["commands", "chat:write", "users:read", "channels:read", "groups:read", "app_mentions:read"]
MORE_SCOPES = ["im:history", "channels:history", "usergroups:read", "files:write", "files:read"]
SCOPES_OF_INCIDENTS = ["pins:write", "reactions:read"]
EVENTS = ["app_home_opened", "app_mention", "member_joined_channel", "message.im", "message.channels"]
MORE_EVENTS = ["reaction_added", "subteam_members_changed", "subteam_updated", "tokens_revoked", "app_uninstalled"]


def everything(optional: Sequence[str] = ()) -> str:
    """The manifest of an app that uses all that this workspace has; `optional` of its scopes may be withheld."""
    yaml = YAML(typ="safe", pure=True)
    document = yaml.load(PLAIN)
    tabs = {"home_tab_enabled": True, "messages_tab_enabled": True, "messages_tab_read_only_enabled": False}
    document["features"] |= {"app_home": tabs, "shortcuts": SHORTCUTS}
    document["oauth_config"]["scopes"]["bot"] = SCOPES + MORE_SCOPES + SCOPES_OF_INCIDENTS
    document["oauth_config"]["scopes"]["bot_optional"] = list(optional)
    document["settings"] |= {
        "event_subscriptions": {"bot_events": EVENTS + MORE_EVENTS},
        "interactivity": {"is_enabled": True},
    }
    stream = StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


@pytest.fixture
async def full(tmp_path: Path, time: FakeTime) -> AsyncIterator[Workspace]:
    """A workspace whose app may do everything, and time that stands still."""
    async with installed(tmp_path, everything(), clock=time.clock()) as workspace:
        yield workspace


@pytest.fixture
async def bolt(full: Workspace, session: aiohttp.ClientSession) -> AsyncIterator[AsyncApp]:
    """A connected Bolt app in that workspace; its listeners are the test's."""
    async with connected(full, session) as app:
        yield app


@asynccontextmanager
async def connected(workspace: Workspace, session: aiohttp.ClientSession) -> AsyncIterator[AsyncApp]:
    """A Bolt app, connected."""
    app = AsyncApp(client=web_client(workspace, session))
    handler = AsyncSocketModeHandler(app, workspace.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await workspace.seen(lambda: workspace.connections == 1)
    yield app
    await handler.close_async()  # type: ignore[no-untyped-call]


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
