"""Heartbeats of a whole bot to a service on loopback, by a clock on which a minute is a second."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from structlog.testing import capture_logs

from bot.app.application import Application
from bot.app.endpoints import report_health
from bot.app.server import Service
from bot.model.request import Answer
from bot.runtime.clock import Clock, read_utc_time
from bot.telemetry.endpoints import STARTING, HealthMonitor, watch_health
from bot.telemetry.heartbeat import HeartbeatLog, HeartbeatOutcome
from bot.telemetry.metrics import Metrics
from bot.telemetry.watchdog import ServiceManager
from commands.model.report import Report
from tests.scenarios.conftest import PATIENCE, Build, Town, ask

PACE = 60
"""Seconds of waiting that pass in one."""

PATH = "/ping/a-token-that-nobody-may-read"


async def _sleep(seconds: float) -> None:
    await asyncio.sleep(seconds / PACE)


HURRIED = Clock(read_utc_time, lambda: time.monotonic() * PACE, _sleep)


@asynccontextmanager
async def outside(pings: list[str]) -> AsyncIterator[str]:
    """The service that expects heartbeats."""

    async def answer(request: web.Request) -> web.Response:
        pings.append(request.path)
        return web.Response()

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"
    finally:
        await runner.cleanup()


def expect_heartbeats(town: Town, url: str) -> None:
    """Somebody configures the address as a secret."""
    secret = town.config.with_name("secrets") / "heartbeat_url"
    secret.write_text(f"{url}\n")
    secret.chmod(0o600)
    town.edit("[alerts]\n", '[alerts]\nheartbeat_url_secret = "heartbeat_url"\n')


@asynccontextmanager
async def telemetry(house: Application, service: Service, measures: Metrics) -> AsyncIterator[HeartbeatLog]:
    beats = HeartbeatLog()
    vitals = HealthMonitor(STARTING, measures, time.monotonic, asyncio.sleep)
    async with watch_health(vitals, ServiceManager(None), None), report_health(house, service, vitals, measures, beats):
        yield beats


async def until(found: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not found():
            await asyncio.sleep(0.05)


async def test_a_healthy_bot_sends_a_heartbeat_each_minute_and_shows_its_address_nowhere(town: Build) -> None:
    pings: list[str] = []
    measures = Metrics("1", ())
    async with outside(pings) as url, town(hosts=1) as t:
        expect_heartbeats(t, url)
        with capture_logs() as lines:
            async with t.service(HURRIED) as (house, service):
                await service.connecting
                async with telemetry(house, service, measures) as beats:
                    await until(lambda: len(pings) >= 2)
                    state = beats.state
                    answer = await ask(house, "doctor")
        assert state is not None
        assert HeartbeatOutcome.SENT is state.outcome
        assert {PATH} == set(pings)
        assert isinstance(answer, Answer)
        assert isinstance(answer.body, Report)
        assert "bot.heartbeat" in {row.host for row in answer.body.rows}
        for shown in (repr(lines), answer.model_dump_json(), measures.render().decode(), str(t.events())):
            assert PATH not in shown


async def test_a_bot_without_slack_sends_none(town: Build) -> None:
    pings: list[str] = []
    measures = Metrics("1", ())
    async with outside(pings) as url, town(hosts=1) as t:
        expect_heartbeats(t, url)
        await t.workspace.stop()
        async with t.service(HURRIED) as (house, service), telemetry(house, service, measures) as beats:
            await until(lambda: beats.state is not None)
            assert beats.state is not None
            assert HeartbeatOutcome.WITHHELD is beats.state.outcome
            assert "Slack" in str(beats.state.why)
    assert [] == pings
