"""The life of the bot's process: it owns its database, or stands by until it leads; then it serves.

SQLite       owned at once (a file lock) ─▶ leads
PostgreSQL   doors open, READY=1 ─▶ stands by (`bot.app.standby`) ─▶ leads, as after a crash
leads        open_application ─▶ serve_requests ─▶ SIGTERM ─▶ work under way ends ─▶ the lead is released
"""

import asyncio
import os
import signal
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bot.app.application import Application, Observers, load_secrets, open_application
from bot.app.endpoints import Doors, open_doors, report_health
from bot.app.host_file_sharing import start_sharing
from bot.app.host_files import HostFileActions
from bot.app.reload import ConfigurationReloader, describe_configuration, require_host_folder_trust, require_trust
from bot.app.server import Entrances, open_only_surface, serve_requests
from bot.app.standby import Lead, Standby
from bot.app.takeover import Takeover, announcing, closing, find_takeover, own_data_folder
from bot.app.warm_up import prepare_lead, warm_up
from bot.audit_log.log import EventKind
from bot.config.database import find_copy_name, find_database
from bot.config.host_folder import HostFolder
from bot.config.settings import Settings
from bot.config.workspace import require_workspace
from bot.runtime.clock import SYSTEM_CLOCK, Clock
from bot.runtime.version import find_version
from bot.store.address import PostgresAddress
from bot.store.database import Database
from bot.telemetry.metrics import Metrics
from commands.catalogue import CATALOGUE

if TYPE_CHECKING:
    from bot.slack.client.preflight import SlackBotUser


_log = structlog.get_logger("bot.app.process")


@dataclass(frozen=True)
class _Process:
    """Values that stay the same while the process lives, whatever its role."""

    file: Path
    clock: Clock
    measures: Metrics
    stop: asyncio.Event
    again: asyncio.Event


async def run_bot(file: Path, settings: Settings, clock: Clock = SYSTEM_CLOCK) -> None:
    """Serves until SIGTERM or SIGINT. SIGHUP reloads the configuration. Raises `SlackNotReady` if Slack refuses a token."""
    require_trust(file)
    require_host_folder_trust(settings)
    require_workspace(settings)
    measures = Metrics(find_version(), (" ".join(operation.words) for operation in CATALOGUE))
    process = _Process(file, clock, measures, *_listen_for_signals())
    address = find_database(settings, load_secrets(settings))
    if isinstance(address, PostgresAddress):
        with own_data_folder(settings):
            async with (
                open_doors(settings, clock, measures) as doors,
                aclosing(Standby(file, settings, address, clock)) as standby,
            ):
                await _stand_by(process, standby, doors)
        return
    async with (
        closing(await asyncio.to_thread(Database.open, address)) as database,
        open_doors(settings, clock, measures) as doors,
    ):
        measures.record_lead(database.term, taken_over=False)
        await _lead(process, Lead(database, settings, partial(open_only_surface, settings)), doors)


async def _stand_by(process: _Process, standby: Standby, doors: Doors) -> None:
    """Stands by, and leads from then on, until the signal to stop."""
    await doors.vitals.exchange(standby.checks)
    doors.desk.answer_by(standby.desk.answer)
    doors.manager.notify_ready()
    _log.info("standing by", version=find_version())
    preparing = asyncio.create_task(asyncio.to_thread(prepare_lead))
    lead = await standby.wait_for_lead(process.stop, process.again)
    if lead is None:
        return
    doors.desk.pause()
    async with closing(lead.database):
        await preparing  # validators are built by one thread at a time
        _log.info("leading", copy=find_copy_name(lead.settings), term=lead.database.term)
        process.measures.record_lead(lead.database.term, taken_over=True)
        await _lead(process, lead, doors)


async def _lead(process: _Process, lead: Lead, doors: Doors) -> None:
    """Does the bot's work until the signal to stop."""
    settings, measures = lead.settings, process.measures
    observers = Observers(measures.count_request, measures.count_read)
    opened = open_application(settings, observers, running=True, clock=process.clock, database=lead.database)
    async with opened as application:
        await warm_up(application, settings)
        takeover = await _record_start(application, settings)
        await application.audit.record(
            EventKind.CONFIGURATION, "system", "", await asyncio.to_thread(describe_configuration, process.file, settings)
        )
        share = await start_sharing(settings, load_secrets(settings), lead.database)
        reloader = ConfigurationReloader(process.file, settings, application, share)
        host_files = HostFileActions(HostFolder(settings.data_folder), reloader, lambda: application.dispatcher.hosts, share)
        host_files.add_to(application.wings.changes.own_actions)
        entrances = Entrances(doors.desk, await lead.find_surface(application))
        async with (
            aclosing(reloader),
            serve_requests(settings, application, entrances) as service,
            report_health(application, service, doors.vitals, measures, observers.heartbeat),
            announcing(takeover, application.wings.changes.links, partial(_find_channel, application), service.connecting),
        ):
            doors.manager.notify_ready()
            reloading = asyncio.create_task(reloader.reload_on_signal(process.again))
            try:
                await _wait_for_end(process.stop, service.connecting)
            finally:
                reloading.cancel()
                await asyncio.gather(reloading, return_exceptions=True)
        await application.audit.record(EventKind.STOP, "system", "", {})


async def _record_start(application: Application, settings: Settings) -> Takeover | None:
    """Records that this copy leads. Returns the takeover by which it does."""
    name = find_copy_name(settings)
    takeover = await find_takeover(application.database, name)
    started = {"version": find_version(), "pid": os.getpid(), "copy": name, "term": application.database.term}
    moved = {} if takeover is None else {"takeover": takeover.model_dump(mode="json")}
    await application.audit.record(EventKind.START, "system", "", started | moved)
    return takeover


def _find_channel(application: Application) -> str:
    """Finds the channel of the notices in the active configuration."""
    return application.dispatcher.config.schedule_config.channel


async def _wait_for_end(stop: asyncio.Event, connecting: "asyncio.Task[SlackBotUser]") -> None:
    """Waits for the signal to stop. Raises `SlackNotReady` as soon as Slack refuses the configuration."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({stopping, connecting}, return_when=asyncio.FIRST_COMPLETED)
        if connecting.done():
            connecting.result()
        await stopping
    finally:
        stopping.cancel()
    _log.info("stopping")


def _listen_for_signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Returns the events for stopping and for reloading the configuration; signals set them."""
    stop, again = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    return stop, again
