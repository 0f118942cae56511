"""The audit log as those see it who follow it: events after a position, in order, forged ones among them."""

from datetime import timedelta

import pytest

from bot.audit_log.log import AuditLog, EventKind
from bot.store.audit_chain import AuditKeys
from bot.store.database import Database
from tests.bot.audit_log.files import FIVE, KEY, NOW, Files


async def test_events_after_one_come_in_order_and_bounded(audit: AuditLog) -> None:
    for name in FIVE:
        await audit.record(EventKind.REQUEST, "ana", f"op-{name}", {"text": name})
    assert [3, 4] == [event.sequence for event in await audit.list_after(2, 2)]
    assert () == await audit.list_after(5, 2)


async def test_a_forged_event_is_listed_and_not_signed(files: Files, audit: AuditLog) -> None:
    for name in FIVE:
        await audit.record(EventKind.REQUEST, "ana", f"op-{name}", {"text": name})
    files.tamper("UPDATE audit SET actor = 'eve' WHERE sequence = 2")
    assert [True, False, True, True, True] == [audit.is_signed(event) for event in await audit.list_after(0, 9)]


@pytest.mark.parametrize(
    ("minutes", "before", "last"),
    [
        ((0, 10, 20), 15, 2),
        ((0, 10, 20), 10, 1),
        ((0, 10, 20), -5, 0),
        ((), 15, 0),
        ((0, 90, 10, 20), 5, 1),
        ((0, 90, 10, 20), 15, 3),
    ],
    ids=["between two", "at one", "before all", "no event", "the clock was set back", "and a time after that"],
)
async def test_the_last_event_before_a_time_is_found_from_the_end(
    files: Files, database: Database, minutes: tuple[int, ...], before: int, last: int
) -> None:
    clock = [NOW]
    audit = await AuditLog.open(database, AuditKeys(KEY), files.heads, lambda: clock[0])
    for each in minutes:
        clock[0] = NOW + timedelta(minutes=each)
        await audit.record(EventKind.START, "system", "", {})
    assert last == await audit.find_last_before(NOW + timedelta(minutes=before))
    await audit.aclose()
