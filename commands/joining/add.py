"""`host add`: the part of adding a host that is planned, approved and run.

    host add NAME ─▶ prepared by the bot (reserve, compare fingerprints, check) ─▶ plan ─▶ approval ─▶ run

The bot prepares a host in several calls of the same command before it asks for a plan. Owed changes and plans that are made
again come here directly, so the plan refuses a host that is not prepared.
"""

from typing import Annotated, ClassVar

from adapters.inventory import GatewaySide, Host, Inventory, JoiningHost
from adapters.phrase import Phrase
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
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk, Role
from commands.model.plan import PlannedChange
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
        """Resolves to the new host, so that its labels decide who may ask, and who must approve."""
        return (_sketch_host(self, inventory),)

    def restrict_to(self, names: tuple[str, ...]) -> "HostAdd":
        return self

    async def plan(self, view: FleetView) -> PlannedChange:
        joining = require_prepared(self.name, view.fleet.inventory)
        raise CannotPlan(Phrase("{host} has no plan yet", host=joining.name))


def require_prepared(name: str, inventory: Inventory) -> JoiningHost:
    """Requires a host that is being added and whose Windows is pinned. Raises `CannotPlan` with the next command."""
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
    return joining


def _sketch_host(add: HostAdd, inventory: Inventory) -> Host:
    """Sketches the host of a request: as far as it is known from its file, else from the request."""
    joining = inventory.find_joining(add.name)
    if joining is not None and joining.host is not None:
        return joining.host
    number = joining.id if joining is not None else add.id or MAX_ID
    labels = inventory.tables.get(add.name, {}).get("labels", add.label_) if joining is not None else add.label_
    gateway = GatewaySide(url=f"http://10.100.{number}.1:8080")
    return Host.model_validate({"name": add.name, "id": number, "labels": labels, "gateway": gateway})
