"""The inbox that several copies of the bot write to, over PostgreSQL. The copy that leads works on the rows of all.

    keep ─┬─▶ waiting, 0 attempts ─ NOTIFY ─▶ the leader: list_waiting ─ begin ─▶ as in `bot.store.inbox`
          └ after its deadline ─▶ withdrawn: finished at once, without its payload

A copy may hang between reading a delivery and writing its row, and Slack has told the person by then that nothing came of
it. So each row has a deadline, and the server compares it with its own clock in the statement that writes the row.

Rows without a mac of a copy are left alone: they would be requests in a person's name (`bot.store.shared_inbox`).

The signal that a delivery was stored by another copy of the bot: a session of PostgreSQL that listens, and its thread.

    opened ─▶ connected ─ NOTIFY ─▶ wake
                 ▲   └ lost ─▶ a pause ─┐
                 └───────── wake ◀──────┘ (what was stored meanwhile was not heard)

A lost signal costs time and nothing else, because the leader looks for deliveries every few seconds, too.

The seal on deliveries in a database that others than the copies of the bot can write: macs that prove who kept them.

A delivery is a request in a person's name. Who can write the database, but has no audit key, must not make one. A delivery
that is put back after it was finished acts on nothing: its handling knows what it has done (`bot.slack.delivery_kind`).
"""

import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import Connection, Row, bindparam, case, literal, null, select
from sqlalchemy.dialects.postgresql import insert

from bot.store.address import PostgresAddress
from bot.store.database import Database
from bot.store.database_time import database_now, read_time
from bot.store.encoding import encode_json, escape_text
from bot.store.inbox import NO_PAYLOAD, Delivery, read_delivery
from bot.store.schema.column_types import UtcText
from bot.store.schema.tables import INBOX

if TYPE_CHECKING:
    import psycopg


CHANNEL = "flatnet_inbox"
"""Channel of the notifications."""

RECONNECT_PAUSE = 1.0
"""Seconds between two attempts to connect."""

WAIT_SECONDS = 0.5
"""Seconds after which the thread looks whether it is to end."""

_log = structlog.get_logger("bot.store.shared_inbox")


class InboxSignal:
    """A session that listens, until `close`. `wake` is called in its thread."""

    def __init__(self, address: PostgresAddress, wake: Callable[[], None]) -> None:
        self._address = address
        self._wake = wake
        self._over = Event()
        self._thread = Thread(target=self._run, name="inbox signal", daemon=True)

    @classmethod
    def open(cls, address: PostgresAddress, wake: Callable[[], None]) -> "InboxSignal":
        """Starts to listen, in a thread of its own. A server that does not answer is tried again."""
        signal = cls(address, wake)
        signal._thread.start()
        return signal

    def close(self) -> None:
        """Ends the thread, which takes up to `WAIT_SECONDS` and is not waited for."""
        self._over.set()

    def join(self) -> None:
        """Waits for the end of the thread."""
        self._thread.join()

    def _run(self) -> None:
        from bot.store.postgres_errors import map_postgres_error
        from bot.store.postgres_session import connect

        while not self._over.is_set():
            try:
                with connect(self._address) as session:
                    self._listen(session)
            except Exception as error:  # any error: the leader looks for deliveries without this signal, too
                if not self._over.wait(RECONNECT_PAUSE):
                    why = map_postgres_error(error, self._address) or repr(error)
                    _log.warning("the signal of new deliveries was lost and is tried again", why=str(why))

    def _listen(self, session: "psycopg.Connection[Any]") -> None:
        session.execute("SET idle_session_timeout = 0")  # it says nothing for as long as no delivery comes
        session.execute(f"LISTEN {CHANNEL}".encode())
        self._wake()
        while not self._over.is_set():
            if list(session.notifies(timeout=WAIT_SECONDS, stop_after=1)):
                self._wake()


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


class Stored(Enum):
    """The fate of a delivery: a new row, one that was there before, or none that is worked on, because it came too late."""

    NEW = auto()
    KNOWN = auto()
    LATE = auto()


@dataclass(frozen=True)
class Terms:
    """Terms of keeping a delivery.

    `deadline` is by the clock of the database. `begins`: this copy leads, and begins with the work at once. `withdraws`:
    if the delivery is late, its key is taken all the same, because the person is told that nothing was done.
    """

    deadline: datetime
    begins: bool
    withdraws: bool


@dataclass(frozen=True)
class ClockReading:
    """The time of the database, read between two values of this machine's counter of seconds."""

    before: float
    now: datetime
    after: float


_CLOCK = select(database_now().label("now")).subquery("clock")
_LATE = _CLOCK.c.now > bindparam("deadline", type_=UtcText())
_TEXTS = {name: bindparam(f"new_{name}", type_=INBOX.c[name].type) for name in ("key", "kind", "payload", "taken_by", "mac")}
_VALUES = {
    "key": _TEXTS["key"],
    "kind": _TEXTS["kind"],
    "payload": case((_LATE, literal(NO_PAYLOAD)), else_=_TEXTS["payload"]),
    "received_at": _CLOCK.c.now,
    "attempts": bindparam("new_attempts", type_=INBOX.c.attempts.type),
    "taken_by": _TEXTS["taken_by"],
    "mac": _TEXTS["mac"],
    "finished_at": case((_LATE, _CLOCK.c.now), else_=null()),
}
_ROW = select(*_VALUES.values()).select_from(_CLOCK).where(_CLOCK.c.now.is_not(None))  # SQLite needs a WHERE here
_KEEP = insert(INBOX).from_select(list(_VALUES), _ROW).on_conflict_do_nothing().returning(INBOX.c.finished_at)
_KEEP_IN_TIME = (
    insert(INBOX).from_select(list(_VALUES), _ROW.where(~_LATE)).on_conflict_do_nothing().returning(INBOX.c.finished_at)
)
_IS_KNOWN = select(INBOX.c.key).where(INBOX.c.key == bindparam("this"))
_LIST_WAITING = (
    select(INBOX, database_now().label("read_at"))
    .where(INBOX.c.finished_at.is_(None))
    .order_by(INBOX.c.received_at, INBOX.c.key)
)


class SharedInbox:
    """The inbox as one copy of the bot sees it. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database, copy: str, seal: InboxSeal) -> None:
        self._database = database
        self._copy = copy
        self._seal = seal
        self._unsigned = 0

    async def keep(self, delivery: Delivery, terms: Terms) -> Stored:
        """Stores a delivery, and wakes the leader. Raises `TooLarge`."""
        signed = escape_text(delivery.key), delivery.kind, encode_json(delivery.payload), self._copy
        values = {
            **dict(zip(("new_key", "new_kind", "new_payload", "new_taken_by"), signed, strict=True)),
            "new_mac": self._seal.sign(signed),
            "new_attempts": 1 if terms.begins else 0,
            "deadline": terms.deadline,
        }
        statement = _KEEP if terms.withdraws else _KEEP_IN_TIME

        def work(connection: Connection) -> Stored:
            row = connection.execute(statement, values).one_or_none()
            if row is None:
                known = connection.execute(_IS_KNOWN, {"this": values["new_key"]}).one_or_none()
                return Stored.LATE if known is None else Stored.KNOWN
            if row.finished_at is not None:
                return Stored.LATE
            if not terms.begins:
                connection.exec_driver_sql(f"NOTIFY {CHANNEL}")
            return Stored.NEW

        return await self._database.run(work)

    async def list_waiting(self, now: datetime) -> tuple[Delivery, ...]:
        """Lists the unfinished deliveries of all copies, oldest first, received at times by the clock that says `now`.

        Those that no copy has signed are not listed, and stay.
        """

        def work(connection: Connection) -> tuple[list[Delivery], int]:
            rows = connection.execute(_LIST_WAITING).all()
            signed = [row for row in rows if self._is_signed(row)]
            return [_read_by_own_clock(row, now) for row in signed], len(rows) - len(signed)

        listed, unsigned = await self._database.read(work)
        if unsigned > self._unsigned:
            _log.error("deliveries in the database are not signed with the audit key, and are not handled", number=unsigned)
        self._unsigned = unsigned
        return tuple(listed)

    def _is_signed(self, row: Row[Any]) -> bool:
        return self._seal.has_signed((row.key, row.kind, row.payload, row.taken_by or ""), row.mac)

    async def read_clock(self, count: Callable[[], float]) -> ClockReading:
        """Reads the time of the database between two values of `count`."""
        return await self._database.read(_read_clock, count)

    def follow(self, wake: Callable[[], None]) -> InboxSignal:
        """Calls `wake` in a thread of its own whenever another copy has stored a delivery, until the signal is closed."""
        address = self._database.address
        assert isinstance(address, PostgresAddress)
        return InboxSignal.open(address, wake)


def _read_clock(connection: Connection, count: Callable[[], float]) -> ClockReading:
    before = count()
    now = read_time(connection)
    return ClockReading(before, now, count())


def _read_by_own_clock(row: Row[Any], now: datetime) -> Delivery:
    """Reads a row. Only its age is known: the machine's clock may be hours off."""
    delivery = read_delivery(row)
    age = max(row.read_at - delivery.received_at, timedelta(0))
    return Delivery(delivery.key, delivery.kind, delivery.payload, now - age, delivery.attempts)
