"""The composition root of a bot that leads; `bot.app.process` is its life.

    settings + secrets ─▶ open_application ─▶ database, audit, fleet, dispatcher     (also alone, for `do` and `shell`)
    open_application ─▶ serve_requests ─▶ engine, clock ─▶ front desk, Slack

Slack comes last, because changes that a crash interrupted do not wait for it: it is tried again in the background.

Libraries that one side needs are imported where that side is first connected: `help` waits for none of them.

Builds the surface of Slack: of a bot that leads, or of a copy that stands by and only listens.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from bot.app.application import Application, load_secrets
from bot.app.control_answers import FrontDesk
from bot.app.run_changes import EngineSettings, run_changes
from bot.config.settings import Settings
from bot.config.workspace import require_workspace
from bot.runtime.clock import Clock
from bot.runtime.logging import make_reference
from bot.runtime.version import find_version
from bot.store.database import Database

if TYPE_CHECKING:
    from bot.alerts.services.watch import Watch
    from bot.slack.client.api import Redact
    from bot.slack.client.preflight import SlackBotUser
    from bot.slack.delivery_kind import ConfigurationDesk
    from bot.slack.event_loop_thread import SlackThread
    from bot.slack.replica_place import CopyPlace


DRAIN_TIME = 10.0
"""Seconds for running work at the end. Unfinished work is resumed after the next start."""

_log = structlog.get_logger("bot.app.server")


@dataclass(frozen=True)
class Service:
    """A bot that serves. `connecting` ends once Slack is connected, or with `SlackNotReady` if Slack cannot be used."""

    surface: "SlackThread"
    connecting: "asyncio.Task[SlackBotUser]"
    watch: "Watch"


@dataclass(frozen=True)
class Entrances:
    """Entrances of requests, which are open already: the front desk, and the surface of Slack."""

    desk: FrontDesk
    surface: "SlackThread"


@asynccontextmanager
async def serve_requests(settings: Settings, application: Application, entrances: Entrances) -> AsyncIterator[Service]:
    """Carries out changes, watches hosts, runs schedules, answers at the front desk, and connects to Slack.

    Stops in reverse order, and closes the surface.
    """
    from bot.app.build_backups import add_backup_actions, find_second_place
    from bot.app.build_hosts import MemberAnnouncements
    from bot.app.key_backup_files import KeyBackupActions
    from bot.app.run_alerts import run_alerts
    from bot.app.run_incidents import run_incidents
    from bot.app.run_ledger import run_ledger
    from bot.app.run_schedules import run_schedules
    from bot.app.spool import SpoolActions
    from bot.slack.parts import SlackLead

    surface, clock, changes = entrances.surface, application.clock, application.wings.changes
    dispatcher, team = application.dispatcher, require_workspace(settings).team
    try:
        engine = EngineSettings(settings.engine_file, application.database, clock, make_reference)
        SpoolActions(settings.data_folder).add_to(changes.own_actions)
        KeyBackupActions(lambda: find_second_place(dispatcher.config)).add_to(changes.own_actions)
        add_backup_actions(settings, application.database.address, lambda: dispatcher.config, changes.own_actions, clock.now)
        announcements = MemberAnnouncements(
            changes.links, lambda: dispatcher.config.schedule_config.channel, lambda: dispatcher.hosts
        )
        announcements.add_to(changes.own_actions)
        surface.lead(SlackLead(dispatcher, changes.lifecycle))
        changes.links.surface = surface
        async with (
            run_changes(changes, application.audit, lambda: dispatcher.config, engine),
            run_alerts(application, team) as watch,
            run_ledger(application),
            run_incidents(application, team),
            run_schedules(application, team),
            entrances.desk.answering(application.answer_request),
            connect_to_slack(surface, clock) as connecting,
        ):
            _log.info("serving", hosts=len(settings.hosts), version=find_version())
            yield Service(surface, connecting, watch)
    finally:
        await surface.close(DRAIN_TIME)


@asynccontextmanager
async def connect_to_slack(surface: "SlackThread", clock: Clock) -> "AsyncIterator[asyncio.Task[SlackBotUser]]":
    """Connects to Slack in a task, which may take as long as Slack is away."""
    from bot.slack.client.persistence import connect_persistently

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


@dataclass(frozen=True)
class SurfaceBasis:
    """Basis of a surface: its desk, its rows, what removes secrets, and its place among copies; None: it is the only one."""

    desk: "ConfigurationDesk"
    database: Database
    clean: "Redact"
    copy: "CopyPlace | None" = None


async def open_surface(settings: Settings, basis: SurfaceBasis, clock: Clock) -> "SlackThread":
    """Opens a surface, which its user closes. Raises `SlackNotReady` if a token is missing or of the wrong kind."""
    from bot.slack.client.preflight import Tokens
    from bot.slack.directory.people import LanguageDefaults
    from bot.slack.event_loop_thread import SlackThread
    from bot.slack.parts import SlackStores, SlackWorkspace
    from bot.store.answers import AnswerTable
    from bot.store.inbox import Inbox
    from bot.store.outbox import Outbox

    slack, secrets = require_workspace(settings), load_secrets(settings)
    tokens = Tokens(secrets(slack.bot_token_secret), secrets(slack.app_token_secret))
    languages = {channel: spoken.language for channel, spoken in settings.channels.items()}
    usual = LanguageDefaults(settings.language, settings.zone, languages)
    place = SlackWorkspace(slack.team, slack.api_url, tokens, usual, basis.clean, basis.copy)
    database = basis.database
    rows = SlackStores(Inbox(database), Outbox(database, clock.now), AnswerTable(database))
    surface = SlackThread(place, basis.desk, rows, clock)
    await surface.open()
    return surface


async def open_only_surface(settings: Settings, application: Application) -> "SlackThread":
    """Opens the surface of a bot without other copies."""
    basis = SurfaceBasis(application.dispatcher, application.database, application.redactor.redact_json)
    return await open_surface(settings, basis, application.clock)
