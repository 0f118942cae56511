"""The application: every part of a bot, built once from its settings and secrets."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog
from pydantic import SecretStr

from adapters import fleet
from adapters.fleet import ConnectionFactory, Fleet
from adapters.inventory import Host
from bot.alerts.build import build_alerts
from bot.app.build_backups import VerificationBasis, build_verification
from bot.app.build_changes import build_changes
from bot.app.build_feeds import build_feeds
from bot.app.build_services import WingServices, build_services
from bot.app.takeover import open_database
from bot.audit_log.log import AuditLog
from bot.certificates.build import build_survey
from bot.certificates.services.survey import LedgerSurvey
from bot.changes.tables.rehearsals import RehearsalTable
from bot.config.active_config import ActiveConfig
from bot.config.database import find_copy_name
from bot.config.schedules import build_schedule_config
from bot.config.settings import Settings, load_audit_keys
from bot.digests.services import CheckRegistry, HealthHistory
from bot.digests.tables import DigestTable
from bot.incidents.build import build_incidents
from bot.model.request import Answer, Request
from bot.requests.dispatcher import Dispatcher, Observe
from bot.runtime import open_files
from bot.runtime.clock import SYSTEM_CLOCK, Clock
from bot.runtime.connections import MAX_WINDOWS_THREADS, make_connector
from bot.runtime.logging import make_reference, redact_with
from bot.runtime.version import find_version
from bot.security.redaction import Redactor
from bot.security.secrets import PURPOSE, Secrets, make_secret_hasher, read_secrets
from bot.store.checks import CheckTable
from bot.store.database import Database
from bot.store.known_replicas import KnownCopies, read_known_copies
from bot.store.observations import ObservationTable
from bot.telemetry.heartbeat import HeartbeatLog
from commands.about import Doctor
from commands.model.operation import FleetView, Progress, ignore_progress
from commands.model.report import Report

_log = structlog.get_logger("bot.app.application")

FindDatabase = Callable[[], Database]


@dataclass(frozen=True)
class Observers:
    """Observers of a bot: callbacks that count answered requests and reads of hosts, and the state of the heartbeat."""

    request: Observe = lambda words, answer, seconds: None
    read: fleet.ReadObserver = lambda side, failure, seconds: None
    heartbeat: HeartbeatLog = field(default_factory=HeartbeatLog)


@dataclass(frozen=True)
class Application:
    """The services of a bot that surfaces use. Built once."""

    dispatcher: Dispatcher
    audit: AuditLog
    database: Database
    pool: ThreadPoolExecutor
    configure: Callable[[Settings], ActiveConfig]
    wings: WingServices
    survey: LedgerSurvey
    redactor: Redactor
    clock: Clock

    async def answer_request(self, request: Request, progress: Progress = ignore_progress) -> Answer:
        """Answers a request, with secrets redacted, for surfaces that show the answer unchanged."""
        answer = await self.dispatcher.handle(request, progress)
        return await asyncio.to_thread(redact_answer, answer, self.redactor)  # an archive has tens of thousands of lines


def redact_answer(answer: Answer, redactor: Redactor) -> Answer:
    """Removes secrets from an answer. Blocking: a long one takes a moment."""
    return Answer.model_validate(redactor.redact_json(answer.model_dump(mode="json")))


def build_config(
    settings: Settings, connect: ConnectionFactory, find_database: FindDatabase, observers: Observers, at: datetime
) -> ActiveConfig:
    """Builds the active configuration from settings that were read at that time.

    `find_database` raises a `DatabaseError` where a copy that stands by has no session.
    """

    async def read_copies() -> KnownCopies:
        return await read_known_copies(find_database(), find_copy_name(settings), find_version())

    async def examine(asked: Doctor, view: FleetView) -> Report:
        from bot.doctor import examination as doctor
        from bot.store.condition import check_writable

        if asked.slack:
            return await doctor.examine_messages(settings, view.progress)
        own = doctor.RunningState(
            lambda: check_writable(find_database()),
            lambda hosts: RehearsalTable(find_database()).find_by_host(hosts),
            lambda: observers.heartbeat.state,
            read_copies,
        )
        return await doctor.examine(settings, own, view)

    async def examine_host(host: Host, view: FleetView) -> Report:
        from bot.doctor import examination as doctor

        return await doctor.examine_one_host(host, view)

    hosts = Fleet(settings.inventory, connect, observers.read)
    by_the_clock = build_schedule_config(settings.schedules, settings.notices, settings.time_zone, at)
    return ActiveConfig(
        hosts,
        settings.policy,
        settings.thresholds,
        settings.certificates,
        examine,
        by_the_clock,
        settings.alerts,
        settings.incidents,
        recipients=settings.recipients,
        backup_folder=settings.backup_folder,
        container_rules=settings.container_rules,
        container_specs=settings.containers,
        examine_host=examine_host,
        read_copies=read_copies,
    )


@asynccontextmanager
async def open_application(
    settings: Settings,
    observers: Observers = Observers(),
    *,
    running: bool = False,
    clock: Clock = SYSTEM_CLOCK,
    database: Database | None = None,
) -> AsyncIterator[Application]:
    """Opens the database, checks the audit log and builds the application. Closes everything in reverse order.

    `running`: this process will carry out changes (`serve_requests`). Otherwise it only answers reads. `database`: one that
    this process owns already, and closes itself.
    """
    _raise_file_limit(len(settings.hosts))
    secrets, now = load_secrets(settings), clock.now
    async with AsyncExitStack() as stack:
        pool = stack.enter_context(_open_pool())
        if database is None:
            database = await stack.enter_async_context(open_database(settings, secrets))
        redactor = make_redactor(secrets)
        hash_key = load_audit_keys(settings, secrets).signing.derive(PURPOSE)
        activate = _make_activator(pool, database, observers, now, hash_key)
        audit = await _open_audit(database, settings, secrets, redactor, now)
        machinery = build_changes(database, audit, lambda: desk.config, redactor, now)
        alerts = build_alerts(database, audit, lambda: desk.config, redactor, now)
        alerts.mutes.add_source(machinery.list_suspension_mutes)
        history = HealthHistory(ObservationTable(database), DigestTable(database), settings.zone)
        survey = build_survey(machinery.ledger, alerts.registry, lambda: desk.config, now)
        followers = (*build_feeds(alerts, lambda: desk.config), *machinery.followers, survey)
        checks = CheckRegistry(CheckTable(database), redactor.redact_json, followers if running else ())
        verification = VerificationBasis(
            database, audit, load_audit_keys(settings, secrets), lambda: desk.config.backup_folder.path, settings.data_folder
        )
        backups = build_verification(verification, machinery.ledger, now)
        incidents = build_incidents(database, audit, lambda: desk.config.inventory, now)
        wings = WingServices(machinery, alerts, incidents, backups, history, checks)
        services = build_services(wings, audit, redactor, now, running=running)
        desk = Dispatcher(activate(settings, secrets), services, make_reference, observers.request)
        stack.push_async_callback(audit.aclose)
        stack.push_async_callback(lambda: desk.config.fleet.aclose())

        def configure(new: Settings) -> ActiveConfig:
            redactor.add_values((fresh := load_secrets(new)).list_values())
            return activate(new, fresh)

        yield Application(desk, audit, database, pool, configure, wings, survey, redactor, clock)


@contextmanager
def _open_pool() -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(MAX_WINDOWS_THREADS, thread_name_prefix="winrm")
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _make_activator(
    pool: ThreadPoolExecutor, database: Database, observers: Observers, now: Callable[[], datetime], hash_key: bytes
) -> Callable[[Settings, Secrets], ActiveConfig]:
    """Makes what builds the active configuration from settings and secrets. `hash_key` hides secrets in comparisons."""

    def activate(chosen: Settings, found: Secrets) -> ActiveConfig:
        config = build_config(chosen, make_connector(found, pool, lambda: database.term), lambda: database, observers, now())
        return replace(
            config,
            heartbeat_url=_find_heartbeat_url(chosen, found),
            hash_secret=make_secret_hasher(hash_key, found),
        )

    return activate


async def _open_audit(
    database: Database, settings: Settings, secrets: Secrets, redactor: Redactor, now: Callable[[], datetime]
) -> AuditLog:
    """Opens the audit log, and logs the reason for which it is not intact."""
    audit = await AuditLog.open(database, load_audit_keys(settings, secrets), settings.audit_head_file, now, redactor)
    if audit.trouble is not None:
        _log.error("the audit log is not intact", why=str(audit.trouble))
    return audit


def make_redactor(secrets: Secrets) -> Redactor:
    """Makes the redactor of these secrets, for the program's own log, too."""
    redactor = Redactor(secrets.list_values())
    redact_with(redactor)
    return redactor


def load_secrets(settings: Settings) -> Secrets:
    """Reads the secrets that the settings name, and logs those that are missing. `do` works without Slack's."""
    secrets = read_secrets(settings.secret_names, settings.secrets_folder)
    for phrase in secrets.describe_missing():
        _log.warning("a secret is missing", why=str(phrase))
    return secrets


def _find_heartbeat_url(settings: Settings, secrets: Secrets) -> SecretStr | None:
    name = settings.alerts.heartbeat_url_secret
    return None if name is None else secrets.find(name)


def _raise_file_limit(hosts: int) -> None:
    """Raises the limit of open files as far as the system allows."""
    allowed, wanted = open_files.raise_limit(), open_files.count_needed(hosts)
    if allowed < wanted:
        _log.warning("too few open files are allowed for this fleet; raise the hard limit", allowed=allowed, wanted=wanted)
