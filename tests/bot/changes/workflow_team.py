"""A team, a made-up change, and everything that a workflow needs but Slack and hosts: the database is a real one."""

import dataclasses
import json
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import update

from adapters.inventory import Host, Inventory
from adapters.key_backup import Recipient
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import AbortChange, BeginChange, ServiceMove
from bot.access.people import Person
from bot.access.policy import Actor, Policy
from bot.access.requester import Requester
from bot.access.rules import ApprovalRule, ApprovalSettings, ApprovalWaiver
from bot.audit_log.log import EventKind
from bot.certificates.services.ledger import IdentityLedger
from bot.certificates.tables.ledger import LedgerTable
from bot.changes.rules.trail import AuditTrail
from bot.changes.services.coordinator import Coordinator
from bot.changes.services.engine import WorkflowStatus
from bot.changes.services.lifecycle import Lifecycle
from bot.changes.services.locks import LockService
from bot.changes.services.owed import OwedAsker, OwedRequests
from bot.changes.services.planner import Planner
from bot.changes.services.planning_memory import GoodConfigurationRegistry, RehearsalRegistry
from bot.changes.services.repository import ChangeRepository, ChangeSources, RunFollower
from bot.changes.tables.locks import LockTable
from bot.changes.tables.operations import OperationTable
from bot.changes.tables.owed import OwedTable
from bot.changes.tables.proven_configurations import GoodConfigurationTable
from bot.changes.tables.rehearsals import RehearsalTable
from bot.model.change import Change
from bot.model.request import Identity, Membership, SlackIdentity, Surface, SystemIdentity
from bot.store.audit_chain import StoredEvent
from bot.store.checks import CheckTable
from bot.store.database import Database
from bot.store.errors import TooLarge
from bot.store.records import OperationRecord
from bot.store.schema.tables import OPERATIONS, OWED
from commands.certificates.renewal import CertRenew
from commands.changes.commit_confirm import CommitConfirmedChange, build_begin_step
from commands.changes.rehearsal import RehearsedHost, build_rehearsal_steps
from commands.model.containers import DEFAULT_CONTAINER_RULES, ContainerRules, ContainerSpec
from commands.model.operation import (
    CannotPlan,
    CertificateRules,
    FleetChange,
    FleetView,
    HashSecret,
    Operation,
    Risk,
    Role,
    refuse_secrets,
)
from commands.model.owed import Matter
from commands.model.plan import LeftOutHost, Part, Plan, PlannedAction, PlannedChange, Premise, Result, Step, StepResult
from commands.model.plan_endpoints import collect_endpoints
from commands.model.thresholds import Thresholds
from commands.values.arguments import Target, TargetArgument
from tests.bot.signed_log import EventsInMemory
from tests.commands.canned import host, view

BEGINNING = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)

OPERATOR, ADMINISTRATOR = frozenset({Role.OPERATOR}), frozenset({Role.ADMINISTRATOR})
ANA = Person(name="ana", slack=("U1ANA",), system=("ana",), roles=OPERATOR)
BEN = Person(name="ben", slack=("U2BEN",), system=("ben",), roles=OPERATOR)
CAI = Person(name="cai", slack=("U3CAI",), roles=OPERATOR)
DEE = Person(name="dee", slack=("U4DEE",), roles=ADMINISTRATOR)
VAL = Person(name="val", slack=("U5VAL",))
EVERYBODY = (ANA, BEN, CAI, DEE, VAL)

HOSTS = (host("lighthouse", 0), *(host(f"host-{letter}", number) for number, letter in enumerate("abcd", start=1)))


class Turn(FleetChange):
    """Turns something on hosts. The plan rests on the host's labels; a host labelled `broken` or `silent` is left out, and
    the change is owed to a silent one. One labelled `turned` is as it should be, one labelled `stuck` needs a person first.
    """

    words: ClassVar[tuple[str, ...]] = ("turn",)
    risk: ClassVar = Risk.DISRUPT
    summary: ClassVar = Phrase("turns")
    example: ClassVar = "turn host-a"

    target: TargetArgument

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return self.target.resolve(inventory)

    def restrict_to(self, names: tuple[str, ...]) -> "Turn":
        return self.model_copy(update={"target": Target(parts=names)})

    async def plan(self, view: FleetView) -> PlannedChange:
        hosts = self.resolve_hosts(view.fleet.inventory)
        left_out = tuple(left for host in hosts if (left := _leave_out(host)) is not None)
        if left_out and len(left_out) == len(hosts) and any({"silent", "stuck"} & {*host.labels} for host in hosts):
            raise CannotPlan.from_left_out(left_out)
        turned = tuple(host for host in hosts if host.name not in {left.host for left in left_out})
        plan = Plan(
            parts=tuple(_part(host.name, view.operation_id) for host in turned),
            premises=tuple(_premise(host) for host in turned),
            left_out=left_out,
        )
        return PlannedChange(arguments={"target": {"parts": [host.name for host in hosts]}}, plan=plan)


class Sweep(Turn):
    """The same on all hosts by one part, which belongs to the lighthouse."""

    words: ClassVar = ("sweep",)
    example: ClassVar = "sweep host-a"

    async def plan(self, view: FleetView) -> PlannedChange:
        planned = await super().plan(view)
        part = Part(host="lighthouse", steps=planned.plan.steps)
        return planned.model_copy(update={"plan": planned.plan.model_copy(update={"parts": (part,)})})


class Revoke(Turn):
    """The same where an identity is revoked on each host."""

    words: ClassVar = ("revoke",)
    example: ClassVar = "revoke host-a"
    matter: ClassVar = Matter.REVOCATION


class Uproot(Turn):
    """The same where identities are touched, and the lighthouse signs."""

    words: ClassVar = ("uproot",)
    risk: ClassVar = Risk.CRITICAL
    example: ClassVar = "uproot host-a"

    async def plan(self, view: FleetView) -> PlannedChange:
        planned = await super().plan(view)
        signing = _step("sign", "lighthouse", view.operation_id)
        first = planned.plan.parts[0]
        parts = (first.model_copy(update={"steps": (signing, *first.steps)}), *planned.plan.parts[1:])
        return planned.model_copy(update={"plan": planned.plan.model_copy(update={"parts": parts})})


class Relabel(Turn):
    """The same where the hosts get the label tokyo and lose all others."""

    words: ClassVar = ("relabel",)
    example: ClassVar = "relabel host-a"

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        hosts = self.target.resolve(inventory)
        return (*hosts, *(host.model_copy(update={"labels": ("tokyo",)}) for host in hosts))

    async def plan(self, view: FleetView) -> PlannedChange:
        return await Turn(target=self.target).plan(view)


class Start(Turn):
    """The same where nothing is interrupted: a rule may waive its approval."""

    words: ClassVar = ("service", "start")
    risk: ClassVar = Risk.CHANGE
    example: ClassVar = "service start host-a"


class Swap(Turn):
    """A change that relies on the guard of each host."""

    words: ClassVar[tuple[str, ...]] = ("swap",)
    risk: ClassVar = Risk.DISRUPT
    example: ClassVar = "swap host-a"
    rehearses: ClassVar = False

    async def plan(self, view: FleetView) -> PlannedChange:
        hosts = self.resolve_hosts(view.fleet.inventory)
        parts = tuple(Part(host=host.name, steps=tuple(self._list_steps(host, view.operation_id))) for host in hosts)
        roads = tuple(collect_endpoints(parts, view.fleet.inventory))
        arguments = {"target": {"parts": [host.name for host in hosts]}}
        return PlannedChange(arguments=arguments, plan=Plan(parts=parts, roads=roads))

    def _list_steps(self, host: Host, operation: str) -> Iterator[Step]:
        if self.rehearses:
            yield from build_rehearsal_steps(RehearsedHost(host, operation, 30.0))
        change = BeginChange(operation=operation, services=(ServiceMove(service="Nebula", verb="restart"),))
        yield build_begin_step(CommitConfirmedChange(host, change, Phrase("swap"), Phrase("swap back")))


class CriticalSwap(Swap):
    """The same where identities are touched."""

    words: ClassVar = ("swap", "critical")
    risk: ClassVar = Risk.CRITICAL


class RehearsedSwap(CriticalSwap):
    """The same, and its own plan rehearses first."""

    words: ClassVar = ("swap", "rehearsed")
    rehearses: ClassVar = True


CATALOGUE: tuple[type[Operation], ...] = (
    Turn,
    Sweep,
    Revoke,
    Uproot,
    Relabel,
    Start,
    Swap,
    CriticalSwap,
    RehearsedSwap,
    CertRenew,
)


def _leave_out(host: Host) -> LeftOutHost | None:
    """Why a host is left out, by its labels."""
    for label in ("broken", "stuck", "silent", "turned"):
        if label in host.labels:
            return LeftOutHost(host=host.name, why=Phrase(label), owed=label == "silent")
    return None


def _part(name: str, operation: str) -> Part:
    return Part(host=name, steps=(_step(f"turn {name}", name, operation),))


def _step(key: str, name: str, operation: str) -> Step:
    deed = PlannedAction.of(AbortChange(operation=operation))  # like folders on hosts, it carries the operation's id
    return Step(key=key, host=name, deed=deed, phrase=Phrase("turn {host}", host=name))


def _premise(host: Host) -> Premise:
    return Premise(host=host.name, what="labels", value=list(host.labels), phrase=Phrase("{n} labels", n=len(host.labels)))


@dataclass(frozen=True)
class Ground:
    """What plans rest on now."""

    fleet: Any
    policy: Policy
    thresholds: Thresholds = field(default_factory=Thresholds)
    certificates: CertificateRules = field(default_factory=CertificateRules)
    recipients: tuple[Recipient, ...] = ()
    container_rules: ContainerRules = DEFAULT_CONTAINER_RULES
    container_specs: tuple[ContainerSpec, ...] = ()
    hash_secret: HashSecret = refuse_secrets


class Log(EventsInMemory):
    """An audit log in memory; `trouble` may be set, and it may be `full`."""

    def __init__(self) -> None:
        self.events: list[tuple[EventKind, str, str, Mapping[str, Any]]] = []
        self.full = False

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        if self.full:
            raise TooLarge(Phrase("too large to keep"))
        self.events.append((kind, actor, operation, data))

    def list_stored(self) -> Sequence[StoredEvent]:
        return tuple(
            StoredEvent(number, BEGINNING.isoformat(), kind, actor, operation, json.dumps(data), "", "", "")
            for number, (kind, actor, operation, data) in enumerate(self.events, start=1)
        )

    def forget(self, operation: str, kind: EventKind) -> None:
        """As if a row had come into the database by another way."""
        self.events = [event for event in self.events if (event[0], event[2]) != (kind, operation)]

    def told(self, operation: str) -> list[tuple[str, str]]:
        """What was recorded of an operation: kind and actor, in order."""
        return [(kind.value, actor) for kind, actor, about, _ in self.events if about == operation]

    def last(self, kind: EventKind) -> Mapping[str, Any]:
        return next(data for found, _, _, data in reversed(self.events) if found is kind)


class Engine:
    """What would carry operations out: it only remembers. `fates` may be told; `broken`: it cannot be reached."""

    def __init__(self) -> None:
        self.enqueued: list[str] = []
        self.fates: dict[str, WorkflowStatus] = {}
        self.broken = False

    async def enqueue(self, operation: str) -> None:
        if self.broken:
            raise OSError("the engine's database is away")
        self.enqueued.append(operation)
        self.fates[operation] = WorkflowStatus(ended=False)

    async def find_statuses(self, operations: Collection[str]) -> Mapping[str, WorkflowStatus]:
        return {operation: fate for operation, fate in self.fates.items() if operation in operations}


class Bot:
    """All that a change goes through, on one database; `people` and `hosts` may be replaced, as by a reload."""

    def __init__(self, database: Database, people: tuple[Person, ...] = EVERYBODY) -> None:
        self.at = BEGINNING
        self.slack_reached = True
        self.database = database
        self.log = Log()
        self.engine = Engine()
        self.seen: list[Change] = []
        self.trails: dict[str, AuditTrail] = {}
        self.standings: dict[str, Membership] = {}
        self.ground = Ground(view(*HOSTS).fleet, Policy(people))
        self.operations = OperationTable(database)
        self.owed = OwedTable(database)
        self.rehearsals = RehearsalTable(database)
        registry = RehearsalRegistry(self.rehearsals, self.log, lambda: self.ground.fleet.inventory, lambda: self.at)
        self.checks = CheckTable(database)
        self.good = GoodConfigurationTable(database)
        good = GoodConfigurationRegistry(self.good, self.log)
        self.identities = IdentityLedger(LedgerTable(database), self.log, lambda: self.at)
        policy, record_signed = lambda: self.ground.policy, self.identities.follow_end
        self.runs: list[tuple[str, AuditTrail]] = []
        self.followers: list[RunFollower] = []
        tables = ChangeSources(
            self.operations, self.owed, registry, self.checks, policy, good, record_signed, followers=(self,)
        )
        self.ledger = ChangeRepository(tables, self.log, self._trail, self.seen.append, lambda: self.at)
        self.planner = Planner(lambda: self.ground, CATALOGUE, lambda: self.at, lambda text: "hunter2" in text)
        self.dispatch = Coordinator(self.ledger, self.planner, lambda: self.engine, self)
        self.workflow = Lifecycle(self.ledger, self.planner, self.dispatch)
        self.requests = OwedRequests(self.workflow, self.ledger, self.planner, self.refresh_identity)
        self.asker = OwedAsker(self.owed, self.requests, self.log, lambda: self.at)
        self.locks = LockService(LockTable(database), self.log, lambda: self.at, self.dispatch.start_ready)

    def by(self, person: Person, *, terminal: bool = False) -> Requester:
        """Somebody who comes through Slack, or by the terminal."""
        identity: Identity = SlackIdentity("T1", person.slack[0], Membership.MEMBER)
        if terminal:
            identity = SystemIdentity(1000, person.system[0])
        actor = self.ground.policy.identify(identity)
        assert isinstance(actor, Actor)
        return Requester(actor, identity, Surface.SHELL if terminal else Surface.SLACK, "" if terminal else "C1")

    async def ask(self, operation: str, target: str = "host-a", person: Person = ANA, **given: Any) -> Change:
        """Somebody asks to turn hosts."""
        asked = Turn(target=Target.parse((target,)), **given)
        return await self.workflow.propose(operation, asked, self.by(person))

    async def ask_and_approve(self, operation: str, target: str = "host-a") -> Change:
        """Asked by ana, approved by ben."""
        await self.ask(operation, target)
        return await self.workflow.approve(operation, self.by(BEN))

    async def open(self, operation: str, *people: Person) -> None:
        """They open the plan."""
        for person in people:
            await self.workflow.open_plan(operation, self.by(person))

    async def stored(self, operation: str) -> OperationRecord:
        """The row as it is."""
        return await self.ledger.get(operation)

    def people(self, *people: Person) -> None:
        """Other people are configured."""
        self.ground = dataclasses.replace(self.ground, policy=Policy(people))

    def rules(self, *rules: ApprovalRule | ApprovalWaiver, channel: str | None = None) -> None:
        """Other approval rules are configured."""
        approvals = ApprovalSettings(rules=rules, channel=channel)
        self.ground = dataclasses.replace(self.ground, policy=Policy(EVERYBODY, approvals=approvals))

    async def damage_plan(self, operation: str) -> None:
        """As if another version had stored the plan."""
        other = {"plan": zlib.compress(b'{"parts": "in another form"}')}
        damage = update(OPERATIONS).where(OPERATIONS.c.operation == operation).values(other)
        await self.database.run(lambda connection: connection.execute(damage).rowcount)

    async def edit_risk(self, operation: str, risk: Risk) -> OperationRecord:
        """The row after another risk was written into it; its plan and digest are as before."""
        edit = update(OPERATIONS).where(OPERATIONS.c.operation == operation).values({"risk": int(risk)})
        await self.database.run(lambda connection: connection.execute(edit).rowcount)
        return await self.stored(operation)

    async def damage_owed(self, number: int) -> None:
        """As if another version had left the owed change."""
        damage = update(OWED).where(OWED.c.number == number).values({"kind": "gone", "words": "gone host-e"})
        await self.database.run(lambda connection: connection.execute(damage).rowcount)

    def hosts(self, *hosts: Host) -> None:
        """Other hosts are configured."""
        self.ground = dataclasses.replace(self.ground, fleet=view(*hosts).fleet)

    def pass_by(self, **span: float) -> None:
        self.at += timedelta(**span)

    def came(self, operation: str, **results: Result) -> None:
        """What became of the steps of an operation, by host with underscores."""
        self.trails[operation] = AuditTrail(
            started=True,
            results={
                f"turn {name.replace('_', '-')}": StepResult(
                    key=f"turn {name.replace('_', '-')}", result=result, began_at=self.at, ended_at=self.at
                )
                for name, result in results.items()
            },
        )

    async def follow_run(self, record: OperationRecord, trail: AuditTrail) -> None:
        """A follower of runs, before those that a test adds."""
        self.runs.append((record.operation, trail))
        for follower in self.followers:
            await follower.follow_run(record, trail)

    async def _trail(self, operation: str) -> AuditTrail:
        return self.trails.get(operation, AuditTrail())

    async def refresh_identity(self, identity: Identity) -> Identity:
        if isinstance(identity, SlackIdentity):
            return dataclasses.replace(identity, standing=self.standings.get(identity.user, identity.standing))
        return identity
