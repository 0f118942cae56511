"""The composition root: the one place where the house is put together.

    settings + secrets ─▶ open_house ─▶ database, audit, fleet, desk     (also alone, for `do` and `shell`)
    open_house ─▶ run_bot ─▶ control socket, Slack, signals

Libraries that one side needs are imported where that side is first connected: `help` waits for none of them.
"""

import asyncio
import gc
import os
import secrets as randomness
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from adapters import fleet
from adapters.action import SideName
from adapters.connection import Connection
from adapters.fleet import Connect, Fleet
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.keys import Keys
from bot import __version__, open_files
from bot.audit import Audit, AuditKeys, EventKind
from bot.clock import Clock
from bot.config import Misconfigured, Settings, SlackSettings
from bot.desk import Basis, Desk, Keeping, Observe
from bot.history import History
from bot.listen import Loopback
from bot.logs import redact_with
from bot.machinery import Engineering, Machinery, assembled, at_work
from bot.redaction import Redactor
from bot.request import Answer, Request
from bot.routine import clockwork
from bot.secrets import Find, Secrets, read_secrets
from bot.store.chain import AuditKey
from bot.store.database import Database
from bot.store.digests import Digests
from bot.store.observations import Observations
from commands.catalogue import CATALOGUE
from commands.operation import View
from commands.report import Report

if TYPE_CHECKING:
    from bot.metrics import Measures
    from bot.slack.thread import SlackThread

WINDOWS_THREADS = 512
"""Twice the largest fleet: each WinRM call holds a thread, for pywinrm blocks, and so may the closing of the session before
it. Threads start only when they are needed."""

DRAIN = 10.0
"""Seconds that work under way gets at the end; what is not finished then is worked again after the next start."""

_log = structlog.get_logger("bot.app")


@dataclass(frozen=True)
class Watch:
    """Who is told of answered requests and of looks at hosts."""

    request: Observe = lambda words, answer, seconds: None
    look: fleet.Observe = lambda side, failure, seconds: None


@dataclass(frozen=True)
class House:
    """What every surface stands on."""

    desk: Desk
    audit: Audit
    database: Database
    pool: ThreadPoolExecutor
    basis: Callable[[Settings], Basis]
    machinery: Machinery
    redactor: Redactor
    clock: Clock
    history: History

    async def answer(self, request: Request) -> Answer:
        """The desk's answer without secrets, for surfaces that show it as it stands."""
        answer = await self.desk.handle(request)
        return await asyncio.to_thread(_without_secrets, answer, self.redactor)  # an archive has tens of thousands of lines


def _without_secrets(answer: Answer, redactor: Redactor) -> Answer:
    return Answer.model_validate(redactor.clean_json(answer.model_dump(mode="json")))


def now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


REAL = Clock(now, time.monotonic, asyncio.sleep)
"""The time that everybody has."""


def reference() -> str:
    """Eight random characters that tie a person's sentence to a line of the log."""
    return randomness.token_hex(4)


def connector(secrets: Find, pool: ThreadPoolExecutor) -> Connect:
    """How each side of a host is connected."""
    keys: Keys[Any] = Keys()

    def connect(host: Host, side: SideName) -> Connection:
        match side:
            case "windows" if host.windows is not None:
                from adapters.windows.winrm import WinRmConnection

                return WinRmConnection(host.windows, secrets, pool)
            case "wsl" if host.wsl is not None:
                from adapters.wsl.ssh import SshConnection

                return SshConnection(host.wsl, secrets, keys)
            case "gateway" if host.gateway is not None:
                from adapters.gateway.client import HttpConnection

                return HttpConnection(host.gateway)
            case _:
                raise KeyError(f"{host.name} has no {side} side")

    return connect


def basis(settings: Settings, connect: Connect, database: Database, observe: fleet.Observe, at: datetime) -> Basis:
    """What answers rest on, from settings that are read at that time."""

    async def examine(view: View) -> Report:
        from bot import doctor
        from bot.store.condition import prove

        return await doctor.examine(settings, lambda: prove(database), view)

    hosts = Fleet(settings.inventory, connect, observe)
    by_the_clock = clockwork(settings.schedules, settings.notices, settings.time_zone, at)
    return Basis(hosts, settings.policy, settings.thresholds, settings.certificates, examine, by_the_clock)


@asynccontextmanager
async def open_house(
    settings: Settings, watch: Watch = Watch(), *, running: bool = False, clock: Clock = REAL
) -> AsyncIterator[House]:
    """Own the database, check the audit log, and stand ready for requests; closed in reverse order.

    `running`: a bot that carries changes out is about to live in it (`serving`); otherwise it only looks.
    """
    now = clock.now
    _allow_files(len(settings.hosts))
    secrets = _secrets(settings)
    pool = ThreadPoolExecutor(WINDOWS_THREADS, thread_name_prefix="winrm")
    database = await asyncio.to_thread(Database.open, settings.database_file)
    try:
        redactor = Redactor(secrets.values())
        redact_with(redactor)
        audit = await Audit.open(database, audit_keys(settings, secrets), settings.audit_head_file, now, redactor)
        if audit.trouble is not None:
            _log.error("the audit log is not as it was left", why=str(audit.trouble))
        first = basis(settings, connector(secrets, pool), database, watch.look, now())
        machinery = assembled(database, audit, lambda: desk.basis, redactor, now)
        history = History(Observations(database), Digests(database), settings.zone)
        keeping = Keeping(
            machinery.workflow,
            machinery.locks,
            audit,
            machinery.schedules,
            machinery.incidents,
            machinery.links,
            history,
            running,
            redactor,
        )
        desk = Desk(first, CATALOGUE, audit, keeping, now, reference, watch.request)

        def renewed(new: Settings) -> Basis:
            fresh = _secrets(new)
            redactor.learn(fresh.values())
            return basis(new, connector(fresh, pool), database, watch.look, now())

        try:
            yield House(desk, audit, database, pool, renewed, machinery, redactor, clock, history)
        finally:
            await desk.basis.fleet.aclose()
            await audit.aclose()
    finally:
        await database.aclose()
        pool.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def serving(settings: Settings, house: House) -> "AsyncIterator[SlackThread]":
    """Answer over the control socket and in Slack, carry changes out, and keep the time; left in reverse order, with what
    is under way finished first."""
    from bot import control_server
    from bot.on_time import on_time

    surface, clock, machinery = _slack(settings, house), house.clock, house.machinery
    doors = control_server.Doors(handle=house.answer, now=clock.now, new_key=new_key)
    async with control_server.serve(settings.control_socket, doors, settings.socket_group):
        bot = await surface.start()
        _log.info("connected", team=bot.team, bot=bot.name, hosts=len(settings.hosts), version=__version__)
        machinery.links.surface = surface
        engine = Engineering(settings.engine_file, clock, reference)
        try:
            async with (
                at_work(machinery, house.audit, lambda: house.desk.basis, engine),
                on_time(house, bot.team),
            ):
                yield surface
        finally:
            await surface.close(DRAIN)


@asynccontextmanager
async def telling(settings: Settings, house: House, surface: "SlackThread", measures: "Measures") -> AsyncIterator[None]:
    """Tell the service manager, and whoever asks the status port, how the bot is."""
    from bot.status import Checks, Vitals, audit_check, database_check, serve, slack_checks, watched
    from bot.store.condition import prove
    from bot.watchdog import ServiceManager, watchdog_time

    checks = Checks(
        vital={"database": database_check(lambda: prove(house.database), measures)},
        needed={"audit": audit_check(lambda: house.audit.intact), **slack_checks(surface.health)},
    )

    async def silence() -> float | None:
        last = (await surface.health()).last_event_at
        return None if last is None else (house.clock.now() - last).total_seconds()

    vitals = Vitals(checks, measures, time.monotonic, asyncio.sleep)
    manager = ServiceManager(os.environ.get("NOTIFY_SOCKET"))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(watched(vitals, manager, watchdog_time(os.environ, os.getpid())))
        if settings.status is not None:
            await stack.enter_async_context(serve(Loopback.parse(settings.status.listen), vitals, silence))
        yield


async def run_bot(file: Path, settings: Settings, clock: Clock = REAL) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reads the configuration again."""
    from bot.metrics import Measures
    from bot.reload import reload_when_told, taken

    _workspace(settings)
    stop, again = _signals()
    measures = Measures(__version__, (" ".join(operation.words) for operation in CATALOGUE))
    async with open_house(settings, Watch(measures.request, measures.look), running=True, clock=clock) as house:
        await settle(house, settings)
        await house.audit.record(EventKind.START, "system", "", {"version": __version__, "pid": os.getpid()})
        await house.audit.record(EventKind.CONFIGURATION, "system", "", await asyncio.to_thread(taken, file, settings))
        async with serving(settings, house) as surface, telling(settings, house, surface, measures):
            reloading = asyncio.create_task(reload_when_told(again, file, settings, house))
            await stop.wait()
            _log.info("stopping")
            reloading.cancel()
            await asyncio.gather(reloading, return_exceptions=True)
        await house.audit.record(EventKind.STOP, "system", "", {})


async def settle(house: House, settings: Settings) -> None:
    """Do beforehand what would hold up the event loop later."""
    await asyncio.to_thread(_start_threads, house.pool, min(WINDOWS_THREADS, len(settings.hosts)))
    gc.enable()
    gc.collect()
    gc.freeze()  # walking through them again takes a tenth of a second each time


def _slack(settings: Settings, house: House) -> "SlackThread":
    from bot.slack.people import Usual
    from bot.slack.preflight import Tokens
    from bot.slack.surface import Place, Rows
    from bot.slack.thread import SlackThread
    from bot.store.answers import Answers
    from bot.store.inbox import Inbox
    from bot.store.outbox import Outbox

    slack, secrets = _workspace(settings), _secrets(settings)
    tokens = Tokens(secrets(slack.bot_token_secret), secrets(slack.app_token_secret))
    languages = {channel: spoken.language for channel, spoken in settings.channels.items()}
    usual = Usual(settings.language, settings.zone, languages)
    place = Place(slack.team, slack.api_url, tokens, usual, house.redactor.clean_json)
    outbox = Outbox(house.database, house.clock.now)
    rows = Rows(Inbox(house.database), outbox, Answers(house.database), house.machinery.workflow)
    return SlackThread(place, house.desk, rows, house.clock)


def _workspace(settings: Settings) -> SlackSettings:
    """The workspace; `Misconfigured` where there is none."""
    if settings.slack is None:
        raise Misconfigured(
            Phrase("the configuration has no [slack] table; add it, or ask with flatnet-bot do and flatnet-bot shell")
        )
    return settings.slack


def _start_threads(pool: ThreadPoolExecutor, count: int) -> None:
    """Have `count` threads running and idle."""
    together = threading.Barrier(count)
    wait([pool.submit(together.wait) for _ in range(count)])


def _secrets(settings: Settings) -> Secrets:
    """The secrets that the settings name. Slack's may be missing where nobody runs; what is missing is said once, here."""
    secrets = read_secrets(settings.secret_names, settings.secrets_folder)
    for phrase in secrets.missing():
        _log.warning("a secret is missing", why=str(phrase))
    return secrets


def audit_keys(settings: Settings, secrets: Find) -> AuditKeys:
    """The keys of the audit log; `MissingSecret` or `AuditKeyTooShort` where one cannot be used."""
    named = (settings.audit_key_secret, *settings.old_audit_key_secrets)
    signing, *earlier = (AuditKey(secrets(name).get_secret_value().encode()) for name in named)
    return AuditKeys(signing, tuple(earlier))


def _allow_files(hosts: int) -> None:
    """Allow as many open files as the system lets us."""
    allowed, wanted = open_files.allow(hosts), open_files.wanted(hosts)
    if allowed < wanted:
        _log.warning("too few open files are allowed for this fleet; raise the hard limit", allowed=allowed, wanted=wanted)


def _signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Set when it is time to stop, and when the configuration is to be read again."""
    stop, again = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    return stop, again


def new_key() -> str:
    """The key of a request that no delivery named."""
    return f"line-{randomness.token_hex(16)}"
