"""The routes of the page, and who may use them: only the page itself.

The workspace listens on loopback, but every web page that the person has open could send requests
there. So the host must be this one (against rebound names), whatever changes something must come from
this origin, and nothing is ever allowed to another origin.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from mimetypes import guess_type
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.arguments import Arguments
from tests.lab.workspace.page import live, panel, shown
from tests.lab.workspace.page.acts import ACTS
from tests.lab.workspace.page.controls import Controls, NoControls
from tests.lab.workspace.workspace import Workspace

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

STATIC = Path(__file__).parent / "static"

_POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'",
    "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
))  # fmt: skip
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""What is shown in the page; any other file is only saved, for it could be a page itself."""


def page(workspace: Workspace, controls: Controls | None = None) -> Sequence[web.RouteDef]:
    """The page's routes for `Workspace.start`; without `controls` there are no hosts to break."""
    served = _Page(workspace, controls or NoControls())
    return [
        web.get("/", _guarded(served.index)),
        web.get("/static/{name}", _guarded(served.static)),
        web.get("/page/state", _guarded(served.state)),
        web.get("/page/changes", _guarded(served.changes)),
        web.get("/page/file/{name}", _guarded(served.file)),
        web.get("/page/controls", _guarded(served.controls)),
        web.post("/page/controls", _guarded(served.switch)),
        web.post("/page/act/{name}", _guarded(served.act)),
        web.post("/page/share", _guarded(served.share)),
    ]


def _guarded(handler: Handler) -> Handler:
    """Refuse other hosts and other origins; tell mistakes as JSON."""

    @wraps(handler)
    async def guarded(request: web.Request) -> web.StreamResponse:
        name = request.host.rpartition(":")[0]
        if name not in ("127.0.0.1", "localhost"):
            return _refused(403, f"this page is not served to {request.host}")
        if request.method == "POST" and request.headers.get("Origin") != f"http://{request.host}":
            return _refused(403, "only this page may do that")
        try:
            return await handler(request)
        except SlackError as error:
            return _refused(400, "; ".join(error.more.get("errors", ())) or error.error)
        except (ValueError, KeyError) as error:
            return _refused(400, str(error.args[0]) if error.args else str(error))

    return guarded


class _Page:
    """What is served."""

    def __init__(self, workspace: Workspace, controls: Controls) -> None:
        self._workspace = workspace
        self._controls = controls
        self._run = secrets.token_hex(8)

    async def index(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "index.html", headers=_HEADERS)

    async def static(self, request: web.Request) -> web.StreamResponse:
        """The page's own files, none of which lies in a folder."""
        file = STATIC / request.match_info["name"]
        if file.parent != STATIC or not file.is_file():
            return _refused(404, "the page has no such file")
        return web.FileResponse(file, headers=_HEADERS)

    async def state(self, request: web.Request) -> web.StreamResponse:
        """All that one person sees; the page begins without a name and is given somebody."""
        language = request.headers.get("Accept-Language", "")
        user = request.query.get("user") or shown.somebody(self._workspace, language)
        return _json({"run": self._run, **shown.state(self._workspace, user)})

    async def changes(self, request: web.Request) -> web.StreamResponse:
        user = self._workspace.person(_user(request)).id
        return await live.follow(self._workspace, self._run, user, request)

    async def act(self, request: web.Request) -> web.StreamResponse:
        act = ACTS.get(request.match_info["name"])
        if act is None:
            return _refused(404, "there is no such act")
        return _json(await act(self._workspace, await Arguments.read(request)) or {})

    async def share(self, request: web.Request) -> web.StreamResponse:
        """A person posts a file; the body is its bytes."""
        given = Arguments(dict(request.query))
        user, channel, name = given.required("user"), given.required("channel"), given.required("name")
        await self._workspace.share(user, channel, (name, await request.read()), given.optional("thread"))
        return _json({})

    async def file(self, request: web.Request) -> web.StreamResponse:
        upload = self._workspace.upload(request.match_info["name"])
        if upload is None or upload.content is None:
            return _refused(404, "this file is gone")
        kind = guess_type(upload.name)[0] or "application/octet-stream"
        if kind in _PICTURES:
            return web.Response(body=upload.content, content_type=kind, headers=_HEADERS)
        saved = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(upload.name, safe='')}"}
        return web.Response(body=upload.content, content_type="application/octet-stream", headers=_HEADERS | saved)

    async def controls(self, request: web.Request) -> web.StreamResponse:
        return _json(panel.shown(self._workspace, self._controls))

    async def switch(self, request: web.Request) -> web.StreamResponse:
        panel.switch(self._workspace, self._controls, await Arguments.read(request))
        return await self.controls(request)


def _user(request: web.Request) -> str:
    return Arguments(dict(request.query)).required("user")


def _json(data: Any) -> web.Response:
    return web.json_response(data, headers=_HEADERS)


def _refused(status: int, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status, headers=_HEADERS)
