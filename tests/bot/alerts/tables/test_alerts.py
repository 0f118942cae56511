"""The table of alerts: rows move as they were read or not at all, and old ones go in their time."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects import postgresql

from adapters.phrase import Phrase
from bot.alerts.tables import alerts
from bot.alerts.tables import history as alert_history
from bot.alerts.tables.alerts import MAX_CHANGES, AlertTable
from bot.alerts.tables.history import MAX_PRUNED, RETENTION
from bot.model.alert import Alert, AlertMove, AlertState
from bot.store.condition import check_writable
from bot.store.database import Database
from bot.store.errors import DatabaseBusy, DatabaseFull
from bot.store.schema.tables import ALERT_CHANGES, ALERTS
from commands.alerts.conditions import Condition
from commands.model.finding import Severity
from tests.bot.store.conftest import Clock

HOSTILE = "<!channel> *x* \x00 \ud800 '; DROP TABLE alerts; -- \u202e{why} {0}"


@pytest.fixture
def table(database: Database) -> AlertTable:
    return AlertTable(database)


def alert(clock: Clock, **more: Any) -> Alert:
    """An alert that fires now."""
    usual: dict[str, Any] = {
        "host": "host-a",
        "subject": "nebula",
        "condition": Condition.NEBULA,
        "severity": Severity.CRITICAL,
        "state": AlertState.FIRING,
        "short": Phrase("Nebula stopped"),
        "why": Phrase("the service Nebula is {state}", state="Stopped"),
        "began_at": clock(),
        "checked_at": clock(),
        "first_fired_at": clock(),
        "fired_at": clock(),
    }
    return Alert(**(usual | more))


async def add(table: AlertTable, *new: Alert, clock: Clock) -> list[Alert]:
    stored = await table.apply([AlertMove(None, each) for each in new], clock())
    return [move.after for move in stored if move.after is not None]


def count(database: Database) -> Any:
    """Counts the rows of both tables."""

    def work(connection: Connection) -> tuple[int, int]:
        one, other = (
            connection.execute(select(func.count()).select_from(each)).scalar_one() for each in (ALERTS, ALERT_CHANGES)
        )
        return one, other

    return database.read(work)


async def test_an_alert_is_found_as_it_was(table: AlertTable, clock: Clock) -> None:
    times = {name: clock() for name in Alert.model_fields if name.endswith(("_at", "_until")) and name != "resolved_at"}
    (stored,) = await add(
        table, alert(clock, next="log nebula host-a", cause="blind", acknowledged_by="ana", **times), clock=clock
    )
    assert stored == await table.find(1)
    assert await table.find(2) is None


async def test_hostile_text_is_a_value_like_any_other(table: AlertTable, clock: Clock) -> None:
    why = Phrase("{text}", text=HOSTILE)
    await add(table, alert(clock, why=why, subject=HOSTILE.replace("\ud800", "")), clock=clock)
    (found,) = await table.list_open()
    assert why == found.why


@pytest.mark.parametrize("meanwhile", [{"version": 2}, {"streak": 1}], ids=str)
async def test_a_row_moves_only_as_it_was_read(table: AlertTable, clock: Clock, meanwhile: dict[str, Any]) -> None:
    (read,) = await add(table, alert(clock, streak=0), clock=clock)
    moved = read.model_copy(update=meanwhile)
    assert [AlertMove(read, moved)] == list(await table.apply([AlertMove(read, moved)], clock()))
    late = read.model_copy(update={"version": 9, "state": AlertState.ACKNOWLEDGED})
    assert () == await table.apply([AlertMove(read, late), AlertMove(read, None)], clock())
    assert moved == await table.find(1)


async def test_a_problem_has_one_open_alert(table: AlertTable, clock: Clock) -> None:
    await add(table, alert(clock), clock=clock)
    assert [] == await add(table, alert(clock), clock=clock)
    assert [2] == [each.number for each in await add(table, alert(clock, subject="gateway"), clock=clock)]


async def test_the_changes_of_an_alert_are_its_visible_moves(table: AlertTable, clock: Clock, database: Database) -> None:
    pending = alert(clock, state=AlertState.PENDING, first_fired_at=None, fired_at=None)
    (read,) = await add(table, pending, clock=clock)
    counted = read.model_copy(update={"streak": 2})
    await table.apply([AlertMove(read, counted)], clock())
    assert () == await table.list_changes(1)
    fired = counted.model_copy(update={"state": AlertState.FIRING, "version": 2})
    taken = fired.model_copy(update={"state": AlertState.ACKNOWLEDGED, "version": 3, "acknowledged_by": "ana"})
    await table.apply([AlertMove(counted, fired), AlertMove(fired, taken)], clock())
    assert [("firing", 2, ""), ("acknowledged", 3, "ana")] == [
        (change.state, change.version, change.actor) for change in await table.list_changes(1)
    ]
    (gone,) = await table.apply([AlertMove(taken, None)], clock())
    assert AlertMove(taken, None) == gone
    assert (0, 2) == await count(database)


async def test_the_moves_of_all_alerts_since_a_time_are_read_with_their_problems(table: AlertTable, clock: Clock) -> None:
    began = clock()
    [a] = await add(table, alert(clock), clock=clock)
    clock.pass_by(minutes=1)
    [b] = await add(table, alert(clock, host="", subject="bot", short=Phrase("blind")), clock=clock)
    resolved = a.model_copy(update={"state": AlertState.RESOLVED, "version": 2, "resolved_at": clock()})
    await table.apply([AlertMove(a, resolved)], clock())
    found = [(step.change.alert, step.change.version, step.host, str(step.short)) for step in await table.list_steps(began)]
    assert [
        (a.number, 1, "host-a", "Nebula stopped"),
        (a.number, 2, "host-a", "Nebula stopped"),
        (b.number, 1, "", "blind"),
    ] == (found)
    assert [a.number, b.number] == [step.change.alert for step in await table.list_steps(clock())]


async def test_the_newest_changes_of_an_alert_are_read(table: AlertTable, clock: Clock) -> None:
    (now,) = await add(table, alert(clock), clock=clock)
    for version in range(2, MAX_CHANGES + 10):
        after = now.model_copy(update={"version": version})
        await table.apply([AlertMove(now, after)], clock())
        now = after
    changes = await table.list_changes(1)
    assert (MAX_CHANGES, MAX_CHANGES + 9) == (len(changes), changes[-1].version)


async def test_a_row_that_a_newer_version_wrote_is_left_out(table: AlertTable, clock: Clock, database: Database) -> None:
    await add(table, alert(clock), alert(clock, subject="gateway"), clock=clock)
    newer = update(ALERTS).where(ALERTS.c.number == 1).values(condition="of the future")
    await database.run(lambda connection: connection.execute(newer) and None)
    assert [2] == [each.number for each in await table.list_open()]
    assert await table.find(1) is None


async def test_resolved_alerts_of_a_host_are_found_within_a_period(table: AlertTable, clock: Clock) -> None:
    hour = timedelta(hours=1)
    resolved = {"state": AlertState.RESOLVED}
    await add(
        table,
        alert(clock, subject="before", resolved_at=clock() - hour - timedelta(microseconds=1), **resolved),
        alert(clock, subject="first", resolved_at=clock() - hour, **resolved),
        alert(clock, subject="ahead", resolved_at=clock() + hour, **resolved),
        alert(clock, subject="after", resolved_at=clock() + hour + timedelta(microseconds=1), **resolved),
        alert(clock, subject="open"),
        alert(clock, subject="other", host="host-b"),
        clock=clock,
    )
    found = await table.list_of_host("host-a", clock() - hour, clock() + hour)
    assert ["first", "ahead", "open"] == [each.subject for each in found]


async def test_alerts_that_are_not_resolved_are_counted_by_state_and_severity(
    table: AlertTable, clock: Clock, database: Database
) -> None:
    low = {"severity": Severity.LOW, "state": AlertState.ACKNOWLEDGED}
    pending = {"state": AlertState.PENDING, "first_fired_at": None}
    await add(
        table,
        alert(clock),
        *(alert(clock, subject=str(n), **low) for n in range(3)),
        alert(clock, subject="x", **pending),
        alert(clock, subject="y", state=AlertState.RESOLVED, resolved_at=clock()),
        clock=clock,
    )
    expected = {("firing", "critical"): 1, ("acknowledged", "low"): 3, ("pending", "critical"): 1}
    assert expected == (await check_writable(database)).alerts


async def test_resolved_alerts_and_their_changes_are_deleted_after_400_days(
    table: AlertTable, clock: Clock, database: Database
) -> None:
    resolved = {"state": AlertState.RESOLVED}
    for subject in ("a", "b"):
        await add(table, alert(clock, subject=subject, resolved_at=clock(), **resolved), clock=clock)
        clock.pass_by(days=1)
    await add(table, alert(clock, subject="open"), clock=clock)

    clock.at += RETENTION - timedelta(days=1)
    await table.prune(clock())
    assert ["b", "open"] == [each.subject for number in range(1, 4) if (each := await table.find(number))]
    assert (2, 2) == await count(database)
    clock.pass_by(days=400)
    await table.prune(clock())
    assert ["open"] == [each.subject for each in await table.list_open()]
    assert (1, 0) == await count(database)


async def test_pruning_is_bounded_and_a_number_never_finds_the_changes_of_another_alert(
    table: AlertTable, clock: Clock, database: Database
) -> None:
    (now,) = await add(table, alert(clock), clock=clock)
    moves = []
    for version in range(2, MAX_PRUNED + 2):
        after = now.model_copy(update={"version": version})
        moves.append(AlertMove(now, after))
        now = after
    ended = now.model_copy(update={"state": AlertState.RESOLVED, "resolved_at": clock(), "version": now.version + 1})
    await table.apply([*moves, AlertMove(now, ended)], clock())

    clock.pass_by(days=401)
    await table.prune(clock())
    assert (1, 2) == await count(database)
    await table.prune(clock())
    assert (0, 0) == await count(database)
    assert [1] == [each.number for each in await add(table, alert(clock), clock=clock)]


async def test_a_locked_database_and_a_full_disk_are_said_and_nothing_moves(
    table: AlertTable, clock: Clock, database: Database, path: Path
) -> None:
    (read,) = await add(table, alert(clock), clock=clock)
    moves = [AlertMove(read, read.model_copy(update={"version": 2}))]
    moves += [AlertMove(None, alert(clock, subject=str(n), why=Phrase("{x}", x="y" * 2000))) for n in range(50)]
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy):
            await table.apply(moves, clock())
    await database.run(lambda connection: connection.execute(text("PRAGMA max_page_count = 1")) and None)
    with pytest.raises(DatabaseFull):
        await table.apply(moves, clock())
    assert (1, 1) == await count(database)
    await database.run(lambda connection: connection.execute(text("PRAGMA max_page_count = 100000")) and None)
    assert 51 == len(await table.apply(moves, clock()))


def _list_statements() -> Iterable[tuple[str, Any]]:
    for module in (alerts, alert_history):
        for name, value in vars(module).items():
            if name.startswith("_") and hasattr(value, "compile") and value.is_clause_element and value.supports_execution:
                yield name, value


STATEMENTS = dict(_list_statements())


def test_the_statements_are_found() -> None:
    assert {"_LIST_OPEN", "_CHANGE", "_PRUNE", "_OPENED_BEFORE"} <= set(STATEMENTS)


@pytest.mark.parametrize("name", sorted(STATEMENTS.keys() - {"_ADD"}))
def test_a_statement_is_one_of_postgresql_too(name: str) -> None:
    assert str(STATEMENTS[name].compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
