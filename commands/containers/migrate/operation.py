"""`container migrate`: moves a container to another host.

both ends, all gateways ─ read ─▶ Migration ─ obstacles ─▶ refused │ steps, premises, warnings ─▶ the plan

Image, settings and volumes are streams from helper to helper through the bot, which keeps nothing of them. The plan has a
keyed hash of the settings, and no value of a variable.

Reads what a migration rests on: both ends, the registrations at all gateways, and their configuration files.
"""

import asyncio
from collections.abc import Iterable
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.wsl.container_reads import CountChangedFiles
from adapters.wsl.containers import ListedContainer
from adapters.wsl.helper import ReadHelper
from commands.containers.lookup import FoundContainer, find_container, list_candidate_hosts
from commands.containers.migrate.address_uses import GatewayConfiguration
from commands.containers.migrate.ends import End, Migration, MigrationOptions, Surroundings
from commands.containers.migrate.facts import list_follow_ups, list_outages, list_premises, list_warnings
from commands.containers.migrate.obstacles import find_migration_obstacle
from commands.containers.migrate.steps import build_move_part, build_settle_part, describe_start
from commands.containers.reading import find_kept, read_holdings, read_listings, warn_of_unread
from commands.gateways.files import read_configuration_files
from commands.gateways.registrations import read_registry
from commands.health.fleet_report import read_all_hosts, read_side
from commands.health.wsl_checks import explain_unmanaged, find_helper_fault
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk, Role
from commands.model.plan import Plan, PlannedChange
from commands.model.plan_endpoints import collect_endpoints
from commands.values.arguments import NO_TARGET, Flag, Option, Target, resolve_one_host
from commands.values.containers import ContainerName, make_container_argument
from commands.values.errors import GrammarError


async def read_end(host: Host, view: FleetView) -> End | Phrase:
    """Reads one end; or returns why the bot may not change containers there, or why not all of it could be read."""
    if (why := explain_unmanaged(host, "containers")) is not None:
        return Phrase("{host}: {why}", host=host.name, why=why)
    said = await read_side(host, ReadHelper(), view)
    assert said is not None
    if (why := find_helper_fault(host, said)) is not None:
        return Phrase("{host}: {why}", host=host.name, why=why)
    held = await read_holdings(host, view)
    if isinstance(held, HostError):
        return _explain(host, held)
    return End(host, held.containers, held.images, held.volumes, held.storage)


async def count_changed_files(found: FoundContainer[ListedContainer], view: FleetView) -> int | Phrase:
    """Counts the files that a container changed in its own layer; or returns why they could not be counted."""
    counted = await read_side(found.host, CountChangedFiles(container=found.container.id), view)
    assert counted is not None
    return _explain(found.host, counted) if isinstance(counted, HostError) else counted.files


async def read_surroundings(hosts: Iterable[Host], view: FleetView) -> Surroundings:
    """Reads the gateways of these hosts. One that does not answer is a value."""
    gateways = [host for host in hosts if host.gateway is not None]
    readable = [host for host in gateways if host.windows is not None]
    registries, configurations = await asyncio.gather(
        read_all_hosts(gateways, lambda host: read_registry(host, view), view),
        asyncio.gather(*(_read_configuration(host, view) for host in readable)),
    )
    return Surroundings(registries, configurations)


async def _read_configuration(host: Host, view: FleetView) -> GatewayConfiguration:
    return GatewayConfiguration(host, await read_configuration_files(host, view))


def _explain(host: Host, error: HostError) -> Phrase:
    return Phrase("{host}: {why}", host=host.name, why=Phrase("could not check the host: {why}", why=error.phrase))


class ContainerMigrate(FleetChange):
    """Move a container to another host."""

    words: ClassVar = ("container", "migrate")
    risk: ClassVar = Risk.DISRUPT
    roles: ClassVar = frozenset({Role.OPERATOR, Role.DEVELOPER, Role.ADMINISTRATOR})
    summary: ClassVar = Phrase("move a container to another host: image, settings and, if wanted, volumes")
    example: ClassVar = "container migrate host-a/web --to host-b --with-volumes"
    label: ClassVar = Phrase("move {container} to {to}", container="…", to="…")

    container: Annotated[ContainerName, make_container_argument(Phrase("container that is moved: host-a/web, or its ID"))]
    to: Annotated[
        Target,
        Option("host", Phrase("host to which it is moved"), lambda text: Target.parse((text,)), str),
    ] = NO_TARGET
    with_volumes: Annotated[bool, Flag(Phrase("also move its volumes. It runs nowhere meanwhile"))] = False
    without_data: Annotated[bool, Flag(Phrase("leave volumes and changed files behind, and begin with empty ones"))] = False
    address_moves: Annotated[bool, Flag(Phrase("move it although its fixed or configured address cannot move along"))] = (
        False
    )

    @property
    def incomplete(self) -> bool:
        return self.to == NO_TARGET

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Resolves both ends: the source is any host with WSL2 unless it is typed."""
        ends = {self._resolve_target(inventory).name}
        ends |= {host.name for host in list_candidate_hosts(self.container, inventory)}
        return tuple(host for host in inventory.hosts if host.name in ends)

    def _resolve_target(self, inventory: Inventory) -> Host:
        """Resolves the host to which it moves. Raises `GrammarError` if it is missing, or if options exclude each other."""
        if self.incomplete:
            raise GrammarError(
                Phrase("{words} needs the host. Add for example {option}", words="container migrate", option="--to host-b")
            )
        if self.with_volumes and self.without_data:
            raise GrammarError(
                Phrase("use only one of {options}", options="--with-volumes, --without-data"),
            )
        return resolve_one_host(self.to, inventory)

    def restrict_to(self, names: tuple[str, ...]) -> "ContainerMigrate":
        return self

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        target = self._resolve_target(inventory)
        found = find_container(self.container, await read_listings(list_candidate_hosts(self.container, inventory), view))
        migration = await self._read_migration(found, target, view)
        if (why := find_migration_obstacle(migration)) is not None:
            raise CannotPlan(why)
        settled = self.model_copy(update={"container": found.settled, "to": Target(parts=(target.name,))})
        return PlannedChange(arguments=settled.resolved_arguments, plan=_build_plan(migration, found, inventory))

    async def _read_migration(self, found: FoundContainer[ListedContainer], target: Host, view: FleetView) -> Migration:
        """Reads both ends, and all gateways. Raises `CannotPlan` if an end or the container's own files are unknown."""
        answers = await asyncio.gather(
            read_end(found.host, view),
            read_end(target, view),
            count_changed_files(found, view),
            read_surroundings(view.fleet.inventory.hosts, view),
        )
        match answers:
            case [End() as source, End() as aim, int(changed), Surroundings() as around]:
                return Migration(
                    operation=view.operation_id,
                    source=source,
                    target=aim,
                    container=found.container,
                    changed_files=changed,
                    kept=find_kept(found.host.name, found.container, view.owed) is not None,
                    options=MigrationOptions(self.with_volumes, self.without_data, self.address_moves),
                    around=around,
                    keep_days=view.container_rules.keep_days,
                )
        raise CannotPlan(next(each for each in answers if isinstance(each, Phrase)))


def _build_plan(migration: Migration, found: FoundContainer[ListedContainer], inventory: Inventory) -> Plan:
    parts = (build_move_part(migration), build_settle_part(migration))
    return Plan(
        parts=parts,
        premises=tuple(list_premises(migration)),
        roads=tuple(collect_endpoints(parts, inventory)),
        disrupts=tuple(list_outages(migration)),
        warnings=(*warn_of_unread(found), *list_warnings(migration)),
        situation=describe_start(migration),
        follow_ups=tuple(list_follow_ups(migration)),
    )
