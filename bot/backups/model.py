"""The request to verify a backup."""

from dataclasses import dataclass

from adapters.fleet import Fleet
from commands.model.operation import Progress


@dataclass(frozen=True)
class VerificationRequest:
    """On whose behalf backups are verified: the actor, the operation, the fleet, and what follows the progress."""

    actor: str
    operation: str
    fleet: Fleet
    progress: Progress
