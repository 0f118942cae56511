"""Health of a bot that leads: its checks on the status port, and the heartbeats to a service outside."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.app.application import Application
from bot.app.server import Service
from bot.runtime.periodic import PeriodicTask, run_periodically
from bot.store.condition import DatabaseCondition, check_writable, find_oldest_waiting
from bot.store.incidents import IncidentTable
from bot.telemetry.endpoints import STOPPING, HealthChecks, HealthMonitor
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
