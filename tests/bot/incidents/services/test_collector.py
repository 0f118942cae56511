"""The collector: what concerns the hosts of an incident joins its timeline, once, whatever comes in between."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from adapters.phrase import Phrase
from bot.audit_log.log import EventKind
from bot.incidents.services.collector import MOVES_PERIOD
from bot.model.alert import AlertStep
from bot.model.incident import IncidentState, TimelineEntry
from bot.store.errors import DatabaseBusy
from tests.bot.incidents.house import House
from tests.bot.incidents.recorded import NOW, incident, look, plan


async def test_looks_from_every_channel_and_terminal_join_and_refusals_lists_and_schedules_do_not(house: House) -> None:
    await house.look("disk host-a", minutes=1, channel="C1")
    await house.look("cert host-a,host-b", minutes=2, channel="D9")
    await house.look("health", minutes=3, surface="shell", channel="")
    await house.look("disk host-b", minutes=4)
    await house.look("disk host-a", minutes=5, surface="schedule")
    await house.look("alert", minutes=6)
    await house.record(EventKind.REFUSAL, look("disk host-a", outcome="not allowed"), minutes=7)
    assert ["+1 ana: checked host-a", "+2 ana: checked host-a, host-b"] == (await house.collect())[:2]
    assert 3 == len(await house.show())


async def test_a_change_joins_from_its_request_to_its_outcome(house: House) -> None:
    for minute, (kind, data) in enumerate(
        (
            (EventKind.PLAN, plan("host-a")),
            (EventKind.APPROVAL, {"needed": 1}),
            (EventKind.REVIEW, {"approves": True, "reason": ""}),
            (EventKind.RUN, {"digest": "01"}),
            (EventKind.INTENT, {"step": "1", "host": "host-a"}),
            (EventKind.END, {"state": "failed", "why": "it did not start"}),
        )
    ):
        await house.record(kind, data, minutes=minute)
    await house.record(EventKind.PLAN, plan("host-b"), minutes=9, operation="op-2")
    await house.record(EventKind.END, {"state": "done"}, minutes=9, operation="op-2")
    expected = [
        "+0 ana: requested, plan 01234567",
        "+2 ana: approved",
        "+3 ana: started",
        "+5 ana: failed: it did not start",
    ]
    assert expected == await house.collect()


async def test_what_happened_30_minutes_before_joins_and_what_was_earlier_does_not(house: House) -> None:
    await house.look("disk host-a", minutes=-31)
    await house.record(EventKind.PLAN, plan("host-a"), minutes=-40, operation="op-2")
    house.at = NOW - timedelta(minutes=31)
    await house.audit.record(EventKind.START, "system", "", {})
    await house.look("cert host-a", minutes=-30)
    await house.fire("host-a", minutes=-29)
    await house.record(EventKind.RUN, {}, minutes=-20, operation="op-2")
    expected = ["-30 ana: checked host-a", "-29 : #1 host-a: Nebula stopped: fired, high", "-20 ana: started"]
    assert expected == await house.collect()


async def test_alerts_join_by_host_or_because_a_person_added_them(house: House) -> None:
    a, b, other = await house.fire("host-a", "host-b", "lighthouse", minutes=1)
    await house.collect()
    house.incidents = [incident(alerts=(b.number,))]
    await house.resolve(a, minutes=2)
    await house.resolve(b, minutes=3)
    await house.resolve(other, minutes=4)
    expected = ["#1 host-a", "#2 host-b", "#1 host-a", "#2 host-b"]
    assert expected == [line.split(": ")[1] for line in await house.collect()]


@pytest.mark.parametrize("restarts", [False, True])
async def test_nothing_is_added_twice_also_after_a_restart(house: House, restarts: bool) -> None:
    await house.look("disk host-a", minutes=1)
    await house.fire("host-a", minutes=2)
    once = await house.collect()
    if restarts:
        house.restart()
    assert once == await house.collect()
    await house.look("cert host-a", minutes=3)
    assert [*once, "+3 ana: checked host-a"] == await house.collect()


async def test_what_a_busy_database_kept_out_is_added_later(house: House) -> None:
    await house.look("disk host-a", minutes=1)
    await house.collect()
    await house.look("cert host-a", minutes=2)
    stored, house.add = house.add, _refuse  # type: ignore[method-assign]
    with pytest.raises(DatabaseBusy):
        await house.collector.collect()
    await house.collector.refresh()
    house.add = stored  # type: ignore[method-assign]
    assert ["+1 ana: checked host-a", "+2 ana: checked host-a"] == await house.collect()


async def _refuse(entries: Sequence[TimelineEntry]) -> tuple[TimelineEntry, ...]:
    raise DatabaseBusy(Phrase("busy"))


async def test_a_host_that_is_added_brings_what_happened_there_since_the_begin(house: House) -> None:
    await house.look("disk host-b", minutes=1)
    await house.look("disk host-a", minutes=2)
    assert ["+2 ana: checked host-a"] == await house.collect()
    house.incidents = [incident("host-a,host-b")]
    assert ["+1 ana: checked host-b", "+2 ana: checked host-a"] == await house.collect()


async def test_every_incident_collects_its_own(house: House) -> None:
    await house.look("disk host-a", minutes=1)
    await house.collect()
    house.incidents.append(incident("host-a,host-b", number=2, operation="op-9"))
    await house.look("disk host-b", minutes=2)
    await house.collect()
    assert (["+1 ana: checked host-a"], ["+1 ana: checked host-a", "+2 ana: checked host-b"]) == (
        await house.show(1),
        await house.show(2),
    )


async def test_a_resolved_incident_collects_only_the_outcome_of_its_changes(house: House) -> None:
    await house.record(EventKind.PLAN, plan("host-a"), minutes=1)
    await house.collect()
    house.incidents = [incident(state=IncidentState.RESOLVED, resolved_at=NOW + timedelta(minutes=2))]
    await house.look("disk host-a", minutes=3)
    await house.fire("host-a", minutes=3)
    await house.record(EventKind.PLAN, plan("host-a"), minutes=4, operation="op-2")
    await house.record(EventKind.END, {"state": "done"}, minutes=5)
    assert ["+1 ana: requested, plan 01234567", "+5 ana: done"] == await house.collect()


async def test_a_reopened_incident_also_gets_what_happened_meanwhile(house: House) -> None:
    house.incidents = [incident(state=IncidentState.RESOLVED, resolved_at=NOW + timedelta(minutes=2))]
    await house.fire("host-a", minutes=3)
    assert [] == await house.collect()
    house.incidents = [incident()]
    assert ["+3 : #1 host-a: Nebula stopped: fired, high"] == await house.collect()


async def test_a_duplicate_collects_nothing(house: House) -> None:
    house.incidents = [incident(state=IncidentState.DUPLICATE, duplicate_of=2)]
    await house.look("disk host-a", minutes=1)
    assert [] == await house.collect()


@pytest.mark.parametrize(
    ("statements", "shown"),
    [
        (("DELETE FROM audit WHERE sequence IN (2, 3)",), ["+1 look", "+4 look", "+4 2 (2 to 3)"]),
        (("UPDATE audit SET actor = 'eve' WHERE sequence = 2",), ["+1 look", "+3 look", "+3 1 (2 to 2)", "+4 look"]),
        (
            ("UPDATE audit SET data = 'no json' WHERE sequence = 2", "DELETE FROM audit WHERE sequence = 3"),
            ["+1 look", "+4 look", "+4 2 (2 to 3)"],
        ),
        (("UPDATE audit SET actor = 'eve' WHERE sequence = 4",), ["+1 look", "+2 look", "+3 look"]),
    ],
    ids=["missing", "forged", "both", "nothing signed after it yet"],
)
async def test_a_gap_in_the_audit_log_is_an_entry_and_what_is_forged_is_none(
    house: House, statements: tuple[str, ...], shown: list[str]
) -> None:
    for minute in range(1, 5):
        await house.look("disk host-a", minutes=minute, operation=f"op-{minute}")
    house.files.tamper(*statements)
    said = {"ana: checked host-a": "look"}
    for lost in ("1 audit event is missing or not signed (2 to 2)", "2 audit events are missing or not signed (2 to 3)"):
        said[f": {lost}: entries may be missing here"] = f"{lost[0]} {lost[-8:]}"
    for _ in range(2):
        found = [line.split(" ", 1) for line in await house.collect()]
        assert shown == [f"{minute} {said[text]}" for minute, text in found]
        house.restart()


@pytest.mark.parametrize("minutes", [0, -60], ids=["a bit", "to before the incident"])
async def test_moves_after_the_clock_was_set_back_are_found(house: House, minutes: int) -> None:
    house.incidents = [incident("host-a,host-b")]
    await house.fire("host-a", minutes=60)
    await house.collect()
    house.at = NOW + timedelta(minutes=minutes)
    await house.collect()
    [b] = await house.fire("host-b", minutes=minutes + 1)
    await house.collect()
    await house.resolve(b, minutes=minutes + 2)
    assert {f"{minutes + 1:+} : #2 host-b", f"{minutes + 2:+} : #2 host-b", "+60 : #1 host-a"} == {
        ": ".join(line.split(": ")[:2]) for line in await house.collect()
    }


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_host_that_is_added_after_the_clock_was_set_back_brings_what_happened_before(
    house: House, restarts: bool
) -> None:
    await house.look("disk host-b", minutes=-20)
    await house.record(EventKind.INCIDENT, {}, operation=incident().operation)
    await house.look("disk host-b", minutes=5)
    await house.collect()
    await house.look("disk host-b", minutes=-55)
    if restarts:
        house.restart()
    house.incidents = [incident("host-a,host-b")]
    assert [f"{minutes} ana: checked host-b" for minutes in ("-55", "-20", "+5")] == await house.collect()


async def test_the_moves_of_days_are_read_day_by_day_and_none_is_lost(house: House) -> None:
    day, least = 24 * 60, timedelta(microseconds=1) / timedelta(minutes=1)
    minutes = (-30, day - 30 - least, day - 30, 2 * day, 3 * day - 30)
    for minute in minutes:
        [alert] = await house.fire("host-a", minutes=minute)
        await house.resolve(alert, minutes=minute)
    periods: list[timedelta | None] = []
    read = house.alerts.list_steps

    async def list_steps(since: datetime, until: datetime | None = None) -> tuple[AlertStep, ...]:
        periods.append(None if until is None else until - since)
        return await read(since, until)

    house.alerts.list_steps = list_steps  # type: ignore[method-assign]
    house.at = NOW + timedelta(days=3)
    assert 2 * len(minutes) == len(await house.collect())
    assert [MOVES_PERIOD] * 3 + [None] == periods
