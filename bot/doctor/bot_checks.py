"""Checks of `doctor` on the bot's own parts: configuration, secrets, database, audit log, Slack,
heartbeat.

A part's own errors (`FlatnetError`) become findings where all checks are run (`bot.doctor.examination`).
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from pydantic import SecretStr

from adapters.phrase import Listing, Moment, Phrase
from bot.access.satisfiability import find_unsatisfiable_rules
from bot.alerts.rules.routes import is_for_grave_alerts
from bot.audit_log.files import verify_files
from bot.config.database import find_database
from bot.config.errors import Complaint, ConfigurationError, ConfigurationMissing
from bot.config.schedules import STORED, build_schedule_config, is_stored
from bot.config.settings import Settings, load_audit_keys
from bot.digests.reports.replicas import PLACE, find_copy_problems, summarize_copies
from bot.doctor.check_result import CheckResult, make_problem, make_unknown
from bot.runtime.clock import read_utc_time
from bot.security.file_trust import trust_owner_of
from bot.security.secrets import FindSecret, read_secrets
from bot.store.address import DatabaseAddress, PostgresAddress
from bot.store.audit_chain import AuditKeys, Verification
from bot.store.condition import DatabaseCondition, check_writable
from bot.store.database import Database
from bot.store.errors import make_unavailable_error, map_os_error
from bot.store.known_replicas import KnownCopies
from bot.telemetry.heartbeat import HeartbeatFailed, HeartbeatState, parse_heartbeat_url
from commands.catalogue import CATALOGUE
from commands.model.finding import Finding, Severity
from commands.model.operation import Role

CONFIGURATION, SECRETS, DATABASE, AUDIT, SLACK, HEARTBEAT, COPIES = (
    "bot.configuration",
    "bot.secrets",
    "bot.database",
    "bot.audit",
    "bot.slack",
    "bot.heartbeat",
    PLACE,
)

ProveDatabase = Callable[[], Awaitable[DatabaseCondition | None]]
"""Writes to the database and counts rows; None if there is no database yet."""

ReadCopies = Callable[[], Awaitable[KnownCopies]]
"""Reads which copies of the bot there are."""


def report_complaints(error: ConfigurationError) -> CheckResult:
    """Report a configuration that cannot be used, with all its complaints."""
    if isinstance(error, ConfigurationMissing):
        missing = make_problem(CONFIGURATION, "configuration.missing", error.phrase)
        return CheckResult(CONFIGURATION, Phrase("no file"), (missing,))
    return CheckResult(
        CONFIGURATION, error.phrase, tuple(_make_complaint(error.file, complaint) for complaint in error.complaints)
    )


def check_configuration(settings: Settings) -> CheckResult:
    """Check a valid configuration: an administrator exists, and every change can be approved."""
    seen = Phrase("hosts: {hosts}, people: {people}", hosts=len(settings.hosts), people=len(settings.people))
    if waived := settings.approvals.list_waived():
        seen = Phrase("{seen}, without approval: {commands}", seen=seen, commands=Listing(tuple(waived)))
    findings = (
        *_check_administrators(settings),
        *_check_approvals(settings),
        *_check_second_road(settings),
        *_check_waivers(settings),
        *_check_channels(settings),
        *_check_alert_routes(settings),
        *_check_stored_channels(settings),
    )
    return CheckResult(CONFIGURATION, seen, findings)


def _check_administrators(settings: Settings) -> Iterator[Finding]:
    if not any(Role.ADMINISTRATOR in roles for roles in _list_roles(settings)):
        why = Phrase("the administrator role is not assigned. Assign it to a person under [[people]]")
        yield make_problem(CONFIGURATION, "configuration.administrator", why, Severity.MEDIUM)


def _check_approvals(settings: Settings) -> Iterator[Finding]:
    for why in find_unsatisfiable_rules(settings.policy, settings.inventory, CATALOGUE):
        yield make_problem(CONFIGURATION, "configuration.approvals", why, Severity.MEDIUM)


def _check_second_road(settings: Settings) -> Iterator[Finding]:
    """Report that too few people can approve critical changes from a terminal: two, for none approves their own."""
    able = settings.policy.list_terminal_approvers()
    if not settings.approvals.second_road or len(able) > 1:
        return
    if able:
        why = Phrase(
            "second_road under [approvals]: only {person} can approve critical changes from a terminal, so their own are "
            "refused. Add system to another approver under [[people]]",
            person=able[0],
        )
    else:
        why = Phrase(
            "second_road under [approvals]: critical changes are refused, because no approver has an operating system "
            "account. Add system to two approvers under [[people]]"
        )
    yield make_problem(CONFIGURATION, "configuration.approvals", why, Severity.LOW if able else Severity.MEDIUM)


def _check_waivers(settings: Settings) -> Iterator[Finding]:
    """Report waivers without effect, because a stricter rule applies to every host."""
    approvals = settings.approvals
    for operation in CATALOGUE:
        rule = approvals.list_waived().get(" ".join(operation.words))
        if rule is not None and not any(approvals.find_waiver(operation, (host,)) for host in settings.hosts):
            why = Phrase(
                "{rule} has no effect: {words} needs approval on every host by another rule. Remove one of them",
                rule=rule,
                words=" ".join(operation.words),
            )
            yield make_problem(CONFIGURATION, "configuration.approvals", why, Severity.LOW)


def _check_channels(settings: Settings) -> Iterator[Finding]:
    """Report scheduled commands without a channel, if Slack is configured. Those that are only stored need none."""
    running = build_schedule_config(settings.schedules, settings.notices, settings.time_zone, read_utc_time()).schedules
    names = tuple(schedule.name for schedule in running if not schedule.channel and not is_stored(schedule))
    if settings.slack is None or not names:
        return
    why = Phrase(
        "no channel is set for {names}, so only administrators with a Slack ID receive them. Set one under [notices]: "
        "{line}",
        names=Listing(names),
        line='channel = "C0123ABCD"',
    )
    yield make_problem(CONFIGURATION, "configuration.notices", why, Severity.LOW)


def _check_alert_routes(settings: Settings) -> Iterator[Finding]:
    """Report routes of grave alerts that notify neither a person nor a group."""
    for number, route in enumerate(settings.alerts.routes, 1):
        if not (route.mention or route.escalate_to) and is_for_grave_alerts(route):
            why = Phrase(
                "{route} is for critical or high alerts and notifies neither a person nor a group. Set mention",
                route=f"alerts.routes[{number}]",
            )
            yield make_problem(CONFIGURATION, "configuration.alerts", why, Severity.LOW)


def _check_stored_channels(settings: Settings) -> Iterator[Finding]:
    """Report channels of schedules that post nothing."""
    names = [each.name for each in settings.schedules if each.name in STORED and each.channel]
    for name in names:
        why = Phrase(
            "the channel of the schedule {name} has no effect, because what it finds becomes alerts. Remove it, and set the "
            "channel of a route under [[alerts.routes]] instead",
            name=name,
        )
        yield make_problem(CONFIGURATION, "configuration.schedules", why, Severity.LOW)


def check_secrets(settings: Settings) -> CheckResult:
    """Check that every secret exists. No value is shown."""
    names = len(settings.secret_names)
    found = read_secrets(settings.secret_names, settings.secrets_folder, trust_owner_of(settings.data_folder))
    missing = tuple(make_problem(SECRETS, "secrets.missing", phrase) for phrase in found.describe_missing())
    return CheckResult(SECRETS, Phrase("{found} of {names} found", found=names - len(missing), names=names), missing)


async def check_database(prove_it: ProveDatabase) -> CheckResult:
    """Check that the database accepts a write."""
    condition = await prove_it()
    if condition is None:
        return CheckResult(DATABASE, Phrase("not created yet (created on first start)"))
    return CheckResult(
        DATABASE,
        Phrase("writable, messages queued: {waiting}", waiting=condition.outbox_waiting),
        tuple(_check_undelivered(condition)),
    )


async def check_copies(read: ReadCopies) -> CheckResult:
    """Check that a copy leads, that another one could take over, and that nothing keeps the others from it."""
    known = await read()
    return CheckResult(COPIES, summarize_copies(known), tuple(find_copy_problems(known)))


async def check_without_bot(address: DatabaseAddress) -> DatabaseCondition | None:
    """Open the database for a moment and write to it. If there is no file, check that one can be created."""
    opened = await asyncio.to_thread(_open_database, address)
    if opened is None:
        return None
    try:
        return await check_writable(opened)
    finally:
        await opened.aclose()


def _open_database(address: DatabaseAddress) -> Database | None:
    if isinstance(address, PostgresAddress):
        return Database.connect(address)
    if _exists(address):
        return Database.open(address)
    folder = next(parent for parent in address.parents if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise make_unavailable_error(address, "EACCES")
    return None


async def check_audit(settings: Settings, find: FindSecret) -> CheckResult:
    """Verify the whole chain, beside a running bot or without one."""
    keys = load_audit_keys(settings, find)
    seen = await asyncio.to_thread(_verify_audit, find_database(settings, find), settings.audit_head_file, keys)
    if seen is None:
        return CheckResult(AUDIT, Phrase("not created yet (created on first start)"))
    if seen.problem is None:
        return CheckResult(AUDIT, seen.phrase)
    spoilt = Phrase(
        "{n} event is valid, later ones are not", plural="{n} events are valid, later ones are not", n=seen.count
    )
    return CheckResult(AUDIT, spoilt, (make_problem(AUDIT, "audit.chain", seen.problem.phrase, Severity.CRITICAL),))


def _verify_audit(database: DatabaseAddress, head_file: Path, keys: AuditKeys) -> Verification | None:
    if isinstance(database, Path) and not _exists(database) and not _exists(head_file):
        return None
    return verify_files(database, head_file, keys.all)


async def check_heartbeat(find_url: Callable[[], SecretStr], find_state: Callable[[], HeartbeatState | None]) -> CheckResult:
    """Check that the address is usable, and that the newest heartbeat was accepted. The address is not shown."""
    try:
        parse_heartbeat_url(find_url())
    except HeartbeatFailed as error:
        problem = make_problem(HEARTBEAT, "heartbeat.address", error.phrase)
        return CheckResult(HEARTBEAT, Phrase("unusable address"), (problem,))
    match find_state():
        case None:
            return CheckResult(HEARTBEAT, Phrase("not sent yet"))
        case HeartbeatState(why=None, since=since):
            return CheckResult(HEARTBEAT, Phrase("accepted since {at}", at=Moment(since)))
        case HeartbeatState(why=why, since=since):
            overdue = Phrase("no heartbeat has been accepted since {at}: {why}", at=Moment(since), why=why)
            problem = make_problem(HEARTBEAT, "heartbeat.missing", overdue)
            return CheckResult(HEARTBEAT, Phrase("not accepted"), (problem,))


async def check_slack(settings: Settings, find: FindSecret) -> CheckResult:
    """Check tokens, workspace, scopes and channels in Slack."""
    from bot.slack.client.errors import SlackFailure
    from bot.slack.client.preflight import Tokens
    from bot.slack.doctor_checks import inspect_slack

    if settings.slack is None:
        return CheckResult(SLACK, Phrase("not configured"))
    tokens = Tokens(find(settings.slack.bot_token_secret), find(settings.slack.app_token_secret))
    try:
        found = await inspect_slack(settings.slack.api_url, tokens, settings.slack.team, _list_channels(settings))
    except SlackFailure as failure:
        return CheckResult(SLACK, Phrase("no response"), (make_unknown(SLACK, "slack.unreachable", failure.phrase),))
    seen = Phrase("{bot} in workspace {team}", bot=found.bot.name, team=found.bot.team)
    if found.missing is not None:
        seen = Phrase("{seen}. Optional scopes not granted: {missing}", seen=seen, missing=found.missing)
    return CheckResult(SLACK, seen, tuple(make_problem(SLACK, "slack.channel", trouble) for trouble in found.troubles))


def _list_channels(settings: Settings) -> dict[str, str]:
    """Return the channels of announcements, each with the first configuration key that names it."""
    named = [
        ("approvals.channel", settings.approvals.channel),
        ("notices.channel", settings.notices.channel),
        ("notices.second_channel", settings.notices.second_channel),
        *((f"schedules[{each.name}].channel", each.channel) for each in settings.schedules if each.enabled),
        *((f"alerts.routes[{number}].channel", route.channel) for number, route in enumerate(settings.alerts.routes, 1)),
        ("incidents.channel", settings.incidents.channel),
        ("incidents.announce", settings.incidents.announce),
    ]
    return {channel: key for key, channel in reversed(named) if channel is not None}


def _exists(path: Path) -> bool:
    """Return whether the file exists. Raises `DatabaseError` if that cannot be known."""
    try:
        return path.exists()
    except OSError as error:
        raise map_os_error(error, path) from error


def _list_roles(settings: Settings) -> Iterator[frozenset[Role]]:
    yield from (person.roles for person in settings.people)
    yield from (group.roles for group in settings.groups)


def _make_complaint(file: Path, complaint: Complaint) -> Finding:
    named = complaint.file or file
    place = str(named) if complaint.line is None else f"{named}:{complaint.line}"
    why = Phrase("{place}: {why}", place=": ".join(filter(None, (place, complaint.key))), why=complaint.phrase)
    return make_problem(CONFIGURATION, "configuration.complaint", why)


def _check_undelivered(condition: DatabaseCondition) -> Iterator[Finding]:
    if condition.outbox_undeliverable:
        why = Phrase(
            "{n} message could not be delivered. Check the log",
            plural="{n} messages could not be delivered. Check the log",
            n=condition.outbox_undeliverable,
        )
        yield make_problem(DATABASE, "database.undelivered", why, Severity.LOW)
