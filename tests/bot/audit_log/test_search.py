"""The log as people read it: found by what they know of it, exported whole, bounded, and without secrets."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from bot.audit_log import search as audit_reading
from bot.audit_log.log import AuditLog, EventKind
from bot.audit_log.search import AuditFilters
from bot.security.redaction import Redactor
from bot.security.secret_patterns import MARK
from bot.store.audit_chain import AuditKeys
from bot.store.database import Database
from bot.store.errors import TooLarge
from tests.bot.audit_log.files import KEY, NOW, Files

SECRET = "hunter2-and-nobody-else"


@pytest.fixture
async def log(files: Files) -> AsyncIterator[AuditLog]:
    """Six events, an hour apart, and a redactor that knows one secret."""
    clock = [NOW]
    database = Database.open(files.database, patience=0.05)
    audit = await AuditLog.open(database, AuditKeys(KEY), files.heads, lambda: clock[0], Redactor([SECRET]))
    for kind, actor, operation, data in (
        (EventKind.START, "system", "", {"version": "0.1"}),
        (EventKind.REQUEST, "ana", "op-1", {"text": "cert renew host-a"}),
        (EventKind.REFUSAL, "Bo", "op-2", {"text": "lock add all", "rule": "100%_sure\\"}),
        (EventKind.REQUEST, "ana", "op-3", {"text": "東京 <host-b>", "reason": f"it is {SECRET}"}),
        (EventKind.RUN, "ana", "op-1", {"digest": "ab12"}),
        (EventKind.REQUEST, "=cmd", "+op", {"text": "-1", "password": "x"}),
    ):
        await audit.record(kind, actor, operation, data)
        clock[0] += timedelta(hours=1)
    yield audit
    await audit.aclose()
    await database.aclose()


def at(hour: int) -> datetime:
    return NOW + timedelta(hours=hour)


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        (AuditFilters(), [6, 5, 4, 3, 2, 1]),
        (AuditFilters(limit=2), [6, 5]),
        (AuditFilters(limit=0), [6]),
        (AuditFilters(actor="ana"), [5, 4, 2]),
        (AuditFilters(actor="an"), []),
        (AuditFilters(kind="request"), [6, 4, 2]),
        (AuditFilters(operation="op-1"), [5, 2]),
        (AuditFilters(since=at(2)), [6, 5, 4, 3]),
        (AuditFilters(until=at(2)), [2, 1]),
        (AuditFilters(since=at(1), until=at(3)), [3, 2]),
        (AuditFilters(text="host-a"), [2]),
        (AuditFilters(text="HOST-"), [4, 2]),
        (AuditFilters(text="bo"), [3]),
        (AuditFilters(text="op-3"), [4]),
        (AuditFilters(text="東京"), [4]),
        (AuditFilters(text="100%_sure\\"), [3]),
        (AuditFilters(text="%"), [3]),
        (AuditFilters(text="_"), [3]),
        (AuditFilters(text="'; DROP TABLE audit; --"), []),
        (AuditFilters(text="\0"), []),
        (AuditFilters(text="nobody"), []),  # a secret cannot be guessed letter by letter
        (AuditFilters(actor="ana", kind="request", text="host", since=at(2)), [4]),
    ],
)
async def test_events_are_found_newest_first(log: AuditLog, filters: AuditFilters, numbers: list[int]) -> None:
    """By each of their properties, and by any text in them; nothing in a text is a pattern."""
    assert numbers == [event.sequence for event in await log.search(filters)]


@pytest.mark.parametrize(
    ("filters", "operations", "more"),
    [
        (AuditFilters(), ["+op", "op-3", "op-2", "op-1", ""], False),
        (AuditFilters(limit=2), ["+op", "op-1"], True),
        (AuditFilters(limit=5), ["+op", "op-3", "op-2", "op-1", ""], False),
        (AuditFilters(actor="ana"), ["op-3", "op-1"], False),
        (AuditFilters(kind="run"), ["op-1"], False),
        (AuditFilters(since=at(4)), ["+op", "op-1"], False),
        (AuditFilters(text="nobody"), [], False),
    ],
)
async def test_operations_are_found_by_any_of_their_events_and_the_newest_are_counted(
    log: AuditLog, filters: AuditFilters, operations: list[str], more: bool
) -> None:
    found = await log.search_operations(filters)
    assert (operations, more) == ([each.operation for each in found.operations], more)
    assert more is found.more


async def test_a_found_operation_is_whole_and_its_steps_are_counted(log: AuditLog) -> None:
    for number in range(3):
        for kind in (EventKind.INTENT, EventKind.OUTCOME):
            await log.record(kind, "ana", "op-1", {"step": f"host-a/{number}"})
    await log.record(EventKind.INTENT, "ana", "op-1", {"step": "host-a/3"})
    [found] = (await log.search_operations(AuditFilters(kind="run"))).operations
    assert (["request", "run"], 4, 9) == ([event.kind for event in found.events], found.steps, found.count)


async def test_events_without_an_operation_are_never_joined(log: AuditLog) -> None:
    await log.record(EventKind.STOP, "system", "", {})
    found = await log.search_operations(AuditFilters(actor="system"))
    assert [("", 1), ("", 1)] == [(each.operation, each.count) for each in found.operations]


async def test_no_operation_that_is_found_holds_a_secret(log: AuditLog) -> None:
    found = await log.search_operations(AuditFilters())
    assert SECRET not in str(found)
    assert () == (await log.search_operations(AuditFilters(text=SECRET))).operations


async def test_what_is_found_holds_no_secret(log: AuditLog) -> None:
    """A registered one, and what stands under a secret's name."""
    six, _, four, *_ = await log.search(AuditFilters())
    assert ({"text": "東京 <host-b>", "reason": f"it is {MARK}"}) == json.loads(four.data)
    assert {"text": "-1", "password": MARK} == json.loads(six.data)


async def test_an_export_of_lines_is_json_with_everything(log: AuditLog) -> None:
    """Oldest first; data as an object."""
    lines = [
        json.loads(line) for line in (await log.export(AuditFilters(actor="ana"), "jsonl")).decode("ascii").splitlines()
    ]
    assert [2, 4, 5] == [line["sequence"] for line in lines]
    assert {"text": "cert renew host-a"} == lines[0]["data"]
    assert set(lines[0]) == {"sequence", "at", "kind", "actor", "operation", "data", "key", "previous", "mac"}
    assert lines[0]["previous"] == (await log.search(AuditFilters(kind="start")))[0].mac


async def test_an_export_for_a_spreadsheet_is_csv_without_formulas(log: AuditLog) -> None:
    """One line an event; Japanese as it is; what a spreadsheet would compute is text."""
    rows = list(csv.reader(io.StringIO((await log.export(AuditFilters(), "csv")).decode(), newline="")))
    assert ["sequence", "at", "kind", "actor", "operation", "data", "key", "previous", "mac"] == rows[0]
    assert 7 == len(rows)
    assert {"text": "東京 <host-b>", "reason": f"it is {MARK}"} == json.loads(rows[4][5])
    assert ["'=cmd", "'+op"] == rows[6][3:5]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
async def test_no_export_holds_a_secret(log: AuditLog, form: audit_reading.ExportFormat) -> None:
    """A canary."""
    assert SECRET not in (await log.export(AuditFilters(), form)).decode()


async def test_an_export_is_bounded(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the limit is refused, never cut in silence; less is asked for with times."""
    monkeypatch.setattr(audit_reading, "MAX_EXPORT_BYTES", 1_000)
    with pytest.raises(TooLarge, match="--since"):
        await log.export(AuditFilters(), "jsonl")
    assert 2 == len((await log.export(AuditFilters(until=at(2)), "jsonl")).splitlines())


@pytest.mark.parametrize(
    "change",
    [
        "data = 'no json'",
        "data = '[1]'",
        f"data = '{'[' * 50_000}'",
        "data = CAST(x'7bff7d' AS TEXT)",
        "at = 'yesterday'",
        "at = '2026-01-31T09:00:00'",
        "actor = CAST(x'ff' AS TEXT), mac = ''",
        "kind = 'made up'",
    ],
)
async def test_a_forged_row_can_be_read_and_breaks_nothing(files: Files, log: AuditLog, change: str) -> None:
    """What cannot be read is said so; that it was forged, only `verify` says."""
    files.tamper(f"UPDATE audit SET {change} WHERE sequence = 2")
    found = {event.sequence: event for event in await log.search(AuditFilters())}
    assert isinstance(json.loads(found[2].data), dict)
    assert datetime.fromisoformat(found[2].at).tzinfo is not None
    for form in ("csv", "jsonl"):
        assert (await log.export(AuditFilters(), form)).decode().isprintable() is False
    assert 6 == len((await log.export(AuditFilters(), "jsonl")).splitlines())
    assert 5 == len((await log.search_operations(AuditFilters())).operations)


async def test_looking_leaves_the_log_as_it_is(files: Files, log: AuditLog) -> None:
    """Whoever calls records that somebody looked."""
    await log.search(AuditFilters())
    await log.export(AuditFilters(), "csv")
    assert 6 == files.verify().count
