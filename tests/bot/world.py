"""A world of hosts that changes are made on, in memory, behind the real fleet: it keeps the actions' contract.

Every effect is noted once, when it really happens; faults stand before an effect or between it and its answer.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from adapters.action import Action, SideName
from adapters.action_registry import get_kind
from adapters.errors import ActionFailed, HostError, Unreachable
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.windows import commit_confirm as change
from adapters.windows import nebula
from bot.runtime.clock import Clock
from commands.model.plan import Check, Part, Plan, PlannedAction, Product, Step
from commands.model.plan_endpoints import collect_endpoints

BEGAN = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
HOSTS = ("lighthouse", "host-a", "host-b")
OPERATION = "op-1"
PUBLIC_KEY = f"-----BEGIN NEBULA X25519 PUBLIC KEY-----\n{'A' * 43}=\n-----END NEBULA X25519 PUBLIC KEY-----\n"


def inventory(*labels: str) -> Inventory:
    """A lighthouse and two hosts, Windows sides only, all with these labels."""
    return Inventory(
        hosts=tuple(
            Host.model_validate(
                {
                    "name": name,
                    "labels": labels,
                    "id": number,
                    "lighthouse": number == 0,
                    "windows": {"url": f"http://192.0.2.{number + 1}:5985/wsman", "user": "flatnet", "allow_http": True},
                }
            )
            for number, name in enumerate(HOSTS)
        )
    )


class Time:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    @property
    def clock(self) -> Clock:
        return Clock(self.now, self.monotonic, self.sleep)


@dataclass(frozen=True)
class Fault:
    """What goes wrong at one action of a kind: the error, and whether the effect has happened by then."""

    error: BaseException
    when: Literal["before", "after"] = "before"


@dataclass
class Guarded:
    """A change that puts itself back unless it is confirmed."""

    state: change.ChangeState
    ends: float


@dataclass
class World:
    """What is so on the hosts. `shown` is called before and after every effect (`before`, `after`), for crashes."""

    time: Time = field(default_factory=Time)
    effects: list[tuple[str, str]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    faults: dict[str, deque[Fault]] = field(default_factory=dict)
    cut_until: dict[str, float] = field(default_factory=dict)
    """Hosts that nobody reaches before that second."""
    handshakes: bool = True
    deaf: str = ""
    """The host whose handshakes no one sees."""
    changes: dict[tuple[str, str], Guarded] = field(default_factory=dict)
    folders: dict[tuple[str, str], str] = field(default_factory=dict)
    at_effect: Callable[[str], None] = lambda moment: None

    def fleet(self, *labels: str) -> Fleet:
        """The real fleet, connected to this world."""
        return Fleet(inventory(*labels), lambda host, side: _Line(self, host, side))

    def goes_wrong(self, what: type[Action[Any]], *faults: Fault) -> None:
        """What happens to the next actions of that kind."""
        self.faults.setdefault(get_kind(what), deque()).extend(faults)

    def cut(self, host: str, seconds: float) -> None:
        """Nobody reaches the host for so long."""
        self.cut_until[host] = self.time.seconds + seconds

    def state(self, host: str = "host-a", operation: str = OPERATION) -> str:
        """How a host stands to a change by now."""
        guarded = self.changes.get((host, operation))
        if guarded is None:
            return "absent"
        if guarded.state == "applied" and self.time.seconds >= guarded.ends:
            guarded.state = "reverted"
            self.effects.append((host, "reverted alone"))
        return guarded.state

    def perform(self, host: str, action: Action[Any]) -> Any:
        """Do what an action does to a host."""
        name = get_kind(action)
        self.asked.append((host, name))
        if self.cut_until.get(host, 0.0) > self.time.seconds:
            raise Unreachable(Phrase("nothing answers"))
        self.at_effect("before")
        waiting = self.faults.get(name)
        fault = waiting.popleft() if waiting else None
        if fault is not None and fault.when == "before":
            raise fault.error
        answer = self._effect(host, action)
        if action.changes:
            self.at_effect("after")
        if fault is not None:
            raise fault.error
        return answer

    def _effect(self, host: str, action: Action[Any]) -> Any:
        match action:
            case nebula.MakeKeyPair(folder=folder):
                changed = self._lay(host, folder, "MakeKeyPair")
                return nebula.KeyPair(public_key=PUBLIC_KEY, changed=changed)
            case nebula.ForgetFolder(folder=folder):
                gone = self.folders.pop((host, folder), None)
                if gone is not None:
                    self.effects.append((host, "ForgetFolder"))
                return nebula.Forgotten(changed=gone is not None)
            case nebula.NotePosition():
                return nebula.LogPosition(position=41)
            case nebula.FindHandshake(after=after, name=name):
                assert after == 41
                return nebula.HandshakeResult(found=self.handshakes and name != self.deaf)
            case nebula.StageCertificate(certificate=certificate):
                changed = self._lay(host, certificate, "StageCertificate")
                return nebula.Staged(certificate_file="host.crt", key_file="host.key", changed=changed)
            case change.ReadChange(operation=operation):
                return change.ChangeStatus(operation=operation, state=self.state(host, operation))
            case change.BeginChange(operation=operation, window=window):
                changed = (host, operation) not in self.changes
                if changed:
                    self.changes[host, operation] = Guarded("applied", self.time.seconds + window)
                    self.effects.append((host, "BeginChange"))
                return change.ChangeStatus(operation=operation, state=self.state(host, operation), changed=changed)
            case change.ConfirmChange(operation=operation) | change.AbortChange(operation=operation):
                return self._end(host, operation, action)
        raise AssertionError(f"this world knows no {get_kind(action)}")

    def _lay(self, host: str, folder: str, effect: str) -> bool:
        if (host, folder) in self.folders:
            return False
        self.folders[host, folder] = effect
        self.effects.append((host, effect))
        return True

    def _end(self, host: str, operation: str, action: Action[Any]) -> change.ChangeStatus:
        wanted: change.ChangeState = "confirmed" if isinstance(action, change.ConfirmChange) else "reverted"
        state = self.state(host, operation)
        if (state, wanted) == ("absent", "reverted"):  # so that a BeginChange that comes late finds its end
            self.changes[host, operation] = Guarded("reverted", self.time.seconds)
            self.effects.append((host, "AbortChange"))
            return change.ChangeStatus(operation=operation, state="reverted", changed=True)
        if state not in ("applied", wanted):
            raise ActionFailed(Phrase("the change is {state}", state=state), maybe_ran=False)
        changed = state != wanted
        if changed:
            self.changes[host, operation].state = wanted
            self.effects.append((host, type(action).__name__))
        return change.ChangeStatus(operation=operation, state=wanted, changed=changed)


@dataclass(frozen=True)
class _Line:
    world: World
    host: Host
    side: SideName

    async def perform(self, action: Action[Any]) -> Any:
        return self.world.perform(self.host.name, action)

    async def aclose(self) -> None:
        pass


def lost(when: Literal["before", "after"] = "after") -> Fault:
    """The answer is lost, before or after the effect: nobody here can tell which."""
    return Fault(HostError(Phrase("the line broke"), maybe_ran=True), when)


def reads_change(host: str, operation: str, state: str, patience: float = 0.0) -> Check:
    """A check of how a host stands to the change."""
    return Check(
        host=host, deed=PlannedAction.of(change.ReadChange(operation=operation)), expect={"state": state}, patience=patience
    )


def part(host: str = "host-a", operation: str = OPERATION) -> Part:
    """A change of one host with every shape of step: products, proofs, a guarded change, things that cannot be undone."""
    folder, log = rf"F:\flatnet\{operation}", r"F:\flatnet\nebula.log"
    begin = change.BeginChange(operation=operation, services=(change.ServiceMove(service="Nebula", verb="restart"),))
    find = nebula.FindHandshake(log=log, after=0, name=host, fingerprint="ab")
    stage = nebula.StageCertificate(
        folder=folder, certificate="", nebula_exe="nebula.exe", nebula_cert_exe="c.exe", config="c.yaml", ca="ca.crt"
    )
    return Part(
        host=host,
        steps=(
            Step(
                key=f"{host}-keys",
                host=host,
                deed=PlannedAction.of(nebula.MakeKeyPair(folder=folder, nebula_cert_exe="nebula-cert.exe")),
                phrase=Phrase("generate a key pair"),
                undo=PlannedAction.of(nebula.ForgetFolder(folder=folder)),
            ),
            Step(
                key=f"{host}-stage",
                host=host,
                deed=PlannedAction.of(stage, certificate=Product(step=f"{host}-keys", field="public_key")),
                phrase=Phrase("stage the certificate"),
            ),
            Step(
                key=f"{host}-note",
                host="lighthouse",
                deed=PlannedAction.of(nebula.NotePosition(log=log)),
                phrase=Phrase("note where the log ends"),
            ),
            Step(
                key=f"{host}-begin",
                host=host,
                deed=PlannedAction.of(begin),
                phrase=Phrase("restart Nebula"),
                verify=reads_change(host, operation, "applied", 60.0),
                unbegun={"state": "absent"},
                undo=PlannedAction.of(change.AbortChange(operation=operation)),
                undone=(reads_change(host, operation, "reverted", 150.0),),
            ),
            Step(
                key=f"{host}-seen",
                host="lighthouse",
                deed=PlannedAction.of(find, after=Product(step=f"{host}-note", field="position")),
                phrase=Phrase("find the handshake"),
                expect={"found": True},
                patience=30.0,
            ),
            Step(
                key=f"{host}-confirm",
                host=host,
                deed=PlannedAction.of(change.ConfirmChange(operation=operation)),
                phrase=Phrase("keep it"),
                verify=reads_change(host, operation, "confirmed", 10.0),
            ),
        ),
    )


def plan(*hosts: str, operation: str = OPERATION) -> Plan:
    """The same change of several hosts."""
    parts = tuple(part(host, operation) for host in hosts or ("host-a",))
    return Plan(parts=parts, roads=tuple(collect_endpoints(parts, inventory())))
