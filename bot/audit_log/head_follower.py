"""Head file of a machine whose copy of the bot stands by: it follows the table that another copy writes.

    own last line ─┬─ is in the table ──────────────────────────▶ the newest event is appended
                   ├─ is not, and a signed acceptance covers it ─▶ the accepted line is appended as evidence, then the newest
                   └─ is not ─▶ the table was truncated, exchanged or restored: this copy must not lead; nothing is written

So every machine has its own witness, and one that was switched off while the table was exchanged finds that later.

An acceptance covers lines up to the last one that was lost, and only in a file that does not have its evidence yet: lines
after the evidence are of the log that went on.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import structlog

from adapters.phrase import Phrase
from bot.audit_log.files import describe_mismatch, describe_unsigned, map_head_file_error
from bot.store import audit as table
from bot.store.audit import TableState
from bot.store.audit_chain import AuditKeys, LossAcceptance, StoredEvent, accepts_loss_of, parse_acceptance
from bot.store.audit_head_file import BEGINNING, Head, HeadFile
from bot.store.database import Database
from bot.store.encoding import encode_time

_log = structlog.get_logger("bot.audit_log.head_follower")


class HeadFollower:
    """Follows the table of `database`, whose session stands by. Not used while this copy leads: `AuditLog` writes then."""

    def __init__(self, database: Database, keys: AuditKeys, head_file: Path, now: Callable[[], datetime]) -> None:
        self._database = database
        self._keys = keys
        self._heads = HeadFile(head_file)
        self._now = now
        self._searched = 0
        self._present: frozenset[tuple[int, str]] = frozenset()

    async def follow(self) -> Phrase | None:
        """Appends the newest event to the head file. Returns the reason for which this copy must not lead; None: it may.

        Call it at least once a second while the copy stands by; `find_obstacle` is the last check, with the lock. Raises a
        `DatabaseError` where the table could not be read: then nothing is known, and nothing was written. A head file that
        cannot be read or written is a reason, too.

        A machine without a head file gets one while another copy leads. Without a leader its absence is a reason, as on
        SQLite: it may have been removed to hide a loss.
        """
        try:
            head = await asyncio.to_thread(self._heads.read_last)
            last = 0 if head is None else head.sequence
            state = await self._database.read(table.read_state, last)
            return await asyncio.to_thread(self._compare_and_append, head, state)
        except OSError as error:
            return map_head_file_error(self._heads.path, error).phrase

    def find_obstacle(self, read_state: Callable[[int], TableState]) -> Phrase | None:
        """Finds the reason for which this copy must not lead, without writing. For the last check under the lock.

        `read_state` is `bot.store.audit.read_state` with the connection, in its thread. Blocks.
        """
        try:
            head = self._heads.read_last()
            state = read_state(0 if head is None else head.sequence)
            if head is None and state.newest is None:
                return None
            accepted = self._parse_acceptances(state.acceptances)
            return self._judge(head, state, accepted, self._find_missing(accepted))
        except OSError as error:
            return map_head_file_error(self._heads.path, error).phrase

    def _compare_and_append(self, head: Head | None, state: TableState) -> Phrase | None:
        """Compares the file with the table, and appends to it where they agree. Reads, writes and syncs the file."""
        newest = state.newest
        begins = head is None and (newest is None or (state.led and not self._heads.path.exists()))
        if begins:
            self._heads.create(self._now())
            head = BEGINNING
            _log.warning("the head file of the audit log begins here", file=str(self._heads.path))
        accepted = self._parse_acceptances(state.acceptances)
        missing = self._find_missing(accepted)
        if (trouble := self._judge(head, state, accepted, missing)) is not None:
            return trouble
        if newest is not None and head is not None:
            self._append(head, newest, missing)
        return None

    def _judge(
        self, head: Head | None, state: TableState, accepted: Sequence[LossAcceptance], missing: Sequence[LossAcceptance]
    ) -> Phrase | None:
        """Judges the last line and the newest event. Returns the reason for which this copy must not lead; None: it may."""
        trouble = describe_mismatch(head, state.newest, state.witnessed)
        if trouble is not None and not (head is not None and _is_covered(head, accepted, missing)):
            return trouble
        if state.newest is None or self._keys.is_signed(state.newest):
            return None
        return describe_unsigned(state.newest)

    def _parse_acceptances(self, events: Sequence[StoredEvent]) -> list[LossAcceptance]:
        """Returns the acceptances that one of our keys signed, of which a line was lost; in order."""
        told = [parse_acceptance(event) for event in events if self._keys.is_signed(event)]
        return [each for each in told if each is not None and each.lost is not None]

    def _find_missing(self, accepted: Sequence[LossAcceptance]) -> list[LossAcceptance]:
        """Returns the acceptances of which the file does not have the lost line. The file is searched anew where it grew."""
        wanted = frozenset((each.lost or 0, each.lost_mac) for each in accepted)
        size = self._heads.get_size()
        if not wanted <= self._present and size != self._searched:
            self._present = frozenset((each.sequence, each.mac) for each in self._heads.read(size)) & wanted
            self._searched = size
        return [each for each in accepted if (each.lost or 0, each.lost_mac) not in self._present]

    def _append(self, head: Head, newest: StoredEvent, missing: Sequence[LossAcceptance]) -> None:
        at = encode_time(self._now())
        for each in missing:
            self._heads.append(Head(each.lost or 0, each.lost_mac, at))
        if missing or (head.sequence, head.mac) != (newest.sequence, newest.mac):
            self._heads.append(Head(newest.sequence, newest.mac, at))


def _is_covered(head: Head, accepted: Sequence[LossAcceptance], missing: Sequence[LossAcceptance]) -> bool:
    """Returns whether the last line is of events whose loss was accepted. A crash may have left the evidence as the last."""
    return any(accepts_loss_of(each, head) for each in accepted) or any(
        head.sequence <= (each.lost or 0) for each in missing
    )
