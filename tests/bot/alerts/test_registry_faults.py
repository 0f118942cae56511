"""Faults around the registry of alerts: what cannot be written, and what happens at the same time."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.model.alert import AlertState
from bot.store.errors import DatabaseUnavailable
from commands.checks.conditions import Condition, HostChecked
from tests.bot.alerts.living import House, Interrupted, nebula


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


async def test_a_problem_that_begins_twice_at_once_is_one_alert(house: House) -> None:
    async def begin() -> None:
        await house.build().apply(
            HostChecked(host="host-a", at=house.now - timedelta(seconds=1), judged=frozenset(), signals=(nebula(),))
        )

    house.registry = house.build(lambda part: Interrupted(part, "apply", begin))
    await house.check(nebula())
    assert [("host-a/nebula", "firing")] == await house.read_states()
