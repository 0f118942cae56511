"""Removals on simulated hosts: planned from what the hosts have, played by their twins, planned again."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PureWindowsPath
from typing import Any

from adapters.action import Action, SideName
from adapters.errors import ActionFailed, Unreachable
from adapters.fleet import Fleet
from adapters.gateway.containers import ReadRegistry, Registration, Registry
from adapters.inventory import Host, Inventory, JoiningHost, RemovedHost
from adapters.local.action import LocalAction
from adapters.local.host_files import HostFileState, ReadHostFile
from adapters.local.machine import OwnAddresses
from adapters.nebula.certificates import parse_pem
from adapters.phrase import Phrase
from adapters.windows.action import WindowsAction
from commands.changes.commit_confirm import get_windows_side
from commands.hosts.remove.operation import HostRemove
from commands.model.certificates import NO_IDENTITIES, KnownIdentities
from commands.model.operation import FleetView
from commands.model.plan import Part, Plan
from commands.model.thresholds import Thresholds
from commands.values.arguments import NO_TARGET, Target
from tests.commands import canned
from tests.commands.canned import NOW
from tests.commands.canned_certs import host
from tests.commands.certificates.rotation.played import Stage
from tests.commands.gateways.canned_peers import conf
from tests.lab.windows.twin import ScriptError
from tests.lab.windows.twins import answer

AWAY = Unreachable(Phrase("connection refused"))
NAMES = ("lighthouse", "host-a", "host-b", "host-c")
PATHS = get_windows_side(host("host-a", 1)).paths


@dataclass
class World:
    """A lighthouse and three hosts whose gateways list each other. `away` are the names of those that do not answer."""

    stage: Stage
    hosts: tuple[Host, ...]
    away: set[str] = field(default_factory=set)
    running: tuple[str, ...] = ()
    registered: tuple[Registration, ...] = ()
    known: KnownIdentities = NO_IDENTITIES
    own_address: tuple[str, ...] = ()
    joining: tuple[JoiningHost, ...] = ()
    removed: tuple[RemovedHost, ...] = ()
    runs: int = 0
    written: dict[str, str] = field(default_factory=dict)
    """Files of hosts that plans have written, by name; "" for a removed one."""

    @classmethod
    def of(cls, *names: str) -> "World":
        names = names or NAMES
        stage = Stage.of(*names)
        numbers = range(1, len(names))
        for number in numbers:
            listed = conf(*(each for each in numbers if each != number))
            stage.states[names[number]].write(PureWindowsPath(PATHS.gateway_config), listed.decode(), NOW)
        return cls(stage, tuple(host(name, number) for number, name in enumerate(names)))

    def view(self) -> FleetView:
        """A view of the hosts as they are now, for a new operation."""
        inventory = Inventory(hosts=self.hosts, joining=self.joining, removed=self.removed)
        made = FleetView(
            Fleet(inventory, lambda host, side: _Line(self, host, side)),
            lambda: self.stage.now,
            Thresholds(),
            operation_id=f"op-{self.runs:012x}",
            identities=self.known,
            asked_at=NOW,
            asked_by="alice",
        )
        return replace(made, read_own=self._read_own)

    async def _read_own(self, action: LocalAction[Any]) -> Any:
        if isinstance(action, ReadHostFile):
            return HostFileState(sha256="", active=True)
        return OwnAddresses.model_validate({"found": self.own_address})

    def plan(self, request: HostRemove) -> Plan:
        return asyncio.run(request.plan(self.view())).plan

    def run(self, request: HostRemove) -> list[str]:
        """Plan a removal and play it on Windows; the step that failed and why, or nothing."""
        self.runs += 1
        self.stage.produced.clear()
        plan = self.plan(request)
        for part in plan.parts:
            for step in part.steps:
                if step.deed.side == "bot":
                    self.written[step.key] = str(step.deed.arguments.get("content", ""))
            failed = self.stage.play(part.model_copy(update={"steps": _list_windows_steps(part)}))
            if failed:
                return failed
        return []

    def text(self, name: str, path: str) -> str:
        return self.stage.states[name].files.get(PureWindowsPath(path), "")

    def fingerprint(self, name: str) -> str:
        return parse_pem(self.text(name, PATHS.host_certificate))[0].fingerprint

    def reaches(self, name: str) -> dict[str, bool]:
        """For each other host: whether a ping from `name` comes through."""
        reach = self.stage.states[name].reach
        return {each.name: reach(str(each.overlay.ip)) for each in self.hosts if each.name != name}


def _list_windows_steps(part: Part) -> tuple[Any, ...]:
    return tuple(step for step in part.steps if step.deed.side == "windows")


@dataclass(frozen=True)
class _Line:
    """A connection to one side of a simulated host."""

    world: World
    host: Host
    side: SideName

    async def perform(self, action: Action[Any]) -> Any:
        if self.host.name in self.world.away:
            raise AWAY
        if isinstance(action, WindowsAction):
            return self._answer_windows(action)
        if isinstance(action, ReadRegistry):
            return Registry(registrations=self.world.registered)
        if self.side == "gateway":
            return canned.gateway(self.host)
        running = self.world.running if self.host.name == "host-c" else ()
        return canned.wsl(self.host, containers=tuple(map(canned.container, running)))

    def _answer_windows(self, action: WindowsAction[Any]) -> Any:
        state, now = self.world.stage.states[self.host.name], self.world.stage.now
        try:
            return action.parse(answer(action.script, action.build_arguments(), state, now))
        except ScriptError as error:
            failed = Phrase("{message}", message=error.message)
            raise action.explain(ActionFailed(failed, code=error.id, maybe_ran=action.changes)) from error

    async def aclose(self) -> None:
        """Close nothing."""


def remove(name: str = "host-c", on: str = "", **given: Any) -> HostRemove:
    target = Target(parts=tuple(on.split(","))) if on else NO_TARGET
    return HostRemove(host=Target(parts=(name,)), on=target, **given)


def describe(plan: Plan) -> list[str]:
    """Each part in one line: its host, and the last words of its first step's key."""
    return [f"{part.host} {part.steps[0].key.split('/', 1)[1]}" for part in plan.parts]


def describe_left(plan: Plan) -> Mapping[str, bool]:
    """For each host that is left out: whether it is owed."""
    return {left.host: left.owed for left in plan.left_out}
