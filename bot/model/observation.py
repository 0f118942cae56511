"""A certificate that was signed or seen, as the ledger is given it."""

from dataclasses import dataclass

from commands.model.certificates import Identity, Sighting


@dataclass(frozen=True)
class Observation:
    """A certificate that was signed, or seen at a place: `sighting` is None for one that was signed."""

    identity: Identity
    sighting: Sighting | None = None
