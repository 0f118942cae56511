"""All that a change goes through but Slack: a real database, audit log and DBOS; the hosts are in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from bot.access.people import Person
from bot.access.policy import Actor, Policy
from bot.access.requester import Requester
from bot.certificates.services.ledger import IdentityLedger
from bot.certificates.tables.ledger import LedgerTable
from bot.changes.services.coordinator import Coordinator
from bot.changes.services.engine import Engine
from bot.changes.services.executor import Executor
from bot.changes.services.lifecycle import Lifecycle
from bot.changes.services.locks import LockService
from bot.changes.services.planner import Planner
from bot.changes.services.planning_memory import GoodConfigurationRegistry, RehearsalRegistry
from bot.changes.services.repository import ChangeRepository, ChangeSources
from bot.changes.tables.locks import LockTable
from bot.changes.tables.operations import OperationTable
from bot.changes.tables.owed import OwedTable
from bot.changes.tables.proven_configurations import GoodConfigurationTable
from bot.changes.tables.rehearsals import RehearsalTable
from bot.model.change import Change
from bot.model.request import Identity, Surface, SystemIdentity
from bot.store.checks import CheckTable
from commands.model.operation import FleetChange, FleetView, Operation, Risk, Role
from commands.model.plan import PlannedChange, Premise
from commands.values.arguments import Target, TargetArgument
from tests.bot.changes.workflow_team import Ground
from tests.bot.running import House
from tests.bot.world import World, plan

DURABLE = "durable.sqlite3"
"""DBOS's database, in the folder."""

PEOPLE = tuple(Person(name=name, system=(name,), roles=frozenset({Role.OPERATOR})) for name in ("ana", "ben"))


class Turn(FleetChange):
    """The usual plan for some hosts; it rests on their labels."""

    words: ClassVar = ("turn",)
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
        names = [host.name for host in hosts]
        premises = tuple(
            Premise(host=host.name, what="labels", value=list(host.labels), phrase=Phrase("labels")) for host in hosts
        )
        made = plan(*names, operation=view.operation_id).model_copy(update={"premises": premises})
        return PlannedChange(arguments={"target": {"parts": names}}, plan=made)


CATALOGUE: tuple[type[Operation], ...] = (Turn,)


class Whole:
    """A bot without surfaces. `watch` is told of changes; `seen` are those that it was told of, in order."""

    def __init__(self, house: House, world: World) -> None:
        self.house, self.world = house, world
        self.seen: list[Change] = []
        self.watch: Callable[[Change], None] = self.seen.append
        self.durable: Engine
        now = world.time.now
        self.ground = Ground(world.fleet(), Policy(PEOPLE))
        self.operations, journal = OperationTable(house.database), house.journal()
        self.owed = OwedTable(house.database)
        rehearsals = RehearsalRegistry(RehearsalTable(house.database), house.audit, lambda: self.ground.fleet.inventory, now)
        good = GoodConfigurationRegistry(GoodConfigurationTable(house.database), house.audit)
        policy, identities = lambda: self.ground.policy, IdentityLedger(LedgerTable(house.database), house.audit, now)
        tables = ChangeSources(
            self.operations, self.owed, rehearsals, CheckTable(house.database), policy, good, identities.follow_end
        )
        ledger = ChangeRepository(tables, house.audit, journal.read_trail, lambda change: self.watch(change), now)
        planner = Planner(lambda: self.ground, CATALOGUE, now, lambda text: False)
        self.dispatch = Coordinator(ledger, planner, lambda: self.durable, UnchangedIdentities())
        self.workflow = Lifecycle(ledger, planner, self.dispatch)
        self.locks = LockService(LockTable(house.database), house.audit, now, self.dispatch.start_ready)
        self.applying = Executor(
            find_record=self.operations.get,
            coordinator=self.dispatch,
            locks=self.locks,
            audit=house.audit,
            intent_log=journal,
            runner=house.runner(),
            inventory=lambda: self.ground.fleet.inventory,
        )

    def by(self, name: str) -> Requester:
        identity = SystemIdentity(1000, name)
        actor = self.ground.policy.identify(identity)
        assert isinstance(actor, Actor)
        return Requester(actor, identity, Surface.SHELL, "")

    async def ask(self, operation: str, target: str = "host-a") -> Change:
        return await self.workflow.propose(operation, Turn(target=Target.parse((target,))), self.by("ana"))

    async def approve(self, operation: str) -> Change:
        return await self.workflow.approve(operation, self.by("ben"))

    async def until(self, operation: str, enough: Callable[[Change], bool] = lambda change: change.state.ended) -> Change:
        async with asyncio.timeout(20):
            while not enough(change := await self.workflow.find_change(operation)):
                await asyncio.sleep(0.02)
        return change


@asynccontextmanager
async def whole(folder: Path, world: World) -> AsyncIterator[Whole]:
    """A bot that runs until left."""
    house = await House(folder, world).open()
    bot = Whole(house, world)
    bot.durable = await Engine.launch(folder / DURABLE, bot.applying, lambda: "7f3a")
    try:
        yield bot
    finally:
        await bot.durable.aclose()
        await house.aclose()


class UnchangedIdentities:
    """Identity check that finds everyone as they were before."""

    slack_reached = True

    async def refresh_identity(self, who: Identity) -> Identity:
        return who
