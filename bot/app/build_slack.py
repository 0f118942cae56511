"""Builds the surface of Slack: of a bot that leads, or of a copy that stands by and only listens."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.app.application import Application, load_secrets
from bot.config.settings import Settings
from bot.config.workspace import require_workspace
from bot.runtime.clock import Clock
from bot.store.database import Database

if TYPE_CHECKING:
    from bot.slack.api import Redact
    from bot.slack.copy_place import CopyPlace
    from bot.slack.delivery_kind import ConfigurationDesk
    from bot.slack.event_loop_thread import SlackThread


@dataclass(frozen=True)
class SurfaceBasis:
    """Basis of a surface: its desk, its rows, what removes secrets, and its place among copies; None: it is the only one."""

    desk: "ConfigurationDesk"
    database: Database
    clean: "Redact"
    copy: "CopyPlace | None" = None


async def open_surface(settings: Settings, basis: SurfaceBasis, clock: Clock) -> "SlackThread":
    """Opens a surface, which its user closes. Raises `SlackNotReady` if a token is missing or of the wrong kind."""
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
