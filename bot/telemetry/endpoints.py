"""Health endpoints: `/healthz`, `/readyz` and `/metrics` on a loopback port.

    every 15 s: checks ─▶ problems ─┬─▶ /healthz   200, or 503: a restart may help
                                    ├─▶ /readyz    200, or 503: people are not answered as they should be
                                    ├─▶ /metrics   as numbers
                                    └─▶ the service manager (`bot.telemetry.watchdog`)

A request runs no check by itself: it gets the latest results, so frequent requests cost nothing. Answers
name the problem and its fix, and no host, no person, no path and no secret.
"""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from adapters.errors import FlatnetError
from adapters.phrase import Phrase, Span
from bot.runtime.bounded_listener import ConnectionLimits, serve_bounded
from bot.runtime.loopback import Loopback
from bot.telemetry.metrics import CONTENT_TYPE, Metrics
from bot.telemetry.watchdog import LoopMonitor, ServiceManager, send_heartbeats

CHECK_INTERVAL = 15.0
"""Seconds between two rounds of checks; each writes one page to the disk."""

CHECK_TIMEOUT = 5.0
"""Seconds that one check may take."""

MAX_LAG = 5.0
"""Seconds of lag from which the event loop counts as stalled; its worst under full load is below 0.1."""

STALE_AFTER = 3 * CHECK_INTERVAL
"""Seconds after which the latest results are stale: the checks have stopped."""

SHUTDOWN_TIMEOUT = 1.0
"""Seconds that answers under way get at the end."""

MAX_CONNECTIONS = 32
"""Connections at a time, where the limit of open files leaves so many (`bot.runtime.open_files`)."""

LIFETIME = 15.0
"""Seconds after which a connection is cut. An answer takes milliseconds, but its reader may not read it."""

Probe = Callable[[], Awaitable[Phrase | None]]
"""Checks one thing that the bot needs: None if it is healthy, else the problem and its fix."""

_log = structlog.get_logger(__name__)


async def _find_no_silence() -> float | None:
    return None


@dataclass(frozen=True)
class HealthChecks:
    """Checks by the names that `/metrics` shows. If a `vital` one fails, the bot is not alive.

    `find_problems` and `find_role` answer from memory, at any time: what else keeps the bot from being ready, and what a
    copy does while another one leads (None: it leads). `find_silence`: seconds since Slack's last message.
    """

    vital: Mapping[str, Probe] = field(default_factory=dict)
    needed: Mapping[str, Probe] = field(default_factory=dict)
    find_problems: Callable[[], tuple[Phrase, ...]] = tuple
    find_role: Callable[[], Phrase | None] = lambda: None
    find_silence: Callable[[], Awaitable[float | None]] = _find_no_silence


STARTING = HealthChecks(find_problems=lambda: (Phrase("the bot is starting"),))
"""Checks of a bot that does not do its work yet."""

STOPPING = HealthChecks(find_problems=lambda: (Phrase("the bot is stopping"),))
"""Checks of a bot that ends."""


class HealthMonitor:
    """Latest results of all checks. `run` updates them; `monotonic` and `sleep` are its clock.

    A copy that takes the lead has other checks than one that stands by: `exchange`.
    """

    def __init__(
        self,
        checks: HealthChecks,
        measures: Metrics,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.pulse = LoopMonitor(monotonic, sleep)
        self._checks = checks
        self._measures = measures
        self._monotonic = monotonic
        self.sleep = sleep
        self._unwell: dict[str, Phrase] = {}
        self._looked_at = monotonic()

    async def exchange(self, checks: HealthChecks) -> None:
        """Replace the checks, and run the new ones: else everything would count as healthy until the next round."""
        self._checks = checks
        self._measures.forget_checks()
        await self.run_checks()

    async def run(self, report: Callable[[str], None]) -> None:
        """Run the checks repeatedly until cancelled; `report` gets the state in one line."""
        while True:
            await self.run_checks()
            report(self.describe())
            await self.sleep(CHECK_INTERVAL)

    def describe(self) -> str:
        """Describe the state in one line: the readiness problems, else the role of a copy that stands by, or "ready"."""
        return "; ".join(map(str, self.find_readiness_problems())) or str(self.find_role() or "ready")

    async def run_checks(self) -> None:
        """Run every check once, concurrently."""
        current = self._checks
        checks = {**current.vital, **current.needed}
        found = await asyncio.gather(*(_run_check(name, probe) for name, probe in checks.items()))
        if current is not self._checks:
            return  # they were exchanged meanwhile
        self._unwell = {name: why for name, why in zip(checks, found, strict=True) if why is not None}
        self._looked_at = self._monotonic()
        for name in checks:
            self._measures.record_check(name, well=name not in self._unwell)

    def find_liveness_problems(self) -> tuple[Phrase, ...]:
        """Return why the bot is not alive; empty if it is."""
        return (*self._find_stall(), *(self._unwell[name] for name in self._checks.vital if name in self._unwell))

    def find_readiness_problems(self) -> tuple[Phrase, ...]:
        """Return why people are not answered as they should be; empty if they are."""
        return (*self._find_stall(), *self._checks.find_problems(), *self._unwell.values())

    def find_role(self) -> Phrase | None:
        """Return what a copy that stands by does; None for a bot that leads."""
        return self._checks.find_role()

    async def find_silence(self) -> float | None:
        """Return the seconds since Slack's last message; None before the first."""
        return await self._checks.find_silence()

    def find_problems(self, names: Collection[str]) -> tuple[Phrase, ...]:
        """Return the problems that these checks found, and that no checks run; empty if there are none."""
        return (*self._find_stall(), *(why for name, why in self._unwell.items() if name in names))

    def render_metrics(self) -> bytes:
        """Render the current metrics."""
        self._measures.record_lag(self.pulse.worst_lag)
        return self._measures.render()

    def _find_stall(self) -> tuple[Phrase, ...]:
        if self.pulse.lag > MAX_LAG:
            return (
                Phrase("the event loop was blocked for {time}. Check the log and the machine", time=Span(self.pulse.lag)),
            )
        age = self._monotonic() - self._looked_at
        if age > STALE_AFTER:
            return (Phrase("no checks ran for {time}. Check the log, then restart the bot", time=Span(age)),)
        return ()


class StatusUnusable(FlatnetError):
    """The status port cannot be bound."""


@asynccontextmanager
async def watch_health(vitals: HealthMonitor, manager: ServiceManager, within: float | None) -> AsyncIterator[None]:
    """Run the loop monitor and the checks until the block is left, and notify the service manager of the state and the end.

    The service manager expects a heartbeat `within` so many seconds; None: never.
    """
    work = [vitals.pulse.run(), vitals.run(manager.notify_status)]
    if within is not None:
        work.append(send_heartbeats(manager, within, lambda: not vitals.find_liveness_problems(), vitals.sleep))
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        manager.notify_stopping()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def serve(address: Loopback, vitals: HealthMonitor, most: int = MAX_CONNECTIONS) -> AsyncIterator[int]:
    """Answer at `address` until the block is left; yields the port. `most`: connections at a time.

    Raises `StatusUnusable`.
    """
    listener = _listen(address)
    limits = ConnectionLimits(most, LIFETIME, SHUTDOWN_TIMEOUT)
    async with serve_bounded("status port", _build_application(vitals), listener, limits):
        yield listener.getsockname()[1]


def _listen(address: Loopback) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        raise _map_listen_error(address, error) from error


def _map_listen_error(address: Loopback, error: OSError) -> StatusUnusable:
    return StatusUnusable(
        Phrase(
            "cannot listen on {host} port {port} ({reason}). Free the port, or set a different status.listen",
            host=address.host,
            port=str(address.port),
            reason=errno.errorcode.get(error.errno or 0, "?"),
        )
    )


def _build_application(vitals: HealthMonitor) -> web.Application:
    async def healthz(request: web.Request) -> web.Response:
        besides = {"event_loop_lag_seconds": max(0.0, vitals.pulse.lag), "slack_silent_seconds": await vitals.find_silence()}
        return _make_response("alive", vitals.find_liveness_problems(), besides)

    async def readyz(request: web.Request) -> web.Response:
        role = vitals.find_role()
        besides = {} if role is None else {"role": str(role)}
        return _make_response("ready", vitals.find_readiness_problems(), besides)

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(
            body=vitals.render_metrics(), headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
        )

    application = web.Application(client_max_size=1)
    application.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return application


def _make_response(question: str, against: tuple[Phrase, ...], besides: Mapping[str, float | str | None]) -> web.Response:
    document = {question: not against, "reasons": [str(phrase) for phrase in against], **besides}
    return web.json_response(document, status=503 if against else 200, headers={"Cache-Control": "no-store"})


async def _run_check(name: str, probe: Probe) -> Phrase | None:
    """Run one check within its time. Any exception means that it failed; the log has the reason."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            return await probe()
    except TimeoutError:
        return Phrase("the check {name} did not end within {time}. Check the log", name=name, time=Span(CHECK_TIMEOUT))
    except FlatnetError as error:
        _log.error("a check failed", check=name, why=str(error))
    except Exception:
        _log.exception("a check failed", check=name)
    return Phrase("the check {name} failed. Check the log", name=name)
