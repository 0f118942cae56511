"""The composition root of a running bot.

    settings + secrets ─▶ open_application ─▶ database, audit, fleet, dispatcher     (also alone, for `do` and `shell`)
    open_application ─▶ run_bot ─▶ engine, clock ─▶ control socket, Slack, signals

Slack comes last, because changes that a crash interrupted do not wait for it: it is tried again in the background.

Libraries that one side needs are imported where that side is first connected: `help` waits for none of them.
"""

import asyncio
import gc
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from adapters.phrase import Phrase, Texts
from bot import __version__
from bot.app.application import Application, Observers, load_secrets, open_application
from bot.app.build_changes import EngineSettings, run_changes
from bot.audit.log import EventKind
from bot.config.errors import Misconfigured
from bot.config.host_folder import HostFolder
from bot.config.settings import Settings, SlackSettings
from bot.locale.texts import get_texts
from bot.model.output import Terminal
from bot.model.request import make_request_key
from bot.runtime import open_files
from bot.runtime.clock import SYSTEM_CLOCK, Clock
from bot.runtime.connections import MAX_WINDOWS_THREADS, start_threads
from bot.runtime.logging import make_reference
from bot.runtime.loopback import Loopback
from bot.runtime.periodic import PeriodicTask, run_periodically
from bot.runtime.validators import build_validators
from bot.telemetry.heartbeat import (
    HEARTBEAT_CHECKS,
    HEARTBEAT_INTERVAL,
    HeartbeatLog,
    HeartbeatSources,
    send_heartbeat,
)
from commands.catalogue import CATALOGUE

if TYPE_CHECKING:
    from bot.alerts.watch import Watch
    from bot.slack.event_loop_thread import SlackThread
    from bot.slack.preflight import SlackBotUser
    from bot.telemetry.endpoints import HealthMonitor
    from bot.telemetry.metrics import Metrics


COLLECTOR_THRESHOLDS = (10_000, 20, 50)
"""Thresholds of the garbage collector. A read of a hundred hosts makes so many objects that Python's own (700, 10, 10) have
it search them hundreds of times, all of them several times."""

DRAIN_TIME = 10.0
"""Seconds for running work at the end. Unfinished work is resumed after the next start."""

_log = structlog.get_logger("bot.app.server")


@dataclass(frozen=True)
class Service:
    """A bot that serves. `connecting` ends once Slack is connected, or with `SlackNotReady` if Slack cannot be used."""

    surface: "SlackThread"
    connecting: "asyncio.Task[SlackBotUser]"
    watch: "Watch"


@asynccontextmanager
async def serve_requests(settings: Settings, application: Application) -> AsyncIterator[Service]:
    """Carries out changes, watches hosts, runs schedules, serves the control socket, and connects to Slack.

    Stops in reverse order.
    """
    from bot.app.build_alerts import run_alerts
    from bot.app.build_backups import add_backup_actions, find_second_place
    from bot.app.build_incidents import run_incidents
    from bot.app.build_ledger import run_ledger
    from bot.app.build_schedules import run_schedules
    from bot.app.key_backups import KeyBackupActions
    from bot.app.member_announcements import MemberAnnouncements
    from bot.app.spool import SpoolActions
    from bot.control import server as control_server
    from bot.rendering.output import render_output
    from bot.rendering.progress_line import render_progress_line
    from bot.slack.parts import SlackLead

    surface, clock, change_services = _build_slack(settings, application), application.clock, application.change_services

    def choose_texts(terminal: Terminal) -> Texts:
        return get_texts(terminal.language or settings.language, settings.zone)

    doors = control_server.ControlBackend(
        handle=application.answer_request,
        now=clock.now,
        new_key=make_request_key,
        render=lambda answer, form, terminal: render_output(answer, form, terminal, choose_texts(terminal)),
        render_progress=lambda seen, terminal: render_progress_line(seen, terminal.columns, choose_texts(terminal)),
        sleep=clock.sleep,
    )
    engine = EngineSettings(settings.engine_file, clock, make_reference)
    SpoolActions(settings.data_folder).add_to(change_services.own_actions)
    KeyBackupActions(lambda: find_second_place(application.dispatcher.config)).add_to(change_services.own_actions)
    add_backup_actions(settings, lambda: application.dispatcher.config, change_services.own_actions, clock.now)
    desk = application.dispatcher
    announcements = MemberAnnouncements(surface, lambda: desk.config.schedule_config.channel, lambda: desk.hosts)
    announcements.add_to(change_services.own_actions)
    await surface.open()
    surface.lead(SlackLead(desk, change_services.lifecycle))
    change_services.links.surface = surface
    try:
        async with (
            run_changes(change_services, application.audit, lambda: application.dispatcher.config, engine),
            run_alerts(application, _require_workspace(settings).team) as watch,
            run_ledger(application),
            run_incidents(application, _require_workspace(settings).team),
            run_schedules(application, _require_workspace(settings).team),
            control_server.serve(settings.control_socket, doors, settings.socket_group, _share(settings).control),
            _connect(surface, clock) as connecting,
        ):
            _log.info("serving", hosts=len(settings.hosts), version=__version__)
            yield Service(surface, connecting, watch)
    finally:
        await surface.close(DRAIN_TIME)


@asynccontextmanager
async def _connect(surface: "SlackThread", clock: Clock) -> "AsyncIterator[asyncio.Task[SlackBotUser]]":
    """Connects to Slack in a task, which may take as long as Slack is away."""
    from bot.slack.persistence import connect_persistently

    async def connect() -> "SlackBotUser":
        bot = await connect_persistently(surface, clock.sleep)
        _log.info("connected", team=bot.team, bot=bot.name)
        return bot

    connecting = asyncio.create_task(connect(), name="connecting")
    try:
        yield connecting
    finally:
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)


@asynccontextmanager
async def serve_telemetry(
    settings: Settings, application: Application, service: Service, measures: "Metrics", beats: HeartbeatLog
) -> AsyncIterator[None]:
    """Reports health to the service manager and on the status port."""
    from bot.store.condition import check_writable, find_oldest_waiting
    from bot.telemetry.endpoints import (
        HealthChecks,
        HealthMonitor,
        make_audit_check,
        make_database_check,
        make_outbox_check,
        make_slack_checks,
        make_watch_check,
        serve,
        watch_health,
    )
    from bot.telemetry.watchdog import ServiceManager, read_watchdog_interval

    checks = HealthChecks(
        vital={"database": make_database_check(lambda: check_writable(application.database), measures)},
        needed={
            "audit": make_audit_check(lambda: application.audit.intact),
            **make_slack_checks(service.surface.get_health),
            "outbox": make_outbox_check(lambda: find_oldest_waiting(application.database), application.clock.now),
            "watch": make_watch_check(service.watch, measures),
        },
    )

    async def silence() -> float | None:
        last = (await service.surface.get_health()).last_event_at
        return None if last is None else (application.clock.now() - last).total_seconds()

    vitals = HealthMonitor(checks, measures, time.monotonic, asyncio.sleep)
    manager = ServiceManager(os.environ.get("NOTIFY_SOCKET"))
    await vitals.run_checks()  # else everything would count as healthy until the first round has ended
    async with AsyncExitStack() as stack:
        if settings.status is not None:
            address = Loopback.parse(settings.status.listen)
            await stack.enter_async_context(serve(address, vitals, silence, _share(settings).status))
        await stack.enter_async_context(_send_heartbeats(application, vitals, measures, beats))
        await stack.enter_async_context(watch_health(vitals, manager, read_watchdog_interval(os.environ, os.getpid())))
        yield


@asynccontextmanager
async def _send_heartbeats(
    application: Application, vitals: "HealthMonitor", measures: "Metrics", beats: HeartbeatLog
) -> AsyncIterator[None]:
    """Sends heartbeats to the service outside until the block is left, if one is configured."""
    from bot.telemetry.heartbeat_request import fetch_heartbeat

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


async def run_bot(file: Path, settings: Settings, clock: Clock = SYSTEM_CLOCK) -> None:
    """Serves until SIGTERM or SIGINT. SIGHUP reloads the configuration. Raises `SlackNotReady` if Slack refuses a token."""
    from bot.app.host_files import HostFileActions
    from bot.app.reload import ConfigurationReloader, describe_configuration, require_host_folder_trust, require_trust
    from bot.telemetry.metrics import Metrics

    require_trust(file)
    require_host_folder_trust(settings)
    _require_workspace(settings)
    stop, again = _listen_for_signals()
    measures = Metrics(__version__, (" ".join(operation.words) for operation in CATALOGUE))
    observers = Observers(measures.count_request, measures.count_read)
    async with open_application(settings, observers, running=True, clock=clock) as application:
        await warm_up(application, settings)
        await application.audit.record(EventKind.START, "system", "", {"version": __version__, "pid": os.getpid()})
        await application.audit.record(
            EventKind.CONFIGURATION, "system", "", await asyncio.to_thread(describe_configuration, file, settings)
        )
        reloader = ConfigurationReloader(file, settings, application)
        host_files = HostFileActions(HostFolder(settings.data_folder), reloader, lambda: application.dispatcher.hosts)
        host_files.add_to(application.change_services.own_actions)
        async with (
            aclosing(reloader),
            serve_requests(settings, application) as service,
            serve_telemetry(settings, application, service, measures, observers.heartbeat),
        ):
            reloading = asyncio.create_task(reloader.reload_on_signal(again))
            try:
                await _wait_for_end(stop, service.connecting)
            finally:
                reloading.cancel()
                await asyncio.gather(reloading, return_exceptions=True)
        await application.audit.record(EventKind.STOP, "system", "", {})


def _share(settings: Settings) -> open_files.ConnectionShares:
    """Shares out the connections of other programs, so that descriptors are left for hosts, Slack and the database."""
    return open_files.share_connections(open_files.raise_limit(), len(settings.hosts))


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


async def warm_up(application: Application, settings: Settings) -> None:
    """Starts threads, builds validators and collects garbage now, because that would block the event loop later."""
    await asyncio.to_thread(build_validators)
    await asyncio.to_thread(start_threads, application.pool, min(MAX_WINDOWS_THREADS, len(settings.hosts)))
    gc.enable()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    gc.collect()
    gc.freeze()  # scanning these objects again takes a tenth of a second each time


def _build_slack(settings: Settings, application: Application) -> "SlackThread":
    from bot.slack.directory.people import LanguageDefaults
    from bot.slack.event_loop_thread import SlackThread
    from bot.slack.parts import SlackStores, SlackWorkspace
    from bot.slack.preflight import Tokens
    from bot.store.answers import AnswerTable
    from bot.store.inbox import Inbox
    from bot.store.outbox import Outbox

    slack, secrets = _require_workspace(settings), load_secrets(settings)
    tokens = Tokens(secrets(slack.bot_token_secret), secrets(slack.app_token_secret))
    languages = {channel: spoken.language for channel, spoken in settings.channels.items()}
    usual = LanguageDefaults(settings.language, settings.zone, languages)
    place = SlackWorkspace(slack.team, slack.api_url, tokens, usual, application.redactor.redact_json)
    outbox = Outbox(application.database, application.clock.now)
    rows = SlackStores(Inbox(application.database), outbox, AnswerTable(application.database))
    return SlackThread(place, application.dispatcher, rows, application.clock)


def _require_workspace(settings: Settings) -> SlackSettings:
    """Returns the Slack settings. Raises `Misconfigured` if there are none."""
    if settings.slack is None:
        raise Misconfigured(
            Phrase("the configuration has no [slack] table. Add it, or use flatnet-bot do or flatnet-bot shell")
        )
    return settings.slack


def _listen_for_signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Returns the events for stopping and for reloading the configuration; signals set them."""
    stop, again = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    return stop, again
