"""Peers of a new host, in both directions, one gateway after the other, each proven from outside.

members with a gateway ─ `peer add NEW --on MEMBER` ─▶ a part each; one that is away is asked later (FollowUp)
the new gateway ─ its own nginx.conf names all others ─▶ nothing, or one edit where it keeps an older file
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.errors import HostError
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.checks.concurrent_reads import read_all_hosts
from commands.configuration.peer_table import set_peers
from commands.configuration.splice import UnsuitableText
from commands.gateways.configuration_files import ConfigurationFiles, read_configuration_files
from commands.gateways.peer_addresses import are_equal_addresses, make_peer_address
from commands.gateways.peer_steps import PeerEdit, build_peer_part
from commands.gateways.peers import PeerAdd
from commands.joining.sight import NewHost
from commands.model.operation import CannotPlan, FleetView
from commands.model.plan import FollowUp, LeftOutHost
from commands.planning.configuration_edit import ConfigurationEdit
from commands.planning.host_plan import HostPlan, UnchangedHost
from commands.planning.stages import name_stage
from commands.values.arguments import Target


@dataclass(frozen=True)
class PlannedPeers:
    """Plans of the gateways that get the new peer, and the changes that are asked for later where one is away."""

    planned: tuple[HostPlan | UnchangedHost | LeftOutHost, ...]
    follow_ups: tuple[FollowUp, ...]


def list_gateways(new: NewHost, inventory: Inventory) -> tuple[Host, ...]:
    """Lists the members that have a gateway."""
    return tuple(host for host in inventory.hosts if host.gateway is not None and host.name != new.name)


def list_wanted_peers(new: NewHost, inventory: Inventory) -> tuple[str, ...]:
    """Lists the peers of the new gateway: all others."""
    return tuple(make_peer_address(host) for host in list_gateways(new, inventory))


async def plan_peers(new: NewHost, after: str, view: FleetView) -> PlannedPeers:
    """Plans the new peer at all members with a gateway. `after` is the step after which what is left is asked for."""
    if new.host.gateway is None:
        return PlannedPeers((), ())
    add, address = PeerAdd(peer=new.name), make_peer_address(new.host)
    gateways = list_gateways(new, view.fleet.inventory)
    planned = await read_all_hosts(gateways, lambda host: add.plan_host(host, address, view), view)
    away = [each for each in planned if isinstance(each, LeftOutHost) and each.owed]
    return PlannedPeers(
        tuple(each.model_copy(update={"owed": False}) if isinstance(each, LeftOutHost) else each for each in planned),
        tuple(_ask_later(add, each, after) for each in away),
    )


async def plan_own_peers(new: NewHost, peers: Sequence[str], view: FleetView) -> HostPlan | None:
    """Plans the peers that an nginx.conf lacks which the new host keeps; None if it lacks none.

    Peers that are no members stay. Raises `CannotPlan` if the file cannot be read, or edited by the bot.
    """
    if new.host.gateway is None or not new.state.gateway_config:
        return None
    files = await read_configuration_files(new.host, view)
    if isinstance(files, HostError):
        raise CannotPlan(Phrase("could not check Windows of {host}: {why}", host=new.name, why=files.phrase))
    try:
        return await _plan_edit(new, peers, files, view)
    except UnsuitableText as error:
        raise CannotPlan(Phrase("{host}: {why}", host=new.name, why=error.why)) from error


async def _plan_edit(new: NewHost, peers: Sequence[str], files: ConfigurationFiles, view: FleetView) -> HostPlan | None:
    found = await files.find_peers()
    lacking = [peer for peer in peers if not any(are_equal_addresses(peer, each) for each in found.addresses)]
    if not lacking:
        return None
    wanted = (*found.addresses, *lacking)
    splices = await asyncio.to_thread(set_peers, found, wanted)
    # A host that keeps its nginx.conf keeps its certificate, too: no other change there has the operation's own name.
    edit = ConfigurationEdit(new.host, new.operation, files.configuration.base, found.file, found.text, splices)
    part = build_peer_part(PeerEdit(edit, found.addresses, wanted, files.configuration))
    return HostPlan(part=name_stage(part, new.make_key("peers")), edits=(edit.describe(view.redact),))


def _ask_later(add: PeerAdd, left: LeftOutHost, after: str) -> FollowUp:
    here = add.model_copy(update={"on": Target(parts=(left.host,))})
    return FollowUp(
        after=after,
        host=left.host,
        kind=" ".join(add.words),
        arguments=here.resolved_arguments,
        words=f"{' '.join(add.words)} {add.peer} --on {left.host}",
        days=0,
        why=Phrase("its gateway did not respond when {host} was added", host=add.peer),
    )
