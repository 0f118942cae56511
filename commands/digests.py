"""Digests, as data only: what a morning needs to know, all at once. `bot.digests` makes them."""

from typing import ClassVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.certs import Cert
from commands.health import Health
from commands.operation import OwnOperation


class Digest(OwnOperation):
    """What changed since the last scheduled digest, what is wrong, and what waits."""

    words: ClassVar = ("digest",)
    summary: ClassVar = Phrase("what changed since the last scheduled digest, what is wrong, and what waits for somebody")
    example: ClassVar = "digest"
    includes: ClassVar = (Health, Cert)

    def hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """All of them: it tells of every host."""
        return inventory.hosts
