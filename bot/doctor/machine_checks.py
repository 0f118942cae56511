"""Checks of `doctor` on the bot's machine: time zone data, open files, and the permissions of the bot's files.

private    secrets, keys, database, audit head: other users must not read them
trusted    configuration, CA, certificates, known hosts: other users must not change them
"""

import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import available_timezones

from adapters.phrase import Phrase
from bot.config.settings import Settings
from bot.doctor.check_result import Examined, wrong
from bot.runtime import open_files
from commands.model.finding import Finding, Severity

MACHINE, FILES = "bot.machine", "bot.files"

READ, WRITE = 0o044, 0o022

ROOT = 0
"""Group that may have rights: systemd and container engines provide secrets as `root:root 0440`."""


def machine(hosts: int) -> Examined:
    """Check time zone data, and the open files for a fleet of so many hosts."""
    allowed, zones = open_files.allow(hosts), len(available_timezones())
    seen = Phrase("{files} open files, {zones} time zones", files=allowed, zones=zones)
    return Examined(MACHINE, seen, (*_zones(zones), *_open_files(allowed, open_files.wanted(hosts))))


def files(settings: Settings, *more: Path) -> Examined:
    """Check that the named files exist, with the right permissions; `more` are trusted, too."""
    named, private = frozenset(_named(settings)), frozenset(_private(settings))
    states = {path: _state(path) for path in sorted(named.union(private, more, [settings.control_socket]))}
    findings: list[Finding] = []
    for path, state in states.items():
        if isinstance(state, OSError):
            findings += _absent(path, state, wanted=path in named)
        elif path == settings.control_socket:
            findings += _socket(path, state)
        else:
            findings += _open_to_others(path, state, private=path in private)
    there = sum(isinstance(state, os.stat_result) for state in states.values())
    return Examined(FILES, Phrase("{n} file", plural="{n} files", n=there), tuple(findings))


def _zones(zones: int) -> Iterator[Finding]:
    if not zones:
        yield wrong(MACHINE, "machine.zones", Phrase("this machine has no time zone data; install the package tzdata"))


def _open_files(allowed: int, wanted: int) -> Iterator[Finding]:
    if allowed < wanted:
        why = Phrase(
            "only {allowed} open files are allowed and this fleet may need {wanted}; raise LimitNOFILE of the service, "
            "or the hard limit of this user",
            allowed=allowed,
            wanted=wanted,
        )
        yield wrong(MACHINE, "machine.open_files", why, Severity.MEDIUM)


def _private(settings: Settings) -> Iterator[Path]:
    if settings.secrets_folder is not None:
        yield from (settings.secrets_folder / name for name in settings.secret_names)
    yield from (settings.database_file, settings.audit_head_file)
    for host in settings.hosts:
        yield from (side.key_file for side in (host.windows, host.wsl) if side is not None and side.key_file is not None)


def _named(settings: Settings) -> Iterator[Path]:
    """Yield every file that the hosts' sides name."""
    for host in settings.hosts:
        if host.windows is not None:
            given = (host.windows.ca_file, host.windows.certificate_file, host.windows.key_file)
            yield from (path for path in given if path is not None)
        if host.wsl is not None:
            yield from (host.wsl.key_file, host.wsl.known_hosts_file)


def _state(path: Path) -> os.stat_result | OSError:
    try:
        return path.stat()
    except OSError as error:
        return error


def _absent(path: Path, error: OSError, *, wanted: bool) -> Iterator[Finding]:
    if isinstance(error, PermissionError):
        why = Phrase("this user may not look at {path}; become the bot's user, or give it that file", path=str(path))
        yield wrong(FILES, "file.denied", why)
    elif wanted:
        why = Phrase("there is no {path}; put it there, or name another in flatnet.toml", path=str(path))
        yield wrong(FILES, "file.missing", why)


def _open_to_others(path: Path, state: os.stat_result, *, private: bool) -> Iterator[Finding]:
    others = state.st_mode & (0o007 if state.st_gid == ROOT else 0o077)
    if private and others & READ:
        why = Phrase("others may read {path}; take that right away: {command}", **_chmod("go=", path))
        yield wrong(FILES, "file.readable", why)
    elif others & WRITE:
        why = Phrase("others may change {path}; take that right away: {command}", **_chmod("go-w", path))
        yield wrong(FILES, "file.writable", why)


def _socket(path: Path, state: os.stat_result) -> Iterator[Finding]:
    if state.st_mode & stat.S_IRWXO:
        why = Phrase("anybody may use {path}; take that right away: {command}", **_chmod("o=", path))
        yield wrong(FILES, "file.socket", why)


def _chmod(mode: str, path: Path) -> dict[str, str]:
    """Return a file and the command that fixes its mode, as values of a phrase."""
    return {"path": str(path), "command": shlex.join(("chmod", mode, str(path)))}
