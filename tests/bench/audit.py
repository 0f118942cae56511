"""How long it takes to follow a long audit log and to look for something in it, and how much memory.

The log is written as the bot writes it, but many events to a transaction; each measure runs in a process of its own.
"""

import asyncio
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.audit_log.files import verify_files
from bot.audit_log.log import AuditLog, EventKind
from bot.audit_log.search import AuditFilters, search
from bot.security.redaction import Redactor
from bot.store.audit_chain import AuditKey, AuditKeys, StoredEvent
from bot.store.audit_head_file import Head
from bot.store.database import Database
from bot.store.encoding import encode_json, encode_time

SIZES = (100_000, 1_000_000)
KEY = AuditKey(b"k" * 32)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
TOGETHER = 10_000
DATA = {"text": "container restart web-1 --on host-a", "surface": "slack", "channel": "C0OPS", "rule": "operators"}


def report() -> None:
    """Print the lines of docs/performance.md."""
    for size in SIZES:
        with tempfile.TemporaryDirectory(prefix="b") as folder:
            asyncio.run(_write(Path(folder), size))
            for what in ("verify", "search"):
                child = subprocess.run(
                    [sys.executable, "-m", "tests.bench.audit", what, folder], check=True, capture_output=True, text=True
                )
                seconds, worked, megabytes = json.loads(child.stdout)
                print(f"audit {what}, {size:,} events: {seconds:.2f} s (processor {worked:.2f} s), peak {megabytes} MB")


async def _write(folder: Path, size: int) -> None:
    """A log of so many events, a minute apart, each with its line in the head file."""
    database = Database.open(folder / "flatnet.sqlite3")
    audit = await AuditLog.open(database, AuditKeys(KEY), folder / "audit-head.jsonl", lambda: BEGAN)
    await audit.aclose()
    await database.aclose()
    with closing(sqlite3.connect(folder / "flatnet.sqlite3")) as line, (folder / "audit-head.jsonl").open("ab") as heads:
        line.execute("DROP TRIGGER audit_only_next")  # it looks for the newest event at each insertion
        before: StoredEvent | None = None
        for start in range(0, size, TOGETHER):
            events = []
            for number in range(start, min(start + TOGETHER, size)):
                at = encode_time(BEGAN + timedelta(minutes=number))
                told = StoredEvent(0, at, EventKind.REQUEST, "ana", f"{number:016x}", encode_json(DATA), "", "", "")
                before = KEY.seal(told, before)
                events.append(before)
                heads.write(Head(before.sequence, before.mac, at).to_line())
            line.executemany("INSERT INTO audit VALUES (?,?,?,?,?,?,?,?,?)", events)
            line.commit()


def _measure(what: str, folder: Path) -> tuple[float, float, int]:
    """Seconds on the clock and of the processor, and megabytes at the peak, of which Python and the libraries take most."""
    began, idle = time.perf_counter(), time.process_time()
    if what == "verify":
        found = verify_files(folder / "flatnet.sqlite3", folder / "audit-head.jsonl", [KEY])
        assert found.intact
    else:
        assert () == search(folder / "flatnet.sqlite3", AuditFilters(text="nowhere"), Redactor())
    return (
        time.perf_counter() - began,
        time.process_time() - idle,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], Path(sys.argv[2]))))
