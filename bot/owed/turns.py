"""Turns of owed changes: when one is asked for. Pure.

never asked ──────────────────────────────────────▶ when its host answers, and not before it is due
a request is open ────────────────────────────────▶ not now
a request ended, or an attempt requested nothing ─▶ a day later, when its host answers
"""

from datetime import datetime, timedelta

from bot.model.owed import AskStatus
from bot.model.request import derive_operation_id
from bot.store.owed import OwedChange

ASK_PAUSE = timedelta(days=1)
"""Pause after a request that was denied, expired or failed, and after an attempt that requested nothing."""


def is_due(owed: OwedChange, status: AskStatus | None, now: datetime) -> bool:
    """Return whether it may be asked for now. `status` is that of its last request, None without any."""
    if status is not None and status.ended_at is None:
        return False
    if owed.due_at is not None and now < owed.due_at:
        return False
    attempts = [owed.asked_at, status.ended_at if status is not None else None]
    return all(at is None or abs(now - at) >= ASK_PAUSE for at in attempts)  # the clock may have been set back


def make_request_id(owed: OwedChange) -> str:
    """Make the id of its next request: the same one until that request is recorded with the row."""
    last = "" if owed.asked_at is None else owed.asked_at.isoformat()
    return derive_operation_id(f"owed {owed.number} {last}")
