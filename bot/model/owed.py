"""Replies to attempts to ask for an owed change."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from adapters.phrase import Phrase


class AskResult(StrEnum):
    """Result of one attempt.

    REQUESTED: an operation asks for it now. FULFILLED: a plan found nothing left to do. SILENT: the host, Slack or the audit
    log could not be relied on, so the next answer of the host is another occasion. REFUSED: nothing can be requested.
    """

    REQUESTED = "requested"
    FULFILLED = "fulfilled"
    SILENT = "silent"
    REFUSED = "refused"


@dataclass(frozen=True)
class AskReply:
    """Reply to one attempt; `why` is the reason of one that requested nothing."""

    result: AskResult
    why: Phrase | None = None


@dataclass(frozen=True)
class AskStatus:
    """Status of the last operation that asked for an owed change, or of the one that took its place.

    `ended_at` is None while it is open: it waits, runs, or its outcome is unknown.
    """

    operation: str
    ended_at: datetime | None
