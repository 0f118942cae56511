"""People, hosts and made-up changes on which rights and approval rules are tried."""

from typing import ClassVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from bot.access.people import Person
from bot.access.policy import Actor, make_actor
from commands.model.operation import FleetChange, FleetRead, Operation, OwnOperation, Risk, Role
from commands.values.arguments import HostsArgument
from tests.commands.canned import host

VIEWER, OPERATOR, DEVELOPER = Role.VIEWER, Role.OPERATOR, Role.DEVELOPER
ADMINISTRATOR, SECURITY = Role.ADMINISTRATOR, Role.SECURITY

TOKYO = host("host-a", 1, labels=("tokyo",))
OSAKA = host("host-b", 2, labels=("osaka", "production"))
BARE = host("host-c", 3)
INVENTORY = Inventory(hosts=(TOKYO, OSAKA, BARE))


class _OnHosts(FleetChange):
    target: HostsArgument

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return self.target.resolve(inventory)


class Restart(_OnHosts):
    """Stops something that people use."""

    words: ClassVar = ("service", "restart")
    risk: ClassVar = Risk.DISRUPT
    summary: ClassVar = Phrase("restart a service")
    example: ClassVar = "service restart host-a"


class Apply(_OnHosts):
    """Changes something."""

    words: ClassVar = ("forwarding", "apply")
    aliases: ClassVar = (("forwarding", "set"),)
    summary: ClassVar = Phrase("apply forwarding")
    example: ClassVar = "forwarding apply host-a"


class Rotate(_OnHosts):
    """Touches identities."""

    words: ClassVar = ("ca", "rotate")
    risk: ClassVar = Risk.CRITICAL
    roles: ClassVar = frozenset({ADMINISTRATOR})
    summary: ClassVar = Phrase("rotate the CA")
    example: ClassVar = "ca rotate all"


class Services(FleetRead):
    """Looks."""

    words: ClassVar = ("service",)
    summary: ClassVar = Phrase("services")
    example: ClassVar = "service"


class Yes(OwnOperation):
    """About no host."""

    words: ClassVar = ("approve",)
    summary: ClassVar = Phrase("approve")
    example: ClassVar = "approve"


CATALOGUE: tuple[type[Operation], ...] = (Restart, Apply, Rotate, Services, Yes)


def person(name: str, *roles: Role) -> Person:
    """Somebody with a Slack id of their own."""
    return Person(name=name, slack=(f"U0{name.upper()}",), roles=frozenset(roles))


def actor(name: str, *roles: Role) -> Actor:
    return make_actor(person(name, *roles))
