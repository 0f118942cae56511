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
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog
from aiohttp import web

from adapters.errors import FlatnetError
from adapters.phrase import Phrase, Span
from bot.runtime.loopback import Loopback
from bot.store.condition import Condition
from bot.telemetry.metrics import CONTENT_TYPE, Measures
from bot.telemetry.watchdog import Pulse, ServiceManager, keep_beating

LOOK_EVERY = 15.0
"""Seconds between two rounds of checks; each writes one page to the disk."""

PATIENCE = 5.0
"""Seconds that one check may take."""

STANDSTILL = 5.0
"""Seconds of lag from which the event loop counts as stalled; its worst under full load is below 0.1."""

STALE = 3 * LOOK_EVERY
"""Seconds after which the latest results are stale: the checks have stopped."""

LEAVING = 1.0
"""Seconds that answers under way get at the end."""

Probe = Callable[[], Awaitable[Phrase | None]]
"""Checks one thing that the bot needs: None if it is healthy, else the problem and its fix."""

_log = structlog.get_logger(__name__)


class SlackHealth(Protocol):
    """Health of the Slack surface (`bot.slack.surface.SurfaceHealth`)."""

    @property
    def connected(self) -> bool: ...
    @property
    def revoked(self) -> str: ...
    @property
    def sending(self) -> bool: ...
    @property
    def arriving(self) -> bool: ...


@dataclass(frozen=True)
class Checks:
    """Checks by the names that `/metrics` shows. If a `vital` one fails, the bot is not alive."""

    vital: Mapping[str, Probe]
    needed: Mapping[str, Probe]


class Vitals:
    """Latest results of all checks. `run` updates them; `monotonic` and `sleep` are its clock."""

    def __init__(
        self, checks: Checks, measures: Measures, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self.pulse = Pulse(monotonic, sleep)
        self._checks = checks
        self._measures = measures
        self._monotonic = monotonic
        self.sleep = sleep
        self._unwell: dict[str, Phrase] = {}
        self._looked_at = monotonic()

    async def run(self, report: Callable[[tuple[Phrase, ...]], None]) -> None:
        """Run the checks repeatedly until cancelled; `report` gets the readiness problems, or none."""
        while True:
            await self.look()
            report(self.unready())
            await self.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Run every check once, concurrently."""
        checks = {**self._checks.vital, **self._checks.needed}
        found = await asyncio.gather(*(_made(name, probe) for name, probe in checks.items()))
        self._unwell = {name: why for name, why in zip(checks, found, strict=True) if why is not None}
        self._looked_at = self._monotonic()
        for name in checks:
            self._measures.checked(name, well=name not in self._unwell)

    def unhealthy(self) -> tuple[Phrase, ...]:
        """Return why the bot is not alive; empty if it is."""
        return (*self._standing_still(), *(self._unwell[name] for name in self._checks.vital if name in self._unwell))

    def unready(self) -> tuple[Phrase, ...]:
        """Return why people are not answered as they should be; empty if they are."""
        return (*self._standing_still(), *self._unwell.values())

    def text(self) -> bytes:
        """Render the current metrics."""
        self._measures.lag(self.pulse.worst)
        return self._measures.text()

    def _standing_still(self) -> tuple[Phrase, ...]:
        if self.pulse.lag > STANDSTILL:
            return (
                Phrase(
                    "the event loop stood still for {time}; look at the log and at the machine", time=Span(self.pulse.lag)
                ),
            )
        age = self._monotonic() - self._looked_at
        if age > STALE:
            return (Phrase("nothing was looked at for {time}; look at the log, then restart the bot", time=Span(age)),)
        return ()


class StatusUnusable(FlatnetError):
    """The status port cannot be bound."""


@asynccontextmanager
async def watched(vitals: Vitals, manager: ServiceManager, within: float | None) -> AsyncIterator[None]:
    """Run the loop monitor and the checks, from ready to stopping, and notify the service manager.

    The service manager expects a heartbeat `within` so many seconds; None: never.
    """

    def report(reasons: tuple[Phrase, ...]) -> None:
        manager.status("; ".join(map(str, reasons)) or "ready")

    work = [vitals.pulse.run(), vitals.run(report)]
    if within is not None:
        work.append(keep_beating(manager, within, lambda: not vitals.unhealthy(), vitals.sleep))
    tasks = [asyncio.create_task(one) for one in work]
    manager.ready()
    try:
        yield
    finally:
        manager.stopping()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def serve(address: Loopback, vitals: Vitals, silence: Callable[[], Awaitable[float | None]]) -> AsyncIterator[int]:
    """Answer at `address` until the block is left; yields the port. `silence`: seconds since Slack's last message."""
    runner = web.AppRunner(_application(vitals, silence), access_log=None, shutdown_timeout=LEAVING)
    try:
        await runner.setup()
        try:
            await web.TCPSite(runner, address.host, address.port).start()
        except OSError as error:
            raise _unusable(address, error) from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _unusable(address: Loopback, error: OSError) -> StatusUnusable:
    return StatusUnusable(
        Phrase(
            "nothing can listen at {host} port {port} ({reason}); end what has the port, or set another status.listen",
            host=address.host,
            port=str(address.port),
            reason=errno.errorcode.get(error.errno or 0, "?"),
        )
    )


def _application(vitals: Vitals, silence: Callable[[], Awaitable[float | None]]) -> web.Application:
    async def healthz(request: web.Request) -> web.Response:
        besides = {"event_loop_lag_seconds": max(0.0, vitals.pulse.lag), "slack_silent_seconds": await silence()}
        return _answer("alive", vitals.unhealthy(), besides)

    async def readyz(request: web.Request) -> web.Response:
        return _answer("ready", vitals.unready(), {})

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(body=vitals.text(), headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})

    application = web.Application(client_max_size=1)
    application.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return application


def _answer(question: str, against: tuple[Phrase, ...], besides: Mapping[str, float | None]) -> web.Response:
    document = {question: not against, "reasons": [str(phrase) for phrase in against], **besides}
    return web.json_response(document, status=503 if against else 200, headers={"Cache-Control": "no-store"})


async def _made(name: str, probe: Probe) -> Phrase | None:
    """Run one check within its time. Any exception means that it failed; the log has the reason."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await probe()
    except TimeoutError:
        return Phrase("the check {name} did not end within {time}; look at the log", name=name, time=Span(PATIENCE))
    except FlatnetError as error:
        _log.error("a check failed", check=name, why=str(error))
    except Exception:
        _log.exception("a check failed", check=name)
    return Phrase("the check {name} failed; the log says why", name=name)


def database_check(prove: Callable[[], Awaitable[Condition]], measures: Measures) -> Probe:
    """Make the check that the database accepts writes; it also counts the rows."""

    async def probe() -> Phrase | None:
        measures.rows(await prove())
        return None

    return probe


def audit_check(intact: Callable[[], bool]) -> Probe:
    """Make the check that the audit log is intact."""

    async def probe() -> Phrase | None:
        return None if intact() else Phrase("the audit log is not as it was left; run flatnet-bot audit verify")

    return probe


def slack_checks(health: Callable[[], Awaitable[SlackHealth]]) -> dict[str, Probe]:
    """Make the checks that Slack is connected, accepts our token, and received every message."""

    async def check_connection() -> Phrase | None:
        well = (await health()).connected
        return None if well else Phrase("Slack is not connected; look at the log and at the way to Slack")

    async def check_token() -> Phrase | None:
        code = (await health()).revoked
        return (
            Phrase("Slack refuses the token ({code}); take a new one from the app's settings", code=code) if code else None
        )

    async def check_messages() -> Phrase | None:
        well = (await health()).sending
        return None if well else Phrase("a message of the last hour could not be delivered to anybody; the log names it")

    async def check_announcements() -> Phrase | None:
        if (await health()).arriving:
            return None
        return Phrase(
            "a channel does not take what the bot says by itself; "
            "invite the bot there, or mend [notices] in the configuration"
        )

    return {"slack": check_connection, "token": check_token, "messages": check_messages, "notices": check_announcements}
