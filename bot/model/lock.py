"""A lock: a person forbids changes on hosts."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Lock:
    """One lock. `target` is a host expression (`host-a,tokyo`, `all`); `owner` is the person who forbids changes there.

    `operation` is the request that added it. `removed_by` is the person who removed it early, else "". `number` is assigned
    by the database.
    """

    operation: str
    target: str
    reason: str
    owner: str
    added_at: datetime
    ends_at: datetime
    removed_by: str = ""
    number: int = 0
