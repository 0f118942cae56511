"""Last steps of adding a host: it works as `health` asks, it becomes a member, and people are told. Pure.

six checks of `health`, as reads with expected values ─▶ file of the member ─▶ announcement

A host is no member before its last proof. The announcement is a part of its own, so that a failure there takes nothing back.

Peers of a new host, in both directions, one gateway after the other, each proven from outside.

members with a gateway ─ `peer add NEW --on MEMBER` ─▶ a part each; one that is away is asked later (FollowUp)
the new gateway ─ its own nginx.conf names all others ─▶ nothing, or one edit where it keeps an older file
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from adapters.action import BOT_NAME, Place
from adapters.errors import HostError
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.gateway.reload import ProveSync
from adapters.inventory import Host, Inventory
from adapters.local.host_files import HostFileState
from adapters.local.members import AnnounceMember
from adapters.phrase import Listing, Phrase
from adapters.windows.services import ReadServiceStates
from adapters.wsl.system import ReadSystem as ReadWsl
from commands.changes.commit_confirm import get_windows_side
from commands.changes.configuration_edit import ConfigurationEdit
from commands.changes.host_files import build_write_step, render_member
from commands.changes.host_plan import HostPlan, UnchangedHost, name_stage
from commands.configuration.peer_table import set_peers
from commands.configuration.splice import UnsuitableText
from commands.gateways.files import ConfigurationFiles, read_configuration_files
from commands.gateways.peer_report import are_equal_addresses, make_peer_address
from commands.gateways.peers import PeerAdd, PeerEdit, build_peer_part
from commands.health.assessment import CHECKS
from commands.health.fleet_report import read_all_hosts
from commands.hosts.add.newcomer import NewHost
from commands.model.operation import CannotPlan, FleetView
from commands.model.plan import FollowUp, LeftOutHost, Part, PlannedAction, Premise, Step
from commands.values.arguments import Target

HEALTH_TIMEOUT = 30.0
"""Seconds for each proof. Everything has been started by then."""

_NOTES = frozenset({"joining", "overrides"})
"""Keys in the file of a host that is being added which are no settings of it."""


def make_file_key(new: NewHost) -> str:
    """Makes the key of the step that makes the host a member."""
    return new.make_key("host-file")


def plan_membership(new: NewHost, inventory: Inventory, before: HostFileState, peers: Sequence[str]) -> HostPlan:
    """Plans the proof and the file of the member. `peers` are those that its gateway must have."""
    content = render_member({key: each for key, each in _get_table(new, inventory).items() if key not in _NOTES})
    phrase = Phrase("make {host} a member: write its file, and read the configuration again", host=new.name)
    write = build_write_step(new.operation, new.name, content, before, phrase)
    steps = (*_build_health_steps(new, peers), write.model_copy(update={"key": make_file_key(new)}))
    return HostPlan(part=Part(host=new.name, steps=steps), premises=(_build_premise(new),))


def plan_announcement(new: NewHost) -> HostPlan:
    """Plans the announcement."""
    step = Step(
        key=new.make_key("announce"),
        host=BOT_NAME,
        deed=PlannedAction.of(AnnounceMember(operation=new.operation, name=new.name)),
        phrase=Phrase("announce {host} in the channel of the notices", host=new.name),
        harmless_remains=True,
    )
    return HostPlan(part=Part(host=new.name, steps=(step,)))


def _get_table(new: NewHost, inventory: Inventory) -> Mapping[str, Any]:
    return {"name": new.name, "id": new.host.id, **inventory.tables.get(new.name, {})}


def _build_health_steps(new: NewHost, peers: Sequence[str]) -> Iterator[Step]:
    """Builds the checks of `health` on the sides that the host has."""
    host = new.host
    yield _build_check(
        new,
        "health/services",
        PlannedAction.of(ReadServiceStates.of(get_windows_side(host))),
        Phrase("check as health does: Nebula and nginx run on {host}", host=host.name)
        if host.gateway is not None
        else Phrase("check as health does: Nebula runs on {host}", host=host.name),
        {"nebula": "Running"} if host.gateway is None else {"nebula": "Running", "nginx": True},
    )
    if host.gateway is not None:
        yield _build_check(
            new,
            "health/api",
            PlannedAction.of(ReadGateway()),
            Phrase("check as health does: the gateway API of {host} is healthy", host=host.name),
            {"healthy": True, "status": None},
        )
        yield _build_check(
            new,
            "health/sync",
            PlannedAction.of(ProveSync(host_id=host.id, peers=None if new.state.gateway_config else tuple(peers))),
            Phrase("check as health does: the gateway has host ID {id} and its peers", id=str(host.id)),
            {"state": "as configured"},
        )
    if host.wsl is not None:
        bridge: dict[str, JsonValue] = {"exists": True, "up": True, "addresses": [str(host.bridge)]}
        yield _build_check(
            new,
            "health/wsl",
            PlannedAction.of(ReadWsl.of(host.wsl)),
            Phrase("check as health does: the bridge is up with {address}, IP forwarding is on", address=str(host.bridge)),
            {"bridge": bridge, "forwarding": True, **({} if new.joining.adopt else {"containers": []})},
        )


def _build_check(new: NewHost, key: str, deed: PlannedAction, phrase: Phrase, expect: Mapping[str, JsonValue]) -> Step:
    return Step(key=new.make_key(key), host=new.name, deed=deed, phrase=phrase, expect=expect, patience=HEALTH_TIMEOUT)


def _build_premise(new: NewHost) -> Premise:
    """Builds the premise that says what is proven before the host counts."""
    sides: dict[Place, tuple[str, ...]] = {
        "windows": ("nebula", "gateway"),
        "gateway": ("api",),
        "wsl": ("bridge", "forwarding"),
    }
    keys = [key for side, keys in sides.items() if new.host.get_side(side) is not None for key in keys]
    if new.host.gateway is None:
        keys.remove("gateway")
    proven = Listing(tuple(CHECKS[key] for key in keys))
    phrase = Phrase("{host} becomes a member once these are proven healthy: {items}", host=new.name, items=proven)
    return Premise(host=new.name, what="health", value=[*keys], phrase=phrase)


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
