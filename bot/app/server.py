"""The composition root of a bot that leads; `bot.app.process` is its life.

    settings + secrets ─▶ open_application ─▶ database, audit, fleet, dispatcher     (also alone, for `do` and `shell`)
    open_application ─▶ serve_requests ─▶ engine, clock ─▶ front desk, Slack

Slack comes last, because changes that a crash interrupted do not wait for it: it is tried again in the background.

Libraries that one side needs are imported where that side is first connected: `help` waits for none of them.
"""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from adapters.phrase import Phrase
from bot import __version__
from bot.app.application import Application, load_secrets
from bot.app.front_desk import FrontDesk
from bot.app.run_changes import EngineSettings, run_changes
from bot.config.errors import Misconfigured
from bot.config.settings import Settings, SlackSettings
from bot.runtime.clock import Clock
from bot.runtime.connections import MAX_WINDOWS_THREADS, start_threads
from bot.runtime.logging import make_reference
from bot.runtime.validators import build_validators

if TYPE_CHECKING:
    from bot.alerts.watch import Watch
    from bot.slack.event_loop_thread import SlackThread
    from bot.slack.preflight import SlackBotUser

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
async def serve_requests(settings: Settings, application: Application, desk: FrontDesk) -> AsyncIterator[Service]:
    """Carries out changes, watches hosts, runs schedules, answers at the front desk, and connects to Slack.

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
    from bot.slack.parts import SlackLead

    surface, clock, change_services = _build_slack(settings, application), application.clock, application.change_services
    engine = EngineSettings(settings.engine_file, application.database, clock, make_reference)
    SpoolActions(settings.data_folder).add_to(change_services.own_actions)
    KeyBackupActions(lambda: find_second_place(application.dispatcher.config)).add_to(change_services.own_actions)
    add_backup_actions(settings, lambda: application.dispatcher.config, change_services.own_actions, clock.now)
    dispatcher = application.dispatcher
    announcements = MemberAnnouncements(surface, lambda: dispatcher.config.schedule_config.channel, lambda: dispatcher.hosts)
    announcements.add_to(change_services.own_actions)
    await surface.open()
    surface.lead(SlackLead(dispatcher, change_services.lifecycle))
    change_services.links.surface = surface
    try:
        async with (
            run_changes(change_services, application.audit, lambda: application.dispatcher.config, engine),
            run_alerts(application, require_workspace(settings).team) as watch,
            run_ledger(application),
            run_incidents(application, require_workspace(settings).team),
            run_schedules(application, require_workspace(settings).team),
            desk.answering(application.answer_request),
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

    slack, secrets = require_workspace(settings), load_secrets(settings)
    tokens = Tokens(secrets(slack.bot_token_secret), secrets(slack.app_token_secret))
    languages = {channel: spoken.language for channel, spoken in settings.channels.items()}
    usual = LanguageDefaults(settings.language, settings.zone, languages)
    place = SlackWorkspace(slack.team, slack.api_url, tokens, usual, application.redactor.redact_json)
    outbox = Outbox(application.database, application.clock.now)
    rows = SlackStores(Inbox(application.database), outbox, AnswerTable(application.database))
    return SlackThread(place, application.dispatcher, rows, application.clock)


def require_workspace(settings: Settings) -> SlackSettings:
    """Returns the Slack settings. Raises `Misconfigured` if there are none."""
    if settings.slack is None:
        raise Misconfigured(
            Phrase("the configuration has no [slack] table. Add it, or use flatnet-bot do or flatnet-bot shell")
        )
    return settings.slack
