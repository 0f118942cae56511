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
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from aiohttp import web

from adapters.errors import FlatnetError
from adapters.phrase import Listing, Phrase, Span
from bot.runtime.bounded_listener import ConnectionLimits, serve_bounded
from bot.runtime.loopback import Loopback
from bot.store.condition import DatabaseCondition
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

MAX_OUTBOX_AGE = timedelta(minutes=10)
"""Age from which a waiting message means that the outbox stands still. Slack's limits delay a message for a minute."""

LIFETIME = 15.0
"""Seconds after which a connection is cut. An answer takes milliseconds, but its reader may not read it."""

Probe = Callable[[], Awaitable[Phrase | None]]
"""Checks one thing that the bot needs: None if it is healthy, else the problem and its fix."""

_log = structlog.get_logger(__name__)


class SlackHealth(Protocol):
    """Health of the Slack surface (`bot.slack.health`)."""

    @property
    def connected(self) -> bool: ...
    @property
    def failure(self) -> str: ...
    @property
    def revoked(self) -> str: ...
    @property
    def sending(self) -> bool: ...
    @property
    def announcements_accepted(self) -> bool: ...
    @property
    def unreachable_people(self) -> tuple[str, ...]: ...


class WatchHealth(Protocol):
    """Health of the watch (`bot.alerts.watch`): `round_age` are the seconds since it checked every host."""

    @property
    def healthy(self) -> bool: ...
    @property
    def round_age(self) -> float: ...
    @property
    def overruns(self) -> int: ...


@dataclass(frozen=True)
class HealthChecks:
    """Checks by the names that `/metrics` shows. If a `vital` one fails, the bot is not alive."""

    vital: Mapping[str, Probe]
    needed: Mapping[str, Probe]


class HealthMonitor:
    """Latest results of all checks. `run` updates them; `monotonic` and `sleep` are its clock."""

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

    async def run(self, report: Callable[[tuple[Phrase, ...]], None]) -> None:
        """Run the checks repeatedly until cancelled; `report` gets the readiness problems, or none."""
        while True:
            await self.run_checks()
            report(self.find_readiness_problems())
            await self.sleep(CHECK_INTERVAL)

    async def run_checks(self) -> None:
        """Run every check once, concurrently."""
        checks = {**self._checks.vital, **self._checks.needed}
        found = await asyncio.gather(*(_run_check(name, probe) for name, probe in checks.items()))
        self._unwell = {name: why for name, why in zip(checks, found, strict=True) if why is not None}
        self._looked_at = self._monotonic()
        for name in checks:
            self._measures.record_check(name, well=name not in self._unwell)

    def find_liveness_problems(self) -> tuple[Phrase, ...]:
        """Return why the bot is not alive; empty if it is."""
        return (*self._find_stall(), *(self._unwell[name] for name in self._checks.vital if name in self._unwell))

    def find_readiness_problems(self) -> tuple[Phrase, ...]:
        """Return why people are not answered as they should be; empty if they are."""
        return (*self._find_stall(), *self._unwell.values())

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
    """Run the loop monitor and the checks, from ready to stopping, and notify the service manager.

    The service manager expects a heartbeat `within` so many seconds; None: never.
    """

    def report(reasons: tuple[Phrase, ...]) -> None:
        manager.notify_status("; ".join(map(str, reasons)) or "ready")

    work = [vitals.pulse.run(), vitals.run(report)]
    if within is not None:
        work.append(send_heartbeats(manager, within, lambda: not vitals.find_liveness_problems(), vitals.sleep))
    tasks = [asyncio.create_task(one) for one in work]
    manager.notify_ready()
    try:
        yield
    finally:
        manager.notify_stopping()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def serve(
    address: Loopback,
    vitals: HealthMonitor,
    silence: Callable[[], Awaitable[float | None]],
    most: int = MAX_CONNECTIONS,
) -> AsyncIterator[int]:
    """Answer at `address` until the block is left; yields the port. `silence`: seconds since Slack's last message.

    `most`: connections at a time. Raises `StatusUnusable`.
    """
    listener = _listen(address)
    limits = ConnectionLimits(most, LIFETIME, SHUTDOWN_TIMEOUT)
    async with serve_bounded("status port", _build_application(vitals, silence), listener, limits):
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


def _build_application(vitals: HealthMonitor, silence: Callable[[], Awaitable[float | None]]) -> web.Application:
    async def healthz(request: web.Request) -> web.Response:
        besides = {"event_loop_lag_seconds": max(0.0, vitals.pulse.lag), "slack_silent_seconds": await silence()}
        return _make_response("alive", vitals.find_liveness_problems(), besides)

    async def readyz(request: web.Request) -> web.Response:
        return _make_response("ready", vitals.find_readiness_problems(), {})

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(
            body=vitals.render_metrics(), headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
        )

    application = web.Application(client_max_size=1)
    application.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return application


def _make_response(question: str, against: tuple[Phrase, ...], besides: Mapping[str, float | None]) -> web.Response:
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


def make_database_check(prove: Callable[[], Awaitable[DatabaseCondition]], measures: Metrics) -> Probe:
    """Make the check that the database accepts writes; it also counts the rows."""

    async def probe() -> Phrase | None:
        measures.record_condition(await prove())
        return None

    return probe


def make_outbox_check(find_oldest: Callable[[], Awaitable[datetime | None]], now: Callable[[], datetime]) -> Probe:
    """Make the check that messages leave the outbox. `find_oldest`: time of the oldest message that is not confirmed."""

    async def probe() -> Phrase | None:
        oldest = await find_oldest()
        age = timedelta(0) if oldest is None else now() - oldest
        if age <= MAX_OUTBOX_AGE:
            return None
        waiting = Span(age.total_seconds())
        return Phrase("a message has waited for Slack for {time}. Check the log and the connection to Slack", time=waiting)

    return probe


def make_watch_check(watch: WatchHealth, measures: Metrics) -> Probe:
    """Make the check that the watch of the hosts goes on; it also records its measures."""

    async def probe() -> Phrase | None:
        measures.record_watch(watch.round_age, watch.overruns)
        if watch.healthy:
            return None
        return Phrase("the watch of the hosts has stopped. Check the log, then restart the bot")

    return probe


def make_audit_check(intact: Callable[[], bool]) -> Probe:
    """Make the check that the audit log is intact."""

    async def probe() -> Phrase | None:
        return None if intact() else Phrase("the audit log does not match its last state. Run flatnet-bot audit verify")

    return probe


def make_slack_checks(health: Callable[[], Awaitable[SlackHealth]]) -> dict[str, Probe]:
    """Make the checks that Slack is connected, accepts our token, and received every message."""

    async def check_connection() -> Phrase | None:
        seen = await health()
        if seen.connected:
            return None
        if seen.failure:
            return Phrase("could not connect to Slack ({code}), retrying. Check the connection to Slack", code=seen.failure)
        return Phrase("not connected to Slack. Check the log and the connection to Slack")

    async def check_token() -> Phrase | None:
        code = (await health()).revoked
        return Phrase("Slack rejected the token ({code}). Get a new one from the app settings", code=code) if code else None

    async def check_messages() -> Phrase | None:
        well = (await health()).sending
        return None if well else Phrase("a message in the last hour could not be delivered. Check the log")

    async def check_announcements() -> Phrase | None:
        if (await health()).announcements_accepted:
            return None
        return Phrase(
            "a channel does not accept the bot's posts. Invite the bot there, or fix [notices] in the configuration"
        )

    async def check_people() -> Phrase | None:
        people = (await health()).unreachable_people
        if not people:
            return None
        return Phrase(
            "could not send direct messages to {people}. Check these accounts in Slack, or fix [[people]] in the "
            "configuration",
            people=Listing(people),
        )

    return {
        "slack": check_connection,
        "token": check_token,
        "messages": check_messages,
        "notices": check_announcements,
        "people": check_people,
    }
