"""Reloads the configuration while the bot runs (SIGHUP).

file ─▶ settings, secrets ─▶ audit event ─▶ the active configuration is exchanged ─▶ the earlier fleet retires
  └ any error: the old one stays, the log has every complaint, the audit log has the refusal
"""

import asyncio
import hashlib
from pathlib import Path

import structlog

from adapters.errors import FlatnetError
from adapters.fleet import Fleet
from bot.app.application import Application
from bot.audit.log import EventKind
from bot.config.settings import ConfigurationError, Misconfigured, Settings, read_settings
from bot.security.file_trust import trust_users

FLEET_RETIREMENT = 60.0
"""Seconds for which connections of an earlier configuration stay open: longer than any deadline of an action."""

RESTART_SETTINGS = frozenset(
    {
        "slack",
        "status",
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

_log = structlog.get_logger("bot.app.reload")


async def reload_on_signal(again: asyncio.Event, file: Path, settings: Settings, application: Application) -> None:
    """Reloads the configuration whenever `again` is set, until canceled."""
    retired: list[Fleet] = []
    async with asyncio.TaskGroup() as retiring:
        try:
            while True:
                await again.wait()
                again.clear()
                try:
                    settings, earlier = await reload(file, settings, application)
                except Exception as error:  # any error: the bot keeps its configuration, and reports the error
                    await _report_rejected(error, file, application)
                    continue
                retired.append(earlier)
                retiring.create_task(_retire_fleet(earlier))
        finally:
            await asyncio.gather(*(fleet.aclose() for fleet in retired))  # closing twice is harmless


async def reload(file: Path, settings: Settings, application: Application) -> tuple[Settings, Fleet]:
    """Activates a new configuration. Returns the new settings, and the earlier fleet, which new requests no longer use.

    If the file or a secret is unusable, or the change cannot be recorded, it raises and changes nothing.
    """
    await asyncio.to_thread(require_trust, file)
    new = await asyncio.to_thread(read_settings, file)
    fresh = application.configure(new)
    changed = sorted(name for name in Settings.model_fields if getattr(new, name) != getattr(settings, name))
    which = await asyncio.to_thread(describe_configuration, file, new)
    await application.audit.record(EventKind.CONFIGURATION, "system", "", which | {"changed": changed})
    retired, application.dispatcher.config = application.dispatcher.config.fleet, fresh
    _log.info("configuration activated", changed=changed, after_restart=sorted(RESTART_SETTINGS & set(changed)), **which)
    return new, retired


def require_trust(file: Path) -> None:
    """Raises `Misconfigured` if other users can change or exchange the configuration, which gives the roles."""
    for problem in trust_users().find_problems(file):
        raise Misconfigured(problem)


def describe_configuration(file: Path, settings: Settings) -> dict[str, str | int]:
    """Describes a configuration for the audit log: file, hash, number of hosts."""
    return {"file": str(file), "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "hosts": len(settings.hosts)}


async def _report_rejected(error: Exception, file: Path, application: Application) -> None:
    """Reports a rejected configuration: every complaint in the log, and an audit event."""
    complaints = error.complaints if isinstance(error, ConfigurationError) else ()
    said = [f"{complaint.key or '-'} (line {complaint.line or '?'}): {complaint.phrase}" for complaint in complaints]
    bug = None if isinstance(error, FlatnetError) else error
    _log.error("the new configuration cannot be used; the old one stays", why=str(error), complaints=said, exc_info=bug)
    try:
        await application.audit.record(
            EventKind.CONFIGURATION, "system", "", {"file": str(file), "refused": str(error)[:500]}
        )
    except FlatnetError as unrecorded:
        _log.error("the rejected configuration could not be recorded", why=str(unrecorded))


async def _retire_fleet(fleet: Fleet) -> None:
    """Closes a fleet once every request that began with it has ended."""
    await asyncio.sleep(FLEET_RETIREMENT)
    await fleet.aclose()
