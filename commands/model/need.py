"""Needs of an operation: parts of its view beside the hosts (`commands.model.operation.FleetView`)."""

from enum import StrEnum


class Need(StrEnum):
    """One part that the bot adds to the view before the operation is carried out.

    CHECKS are the newest checks that the requester may see, IDENTITIES the ledger of certificates. ROTATION is the change of
    the CA, which must be known: an answer without it would say that there is none.
    """

    CHECKS = "checks"
    IDENTITIES = "identities"
    ROTATION = "rotation"
    BACKUPS = "backups"
    GOOD_CONFIGURATIONS = "good configurations"
