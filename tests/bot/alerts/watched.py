"""A watch by simulated time, of hosts that answer what a test says; what it applied, in its order."""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.errors import HostError, Unreachable
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.windows.log_files import FilePosition
from adapters.windows.watch import AccessLogReading, RequestCounts
from bot.alerts.services.fleet_memory import HealthRecord
from bot.alerts.services.host_reader import HostReading, WatchRequest
from bot.alerts.services.own_state import OwnCheck
from bot.alerts.services.traffic import TrafficLedger
from bot.alerts.services.watch import Watch, WatchBasis, WatchParts
from bot.alerts.tables.traffic import TrafficTable
from bot.config.alerts import AlertSettings
from bot.model.alert import Alert
from bot.model.change import HostClaim
from bot.store.database import Database
from bot.store.observations import ObservationTable
from commands.alerts.conditions import Condition, HostChecked
from commands.alerts.watch import WatchAnswers
from commands.model.thresholds import Thresholds
from tests.commands.canned import gateway, host, windows, wsl
from tests.scenarios.simulated import SimulatedTime

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LOST = Unreachable(Phrase("no connection"))
OWN = frozenset({Condition.CHANGE, Condition.OWED, Condition.ROTATION, Condition.BACKUP, Condition.DIGEST, Condition.AUDIT})


def make_hosts(count: int) -> tuple[Host, ...]:
    return tuple(host(f"host-{number:03}", number) for number in range(1, count + 1))


@dataclass
class Applied:
    """One check that reached the registry, and when: seconds since the test began."""

    at: float
    checked: HostChecked

    @property
    def subjects(self) -> list[str]:
        return [signal.subject for signal in self.checked.signals]


@dataclass
class Station:
    """Everything around a watch. `said` has the sides that are not well, `busy` the seconds that a host's read takes.

    The outcome of the check of the `refused` host fails.
    """

    database: Database
    hosts: tuple[Host, ...]
    said: dict[tuple[str, str], Any] = field(default_factory=dict)
    busy: dict[str, float] = field(default_factory=dict)
    ahead: timedelta = timedelta()
    requests: Mapping[str, int] = field(default_factory=dict)
    claims: dict[str, HostClaim] = field(default_factory=dict)
    own: OwnCheck = field(default_factory=lambda: OwnCheck(OWN, ()))
    settings: AlertSettings = field(default_factory=AlertSettings)
    alerts: tuple[Alert, ...] = ()
    failing: dict[str, Exception] = field(default_factory=dict)
    refused: str = ""
    reads: list[tuple[float, WatchRequest]] = field(default_factory=list)
    applied: list[Applied] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    reading: int = 0

    def __post_init__(self) -> None:
        self.time = SimulatedTime(NOW)
        self.life = self.time.life()
        self.traffic = TrafficTable(self.database)
        self.observations = ObservationTable(self.database)
        self._fleet = self._make_fleet()
        parts = WatchParts(
            basis=lambda: WatchBasis(self._fleet, Thresholds(), self.settings),
            read=self._read,
            registry=self,
            claims=self,
            check_own=self._check_own,
            traffic=TrafficLedger(self.traffic),
            health=HealthRecord(self.observations, self.answered.append),
        )
        self.watch = Watch(parts, self.life.clock)
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """The watch starts."""
        self._task = asyncio.create_task(self.watch.run(), name="watch")
        await self.rest()

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def reload(self, hosts: tuple[Host, ...], **settings: Any) -> None:
        """Somebody reloads the configuration."""
        self.hosts, self.settings = hosts, AlertSettings(**settings)
        self._fleet = self._make_fleet()

    async def wait(self, seconds: float) -> None:
        """Let time pass, from one thing that happens to the next."""
        end = self.time.monotonic() + seconds
        while True:
            pause = self.life.next_wake
            if pause is None or self.time.monotonic() + pause > end:
                break
            self.time.move(self.time.now() + timedelta(microseconds=math.ceil(pause * 1e6)))  # rounded down, it never comes
            await self.rest()
        self.time.move(self.time.now() + timedelta(seconds=max(0.0, end - self.time.monotonic())))
        await self.rest()

    async def rest(self) -> None:
        """Until all is done that the time has brought: every task of the watch sleeps."""
        for _ in range(3):  # tasks that just began or were canceled have the names of others
            await asyncio.sleep(0)
            while any(
                not self.life.sleeps(task.get_name()) for task in asyncio.all_tasks() if task.get_name()[:5] == "watch"
            ):
                await asyncio.sleep(0)

    def subjects(self, name: str) -> list[list[str]]:
        """The subjects of the signals of each check of a host, without those of its traffic."""
        traffic = frozenset({Condition.ERRORS})
        return [each.subjects for each in self.applied if each.checked.host == name and each.checked.judged != traffic]

    async def apply(self, checked: HostChecked) -> None:
        self._fail("apply")
        if self.refused == checked.host != "":
            raise ValueError(self.refused)
        self.applied.append(Applied(self.time.monotonic(), checked))

    async def list_open(self) -> tuple[Alert, ...]:
        return self.alerts

    async def find_claims(self) -> Mapping[str, HostClaim]:
        self._fail("claims")
        return self.claims

    def _fail(self, part: str) -> None:
        if part in self.failing:
            raise self.failing[part]

    async def _check_own(self) -> OwnCheck:
        self._fail("own state")
        return self.own

    def _make_fleet(self) -> Fleet:
        return Fleet(Inventory(hosts=self.hosts), lambda host, side: _refuse())

    async def _read(self, fleet: Fleet, request: WatchRequest, now: Callable[[], datetime]) -> HostReading:
        name = request.host.name
        self._fail(name)
        self.reads.append((self.time.monotonic(), request))
        self.reading += 1
        shown = now()
        if name in self.busy:
            await self.life.clock.sleep(self.busy[name])
        self.reading -= 1
        sides = {
            "windows": windows(),
            "gateway": gateway(request.host),
            "wsl": wsl(request.host) if request.wsl else None,
        }
        told = {side: self.said.get((name, side), well) for side, well in sides.items()}
        ahead = None if isinstance(told["windows"], HostError) else (self.ahead + (now() - shown)).total_seconds()
        return HostReading(WatchAnswers(request.host, ahead=ahead, **told), self._read_log(name, request.position))

    def _read_log(self, name: str, position: FilePosition | None) -> AccessLogReading:
        offset = 0 if position is None else position.offset + 1
        counts = RequestCounts(
            **({"requests": 0, "errors": 0, "own": 0, "unparsed": 0, "timed": 0, "time_ms": 0, "slowest_ms": 0})
            | dict(self.requests)
        )
        return AccessLogReading(
            state="present",
            position=FilePosition(offset=offset, head=0, sha256="0" * 64),
            counts=None if position is None else counts,
            skipped=0,
            lost=False,
        )


def _refuse() -> Any:
    raise AssertionError("the watch reads through its reader")
