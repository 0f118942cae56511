"""The proof of a timeline: each row is compared with the audit log or the history of alerts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.alerts.tables.history import RETENTION
from bot.audit_log.log import EventKind
from bot.incidents.rules.events import IncidentAct
from bot.incidents.rules.requests import ActRequest, IncidentRequest
from bot.incidents.rules.transitions import judge_mitigation, judge_note
from bot.incidents.services.proof import EntryFlaw, TimelineVerifier
from bot.incidents.services.registry import IncidentRegistry
from bot.incidents.tables.incidents import IncidentTable
from bot.model.incident import EntryKind, TimelineEntry
from commands.values.arguments import Target
from tests.bot.incidents.house import House
from tests.bot.incidents.recorded import NOW, entry, plan

MISSING, DIFFERS = "entries of the timeline are missing", "the incident differs from its signed audit events"


async def tell_a_night(house: House) -> None:
    """An incident with acts, looks, a change, alerts and a gap in the audit log."""
    registry = IncidentRegistry(IncidentTable(house.database), house.timeline, house.audit, lambda: house.at)
    opened = await registry.open(IncidentRequest("op-0", "no tunnel", Target(parts=("host-a",)), "ana"), "C0INC")
    await house.look("disk host-a", minutes=1)
    [alert] = await house.fire("host-a", minutes=2)
    await registry.act(1, ActRequest(IncidentAct.NOTED, "op-2", "ben", judge_note, {"text": "a cable?"}))
    await house.record(EventKind.PLAN, plan("host-a"), minutes=3, operation="op-3")
    await house.record(EventKind.LOCK, {}, minutes=3)
    await house.record(EventKind.END, {"state": "done", "why": ""}, minutes=4, operation="op-3")
    await house.resolve(alert, minutes=5)
    await registry.act(1, ActRequest(IncidentAct.MITIGATED, "op-4", "ana", judge_mitigation))
    house.files.tamper("DELETE FROM audit WHERE kind = 'lock'")
    house.incidents = [opened]
    await house.collector.collect()


async def verify(house: House) -> tuple[EntryFlaw, ...]:
    verifier = TimelineVerifier(house.audit, house.alerts, lambda: house.at)
    return await verifier.verify(await house.timeline.read(1))


async def read_in_order(house: House) -> list[TimelineEntry]:
    return sorted(await house.timeline.read(1), key=lambda each: each.number)


async def test_every_row_of_an_untouched_timeline_is_proven(house: House) -> None:
    await tell_a_night(house)
    kinds = {each.kind for each in await house.timeline.read(1)}
    assert {"opened", "note", "state", "look", "alert", "change", "gap"} == kinds
    assert () == await verify(house)


@pytest.mark.parametrize(
    "change",
    [
        "author = 'eve'",
        "happened_at = '2026-01-31T08:00:00.000000Z'",
        "source = source || '0'",
        """text = '{"template":"all is well"}'""",
        "link = 'https://example.com'",
        "operation = 'op-9'",
    ],
)
async def test_every_changed_row_is_found(house: House, change: str) -> None:
    await tell_a_night(house)
    house.files.tamper(f"UPDATE incident_timeline SET {change}")
    assert [each.number for each in await read_in_order(house)] == [flaw.entry for flaw in await verify(house)]


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ((), []),
        (("UPDATE incidents SET document = replace(document, 'no tunnel', 'all is well')",), [DIFFERS]),
        (("UPDATE incidents SET document = replace(document, 'mitigated', 'resolved')",), [DIFFERS]),
        (("DELETE FROM incident_timeline WHERE number = 2",), [MISSING]),
    ],
)
async def test_a_row_of_an_incident_that_its_acts_did_not_make_is_found(
    house: House, statements: Sequence[str], why: list[str]
) -> None:
    """Or of which an entry was removed."""
    await tell_a_night(house)
    house.files.tamper(*statements)
    found = await IncidentTable(house.database).find(1)
    verifier = TimelineVerifier(house.audit, house.alerts, lambda: house.at)
    flaws = await verifier.verify(await house.timeline.read(1), found)
    assert why == [str(flaw.why) for flaw in flaws if not flaw.entry]


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("DELETE FROM audit WHERE kind = 'request'", "audit event 2 is missing"),
        ("UPDATE audit SET actor = 'eve' WHERE kind = 'request'", "audit event 2 is not signed"),
        ("DELETE FROM alert_changes WHERE version = 2", "the history of alert 1 has no such move"),
        ("UPDATE alert_changes SET severity = 'low' WHERE version = 1", "the history of alert 1 shows something else"),
    ],
)
async def test_a_source_that_was_removed_or_changed_is_named(house: House, statement: str, why: str) -> None:
    await tell_a_night(house)
    house.files.tamper(statement)
    assert [why] == [str(flaw.why) for flaw in await verify(house)]


async def test_a_row_that_was_made_up_is_found_whatever_it_names(house: House) -> None:
    await tell_a_night(house)
    sources = ("audit:x", "audit:99999999999999999999999", "gap:1-999999999999", "gap:2-3", "operation:op-9", "")
    made_up = [replace(entry(EntryKind.NOTE, source=source), incident=1) for source in sources]
    added = await house.timeline.add(made_up)
    assert [each.number for each in added] == [flaw.entry for flaw in await verify(house)]


async def test_moves_of_alerts_whose_history_has_expired_are_told_apart(house: House) -> None:
    await tell_a_night(house)
    house.files.tamper("DELETE FROM alert_changes")
    house.at = NOW + RETENTION + timedelta(days=1)
    assert [True, True] == [flaw.expired for flaw in await verify(house)]


async def test_a_move_whose_time_was_corrected_after_the_clock_was_set_back_is_proven(house: House) -> None:
    await tell_a_night(house)
    await house.alerts.correct_times(NOW + timedelta(minutes=4))
    assert () == await verify(house)
