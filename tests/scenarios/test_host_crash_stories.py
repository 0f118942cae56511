"""A bot killed (-9) in each stage of an addition and of a removal: the next one ends it, and nothing happens twice."""

import pytest

from adapters.action_registry import find_action_class
from adapters.windows.action import WindowsAction
from bot.model.change import Change
from commands.model.plan import Plan
from tests.scenarios.changing import hurried
from tests.scenarios.conftest import Build
from tests.scenarios.crashing import Crew, crew
from tests.scenarios.joining import MEMBER, NEW, NOTHING, equip, look, prepare_alone, try_copies
from tests.scenarios.rotating import ALONE, HURRY, must_run
from tests.scenarios.test_rotation_crash_stories import ask_running, killed_in

pytestmark = pytest.mark.slow

DEATHS = 3
"""Bots that die in one operation."""


def choose_deaths(plan: Plan) -> tuple[tuple[str, str], ...]:
    """Hosts and scripts from the beginning of a plan to its end, each of which changes something on Windows."""
    kinds = ((step.host, find_action_class(step.deed.kind)) for step in plan.steps if step.deed.is_change)
    changes = [(host, kind.script) for host, kind in kinds if issubclass(kind, WindowsAction)]
    return tuple(changes[(len(changes) - 1) * number // (DEATHS - 1)] for number in range(DEATHS))


async def lives_through(bots: Crew, words: str) -> None:
    """Each bot dies once such a script has had its effect."""
    dry = (await ask_running(bots.town, f"{words} {ALONE} --dry-run")).body
    assert isinstance(dry, Change), dry
    await killed_in(bots, words, *choose_deaths(dry.plan))


async def test_an_addition_and_a_removal_go_on_where_the_bot_was_killed(town: Build) -> None:
    async with town(hosts=2, lighthouse=True, newcomers=1) as t:
        equip(t)
        new = t.fleet[NEW]
        async with t.bot(hurried(t.fleet, HURRY)) as house:
            await must_run(house, "host rehearse all")
            await prepare_alone(house, new)
        async with crew(t) as bots:
            await lives_through(bots, f"host add {NEW}")
            assert MEMBER == look(t.fleet, new)
            await lives_through(bots, f"host remove {NEW}")
            assert (NOTHING, set()) == (look(t.fleet, new), try_copies(t.fleet, new))
            assert bots.rows.audit_is_whole()
