"""Event loop monitor, and heartbeats to the service manager (systemd's notify protocol).

    starting ─ READY=1 ─▶ serving ─ WATCHDOG=1 while healthy ─▶ … ─ STOPPING=1 ─▶ ended
                            └ STATUS=: current problems, for `systemctl status`

If no heartbeat comes for WatchdogSec, systemd restarts the bot. Heartbeats stop if the event
loop stalls, and if the bot's own checks fail.
"""

import socket
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

import structlog

BEAT_INTERVAL = 1.0
"""Seconds between two measurements of the lag."""

REMEMBERED_BEATS = 60
"""Measurements that are remembered: one minute."""

_log = structlog.get_logger(__name__)


class LoopMonitor:
    """Measures the lag of the event loop: a task that sleeps for a second and records how late it wakes.

    `monotonic` counts seconds, `sleep` waits.
    """

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._next = monotonic() + BEAT_INTERVAL
        self._lags: deque[float] = deque([0.0], REMEMBERED_BEATS)

    @property
    def lag(self) -> float:
        """Seconds by which the last wake-up was late, or the next one is overdue."""
        return max(self._lags[-1], self._monotonic() - self._next)

    @property
    def worst_lag(self) -> float:
        """Largest lag of the last minute, in seconds."""
        return max(self.lag, *self._lags)

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            self._next = self._monotonic() + BEAT_INTERVAL
            await self._sleep(BEAT_INTERVAL)
            self._lags.append(max(0.0, self._monotonic() - self._next))


class ServiceManager:
    """Sends datagrams to the service manager's socket; does nothing if there is none.

    `address` is a path, or `@name` in the abstract namespace (sd_notify(3)). A datagram that could not be
    sent is only logged: the bot does not stop because of it.
    """

    def __init__(self, address: str | None) -> None:
        self._address = _parse_address(address)

    def notify_ready(self) -> None:
        """Report that the bot has started; units that wait for it may start."""
        self._send("READY=1")

    def notify_stopping(self) -> None:
        """Report that the bot is stopping."""
        self._send("STOPPING=1")

    def notify_watchdog(self) -> None:
        """Send a heartbeat: the bot is alive and healthy."""
        self._send("WATCHDOG=1")

    def notify_status(self, text: str) -> None:
        """Send one line for `systemctl status`."""
        self._send("STATUS=" + " ".join(text.split()))

    def _send(self, state: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as line:
                line.sendto(state.encode(), self._address)
        except OSError as error:
            _log.warning("the service manager could not be notified", state=state, why=error.strerror)


def _parse_address(address: str | None) -> str | None:
    if not address:
        return None
    if address.startswith("/"):
        return address
    if address.startswith("@"):
        return "\0" + address[1:]
    _log.warning("NOTIFY_SOCKET is neither a path nor an abstract name; the service manager is not notified")
    return None


def read_watchdog_interval(environment: Mapping[str, str], pid: int) -> float | None:
    """Read the heartbeat interval of process `pid` in seconds; None if none is expected (sd_watchdog_enabled)."""
    microseconds, meant = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", str(pid))
    if meant != str(pid) or not microseconds.isascii() or not microseconds.isdigit() or int(microseconds) == 0:
        return None
    return int(microseconds) / 1_000_000


async def send_heartbeats(
    manager: ServiceManager, within: float, well: Callable[[], bool], sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Send a heartbeat every half of `within` seconds while all is healthy; runs until cancelled.

    Otherwise the check is repeated four times as often: one bad moment is no reason for a restart.
    """
    while True:
        if well():
            manager.notify_watchdog()
            await sleep(within / 2)
        else:
            await sleep(within / 8)
