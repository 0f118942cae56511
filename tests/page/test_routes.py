"""Who may use the page's routes, and what they answer; without a browser."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.lab.workspace import Workspace
from tests.lab.workspace.page import Controls, Host, Knob, Program, Side, page
from tests.scenarios.conftest import MANIFEST


class Lamp:
    """A fleet of one host with one side, one service and a container."""

    faults = ("none", "refuse")

    def __init__(self) -> None:
        self.fault, self.runs, self.web = "none", True, "running"

    def hosts(self) -> list[Host]:
        knobs = (Knob("container", "web", self.web, ("running", "failed")),)
        return [Host("host-a", (Side("wsl", self.fault),), (Program("Nebula", self.runs),), self.fault == "swallow", knobs)]

    def switch(self, host: str, side: str, fault: str) -> None:
        if (host, side) != ("host-a", "wsl") or fault not in self.faults:
            raise KeyError(f"there is no {host}, {side}")
        self.fault = fault

    def run(self, host: str, name: str, *, runs: bool) -> None:
        if (host, name) != ("host-a", "Nebula"):
            raise KeyError(f"there is no {host}, {name}")
        self.runs = runs

    def turn(self, host: str, knob: tuple[str, str], to: str) -> None:
        if (host, knob) != ("host-a", ("container", "web")) or to not in ("running", "failed"):
            raise KeyError(f"there is no {host}, {knob}")
        self.web = to

    def spoil(self, host: str, name: str) -> None:
        raise KeyError(f"there is no service {name}")

    def burst(self, host: str) -> None:
        raise KeyError(f"{host} has no gateway")

    def cut(self, host: str) -> None:
        self.fault = "swallow"

    def mend(self, host: str) -> None:
        self.fault = "none"


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    lamp: Controls = Lamp()
    workspace = Workspace(MANIFEST)
    await workspace.start(routes=page(workspace, lamp))
    yield workspace
    await workspace.stop()


@pytest.fixture
async def session(workspace: Workspace) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(workspace.base_url, headers={"Origin": workspace.base_url}) as session:
        yield session


async def told(response: aiohttp.ClientResponse) -> tuple[int, Any]:
    return response.status, await response.json()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
@pytest.mark.parametrize("address", ["/page/act/say", "/page/controls", "/page/share?user=U0ADMIN&channel=C0OPS&name=x"])
async def test_another_sites_page_cannot_act(
    workspace: Workspace, session: aiohttp.ClientSession, address: str, origin: str
) -> None:
    body = {"user": "U0ADMIN", "channel": "C0OPS", "text": "hello", "deed": "cut", "host": "host-a"}
    async with session.post(address, json=body, headers={"Origin": origin}) as response:
        assert (403, {"error": "only this page may do that"}) == await told(response)
    assert () == workspace.messages("C0OPS")


@pytest.mark.parametrize("address", ["/", "/page/state", "/page/changes?user=U0ADMIN", "/static/main.js"])
async def test_a_rebound_name_reads_nothing(session: aiohttp.ClientSession, address: str) -> None:
    """A name of somebody else's that leads to loopback is another origin in the browser, but the same to a server."""
    async with session.get(address, headers={"Host": "evil.example:80"}) as response:
        assert 403 == response.status


@pytest.mark.parametrize("name", ["nothing.js", "..%2Froutes.py", "%2Fetc%2Fpasswd"])
async def test_only_the_pages_own_files_are_served(session: aiohttp.ClientSession, name: str) -> None:
    async with session.get(URL(f"/static/{name}", encoded=True)) as response:
        assert 404 == response.status


async def test_the_page_may_load_nothing_from_elsewhere(session: aiohttp.ClientSession) -> None:
    """And is shown in nobody's frame."""
    async with session.get("/") as response:
        policy = response.headers["Content-Security-Policy"]
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy.split("; "))


@pytest.mark.parametrize(
    ("act", "body", "complaint"),
    [
        ("say", {"user": "U0ADMIN", "channel": "C0OPS"}, "missing required field: text"),
        ("say", {"user": "U0NOBODY", "channel": "C0OPS", "text": "x"}, "the workspace has nobody with the id U0NOBODY"),
        ("say", {"user": "U0ADMIN", "channel": "C0OLD", "text": "x"}, "U0ADMIN cannot write in C0OLD"),
        ("click", {"user": "U0ADMIN", "channel": "C0OPS", "ts": "1.0", "action": "go"}, "this message is gone"),
        ("act", {"user": "U0ADMIN", "view": "V1", "action": "go"}, "this view is gone"),
        ("submit", {"user": "U0ADMIN", "values": {}}, "U0ADMIN has no modal open"),
        ("submit", {"user": "U0ADMIN", "values": {"a": {}}}, "a value must be a string or a list of strings"),
        ("locale", {"user": "U0ADMIN", "locale": "xx"}, "the page speaks en-US and ja-JP"),
        ("locale", [], "json_not_object"),
    ],
)
async def test_what_cannot_be_done_is_said(session: aiohttp.ClientSession, act: str, body: object, complaint: str) -> None:
    async with session.post(f"/page/act/{act}", json=body) as response:
        status, answer = await told(response)
        assert 400 == status
        assert answer["error"].startswith(complaint)


async def test_an_unknown_act_is_not_found(session: aiohttp.ClientSession) -> None:
    async with session.post("/page/act/explode", json={}) as response:
        assert (404, {"error": "there is no such act"}) == await told(response)


@pytest.mark.parametrize(
    ("language", "name"), [("ja,en;q=0.8", "kenji"), ("en-GB", "alice"), ("fr", "kenji"), ("", "kenji")]
)
async def test_the_page_begins_as_somebody_who_reads_the_browsers_language(
    session: aiohttp.ClientSession, language: str, name: str
) -> None:
    async with session.get("/page/state", headers={"Accept-Language": language}) as response:
        assert name == (await response.json())["me"]["name"]


async def test_a_person_is_told_only_what_they_may_see(workspace: Workspace, session: aiohttp.ClientSession) -> None:
    """In the state and in the changes: no private channel, no ephemeral message of somebody else."""
    await workspace.say("U0ADMIN", "C0BOARD", "secret")
    await workspace.slash("U0ADMIN", "C0OPS", "x", command="/nothing")
    await workspace.say("U0ADMIN", "C0OPS", "public")
    async with session.get("/page/state?user=U0VIEWER") as response:
        state = await response.json()
    assert ["C0OPS", "C0DEV", "C0OLD"] == [channel["id"] for channel in state["channels"]]
    assert ["public"] == [message["text"] for message in state["messages"]["C0OPS"]]
    async with session.get("/page/changes?user=U0VIEWER&after=0") as response:
        hello, change = await event(response), await event(response)
    assert "hello" == hello["kind"]
    assert "public" == change["message"]["text"]


async def test_changes_resume_after_the_last_one_that_was_seen(workspace: Workspace, session: aiohttp.ClientSession) -> None:
    """By the header that a browser sends when it connects again."""
    for text in ("one", "two", "three"):
        await workspace.say("U0ADMIN", "C0OPS", text)
    numbers = [at for at, change in enumerate(workspace.changes, 1) if workspace.visible_to(change, "U0ADMIN")]
    async with session.get("/page/changes?user=U0ADMIN", headers={"Last-Event-ID": str(numbers[1])}) as response:
        await event(response)
        assert "three" == (await event(response))["message"]["text"]


async def event(response: aiohttp.ClientResponse) -> Any:
    """The next event of a stream."""
    while not (line := await response.content.readline()).startswith(b"data: "):
        assert line
    return json.loads(line[6:])


async def test_a_file_is_saved_and_never_opened_as_a_page(workspace: Workspace, session: aiohttp.ClientSession) -> None:
    """Whatever its name says; only pictures are shown."""
    address = "/page/share?user=U0ADMIN&channel=C0OPS&name=%E8%A8%98%E9%8C%B2.html"
    async with session.post(address, data=b"<script>alert(1)</script>") as response:
        assert (200, {}) == await told(response)
    (name,) = workspace.messages("C0OPS")[0].files
    async with session.get(f"/page/file/{name}") as response:
        assert "application/octet-stream" == response.content_type
        assert "attachment; filename*=UTF-8''%E8%A8%98%E9%8C%B2.html" == response.headers["Content-Disposition"]
        assert b"<script>alert(1)</script>" == await response.read()
    async with session.get("/page/file/F0NOTHING") as response:
        assert (404, {"error": "this file is gone"}) == await told(response)


async def test_the_panel_shows_and_switches_what_is_wrong(workspace: Workspace, session: aiohttp.ClientSession) -> None:
    """With the hosts and with Slack; what makes no sense is refused and changes nothing."""

    async def switch(**given: object) -> tuple[int, Any]:
        async with session.post("/page/controls", json=given) as response:
            return await told(response)

    status, shown = await switch(deed="fault", host="host-a", side="wsl", fault="refuse")
    nebula = {"name": "Nebula", "runs": True, "starts": True}
    web = {"kind": "container", "name": "web", "at": "running", "positions": ["running", "failed"]}
    sides = [{"name": "wsl", "fault": "refuse"}]
    assert (
        200,
        [{"name": "host-a", "sides": sides, "programs": [nebula], "cut": False, "knobs": [web], "console": []}],
    ) == (status, shown["hosts"])
    for deed, runs in (("stop", False), ("start", True)):
        _, shown = await switch(deed=deed, host="host-a", program="Nebula")
        assert [nebula | {"runs": runs}] == shown["hosts"][0]["programs"]
    _, shown = await switch(deed="turn", host="host-a", kind="container", name="web", to="failed")
    assert [web | {"at": "failed"}] == shown["hosts"][0]["knobs"]
    assert 400 == (await switch(deed="turn", host="host-a", kind="container", name="web", to="melted"))[0]
    assert 400 == (await switch(deed="stop", host="host-a", program="mail"))[0]
    assert 400 == (await switch(deed="spoil", host="host-a", program="web"))[0]
    assert 400 == (await switch(deed="burst", host="host-a"))[0]
    assert 400 == (await switch(deed="fault", host="host-z", side="wsl", fault="refuse"))[0]
    assert (await switch(deed="cut", host="host-a"))[1]["hosts"][0]["cut"]
    assert not (await switch(deed="mend", host="host-a"))[1]["hosts"][0]["cut"]
    assert (await switch(deed="cut all"))[1]["hosts"][0]["cut"]
    assert not (await switch(deed="mend all"))[1]["hosts"][0]["cut"]
    _, shown = await switch(deed="slack", place="chat.postMessage", fault="429", once=True)
    assert [{"place": "chat.postMessage", "fault": "429"}] == shown["slack"]["active"]
    _, shown = await switch(deed="slack", place="delivery", fault="everything twice")
    assert 2 == len(shown["slack"]["active"])
    assert 400 == (await switch(deed="slack", place="delivery", fault="429"))[0]
    assert 400 == (await switch(deed="explode"))[0]
    for place in ("chat.postMessage", "delivery"):
        _, shown = await switch(deed="slack well", place=place)
    assert {} == workspace.faults.active()
