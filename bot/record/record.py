"""Appends and reads of events. Each row is compared with the index and with its signature."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence

from adapters.phrase import Phrase
from bot.record.index import RecordIndex
from bot.store import audit as table
from bot.store.audit_chain import AuditKeys, StoredEvent
from bot.store.database import MAX_SHARED_COMMITS, Database
from bot.store.errors import DatabaseError

ROWS_AT_ONCE = 500
"""Rows that one statement reads: SQLite's limit of parameters is above that."""


class RecordDamaged(DatabaseError):
    """An event that was written is missing in the database, or is not as it was written."""


class Record:
    """The events of a log. `report` learns of each damage, and of foreign rows, as soon as they are found."""

    def __init__(self, database: Database, keys: AuditKeys, report: Callable[[Phrase], None]) -> None:
        self.index = RecordIndex()
        self._database = database
        self._keys = keys
        self._report = report
        self._sealed: deque[tuple[int, str]] = deque(maxlen=MAX_SHARED_COMMITS)
        """Numbers and macs of the events that were sealed last: those of a transaction follow one another before the index
        has them."""

    async def load(self) -> Phrase | None:
        """Makes the index of the whole table. Returns its first flaw; None if it is whole."""
        index = RecordIndex()
        flaw = await self._database.read(lambda connection: index.extend(table.iterate_events(connection), self._keys))
        self.index = index
        return flaw

    def append(self, event: StoredEvent) -> asyncio.Future[StoredEvent]:
        """Appends an event, sealed as the successor of the newest one. The future is done when the commit is on the disk.

        A newest row with which the log does not end is reported. The event is written all the same: what happens while there
        is trouble is recorded, too.
        """
        return self._database.commit(lambda connection: table.append(connection, event, self._seal), self._add)

    async def list_of_operation(self, operation: str, kinds: Collection[str], after: int = 0) -> tuple[StoredEvent, ...]:
        """Lists the events of an operation of these kinds, with a number above `after`, in order. Raises `RecordDamaged`."""
        return await self._read(self.index.list_of_operation(operation, kinds, after))

    async def list_of_kinds(self, kinds: Collection[str], after: int, until: int) -> tuple[StoredEvent, ...]:
        """Lists the events of these kinds with a number above `after`, up to `until`, in order. Raises `RecordDamaged`."""
        return await self._read(self.index.list_of_kinds(kinds, after, until))

    async def find_newest(self, kind: str) -> StoredEvent | None:
        """Finds the newest event of one kind; None if there is none. Raises `RecordDamaged`."""
        numbers = [number for number, _ in zip(self.index.iterate_backwards(kind), range(1), strict=False)]
        return next(iter(await self._read(numbers)), None)

    def _seal(self, event: StoredEvent, before: StoredEvent | None) -> StoredEvent:
        """Seals an event, in the thread of the database."""
        uncommitted = (
            before is not None and before.sequence > self.index.sequence and (before.sequence, before.mac) in self._sealed
        )
        if not uncommitted and not self.index.ends_with(before):
            self._report(describe_foreign(self.index.sequence, before))
        sealed = self._keys.signing.seal(event, before)
        self._sealed.append((sealed.sequence, sealed.mac))
        return sealed

    def _is_uncommitted(self, event: StoredEvent | None) -> bool:
        """Returns whether an event was sealed in the transaction that is not committed yet."""
        return event is not None and event.sequence > self.index.sequence and (event.sequence, event.mac) in self._sealed

    def _add(self, event: StoredEvent) -> None:
        """Adds a committed event to the index, in the thread of the database."""
        if event.sequence > self.index.sequence:
            self.index.add(event)

    async def check(self) -> None:
        """Compares the number of rows and the newest one with the index, and reports what differs."""
        await self._database.read(lambda connection: self._compare_extent(*table.read_extent(connection)))

    def _compare_extent(self, newest: StoredEvent | None, count: int) -> None:
        """Compares in the thread of the database: the index has all that was committed then."""
        if not self.index.ends_with(newest):
            self._report(describe_foreign(self.index.sequence, newest))
        elif count != self.index.sequence:
            self._report(
                Phrase(
                    "the audit log has {found} events, and {expected} were written. Restore the database from a backup",
                    found=count,
                    expected=self.index.sequence,
                )
            )

    async def check_whole(self) -> None:
        """Compares every row with the index and with its signature, and reports the first one that is not as it was written.

        It reads some rows at a time, so that other work goes on.
        """
        last = self.index.sequence
        for begin in range(0, last, ROWS_AT_ONCE):
            rows = await self._database.read(table.list_after, begin, ROWS_AT_ONCE)
            end = min(begin + ROWS_AT_ONCE, last)
            if not await asyncio.to_thread(self._compare_rows, range(begin + 1, end + 1), rows):
                return

    def _compare_rows(self, numbers: Iterable[int], rows: Sequence[StoredEvent]) -> bool:
        found = {row.sequence: row for row in rows}
        try:
            for number in numbers:
                self._require(number, found.get(number))
        except RecordDamaged:
            return False
        return True

    async def _read(self, numbers: Sequence[int]) -> tuple[StoredEvent, ...]:
        found: list[StoredEvent] = []
        for begin in range(0, len(numbers), ROWS_AT_ONCE):
            some = numbers[begin : begin + ROWS_AT_ONCE]
            rows = {row.sequence: row for row in await self._database.read(table.list_numbered, some)}
            found += (self._require(number, rows.get(number)) for number in some)
        return tuple(found)

    def _require(self, number: int, row: StoredEvent | None) -> StoredEvent:
        """Returns the row with this number. Raises `RecordDamaged` unless it is the event that was written."""
        if row is not None and self.index.has(row) and self._keys.is_signed(row):
            return row
        damage = describe_damage(number, row)
        self._report(damage)
        raise RecordDamaged(damage)


def describe_damage(number: int, row: StoredEvent | None) -> Phrase:
    """Describes an event that is missing, or is not as it was written."""
    if row is None:
        return Phrase(
            "audit event {sequence} was removed while the bot was running. Restore the database from a backup",
            sequence=number,
        )
    return Phrase(
        "audit event {sequence} was modified while the bot was running. Restore the database from a backup", sequence=number
    )


def describe_foreign(last: int, newest: StoredEvent | None) -> Phrase:
    """Describes a newest row with which the log does not end."""
    if newest is None or newest.sequence < last:
        return describe_damage(last, None)
    if newest.sequence == last:
        return describe_damage(last, newest)
    return Phrase(
        "audit event {sequence} was not written by this bot. Restore the database from a backup", sequence=newest.sequence
    )
