"""Owed changes as plans know them: what is still to be done on hosts that a change had to leave out."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import AwareDatetime

from adapters.value import Value


class Matter(StrEnum):
    """Matter of an owed change. The values are stored.

    While a REVOCATION is owed, the host accepts an identity that is not valid any more; while an AUTHORITY is, it trusts a
    CA that should be gone.
    """

    CHANGE = "change"
    REVOCATION = "revocation"
    AUTHORITY = "authority"

    @property
    def is_guarded(self) -> bool:
        """True if it must run before Nebula starts on its host, and is given up only with approvals."""
        return self is not Matter.CHANGE


class OwedNote(Value):
    """One open owed change: `words` is its command for this host alone."""

    number: int
    host: str
    words: str
    matter: Matter
    since: AwareDatetime


@dataclass(frozen=True)
class KnownOwed:
    """The open owed changes, oldest first."""

    notes: tuple[OwedNote, ...] = ()

    def find(self, number: int) -> OwedNote | None:
        """Finds an open owed change by its number."""
        return next((note for note in self.notes if note.number == number), None)

    def find_guarded(self, host: str) -> OwedNote | None:
        """Finds the oldest one that must run before Nebula starts on a host; None if there is none."""
        return next((note for note in self.notes if note.host == host and note.matter.is_guarded), None)


NOTHING_OWED = KnownOwed()
"""Where nothing is owed, or nothing is known of it."""
