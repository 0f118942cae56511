"""`doctor`: checks that everything the bot needs is in place; each problem is a finding with its fix.

    flatnet-bot doctor ─┬─ a bot runs ─▶ control socket ─▶ dispatcher ─▶ `examine` in the running bot
                        └─ none runs, or it does not answer ─▶ `_examine_alone`: owns the database for a moment
    doctor --slack ─▶ the same way ─▶ `examine_messages`
    check* concurrently, each within its timeout ─▶ CheckResult* ─▶ Report

Without a running bot it works even if nothing is right yet: a broken configuration is a finding. It then reads hosts with
the rights of the user who can read the secrets, and writes no audit event, because the audit log may be broken.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
from pydantic import SecretStr

from adapters.errors import FlatnetError
from adapters.fleet import Fleet
from adapters.inventory import Host
from adapters.phrase import Phrase, Span
from bot.config.database import find_database
from bot.config.errors import ConfigurationError
from bot.config.settings import Settings, read_settings
from bot.control import client as control
from bot.doctor import bot_checks, machine_checks
from bot.doctor import machine_checks as message_checks
from bot.doctor.bot_checks import ProveDatabase, ReadCopies
from bot.doctor.check_result import CheckResult, build_report, make_problem, make_unknown
from bot.doctor.host_checks import examine_host
from bot.model.rehearsal import Rehearsal
from bot.model.request import Answer, Surface
from bot.runtime.clock import read_utc_time
from bot.runtime.connections import MAX_WINDOWS_THREADS, make_connector
from bot.security.file_trust import trust_owner_of
from bot.security.secrets import FindSecret, SecretsUnusable, read_secrets
from bot.telemetry.heartbeat import HeartbeatState
from commands.about import Doctor
from commands.language.grammar import render_operation
from commands.model.operation import FleetView, Progress, ReadProgress
from commands.model.report import Report

CHECK_TIMEOUT = 60.0
"""Seconds that one check may take: more than any deadline of an action, and enough to verify a long audit log."""

MESSAGES_TIMEOUT = 900.0
"""Seconds that the check of all messages may take: two minutes, and Slack's pauses."""

REST = 10.0
"""Seconds that a running bot gets beyond its checks; then this process runs them itself."""

EVERYTHING = Doctor()
"""The diagnosis of everything but the messages."""

Check = Callable[[], Awaitable[CheckResult]]

_log = structlog.get_logger("bot.doctor.examination")


async def diagnose(file: Path, progress: Progress, asked: Doctor = EVERYTHING) -> Answer:
    """Diagnose the bot that `file` configures: through the running bot, else in this process."""
    words = render_operation(asked)
    try:
        settings = await asyncio.to_thread(read_settings, file)
    except ConfigurationError as error:
        return _build_answer(words, await run_checks(_list_checks_without_settings(error), progress))
    process: dict[str, Check] = {}
    deadline = (MESSAGES_TIMEOUT if asked.slack else CHECK_TIMEOUT) + REST
    try:
        if (answer := await control.ask(settings.control_socket, words, Surface.DO, deadline)) is not None:
            return answer
    except control.ControlError as error:
        process["bot.process"] = partial(_raise, error)
    if asked.slack:
        return _build_answer(words, await examine_messages(settings, progress))
    return _build_answer(words, await _examine_alone(file, settings, process, progress))


@dataclass(frozen=True)
class RunningState:
    """State of a running bot: `prove` writes to its database, `find_rehearsals` reads those of hosts.

    `find_heartbeat` returns the outcome of the newest heartbeats; None before the first. `read_copies` reads the copies of
    the bot.
    """

    prove: ProveDatabase
    find_rehearsals: Callable[[Collection[str]], Awaitable[Mapping[str, Rehearsal]]]
    find_heartbeat: Callable[[], HeartbeatState | None]
    read_copies: ReadCopies


async def examine(settings: Settings, own: RunningState, view: FleetView) -> Report:
    """Run all checks inside a running bot."""
    find = await asyncio.to_thread(_load_secrets, settings)
    try:
        known = await own.find_rehearsals(view.fleet.inventory.names)
    except FlatnetError:  # the database has a check of its own
        known = None
    parts = _list_bot_checks(settings, find, own.prove) | _list_heartbeat_check(settings, find, own.find_heartbeat)
    if settings.database is not None:
        parts[bot_checks.COPIES] = partial(bot_checks.check_copies, own.read_copies)
    return await run_checks(parts | _list_host_checks(view, known), view.progress)


async def examine_messages(settings: Settings, progress: Progress) -> Report:
    """Have Slack check every kind of message and view; `progress` gets those that are still to be checked."""
    find = await asyncio.to_thread(_load_secrets, settings)
    check = partial(message_checks.check_messages, settings, find, progress)
    return build_report([await _run_check(message_checks.MESSAGES, check, MESSAGES_TIMEOUT)], read_utc_time())


async def _examine_alone(file: Path, settings: Settings, process: dict[str, Check], progress: Progress) -> Report:
    find = await asyncio.to_thread(_load_secrets, settings)
    pool = ThreadPoolExecutor(MAX_WINDOWS_THREADS, thread_name_prefix="winrm")
    fleet = Fleet(settings.inventory, make_connector(find, pool))
    parts = _list_bot_checks(settings, find, lambda: bot_checks.check_without_bot(find_database(settings, find)), file)
    parts |= _list_heartbeat_check(settings, find, lambda: None)
    try:
        return await run_checks(
            process | parts | _list_host_checks(FleetView(fleet, read_utc_time, settings.thresholds)), progress
        )
    finally:
        await fleet.aclose()
        pool.shutdown(wait=False, cancel_futures=True)


def _load_secrets(settings: Settings) -> FindSecret:
    """Load the secrets. If they cannot be used at all, each access raises the reason."""
    try:
        return read_secrets(settings.secret_names, settings.secrets_folder, trust_owner_of(settings.data_folder))
    except SecretsUnusable as error:
        phrase = error.phrase

        def refuse(name: str) -> SecretStr:
            raise SecretsUnusable(phrase)

        return refuse


def _list_checks_without_settings(error: ConfigurationError) -> dict[str, Check]:
    """List the checks that are possible without a valid configuration."""
    return {
        bot_checks.CONFIGURATION: partial(asyncio.to_thread, bot_checks.report_complaints, error),
        machine_checks.MACHINE: partial(asyncio.to_thread, machine_checks.check_machine, 0),
    }


def _list_bot_checks(settings: Settings, find: FindSecret, prove: ProveDatabase, *files: Path) -> dict[str, Check]:
    """List the checks of the bot's own parts; `files` are checked in addition to those that the settings name."""
    return {
        bot_checks.CONFIGURATION: partial(asyncio.to_thread, bot_checks.check_configuration, settings),
        bot_checks.SECRETS: partial(asyncio.to_thread, bot_checks.check_secrets, settings),
        machine_checks.FILES: partial(asyncio.to_thread, machine_checks.check_files, settings, *files),
        machine_checks.MACHINE: partial(asyncio.to_thread, machine_checks.check_machine, len(settings.hosts)),
        bot_checks.DATABASE: partial(bot_checks.check_database, prove),
        bot_checks.AUDIT: partial(bot_checks.check_audit, settings, find),
        bot_checks.SLACK: partial(bot_checks.check_slack, settings, find),
    }


def _list_heartbeat_check(
    settings: Settings, find: FindSecret, find_state: Callable[[], HeartbeatState | None]
) -> dict[str, Check]:
    """List the check of the heartbeat, if one is configured."""
    name = settings.alerts.heartbeat_url_secret
    if name is None:
        return {}
    return {bot_checks.HEARTBEAT: partial(bot_checks.check_heartbeat, lambda: find(name), find_state)}


def _list_host_checks(view: FleetView, known: Mapping[str, Rehearsal] | None = None) -> dict[str, Check]:
    """List the checks of the hosts; `known` are their rehearsals, None where no bot runs."""
    return {host.name: partial(examine_host, host, view, known) for host in view.fleet.inventory.hosts}


async def examine_one_host(host: Host, view: FleetView) -> Report:
    """Run the checks of the sides of one host, which may be no member yet. Its rehearsal is not judged."""
    return await run_checks({host.name: partial(examine_host, host, view)}, view.progress)


async def run_checks(checks: Mapping[str, Check], progress: Progress) -> Report:
    """Run all checks concurrently; `progress` gets the names of the unfinished ones."""
    awaited = list(checks)

    async def make(place: str, check: Check) -> CheckResult:
        examined = await _run_check(place, check, CHECK_TIMEOUT)
        awaited.remove(place)
        progress(ReadProgress(len(checks), tuple(awaited), place="check"))
        return examined

    progress(ReadProgress(len(checks), tuple(awaited), place="check"))
    async with asyncio.TaskGroup() as group:
        making = [group.create_task(make(place, check)) for place, check in checks.items()]
    return build_report([task.result() for task in making], read_utc_time())


async def _run_check(place: str, check: Check, most: float) -> CheckResult:
    """Run one check within its timeout. Any exception becomes its finding and affects no other check."""
    subject = place.removeprefix("bot.")
    try:
        async with asyncio.timeout(most):
            return await check()
    except TimeoutError:
        late = Phrase("the check {name} did not end within {time}. Check the log", name=place, time=Span(most))
        return CheckResult(place, Phrase("no response"), (make_unknown(place, subject, late),))
    except FlatnetError as error:
        return CheckResult(place, Phrase("unusable"), (make_problem(place, subject, error.phrase),))
    except Exception:  # a bug: one check fails, with a trace in the log
        _log.exception("a check failed", check=place)
        failed = Phrase("the check {name} failed. Check the log", name=place)
        return CheckResult(place, Phrase("no response"), (make_unknown(place, subject, failed),))


async def _raise(error: FlatnetError) -> CheckResult:
    raise error


def _build_answer(words: str, report: Report) -> Answer:
    return Answer(operation="", understood=words, body=report)
