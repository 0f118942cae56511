"""What becomes of requests and connections when the configuration changes or the bot ends under them."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from bot.app import reload
from bot.app import server as app
from bot.control import server as control_server
from bot.model.request import Answer, ExitCode
from commands.model.report import Report
from tests.lab.faults import Fault
from tests.scenarios.conftest import PATIENCE, SIDES, Build, Town, ask
from tests.scenarios.forks import bot_process, command

ADMIN, OPS = "U0ADMIN", "C0OPS"


async def test_a_request_ends_on_the_fleet_that_it_began_with(town: Build) -> None:
    """A reload takes no host away under a request; the next one is answered from the new configuration."""
    async with town(hosts=1) as t, t.bot() as house:
        t.fleet["host-a"].wire("windows").fault = Fault.HANG
        running = asyncio.create_task(ask(house, "health"))
        await until(lambda: t.fleet["host-a"].windows.requests["Receive"] > 0)
        t.edit("host-a", "host-z")
        _, retired = await reload.reload(t.config, t.settings, house)
        assert "host-z" in (await ask(house, "host")).model_dump_json()
        t.fleet["host-a"].wire("windows").fault = Fault.NONE
        answer = await running
        assert (ExitCode.WELL, ["host-a"]) == (answer.exit_code, hosts(answer))
        later = await ask(house, "health")
        assert (ExitCode.WELL, ["host-z"]) == (later.exit_code, hosts(later))
        await retired.aclose()


@pytest.mark.parametrize("retirement", [0.0, 3600.0])
async def test_the_earlier_fleet_is_closed_when_its_time_has_come_or_the_bot_ends(
    town: Build, monkeypatch: pytest.MonkeyPatch, retirement: float
) -> None:
    """No shell and no connection stays behind on a host, whichever comes first."""
    monkeypatch.setattr(reload, "FLEET_RETIREMENT", retirement)
    async with town(hosts=1) as t, t.bot() as house:
        await ask(house, "health")
        before, again = house.dispatcher.config.fleet, asyncio.Event()
        assert 1 == t.fleet["host-a"].windows.shells
        reloader = reload.ConfigurationReloader(t.config, t.settings, house)
        reloading = asyncio.create_task(reloader.reload_on_signal(again))
        again.set()
        await until(lambda: house.dispatcher.config.fleet is not before)
        if retirement:
            await asyncio.sleep(0)
            await reloader.aclose()
        await until(lambda: t.fleet["host-a"].windows.shells == 0)
        assert ExitCode.WELL is (await ask(house, "health")).exit_code
        reloading.cancel()
        await asyncio.gather(reloading, return_exceptions=True)


async def test_the_bot_ends_though_no_side_of_a_host_lets_go(town: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question from Slack hangs on all three sides; it is cut short, kept as a row, and worked after the next start."""
    monkeypatch.setattr(app, "DRAIN_TIME", 0.2)
    async with town(hosts=1) as t:
        async with ended_in_time(t):
            hang(t)
            await t.workspace.slash(ADMIN, OPS, "health")
            await until(lambda: t.fleet["host-a"].windows.requests["Receive"] > 0)
        assert () == t.answers(ADMIN)
        for side in SIDES:
            t.fleet["host-a"].wire(side).fault = Fault.NONE
        async with t.bot():
            await t.at_rest()
        assert 1 == len(t.answers(ADMIN))


async def test_who_asked_from_a_terminal_is_told_when_the_bot_ends_under_the_question(
    town: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question hangs; the bot ends in bounded time, and who asked gets a sentence."""
    monkeypatch.setattr(control_server, "SHUTDOWN_TIMEOUT", 0.2)
    async with town(hosts=1) as t:
        async with ended_in_time(t):
            hang(t)
            asking = asyncio.create_task(command("do", "health", "--config", str(t.config)))
            await until(lambda: t.fleet["host-a"].windows.requests["Receive"] > 0)
        asked = await asking
        assert ExitCode.INTERNAL == asked.returncode
        assert "The command may have been run" in asked.stdout + asked.stderr


@pytest.mark.slow
async def test_the_process_ends_though_open_connections_hang(town: Build) -> None:
    """SIGTERM: exit code 0 in bounded time; no thread that waits for a host holds the process."""
    async with town(hosts=1) as t, bot_process(t) as bot:
        await bot.says('"connected"')
        assert ExitCode.WELL == (await command("do", "health", "--config", str(t.config))).returncode
        for side in SIDES:
            t.fleet["host-a"].wire(side).fault = Fault.SWALLOW
        bot.running.send_signal(signal.SIGTERM)
        assert 0 == await bot.ends()


@asynccontextmanager
async def ended_in_time(town: Town) -> AsyncIterator[None]:
    """A bot, which must have ended `PATIENCE` after the block: hosts that hang do not hold it for ever."""
    bot = AsyncExitStack()
    await bot.enter_async_context(town.bot())
    try:
        yield
    finally:
        async with asyncio.timeout(PATIENCE):
            await bot.aclose()


def hang(town: Town) -> None:
    """Log-in works on every side of host-a, and answers never come."""
    for side in SIDES:
        town.fleet["host-a"].wire(side).fault = Fault.HANG


def hosts(answer: Answer) -> list[str | None]:
    assert isinstance(answer.body, Report)
    return [row.host for row in answer.body.rows]


async def until(seen: Callable[[], bool]) -> None:
    """Wait for something that happens at a host."""
    async with asyncio.timeout(PATIENCE):
        while not seen():
            await asyncio.sleep(0.02)
