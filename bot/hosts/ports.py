"""Port of hosts: which are suspended."""

from collections.abc import Mapping
from typing import Protocol

from commands.model.suspension import Suspension


class SuspensionReader(Protocol):
    """Reads the suspended hosts (`bot.hosts.services.suspensions`)."""

    async def read_known(self) -> Mapping[str, Suspension]:
        """Reads them by name for an answer, which goes on without them. It never raises."""
