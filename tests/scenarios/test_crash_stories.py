"""A bot killed (-9) at every point that its plan yields: afterwards all is done or all is as before, and everybody knows."""

import pytest

from bot.control.client import ask
from bot.model.change import ChangeState
from bot.model.request import Surface
from tests.lab.faults import Fault
from tests.scenarios.conftest import Build
from tests.scenarios.crash_points import points
from tests.scenarios.crashing import RENEW, crew

pytestmark = pytest.mark.slow

SHARES = 8
"""Tests over which the points are spread, so that they can run side by side."""


@pytest.mark.parametrize("share", range(SHARES))
async def test_a_bot_that_is_killed_anywhere_leaves_the_truth(town: Build, share: int) -> None:
    """The next one ends it: once, on the disks, in the log, on the card and below it."""
    async with town(hosts=2, lighthouse=True) as t, crew(t) as bots:
        plan = bots.rows.record((await bots.asked(RENEW)).operation).plan
        for point in points(plan)[share::SHARES]:
            assert (str(point), []) == (str(point), await bots.lives_through(point))
        await bots.at_rest()
        assert [] == [wrong for operation in bots.told_of[1:] for wrong in bots.evidence.against_slack(operation)]
        assert bots.rows.audit_is_whole()


async def test_what_nobody_can_know_after_a_crash_is_said_to_be_unknown_and_keeps_its_hosts(town: Build) -> None:
    """Another machine has the host's address when the next bot wants to look; a person looks, and the hosts are free."""
    async with town(hosts=2, lighthouse=True) as t, crew(t) as bots:
        card = await bots.asked(RENEW)
        point = next(point for point in points(bots.rows.record(card.operation).plan) if point.when == "after")
        await bots.stands_at(point, card)
        await bots.dies()
        t.fleet["host-a"].wire("windows").fault = Fault.IDENTITY
        await bots.begins()
        assert ChangeState.UNKNOWN == await bots.ended(card)
        assert {"host-a": card.operation, "lighthouse": card.operation} == bots.rows.claims()
        await bots.at_rest()
        assert [] == list(bots.evidence.against_slack(card.operation))
        await ask(t.settings.control_socket, f'op resolve {card.operation} "no key was left" --outcome undone', Surface.DO)
        assert (ChangeState.UNDONE, {}) == (await bots.ended(card), bots.rows.claims())
