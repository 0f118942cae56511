"""A bot that starts again: changes go on before anything else, with Slack or without it, and the log stays quiet."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from bot.control.client import ask
from bot.model.change import Change, ChangeState
from bot.model.request import Answer, ExitCode, Surface
from bot.runtime.clock import Clock, read_utc_time
from bot.telemetry.health_checks import make_slack_checks
from tests.lab.workspace.faults import Slow
from tests.scenarios.changing import OPS, Shift
from tests.scenarios.conftest import PATIENCE, Build, Town
from tests.scenarios.crash_points import Point, points
from tests.scenarios.crashing import RENEW, Crew, crew
from tests.scenarios.forks import bot_process

QUIET = {"debug", "info"}

WITHDRAWN = "取り下げました"
"""A request was withdrawn, in the channel's language."""


@pytest.mark.slow
async def test_approve_kill_restart_logs_nothing_above_info(town: Build) -> None:
    """The approval waits in the inbox, and is carried out by an engine that is there before it."""
    async with town(hosts=2, lighthouse=True) as t, crew(t) as bots:
        card = await bots.asked(RENEW)
        t.workspace.faults.switch_on("users.info", Slow(PATIENCE))  # the approval is accepted, and comes no further
        await bots.approves(card)
        await bots.dies()
        assert ChangeState.WAITING is bots.rows.record(card.operation).state
        t.workspace.faults.switch_off("users.info")
        async with bot_process(t) as bot:
            await bot.says('"connected"')
            assert ChangeState.DONE is await bots.ended(card)
            await bots.at_rest()
            bot.running.send_signal(signal.SIGTERM)
            assert 0 == await bot.ends()
        assert [] == loud(bot.said)


@pytest.mark.slow
async def test_a_change_that_was_killed_half_way_is_finished_while_slack_is_away(town: Build) -> None:
    """Another one, which waits, is withdrawn through the control socket; Slack hears of both when it is back."""
    async with town(hosts=2, lighthouse=True) as t, crew(t) as bots:
        waiting, card = await bots.asked("service restart openresty host-b"), await bots.asked(RENEW)
        await bots.stands_at(half_way(bots, card.operation), card)
        await bots.dies()
        port = await slack_goes_away(t)
        async with bot_process(t) as bot:
            await bot.says('"serving"')
            assert ChangeState.DONE is await bots.ended(card)
            await withdraw(t, waiting.operation)
            assert ChangeState.CLOSED is bots.rows.record(waiting.operation).state
            assert {} == bots.rows.claims()
            assert '"connected"' not in bot.said
            await t.workspace.start(port)
            await bot.says('"connected"')
            await bots.at_rest()
        assert [] == list(bots.evidence.against_slack(card.operation))
        assert WITHDRAWN in [message.text for message in t.workspace.thread(OPS, waiting.message.ts)][-1]
        [line] = loud(bot.said)
        assert "could not connect to slack; the bot tries again" == line["event"]


@pytest.mark.slow
async def test_a_bot_without_slack_is_ready_for_the_service_manager_and_alive_but_not_ready_for_people(
    town: Build, tmp_path: Path
) -> None:
    async with town(hosts=1) as t:
        await slack_goes_away(t)
        port = t.add_status_port()
        with listening(tmp_path / "notify") as manager:
            async with bot_process(t, NOTIFY_SOCKET=str(tmp_path / "notify")) as bot:
                assert b"STATUS=the bot is starting" == await asyncio.to_thread(manager.recv, 4096)
                assert b"READY=1" == await asyncio.to_thread(manager.recv, 4096)
                await bot.says("could not connect to slack")
                assert (200, True) == await look(port, "/healthz", "alive")
                assert (503, False) == await look(port, "/readyz", "ready")
                bot.running.send_signal(signal.SIGTERM)
                assert 0 == await bot.ends()


async def test_without_slack_commands_are_answered_and_readiness_says_why_not(town: Build) -> None:
    async with town(hosts=1) as t:
        port = await slack_goes_away(t)
        async with t.service() as (_, service):
            answer = await ask(t.settings.control_socket, "health", Surface.DO)
            assert answer is not None
            assert ExitCode.WELL is answer.exit_code
            checks = make_slack_checks(service.surface.get_health).values()
            assert ["could not connect to Slack (unreachable), retrying. Check the connection to Slack"] == [
                str(why) for check in checks if (why := await check()) is not None
            ]
            await t.workspace.start(port)
            await service.connecting
            assert {None} == {await check() for check in checks}


async def test_requests_expire_without_slack(town: Build) -> None:
    """A week later the bot starts again, and Slack is away."""
    async with town(hosts=1) as t:
        async with t.bot() as house:
            card = await Shift(t, house).asked("service restart openresty host-a")
        await slack_goes_away(t)
        later = Clock(lambda: read_utc_time() + timedelta(days=8), time.monotonic, asyncio.sleep)
        async with t.service(later) as (house, _):
            state, why = await Shift(t, house).ended(card)
        assert (ChangeState.CLOSED, "not approved by enough people in time. Submit it again") == (state, why)


def half_way(bots: Crew, operation: str) -> Point:
    """The first step that changed its host, and could not be recorded."""
    plan = bots.rows.record(operation).plan
    return next(point for point in points(plan) if point.when == "after" and point.path and not point.late)


async def slack_goes_away(town: Town) -> int:
    """Nothing listens where Slack was; returns the port, so that it can come back there."""
    port = urlsplit(town.workspace.base_url).port
    assert port is not None
    await town.workspace.stop()
    return port


async def withdraw(town: Town, operation: str) -> Change:
    """Somebody with the right to do so withdraws a request from a terminal."""
    answer = await ask(town.settings.control_socket, f"op cancel {operation}", Surface.DO)
    assert isinstance(answer, Answer)
    assert isinstance(answer.body, Change), answer.body
    return answer.body


async def look(port: int, path: str, what: str) -> tuple[int, bool]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
        return response.status, (await response.json())[what]


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """The service manager's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(PATIENCE)
        yield manager


def loud(log: str) -> list[dict[str, Any]]:
    """The lines of a log that call for attention."""
    lines = [json.loads(line) for line in log.splitlines()]
    return [line for line in lines if line["level"] not in QUIET]
