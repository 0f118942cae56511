"""Newest check of each host, and what the check of one host needs to know of the others.

It is in memory only, so a restart begins anew.

Checks of the watch as observations, stored as one sum for each host and half hour.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from adapters.gateway.api import GatewaySystem
from adapters.inventory import Host, Inventory
from adapters.wsl.podman import Container
from adapters.wsl.system import WslSystem
from bot.store.observations import Observation, ObservationTable
from commands.alerts.conditions import Signal
from commands.alerts.watch import FleetSight, WatchAnswers
from commands.alerts.watch_fleet import (
    PeerSurvey,
    is_cut_off,
    judge_blindness,
    judge_own_clock,
    map_peer_names,
    survey_peers,
)
from commands.health.assessment import CHECKS, Judgment, Remark
from commands.health.causes import find_outage
from commands.health.host_checks import list_known_peers
from commands.health.wsl_checks import RESTART_WINDOW
from commands.model.report import Mark
from commands.model.thresholds import Thresholds

WINDOW_TOLERANCE = 60.0
"""Seconds by which the oldest reading of a window may be older, because checks are not exactly on time."""


@dataclass(frozen=True)
class CheckedHost:
    """One check: its answers and their judgment. `began` is the monotonic and `at` the wall time of its begin.

    `held`: a change ran on the host meanwhile.
    """

    looked: WatchAnswers
    judged: Judgment
    began: float
    at: datetime
    held: bool = False


class FleetMemory:
    """Newest checks of the hosts of one configuration."""

    def __init__(self, inventory: Inventory, thresholds: Thresholds) -> None:
        self.inventory = inventory
        self.known_peers = list_known_peers(inventory)
        self._thresholds = thresholds
        self._names = map_peer_names(inventory.hosts)
        self._newest: dict[str, CheckedHost] = {}
        self._outages: dict[Host, Remark] = {}
        self._restarts: dict[str, deque[tuple[float, Mapping[str, int]]]] = {}
        self._survey = PeerSurvey({}, {})

    def move_to(self, inventory: Inventory, thresholds: Thresholds) -> "FleetMemory":
        """Returns the memory for another configuration, with the checks of the hosts that stay as they are."""
        fresh = FleetMemory(inventory, thresholds)
        stay = {host.name for host in inventory.hosts if host in self.inventory.hosts}
        for name in stay & self._newest.keys():
            fresh.keep(self._newest[name])
            fresh._restarts[name] = self._restarts.get(name, deque())
        fresh.survey()
        return fresh

    def keep(self, checked: CheckedHost) -> None:
        """Keeps a check in place of the one before."""
        host, outage = checked.looked.host, find_outage(checked.judged)
        self._newest[host.name] = checked
        self._outages.pop(host, None)
        if outage is not None:
            self._outages[host] = outage
        if isinstance(checked.looked.wsl, WslSystem) and isinstance(checked.looked.wsl.containers, tuple):
            self._keep_restarts(host.name, checked.looked.wsl.containers, checked.began)

    def survey(self) -> None:
        """Counts the peers of all gateways again."""
        self._survey = survey_peers(self.list_answers(), self._names)

    def is_complete(self) -> bool:
        """Returns whether every host was checked."""
        return len(self._newest) == len(self.inventory.hosts)

    def list_checks(self) -> tuple[CheckedHost, ...]:
        """Lists the newest checks, by host."""
        return tuple(self._newest[name] for name in sorted(self._newest))

    def list_answers(self) -> list[WatchAnswers]:
        """Lists the newest answers."""
        return [checked.looked for checked in self._newest.values()]

    def find_blindness(self) -> Signal | None:
        """Finds that the bot sees too little of its fleet; None if it sees enough."""
        return judge_blindness(self.list_answers(), len(self.inventory.hosts))

    def find_clock_fault(self) -> Signal | None:
        """Finds that the bot's own clock is suspected; None if most hosts agree with it."""
        return judge_own_clock(self.list_answers(), self._thresholds)

    def make_sight(self, checked: CheckedHost, *, held: bool) -> FleetSight:
        """Makes the facts for the check of one host. Only what its answers may need is computed."""
        looked = checked.looked
        if looked.silent:
            return FleetSight(blind=is_cut_off(self.list_answers(), len(self.inventory.hosts)), held=held)
        off = looked.ahead is not None and abs(looked.ahead) > self._thresholds.clock_difference
        return FleetSight(
            outages=self._outages,
            lacking=self._survey.find_lacking(looked, self._names),
            clocks_differ=off and self.find_clock_fault() is not None,
            held=held,
            restarts=self._count_restarts(looked.host.name),
        )

    def _keep_restarts(self, name: str, containers: Iterable[Container], began: float) -> None:
        seen = self._restarts.setdefault(name, deque())
        seen.append((began, {container.name: container.restarts for container in containers}))
        while began - seen[0][0] > RESTART_WINDOW.total_seconds() + WINDOW_TOLERANCE:
            seen.popleft()

    def _count_restarts(self, name: str) -> Mapping[str, int]:
        """Counts the restarts of each container within the window. Podman's counter begins again after a start by hand."""
        seen = [counts for _, counts in self._restarts.get(name, ())]
        steps = list(pairwise(seen))
        newest = seen[-1] if seen else {}
        return {
            container: sum(
                after[container] - (before[container] if before[container] <= after[container] else 0)
                for before, after in steps
                if container in before and container in after
            )
            for container in newest
        }


class HealthRecord:
    """Record of the hosts' health. `answered` is called with each host of which every side answered."""

    def __init__(self, table: ObservationTable, answered: Callable[[str], None] = lambda host: None) -> None:
        self._table = table
        self._answered = answered

    async def record(self, looked: WatchAnswers, judged: Judgment, at: datetime) -> None:
        """Stores one check of all sides of a host. Raises `DatabaseError`; then it is lost."""
        said = looked.gateway
        took = said.answer_ms if isinstance(said, GatewaySystem) else None
        marks = {key: judged.cells[key].mark for key in CHECKS}
        reached = [remark.reached for remark in judged.remarks]
        if all(reached):
            self._answered(looked.host.name)
        await self._table.add_up([make_observation(looked.host.name, at, marks, reached, took)])


def make_observation(
    host: str, at: datetime, marks: Mapping[str, Mark], reached: Iterable[bool], answer_ms: int | None
) -> Observation:
    """Makes the observation of one check. `reached` has one entry for each problem: False if it could not be read."""
    problems = tuple(reached)
    answered = any(problems) or bool({Mark.WELL, Mark.BAD} & {*marks.values()})
    return Observation(
        host=host,
        at=at,
        well=int(not problems),
        troubled=int(bool(problems) and answered),
        unreached=int(bool(problems) and not answered),
        failed={key: 1 for key, mark in marks.items() if mark is Mark.BAD},
        answers=int(answer_ms is not None),
        answer_ms=answer_ms or 0,
    )
