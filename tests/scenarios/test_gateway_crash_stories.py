"""A bot killed (-9) in the middle of a reload: the next one ends it, or the host has restored its last good files."""

from pathlib import PureWindowsPath

import pytest

from bot.model.change import ChangeState
from commands.model.plan import Plan
from tests.lab.holds import When
from tests.lab.windows.nginx import PATHS
from tests.scenarios.conftest import Build, Town
from tests.scenarios.crash_evidence import FOLDERS
from tests.scenarios.crash_points import Call, Point, calls
from tests.scenarios.crashing import LATER, Crew, crew

pytestmark = pytest.mark.slow

RELOAD = "gateway reload host-a"
CONFIG = PureWindowsPath(PATHS.gateway_config)
STEPS = ("begin", "keep", "confirm")
"""Steps at which the bot is killed, by the end of their keys."""


def way_to(plan: Plan, name: str) -> tuple[Call, ...]:
    """All requests of a plan up to that of one step."""
    path: list[Call] = []
    for call in calls(plan):
        path.append(call)
        if (call.step, call.role) == (f"host-a/{name}", "deed"):
            break
    return tuple(path)


def edit(t: Town, number: int) -> str:
    """Somebody edits nginx.conf on the host, differently each time; the new text."""
    state = t.fleet["host-a"].windows.state
    state.write(CONFIG, f"{state.files[CONFIG]}# edit {number}\n", t.fleet.mesh.now())
    return state.files[CONFIG]


async def reloaded(bots: Crew) -> None:
    """A reload that goes well, so that there is a last good configuration."""
    card = await bots.asked(RELOAD)
    await bots.approves(card)
    assert ChangeState.DONE is await bots.ended(card)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_reload_goes_on_where_the_bot_was_killed_and_leaves_nothing(town: Build, when: When) -> None:
    async with town(hosts=1, lighthouse=True) as t, crew(t) as bots:
        state = t.fleet["host-a"].windows.state
        await reloaded(bots)
        for number, name in enumerate(STEPS):
            edited = edit(t, number)
            card = await bots.asked(RELOAD)
            await bots.stands_at(Point(way_to(bots.rows.record(card.operation).plan, name), when), card)
            await bots.dies()
            await bots.begins()
            ended = await bots.ended(card)
            why = bots.rows.record(card.operation).why
            assert (name, ChangeState.DONE, edited) == (name, ended, state.files[CONFIG]), str(why)
            assert [] == [path for path in state.files if FOLDERS / card.operation in path.parents]
        assert bots.rows.audit_is_whole()


async def test_a_host_whose_bot_comes_back_too_late_has_restored_its_last_good_files(town: Build) -> None:
    async with town(hosts=1, lighthouse=True) as t, crew(t) as bots:
        state = t.fleet["host-a"].windows.state
        await reloaded(bots)
        good, edited = state.files[CONFIG], edit(t, 1)
        card = await bots.asked(RELOAD)
        await bots.stands_at(Point(way_to(bots.rows.record(card.operation).plan, "begin"), "after"), card)
        await bots.dies()
        t.fleet["host-a"].elapse(LATER)
        await bots.begins()
        assert (ChangeState.UNDONE, good) == (await bots.ended(card), state.files[CONFIG])
        assert edited == state.files[FOLDERS / card.operation / "edit" / "nginx.conf.old"]
