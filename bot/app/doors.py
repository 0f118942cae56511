"""Doors of a running bot: the control socket, and the status port. They stay open while a copy takes the lead."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from adapters.phrase import Texts
from bot.app.front_desk import FrontDesk
from bot.config.settings import Settings
from bot.control import server as control_server
from bot.locale.texts import get_texts
from bot.model.output import Terminal
from bot.model.request import make_request_key
from bot.rendering.output import render_output
from bot.rendering.progress_line import render_progress_line
from bot.runtime import open_files
from bot.runtime.clock import Clock
from bot.runtime.loopback import Loopback
from bot.telemetry.endpoints import STARTING, HealthMonitor, serve, watch_health
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
