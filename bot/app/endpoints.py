"""Doors of a running bot: the control socket, and the status port. They stay open while a copy takes the lead.

Health of a bot that leads: its checks on the status port, and the heartbeats to a service outside.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from adapters.phrase import Texts
from bot.answers.output import render_output
from bot.app.application import Application
from bot.app.control_answers import FrontDesk
from bot.app.server import Service
from bot.config.settings import Settings
from bot.control import server as control_server
from bot.incidents.tables.incidents import IncidentTable
from bot.locale.texts import get_texts
from bot.model.output import Terminal
from bot.model.request import make_request_key
from bot.rendering.text import render_progress_line
from bot.runtime import open_files
from bot.runtime.clock import Clock
from bot.runtime.loopback import Loopback
from bot.runtime.periodic import PeriodicTask, run_periodically
from bot.store.condition import DatabaseCondition, check_writable, find_oldest_waiting
from bot.telemetry.endpoints import STARTING, STOPPING, HealthChecks, HealthMonitor, serve, watch_health
from bot.telemetry.health_checks import (
    make_audit_check,
    make_database_check,
    make_outbox_check,
    make_slack_checks,
    make_watch_check,
)
from bot.telemetry.heartbeat import (
    HEARTBEAT_CHECKS,
    HEARTBEAT_INTERVAL,
    HeartbeatLog,
    HeartbeatSources,
    send_heartbeat,
)
from bot.telemetry.heartbeat_request import fetch_heartbeat
from bot.telemetry.metrics import Metrics
from bot.telemetry.watchdog import ServiceManager, read_watchdog_interval


@dataclass(frozen=True)
class Doors:
    """Open doors: where requests are answered, what the status port shows, and the service manager."""

    desk: FrontDesk
    vitals: HealthMonitor
    manager: ServiceManager


@asynccontextmanager
async def open_doors(settings: Settings, clock: Clock, measures: Metrics) -> AsyncIterator[Doors]:
    """Opens the control socket and the status port, and watches the event loop, until the block is left.

    Raises `ControlUnusable` or `StatusUnusable`.
    """
    manager = ServiceManager(os.environ.get("NOTIFY_SOCKET"))
    vitals = HealthMonitor(STARTING, measures, time.monotonic, asyncio.sleep)
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(open_control_socket(settings, clock))
        if settings.status is not None:
            address = Loopback.parse(settings.status.listen)
            await stack.enter_async_context(serve(address, vitals, _share(settings).status))
        await stack.enter_async_context(watch_health(vitals, manager, read_watchdog_interval(os.environ, os.getpid())))
        yield Doors(desk, vitals, manager)


@asynccontextmanager
async def open_control_socket(settings: Settings, clock: Clock) -> AsyncIterator[FrontDesk]:
    """Opens the control socket until the block is left. Its requests wait until the front desk answers."""
    desk = FrontDesk()

    def choose_texts(terminal: Terminal) -> Texts:
        return get_texts(terminal.language or settings.language, settings.zone)

    backend = control_server.ControlBackend(
        handle=desk.answer,
        now=clock.now,
        new_key=make_request_key,
        render=lambda answer, form, terminal: render_output(answer, form, terminal, choose_texts(terminal)),
        render_progress=lambda seen, terminal: render_progress_line(seen, terminal.columns, choose_texts(terminal)),
        sleep=clock.sleep,
    )
    async with control_server.serve(settings.control_socket, backend, settings.socket_group, _share(settings).control):
        yield desk


def _share(settings: Settings) -> open_files.ConnectionShares:
    """Shares out the connections of other programs, so that descriptors are left for hosts, Slack and the database."""
    return open_files.share_connections(open_files.raise_limit(), len(settings.hosts))


@asynccontextmanager
async def report_health(
    application: Application, service: Service, vitals: HealthMonitor, measures: Metrics, beats: HeartbeatLog
) -> AsyncIterator[None]:
    """Has the status port show the health of the whole bot, and sends heartbeats, until the block is left."""

    async def find_silence() -> float | None:
        last = (await service.surface.get_health()).last_event_at
        return None if last is None else (application.clock.now() - last).total_seconds()

    async def check_database() -> DatabaseCondition:
        condition = await check_writable(application.database)
        measures.record_incidents(await IncidentTable(application.database).count_public())
        return condition

    checks = HealthChecks(
        vital={"database": make_database_check(check_database, measures)},
        needed={
            "audit": make_audit_check(lambda: application.audit.intact),
            **make_slack_checks(service.surface.get_health),
            "outbox": make_outbox_check(lambda: find_oldest_waiting(application.database), application.clock.now),
            "watch": make_watch_check(service.watch, measures),
        },
        find_silence=find_silence,
    )
    await vitals.exchange(checks)
    try:
        async with _send_heartbeats(application, vitals, measures, beats):
            yield
    finally:
        await vitals.exchange(STOPPING)


@asynccontextmanager
async def _send_heartbeats(
    application: Application, vitals: HealthMonitor, measures: Metrics, beats: HeartbeatLog
) -> AsyncIterator[None]:
    """Sends heartbeats to the service outside until the block is left, if one is configured."""
    clock = application.clock
    sources = HeartbeatSources(
        find_url=lambda: application.dispatcher.config.heartbeat_url,
        find_problems=lambda: vitals.find_problems(HEARTBEAT_CHECKS),
        fetch=fetch_heartbeat,
        count=measures.count_heartbeat,
        now=clock.now,
    )

    async def run() -> None:
        await clock.sleep(HEARTBEAT_INTERVAL)
        work = PeriodicTask("heartbeat", HEARTBEAT_INTERVAL, lambda: send_heartbeat(sources, beats))
        await run_periodically((work,), clock)

    beating = asyncio.create_task(run(), name="heartbeat")
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
