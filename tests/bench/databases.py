"""What the statements that a person waits for cost on SQLite and on PostgreSQL, each with its commit on the disk.

The server runs on the same machine, with the settings of an ordinary one.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from bot.audit_log.log import AuditLog, EventKind
from bot.changes.tables.operations import OperationTable
from bot.store.audit_chain import AuditKey, AuditKeys
from bot.store.database import Database
from bot.store.inbox import Delivery, Inbox
from bot.store.observations import ObservationTable
from bot.store.outbox import Outbox
from bot.store.outbox_values import Post, Route
from bot.store.schema.tables import OBSERVATIONS, OUTBOX
from tests.postgres import PostgresServer

ROUNDS = 300
NOW = datetime(2026, 11, 25, tzinfo=UTC)
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "autovacuum": "on"}
Measure = Callable[[int], Awaitable[object]]


def report() -> None:
    """Print the lines of docs/performance.md."""
    with tempfile.TemporaryDirectory(prefix="b") as folder:
        Path(folder).chmod(0o755)
        asyncio.run(_measure("SQLite", Database.open(Path(folder) / "data" / "flatnet.sqlite3"), Path(folder)))
        server = PostgresServer.make(Path(folder) / "server")
        server.start(**DURABLE)
        try:
            asyncio.run(_measure("PostgreSQL", Database.connect(server.create()), Path(folder)))
        finally:
            server.stop()


async def _measure(name: str, database: Database, folder: Path) -> None:
    await database.run(lambda connection: connection.execute(insert(OBSERVATIONS), _make_observations()) and None)
    await database.run(lambda connection: connection.execute(insert(OUTBOX), _make_sent()) and None)
    heads = folder / f"{name}-head.jsonl"
    audit = await AuditLog.open(database, AuditKeys(AuditKey(b"k" * 32)), heads, lambda: NOW)
    inbox, outbox = Inbox(database), Outbox(database, lambda: NOW)
    observations, operations = ObservationTable(database), OperationTable(database)

    async def send(number: int) -> None:
        post = Post(f"op-{number}", f"C{number}", Route.POST, {"channel": "C1"}, {"text": "x" * 500}, NOW)
        row = await outbox.add(post)
        await outbox.begin_sending([each.id for each in (await outbox.find_due()).due])
        await outbox.mark_sent(row, "1.1")

    measures: dict[str, Measure] = {
        "a delivery": lambda number: inbox.add(Delivery(f"key-{number}", "command", {"text": "health"}, NOW)),
        "an audit event": lambda number: audit.record(EventKind.REQUEST, "ana", f"op-{number}", {"text": "health"}),
        "a message, from adding to sent": send,
        "the changes of a host": lambda number: operations.list_touching(["host-a"], NOW - timedelta(days=7), 5),
        "health of a day by host": lambda number: observations.sum_by_host(NOW - timedelta(days=1), NOW),
    }
    for what, measure in measures.items():
        took = [await _time(measure, number) for number in range(ROUNDS)]
        print(f"{name}, {what}: {statistics.median(took):.2f} ms, 99th percentile {sorted(took)[-ROUNDS // 100]:.2f} ms")
    await audit.aclose()
    await database.aclose()


async def _time(measure: Measure, number: int) -> float:
    begun = time.perf_counter()
    await measure(number)
    return (time.perf_counter() - begun) * 1000


def _make_observations() -> list[dict[str, object]]:
    """A day of 100 hosts, half an hour a row."""
    begin = int(NOW.timestamp()) - 86_400
    counts = {"well": 30, "troubled": 1, "unreached": 0, "failed": '{"gateway":1}', "answers": 30, "answer_ms": 900}
    return [{"at": begin + half * 1_800, "host": f"host-{n}", **counts} for half in range(48) for n in range(100)]


def _make_sent() -> list[dict[str, object]]:
    """A week of messages that were sent."""
    sent = {"conversation": "C1", "road": "post", "address": "{}", "message": "{}", "state": "sent", "ts": "1.1", "why": ""}
    times = {"made_at": NOW, "next_try_at": NOW, "ended_at": NOW, "attempts": 1, "maybe_sent": False}
    return [{"id": number, "operation": f"old-{number}", **sent, **times} for number in range(1, 5_001)]
