"""Replies to attempts to ask for an owed change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from adapters.phrase import Phrase
from bot.model.request import Identity, Surface, SystemIdentity
from commands.model.owed import Matter, OwedNote

NO_IDENTITY = SystemIdentity(-1, "")
"""Identity in place of one that could not be read. It has no rights."""


@dataclass(frozen=True)
class OwedChange:
    """One change that is owed to a host.

    `kind` and `arguments` are the operation for this host alone, `words` its command. `why` is the reason for which the
    host was left out by `operation`, which its requester requested on `surface` and in `channel`. `asked` is the last
    operation that asked for it, "" without any. `asked_at` is the time of that or of the last attempt, and `note` the reason
    for which that attempt requested nothing. `settled_by` is an operation, or the person who dropped it with a `reason`.
    `number` is assigned by the database.
    """

    host: str
    kind: str
    arguments: Mapping[str, Any]
    words: str
    matter: Matter
    why: Phrase
    operation: str
    requester: str
    identity: Identity
    surface: Surface
    channel: str
    since: datetime
    asked: str = ""
    asked_at: datetime | None = None
    note: Phrase | None = None
    settled_at: datetime | None = None
    settled_by: str = ""
    reason: str = ""
    number: int = 0
    due_at: datetime | None = None
    """Time before which it is not asked for; None: at once."""

    @property
    def damaged(self) -> bool:
        """True for a row that could not be read whole. It has no identity, so it is shown and never requested."""
        return self.identity == NO_IDENTITY

    @property
    def is_open(self) -> bool:
        """True until it is settled."""
        return self.settled_at is None

    @property
    def brief(self) -> OwedNote:
        """The note of it that plans get."""
        return OwedNote(number=self.number, host=self.host, words=self.words, matter=self.matter, since=self.since)


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
