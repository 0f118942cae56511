"""Whatever checks, people, clocks and crashes do, in whatever order: no alert is lost, and none moves without a record."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.alerts.services.registry import AlertRegistry
from bot.model.alert import Alert, AlertChange, AlertState
from bot.store.database import Database
from commands.alerts.conditions import Condition, HostChecked, Signal
from commands.model.finding import Severity
from tests.bot.alerts.living import BEGINNING, House, Mortal, container, nebula
from tests.bot.running import Kill, Killed

T = TypeVar("T")

SIGNALS = (
    nebula(Severity.HIGH),
    nebula(Severity.CRITICAL),
    nebula(Severity.HIGH, cause="host-b/nebula"),
    nebula(Severity.HIGH, hovering=True),
    nebula(Severity.HIGH, condition=Condition.LIGHTHOUSE),
    nebula(Severity.HIGH, step=2),
    container("web"),
    container("web", cause="host-a/nebula"),
)
FOUND = st.lists(st.sampled_from(SIGNALS), max_size=2, unique_by=lambda signal: signal.key).map(tuple)
JUDGED = st.sampled_from((frozenset(Condition), frozenset({Condition.CONTAINER}), frozenset[Condition]()))
MINUTES = st.sampled_from((1, 1, 1, 5, 59, 61, 150, 60 * 24 * 500, -1, -59, -61, -60 * 24 * 500))
LASTS = st.sampled_from((None, 30, 120))
MOMENTS = st.integers(min_value=0, max_value=6)


class Lives(RuleBasedStateMachine):
    """Two problems of one host, and a bot that may die around each write."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._folder = tempfile.TemporaryDirectory()
        self._database = self.now(self._open())
        self.house = House(self._database)

    async def _open(self) -> Database:
        return Database.open(Path(self._folder.name) / "flatnet.sqlite3")

    def now(self, work: Awaitable[T]) -> T:
        return self._loop.run_until_complete(work)

    def live(self, moment: int, work: Callable[[AlertRegistry], Awaitable[Any]]) -> None:
        """Has a bot do something that was started just now, and kills it at that moment."""
        kill = Kill(moment)
        registry = self.house.build(lambda part: Mortal(part, kill))

        async def act() -> None:
            with suppress(Killed, FlatnetError):
                await work(registry)

        self.now(act())

    def check(self, signals: tuple[Signal, ...], judged: frozenset[Condition] = frozenset(Condition)) -> HostChecked:
        self.house.now += timedelta(minutes=1)
        return HostChecked(host="host-a", at=self.house.now, judged=judged, signals=signals)

    @rule(signals=FOUND, judged=JUDGED, moment=MOMENTS)
    def a_check(self, signals: tuple[Signal, ...], judged: frozenset[Condition], moment: int) -> None:
        checked = self.check(signals, judged)
        self.live(moment, lambda registry: registry.apply(checked))

    @rule(signals=FOUND)
    def the_same_check_after_a_restart(self, signals: tuple[Signal, ...]) -> None:
        checked = self.check(signals)
        self.now(self.house.build().apply(checked))
        before = self.read()
        self.now(self.house.build().apply(checked))
        assert before == self.read()

    @rule()
    def a_host_of_which_nothing_is_known(self) -> None:
        before = self.read()
        self.now(self.house.build().apply(self.check((), frozenset())))
        assert before == self.read()

    @rule(one=FOUND, other=FOUND)
    def two_checks_at_once(self, one: tuple[Signal, ...], other: tuple[Signal, ...]) -> None:
        checks = [self.check(one), self.check(other)]
        registry = self.house.build()
        self.now(_all(*map(registry.apply, checks)))

    @rule(number=st.integers(min_value=1, max_value=4), lasts=LASTS, moment=MOMENTS)
    def acknowledge(self, number: int, lasts: int | None, moment: int) -> None:
        until = None if lasts is None else self.house.now + timedelta(minutes=lasts)
        self.live(moment, lambda registry: registry.acknowledge(number, "ana", until, "op-1"))

    @rule(number=st.integers(min_value=1, max_value=2), first=st.booleans())
    def acknowledge_while_it_is_well(self, number: int, first: bool) -> None:
        """The acknowledgement and the check that may resolve it begin at once, in separate lives."""
        people, checks = self.house.build(), self.house.build()
        both: list[Awaitable[Any]] = [people.acknowledge(number, "ana", None, "op-1"), checks.apply(self.check(()))]
        self.now(_all(*(both if first else both[::-1])))

    @rule(minutes=MINUTES, moment=MOMENTS)
    def time_passes_or_is_set(self, minutes: int, moment: int) -> None:
        self.house.now += timedelta(minutes=minutes)
        self.live(moment, lambda registry: registry.tick(self.house.now))

    @rule()
    def notify(self) -> None:
        """Shows people what moved. Nothing is due after that, until it moves again."""
        registry = self.house.build()
        for alert in self.now(registry.list_unshown()):
            self.now(registry.mark_shown({alert.number: alert.version}))
        assert () == self.now(registry.list_unshown())

    @rule()
    def the_audit_log_fails_or_works(self) -> None:
        self.house.log.failing = None if self.house.log.failing else FlatnetError(Phrase("no space left"))

    @rule()
    def the_process_starts_again(self) -> None:
        self.now(self._database.aclose())
        self._database = self.now(self._open())
        before, self.house = self.house, House(self._database)
        self.house.now, self.house.log = before.now, before.log

    @rule()
    def calm(self) -> None:
        """Checks in a row without any crash: what is broken fires, and what is well again is resolved."""
        registry = self.house.build()
        for _ in range(3):
            self.now(registry.apply(self.check((nebula(), container("web")))))
        assert ["host-a/container/web", "host-a/nebula"] == sorted(alert.key for alert in self.read() if alert.open)
        for _ in range(3):
            self.now(registry.apply(self.check(())))
        assert [] == self.read()

    def read(self) -> list[Alert]:
        return list(self.now(self.house.table.list_unresolved()))

    def read_histories(self) -> list[tuple[Alert, tuple[AlertChange, ...]]]:
        """Reads all alerts with their changes."""

        async def read() -> list[tuple[Alert, tuple[AlertChange, ...]]]:
            table = self.house.table
            alerts = (*await table.list_unresolved(), *await table.list_resolved(BEGINNING - timedelta(days=9999)))
            return [(alert, await table.list_changes(alert.number)) for alert in alerts]

        return self.now(read())

    @invariant()
    def each_history_is_whole(self) -> None:
        histories = self.read_histories()
        for alert, changes in histories:
            versions = [change.version for change in changes]
            assert all(after == before + 1 for before, after in pairwise(versions))
            assert not changes or (alert.version, alert.state) == (versions[-1], changes[-1].state)
        keys = [alert.key for alert, _ in histories if alert.resolved_at is None]
        assert len(set(keys)) == len(keys)

    @invariant()
    def a_resolution_wins(self) -> None:
        for _, changes in self.read_histories():
            moves = set(pairwise(change.state for change in changes))
            assert moves.isdisjoint({(AlertState.RESOLVED, AlertState.ACKNOWLEDGED), (AlertState.RESOLVED,) * 2})

    @invariant()
    def each_first_fire_resolution_and_acknowledgement_was_recorded(self) -> None:
        recorded = Counter((data["number"], data["alert"]) for _, _, data in self.house.log.events)
        for alert, changes in self.read_histories():
            states = [change.state for change in changes]
            counts = {
                "fired": int(states[:1] == [AlertState.FIRING]),
                "acknowledged": len([change for change in changes if change.actor]),
                "resolved": states.count(AlertState.RESOLVED),
            }
            assert all(count <= recorded[alert.number, name] + self.house.log.refused for name, count in counts.items())

    @invariant()
    def no_duration_is_negative(self) -> None:
        durations = self.now(self.house.registry.list_durations(self.house.now - timedelta(days=2000), self.house.now))
        for episode in chain.from_iterable(durations.values()):
            assert episode.ended_at is None or episode.fired_at <= episode.ended_at
        for alert, _ in self.read_histories():
            assert alert.resolved_at is None or alert.first_fired_at is None or alert.first_fired_at <= alert.resolved_at

    def teardown(self) -> None:
        self.now(self._database.aclose())
        self._folder.cleanup()
        self._loop.close()


async def _all(*works: Awaitable[Any]) -> list[Any]:
    done = await asyncio.gather(*works, return_exceptions=True)
    assert [] == [each for each in done if isinstance(each, Exception) and not isinstance(each, FlatnetError)]
    return done


TestLives = Lives.TestCase
TestLives.settings = settings(
    max_examples=15, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
