"""The composition root of a running bot.

    settings + secrets ─▶ open_application ─▶ database, audit, fleet, dispatcher     (also alone, for `do` and `shell`)
    open_application ─▶ run_bot ─▶ control socket, Slack, signals

Libraries that one side needs are imported where that side is first connected: `help` waits for none of them.
"""

import asyncio
import gc
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from adapters.phrase import Phrase
from bot import __version__
from bot.app.application import House, Watch, _secrets, open_house
from bot.app.build_changes import Engineering, at_work
from bot.audit.log import EventKind
from bot.config.settings import Misconfigured, Settings, SlackSettings
from bot.locale.texts import texts
from bot.model.output import Form, Output, Terminal
from bot.model.request import Answer, new_key
from bot.runtime.clock import REAL, Clock
from bot.runtime.connections import WINDOWS_THREADS, _start_threads
from bot.runtime.logging import reference
from bot.runtime.loopback import Loopback
from commands.catalogue import CATALOGUE

if TYPE_CHECKING:
    from bot.slack.thread import SlackThread
    from bot.telemetry.metrics import Measures


DRAIN = 10.0
"""Seconds for running work at the end. Unfinished work is resumed after the next start."""

_log = structlog.get_logger("bot.app.server")


@asynccontextmanager
async def serving(settings: Settings, house: House) -> "AsyncIterator[SlackThread]":
    """Serves the control socket and Slack, carries out changes and runs schedules. Stops in reverse order."""
    from bot.app.build_schedules import on_time
    from bot.control import server as control_server
    from bot.rendering.output import render_output

    surface, clock, machinery = _slack(settings, house), house.clock, house.machinery

    def render(answer: Answer, form: Form, terminal: Terminal) -> Output:
        return render_output(answer, form, terminal, texts(terminal.language or settings.language, settings.zone))

    doors = control_server.Doors(handle=house.answer, now=clock.now, new_key=new_key, render=render)
    async with control_server.serve(settings.control_socket, doors, settings.socket_group):
        bot = await surface.start()
        _log.info("connected", team=bot.team, bot=bot.name, hosts=len(settings.hosts), version=__version__)
        machinery.links.surface = surface
        engine = Engineering(settings.engine_file, clock, reference)
        try:
            async with (
                at_work(machinery, house.audit, lambda: house.desk.config, engine),
                on_time(house, bot.team),
            ):
                yield surface
        finally:
            await surface.close(DRAIN)


@asynccontextmanager
async def telling(settings: Settings, house: House, surface: "SlackThread", measures: "Measures") -> AsyncIterator[None]:
    """Reports health to the service manager and on the status port."""
    from bot.store.condition import prove
    from bot.telemetry.endpoints import Checks, Vitals, audit_check, database_check, serve, slack_checks, watched
    from bot.telemetry.watchdog import ServiceManager, watchdog_time

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
    """Serves until SIGTERM or SIGINT. SIGHUP reloads the configuration."""
    from bot.app.reload import reload_when_told, taken
    from bot.telemetry.metrics import Measures

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
    """Does beforehand what would block the event loop later."""
    await asyncio.to_thread(_start_threads, house.pool, min(WINDOWS_THREADS, len(settings.hosts)))
    gc.enable()
    gc.collect()
    gc.freeze()  # scanning these objects again takes a tenth of a second each time


def _slack(settings: Settings, house: House) -> "SlackThread":
    from bot.slack.directory.people import Usual
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


def _signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Set when it is time to stop, and when the configuration is to be read again."""
    stop, again = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    return stop, again
