"""Supply of the view of an operation with what its class needs beside the hosts."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from bot.access.policy import Permit
from bot.digests.services import READS
from bot.ports.context import RequestContext
from bot.requests.services import Services
from commands.health.verdict import STORED_AREAS
from commands.model.need import Need
from commands.model.operation import FleetView, Operation

Supplier = Callable[[Services, Operation, RequestContext], Awaitable[FleetView]]
"""Adds to the view of a context. Returns the new view."""


async def supply_needs(services: Services, operation: Operation, context: RequestContext) -> RequestContext:
    """Adds to the view what the operation needs."""
    for need in sorted(operation.needs):
        context = replace(context, view=await SUPPLIERS[need](services, operation, context))
    return context


async def _add_checks(services: Services, operation: Operation, context: RequestContext) -> FleetView:
    """Adds the checks of those areas, and of those hosts, that the requester may see."""
    inventory = context.config.inventory
    hosts = operation.resolve_hosts(inventory)
    areas = [area for area in STORED_AREAS if isinstance(context.judge_on(READS[area], hosts), Permit)]
    seen = inventory.hosts if isinstance(context.judge_on(type(operation), inventory.hosts), Permit) else hosts
    return replace(context.view, checks=await services.checks.find_known([host.name for host in seen], areas))


async def _add_identities(services: Services, operation: Operation, context: RequestContext) -> FleetView:
    return replace(context.view, identities=await services.identities.read_known())


async def _complete_rotation(services: Services, operation: Operation, context: RequestContext) -> FleetView:
    return await services.rotations.complete(context.view)


async def _add_backups(services: Services, operation: Operation, context: RequestContext) -> FleetView:
    backups = services.backups
    return replace(context.view, backups=await backups.read_known(), read_backup=backups.find)


async def _add_good_configurations(services: Services, operation: Operation, context: RequestContext) -> FleetView:
    return replace(context.view, good_configurations=await services.good_configurations.list_gateways())


SUPPLIERS: Mapping[Need, Supplier] = {
    Need.CHECKS: _add_checks,
    Need.IDENTITIES: _add_identities,
    Need.ROTATION: _complete_rotation,
    Need.BACKUPS: _add_backups,
    Need.GOOD_CONFIGURATIONS: _add_good_configurations,
}
