"""Checks of `doctor` on the bot's own parts: configuration, secrets, database, audit log, Slack.

A part's own errors (`FlatnetError`) become findings where all checks are run (`bot.doctor.examination`).
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from adapters.phrase import Listing, Phrase
from bot.access.satisfiability import unsatisfiable
from bot.audit.log import AuditKeys, verify_files
from bot.config.settings import Complaint, ConfigurationError, Settings, audit_keys
from bot.doctor.check_result import Examined, unknown, wrong
from bot.runtime.clock import now
from bot.schedules.builtin import OBSERVE, clockwork
from bot.security.secrets import Find, read_secrets
from bot.store.chain import Verification
from bot.store.condition import Condition, prove
from bot.store.database import Database
from bot.store.errors import meaning_of_os, unavailable
from commands.catalogue import CATALOGUE
from commands.model.finding import Finding, Severity
from commands.model.operation import Role

CONFIGURATION, SECRETS, DATABASE, AUDIT, SLACK = (
    "bot.configuration",
    "bot.secrets",
    "bot.database",
    "bot.audit",
    "bot.slack",
)

Prove = Callable[[], Awaitable[Condition | None]]
"""Writes to the database and counts rows; None if there is no database yet."""


def complaints(error: ConfigurationError) -> Examined:
    """Report a configuration that cannot be used, with all its complaints."""
    return Examined(CONFIGURATION, error.phrase, tuple(_complaint(error.file, complaint) for complaint in error.complaints))


def configuration(settings: Settings) -> Examined:
    """Check a valid configuration: an administrator exists, and every change can be approved."""
    seen = Phrase("hosts: {hosts}, people: {people}", hosts=len(settings.hosts), people=len(settings.people))
    findings = (*_nobody_administers(settings), *_never_approved(settings), *_without_channel(settings))
    return Examined(CONFIGURATION, seen, findings)


def _nobody_administers(settings: Settings) -> Iterator[Finding]:
    if not any(Role.ADMINISTRATOR in roles for roles in _roles(settings)):
        why = Phrase("nobody has the role administrator; give it to somebody under [[people]]")
        yield wrong(CONFIGURATION, "configuration.administrator", why, Severity.MEDIUM)


def _never_approved(settings: Settings) -> Iterator[Finding]:
    for why in unsatisfiable(settings.policy, settings.inventory, CATALOGUE):
        yield wrong(CONFIGURATION, "configuration.approvals", why, Severity.MEDIUM)


def _without_channel(settings: Settings) -> Iterator[Finding]:
    """Report scheduled commands without a channel, if Slack is configured. Observations are only stored and need none."""
    running = clockwork(settings.schedules, settings.notices, settings.time_zone, now()).schedules
    names = tuple(schedule.name for schedule in running if not schedule.channel and schedule.name != OBSERVE)
    if settings.slack is None or not names:
        return
    why = Phrase(
        "{names} have no channel, so only administrators with a Slack id hear of them; under [notices] name one: {line}",
        names=Listing(names),
        line='channel = "C0123ABCD"',
    )
    yield wrong(CONFIGURATION, "configuration.notices", why, Severity.LOW)


def secrets(settings: Settings) -> Examined:
    """Check that every secret exists. No value is shown."""
    names = len(settings.secret_names)
    found = read_secrets(settings.secret_names, settings.secrets_folder)
    missing = tuple(wrong(SECRETS, "secrets.missing", phrase) for phrase in found.missing())
    return Examined(SECRETS, Phrase("{found} of {names} are there", found=names - len(missing), names=names), missing)


async def database(prove_it: Prove) -> Examined:
    """Check that the database accepts a write."""
    condition = await prove_it()
    if condition is None:
        return Examined(DATABASE, Phrase("none yet; the first start makes it"))
    return Examined(
        DATABASE,
        Phrase("takes writes; messages that wait: {waiting}", waiting=condition.outbox_waiting),
        tuple(_undelivered(condition)),
    )


async def prove_alone(path: Path) -> Condition | None:
    """Own the database for a moment and write to it; if there is none, check that one can be created."""
    opened = await asyncio.to_thread(_opened, path)
    if opened is None:
        return None
    try:
        return await prove(opened)
    finally:
        await opened.aclose()


def _opened(path: Path) -> Database | None:
    if _there(path):
        return Database.open(path)
    folder = next(parent for parent in path.parents if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise unavailable(path, "EACCES")
    return None


async def audit(settings: Settings, find: Find) -> Examined:
    """Verify the whole chain, beside a running bot or without one."""
    keys = audit_keys(settings, find)
    seen = await asyncio.to_thread(_followed, settings, keys)
    if seen is None:
        return Examined(AUDIT, Phrase("none yet; the first start makes it"))
    if seen.problem is None:
        return Examined(AUDIT, seen.phrase)
    spoilt = Phrase("{n} event is in order, then no more", plural="{n} events are in order, then no more", n=seen.count)
    return Examined(AUDIT, spoilt, (wrong(AUDIT, "audit.chain", seen.problem.phrase, Severity.CRITICAL),))


def _followed(settings: Settings, keys: AuditKeys) -> Verification | None:
    if not _there(settings.database_file) and not _there(settings.audit_head_file):
        return None
    return verify_files(settings.database_file, settings.audit_head_file, keys.all)


async def slack(settings: Settings, find: Find) -> Examined:
    """Check tokens, workspace, scopes and channels in Slack."""
    from bot.slack.api import SlackFailure  # imported here, so that installations without Slack do not wait for its library
    from bot.slack.checkup import check_up
    from bot.slack.preflight import Tokens

    if settings.slack is None:
        return Examined(SLACK, Phrase("not configured"))
    tokens = Tokens(find(settings.slack.bot_token_secret), find(settings.slack.app_token_secret))
    try:
        found = await check_up(settings.slack.api_url, tokens, settings.slack.team, _channels(settings))
    except SlackFailure as failure:
        return Examined(SLACK, Phrase("no answer"), (unknown(SLACK, "slack.unreachable", failure.phrase),))
    seen = Phrase("{bot} in workspace {team}", bot=found.bot.name, team=found.bot.team)
    return Examined(SLACK, seen, tuple(wrong(SLACK, "slack.channel", trouble) for trouble in found.troubles))


def _channels(settings: Settings) -> dict[str, str]:
    """Return the channels of announcements, each with the first configuration key that names it."""
    named = [
        ("approvals.channel", settings.approvals.channel),
        ("notices.channel", settings.notices.channel),
        ("notices.second_channel", settings.notices.second_channel),
        *((f"schedules[{each.name}].channel", each.channel) for each in settings.schedules if each.enabled),
    ]
    return {channel: key for key, channel in reversed(named) if channel is not None}


def _there(path: Path) -> bool:
    """Return whether the file exists. Raises `DatabaseError` if that cannot be known."""
    try:
        return path.exists()
    except OSError as error:
        raise meaning_of_os(error, path) from error


def _roles(settings: Settings) -> Iterator[frozenset[Role]]:
    yield from (person.roles for person in settings.people)
    yield from (group.roles for group in settings.groups)


def _complaint(file: Path, complaint: Complaint) -> Finding:
    place = str(file) if complaint.line is None else f"{file}:{complaint.line}"
    why = Phrase("{place}: {why}", place=": ".join(filter(None, (place, complaint.key))), why=complaint.phrase)
    return wrong(CONFIGURATION, "configuration.complaint", why)


def _undelivered(condition: Condition) -> Iterator[Finding]:
    if condition.outbox_undeliverable:
        why = Phrase(
            "{n} message could be delivered to nobody; the log says why",
            plural="{n} messages could be delivered to nobody; the log says why",
            n=condition.outbox_undeliverable,
        )
        yield wrong(DATABASE, "database.undelivered", why, Severity.LOW)
