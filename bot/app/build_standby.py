"""Builds what a copy that stands by answers with."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from adapters.fleet import Fleet
from bot.app.application import FindDatabase, Observers, build_config, load_secrets
from bot.audit.files import verify_files
from bot.config.active_config import ActiveConfig
from bot.config.database import find_database
from bot.config.settings import Settings, load_audit_keys
from bot.runtime.clock import Clock
from bot.runtime.connections import MAX_WINDOWS_THREADS, make_connector
from bot.store.chain import Verification


def make_audit_verifier(find_settings: Callable[[], Settings]) -> Callable[[], Awaitable[Verification]]:
    """Makes the function that verifies the table of the audit log against this machine's head file."""

    async def verify() -> Verification:
        settings = find_settings()
        secrets = load_secrets(settings)
        address, keys = find_database(settings, secrets), load_audit_keys(settings, secrets)
        return await asyncio.to_thread(verify_files, address, settings.audit_head_file, keys.all)

    return verify


class StandbyConfigurations:
    """Configurations of a copy that stands by, as `doctor` uses them. `require_database` raises without a session."""

    def __init__(self, require_database: FindDatabase, clock: Clock) -> None:
        self._require_database = require_database
        self._clock = clock
        self._pool = ThreadPoolExecutor(MAX_WINDOWS_THREADS, thread_name_prefix="winrm")
        self._fleets: list[Fleet] = []

    def activate(self, settings: Settings) -> ActiveConfig:
        """Builds the active configuration of these settings."""
        connect = make_connector(load_secrets(settings), self._pool)
        config = build_config(settings, connect, self._require_database, Observers(), self._clock.now())
        self._fleets.append(config.fleet)
        return config

    async def aclose(self) -> None:
        """Closes the connections to hosts."""
        await asyncio.gather(*(fleet.aclose() for fleet in self._fleets))
        self._pool.shutdown(wait=False, cancel_futures=True)
