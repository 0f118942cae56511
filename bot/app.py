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
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from adapters.action import SideName
from adapters.connection import Connection
from adapters.errors import FlatnetError, Refused
from adapters.fleet import Connect, Fleet
from adapters.inventory import Host
from adapters.phrase import Phrase
from bot import __version__
from bot.audit import Audit, EventKind
from bot.config import ConfigurationError, Settings, read_settings
from bot.desk import Basis, Desk
from bot.policy import Actor, Policy, Refuse, label
from bot.request import Identity
from bot.secrets import Secrets, read_secrets
from bot.store.chain import AuditKey, Verification
from bot.store.database import Database
from commands.catalogue import CATALOGUE
from commands.operation import Role

if TYPE_CHECKING:
    from bot.slack.surface import SlackSurface

WINDOWS_THREADS = 128
"""WinRM calls under way at once: pywinrm blocks, so each holds a thread."""

RETIREMENT = 60.0
"""Seconds that the connections of an earlier configuration stay open: longer than any deadline of an action."""

DRAIN = 10.0
"""Seconds that work under way gets at the end; what is not finished then is worked again after the next start."""

AUDITORS = frozenset({Role.ADMINISTRATOR, Role.SECURITY})
"""Who may have the audit log verified through the running bot."""

NOT_AN_AUDITOR = Phrase("verifying the audit log needs the role administrator or security; ask somebody who has it")

_log = structlog.get_logger("bot.app")


class NoSlack(FlatnetError):
    """The bot cannot run without a workspace."""


@dataclass(frozen=True)
class House:
    """What every surface stands on."""

    desk: Desk
    audit: Audit
    database: Database
    pool: ThreadPoolExecutor
    connect: Callable[[Settings], Connect]

    async def verify(self, who: Identity) -> Verification:
        """The audit log's state, for those who may read it; a refusal is an event, too."""
        actor = self.desk.basis.policy.identify(who)
        if isinstance(actor, Actor) and actor.roles & AUDITORS:
            return await self.audit.verify(actor.name, "")
        reason = actor.reason if isinstance(actor, Refuse) else NOT_AN_AUDITOR
        name = actor.name if isinstance(actor, Actor) else label(who)
        await self.audit.record(EventKind.REFUSAL, name, "", {"text": "audit verify", "rule": "auditors"})
        raise Refused(reason)


def now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


def reference() -> str:
    """Eight random characters that tie a person's sentence to a line of the log."""
    return randomness.token_hex(4)


def connector(secrets: Secrets, pool: ThreadPoolExecutor) -> Connect:
    """How each side of a host is connected."""

    def connect(host: Host, side: SideName) -> Connection:
        match side:
            case "windows" if host.windows is not None:
                from adapters.windows.winrm import WinRmConnection

                return WinRmConnection(host.windows, secrets, pool)
            case "wsl" if host.wsl is not None:
                from adapters.wsl.ssh import SshConnection

                return SshConnection(host.wsl, secrets)
            case "gateway" if host.gateway is not None:
                from adapters.gateway.client import HttpConnection

                return HttpConnection(host.gateway)
            case _:
                raise KeyError(f"{host.name} has no {side} side")

    return connect


def basis(settings: Settings, connect: Connect) -> Basis:
    """What answers rest on, from settings."""
    return Basis(Fleet(settings.inventory, connect), Policy(settings.people), settings.thresholds)


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """Own the database, check the audit log, and stand ready for requests; closed in reverse order."""
    secrets = read_secrets(settings.secret_names, settings.secrets_folder)
    key = AuditKey(secrets(settings.audit_key_secret).get_secret_value().encode())
    pool = ThreadPoolExecutor(WINDOWS_THREADS, thread_name_prefix="winrm")
    database = await asyncio.to_thread(Database.open, settings.database_file)
    try:
        audit = await Audit.open(database, key, settings.audit_head_file, now)
        if audit.trouble is not None:
            _log.error("the audit log is not as it was left", why=str(audit.trouble))
        desk = Desk(basis(settings, connector(secrets, pool)), CATALOGUE, audit, now, reference)
        try:
            yield House(desk, audit, database, pool, lambda new: connector(_secrets(new), pool))
        finally:
            await desk.basis.fleet.aclose()
            await audit.aclose()
    finally:
        await database.aclose()
        pool.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def serving(settings: Settings, house: House) -> AsyncIterator[None]:
    """Answer over the control socket and in Slack; left in reverse order, with what is under way finished first."""
    from bot import control

    surface = _slack(settings, house)
    doors = control.Doors(handle=house.desk.handle, verify=house.verify, now=now, new_key=new_key)
    async with control.serve(settings.control_socket, doors):
        bot = await surface.start()
        _log.info("connected", team=bot.team, bot=bot.name, hosts=len(settings.hosts), version=__version__)
        try:
            yield
        finally:
            await surface.close(DRAIN)


async def run_bot(file: Path, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reads the configuration again."""
    stop, again = _signals()
    async with open_house(settings) as house:
        await settle(house, settings)
        await house.audit.record(EventKind.START, "system", "", {"version": __version__, "pid": os.getpid()})
        async with serving(settings, house):
            reloading = asyncio.create_task(_reload_when_told(again, file, settings, house))
            await stop.wait()
            _log.info("stopping")
            reloading.cancel()
            await asyncio.gather(reloading, return_exceptions=True)
        await house.audit.record(EventKind.STOP, "system", "", {})


async def settle(house: House, settings: Settings) -> None:
    """Do beforehand what would hold up the event loop later."""
    await asyncio.to_thread(_start_threads, house.pool, min(WINDOWS_THREADS, len(settings.hosts)))
    gc.collect()
    gc.freeze()  # walking through them again takes a tenth of a second each time


async def _reload_when_told(again: asyncio.Event, file: Path, settings: Settings, house: House) -> None:
    retiring: set[asyncio.Task[None]] = set()
    try:
        while True:
            await again.wait()
            again.clear()
            try:
                settings, retired = await reload(file, settings, house)
            except FlatnetError as error:
                _tell_kept(error)
                continue
            task = asyncio.create_task(_retire(retired))
            retiring.add(task)
            task.add_done_callback(retiring.discard)
    finally:
        for task in retiring:
            task.cancel()
        await asyncio.gather(*retiring, return_exceptions=True)


async def reload(file: Path, settings: Settings, house: House) -> tuple[Settings, Fleet]:
    """Take a new configuration; the new settings, and the fleet that no request begins with any more.

    Raises a `FlatnetError`, and leaves everything as it is, where the file or a secret cannot be
    used or the change cannot be recorded.
    """
    new = await asyncio.to_thread(read_settings, file)
    fresh = basis(new, house.connect(new))
    changed = sorted(name for name in Settings.model_fields if getattr(new, name) != getattr(settings, name))
    await house.audit.record(EventKind.CONFIGURATION, "system", "", {"file": str(file), "changed": changed})
    retired, house.desk.basis = house.desk.basis.fleet, fresh
    later = sorted(set(changed) & {"slack", "data_folder", "socket_file", "audit_key_secret", "language", "time_zone"})
    _log.info("configuration taken", changed=changed, hosts=len(new.hosts), after_restart=later)
    return new, retired


def _tell_kept(error: FlatnetError) -> None:
    complaints = error.complaints if isinstance(error, ConfigurationError) else ()
    said = [f"{complaint.key or '-'} (line {complaint.line or '?'}): {complaint.phrase}" for complaint in complaints]
    _log.error("the new configuration cannot be used; the old one stays", why=str(error), complaints=said)


async def _retire(fleet: Fleet) -> None:
    try:
        await asyncio.sleep(RETIREMENT)
    finally:
        await fleet.aclose()


def _slack(settings: Settings, house: House) -> "SlackSurface":
    from bot.slack.preflight import Tokens
    from bot.slack.running import Clock
    from bot.slack.surface import Place, Rows, SlackSurface
    from bot.store.inbox import Inbox
    from bot.store.outbox import Outbox

    if settings.slack is None:
        raise NoSlack(
            Phrase("the configuration has no [slack] table; add it, or ask with flatnet-bot do and flatnet-bot shell")
        )
    secrets = _secrets(settings)
    tokens = Tokens(secrets(settings.slack.bot_token_secret), secrets(settings.slack.app_token_secret))
    place = Place(settings.slack.team, settings.slack.api_url, tokens, settings.language, settings.zone)
    rows = Rows(Inbox(house.database), Outbox(house.database, now))
    return SlackSurface(place, house.desk, rows, Clock(now, time.monotonic, asyncio.sleep))


def _start_threads(pool: ThreadPoolExecutor, count: int) -> None:
    """Have `count` threads running and idle."""
    together = threading.Barrier(count)
    wait([pool.submit(together.wait) for _ in range(count)])


def _secrets(settings: Settings) -> Secrets:
    return read_secrets(settings.secret_names, settings.secrets_folder)


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
