"""The log as people read it: found by what they know of it, exported whole, bounded, and without secrets."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from bot.audit import search as audit_reading
from bot.audit.log import Audit, AuditKeys, EventKind
from bot.audit.search import Filters
from bot.security.redaction import MARK, Redactor
from bot.store.database import Database
from bot.store.errors import TooLarge
from tests.bot.audit.files import KEY, NOW, Files

SECRET = "hunter2-and-nobody-else"


@pytest.fixture
async def log(files: Files) -> AsyncIterator[Audit]:
    """Six events, an hour apart, and a redactor that knows one secret."""
    clock = [NOW]
    database = Database.open(files.database, patience=0.05)
    audit = await Audit.open(database, AuditKeys(KEY), files.heads, lambda: clock[0], Redactor([SECRET]))
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
        (Filters(), [6, 5, 4, 3, 2, 1]),
        (Filters(limit=2), [6, 5]),
        (Filters(limit=0), [6]),
        (Filters(actor="ana"), [5, 4, 2]),
        (Filters(actor="an"), []),
        (Filters(kind="request"), [6, 4, 2]),
        (Filters(operation="op-1"), [5, 2]),
        (Filters(since=at(2)), [6, 5, 4, 3]),
        (Filters(until=at(2)), [2, 1]),
        (Filters(since=at(1), until=at(3)), [3, 2]),
        (Filters(text="host-a"), [2]),
        (Filters(text="HOST-"), [4, 2]),
        (Filters(text="bo"), [3]),
        (Filters(text="op-3"), [4]),
        (Filters(text="東京"), [4]),
        (Filters(text="100%_sure\\"), [3]),
        (Filters(text="%"), [3]),
        (Filters(text="_"), [3]),
        (Filters(text="'; DROP TABLE audit; --"), []),
        (Filters(text="\0"), []),
        (Filters(text="nobody"), []),  # a secret cannot be guessed letter by letter
        (Filters(actor="ana", kind="request", text="host", since=at(2)), [4]),
    ],
)
async def test_events_are_found_newest_first(log: Audit, filters: Filters, numbers: list[int]) -> None:
    """By each of their properties, and by any text in them; nothing in a text is a pattern."""
    assert numbers == [event.sequence for event in await log.search(filters)]


async def test_what_is_found_holds_no_secret(log: Audit) -> None:
    """A registered one, and what stands under a secret's name."""
    six, _, four, *_ = await log.search(Filters())
    assert ({"text": "東京 <host-b>", "reason": f"it is {MARK}"}) == json.loads(four.data)
    assert {"text": "-1", "password": MARK} == json.loads(six.data)


async def test_an_export_of_lines_is_json_with_everything(log: Audit) -> None:
    """Oldest first; data as an object."""
    lines = [json.loads(line) for line in (await log.export(Filters(actor="ana"), "jsonl")).decode("ascii").splitlines()]
    assert [2, 4, 5] == [line["sequence"] for line in lines]
    assert {"text": "cert renew host-a"} == lines[0]["data"]
    assert set(lines[0]) == {"sequence", "at", "kind", "actor", "operation", "data", "key", "previous", "mac"}
    assert lines[0]["previous"] == (await log.search(Filters(kind="start")))[0].mac


async def test_an_export_for_a_spreadsheet_is_csv_without_formulas(log: Audit) -> None:
    """One line an event; Japanese as it is; what a spreadsheet would compute is text."""
    rows = list(csv.reader(io.StringIO((await log.export(Filters(), "csv")).decode(), newline="")))
    assert ["sequence", "at", "kind", "actor", "operation", "data", "key", "previous", "mac"] == rows[0]
    assert 7 == len(rows)
    assert {"text": "東京 <host-b>", "reason": f"it is {MARK}"} == json.loads(rows[4][5])
    assert ["'=cmd", "'+op"] == rows[6][3:5]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
async def test_no_export_holds_a_secret(log: Audit, form: audit_reading.Form) -> None:
    """A canary."""
    assert SECRET not in (await log.export(Filters(), form)).decode()


async def test_an_export_is_bounded(log: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the limit is refused, never cut in silence; less is asked for with times."""
    monkeypatch.setattr(audit_reading, "EXPORT_LIMIT", 1_000)
    with pytest.raises(TooLarge, match="--since"):
        await log.export(Filters(), "jsonl")
    assert 2 == len((await log.export(Filters(until=at(2)), "jsonl")).splitlines())


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
async def test_a_forged_row_can_be_read_and_breaks_nothing(files: Files, log: Audit, change: str) -> None:
    """What cannot be read is said so; that it was forged, only `verify` says."""
    files.tamper(f"UPDATE audit SET {change} WHERE sequence = 2")
    found = {event.sequence: event for event in await log.search(Filters())}
    assert isinstance(json.loads(found[2].data), dict)
    assert datetime.fromisoformat(found[2].at).tzinfo is not None
    for form in ("csv", "jsonl"):
        assert (await log.export(Filters(), form)).decode().isprintable() is False
    assert 6 == len((await log.export(Filters(), "jsonl")).splitlines())


async def test_looking_leaves_the_log_as_it_is(files: Files, log: Audit) -> None:
    """Whoever calls records that somebody looked."""
    await log.search(Filters())
    await log.export(Filters(), "csv")
    assert 6 == files.verify().count
