"""A bot killed (-9) in the middle of a rehearsal: the next one ends it, and leaves no scratch behind."""

import asyncio
from contextlib import suppress

import pytest

from bot.control.client import ask
from bot.model.change import ChangeState
from bot.model.request import Surface
from commands.changes.rehearsal import make_rehearsal_key
from commands.model.plan import Plan
from commands.model.report import Report
from tests.lab.holds import When
from tests.scenarios.conftest import Build, Town
from tests.scenarios.crash_evidence import FOLDERS
from tests.scenarios.crash_points import Call, Point, calls
from tests.scenarios.crashing import LATER, crew

pytestmark = pytest.mark.slow

REHEARSE = "host rehearse host-a"

STEPS = ("keep/begin", "keep/confirm", "lapse/begin", "abort/abort", "tidy")
"""Steps that change something, by the end of their keys."""


def way_to(plan: Plan, name: str) -> tuple[Call, ...]:
    """All requests of a plan up to that of one step."""
    path: list[Call] = []
    for call in calls(plan):
        path.append(call)
        if (call.step, call.role) == (make_rehearsal_key("host-a", name), "deed"):
            break
    return tuple(path)


async def let_lapse(t: Town) -> None:
    """The change that is left alone has all the time that it needs."""
    while True:
        change = t.fleet["host-a"].windows.state.change
        if change is not None and change.operation.endswith("-lapse"):
            t.fleet["host-a"].elapse(30)
        await asyncio.sleep(0.05)


async def rehearsals(t: Town) -> str:
    """What `host` says of the rehearsal of host-a."""
    answer = await ask(t.settings.control_socket, "host", Surface.DO)
    assert answer is not None
    assert isinstance(answer.body, Report)
    return str(answer.body.cells_by_host["host-a"]["rehearsal"].value)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_rehearsal_goes_on_where_the_bot_was_killed_and_leaves_nothing(town: Build, when: When) -> None:
    async with town(hosts=1, lighthouse=True) as t, crew(t) as bots:
        state = t.fleet["host-a"].windows.state
        lapsing = asyncio.create_task(let_lapse(t))
        for name in STEPS:
            card = await bots.asked(REHEARSE)
            path = way_to(bots.rows.record(card.operation).plan, name)
            await bots.stands_at(Point(path, when), card)
            await bots.dies()
            await bots.begins()
            ended = await bots.ended(card)
            scratch = [path for path in state.files if FOLDERS / card.operation in path.parents]
            assert (name, ChangeState.DONE, [], {}) == (name, ended, scratch, state.tasks)
            assert "T" in await rehearsals(t)
        lapsing.cancel()
        with suppress(asyncio.CancelledError):
            await lapsing
        assert bots.rows.audit_is_whole()


async def test_a_bot_that_comes_back_too_late_to_confirm_has_no_rehearsal(town: Build) -> None:
    """The host has reverted by itself meanwhile: nothing is left, and `host` says why it is not enough."""
    async with town(hosts=1, lighthouse=True) as t, crew(t) as bots:
        card = await bots.asked(REHEARSE)
        path = way_to(bots.rows.record(card.operation).plan, "keep/begin")
        await bots.stands_at(Point(path, "after"), card)
        await bots.dies()
        t.fleet["host-a"].elapse(LATER)
        await bots.begins()
        state = t.fleet["host-a"].windows.state
        assert ChangeState.UNDONE == await bots.ended(card)
        assert ([], {}) == ([path for path in state.files if FOLDERS / card.operation in path.parents], state.tasks)
        assert "the last rehearsal failed (the host restored its previous state (not confirmed within 120 s))" == (
            await rehearsals(t)
        )
