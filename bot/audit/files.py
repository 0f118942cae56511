"""The audit log on the disk: table and head file, verified with or without a running bot."""

import errno
from collections.abc import Iterable
from pathlib import Path

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.store import audit as table
from bot.store.address import DatabaseAddress
from bot.store.chain import AuditKey, Verification, verify_chain
from bot.store.head_file import BEGINNING, HeadFile
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
