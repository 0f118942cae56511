"""`host add`: the part of adding a host that is planned, approved and run.

    host add NAME ─▶ prepared by the bot (reserve, compare fingerprints, check) ─▶ plan ─▶ approval ─▶ run

The bot prepares a host in several calls of the same command before it asks for a plan. Owed changes and plans that are made
again come here directly, so the plan refuses a host that is not prepared.

Parts of adding a host that follow its identity: gateway, WSL2, peers, its file.

nginx.conf, OpenResty ─▶ network, bridge, route ─▶ the new peer at each gateway ─▶ health ─▶ member ─▶ announcement
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from adapters.inventory import GatewaySide, Host, Inventory, JoiningHost
from adapters.local.host_files import HostFileState
from adapters.overlay import format_gateway
from adapters.phrase import Listing, Phrase
from commands.certificates.renewal_obstacles import find_signer
from commands.changes.host_files import read_host_file
from commands.changes.host_plan import HostPlan, UnchangedHost, assemble_in_order
from commands.health.wsl_checks import explain_unmanaged
from commands.hosts.add.arguments import (
    MAX_ID,
    CertificateOption,
    IdOption,
    KeyOption,
    LabelsOption,
    NewNameArgument,
    WindowsOption,
    WslOption,
)
from commands.hosts.add.facts import find_unlike_gateways, read_facts
from commands.hosts.add.finish_steps import (
    list_wanted_peers,
    make_file_key,
    plan_announcement,
    plan_membership,
    plan_own_peers,
    plan_peers,
)
from commands.hosts.add.gateway_steps import plan_gateway
from commands.hosts.add.identity import build_host_premises, build_reload_premises, plan_identity
from commands.hosts.add.ids import find_overlay_holder
from commands.hosts.add.newcomer import NewHost, tell_stages
from commands.hosts.add.obstacles import find_joining_obstacle
from commands.hosts.add.pattern import choose_pattern
from commands.hosts.add.wsl_steps import plan_wsl
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk, Role
from commands.model.plan import FollowUp, LeftOutHost, PlannedChange
from commands.values.arguments import Flag


@dataclass(frozen=True)
class LaterParts:
    """Plans in their order, and what is asked for later. Nothing is done twice: what is there already has no part."""

    planned: tuple[HostPlan | UnchangedHost | LeftOutHost, ...]
    follow_ups: tuple[FollowUp, ...]
    warnings: tuple[Phrase, ...]

    def complete(self, made: PlannedChange) -> PlannedChange:
        """Returns the change with what the parts leave for later, and with their warnings."""
        plan = made.plan
        more = {"follow_ups": (*plan.follow_ups, *self.follow_ups), "warnings": (*plan.warnings, *self.warnings)}
        return made.model_copy(update={"plan": plan.model_copy(update=more)})


async def plan_later_parts(new: NewHost, before: HostFileState, view: FleetView) -> LaterParts:
    """Plans everything after the identity. `before` is the file of the host as it is now. Raises `CannotPlan`."""
    inventory = view.fleet.inventory
    wanted = list_wanted_peers(new, inventory)
    own = (
        plan_gateway(new, wanted, view.redact),
        await plan_wsl(new, view),
        await plan_own_peers(new, wanted, view),
    )
    peers = await plan_peers(new, make_file_key(new), view)
    last = (plan_membership(new, inventory, before, wanted), plan_announcement(new))
    planned = (*(each for each in own if each is not None), *peers.planned, *last)
    unlike = await find_unlike_gateways(new, wanted, view)
    warnings = (*filter(None, (unlike,)), *_list_warnings(new, peers.follow_ups))
    return LaterParts(planned, peers.follow_ups, warnings)


def _list_warnings(new: NewHost, later: tuple[FollowUp, ...]) -> Iterator[Phrase]:
    if later:
        yield Phrase(
            "did not respond, so they get the new peer later, each with an approval of its own: {hosts}",
            hosts=Listing(tuple(each.host for each in later)),
        )
    if new.host.wsl is not None and explain_unmanaged(new.host, "forwarding") is not None:
        yield Phrase(
            "the bot may set up nothing in WSL2 of {host}. Network, bridge and forwarding must be there, or the last check "
            "fails",
            host=new.name,
        )


class HostAdd(FleetChange):
    """Add a new host to the fleet, in stages: the same command goes on."""

    words: ClassVar = ("host", "add")
    risk: ClassVar = Risk.CRITICAL
    roles: ClassVar = frozenset({Role.ADMINISTRATOR})
    summary: ClassVar = Phrase("add a host in stages: the same command goes on until it is a member")
    example: ClassVar = "host add host-d --windows 192.0.2.14 --wsl 192.0.2.14:2222 --label tokyo"
    label: ClassVar = Phrase("add {name}", name="…")

    name: NewNameArgument
    windows: WindowsOption = ""
    wsl: WslOption = ""
    id: IdOption = None
    label_: LabelsOption = ()
    adopt: Annotated[bool, Flag(Phrase("keep the certificate and the configuration that the host has already"))] = False
    windows_fingerprint: CertificateOption = ""
    wsl_fingerprint: KeyOption = ""

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Resolves to the new host, so that its labels decide who may ask, and who must approve.

        A removed host of that name, whose tombstone gives way, counts with the labels that it had.
        """
        removed = inventory.find_removed(self.name)
        before = () if removed is None else (_place_host(removed.name, removed.id, removed.labels),)
        return (_sketch_host(self, inventory), *before)

    def restrict_to(self, names: tuple[str, ...]) -> "HostAdd":
        return self

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        joining, host = require_prepared(self.name, inventory)
        facts = await read_facts(joining, host, view)
        lighthouse, ca = find_signer(facts.members)
        if (obstacle := find_joining_obstacle(facts, lighthouse, ca)) is not None:
            raise CannotPlan(obstacle)
        if not facts.claim.is_known and (holder := await find_overlay_holder(facts.claim, view)) is not None:
            raise CannotPlan(holder)
        pattern = await choose_pattern(host, facts.survey.members, view)
        new = NewHost(joining, host, view.operation_id, facts.services, facts.state, pattern)
        identity = plan_identity(new, facts, lighthouse, ca)
        later = await plan_later_parts(new, await read_host_file(view, self.name), view)
        planned = (identity, *later.planned)
        premises = (*build_host_premises(host), *build_reload_premises(self.name, planned))
        made = later.complete(assemble_in_order(HostAdd(name=self.name), planned, inventory, premises))
        plan = tell_stages(made.plan, host, identity.part, make_file_key(new))
        return made.model_copy(update={"plan": plan.model_copy(update={"about": self.name})})


def require_prepared(name: str, inventory: Inventory) -> tuple[JoiningHost, Host]:
    """Requires a host that is being added and whose sides are pinned. Raises `CannotPlan` with the next command."""
    words = f"host add {name}"
    if inventory.find_host(name) is not None:
        raise CannotPlan(Phrase("{host} is a member already. Run {words}", host=name, words=f"host show {name}"))
    joining = inventory.find_joining(name)
    if joining is None:
        phrase = Phrase("{host} is not being added. Run {words}", host=name, words=f"{words} --windows ADDRESS")
        raise CannotPlan(phrase)
    if joining.host is None or joining.host.windows is None:
        phrase = Phrase("{host} waits for the fingerprint of its certificate. Run {words}", host=name, words=words)
        raise CannotPlan(phrase)
    if joining.wsl_address and joining.host.wsl is None:
        raise CannotPlan(Phrase("{host} waits for the fingerprint of its SSH host key. Run {words}", host=name, words=words))
    return joining, joining.host


def _sketch_host(add: HostAdd, inventory: Inventory) -> Host:
    """Sketches the host of a request: as the inventory has it, else from its file so far, else from the request."""
    known = inventory.find_reachable(add.name)
    if known is not None:
        return known
    joining = inventory.find_joining(add.name)
    if joining is not None:
        return joining.known
    return _place_host(add.name, add.id or MAX_ID, add.label_)


def _place_host(name: str, number: int, labels: tuple[str, ...]) -> Host:
    return Host(name=name, id=number, labels=labels, gateway=GatewaySide(url=format_gateway(number)))
