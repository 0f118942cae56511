"""The audit log: requests, refusals and effects; appended, chained, never changed.

    record ─▶ commit (table, synchronous=FULL) ─▶ head file (number and mac, fsync) ─▶ returns
    start  ─▶ table and head file compared ─┬─ the file lags: a crash came between; it is caught up
                                            └─ anything else: `trouble`; the file is left as it is, as evidence
    start  ─▶ chain verified, index made (`bot.record`) ─▶ reads and appends are compared with it; else: `trouble`
    trouble ─ an administrator accepts the loss by its name ─▶ event ACCEPTED ─▶ a new line ─▶ intact

Only the loss of events can be accepted, never a change of events: the table's chain must be whole. The ACCEPTED event names
the head file's last line, which stays. `verify_chain` then checks the table against the lines after it, and their first
proves all events before it.

The chain is `bot.store.audit_chain`. Limits of its proof: an attacker with the key can write a new log, and an attacker who
can write both files can take both back to the same earlier moment. Against the first, keep the key away; against the second,
keep a copy of the head file elsewhere, too.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.audit_log import files
from bot.audit_log import search as audit_search
from bot.audit_log.search import AuditFilters, ExportFormat, FoundOperations
from bot.record.record import Record
from bot.security.redaction import Redactor
from bot.store import audit as table
from bot.store.audit_chain import (
    ACCEPTED_KIND,
    AuditKeys,
    LossAcceptance,
    StoredEvent,
    Verification,
    accepts_loss_of,
    parse_acceptance,
)
from bot.store.audit_head_file import INITIAL_MAC, MAX_SEQUENCE, Head, HeadFile
from bot.store.database import Database
from bot.store.encoding import encode_json, encode_time, escape_text

T = TypeVar("T")


class EventKind(StrEnum):
    """Kinds of audit events. The values are stored."""

    REQUEST = "request"
    REFUSAL = "refusal"
    CONFIGURATION = "configuration"
    START = "start"
    STOP = "stop"
    AUDIT_READ = "audit_read"
    EXPORT = "export"
    PLAN = "plan"
    APPROVAL = "approval"
    OPENED = "opened"
    REVIEW = "review"
    BREAK_GLASS = "break_glass"
    WAIVER = "waiver"
    RUN = "run"
    INTENT = "intent"
    OUTCOME = "outcome"
    END = "end"
    LOCK = "lock"
    SCHEDULE = "schedule"
    NOTICE = "notice"
    INCIDENT = "incident"
    ALERT = "alert"
    MUTE = "mute"
    OWED = "owed"
    IDENTITY = "identity"
    ROTATION = "rotation"
    SUSPENSION = "suspension"
    BACKUP = "backup"
    DRILL = "drill"
    HOST = "host"
    ACCEPTED = ACCEPTED_KIND
    SETTLED = "settled"
    ADOPTED = "adopted"


class Recorder(Protocol):
    """Records events: the audit log, as components that act need it."""

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        """Append one event. Returns once it is safe, and raises where it is not."""


class NotAcceptable(Refused):
    """No loss has that name, or the table is not an unmodified earlier state of the log."""


@dataclass(frozen=True)
class _Loss:
    """A loss that can be accepted. `head` is the head file's last line, which the table does not reach; None: the file is
    lost.
    """

    name: str
    head: Head | None


class AuditLog:
    """The audit log of a running bot: opened by `open`, closed by `aclose`.

    `trouble` describes how the table and the head file disagree; None where they agree. Reads go on with trouble and are
    recorded in the table. A change of hosts must check `intact` first. `settled`: what was open in the state with trouble is
    closed already (`bot.app.settle_loss`). An acceptance leaves it to the next start otherwise.
    """

    def __init__(
        self, database: Database, keys: AuditKeys, heads: HeadFile, now: Callable[[], datetime], redactor: Redactor
    ) -> None:
        self._database = database
        self._keys = keys
        self._heads = heads
        self._now = now
        self._redactor = redactor
        self._record = Record(database, keys, self.report)
        self._loss: _Loss | None = None
        self._accepting = asyncio.Lock()
        self._newest = Head(0, INITIAL_MAC, encode_time(now()))
        self._written = 0
        self._head_thread = ThreadPoolExecutor(1, thread_name_prefix="audit-head")
        self.trouble: Phrase | None = None
        self.settled = False

    @classmethod
    async def open(
        cls,
        database: Database,
        keys: AuditKeys,
        head_file: Path,
        now: Callable[[], datetime],
        redactor: Redactor | None = None,
    ) -> "AuditLog":
        """Compare table and head file, and catch the file up where it lags. Raises `HeadUnavailable` where it could not be
        read.

        `redactor` knows the secrets that no export may hold.
        """
        audit = cls(database, keys, HeadFile(head_file), now, redactor or Redactor())
        head = await audit._run_in_head_thread(audit._heads.read_last)
        newest = await database.read(table.read_last)
        if head is None and newest is None:
            await audit._run_in_head_thread(lambda: audit._heads.create(now()))
            return audit
        witnessed = None if head is None else await database.read(lambda session: table.find_event(session, head.sequence))
        lost = files.describe_mismatch(head, newest, witnessed)
        written = 0 if head is None else head.sequence
        if (
            lost is not None
            and head is not None
            and _is_accepted(keys, await database.read(table.find_last_acceptance), head)
        ):
            lost, written = None, 0  # a crash came between the event and its line
        if lost is not None:
            audit._loss = _Loss(files.name_loss(head, newest), head)
        if lost is None and newest is not None and not keys.is_signed(newest):
            lost = files.describe_unsigned(newest)
        flaw = await audit._record.load()
        audit.trouble = lost or flaw
        if audit.trouble is None and newest is not None:
            audit._written = written
            await audit._update_head_file(newest)
        return audit

    @property
    def intact(self) -> bool:
        """True if the table agrees with the head file."""
        return self.trouble is None

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        """Append an event. Returns when it is on the disk, in the table and in the head file.

        `data` is JSON of at most 64 kB and holds no secret. Raises a `DatabaseError` (nothing was recorded), `TooLarge`, or
        `HeadUnavailable`. A caller that could not record must not act.
        """
        event = self._make_event(kind, actor, operation, data)
        await self._update_head_file(await self._record.append(event))

    def report(self, trouble: Phrase) -> None:
        """Take note that the database was changed by another program. No change begins from now on."""
        self.trouble = self.trouble or trouble

    async def check(self) -> None:
        """Compare the number of events and the newest one with those that were written; see `trouble`."""
        if self.intact:
            await self._record.check()

    async def check_whole(self) -> None:
        """Compare every event with the one that was written; see `trouble`. Takes 10 µs of a processor for each."""
        if self.intact:
            await self._record.check_whole()

    async def list_signed(self, operation: str, kinds: Collection[EventKind], after: int = 0) -> tuple[StoredEvent, ...]:
        """List the events of these kinds about an operation, with a number above `after`, as they were written.

        Raises `RecordDamaged` if one is missing or changed. Forged ones are left out.
        """
        return await self._record.list_of_operation(operation, kinds, after)

    async def find_signed(self, operation: str, kind: EventKind) -> tuple[StoredEvent, ...]:
        """Find the events of one kind about an operation, as they were written. Raises as `list_signed`."""
        return await self._record.list_of_operation(operation, (kind,))

    async def find_newest_signed(self, kind: EventKind) -> StoredEvent | None:
        """Find the newest event of one kind, as it was written. Raises as `list_signed`."""
        return await self._record.find_newest(kind)

    async def find_all_signed(self, kind: EventKind) -> tuple[StoredEvent, ...]:
        """Find all events of one kind, as they were written. Raises as `list_signed`."""
        return await self._record.list_of_kinds((kind,), 0, self._record.index.sequence)

    async def list_after(self, sequence: int, most: int) -> tuple[StoredEvent, ...]:
        """List the events after one, in order, at most so many. They may be forged: ask `is_signed`."""
        return await self._database.read(lambda session: table.list_after(session, sequence, most))

    async def find_last_before(self, at: datetime, until: int = MAX_SEQUENCE) -> int:
        """Find the number of the newest event before that time, up to the event `until`; 0 if there is none."""
        return await self._database.read(lambda session: table.find_last_before(session, at, until))

    def is_signed(self, event: StoredEvent) -> bool:
        """Return whether one of our keys signed this very event."""
        return self._keys.is_signed(event)

    async def read_signed(self, kinds: Sequence[EventKind], after: int, until: int) -> tuple[StoredEvent, ...]:
        """Read the events of these kinds with a number above `after`, up to `until`. Raises as `list_signed`."""
        return await self._record.list_of_kinds(kinds, after, until)

    async def list_numbered(self, sequences: Sequence[int]) -> tuple[StoredEvent, ...]:
        """List the events with these numbers, in order. They may be forged: ask `is_signed`."""
        return await self._database.read(lambda session: table.list_numbered(session, sequences))

    async def read_newest(self) -> Head | None:
        """Read the newest event's number, mac and time; None where there is none."""
        event = await self._database.read(table.read_last)
        return None if event is None else Head(event.sequence, event.mac, event.at)

    async def verify(self, actor: str, operation: str) -> Verification:
        """Verify the whole chain, beside the running bot. The read is recorded first."""
        await self.record(EventKind.AUDIT_READ, actor, operation, {"verify": True})
        return await asyncio.to_thread(files.verify_files, self._database.address, self._heads.path, self._keys.all)

    async def accept(self, actor: str, name: str) -> None:
        """Accept the loss of events; `name` is exactly the one that `trouble` shows.

        Recorded as an event that names the lost line and the table that is there instead; the head file's old lines stay.
        Raises `NotAcceptable` where nothing of that name is lost, where the head file changed since the start, or where the
        table itself was changed; and the errors of `record`.
        """
        async with self._accepting:
            await self._accept_loss(actor, name)

    async def _accept_loss(self, actor: str, name: str) -> None:
        loss = self._loss
        if loss is None or name != loss.name:
            raise NotAcceptable(Phrase("no loss named {name}. Run audit verify for the name", name=escape_text(name)))
        if await self._run_in_head_thread(self._heads.read_last) != loss.head:
            raise NotAcceptable(Phrase("the audit head file changed after the bot started. Restart the bot and check again"))
        found = await asyncio.to_thread(files.verify_table, self._database.address, self._keys.all)
        if found.problem is not None:
            raise NotAcceptable(
                Phrase("the current audit log cannot be accepted because it is incomplete: {why}", why=found.problem.phrase)
            )
        lost, lost_mac = (None, "") if loss.head is None else (loss.head.sequence, loss.head.mac)
        accepted_loss = LossAcceptance(
            name=loss.name, lost=lost, lost_mac=lost_mac, found=found.count, found_mac=found.mac, unsettled=not self.settled
        )
        event = self._make_event(EventKind.ACCEPTED, actor, "", accepted_loss.model_dump(mode="json", exclude_defaults=True))
        accepted = await self._database.run(lambda session: table.append_acceptance(session, event, self._keys.signing.seal))
        if loss.head is None:
            await self._run_in_head_thread(lambda: self._heads.create(self._now()))
        self.trouble = self._loss = None
        self.trouble = await self._record.load()
        await self._update_head_file(accepted)

    async def search(self, filters: AuditFilters) -> tuple[StoredEvent, ...]:
        """Find the newest matching events, the newest first, without secrets. The requester is recorded already."""
        return await asyncio.to_thread(audit_search.search, self._database.address, filters, self._redactor)

    async def search_operations(self, filters: AuditFilters) -> FoundOperations:
        """Find the newest operations with a matching event, readable, without secrets. The requester is recorded already."""
        return await asyncio.to_thread(audit_search.search_operations, self._database.address, filters, self._redactor)

    async def export(self, filters: AuditFilters, form: ExportFormat) -> bytes:
        """Export all matching events as a file, oldest first, without secrets. Raises `TooLarge` if there are too many."""
        return await asyncio.to_thread(audit_search.export, self._database.address, filters, form, self._redactor)

    async def aclose(self) -> None:
        """Finish the head file's lines."""
        await asyncio.to_thread(self._head_thread.shutdown)

    def _make_event(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> StoredEvent:
        """Make an event that has no place in the chain yet."""
        return StoredEvent(
            sequence=0,
            at=encode_time(self._now()),
            kind=kind,
            actor=escape_text(actor),
            operation=escape_text(operation),
            data=encode_json(data),
            key="",
            previous="",
            mac="",
        )

    async def _update_head_file(self, event: StoredEvent) -> None:
        """Write a committed event to the head file. One line covers all events that were committed meanwhile."""
        if self.trouble is not None:
            return
        if event.sequence > self._newest.sequence:
            self._newest = Head(event.sequence, event.mac, encode_time(self._now()))
        await self._run_in_head_thread(lambda: self._write_head(event.sequence))

    def _write_head(self, sequence: int) -> None:
        """Write one line, in the head file's thread. Lines keep their order there, even if the waiting task is cancelled."""
        if sequence <= self._written:
            return
        newest = self._newest
        self._heads.append(newest)
        self._written = newest.sequence

    async def _run_in_head_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.wrap_future(self._head_thread.submit(work))
        except OSError as error:
            raise files.map_head_file_error(self._heads.path, error) from error


def _is_accepted(keys: AuditKeys, event: StoredEvent | None, head: Head) -> bool:
    """Return whether an event is ours and accepts the loss of this line."""
    accepted_loss = parse_acceptance(event)
    return event is not None and accepted_loss is not None and accepts_loss_of(accepted_loss, head) and keys.is_signed(event)


MAX_RECORDED_LENGTH = 500
"""Characters of a foreign text that an audit event keeps."""
