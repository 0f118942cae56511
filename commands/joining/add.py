"""`host add`: the part of adding a host that is planned, approved and run.

    host add NAME ─▶ prepared by the bot (reserve, compare fingerprints, check) ─▶ plan ─▶ approval ─▶ run

The bot prepares a host in several calls of the same command before it asks for a plan. Owed changes and plans that are made
again come here directly, so the plan refuses a host that is not prepared.
"""

from typing import Annotated, ClassVar

from adapters.inventory import GatewaySide, Host, Inventory, JoiningHost
from adapters.overlay import format_gateway
from adapters.phrase import Phrase
from commands.certs.renewal_obstacles import find_signer
from commands.joining.arguments import (
    MAX_ID,
    CertificateOption,
    IdOption,
    KeyOption,
    LabelsOption,
    NewNameArgument,
    WindowsOption,
    WslOption,
)
from commands.joining.facts import read_facts
from commands.joining.finish_steps import make_file_key
from commands.joining.identity import build_host_premises, build_reload_premises, plan_identity
from commands.joining.ids import find_overlay_holder
from commands.joining.later_parts import plan_later_parts
from commands.joining.obstacles import find_joining_obstacle
from commands.joining.pattern import choose_pattern
from commands.joining.sight import NewHost
from commands.joining.situations import tell_stages
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk, Role
from commands.model.plan import PlannedChange
from commands.planning.host_files import read_host_file
from commands.planning.host_plan import assemble_in_order
from commands.values.arguments import Flag


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
