"""A copy that stands by: it listens to Slack, looks at the database twice a second, and takes the lead once it may.

    connect ─▶ look ─┬─ another copy leads, or something keeps this one from leading (`why`) ─▶ look again
                     └─ the lock is free, and nothing is in the way ─▶ try_lead ─▶ leads
    connected ─▶ the surface of Slack listens: a row and an ack for each delivery
    SIGHUP  ─▶ the new configuration counts from the next look on
    SIGTERM ─▶ the session is closed

Nothing ends it: a server that is away, a login that is refused and tables of another version are all looked at again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from adapters.errors import FlatnetError
from adapters.phrase import Phrase, Span
from bot.app.application import Application, load_secrets, make_redactor
from bot.app.host_file_sharing import HostFileFollower
from bot.app.host_files import explain_unusable
from bot.app.leading_rules import Candidate, NotLeading, describe_leading, find_obstacle, require_permission
from bot.app.reload import require_host_folder_trust, require_trust
from bot.app.server import SurfaceBasis, open_surface
from bot.app.standby_answers import StandbyConfigurations, StandbyDesk, make_audit_verifier
from bot.app.takeover import identify_copy
from bot.audit_log.head_follower import HeadFollower
from bot.config.active_config import ActiveConfig
from bot.config.database import find_copy_name
from bot.config.settings import Settings, load_audit_keys, read_settings
from bot.hosts.tables import HostFilesTable, read_hosts_number
from bot.runtime.clock import Clock
from bot.store.address import PostgresAddress
from bot.store.audit import TableState, read_state
from bot.store.database import Database
from bot.store.schema.creation import HEAD_REVISION
from bot.store.situation import Situation, read_situation
from bot.telemetry.endpoints import HealthChecks

if TYPE_CHECKING:
    from bot.slack.event_loop_thread import SlackThread


LOOK_INTERVAL = 0.5
"""Seconds between two looks."""

UNLED_LIMIT = 15.0
"""Seconds without a leader after which a copy that stands by is not ready."""

_UNKNOWN = Phrase("this copy does not know yet which copy leads. Try again in a moment")

_log = structlog.get_logger("bot.app.standby")


@dataclass(frozen=True)
class Lead:
    """The lead of this process: its database, the settings to lead with, and what gives the application its surface."""

    database: Database
    settings: Settings
    find_surface: "Callable[[Application], Awaitable[SlackThread]]"


class Standby:
    """A copy that stands by over one database. `why` says what keeps it from leading; None: nothing."""

    def __init__(self, file: Path, settings: Settings, address: PostgresAddress, clock: Clock) -> None:
        secrets = load_secrets(settings)
        self.why: Phrase | None = None
        self._seen: Situation | None = None
        self._file = file
        self._settings = settings
        self._address = address
        self._clock = clock
        self._candidate = identify_copy(settings, secrets)
        self._configurations = StandbyConfigurations(self._require_database, clock)
        verify = make_audit_verifier(lambda: self._settings)
        config, redactor = self._configurations.activate(settings), make_redactor(secrets)
        self.desk = StandbyDesk(config, redactor, self._describe_leader, verify, clock.now)
        self._database: Database | None = None
        self._follower: HeadFollower | None = None
        self._hosts = HostFileFollower.build(file, settings, secrets)
        self._named = False
        self._surface: SlackThread | None = None
        self._listening: asyncio.Task[object] | None = None
        self._led_at = clock.monotonic()
        self._turn = asyncio.Lock()
        self._blind = True

    @property
    def checks(self) -> HealthChecks:
        """Checks that the status port shows of this copy."""
        return HealthChecks(find_problems=self.find_problems, find_role=self.describe_role)

    @property
    def is_led(self) -> bool:
        """True if a copy led at the last look."""
        return self._seen is not None and self._seen.led

    def find_problems(self) -> tuple[Phrase, ...]:
        """Finds what people must do, so that this copy could take over and some copy leads."""
        if self.why is None and self._blind:
            return (Phrase("the bot is starting"),)
        problems = () if self.why is None else (self.why,)
        unled = self._clock.monotonic() - self._led_at
        if unled < UNLED_LIMIT or self._blind:
            return problems
        late = Phrase("no copy of the bot has led for {time}. Check the other copies and the log", time=Span(round(unled)))
        return (*problems, late)

    def describe_role(self) -> Phrase:
        """Describes what this copy does, for people."""
        if self._blind or self._seen is None:
            return Phrase("stands by, the copy that leads is unknown")
        if self._seen.leader is None or not self._seen.led:
            return Phrase("stands by, no copy leads")
        return Phrase("stands by, {leader} leads", leader=self._seen.leader.identity.name)

    async def wait_for_lead(self, stop: asyncio.Event, again: asyncio.Event) -> Lead | None:
        """Stands by until this copy leads. Returns None, with all closed, if `stop` is set before."""
        looking = asyncio.create_task(self._look_until_leading(), name="standby")
        reloading, stopping = asyncio.create_task(self._reload_on_signal(again)), asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((looking, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for work in (works := (looking, stopping, reloading)):
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
        if looking.cancelled():
            await self._leave()
            return None
        return Lead(looking.result(), self._settings, self._hand_over)

    async def aclose(self) -> None:
        """Closes what only a copy that stands by has. The surface, too, unless it was handed over."""
        await self._close_surface()
        await self._configurations.aclose()

    async def _look_until_leading(self) -> Database:
        while True:
            try:
                database = await self._connect()
                async with self._turn:  # the settings that a copy leads with are those that it was judged by
                    if await self._look(database):
                        return database
            except FlatnetError as error:
                self._blind = True
                self._report(error.phrase)
            except Exception as error:  # a bug in one look: the next one may succeed, and Slack is still listened to
                self._blind = True
                self._report(Phrase("the check {name} failed. Check the log", name="copies"), error)
            await self._clock.sleep(LOOK_INTERVAL)

    async def _connect(self) -> Database:
        """Opens the session, takes the name of this copy, and opens the surface, once each."""
        if self._database is None:
            self._database = await asyncio.to_thread(Database.connect, self._address)
            keys = load_audit_keys(self._settings, load_secrets(self._settings))
            self._follower = HeadFollower(self._database, keys, self._settings.audit_head_file, self._clock.now)
        if not self._named:
            await self._database.take_name(self._candidate.identity.name)
            self._named = True
        if self._surface is None:
            await self._listen(self._database)
        return self._database

    async def _listen(self, database: Database) -> None:
        from bot.slack.client.persistence import connect_persistently
        from bot.slack.replica_place import CopyPlace
        from bot.store.shared_inbox import PURPOSE, InboxSeal, SharedInbox

        keys = load_audit_keys(self._settings, load_secrets(self._settings))
        seal = InboxSeal(tuple(key.derive(PURPOSE) for key in keys.all))
        place = CopyPlace(SharedInbox(database, find_copy_name(self._settings), seal), lambda: self.is_led)
        basis = SurfaceBasis(self.desk, database, lambda value: self.desk.redactor.redact_json(value), place)
        self._surface = await open_surface(self._settings, basis, self._clock)
        self._listening = asyncio.create_task(connect_persistently(self._surface, self._clock.sleep), name="listening")

    async def _look(self, database: Database) -> bool:
        """Looks once. Returns whether this copy leads now."""
        seen = self._seen = await database.read(read_situation)
        if seen.led:
            self._led_at = self._clock.monotonic()
        self._report(await self._find_obstacle(database, seen))
        self._blind = False
        if seen.led or self.why is not None:
            return False
        return await database.try_lead(
            self._candidate.identity,
            check=lambda session: self._require_permission(
                read_situation(session), read_hosts_number(session), partial(read_state, session)
            ),
        )

    async def _find_obstacle(self, database: Database, seen: Situation) -> Phrase | None:
        """Follows what the leader writes, and finds what keeps this copy from leading. Tables of others are not read."""
        if seen.revision != HEAD_REVISION:
            return find_obstacle(self._candidate, seen)
        obstacles = (
            await self._follow_hosts(database, seen),
            find_obstacle(self._candidate, seen),
            self._find_slack_obstacle(),
            await self._find_follower().follow(),
        )
        return next((each for each in obstacles if each is not None), None)

    def _require_permission(self, seen: Situation, hosts: int, read_events: Callable[[int], TableState]) -> None:
        """Requires all once more under the lock: the leader before may have gone on since the look.

        Called in the database's thread. Raises `NotLeading` or `UnusableHosts`.
        """
        require_permission(self._candidate, seen)
        self._hosts.require_newest(hosts)
        if (why := self._find_follower().find_obstacle(read_events)) is not None:
            raise NotLeading(why)

    async def _follow_hosts(self, database: Database, seen: Situation) -> Phrase | None:
        """Takes the hosts as the copy that leads has them, and the configuration that they make."""
        led_last = seen.leader is not None and seen.leader.identity.name == self._candidate.identity.name
        try:
            if await self._hosts.follow(HostFilesTable(database), led_last=led_last):
                await self._take_configuration()
        except FlatnetError as error:
            return explain_unusable(error)
        return None

    def _find_follower(self) -> HeadFollower:
        assert self._follower is not None, "it is made with the session"
        return self._follower

    def _find_slack_obstacle(self) -> Phrase | None:
        """Finds that Slack refuses the tokens: a bot that leads would end because of it."""
        if self._listening is None or not self._listening.done() or self._listening.cancelled():
            return None
        error = self._listening.exception()
        return error.phrase if isinstance(error, FlatnetError) else None

    def _report(self, why: Phrase | None, bug: Exception | None = None) -> None:
        """Tells the other copies what keeps this one from leading, and logs each change."""
        if self._named and self._database is not None:
            self._database.report(self._candidate.identity, why)
        if why == self.why:
            return
        if why is None:
            _log.info("this copy can take over")
        else:
            _log.warning("this copy cannot take over", why=str(why), exc_info=bug)
        self.why = why

    async def _reload_on_signal(self, again: asyncio.Event) -> None:
        """Takes the configuration as the files have it, whenever `again` is set. A bad one is refused, and logged."""
        while True:
            await again.wait()
            async with self._turn:
                again.clear()  # a copy that leads by now reloads instead
                try:
                    await self._take_configuration()
                except Exception as error:  # any error: the copy keeps its configuration
                    bug = None if isinstance(error, FlatnetError) else error
                    _log.error("the new configuration cannot be used; the old one stays", why=str(error), exc_info=bug)

    async def _take_configuration(self) -> None:
        self._settings, self._candidate, self.desk.config = await asyncio.to_thread(self._read_configuration)
        _log.info("configuration activated")

    def _read_configuration(self) -> tuple[Settings, Candidate, ActiveConfig]:
        require_trust(self._file)
        settings = read_settings(self._file)
        require_host_folder_trust(settings)
        secrets = load_secrets(settings)
        self.desk.redactor.add_values(secrets.list_values())
        return settings, identify_copy(settings, secrets), self._configurations.activate(settings)

    def _require_database(self) -> Database:
        if self._database is None:
            raise NotLeading(self._describe_leader())
        return self._database

    def _describe_leader(self) -> Phrase:
        if self.why is not None and (self._blind or self._seen is None):
            return self.why
        return _UNKNOWN if self._blind else describe_leading(self._seen)

    async def _hand_over(self, application: Application) -> "SlackThread":
        """Gives the application the surface that has listened. It connects again itself, which starts the work."""
        assert self._surface is not None
        self.desk.redactor = application.redactor
        await self._stop_connecting()
        surface, self._surface = self._surface, None
        return surface

    async def _leave(self) -> None:
        await self._close_surface()
        if self._database is not None:
            with suppress(FlatnetError):
                await self._database.aclose()

    async def _close_surface(self) -> None:
        await self._stop_connecting()
        surface, self._surface = self._surface, None
        if surface is not None:
            await surface.close(0.0)

    async def _stop_connecting(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
