"""Faults around the registry of alerts: what cannot be written, and what happens at the same time."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.alerts.services.registry import AlertBusy
from bot.audit_log.files import HeadUnavailable
from bot.audit_log.log import AuditLog
from bot.model.alert import AlertState
from bot.store.audit_chain import MIN_KEY_BYTES, AuditKey, AuditKeys
from bot.store.database import Database
from bot.store.errors import DatabaseBusy, DatabaseFull, DatabaseUnavailable
from commands.alerts.conditions import Condition, HostChecked
from tests.bot.alerts.living import House, Interrupted, container, nebula


async def test_an_alert_fires_and_is_resolved_although_the_audit_log_cannot_be_written(house: House) -> None:
    house.log.failing = FlatnetError(Phrase("no space left"))
    await house.check(nebula(subject="audit", condition=Condition.AUDIT))
    assert [("host-a/audit", "firing")] == await house.read_states()
    await house.check()
    assert [] == await house.read_states()
    assert [] == house.log.events


async def test_an_acknowledgement_that_cannot_be_recorded_is_refused(house: House) -> None:
    await house.fire()
    house.log.failing = FlatnetError(Phrase("no space left"))
    with pytest.raises(FlatnetError, match="no space left"):
        await house.registry.acknowledge(1, "ana", None, "op-1")
    assert [("host-a/nebula", "firing")] == await house.read_states()


async def test_an_event_is_recorded_before_its_row_moves(house: House) -> None:
    seen: list[Any] = []

    async def look() -> None:
        seen.append(await house.read_states())

    await house.check(nebula())
    registry = house.build(lambda part: Interrupted(part, "record", look))
    house.now += timedelta(minutes=1)
    await registry.apply(HostChecked(host="host-a", at=house.now, judged=frozenset(), signals=(nebula(),)))
    assert [[("host-a/nebula", "pending")]] == seen
    assert [("host-a/nebula", "firing")] == await house.read_states()


async def test_a_check_that_could_not_be_stored_moves_nothing_and_the_next_one_does(house: House) -> None:
    async def fail() -> None:
        raise DatabaseUnavailable(Phrase("the disk is gone"))

    await house.check(nebula())
    house.registry = house.build(lambda part: Interrupted(part, "apply", fail))
    with pytest.raises(DatabaseUnavailable):
        await house.check(nebula())
    assert [("host-a/nebula", "pending")] == await house.read_states()
    await house.check(nebula())
    assert [("host-a/nebula", "firing")] == await house.read_states()
    assert ["fired", "fired"] == house.log.did


async def test_two_checks_of_one_host_at_once_lose_no_move(house: House) -> None:
    checks = [
        HostChecked(host="host-a", at=house.now + timedelta(seconds=n), judged=frozenset(), signals=(nebula(),))
        for n in range(2)
    ]
    await asyncio.gather(*map(house.registry.apply, checks))
    assert [("host-a/nebula", "firing")] == await house.read_states()
    assert ["fired"] == house.log.did


async def test_a_check_whose_alert_moved_meanwhile_is_judged_again(house: House) -> None:
    await house.fire()
    await house.check()

    async def acknowledge() -> None:
        await house.build().acknowledge(1, "ana", None, "op-1")

    house.registry = house.build(lambda part: Interrupted(part, "apply", acknowledge))
    await house.check()
    assert AlertState.RESOLVED == (await house.registry.find(1)).state
    assert [2, 3, 4] == [change.version for change in await house.registry.list_changes(1)]


async def test_a_row_that_cannot_be_read_is_an_error_because_it_stands_in_the_way(house: House, database: Database) -> None:
    await house.fire()
    await database.run(lambda connection: connection.execute(text("UPDATE alerts SET condition = 'of a newer version'")))
    with pytest.raises(AlertBusy):
        await house.check(nebula(), container("web"))
    assert [("host-a/container/web", "pending")] == await house.read_states()


async def test_a_problem_that_begins_twice_at_once_is_one_alert(house: House) -> None:
    async def begin() -> None:
        await house.build().apply(
            HostChecked(host="host-a", at=house.now - timedelta(seconds=1), judged=frozenset(), signals=(nebula(),))
        )

    house.registry = house.build(lambda part: Interrupted(part, "apply", begin))
    await house.check(nebula())
    assert [("host-a/nebula", "firing")] == await house.read_states()


async def test_a_locked_database_is_said_and_the_next_check_moves_what_waited(house: House, database: Database) -> None:
    await house.check(nebula())
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy):
            await house.check(nebula())
    assert [("host-a/nebula", "pending")] == await house.read_states()
    await house.check(nebula())
    assert [("host-a/nebula", "firing")] == await house.read_states()


async def test_a_full_disk_is_said_and_no_open_alert_is_lost(house: House, database: Database) -> None:
    await house.fire()
    await database.run(lambda connection: connection.execute(text("PRAGMA max_page_count = 1")) and None)
    many = [container(f"{number:03}", why=Phrase("{text}", text="x" * 3000)) for number in range(50)]
    with pytest.raises(DatabaseFull):
        await house.check(nebula(), *many)
    assert [("host-a/nebula", "firing")] == await house.read_states()
    await database.run(lambda connection: connection.execute(text("PRAGMA max_page_count = 100000")) and None)
    await house.check(nebula(), *many)
    assert 51 == len(await house.read_states())


async def test_an_alert_fires_although_the_head_file_of_the_audit_log_takes_no_line(
    house: House, database: Database, tmp_path: Path
) -> None:
    """The event is in the table then; the next line of the head file covers it."""
    keys = AuditKeys(AuditKey(b"k" * MIN_KEY_BYTES))
    audit = await AuditLog.open(database, keys, tmp_path / "head.jsonl", lambda: house.now)
    (tmp_path / "head.jsonl").unlink()
    (tmp_path / "head.jsonl").mkdir()
    registry = house.build(lambda part: audit if part is house.log else part)
    signal = nebula(host="", subject="audit", condition=Condition.AUDIT)
    await registry.apply(HostChecked(host="", at=house.now, judged=frozenset(Condition), signals=(signal,)))
    assert [("audit", "firing")] == await house.read_states()
    with pytest.raises(HeadUnavailable):
        await registry.acknowledge(1, "ana", None, "op-1")
    assert [("audit", "firing")] == await house.read_states()
    await audit.aclose()
