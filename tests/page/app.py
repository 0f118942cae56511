"""An app for the page's tests, on the SDK's Socket Mode client: it notes what arrives and acknowledges by a table."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.socket_mode.websockets import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Workspace

Payload = Mapping[str, Any]
Answer = Callable[[Payload], Mapping[str, Any] | None]


@dataclass
class PageApp:
    """`slack` calls the Web API; `answers` make the payload of an ack, by the kind of what arrives."""

    slack: AsyncWebClient
    answers: dict[str, Answer] = field(default_factory=dict)
    got: "asyncio.Queue[Payload]" = field(default_factory=asyncio.Queue)

    async def listen(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        payload = request.payload
        answer = self.answers.get(payload.get("type", "slash"))
        said = answer(payload) if answer else None
        await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, dict(said) if said else None))
        if payload.get("type") != "event_callback":
            self.got.put_nowait(payload)

    async def next(self) -> Payload:
        """What arrives next, events apart."""
        async with asyncio.timeout(20):
            return await self.got.get()


@asynccontextmanager
async def connected(workspace: Workspace) -> AsyncIterator[PageApp]:
    """An app on this workspace until left."""
    async with aiohttp.ClientSession() as session:
        slack = AsyncWebClient(workspace.bot_token, base_url=workspace.api_url, session=session, retry_handlers=[])
        client = SocketModeClient(workspace.app_token, web_client=slack)
        app = PageApp(slack)
        client.socket_mode_request_listeners.append(app.listen)
        await client.connect()  # type: ignore[no-untyped-call]
        await workspace.seen(lambda: workspace.connections == 1, timeout=20)
        try:
            yield app
        finally:
            await client.close()  # type: ignore[no-untyped-call]
