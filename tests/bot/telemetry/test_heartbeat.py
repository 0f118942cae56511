"""Heartbeat to a service outside: sent while the bot is healthy, and never a word of its URL."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr
from structlog.testing import capture_logs
from yarl import URL

from adapters.phrase import Phrase
from bot.telemetry.heartbeat import (
    HeartbeatFailed,
    HeartbeatLog,
    HeartbeatOutcome,
    HeartbeatSources,
    HeartbeatState,
    parse_heartbeat_url,
    send_heartbeat,
)
from bot.telemetry.heartbeat_request import fetch_heartbeat, map_heartbeat_error

NOW = datetime(2026, 1, 31, tzinfo=UTC)
TOKEN = "s3cr3t-t0ken-of-the-heartbeat"
ADDRESS = f"https://beats.example/{TOKEN}"
SENT, FAILED, WITHHELD = HeartbeatOutcome.SENT, HeartbeatOutcome.FAILED, HeartbeatOutcome.WITHHELD
OUTAGE = HeartbeatFailed(Phrase("could not connect to the server. Check the connection to it"))


@dataclass
class Minutes:
    """A bot whose parts can fail, a service outside that can refuse, and a clock that moves a minute with each heartbeat."""

    url: str | None = ADDRESS
    problems: tuple[Phrase, ...] = ()
    refusal: HeartbeatFailed | None = None
    now: datetime = NOW
    fetched: list[str] = field(default_factory=list)
    counted: list[HeartbeatOutcome] = field(default_factory=list)
    log: HeartbeatLog = field(default_factory=HeartbeatLog)

    async def fetch(self, url: str) -> None:
        self.fetched.append(url)
        if self.refusal is not None:
            raise self.refusal

    async def beat(self) -> None:
        sources = HeartbeatSources(
            find_url=lambda: None if self.url is None else SecretStr(self.url),
            find_problems=lambda: self.problems,
            fetch=self.fetch,
            count=self.counted.append,
            now=lambda: self.now,
        )
        await send_heartbeat(sources, self.log)
        self.now += timedelta(minutes=1)


async def test_a_healthy_bot_fetches_the_url_each_time() -> None:
    minutes = Minutes()
    await minutes.beat()
    await minutes.beat()
    assert [ADDRESS, ADDRESS] == minutes.fetched
    assert [SENT, SENT] == minutes.counted
    assert HeartbeatState(SENT, NOW) == minutes.log.state


async def test_nothing_is_sent_where_no_url_is_configured() -> None:
    minutes = Minutes(url=None)
    await minutes.beat()
    assert ([], [], None) == (minutes.fetched, minutes.counted, minutes.log.state)


async def test_a_bot_with_a_problem_is_silent_until_it_is_healthy_again() -> None:
    minutes = Minutes(problems=(Phrase("not connected to Slack"),))
    await minutes.beat()
    assert ([], [WITHHELD]) == (minutes.fetched, minutes.counted)
    assert minutes.log.state is not None
    assert "the bot is not healthy: not connected to Slack" == str(minutes.log.state.why)
    minutes.problems = ()
    await minutes.beat()
    assert ([ADDRESS], HeartbeatState(SENT, NOW + timedelta(minutes=1))) == (minutes.fetched, minutes.log.state)


async def test_an_outage_is_one_line_of_the_log_and_its_end_another() -> None:
    minutes = Minutes()
    with capture_logs() as lines:
        await minutes.beat()
        minutes.refusal = OUTAGE
        for _ in range(30):
            await minutes.beat()
        assert HeartbeatState(FAILED, NOW + timedelta(minutes=1), OUTAGE.phrase) == minutes.log.state
        minutes.refusal = None
        await minutes.beat()
    assert ["info", "warning", "info"] == [line["log_level"] for line in lines]
    assert [SENT, *[FAILED] * 30, SENT] == minutes.counted
    assert TOKEN not in repr(lines)


@pytest.mark.parametrize(
    "url",
    [
        ADDRESS,
        "https://beats.example:8443/ping?token=abc",
        "http://127.0.0.1:8080/ping",
        "http://[::1]:8080/ping",
        "http://localhost/ping",
    ],
)
def test_a_url_of_https_or_of_this_machine_is_used(url: str) -> None:
    assert url == parse_heartbeat_url(SecretStr(url))


@pytest.mark.parametrize(
    "url",
    [
        f"http://beats.example/{TOKEN}",
        f"http://192.0.2.1/{TOKEN}",
        f"ftp://beats.example/{TOKEN}",
        f"file:///{TOKEN}",
        f"https:///{TOKEN}",
        f"https://beats.example:99999/{TOKEN}",
        f"https://[beats/{TOKEN}",
        f"https://beats.example/{TOKEN}\r\nHost: other",
        TOKEN,
        "",
    ],
)
async def test_another_url_is_refused_without_being_shown(url: str) -> None:
    minutes = Minutes(url=url)
    with capture_logs() as lines:
        await minutes.beat()
    assert ([], [FAILED]) == (minutes.fetched, minutes.counted)
    assert ["the secret is not a usable address. It must be an https URL"] == [line["why"] for line in lines]


class Server:
    """A service on loopback: what it answers to a path, and the paths that were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.hanging = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        match request.path:
            case "/moved":
                return web.Response(status=302, headers={"Location": "/elsewhere"})
            case "/endless":
                response = web.StreamResponse()
                await response.prepare(request)
                await self.hanging.wait()
                return response
            case "/hanging":
                await self.hanging.wait()
            case "/lost":
                assert request.transport is not None
                request.transport.abort()
            case path if path[1:].isdigit():
                return web.Response(status=int(path[1:]))
        return web.Response()


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_get("/{path}", server.answer)
    runner = web.AppRunner(application, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        server.hanging.set()
        await runner.cleanup()


@pytest.mark.parametrize("path", ["/200", "/204", "/endless"])
async def test_a_status_of_2xx_is_enough_and_the_body_is_not_read(path: str) -> None:
    server = Server()
    async with serving(server) as url:
        await fetch_heartbeat(url + path)
    assert [path] == server.asked


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/moved", "the server responded with status 302. Check the address in the secret"),
        ("/404", "the server responded with status 404. Check the address in the secret"),
        ("/500", "the server responded with status 500. Check the address in the secret"),
        ("/lost", "the connection to the server was lost. Check the connection to it"),
        ("/hanging", "the server did not respond within 0.2 s. Check the connection to it"),
    ],
)
async def test_another_answer_is_a_failure_and_no_redirect_is_followed(path: str, why: str) -> None:
    server = Server()
    async with serving(server) as url:
        with pytest.raises(HeartbeatFailed) as failed:
            await fetch_heartbeat(url + path, timeout=0.2 if path == "/hanging" else 10.0)
    assert why == str(failed.value)
    assert {path} == set(server.asked)


async def test_a_port_on_which_nothing_listens_is_a_failure() -> None:
    async with serving(Server()) as url:
        pass
    with pytest.raises(HeartbeatFailed) as failed:
        await fetch_heartbeat(f"{url}/{TOKEN}")
    assert "could not connect to the server. Check the connection to it" == str(failed.value)


def _list_errors(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _list_errors(each)


def test_every_error_of_the_library_becomes_a_sentence_without_the_url() -> None:
    """Their own texts contain it."""
    kinds: set[Any] = {*_list_errors(aiohttp.ClientError), OSError, TimeoutError, ValueError, UnicodeError}
    for kind in kinds:
        error: Exception = kind.__new__(kind)
        error.args = (URL(ADDRESS),)
        assert TOKEN not in str(map_heartbeat_error(error, 10.0)), kind
