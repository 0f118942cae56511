"""The audit log: what was asked, refused and done; appended, chained, never changed.

    record ─▶ commit (table, synchronous=FULL) ─▶ head file (number and mac, fsync) ─▶ returns
    start  ─▶ table and head file compared ─┬─ the file lags: a crash came between; it is caught up
                                            └─ anything else: `trouble`; the file is left as it is, as evidence

`bot.store.chain` is the chain itself. What it does not prove: whoever has the key can write a new
log, and whoever can write both files can take both back to the same earlier moment. Against the
first, keep the key away; against the second, keep the head elsewhere too.
"""

import asyncio
import errno
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.store import audit as table
from bot.store.chain import AuditKey, StoredEvent, Verification, verify
from bot.store.database import Database, open_for_reading
from bot.store.heads import BEGINNING, Head, HeadFile
from bot.store.stored import json_text, safe_text, utc_text

T = TypeVar("T")


class EventKind(StrEnum):
    """What an event tells."""

    REQUEST = "request"
    REFUSAL = "refusal"
    CONFIGURATION = "configuration"
    START = "start"
    STOP = "stop"
    AUDIT_READ = "audit_read"


@dataclass(frozen=True)
class AuditKeys:
    """The key that signs new events, and earlier ones that older events were signed with."""

    signing: AuditKey
    earlier: tuple[AuditKey, ...] = ()

    @property
    def all(self) -> tuple[AuditKey, ...]:
        return self.signing, *self.earlier


class HeadUnavailable(FlatnetError):
    """The head file cannot be read or written. The event may be in the table already; the next line tells of it, too."""


class Audit:
    """The log of a running bot: made by `open`, given back by `aclose`.

    `trouble` says how the table and the head file disagree; None where they agree. Reading goes on
    with trouble and is recorded in the table; what changes hosts must ask `intact` first.
    """

    def __init__(self, database: Database, keys: AuditKeys, heads: HeadFile, now: Callable[[], datetime]) -> None:
        self._database = database
        self._keys = keys
        self._heads = heads
        self._now = now
        self._newest = Head(sequence=0, mac=BEGINNING, at=now())
        self._written = 0
        self._pen = ThreadPoolExecutor(1, thread_name_prefix="audit-head")
        self.trouble: Phrase | None = None

    @classmethod
    async def open(cls, database: Database, keys: AuditKeys, head_file: Path, now: Callable[[], datetime]) -> "Audit":
        """Compare table and head file, and catch the file up where it lags. `HeadUnavailable` where it cannot be read."""
        audit = cls(database, keys, HeadFile(head_file), now)
        head = await audit._with_pen(audit._heads.last)
        newest = await database.read(table.last)
        if head is None and newest is None:
            await audit._with_pen(lambda: audit._heads.begin(now()))
            return audit
        witnessed = None if head is None else await database.read(lambda session: table.find(session, head.sequence))
        audit.trouble = _trouble(head, newest, witnessed) or _unsigned(keys, newest)
        if audit.trouble is None and head is not None and newest is not None:
            audit._written = head.sequence
            await audit._witness(newest)
        return audit

    @property
    def intact(self) -> bool:
        """Whether the table is the one that the head file tells of."""
        return self.trouble is None

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        """Append an event; returns when it is on the disk, in the table and in the head file.

        `data` is JSON of at most 64 kB and holds no secret. Raises a `DatabaseError` (nothing was
        recorded), `TooLarge`, or `HeadUnavailable`; who cannot record must not act.
        """
        event = StoredEvent(
            sequence=0,
            at=utc_text(self._now()),
            kind=kind,
            actor=safe_text(actor),
            operation=safe_text(operation),
            data=json_text(data),
            key="",
            previous="",
            mac="",
        )
        await self._witness(await self._database.run(lambda session: table.append(session, event, self._keys.signing.seal)))

    async def verify(self, actor: str, operation: str) -> Verification:
        """Follow the whole chain, beside the running bot; that somebody did is recorded first."""
        await self.record(EventKind.AUDIT_READ, actor, operation, {"verify": True})
        return await asyncio.to_thread(verify_files, self._database.path, self._heads.path, self._keys.all)

    async def aclose(self) -> None:
        """Finish the head file's lines."""
        await asyncio.to_thread(self._pen.shutdown)

    async def _witness(self, event: StoredEvent) -> None:
        """Tell the head file of a committed event. Events that were committed meanwhile are told by the same line."""
        if self.trouble is not None:
            return
        if event.sequence > self._newest.sequence:
            self._newest = Head(sequence=event.sequence, mac=event.mac, at=self._now())
        await self._with_pen(lambda: self._write_up_to(event.sequence))

    def _write_up_to(self, sequence: int) -> None:
        """In the pen's thread, where lines keep their order even if the one who waits is cancelled."""
        if sequence <= self._written:
            return
        newest = self._newest
        self._heads.append(newest)
        self._written = newest.sequence

    async def _with_pen(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.wrap_future(self._pen.submit(work))
        except OSError as error:
            raise _unavailable(self._heads.path, error) from error


def verify_files(database: Path, head_file: Path, keys: Iterable[AuditKey]) -> Verification:
    """Verify what lies on the disk, with or without a bot running. A `DatabaseError` or `HeadUnavailable`: unreadable."""
    heads = HeadFile(head_file)
    try:
        size = heads.size()  # before the table's state is fixed, so that no line is newer than the table
        with open_for_reading(database) as session:
            return verify(table.events(session), heads.read(size), keys)
    except OSError as error:
        raise _unavailable(head_file, error) from error


def _trouble(head: Head | None, newest: StoredEvent | None, witnessed: StoredEvent | None) -> Phrase | None:
    """How the table disagrees with the head file's last line. `witnessed` is the event of that line's number."""
    if head is None:
        return Phrase("the audit log has events but its head file is missing or empty; put the head file back, then restart")
    if head.sequence == 0:
        return None
    if newest is None or newest.sequence < head.sequence:
        return Phrase(
            "the audit log ends at event {found}, its head file at {expected}: the database was cut, or copied back from an "
            "earlier time; put the newest copy of the database back, then restart",
            found=0 if newest is None else newest.sequence,
            expected=head.sequence,
        )
    if witnessed is None or witnessed.mac != head.mac:
        return Phrase(
            "audit event {sequence} is another than the head file says; run flatnet-bot audit verify, "
            "then put a copy of both back",
            sequence=head.sequence,
        )
    return None


def _unsigned(keys: AuditKeys, newest: StoredEvent | None) -> Phrase | None:
    """Whether the newest event was signed with one of our keys: the next one rests on it."""
    if newest is None or any(key.mac(newest) == newest.mac for key in keys.all):
        return None
    return Phrase(
        "audit event {sequence} is not signed with a configured key: the key or the event was changed; "
        "name earlier keys in old_audit_key_secrets, and run flatnet-bot audit verify",
        sequence=newest.sequence,
    )


def _unavailable(path: Path, error: OSError) -> HeadUnavailable:
    return HeadUnavailable(
        Phrase(
            "the audit head file {path} cannot be read or written ({reason}); check the folder, its owner and the disk",
            path=str(path),
            reason=errno.errorcode.get(error.errno or 0, "?"),
        )
    )
