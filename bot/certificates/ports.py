"""Ports of certificates: what handlers and planning may ask of identities and rotations."""

from typing import Protocol

from commands.model.certificates import KnownIdentities
from commands.model.operation import FleetView
from commands.model.rotation import Rotation


class IdentityReader(Protocol):
    """Reads the ledger of identities (`bot.certificates.services.ledger`)."""

    async def read_known(self) -> KnownIdentities:
        """Reads all that is known. It never raises: what could not be read is said in the value."""


class RotationReader(Protocol):
    """Reads the change of the CA that is under way (`bot.certificates.services.rotation`)."""

    async def read_known(self) -> Rotation | None:
        """Reads it for an answer, which goes on without it. It never raises."""

    async def complete(self, view: FleetView) -> FleetView:
        """Completes a view. Raises a `DatabaseError` where the state is not known for sure."""
