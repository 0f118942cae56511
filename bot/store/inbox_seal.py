"""The seal on deliveries in a database that others than the copies of the bot can write: macs that prove who kept them.

A delivery is a request in a person's name. Who can write the database, but has no audit key, must not make one. A delivery
that is put back after it was finished acts on nothing: its handling knows what it has done (`bot.slack.delivery_kind`).
"""

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

PURPOSE = b"deliveries of copies"
"""Purpose of the keys, which are derived from the audit keys."""


@dataclass(frozen=True)
class InboxSeal:
    """Keys of the macs, one for each audit key of a machine.

    A row has a mac of each: while the audit key is replaced on one machine after the other, some know only the earlier one.
    """

    keys: tuple[bytes, ...] = field(repr=False)

    def sign(self, fields: Sequence[str]) -> str:
        """Returns the macs of the fields of a row."""
        signed = json.dumps(list(fields)).encode()
        return " ".join(hmac.digest(key, signed, "sha256").hex() for key in self.keys)

    def has_signed(self, fields: Sequence[str], macs: str | None) -> bool:
        """Returns whether one of the macs is of one of the keys."""
        given = (macs or "").encode().split()  # what is not ASCII cannot be compared as text
        return any(hmac.compare_digest(own, each) for own in self.sign(fields).encode().split() for each in given)
