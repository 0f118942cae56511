"""The audit log on the disk: table and head file, verified with or without a running bot.

Phrases about a table and a head file that disagree. Pure.

`bot.audit_log.log` finds the disagreement, and an administrator may accept the loss by its name.
"""

import errno
from collections.abc import Iterable
from pathlib import Path

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.store import audit as table
from bot.store.address import DatabaseAddress
from bot.store.audit_chain import AuditKey, StoredEvent, Verification, verify_chain
from bot.store.audit_head_file import BEGINNING, Head, HeadFile
from bot.store.encoding import escape_text
from bot.store.reading import open_for_reading


class HeadUnavailable(FlatnetError):
    """The head file could not be read or written. The event may be in the table already; the next line covers it, too."""


def verify_files(database: DatabaseAddress, head_file: Path, keys: Iterable[AuditKey]) -> Verification:
    """Verify the files on the disk, with or without a running bot. Raises a `DatabaseError` or `HeadUnavailable`:
    unreadable.
    """
    heads = HeadFile(head_file)
    try:
        size = heads.get_size()  # before the table's state is fixed, so that no line is newer than the table
        with open_for_reading(database) as session:
            return verify_chain(table.iterate_events(session), heads.read(size), keys, table.find_last_acceptance(session))
    except OSError as error:
        raise map_head_file_error(head_file, error) from error


def verify_table(database: DatabaseAddress, keys: Iterable[AuditKey]) -> Verification:
    """Verify the table's chain alone, whatever the head file holds."""
    with open_for_reading(database) as session:
        return verify_chain(table.iterate_events(session), [BEGINNING], keys)


def map_head_file_error(path: Path, error: OSError) -> HeadUnavailable:
    """Map an error of the operating system to `HeadUnavailable`."""
    return HeadUnavailable(
        Phrase(
            "could not read or write the audit head file {path} ({reason}). Check the folder, its owner and the disk",
            path=str(path),
            reason=errno.errorcode.get(error.errno or 0, "?"),
        )
    )


def name_loss(head: Head | None, newest: StoredEvent | None) -> str:
    """Make the name that must be typed to accept the loss."""
    if head is not None:
        return head.name
    return f"audit-0-{escape_text(newest.mac[:8])}" if newest is not None else ""


def describe_mismatch(head: Head | None, newest: StoredEvent | None, witnessed: StoredEvent | None) -> Phrase | None:
    """Describe how the table disagrees with the head file's last line; None where it agrees.

    `witnessed` is the table's event with the number of that line.
    """
    if head is None:
        return Phrase(
            "the audit log has events, but its head file is missing or empty. Restore the head file and restart, or accept "
            "the loss with: audit accept {name}",
            name=name_loss(head, newest),
        )
    if head.sequence == 0:
        return None
    if newest is None or newest.sequence < head.sequence:
        return Phrase(
            "the audit log ends at event {found}, but its head file at {expected}: it was truncated or restored from an "
            "older backup. Restore the newest backup and restart, or accept the loss with: audit accept {name}",
            found=0 if newest is None else newest.sequence,
            expected=head.sequence,
            name=head.name,
        )
    if witnessed is None or witnessed.mac != head.mac:
        return Phrase(
            "audit event {sequence} does not match the head file. Run flatnet-bot audit verify and restore both from a "
            "backup, or, after restoring an older database, accept the loss with: audit accept {name}",
            sequence=head.sequence,
            name=head.name,
        )
    return None


def describe_unsigned(newest: StoredEvent) -> Phrase:
    """Describe that none of our keys signed the newest event. The next event would build on it."""
    return Phrase(
        "audit event {sequence} is not signed with a configured key: the key or the event was changed. Add earlier keys to "
        "old_audit_key_secrets, then run flatnet-bot audit verify",
        sequence=newest.sequence,
    )
