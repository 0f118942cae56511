"""Timelines: each source once for an incident, numbered in the order of recording, never changed; and what was delivered."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from adapters.phrase import Phrase
from bot.incidents.tables.deliveries import IncidentDelivery, IncidentDeliveryTable
from bot.incidents.tables.timeline import JOURNAL_POSITION, FollowPosition, TimelineTable
from bot.model.incident import EntryKind, TimelineEntry
from bot.store.database import Database
from tests.bot.clockwork import at

NOW = at("2026-01-31T03:00")
MINUTE = timedelta(minutes=1)


def entry(source: str, minutes: int = 0, incident: int = 1, **fields: object) -> TimelineEntry:
    """Return a note that was recorded at three and happened so many minutes before."""
    made = TimelineEntry(incident, source, EntryKind.NOTE, NOW - minutes * MINUTE, NOW, "ana", Phrase("{text}", text=source))
    return replace(made, **fields)  # type: ignore[arg-type]


async def test_a_source_is_added_once_for_each_incident(database: Database) -> None:
    table = TimelineTable(database)
    first = await table.add([entry("audit:1"), entry("audit:2"), entry("audit:1"), entry("audit:1", incident=2)])
    assert [(1, "audit:1", 1), (1, "audit:2", 2), (2, "audit:1", 1)] == [(e.incident, e.source, e.number) for e in first]
    again = await table.add([entry("audit:2"), entry("audit:3", hosts=("host-a", "host-b"), about=4, link="https://x")])
    assert [("audit:3", 3)] == [(each.source, each.number) for each in again]
    assert (again[0],) == await table.read_after(1, 2)
    assert (3, 1, 0) == (await table.count(1), await table.count(2), await table.count(3))
    assert (again[0], None) == (await table.find(1, 3), await table.find(1, 4))


async def test_entries_are_read_in_the_order_in_which_they_happened_the_newest_if_there_are_too_many(
    database: Database,
) -> None:
    table = TimelineTable(database)
    await table.add([entry("audit:1", 5), entry("audit:2", 10), entry("audit:3"), entry("audit:4", 5)])
    assert ["audit:2", "audit:1", "audit:4", "audit:3"] == [each.source for each in await table.read(1)]
    assert ["audit:4", "audit:3"] == [each.source for each in await table.read(1, 2)]


@pytest.mark.parametrize("statement", ["UPDATE incident_timeline SET author = 'ben'", "DELETE FROM incident_timeline"])
async def test_an_entry_is_neither_changed_nor_deleted(database: Database, statement: str) -> None:
    await TimelineTable(database).add([entry("audit:1")])
    with pytest.raises(IntegrityError):
        await database.run(lambda connection: connection.exec_driver_sql(statement) and None)


async def test_a_position_is_moved_with_the_entries_and_each_follower_has_its_own(database: Database) -> None:
    table, here = TimelineTable(database), FollowPosition(JOURNAL_POSITION, 12)
    assert await table.find_position(JOURNAL_POSITION) is None
    await table.add([entry("audit:12")], replace(here, sequence=4))
    await table.add([], here)
    assert (here, None) == (await table.find_position(JOURNAL_POSITION), await table.find_position(JOURNAL_POSITION + 1))


async def test_the_last_entry_of_a_person_is_none_of_the_bot_and_no_alert(database: Database) -> None:
    table = TimelineTable(database)
    await table.add(
        [
            entry("audit:1", recorded_at=NOW - MINUTE),
            entry("audit:2", author=""),
            entry("alert:1/2", kind=EntryKind.ALERT),
            entry("audit:3", incident=2, author=""),
        ]
    )
    assert {1: 1} == await table.find_newest_by_people([1, 2, 3])


async def test_what_was_delivered_is_marked_column_by_column(database: Database) -> None:
    table = IncidentDeliveryTable(database)
    assert (IncidentDelivery(1), {}) == (await table.read(1), await table.read_all())
    await table.mark_shown(1, "ab12", 2)
    await table.mark_replied(1, 7)
    await table.mark_announced(1, 5)
    times: dict[str, Any] = {
        "asked_at": NOW + MINUTE,
        "offered_at": NOW + 2 * MINUTE,
        "called_at": NOW + 3 * MINUTE,
    }
    await table.mark_silence(IncidentDelivery(1, asked=2, **times))
    await table.mark_proposed(1, 9)
    all_marked = IncidentDelivery(1, 2, "ab12", 7, 5, 2, NOW + MINUTE, NOW + 2 * MINUTE, NOW + 3 * MINUTE, 9)
    assert {1: all_marked} == await table.read_all()
    await table.mark_silence(IncidentDelivery(1))
    assert IncidentDelivery(1, 2, "ab12", 7, 5, proposed=9) == await table.read(1)
