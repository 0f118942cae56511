"""What the audit log vouches for: a row is believed only where a signed event says the same. Pure.

    PLAN         who asked about which digest           before anything may begin
    RUN          the digest that was begun              before each further step: the row may have changed since
    REVIEW       who approved which digest              beside the rows of reviews
    BREAK_GLASS  that an administrator broke the glass  where nobody had to approve

All functions take events that are known to be signed (`bot.audit.log.Audit.signed`).
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bot.store.chain import StoredEvent
from bot.store.records import Record


def told(record: Record, events: Iterable[StoredEvent]) -> bool:
    """Whether one of these events, PLAN or RUN, tells of the digest that is stored, on behalf of whoever is stored."""
    ours = (_data(event) for event in events if event.actor == record.requester)
    return any(data.get("digest") == record.digest and not data.get("dry_run") for data in ours)


def whole(record: Record) -> bool:
    """Whether the stored plan is the one that its digest was made of, and what runs on hosts is still the same."""
    try:
        return record.plan.digest(record.kind, record.arguments) == record.digest
    except ValueError:  # another version made it
        return False


def approvers(record: Record, events: Iterable[StoredEvent]) -> frozenset[str]:
    """The people of whose approval of this very plan these events, REVIEW, tell; by the name that rows have, too."""
    yes = (event for event in events if _data(event).get("approves") is True)
    return frozenset(event.actor for event in yes if _data(event).get("digest") == record.digest)


def _data(event: StoredEvent) -> Mapping[str, Any]:
    data: Mapping[str, Any] = json.loads(event.data)
    return data
