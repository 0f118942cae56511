"""Phrases about a table and a head file that disagree. Pure.

`bot.audit.log` finds the disagreement, and an administrator may accept the loss by its name.
"""

from adapters.phrase import Phrase
from bot.store.chain import StoredEvent
from bot.store.heads import Head
from bot.store.stored import escape_text


def name_loss(head: Head | None, newest: StoredEvent | None) -> str:
    """Make the name that must be typed to accept the loss."""
    if head is not None:
        return head.name
    return f"audit-0-{escape_text(newest.mac[:8])}" if newest is not None else ""


def describe_mismatch(head: Head | None, newest: StoredEvent | None, witnessed: StoredEvent | None) -> Phrase | None:
    """Describe how the table disagrees with the head file's last line; None where it agrees.

    `witnessed` is the event of that line's number.
    """
    if head is None:
        return Phrase(
            "the audit log has events but its head file is missing or empty; put the head file back, then restart, "
            "or accept the loss with: audit accept {name}",
            name=name_loss(head, newest),
        )
    if head.sequence == 0:
        return None
    if newest is None or newest.sequence < head.sequence:
        return Phrase(
            "the audit log ends at event {found}, its head file at {expected}: the database was cut, or copied back from an "
            "earlier time; put the newest copy of the database back, then restart, "
            "or accept the loss with: audit accept {name}",
            found=0 if newest is None else newest.sequence,
            expected=head.sequence,
            name=head.name,
        )
    if witnessed is None or witnessed.mac != head.mac:
        return Phrase(
            "audit event {sequence} is another than the head file says; run flatnet-bot audit verify, then put a copy "
            "of both back, or, after a database was copied back, accept the loss with: audit accept {name}",
            sequence=head.sequence,
            name=head.name,
        )
    return None


def describe_unsigned(newest: StoredEvent) -> Phrase:
    """Describe that none of our keys signed the newest event. The next event would build on it."""
    return Phrase(
        "audit event {sequence} is not signed with a configured key: the key or the event was changed; "
        "name earlier keys in old_audit_key_secrets, and run flatnet-bot audit verify",
        sequence=newest.sequence,
    )
