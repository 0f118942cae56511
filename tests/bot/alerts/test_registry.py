"""The registry of alerts: moves are stored once, recorded first, and never lost."""

from datetime import timedelta

import pytest

from bot.alerts.registry import AlertResolved, NoSuchAlert
from bot.model.alert import AlertState
from tests.bot.alerts.living import House, nebula


async def test_an_alert_fires_is_acknowledged_and_resolved(house: House) -> None:
    fired = await house.fire()
    assert (1, AlertState.FIRING, house.now, house.now) == (fired.number, fired.state, fired.fired_at, fired.first_fired_at)
    assert [fired] == list(await house.registry.list_unshown())

    taken = await house.registry.acknowledge(1, "ana", house.now + timedelta(hours=2), "op-1")
    assert (AlertState.ACKNOWLEDGED, "ana") == (taken.state, taken.acknowledged_by)
    assert taken == await house.registry.find(1)

    await house.check()
    await house.check()
    (resolved,) = await house.registry.list_recent(house.now - timedelta(hours=1))
    assert (AlertState.RESOLVED, house.now) == (resolved.state, resolved.resolved_at)
    assert () == await house.registry.list_open()
    assert ["fired", "acknowledged", "resolved"] == house.log.did
    changes = await house.registry.list_changes(1)
    assert [("firing", ""), ("acknowledged", "ana"), ("resolved", "")] == [(each.state, each.actor) for each in changes]
    assert [2, 3, 4] == [change.version for change in changes]


async def test_a_resolved_alert_cannot_be_acknowledged(house: House) -> None:
    await house.fire()
    await house.check()
    await house.check()
    with pytest.raises(AlertResolved, match="alert 1 was resolved at 2026-01-31 09:04:00 UTC"):
        await house.registry.acknowledge(1, "ana", None, "op-1")


@pytest.mark.parametrize("number", [0, 1, 2, -1, 2**63, 10**30])
async def test_an_alert_that_nobody_was_shown_does_not_exist(house: House, number: int) -> None:
    await house.check(nebula())
    with pytest.raises(NoSuchAlert, match=f"no alert {number}"):
        await house.registry.acknowledge(number, "ana", None, "op-1")
