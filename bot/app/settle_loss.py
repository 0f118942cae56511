"""Closing of what was open in an earlier state of the database, before anything of it is resumed.

not intact: no loss was accepted yet ──┐
a loss was accepted where no bot ran ──┴─▶ running operations become unknown, waiting ones are closed ─▶ SETTLED
"""

from typing import Protocol

from adapters.phrase import Phrase
from bot.audit_log.log import AuditLog, EventKind
from bot.store.audit_chain import parse_acceptance
from bot.store.encoding import escape_text


class ClosesInDoubt(Protocol):
    """Closes what is open (`bot.changes.services.coordinator`)."""

    async def close_in_doubt(self, why: Phrase) -> None:
        """Close open operations and mark running ones as unknown."""


async def settle_loss(coordinator: ClosesInDoubt, audit: AuditLog) -> None:
    """Closes open operations if the audit log is not intact, or if a loss was accepted that no bot has settled yet.

    A crash in between repeats it at the next start.
    """
    if audit.trouble is not None:
        await coordinator.close_in_doubt(audit.trouble)
        audit.settled = True
        return
    event = await audit.find_newest_signed(EventKind.ACCEPTED)
    accepted = parse_acceptance(event)
    if event is None or accepted is None or not accepted.unsettled:
        return
    mark = f"acceptance-{event.sequence}"
    if await audit.find_signed(mark, EventKind.SETTLED):
        return
    lost = Phrase("a loss of events was accepted by {actor} ({name})", actor=escape_text(event.actor), name=accepted.name)
    await coordinator.close_in_doubt(lost)
    await audit.record(EventKind.SETTLED, "system", mark, {"accepted": event.sequence})
