"""Reloads the configuration while the bot runs: at SIGHUP, or after a change of the host folder.

file ─▶ settings, secrets ─▶ audit event ─▶ the active configuration is exchanged ─▶ the earlier fleet retires
  └ any error: the old one stays, the log has every complaint, the audit log has the refusal
"""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import structlog

from adapters.errors import FlatnetError
from adapters.fleet import Fleet
from bot.app.application import Application, load_secrets
from bot.app.takeover import declare_configuration
from bot.audit_log.log import EventKind
from bot.config.errors import Complaint, ConfigurationError, Misconfigured
from bot.config.hosts import HOST_FOLDER
from bot.config.settings import Settings, check_host_files, read_settings
from bot.config.shared_hosts import ShareHosts, share_nothing
from bot.security.file_trust import trust_users

FLEET_RETIREMENT = 640.0
"""Seconds for which connections of an earlier configuration stay open: longer than any action, with its wait for a turn.

A stream may last longer, so they also stay open until the last one has ended."""

RESTART_SETTINGS = frozenset(
    {
        "slack",
        "status",
        "database",
        "database_password_secret",
        "copy_name",
        "data_folder",
        "socket_file",
        "socket_group",
        "audit_key_secret",
        "old_audit_key_secrets",
        "language",
        "time_zone",
        "channels",
    }
)
"""Settings that a reload reads and only the next start applies."""

CONFIGURED = Settings.model_fields.keys() - {"written_hosts"}
"""Settings that people configure. `written_hosts` are copies of some of them."""

_log = structlog.get_logger("bot.app.reload")


class ConfigurationReloader:
    """Reloads the configuration of a running bot: at a signal, or for a step on the bot itself. One reload at a time."""

    def __init__(self, file: Path, settings: Settings, application: Application, share: ShareHosts = share_nothing) -> None:
        self._file = file
        self._settings = settings
        self._application = application
        self._share = share
        self._turn = asyncio.Lock()
        self._retired: list[Fleet] = []
        self._retiring: set[asyncio.Task[None]] = set()

    def read_settings(self) -> Settings:
        """Reads the settings as the files have them now. Blocking. Raises `ConfigurationError`."""
        return read_settings(self._file)

    def check_host_file(self, name: str, content: bytes | None) -> Settings:
        """Checks that the configuration could be used with this content of a host's file. Blocking.

        Returns the settings that it would have. Raises `ConfigurationError`.
        """
        return check_host_files(self._file, {name: content})

    async def reload(self) -> None:
        """Activates the configuration as the files have it now. Raises as `reload`, and changes nothing then."""
        async with self._turn:
            self._settings, earlier = await reload(self._file, self._settings, self._application)
        self._retired.append(earlier)
        retiring = asyncio.create_task(retire_fleet(earlier, FLEET_RETIREMENT))
        self._retiring.add(retiring)
        retiring.add_done_callback(self._retiring.discard)

    async def reload_on_signal(self, again: asyncio.Event) -> None:
        """Reloads the configuration whenever `again` is set, until canceled. Other copies of the bot get its hosts."""
        while True:
            await again.wait()
            again.clear()
            try:
                await self.reload()
            except Exception as error:  # any error: the bot keeps its configuration, and reports the error
                await _report_rejected(error, self._file, self._application)
                continue
            try:
                await self._share({})
            except FlatnetError as error:
                _log.error("the other copies of the bot do not have these hosts; reload again", why=str(error))

    async def aclose(self) -> None:
        """Closes the fleets of earlier configurations. Closing twice is harmless."""
        for retiring in self._retiring:
            retiring.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        await asyncio.gather(*(fleet.aclose() for fleet in self._retired))


async def reload(file: Path, settings: Settings, application: Application) -> tuple[Settings, Fleet]:
    """Activates a new configuration. Returns the new settings, and the earlier fleet, which new requests no longer use.

    If the file or a secret is unusable, or the change cannot be recorded, it raises and changes nothing.
    """
    await asyncio.to_thread(require_trust, file)
    new = await asyncio.to_thread(read_settings, file)
    await asyncio.to_thread(require_host_folder_trust, new)
    fresh = application.configure(new)
    changed = sorted(name for name in CONFIGURED if getattr(new, name) != getattr(settings, name))
    which = await asyncio.to_thread(describe_configuration, file, new)
    await application.audit.record(EventKind.CONFIGURATION, "system", "", which | {"changed": changed})
    await declare_configuration(application.database, new, load_secrets(new))
    retired, application.dispatcher.config = application.dispatcher.config.fleet, fresh
    _log.info("configuration activated", changed=changed, after_restart=sorted(RESTART_SETTINGS & set(changed)), **which)
    return new, retired


def require_trust(file: Path) -> None:
    """Raises `Misconfigured` if other users can change or exchange the configuration, which gives the roles."""
    for problem in trust_users().find_problems(file):
        raise Misconfigured(problem)


def require_host_folder_trust(settings: Settings) -> None:
    """Raises `Misconfigured` if other users can change or exchange files of the host folder, which names what is trusted."""
    folder = settings.data_folder / HOST_FOLDER
    if folder.exists():
        for problem in trust_users().find_folder_problems(folder):
            raise Misconfigured(problem)


def describe_configuration(file: Path, settings: Settings) -> dict[str, Any]:
    """Describes a configuration for the audit log: file, hash, number of hosts, and the hashes of host files by name."""
    folder = settings.data_folder / HOST_FOLDER
    own = {path.stem: _hash_file(path) for path in sorted(folder.glob("*.toml"))}
    whole = {"file": str(file), "sha256": _hash_file(file), "hosts": len(settings.hosts)}
    return whole | {"host_files": own} if own else whole


def _hash_file(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


async def _report_rejected(error: Exception, file: Path, application: Application) -> None:
    """Reports a rejected configuration: every complaint in the log, and an audit event."""
    complaints = error.complaints if isinstance(error, ConfigurationError) else ()
    said = [_describe_complaint(complaint) for complaint in complaints]
    bug = None if isinstance(error, FlatnetError) else error
    _log.error("the new configuration cannot be used; the old one stays", why=str(error), complaints=said, exc_info=bug)
    try:
        await application.audit.record(
            EventKind.CONFIGURATION, "system", "", {"file": str(file), "refused": str(error)[:500]}
        )
    except FlatnetError as unrecorded:
        _log.error("the rejected configuration could not be recorded", why=str(unrecorded))


def _describe_complaint(complaint: Complaint) -> str:
    place = f"{complaint.file}, " if complaint.file is not None else ""
    return f"{complaint.key or '-'} ({place}line {complaint.line or '?'}): {complaint.phrase}"


async def retire_fleet(fleet: Fleet, after: float) -> None:
    """Closes a fleet once all that began with it has ended: every action after so many seconds, and every stream."""
    await asyncio.sleep(after)
    await fleet.wait_for_streams()
    await fleet.aclose()
