"""`host` and `host show`: hosts of the configuration, and what the bot knows of their rehearsals. No host is contacted."""

from typing import ClassVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.model.need import Need
from commands.model.operation import OwnOperation
from commands.values.arguments import HostsArgument, resolve_one_host


class HostList(OwnOperation):
    """List the hosts of the inventory."""

    words: ClassVar = ("host",)
    summary: ClassVar = Phrase("list of configured hosts")
    example: ClassVar = "host"
    label: ClassVar = Phrase("list the hosts")


class HostShow(OwnOperation):
    """Show one host of the inventory with its last rehearsal, or one that is being added with what it waits for."""

    words: ClassVar = ("host", "show")
    summary: ClassVar = Phrase("one host: its connections, and its last rehearsal in detail")
    example: ClassVar = "host show host-a"
    label: ClassVar = Phrase("show {target}", target="…")
    needs: ClassVar = frozenset({Need.IDENTITIES})

    target: HostsArgument

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        joining = inventory.find_joining(str(self.target))
        return (resolve_one_host(self.target, inventory) if joining is None else joining.known,)
