"""The watch: checks every host once in an interval, and moves alerts by what it found.

one task per host   sleep until its slot ─▶ read ─▶ judge ─▶ memory ─▶ registry      (its check overran a slot: skipped)
one task of rounds  each interval: hosts that joined or left ─▶ store traffic ─▶ blindness, the bot itself, errors

The slots of the hosts are spread over the interval and stay where they are. All of it lives by the monotonic clock, so a
jump of the wall clock moves none. No alert moves before the first whole check after a start: every host was read, or failed.
Else the first hosts after a start of a blind bot would be reported one by one.

While alerts are switched off, no alert moves, and hosts are checked seldom (`RECORD_INTERVAL`): only for the record.

While a change of the bot runs on a host, what the change itself may cause is unknown there, for `HELD_LIMIT` at most. A
claim whose outcome is unknown hides nothing: that is when an operator needs to see the host. What a change has left behind,
such as a service that was stopped on purpose, is found as any other problem once the change has ended. A maintenance mutes
that.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from adapters.errors import AuthenticationFailed, FlatnetError
from adapters.fleet import Fleet
from bot.alerts.ports import AlertBook, ClaimSource
from bot.alerts.services.fleet_memory import CheckedHost, FleetMemory, HealthRecord
from bot.alerts.services.host_reader import HostReading, WatchRequest
from bot.alerts.services.own_state import OwnCheck
from bot.alerts.services.traffic import TrafficLedger
from bot.config.alerts import AlertSettings
from bot.runtime.clock import Clock
from commands.alerts.conditions import Condition, HostChecked
from commands.alerts.watch import check_host
from commands.health.host_checks import judge_host
from commands.model.thresholds import Thresholds

FULL_INTERVAL = 300.0
"""Seconds between two checks of all sides, which are observations. Podman takes a second of a host's processor."""

RECORD_INTERVAL = 1800.0
"""Seconds between two checks of a host while alerts are switched off: only for digests and charts."""

LOGIN_PAUSE = 1800.0
"""Seconds for which Windows is not asked again after it rejected the login, unless the configuration is reloaded. By default
Windows locks an account after ten attempts within ten minutes."""

HELD_LIMIT = 900.0
"""Seconds for which a running change hides what it may cause itself: many times what a change takes on one host."""

LATE_INTERVALS = 3
"""Intervals without a check, or with a part that fails, after which the watch is not healthy."""

GOLDEN_RATIO = (math.sqrt(5) - 1) / 2
"""Its multiples, modulo 1, are spread evenly however many there are, so hosts that join move no others."""

_log = structlog.get_logger("bot.alerts.services.watch")


def _find_interval(settings: AlertSettings) -> float:
    """Finds the seconds between two checks of a host."""
    return float(settings.interval_seconds) if settings.enabled else RECORD_INTERVAL


@dataclass(frozen=True)
class WatchBasis:
    """Configuration that the watch goes by; asked for again and again, because it may be reloaded."""

    fleet: Fleet
    thresholds: Thresholds
    settings: AlertSettings


ReadHost = Callable[[Fleet, WatchRequest, Callable[[], datetime]], Awaitable[HostReading]]
"""Reads one host (`bot.alerts.services.host_reader.read_host`)."""


@dataclass(frozen=True)
class WatchParts:
    """Parts that the watch works with."""

    basis: Callable[[], WatchBasis]
    read: ReadHost
    registry: AlertBook
    claims: ClaimSource
    check_own: Callable[[], Awaitable[OwnCheck]]
    traffic: TrafficLedger
    health: HealthRecord


class Watch:
    """The watch of a running bot. `run` works until it is canceled.

    `overruns` counts slots that a check of the same host overran.
    """

    def __init__(self, parts: WatchParts, clock: Clock) -> None:
        self._parts = parts
        self._clock = clock
        self._basis = parts.basis()
        self._memory = FleetMemory(self._basis.fleet.inventory, self._basis.thresholds)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._joined = 0
        self._since: dict[str, float] = {}
        self._round = 0
        self._epoch = clock.monotonic()
        self._last_round = self._epoch
        self._full_at: dict[str, float] = {}
        self._rejected: dict[str, tuple[float, AuthenticationFailed]] = {}
        self._claimed_since: dict[tuple[str, str], float] = {}
        self._failing: dict[str, float] = {}
        self._begun = False
        self.overruns = 0

    @property
    def enabled(self) -> bool:
        """True unless alerts are switched off in the active configuration."""
        return self._basis.settings.enabled

    @property
    def ready(self) -> bool:
        """True once alerts may be shown: the first whole check has ended, or there is none because they are switched off."""
        return self._begun or not self.enabled

    @property
    def round_age(self) -> float:
        """The seconds since the oldest of the hosts' newest checks began, or since the last round if that is longer ago."""
        newest = {checked.looked.host.name: checked.began for checked in self._memory.list_checks()}
        return self._clock.monotonic() - min([self._last_round, *(newest.get(name, at) for name, at in self._since.items())])

    @property
    def healthy(self) -> bool:
        """True while rounds and the check of every host begin on time, and their outcomes move alerts."""
        oldest_failure = self._clock.monotonic() - min(self._failing.values(), default=math.inf)
        return max(self.round_age, oldest_failure) < LATE_INTERVALS * self._interval

    @property
    def _interval(self) -> float:
        return _find_interval(self._basis.settings)

    async def run(self) -> None:
        """Watches until it is canceled."""
        await self.attempt("traffic", self._parts.traffic.load)
        async with asyncio.TaskGroup() as group:
            while True:
                await self.attempt("settings", lambda: self._follow_settings(group))
                await self.attempt("round", self._end_round)
                self._last_round = self._clock.monotonic()
                self._round = self._find_slot(0.0, self._round)
                await self._sleep_until_slot(0.0, self._round)

    async def _follow_settings(self, group: asyncio.TaskGroup) -> None:
        """Starts the tasks of hosts that joined, and ends those of hosts that left or changed."""
        before, self._basis = self._basis, self._parts.basis()
        hosts = self._basis.fleet.inventory.hosts
        if self._interval != _find_interval(before.settings):
            self._end_tasks(set(self._tasks))
            self._begun, self._round, self._epoch = False, 0, self._clock.monotonic()
            self._memory = FleetMemory(before.fleet.inventory, before.thresholds)
            self._failing.clear()
        if self._basis.fleet is not before.fleet:
            self._memory = self._memory.move_to(self._basis.fleet.inventory, self._basis.thresholds)
            self._rejected.clear()
            self._end_tasks(self._tasks.keys() - {host.name for host in hosts})
        for host in hosts:
            if host.name not in self._tasks:
                first = 0 if self.enabled else 1  # a start alone is no reason for a record
                offset = (self._joined + first) * GOLDEN_RATIO % 1 * self._interval
                self._joined += 1
                self._since[host.name] = self._clock.monotonic()
                self._tasks[host.name] = group.create_task(self._watch_host(host.name, offset), name=f"watch {host.name}")

    def _end_tasks(self, names: set[str]) -> None:
        for name in names:
            self._tasks.pop(name).cancel()
            self._since.pop(name)
            self._failing.pop(name, None)

    async def _watch_host(self, name: str, offset: float) -> None:
        slot = self._find_slot(offset, -1)
        while True:
            await self._sleep_until_slot(offset, slot)
            await self.attempt(name, lambda: self._check_host(name))
            following = self._find_slot(offset, slot)
            self.overruns += following - slot - 1
            slot = following

    def _find_slot(self, offset: float, after: int) -> int:
        """Finds the number of the next slot: after that one, because a timer may be early, and not in the past."""
        passed = (self._clock.monotonic() - self._epoch - offset) / self._interval
        return max(after + 1, math.ceil(passed))

    async def _sleep_until_slot(self, offset: float, slot: int) -> None:
        await self._clock.sleep(max(0.0, self._epoch + offset + slot * self._interval - self._clock.monotonic()))

    async def _check_host(self, name: str) -> None:
        """Checks one host. Until the first whole check has ended, it is only remembered."""
        memory, basis = self._memory, self._basis
        host = next((each for each in memory.inventory.hosts if each.name == name), None)
        if host is None:
            return
        at, began = self._clock.now(), self._clock.monotonic()
        full = self._is_full_due(name, began)
        request = WatchRequest(host, self._parts.traffic.find_position(name), full, self._find_rejection(name, began))
        held = await self._is_held(name)
        reading = await self._parts.read(basis.fleet, request, self._clock.now)
        held = await self._is_held(name) or held
        if request.rejected is None and isinstance(reading.looked.windows, AuthenticationFailed):
            self._rejected[name] = (began, reading.looked.windows)
        judged = judge_host(reading.looked, memory.known_peers, basis.thresholds)
        checked = CheckedHost(reading.looked, judged, began, at, held)
        if memory is not self._memory:
            return  # the configuration changed meanwhile, and the host with it
        memory.keep(checked)
        if reading.log is not None:
            self._parts.traffic.note(name, reading.log, self._clock.now())
        if full:
            self._full_at[name] = began
            await self.attempt("record", lambda: self._parts.health.record(checked.looked, checked.judged, checked.at))
        if not basis.settings.enabled:
            return
        if self._begun:
            await self._apply(checked)
        elif memory.is_complete():
            await self._apply_first()

    def _find_rejection(self, name: str, now: float) -> AuthenticationFailed | None:
        at, error = self._rejected.get(name, (-math.inf, None))
        return error if now - at < LOGIN_PAUSE else None

    def _is_full_due(self, name: str, now: float) -> bool:
        last = self._full_at.get(name)
        return last is None or now - last > FULL_INTERVAL - self._interval / 2

    async def _is_held(self, name: str) -> bool:
        """Returns whether a change runs on the host, and has not run for too long."""
        claims, now = await self._parts.claims.find_claims(), self._clock.monotonic()
        running = {(host, claim.operation) for host, claim in claims.items() if not claim.unknown}
        self._claimed_since = {key: self._claimed_since.get(key, now) for key in running}
        return any(host == name and now - since < HELD_LIMIT for (host, _), since in self._claimed_since.items())

    async def _apply_first(self) -> None:
        """Applies the first whole check: the bot's own conditions first, because they explain others."""
        self._begun = True
        self._memory.survey()
        await self.attempt("bot", self._check_bot)
        for checked in self._memory.list_checks():
            await self.attempt(checked.looked.host.name, partial(self._apply, checked))

    async def _apply(self, checked: CheckedHost) -> None:
        sight = self._memory.make_sight(checked, held=checked.held)
        await self._parts.registry.apply(check_host(checked.looked, checked.judged, sight, checked.at))

    async def _end_round(self) -> None:
        """Stores the traffic of the round, and judges the fleet as a whole."""
        await self.attempt("traffic", self._parts.traffic.flush)
        if not self._begun:
            late = self._clock.monotonic() - self._epoch >= LATE_INTERVALS * self._interval
            if self.enabled and (late or self._memory.is_complete()):  # one host does not stop all alerts
                await self._apply_first()
            return
        self._memory.survey()
        await self.attempt("bot", self._check_bot)
        await self.attempt("errors", self._check_traffic)

    async def _check_bot(self) -> None:
        """Judges the bot itself: blindness, its clock, and its own state. The latter may fail without hiding the former."""
        at, own = self._clock.now(), OwnCheck(frozenset(), ())

        async def check_own() -> None:
            nonlocal own
            own = await self._parts.check_own()

        await self.attempt("own state", check_own)
        faults = (self._memory.find_blindness(), self._memory.find_clock_fault())
        signals = (*(fault for fault in faults if fault is not None), *own.signals)
        judged = own.judged | {Condition.BLIND, Condition.CLOCK}
        await self._parts.registry.apply(HostChecked(host="", at=at, judged=judged, signals=signals))

    async def _check_traffic(self) -> None:
        hosts = [host.name for host in self._memory.inventory.hosts if host.gateway is not None]
        for checked in await self._parts.traffic.judge(hosts, self._parts.registry, self._clock.now()):
            await self.attempt(checked.host, partial(self._parts.registry.apply, checked))

    async def attempt(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """Does a part of the watch, or of what shows people its outcome, on which the health of the watch depends.

        Its failure ends no other part, and it is done again in the next round.
        """
        try:
            await work()
        except FlatnetError as error:
            _log.warning("a part of the watch did not succeed", part=what, why=str(error))
        except Exception as error:  # a bug in one part; the others go on
            _log.error("a part of the watch failed", part=what, exc_info=error)
        else:
            self._failing.pop(what, None)
            return
        self._failing.setdefault(what, self._clock.monotonic())
