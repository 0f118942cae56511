"""The event loop's pulse, and the service manager that wants to feel it (systemd's notify protocol).

    starting ─ READY=1 ─▶ serving ─ WATCHDOG=1 while well ─▶ … ─ STOPPING=1 ─▶ ended
                            └ STATUS=: what is not well, for `systemctl status`

A beat that stays away for WatchdogSec makes systemd restart the bot. It stays away where the event
loop stands still, and where the bot says itself that it is not well.
"""

import socket
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

import structlog

BEAT = 1.0
"""Seconds between two beats of the pulse."""

REMEMBERED = 60
"""Beats whose lag is remembered: a minute."""

_log = structlog.get_logger(__name__)


class Pulse:
    """How late the event loop is: a task that wants to be woken every second, and notes when it was.

    `monotonic` counts seconds, `sleep` waits.
    """

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._next = monotonic() + BEAT
        self._lags: deque[float] = deque([0.0], REMEMBERED)

    @property
    def lag(self) -> float:
        """Seconds that the last beat was late, or that the next one is overdue."""
        return max(self._lags[-1], self._monotonic() - self._next)

    @property
    def worst(self) -> float:
        """The largest lag of the last minute, in seconds."""
        return max(self.lag, *self._lags)

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self._next = self._monotonic() + BEAT
            await self._sleep(BEAT)
            self._lags.append(max(0.0, self._monotonic() - self._next))


class ServiceManager:
    """Datagrams to the socket that the service manager named; silent where it named none.

    `address` is a path, or `@name` in the abstract namespace (sd_notify(3)). A datagram that cannot be
    sent is logged and nothing more: the bot does not end because nobody listens.
    """

    def __init__(self, address: str | None) -> None:
        self._address = _socket_address(address)

    def ready(self) -> None:
        """Everything stands; units that wait for this one may start."""
        self._send("READY=1")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def beat(self) -> None:
        """The bot is alive and well."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send("STATUS=" + " ".join(text.split()))

    def _send(self, state: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as line:
                line.sendto(state.encode(), self._address)
        except OSError as error:
            _log.warning("the service manager was not told", state=state, why=error.strerror)


def _socket_address(address: str | None) -> str | None:
    if not address:
        return None
    if address.startswith("/"):
        return address
    if address.startswith("@"):
        return "\0" + address[1:]
    _log.warning("NOTIFY_SOCKET is neither a path nor an abstract name; the service manager is not told anything")
    return None


def watchdog_time(environment: Mapping[str, str], pid: int) -> float | None:
    """Seconds in which the service manager wants a beat of process `pid`; None where it wants none (sd_watchdog_enabled)."""
    microseconds, meant = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", str(pid))
    if meant != str(pid) or not microseconds.isascii() or not microseconds.isdigit() or int(microseconds) == 0:
        return None
    return int(microseconds) / 1_000_000


async def keep_beating(
    manager: ServiceManager, within: float, well: Callable[[], bool], sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Beat at half of `within` seconds while all is well; runs until cancelled.

    Where it is not, it is looked at four times as often: one bad moment is no reason for a restart.
    """
    while True:
        if well():
            manager.beat()
            await sleep(within / 2)
        else:
            await sleep(within / 8)
