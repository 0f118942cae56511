"""The pulse of the event loop, and what the service manager is told."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.telemetry.watchdog import (
    BEAT_INTERVAL,
    REMEMBERED_BEATS,
    LoopMonitor,
    ServiceManager,
    read_watchdog_interval,
    send_heartbeats,
)


class Clock:
    """Seconds that pass only in `sleep`, each time `late` more than was asked for; ends after `sleeps` of them."""

    def __init__(self, sleeps: int = 1_000_000) -> None:
        self.now = 100.0
        self.late = 0.0
        self.slept: list[float] = []
        self._left = sleeps

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if not self._left:
            raise asyncio.CancelledError
        self._left -= 1
        self.slept.append(seconds)
        self.now += seconds + self.late


async def beaten(pulse: LoopMonitor) -> None:
    """Let the pulse beat until its clock ends it."""
    with pytest.raises(asyncio.CancelledError):
        await pulse.run()


async def test_a_loop_that_turns_has_no_lag() -> None:
    clock = Clock(sleeps=3)
    pulse = LoopMonitor(clock.monotonic, clock.sleep)
    await beaten(pulse)
    assert (0.0, 0.0) == (max(0.0, pulse.lag), pulse.worst_lag)


async def test_a_standstill_is_the_lag_of_the_beat_that_came_late() -> None:
    clock = Clock(sleeps=1)
    clock.late = 7.0
    pulse = LoopMonitor(clock.monotonic, clock.sleep)
    await beaten(pulse)
    assert pulse.lag == 7.0


async def test_a_beat_that_is_overdue_is_lag_already() -> None:
    """Whoever is asked right after a standstill knows of it, though the pulse has not had its turn."""
    clock = Clock()
    pulse = LoopMonitor(clock.monotonic, clock.sleep)
    clock.now += BEAT_INTERVAL + 12.0
    assert pulse.lag == 12.0


async def test_the_worst_lag_is_remembered_for_a_minute() -> None:
    clock = Clock(sleeps=1)
    clock.late = 3.0
    pulse = LoopMonitor(clock.monotonic, clock.sleep)
    await beaten(pulse)
    clock.late = 0.0
    for sleeps, worst in ((REMEMBERED_BEATS - 1, 3.0), (1, 0.0)):
        clock._left = sleeps
        await beaten(pulse)
        assert worst == pulse.worst_lag


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[tuple[ServiceManager, socket.socket]]:
    """A service manager's socket, and the one who speaks to it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield ServiceManager(str(tmp_path / "notify")), listener


def heard(listener: socket.socket) -> list[str]:
    """All datagrams that have arrived."""
    said = []
    while True:
        try:
            said.append(listener.recv(4096).decode())
        except BlockingIOError:
            return said


def test_each_state_is_one_datagram(manager: tuple[ServiceManager, socket.socket]) -> None:
    speaker, listener = manager
    speaker.notify_ready()
    speaker.notify_status("Slack is not connected")
    speaker.notify_watchdog()
    speaker.notify_stopping()
    assert heard(listener) == ["READY=1", "STATUS=Slack is not connected", "WATCHDOG=1", "STOPPING=1"]


def test_a_status_cannot_carry_another_state(manager: tuple[ServiceManager, socket.socket]) -> None:
    """A line end would begin the next assignment."""
    speaker, listener = manager
    speaker.notify_status("ready\nMAINPID=1")
    assert heard(listener) == ["STATUS=ready MAINPID=1"]


def test_an_abstract_socket_is_spoken_to(tmp_path: Path) -> None:
    name = f"flatnet-test-{tmp_path.name}-{id(tmp_path)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.setblocking(False)
        ServiceManager(f"@{name}").notify_ready()
        assert heard(listener) == ["READY=1"]


@pytest.mark.parametrize("address", [None, "", "vsock:2:1234", "relative"])
def test_without_a_socket_of_a_known_kind_nothing_is_said(address: str | None) -> None:
    """As in a terminal: no service manager, no error."""
    ServiceManager(address).notify_ready()


def test_a_service_manager_that_does_not_listen_does_not_end_the_bot(tmp_path: Path) -> None:
    ServiceManager(str(tmp_path / "nobody")).notify_watchdog()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "６０"}, None),
    ],
)
def test_beats_are_wanted_where_the_service_manager_says_so_to_this_process(
    environment: dict[str, str], seconds: float | None
) -> None:
    assert read_watchdog_interval(environment, pid=7) == seconds


async def test_a_well_bot_beats_at_half_of_the_time(manager: tuple[ServiceManager, socket.socket]) -> None:
    speaker, listener = manager
    clock = Clock(sleeps=3)
    with pytest.raises(asyncio.CancelledError):
        await send_heartbeats(speaker, 60.0, lambda: True, clock.sleep)
    assert clock.slept == [30.0, 30.0, 30.0]
    assert heard(listener) == ["WATCHDOG=1"] * 4


async def test_an_unwell_bot_is_silent_and_gets_several_looks_before_the_time_is_over(
    manager: tuple[ServiceManager, socket.socket],
) -> None:
    speaker, listener = manager
    clock = Clock(sleeps=5)
    conditions = iter([True, False, False, False, True, True])
    with pytest.raises(asyncio.CancelledError):
        await send_heartbeats(speaker, 60.0, lambda: next(conditions), clock.sleep)
    assert clock.slept == [30.0, 7.5, 7.5, 7.5, 30.0]
    assert heard(listener) == ["WATCHDOG=1"] * 3
