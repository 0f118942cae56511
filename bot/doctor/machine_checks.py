"""Checks of `doctor` on the bot's machine: time zone data, open files, and the permissions of the bot's files.

private    secrets, keys, database, audit head: other users must not read them
data       the data folder and what leads there: other users must not exchange it (`bot.security.file_trust`)
trusted    configuration, CA, certificates, known hosts: other users must not change them

Check of `doctor --slack`: Slack's own verdict on every kind of message and view that the bot can send.

Nothing is posted, and no scope is needed. It takes minutes, because Slack is asked once a second.
"""

import asyncio
import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import available_timezones

from adapters.phrase import Phrase
from bot.config.settings import Settings
from bot.doctor.check_result import CheckResult, make_problem, make_unknown
from bot.locale.texts import get_texts
from bot.runtime import open_files
from bot.security.file_trust import trust_owner_of
from bot.security.secrets import FindSecret
from commands.model.finding import Finding, Severity
from commands.model.operation import Progress

MACHINE, FILES = "bot.machine", "bot.files"

READ_BITS, WRITE_BITS = 0o044, 0o022

ROOT_GROUP = 0
"""Group that may have rights: systemd and container engines provide secrets as `root:root 0440`."""


def check_machine(hosts: int) -> CheckResult:
    """Check time zone data, and the limit of open files for a fleet of `hosts` hosts."""
    allowed, zones = open_files.raise_limit(), len(available_timezones())
    seen = Phrase("{files} open files, {zones} time zones", files=allowed, zones=zones)
    return CheckResult(
        MACHINE, seen, (*_check_time_zones(zones), *_check_open_files(allowed, open_files.count_needed(hosts)))
    )


def check_files(settings: Settings, *more: Path) -> CheckResult:
    """Check that the named files exist, with the right permissions; `more` are trusted, too."""
    named, private = frozenset(_list_named_files(settings)), frozenset(_list_private_files(settings))
    states = {path: _read_state(path) for path in sorted(named.union(private, more, [settings.control_socket]))}
    trust = trust_owner_of(settings.data_folder)
    findings = [make_problem(FILES, "file.trust", why) for why in trust.find_folder_problems(settings.data_folder)]
    for path, state in states.items():
        if isinstance(state, OSError):
            findings += _report_absent(path, state, wanted=path in named)
        elif path == settings.control_socket:
            findings += _report_socket(path, state)
        else:
            findings += _report_permissions(path, state, private=path in private)
    there = sum(isinstance(state, os.stat_result) for state in states.values())
    return CheckResult(FILES, Phrase("{n} file", plural="{n} files", n=there), tuple(findings))


def _check_time_zones(zones: int) -> Iterator[Finding]:
    if not zones:
        yield make_problem(
            MACHINE, "machine.zones", Phrase("this machine has no time zone data. Install the tzdata package")
        )


def _check_open_files(allowed: int, wanted: int) -> Iterator[Finding]:
    if allowed < wanted:
        why = Phrase(
            "the open-file limit is {allowed}, but this fleet may need {wanted}. Raise LimitNOFILE of the service, or this "
            "user's hard limit",
            allowed=allowed,
            wanted=wanted,
        )
        yield make_problem(MACHINE, "machine.open_files", why, Severity.MEDIUM)


def _list_private_files(settings: Settings) -> Iterator[Path]:
    if settings.secrets_folder is not None:
        yield from (settings.secrets_folder / name for name in settings.secret_names)
    if settings.database is None:
        yield settings.database_file
    yield settings.audit_head_file
    for host in settings.inventory.reachable:
        yield from (side.key_file for side in (host.windows, host.wsl) if side is not None and side.key_file is not None)


def _list_named_files(settings: Settings) -> Iterator[Path]:
    """Yield every file that the hosts' sides name."""
    for host in settings.inventory.reachable:
        if host.windows is not None:
            given = (host.windows.ca_file, host.windows.certificate_file, host.windows.key_file)
            yield from (path for path in given if path is not None)
        if host.wsl is not None:
            yield host.wsl.key_file
            if host.wsl.known_hosts_file is not None and not host.wsl.host_key:
                yield host.wsl.known_hosts_file


def _read_state(path: Path) -> os.stat_result | OSError:
    try:
        return path.stat()
    except OSError as error:
        return error


def _report_absent(path: Path, error: OSError, *, wanted: bool) -> Iterator[Finding]:
    if isinstance(error, PermissionError):
        why = Phrase("this user cannot read {path}. Switch to the bot's user, or grant access to the file", path=str(path))
        yield make_problem(FILES, "file.denied", why)
    elif wanted:
        why = Phrase("{path} not found. Put it there, or change the path in flatnet.toml", path=str(path))
        yield make_problem(FILES, "file.missing", why)


def _report_permissions(path: Path, state: os.stat_result, *, private: bool) -> Iterator[Finding]:
    others = state.st_mode & (0o007 if state.st_gid == ROOT_GROUP else 0o077)
    if private and others & READ_BITS:
        why = Phrase("{path} is readable by others. Run: {command}", **_suggest_chmod("go=", path))
        yield make_problem(FILES, "file.readable", why)
    elif others & WRITE_BITS:
        why = Phrase("{path} is writable by others. Run: {command}", **_suggest_chmod("go-w", path))
        yield make_problem(FILES, "file.writable", why)


def _report_socket(path: Path, state: os.stat_result) -> Iterator[Finding]:
    if state.st_mode & stat.S_IRWXO:
        why = Phrase("{path} is accessible to anyone. Run: {command}", **_suggest_chmod("o=", path))
        yield make_problem(FILES, "file.socket", why)


def _suggest_chmod(mode: str, path: Path) -> dict[str, str]:
    """Return a file and the command that fixes its mode, as values of a phrase."""
    return {"path": str(path), "command": shlex.join(("chmod", mode, str(path)))}


MESSAGES = "bot.messages"


async def check_messages(settings: Settings, find: FindSecret, progress: Progress) -> CheckResult:
    """Have Slack check all messages and views, in the bot's language."""
    from bot.slack.client.errors import SlackFailure
    from bot.slack.client.preflight import Tokens
    from bot.slack.doctor_checks import BlockRefusal, validate_samples

    if settings.slack is None:
        return CheckResult(MESSAGES, Phrase("not configured"))
    tokens = Tokens(find(settings.slack.bot_token_secret), find(settings.slack.app_token_secret))
    texts = get_texts(settings.language, settings.zone)

    def describe(refusal: BlockRefusal) -> Finding:
        why = Phrase(
            "Slack would refuse {kind}: {message} (at {pointer}). Report this to the developers of the bot",
            kind=refusal.kind,
            message=refusal.message,
            pointer=refusal.pointer,
        )
        return make_problem(MESSAGES, "messages.refused", why, Severity.MEDIUM)

    try:
        count, refusals = await validate_samples(settings.slack.api_url, tokens, texts, asyncio.sleep, progress)
    except SlackFailure as failure:
        return CheckResult(
            MESSAGES, Phrase("no response"), (make_unknown(MESSAGES, "messages.unreachable", failure.phrase),)
        )
    seen = Phrase("{n} kind of message and view checked", plural="{n} kinds of messages and views checked", n=count)
    return CheckResult(MESSAGES, seen, tuple(map(describe, refusals)))
