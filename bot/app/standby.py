"""A copy that stands by: it looks at the database twice a second, and takes the lead once it may.

    connect ─▶ look ─┬─ another copy leads, or something keeps this one from leading (`why`) ─▶ look again
                     └─ the lock is free, and nothing is in the way ─▶ try_lead ─▶ leads
    SIGHUP  ─▶ the new configuration counts from the next look on
    SIGTERM ─▶ the session is closed

Nothing ends it: a server that is away, a login that is refused and tables of another version are all looked at again.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from adapters.errors import FlatnetError
from adapters.phrase import Phrase, Span
from bot.app.application import load_secrets
from bot.app.build_copies import identify_copy, require_no_obstacle
from bot.app.reload import require_host_folder_trust, require_trust
from bot.config.settings import Settings, read_settings
from bot.copies.rules import Candidate, find_obstacle
from bot.runtime.clock import Clock
from bot.store.address import PostgresAddress
from bot.store.database import Database
from bot.store.situation import Situation, judge_under_lock, read_situation
from bot.telemetry.endpoints import HealthChecks

LOOK_INTERVAL = 0.5
"""Seconds between two looks."""

UNLED_LIMIT = 15.0
"""Seconds without a leader after which a copy that stands by is not ready."""

_log = structlog.get_logger("bot.app.standby")


@dataclass(frozen=True)
class Lead:
    """The lead, taken by this process: its database, and the settings to lead with."""

    database: Database
    settings: Settings


class Standby:
    """A copy that stands by over one database. `why` says what keeps it from leading; None: nothing."""

    def __init__(self, file: Path, settings: Settings, address: PostgresAddress, clock: Clock) -> None:
        self.settings = settings
        self.why: Phrase | None = None
        self.seen: Situation | None = None
        self._file = file
        self._address = address
        self._clock = clock
        self._candidate: Candidate = identify_copy(settings, load_secrets(settings))
        self._database: Database | None = None
        self._led_at = clock.monotonic()

    @property
    def checks(self) -> HealthChecks:
        """Checks that the status port shows of this copy."""
        return HealthChecks(find_problems=self.find_problems, find_role=self.describe_role)

    def find_problems(self) -> tuple[Phrase, ...]:
        """Finds what people must do, so that this copy could take over and some copy leads."""
        problems = () if self.why is None else (self.why,)
        unled = self._clock.monotonic() - self._led_at
        if unled < UNLED_LIMIT:
            return problems
        late = Phrase("no copy of the bot has led for {time}. Check the other copies and the log", time=Span(unled))
        return (*problems, late)

    def describe_role(self) -> Phrase:
        """Describes what this copy does, for people."""
        if self.seen is None or self.seen.leader is None or not self.seen.led:
            return Phrase("stands by, no copy leads")
        return Phrase("stands by, {leader} leads", leader=self.seen.leader.identity.name)

    async def wait_for_lead(self, stop: asyncio.Event, again: asyncio.Event) -> Lead | None:
        """Stands by until this copy leads. Returns None, with the session closed, if `stop` is set before."""
        looking = asyncio.create_task(self._look_until_leading(), name="standby")
        works = (looking, asyncio.create_task(stop.wait()), asyncio.create_task(self._reload_on_signal(again)))
        try:
            await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
        if looking.cancelled():
            await self._close()
            return None
        return Lead(looking.result(), self.settings)

    async def _look_until_leading(self) -> Database:
        while True:
            try:
                database = await self._connect()
                if await self._look(database):
                    return database
            except FlatnetError as error:
                self._report(error.phrase)
            await self._clock.sleep(LOOK_INTERVAL)

    async def _connect(self) -> Database:
        if self._database is None:
            self._database = await asyncio.to_thread(Database.connect, self._address)
        return self._database

    async def _look(self, database: Database) -> bool:
        """Looks once. Returns whether this copy leads now."""
        candidate, self.seen = self._candidate, await database.read(read_situation)
        if self.seen.led:
            self._led_at = self._clock.monotonic()
        self._report(find_obstacle(candidate, self.seen))
        if self.seen.led or self.why is not None:
            return False
        return await database.try_lead(candidate.identity, check=judge_under_lock(partial(require_no_obstacle, candidate)))

    def _report(self, why: Phrase | None) -> None:
        """Logs what keeps this copy from leading, once for each change."""
        if why == self.why:
            return
        if why is None:
            _log.info("this copy can take over")
        else:
            _log.warning("this copy cannot take over", why=str(why))
        self.why = why

    async def _reload_on_signal(self, again: asyncio.Event) -> None:
        """Takes the configuration as the files have it, whenever `again` is set. A bad one is refused, and logged."""
        while True:
            await again.wait()
            again.clear()
            try:
                self.settings, self._candidate = await asyncio.to_thread(self._read_configuration)
                _log.info("configuration activated")
            except FlatnetError as error:
                _log.error("the new configuration cannot be used; the old one stays", why=str(error))

    def _read_configuration(self) -> tuple[Settings, Candidate]:
        require_trust(self._file)
        settings = read_settings(self._file)
        require_host_folder_trust(settings)
        return settings, identify_copy(settings, load_secrets(settings))

    async def _close(self) -> None:
        if self._database is not None:
            with suppress(FlatnetError):
                await self._database.aclose()
