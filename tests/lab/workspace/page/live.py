"""What changes for one person, as it happens: server-sent events, numbered like the journal."""

import asyncio
import json
from collections.abc import AsyncIterator

from aiohttp import web

from tests.lab.workspace.journal import Change
from tests.lab.workspace.page import shown
from tests.lab.workspace.workspace import Workspace

QUIET = 10.0
"""Seconds after which a sign of life is sent, so that a page that has gone is noticed."""

RETRY = 1000
"""Milliseconds after which a page that lost its connection tries again."""


async def follow(workspace: Workspace, run: str, user: str, request: web.Request) -> web.StreamResponse:
    """Send changes until the page goes away. It resumes after the number in `Last-Event-ID`, else in `after`.

    The first event names the run of the workspace: numbers of another run mean nothing here.
    """
    after = int(request.headers.get("Last-Event-ID") or request.query.get("after", "0"))
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    try:
        await response.write(f"retry: {RETRY}\n".encode() + _event({"kind": "hello", "run": run}))
        await _send(workspace, user, after, response)
    except ConnectionResetError:
        pass
    return response


async def _send(workspace: Workspace, user: str, after: int, response: web.StreamResponse) -> None:
    changes = aiter(workspace.subscribe(after))
    coming = asyncio.ensure_future(_next(changes))
    try:
        while True:
            await asyncio.wait({coming}, timeout=QUIET)
            if not coming.done():
                await response.write(b": all quiet\n\n")
                continue
            number, change = coming.result()
            coming = asyncio.ensure_future(_next(changes))
            if (seen := shown.change(workspace, user, change)) is not None:
                await response.write(_event(seen, number))
    finally:
        coming.cancel()


async def _next(changes: AsyncIterator[tuple[int, Change]]) -> tuple[int, Change]:
    return await anext(changes)


def _event(data: shown.Shown, number: int | None = None) -> bytes:
    """One event; JSON has no line breaks, so that it is one line."""
    name = "" if number is None else f"id: {number}\n"
    return f"{name}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
