"""Whatever a program without the key writes into the log: no forged event is read, and the trouble is named.

A forgery is made while the bot runs. What is read afterwards is what was written, or nothing.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, insert, select, text, update

from bot.audit_log.log import AuditLog, EventKind
from bot.record.record import RecordDamaged
from bot.store.audit_chain import MIN_KEY_BYTES, AuditKey, AuditKeys, StoredEvent
from bot.store.database import Database
from bot.store.schema.tables import AUDIT

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
KEYS = AuditKeys(AuditKey(b"k" * MIN_KEY_BYTES))
THIEF = AuditKey(b"x" * MIN_KEY_BYTES)
LIFE = (
    EventKind.PLAN,
    EventKind.OPENED,
    EventKind.REVIEW,
    EventKind.APPROVAL,
    EventKind.RUN,
    EventKind.OUTCOME,
    EventKind.END,
)
WRITTEN = [(kind, operation) for kind in LIFE for operation in ("op-1", "op-2")]
NUMBERS = range(1, len(WRITTEN) + 1)

Forgery = Callable[[Connection], object]


def read_row(connection: Connection, number: int) -> StoredEvent:
    """Read one row."""
    return StoredEvent(*connection.execute(select(AUDIT).where(AUDIT.c.sequence == number)).one())


def read_rows(connection: Connection, begin: int) -> list[StoredEvent]:
    """Read the rows from a number on."""
    return [
        StoredEvent(*row)
        for row in connection.execute(select(AUDIT).where(AUDIT.c.sequence >= begin).order_by(AUDIT.c.sequence))
    ]


def write(connection: Connection, *rows: StoredEvent) -> None:
    """Insert rows."""
    for row in rows:
        connection.execute(insert(AUDIT), row._asdict())


def truncate(begin: int) -> Forgery:
    """Remove the events from a number on."""
    return lambda connection: connection.execute(delete(AUDIT).where(AUDIT.c.sequence >= begin))


def remove(number: int) -> Forgery:
    """Remove one event."""
    return lambda connection: connection.execute(delete(AUDIT).where(AUDIT.c.sequence == number))


def change(number: int, column: str) -> Forgery:
    """Change one column of one event."""
    values = {"key": THIEF.id, "mac": "0" * 64, "previous": "1" * 64, "data": '{"n":99}', "operation": "op-2"}
    value = values.get(column, "kenji")
    return lambda connection: connection.execute(update(AUDIT).where(AUDIT.c.sequence == number).values({column: value}))


def exchange(one: int, other: int) -> Forgery:
    """Let two events take each other's place."""

    def work(connection: Connection) -> None:
        rows = read_row(connection, one), read_row(connection, other)
        connection.execute(delete(AUDIT).where(AUDIT.c.sequence.in_((one, other))))
        write(connection, rows[0]._replace(sequence=other), rows[1]._replace(sequence=one))

    return work


def replay(number: int) -> Forgery:
    """Append an older event once more."""

    def work(connection: Connection) -> None:
        last = read_rows(connection, len(WRITTEN))[-1]
        write(connection, read_row(connection, number)._replace(sequence=last.sequence + 1, previous=last.mac))

    return work


def replay_over(number: int) -> Forgery:
    """Put an older event in the place of a newer one."""

    def work(connection: Connection) -> None:
        connection.execute(delete(AUDIT).where(AUDIT.c.sequence == number))
        write(connection, read_row(connection, number - 1)._replace(sequence=number))

    return work


def append_forged(kind: EventKind) -> Forgery:
    """Append an event that another key signed."""

    def work(connection: Connection) -> None:
        last = read_rows(connection, len(WRITTEN))[-1]
        event = last._replace(kind=kind, operation="op-1", data='{"n":99}')
        write(connection, THIEF.seal(event, last))

    return work


def insert_unlinked(kind: EventKind) -> Forgery:
    """Insert an event with a number that is far ahead."""

    def work(connection: Connection) -> None:
        write(connection, read_row(connection, 1)._replace(sequence=10**6, kind=kind, operation="op-1"))

    return work


def chain_again(begin: int) -> Forgery:
    """Remove one event, and sign all that follow with another key."""

    def work(connection: Connection) -> None:
        rows = read_rows(connection, begin)
        connection.execute(delete(AUDIT).where(AUDIT.c.sequence >= begin))
        before = read_row(connection, begin - 1) if begin > 1 else None
        for row in rows[1:]:
            before = THIEF.seal(row, before)
            write(connection, before)

    return work


FORGERIES: dict[str, Forgery] = {
    **{f"truncate from {n}": truncate(n) for n in NUMBERS},
    **{f"remove {n}": remove(n) for n in NUMBERS},
    **{
        f"change {column} of {n}": change(n, column)
        for n in NUMBERS[::2]
        for column in ("at", "kind", "actor", "operation", "data", "key", "previous", "mac")
    },
    **{f"exchange {n} and {n + 2}": exchange(n, n + 2) for n in NUMBERS[:-2]},
    **{f"replay {n}": replay(n) for n in NUMBERS},
    **{f"replay over {n}": replay_over(n) for n in NUMBERS[1:]},
    **{f"append forged {kind}": append_forged(kind) for kind in LIFE},
    **{f"insert far {kind}": insert_unlinked(kind) for kind in LIFE},
    **{f"chain again from {n}": chain_again(n) for n in NUMBERS},
}


async def open_log(database: Database, folder: Path) -> AuditLog:
    """Open the log of a bot, and record the lives of two operations."""
    audit = await AuditLog.open(database, KEYS, folder / "heads.jsonl", lambda: NOW)
    for number, (kind, operation) in enumerate(WRITTEN, 1):
        await audit.record(kind, "ana", operation, {"n": number})
    return audit


def forge(connection: Connection, forgery: Forgery) -> None:
    """Act as a program that may write everything in the database. It switches the triggers off first."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
    else:
        for (name,) in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            connection.execute(text(f"DROP TRIGGER {name}"))
    forgery(connection)


async def read_life(audit: AuditLog, kind: EventKind) -> list[str]:
    """Read the data of an operation's events of one kind; [] if they are damaged."""
    with suppress(RecordDamaged):
        return [event.data for event in await audit.list_signed("op-1", (kind,))]
    return []


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forgery_is_never_read_and_is_named(database: Database, tmp_path: Path, name: str) -> None:
    audit = await open_log(database, tmp_path)
    whole = {kind: await read_life(audit, kind) for kind in LIFE}
    assert all(whole.values())
    await database.run(forge, FORGERIES[name])

    for kind in LIFE:
        assert await read_life(audit, kind) in (whole[kind], [])
    for check in (audit.check, audit.check_whole):
        await check()
    assert not audit.intact
    assert "Restore the database from a backup" in str(audit.trouble)
    await audit.aclose()


@pytest.mark.parametrize("name", ["append forged run", "truncate from 3", "replay 4", "chain again from 2"])
async def test_an_append_names_a_foreign_end(database: Database, tmp_path: Path, name: str) -> None:
    audit = await open_log(database, tmp_path)
    await database.run(forge, FORGERIES[name])
    await audit.record(EventKind.REQUEST, "ana", "op-3", {})

    assert not audit.intact
    await audit.aclose()


@pytest.mark.parametrize("name", [name for name in FORGERIES if not name.startswith("truncate")])
async def test_a_start_names_what_was_forged_while_no_bot_ran(database: Database, tmp_path: Path, name: str) -> None:
    await (await open_log(database, tmp_path)).aclose()
    await database.run(forge, FORGERIES[name])

    audit = await AuditLog.open(database, KEYS, tmp_path / "heads.jsonl", lambda: NOW)
    assert not audit.intact
    for kind in LIFE:
        assert all('{"n":99}' != data for data in await read_life(audit, kind))
    await audit.aclose()


async def test_events_that_are_committed_together_are_no_trouble(database: Database, tmp_path: Path) -> None:
    audit = await open_log(database, tmp_path)
    await asyncio.gather(*(audit.record(EventKind.OUTCOME, "ana", "op-1", {"n": n}) for n in range(200)))
    await audit.check()
    await audit.check_whole()

    assert audit.intact
    assert 201 == len(await audit.list_signed("op-1", (EventKind.OUTCOME,)))
    await audit.aclose()


async def test_a_caller_that_was_cancelled_leaves_no_trouble(database: Database, tmp_path: Path) -> None:
    audit = await open_log(database, tmp_path)
    for _ in range(20):
        recording = asyncio.create_task(audit.record(EventKind.REQUEST, "ana", "op-1", {}))
        await asyncio.sleep(0)
        recording.cancel()
        with suppress(asyncio.CancelledError):
            await recording
    await audit.record(EventKind.REQUEST, "ana", "op-1", {})
    await audit.check()

    assert audit.intact
    await audit.aclose()
