"""Order of owed changes: what is owed to a host and concerns identities runs before Nebula starts there. Pure."""

from adapters.phrase import Phrase
from commands.model.owed import KnownOwed, Matter


def find_owed_first(host: str, owed: KnownOwed) -> Phrase | None:
    """Finds the reason for which Nebula must not start on a host now; None if there is none."""
    note = owed.find_guarded(host)
    if note is None:
        return None
    if note.matter is Matter.REVOCATION:
        return Phrase(
            "a revocation is owed there and must run before Nebula starts: {command}. Run {words} for the list",
            command=note.words,
            words="owed",
        )
    return Phrase(
        "the removal of a CA is owed there and must run before Nebula starts: {command}. Run {words} for the list",
        command=note.words,
        words="owed",
    )
