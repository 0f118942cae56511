"""`sync forget`: deletes the registration of a container that does not run at all gateways, and proves that it stays gone.

Gateways keep each other's registrations alive: one that is deleted at a single gateway comes back with its next pull. So it
is deleted at all of them within a second, by steps of one part.

Steps that delete a registration at gateways, and prove that it stays gone. Pure.

delete at each ─▶ wait for the next pulls ─▶ delete at each again ─▶ wait if it had returned anywhere ─▶ look at each
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.gateway.containers import PULL_TIMEOUT, FindContainer, ForgetContainer, Registry
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.changes.host_plan import UnchangedHost, assemble, leave_unchecked
from commands.gateways.ghosts import Ghost, find_ghost
from commands.gateways.registrations import GatewayRegistry, read_registrations
from commands.model.check import Area
from commands.model.finding import list_some
from commands.model.operation import CannotPlan, FleetChange, FleetView
from commands.model.plan import LeftOutHost, Part, Plan, PlannedAction, PlannedChange, Premise, Product, Step
from commands.model.plan_endpoints import collect_endpoints
from commands.values.arguments import ALL_HOSTS, Option, Target
from commands.values.containers import ContainerName, make_container_argument

USUAL_INTERVAL = 30
"""Seconds between two pulls of a gateway that does not tell its own interval."""

MARGIN = 5
"""Seconds beyond that."""

PATIENCE = 15.0
"""Seconds beyond the wait in which a gateway must answer."""


def compute_settling(gateways: Sequence[GatewayRegistry]) -> int:
    """Computes the seconds until every gateway has read its peers again: a silent peer makes a gateway wait for it."""
    intervals = [each.registry.interval or USUAL_INTERVAL for each in gateways if isinstance(each.registry, Registry)]
    silent = sum(isinstance(each.registry, HostError) for each in gateways)
    return max([USUAL_INTERVAL, *intervals]) + MARGIN + round(PULL_TIMEOUT) * silent


@dataclass(frozen=True)
class Deletion:
    """Deletion of the registration of a container at some gateways, at least one.

    `id` is the registered one, `name` that of the container. `settling`: seconds until a peer would have brought it back.
    """

    id: str
    name: str
    gateways: tuple[str, ...]
    settling: int

    def list_steps(self) -> Iterator[Step]:
        """Lists the steps in their order. A rollback is impossible: a container registers when it starts."""
        for gateway in self.gateways:
            yield self._build_deletion(gateway, "delete", None)
        yield self._build_look(
            self.gateways[0],
            "wait",
            Phrase("wait {n} s, until the gateways have read their peers again", n=self.settling),
            {"settled": True},
        )
        before = None
        for gateway in self.gateways:
            yield self._build_deletion(gateway, "again", before)
            before = gateway
        for gateway in self.gateways:
            phrase = Phrase("check that {name} has not returned", name=self.name)
            yield self._build_look(gateway, "look", phrase, {"registered": False, "settled": True})

    def _build_deletion(self, gateway: str, stage: str, before: str | None) -> Step:
        """Builds a deletion. Those of the second round tell the next gateway whether it had returned."""
        products = {} if before is None else {"returned": Product(step=f"{before}/again", field="returned")}
        return Step(
            key=f"{gateway}/{stage}",
            host=gateway,
            deed=PlannedAction.of(ForgetContainer(id=self.id), **products),
            phrase=Phrase("delete the registration of {name}", name=self.name)
            if stage == "delete"
            else Phrase("delete it again, if it has returned"),
        )

    def _build_look(self, gateway: str, stage: str, phrase: Phrase, expect: dict[str, bool]) -> Step:
        """Builds a look. The first one waits in any case, the others only if it had returned at any gateway."""
        deleted = "delete" if stage == "wait" else "again"
        products = {"since": Product(step=f"{gateway}/{deleted}", field="at")}
        if stage == "look":
            products["returned"] = Product(step=f"{self.gateways[-1]}/again", field="returned")
        return Step(
            key=f"{gateway}/{stage}",
            host=gateway,
            deed=PlannedAction.of(FindContainer(id=self.id, settling=self.settling), **products),
            phrase=phrase,
            expect=expect,
            patience=self.settling + PATIENCE,
        )


class SyncForget(FleetChange):
    """Delete the registration of a container that does not run, at all gateways."""

    affects: ClassVar[frozenset[Area]] = frozenset()
    words: ClassVar = ("sync", "forget")
    summary: ClassVar = Phrase("delete the registration of a container that does not run (a ghost) at all gateways")
    example: ClassVar = "sync forget host-a/web"
    label: ClassVar = Phrase("delete the registration of {container}", container="…")

    container: Annotated[
        ContainerName, make_container_argument(Phrase("container that does not run: host-a/web, or its ID (sync lists it)"))
    ]
    on: Annotated[
        Target,
        Option(
            "target",
            Phrase("only at these gateways, if the others have deleted it already (default: all)"),
            lambda text: Target.parse((text,)),
            str,
        ),
    ] = ALL_HOSTS

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return tuple(host for host in self.on.resolve(inventory) if host.gateway is not None)

    def restrict_to(self, names: tuple[str, ...]) -> "SyncForget":
        return self.model_copy(update={"on": Target(parts=names)})

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        meant = {host.name for host in self.resolve_hosts(inventory)}
        hosts, gateways = await read_registrations(inventory.hosts, view)
        ghost = find_ghost(self.container, hosts, gateways)
        asked = tuple(each for each in gateways if each.host.name in meant)
        if ghost is None or not any(each.host.name in ghost.addresses for each in asked):
            return assemble(self, (_explain_absent(each, self.container) for each in asked), inventory)
        _require_gone_elsewhere(ghost, [each for each in gateways if each.host.name not in meant])
        forgetting = _Forgetting(ghost, asked, compute_settling(gateways))
        settled = self.model_copy(update={"container": ContainerName(name=ghost.id, host=ghost.owners[0])})
        return forgetting.plan(settled, inventory)


def _explain_absent(gateway: GatewayRegistry, wanted: ContainerName) -> UnchangedHost | LeftOutHost:
    if isinstance(gateway.registry, HostError):
        return leave_unchecked(gateway.host.name, gateway.registry)
    return UnchangedHost(gateway.host.name, Phrase("{container} is not registered", container=str(wanted)))


def _require_gone_elsewhere(ghost: Ghost, others: Sequence[GatewayRegistry]) -> None:
    """Raises `CannotPlan` if gateways that were not asked for have the registration: it would return from there."""
    having = [each.host.name for each in others if each.host.name in ghost.addresses]
    if having:
        raise CannotPlan(
            Phrase(
                "{name} is registered at {gateways} as well, and would return from there. Run {words}",
                name=ghost.name,
                gateways=list_some(having),
                words=f"sync forget {ghost.owners[0]}/{ghost.id}",
            )
        )


@dataclass(frozen=True)
class _Forgetting:
    """The deletion of a ghost at the gateways that answered. `settling`: seconds until a peer would have brought it back."""

    ghost: Ghost
    asked: Sequence[GatewayRegistry]
    settling: int

    @property
    def gateways(self) -> tuple[str, ...]:
        return tuple(each.host.name for each in self.asked if isinstance(each.registry, Registry))

    def plan(self, operation: SyncForget, inventory: Inventory) -> PlannedChange:
        """Builds the plan. Its one part belongs to the host of the container, and has steps at all gateways."""
        left_out = tuple(
            leave_unchecked(each.host.name, each.registry) for each in self.asked if isinstance(each.registry, HostError)
        )
        deletion = Deletion(self.ghost.id, self.ghost.name, self.gateways, self.settling)
        parts = (Part(host=self.ghost.owners[0], steps=tuple(deletion.list_steps())),)
        plan = Plan(
            parts=parts,
            premises=tuple(self._list_premises()),
            roads=tuple(collect_endpoints(parts, inventory)),
            warnings=tuple(self._list_warnings(left_out)),
            left_out=left_out,
        )
        names = (*self.gateways, *(left.host for left in left_out if left.owed))
        return PlannedChange(arguments=operation.restrict_to(names).resolved_arguments, plan=plan)

    def _list_premises(self) -> Iterator[Premise]:
        for host in self.ghost.owners:
            phrase = Phrase("podman on {host} does not run {name}", host=host, name=self.ghost.name)
            yield Premise(host=host, what="podman", value={"id": self.ghost.id, "running": False}, phrase=phrase)

    def _list_warnings(self, left_out: Sequence[LeftOutHost]) -> Iterator[Phrase]:
        addresses = sorted(set(self.ghost.addresses.values()))
        yield Phrase(
            "{name} ({addresses}) is registered at {having}, and is deleted at {gateways}",
            name=self.ghost.name,
            addresses=list_some(addresses),
            having=list_some(list(self.ghost.addresses)),
            gateways=list_some(self.gateways),
        )
        yield Phrase("it cannot be rolled back: a container registers again when it starts")
        if left_out:
            yield Phrase(
                "{hosts} could not be read. The registration may return from there, and the change fails then",
                hosts=list_some([left.host for left in left_out]),
            )
