"""The socket comes back, one way or the other."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.slack.client.errors import SlackFailure
from bot.slack.client.socket import (
    CHECK_INTERVAL,
    DEAD_SOCKET_SECONDS,
    MAX_PAUSE,
    RECONNECT_AFTER,
    ReconnectingSocket,
    SocketConnection,
)
from tests.bot.slack.conftest import House, Time
from tests.lab.workspace.faults import HANDSHAKE, Failing, ServerError
from tests.lab.workspace.journal import Disconnected
from tests.lab.workspace.socket_mode import Reason


class FakeLine:
    """A line that can be cut."""

    def __init__(self) -> None:
        self.up, self.closed = True, False

    async def is_connected(self) -> bool:
        return self.up

    async def close(self) -> None:
        self.up, self.closed = False, True


class Lines:
    """Opens lines, or fails so many times."""

    def __init__(self) -> None:
        self.opened: list[FakeLine] = []
        self.failing = 0
        self.tries: list[float] = []

    def opener(self, time: Time) -> "Lines":
        self.time = time
        return self

    async def __call__(self) -> SocketConnection:
        self.tries.append(self.time.elapsed)
        if self.failing:
            self.failing -= 1
            raise SlackFailure("unreachable", passing=True)
        self.opened.append(FakeLine())
        return self.opened[-1]


async def _watched(time: Time, lines: Lines) -> tuple[ReconnectingSocket, asyncio.Task[None]]:
    socket = ReconnectingSocket(lines.opener(time), time.monotonic, time.sleep)
    await socket.open()
    watching = asyncio.create_task(socket.watch())
    await time.asleep()
    return socket, watching


async def _pass(time: Time, seconds: float) -> None:
    """Let the time go by in small steps."""
    for _ in range(int(seconds / CHECK_INTERVAL)):
        await time.asleep()
        time.move(CHECK_INTERVAL)
        await asyncio.sleep(0)


async def test_a_line_that_is_away_for_a_moment_is_left_to_the_library(time: Time) -> None:
    lines = Lines()
    _, watching = await _watched(time, lines)
    lines.opened[0].up = False
    await _pass(time, RECONNECT_AFTER - CHECK_INTERVAL)
    lines.opened[0].up = True
    await _pass(time, 2 * RECONNECT_AFTER)
    assert 1 == len(lines.opened)
    watching.cancel()


async def test_a_line_that_stays_away_is_closed_and_built_anew(time: Time) -> None:
    lines = Lines()
    socket, watching = await _watched(time, lines)
    lines.opened[0].up = False
    await _pass(time, RECONNECT_AFTER + CHECK_INTERVAL)
    assert [True, False] == [line.closed for line in lines.opened]
    assert (True, 1) == (await socket.is_connected(), socket.rebuilt)
    watching.cancel()


async def test_while_slack_is_away_it_is_asked_more_and_more_rarely_but_for_ever(time: Time) -> None:
    lines = Lines()
    socket, watching = await _watched(time, lines)
    lines.opened[0].up = False
    lines.failing = 10
    await _pass(time, 3 * MAX_PAUSE * 10)
    pauses = [after - before for before, after in zip(lines.tries[1:], lines.tries[2:], strict=False)]
    assert sorted(pauses) == pauses
    assert MAX_PAUSE == pauses[-1]
    assert await socket.is_connected()
    watching.cancel()


async def test_a_refresh_that_slack_announces_keeps_the_bot_reachable(house: House) -> None:
    async with house.bot():
        await house.workspace.disconnect(Reason.REFRESH_REQUESTED)
        await house.workspace.seen(
            lambda: house.workspace.connections == 1 and len(house.workspace.calls("apps.connections.open")) > 2
        )
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        assert 1 == len(await house.private("U0ADMIN"))


async def test_a_line_that_was_cut_and_handshakes_that_fail_are_survived(house: House) -> None:
    async with house.bot() as surface:
        house.workspace.faults.switch_on(HANDSHAKE, ServerError(503), times=2)
        house.workspace.abort_connections()
        await house.until(lambda: house.workspace.connections == 0)
        await house.moving(lambda: house.workspace.connections == 1, step=CHECK_INTERVAL)
        await house.until(lambda: house.workspace.connections == 1)
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        assert 1 == len(await house.private("U0ADMIN"))
        health = await surface.get_health()
    assert (True, 1) == (health.healthy, health.rebuilt)


async def test_an_ordinary_goodbye_of_slack_is_no_error(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """The library would log one a second until the line is back."""
    async with house.bot():
        await house.workspace.stop()
        await house.until(lambda: house.workspace.connections == 0)
        await asyncio.sleep(0.05)
        assert [] == [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
        await house.workspace.start()


async def test_an_app_token_that_is_revoked_is_noticed_when_the_line_is_built_anew(house: House) -> None:
    async with house.bot() as surface:
        house.workspace.revoke_app_token()
        house.workspace.abort_connections()
        await house.until(lambda: house.workspace.connections == 0)
        tries = len(house.workspace.calls("apps.connections.open"))
        await house.moving(lambda: len(house.workspace.calls("apps.connections.open")) > tries, step=CHECK_INTERVAL)
        await asyncio.sleep(0.01)
        health = await surface.get_health()
    assert (False, "token_revoked") == (health.connected, health.revoked)


async def test_the_time_of_the_last_event_is_known(house: House) -> None:
    async with house.bot() as surface:
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await house.private("U0ADMIN")
        assert house.time.now() == (await surface.get_health()).last_event_at


def warnings(logs: Iterable[MutableMapping[str, Any]]) -> list[tuple[str, int]]:
    """What is warned of other processes, with their number."""
    return [(line["log_level"], line["count"]) for line in logs if "another process is connected" in line["event"]]


@asynccontextmanager
async def counted(house: House, *, forgotten: bool) -> AsyncIterator[list[MutableMapping[str, Any]]]:
    """The log of a bot whose connections Slack has counted twice."""
    with capture_logs() as logs:
        async with house.bot():
            await house.until(lambda: any("several connections" in line["event"] for line in logs))
            assert [] == warnings(logs)
            if forgotten:
                house.workspace.count_dead_sockets(0)
            house.time.move(DEAD_SOCKET_SECONDS)
            await house.workspace.seen(lambda: any(isinstance(each, Disconnected) for each in house.workspace.changes))
            await house.workspace.slash("U0ADMIN", "C0OPS", "health")
            await house.private("U0ADMIN")
            yield logs


async def test_a_dead_socket_that_slack_still_counts_is_no_other_process(house: House) -> None:
    """As after a kill of the bot, or a loss of its network."""
    house.workspace.count_dead_sockets(2)
    async with counted(house, forgotten=True) as logs:
        assert [] == warnings(logs)


async def test_another_process_of_the_same_app_is_warned_of_when_it_stays(house: House) -> None:
    house.workspace.count_dead_sockets(2)
    async with counted(house, forgotten=False) as logs:
        assert [("warning", 3)] == warnings(logs)


async def test_a_bot_alone_opens_one_connection_and_warns_of_nothing(house: House) -> None:
    with capture_logs() as logs:
        async with house.bot():
            await house.until(lambda: house.workspace.connections == 1)
            openings = len(house.workspace.calls("apps.connections.open"))
            house.time.move(DEAD_SOCKET_SECONDS)
            await house.workspace.disconnect(Reason.REFRESH_REQUESTED)
            await house.workspace.seen(lambda: len(house.workspace.calls("apps.connections.open")) == openings + 1)
            await house.workspace.seen(lambda: house.workspace.connections == 1)
    assert [] == [line for line in logs if "connections" in line["event"] or line["log_level"] == "warning"]


async def test_where_the_connections_cannot_be_counted_again_nothing_is_claimed(house: House) -> None:
    house.workspace.count_dead_sockets(1)
    with capture_logs() as logs:
        async with house.bot():
            await house.until(lambda: any("several connections" in line["event"] for line in logs))
            house.workspace.faults.switch_on("apps.connections.open", Failing("internal_error"), times=1)
            house.time.move(DEAD_SOCKET_SECONDS)
            await house.until(lambda: any("could not be counted" in line["event"] for line in logs))
    assert [] == warnings(logs)
