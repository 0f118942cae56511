"""Rounds of a rotation on simulated hosts: planned from what the hosts have, played by their twins, planned again."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import PureWindowsPath
from typing import Any

from adapters.action import Action, SideName
from adapters.errors import ActionFailed, Unreachable
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory
from adapters.nebula.certificates import parse_pem
from adapters.phrase import Phrase
from adapters.windows.action import WindowsAction
from commands.certificates.rotation.records import Mark, list_marks
from commands.certificates.rotation.round_request import RotationRound
from commands.changes.commit_confirm import get_windows_side
from commands.model.operation import FleetView
from commands.model.plan import Plan
from commands.model.rotation import Rotation, RotationMember, RotationStage
from commands.model.thresholds import Thresholds
from tests.commands import canned
from tests.commands.canned import NOW
from tests.commands.canned_certs import host
from tests.commands.canned_rotation import NEXT_CA, rotation
from tests.commands.certificates.rotation.played import Stage
from tests.commands.certificates.rotation.round_cases import CANARY, wipes
from tests.lab.windows.twin import ScriptError
from tests.lab.windows.twins import answer

AWAY = Unreachable(Phrase("connection refused"))
FOLDER = PureWindowsPath(r"F:\flatnet\authorities\op-000000000001")
PATHS = get_windows_side(host("host-a", 1)).paths


@dataclass
class World:
    """A lighthouse and its hosts in a rotation. `away` are the names of those that do not answer."""

    stage: Stage
    hosts: tuple[Host, ...]
    rotation: Rotation
    away: set[str] = field(default_factory=set)
    runs: int = 0

    @classmethod
    def of(cls, *names: str, lost: bool = False) -> "World":
        """Hosts with ids in their order, and a new CA in a folder of the lighthouse."""
        stage = Stage.of(*names)
        lighthouse = stage.states[names[0]]
        lighthouse.write(FOLDER / "ca.crt", NEXT_CA.certificate, NOW)
        lighthouse.write(FOLDER / "ca.key", NEXT_CA.key, NOW)
        (old,) = parse_pem(lighthouse.files[PureWindowsPath(PATHS.ca_certificate)])
        made = rotation(RotationStage.MADE, canary=CANARY, lost=lost)
        usual = made.old.model_copy(
            update={
                "fingerprint": old.fingerprint,
                "name": old.name,
                "ends_at": old.not_after,
                "certificate": lighthouse.files[PureWindowsPath(PATHS.ca_certificate)],
                "certificate_file": PATHS.ca_certificate,
                "key_file": PATHS.ca_key,
            }
        )
        files = {"certificate_file": str(FOLDER / "ca.crt"), "key_file": str(FOLDER / "ca.key")}
        made = made.model_copy(update={"old": usual, "new": made.new.model_copy(update=files)})
        return cls(stage, tuple(host(name, number) for number, name in enumerate(names)), made)

    def view(self) -> FleetView:
        """A view of the hosts as they are now, for a new operation."""
        made = Fleet(Inventory(hosts=self.hosts), lambda host, side: _Line(self, host, side))
        operation = f"op-{self.runs:012x}"
        return replace(FleetView(made, lambda: self.stage.now, Thresholds()), operation_id=operation, rotation=self.rotation)

    async def plan(self, request: RotationRound) -> Plan:
        return (await request.plan(self.view())).plan

    async def run(self, request: RotationRound) -> list[str]:
        """Plan a round and play it; the hosts that have it, and after them the step that failed and why."""
        self.runs += 1
        self.stage.produced.clear()
        plan, done = await self.plan(request), list[str]()
        failed: list[str] = []
        for part in plan.parts:
            failed = self.stage.play(part)
            if failed:
                break
            done += [] if wipes(part) else [part.host]
            self._record(part.host, list_marks(part))
        self._leave(request.leave.parts, plan.left_out and not failed)
        return [*done, *failed]

    def _record(self, name: str, marks: Iterable[Mark]) -> None:
        """Record what a host has, as the rows would."""
        member, at = self.rotation.find_member(name), self.stage.now
        if Mark.TRUST in marks:
            member = member.model_copy(update={"trusts_at": at})
        if Mark.SIGN in marks:
            new = self.issuer(name) == self.rotation.new.fingerprint
            member = member.model_copy(update={"signed_at": at if new else None, "left_at": None})
        if Mark.TAKE_BACK in marks:
            member = member.model_copy(update={"trusts_at": None})
        self._replace(member)
        if self.rotation.stage is not RotationStage.ABORTING:
            signed = any(each.signed_at for each in self.rotation.members)
            self.move(RotationStage.SIGNING if signed else RotationStage.TRUSTING)

    def _leave(self, names: Iterable[str], left: object) -> None:
        for name in names if left else ():
            self._replace(self.rotation.find_member(name).model_copy(update={"left_at": self.stage.now}))

    def _replace(self, member: RotationMember) -> None:
        others = tuple(each for each in self.rotation.members if each.host != member.host)
        self.rotation = self.rotation.model_copy(update={"members": (*others, member)})

    def move(self, stage: RotationStage) -> None:
        self.rotation = self.rotation.model_copy(update={"stage": stage})

    def trusted(self, name: str) -> list[str]:
        """Names of the CAs in the file of a host."""
        return [ca.name for ca in parse_pem(self.text(name, PATHS.ca_certificate))]

    def issuer(self, name: str) -> str:
        """Fingerprint of the CA that signed the certificate of a host."""
        return parse_pem(self.text(name, PATHS.host_certificate))[0].issuer

    def text(self, name: str, path: str) -> str:
        return self.stage.states[name].files[PureWindowsPath(path)]

    def signers(self) -> dict[str, str]:
        """For each host "old" or "new": the CA of its certificate."""
        known = {self.rotation.old.fingerprint: "old", self.rotation.new.fingerprint: "new"}
        return {each.name: known[self.issuer(each.name)] for each in self.hosts}

    def tunnels(self) -> set[tuple[str, str]]:
        """Pairs of hosts between which no ping comes through."""
        broken = set()
        for one in self.hosts:
            for other in self.hosts:
                if one is not other and not self.stage.states[one.name].reach(str(other.overlay.ip)):
                    broken.add((one.name, other.name))
        return broken


@dataclass(frozen=True)
class _Line:
    """A connection to one side. Only Windows is simulated; the rest of a host is well, and its gateway does not answer."""

    world: World
    host: Host
    side: SideName

    async def perform(self, action: Action[Any]) -> Any:
        if self.host.name in self.world.away or self.side == "gateway":
            raise AWAY
        if not isinstance(action, WindowsAction):
            return canned.well(self.host, "wsl")
        stage = self.world.stage
        try:
            data = answer(action.script, action.build_arguments(), stage.states[self.host.name], stage.now)
        except ScriptError as error:
            raise ActionFailed(Phrase("{message}", message=error.message), code=error.id, maybe_ran=False) from error
        return action.parse(data)

    async def aclose(self) -> None:
        pass
