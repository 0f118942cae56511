"""Warm-up: what would block the event loop later is done while nobody waits.

    leads from the start ─▶ validators, threads, garbage
    stands by            ─▶ besides, all that a bot imports which leads: a takeover then imports next to nothing

Libraries that one side of a host needs are imported where it is first connected otherwise.
"""

import asyncio
import gc
from importlib import import_module

from bot.app.application import Application
from bot.config.settings import Settings
from bot.runtime.connections import MAX_WINDOWS_THREADS, start_threads
from bot.runtime.validators import build_validators

COLLECTOR_THRESHOLDS = (10_000, 20, 50)
"""Thresholds of the garbage collector. A read of a hundred hosts makes so many objects that Python's own (700, 10, 10) have
it search them hundreds of times, all of them several times."""

PARTS = (
    "adapters.gateway.client",
    "adapters.windows.winrm",
    "adapters.wsl.host_key",
    "adapters.wsl.ssh",
    "bot.app.run_alerts",
    "bot.app.build_backups",
    "bot.app.run_incidents",
    "bot.app.run_ledger",
    "bot.app.run_schedules",
    "bot.app.key_backup_files",
    "bot.app.build_hosts",
    "bot.app.spool",
    "bot.slack.parts",
    "bot.slack.client.persistence",
    "bot.store.condition",
    "bot.store.engine_pool",
    "dbos",
    "yaml",
)
"""Modules that a bot imports once it leads. `yaml` is what DBOS imports when it is launched."""


async def warm_up(application: Application, settings: Settings) -> None:
    """Starts threads, builds validators and collects garbage, for a bot that leads from now on."""
    await asyncio.to_thread(build_validators)
    await asyncio.to_thread(start_threads, application.pool, min(MAX_WINDOWS_THREADS, len(settings.hosts)))
    _collect_garbage()


def prepare_lead() -> None:
    """Imports all parts of a bot that leads, builds its validators and collects garbage. Blocks."""
    for part in PARTS:
        import_module(part)
    build_validators()
    _collect_garbage()


def _collect_garbage() -> None:
    """Collects garbage from now on, which the start of the process has put off."""
    gc.enable()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    gc.collect()
    gc.freeze()  # scanning these objects again takes a tenth of a second each time
