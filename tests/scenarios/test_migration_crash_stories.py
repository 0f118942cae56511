"""A bot killed (-9) at each change of a move: the next one finishes it or takes it back, and one container runs."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import pytest

from adapters.wsl.action import WslAction
from bot.model.change import ChangeState
from commands.model.plan import Plan
from tests.lab.holds import When
from tests.lab.wsl.programs_helper import find_verb
from tests.scenarios.changing import Card
from tests.scenarios.conftest import Build, Town
from tests.scenarios.crashing import Crew, crew
from tests.scenarios.moving import MOVE, find, list_left, manage, open_shop, wsl

pytestmark = pytest.mark.slow

HOME = {"host-a": "running"}
AWAY = {"host-a": "exited", "host-b": "running"}


@asynccontextmanager
async def passing_time(t: Town) -> AsyncIterator[None]:
    """The gateways live much faster, so that no wait for them takes long."""

    async def pass_by() -> None:
        while True:
            await asyncio.sleep(0.1)
            for host in t.fleet.hosts:
                host.elapse(10)

    task = asyncio.create_task(pass_by())
    try:
        yield
    finally:
        task.cancel()


def reopen(t: Town, number: int) -> None:
    """Another shop on host-a, and nothing of the one before on any host."""
    for host in ("host-a", "host-b"):
        state = wsl(t.fleet, host)
        state.containers = [each for each in state.containers if each.name != "shop"]
        state.volumes.clear()
        state.images = state.images[:1]
    open_shop(t.fleet).address = f"10.87.1.{100 + number}"


class StandIns(dict[str, dict[str, str]]):
    """Stands for whatever earlier steps produce."""

    def __missing__(self, key: str) -> dict[str, str]:
        return defaultdict(lambda: "0" * 64)


@dataclass(frozen=True)
class Moment:
    """A call of the helper at which the bot is killed: of which step, on which host, by which verb."""

    step: str
    host: str
    verb: str
    when: When


def list_moments(plan: Plan) -> Iterator[Moment]:
    """After each change of a plan in WSL2, and before those that decide where the container runs."""
    for step in plan.steps:
        if not step.deed.is_change or not step.deed.kind.startswith("wsl."):
            continue
        action = step.deed.build_action(StandIns())
        assert isinstance(action, WslAction)
        verb = find_verb(list(action.build_commands()[0]))
        if verb in ("containers stop", "containers start"):
            yield Moment(step.key, step.host, verb, "before")
        yield Moment(step.key, step.host, verb, "after")


DEATHS = 3
"""Bots that die in one move, at most: the engine gives up an operation that has brought down five."""


def list_moves(plan: Plan) -> list[tuple[Moment, ...]]:
    """The moments of each move: far from one another, and by itself the one after which all is taken back."""
    moments = list(list_moments(plan))
    last = [each for each in moments if each.verb == "containers copy"]
    others = [each for each in moments if each not in last]
    moves = -(-len(others) // DEATHS)
    return [*(tuple(others[number::moves]) for number in range(moves)), *((each,) for each in last)]


async def kill_at(bots: Crew, moments: tuple[Moment, ...]) -> Card:
    """Have the shop moved by bots that are killed at these moments, one after the other, and have the next one begin."""
    card = await bots.asked(MOVE)
    goes_on: Callable[[], Awaitable[None]] = partial(bots.approves, card)
    for moment in moments:
        server = bots.town.fleet[moment.host].wsl
        assert server is not None
        hold = server.hold(moment.verb, moment.when)
        await goes_on()
        await hold.reached()
        await bots.dies()
        hold.release()
        goes_on = bots.begins
    await goes_on()
    return card


SHARES = 2
"""Tests over which the moves are spread, so that they can run side by side."""


@pytest.mark.parametrize("share", range(SHARES))
async def test_a_bot_that_is_killed_in_a_move_leaves_one_container_that_runs(town: Build, share: int) -> None:
    """Settings that may not have arrived whole are taken back. Everything else is finished."""
    async with town(hosts=3) as t:
        open_shop(t.fleet)
        manage(t)
        async with passing_time(t), crew(t) as bots:
            plan = bots.rows.record((await bots.asked(MOVE)).operation).plan
            for number, moments in list(enumerate(list_moves(plan)))[share::SHARES]:
                reopen(t, number)
                card = await kill_at(bots, moments)
                done = moments[0].verb != "containers copy"
                expected = (ChangeState.DONE, AWAY) if done else (ChangeState.UNDONE, HOME)
                ended = await bots.ended(card)
                assert (moments, *expected) == (moments, ended, find(t.fleet)), bots.rows.record(card.operation).why
                assert done or [] == list_left(t.fleet)
            await bots.at_rest()
            assert [] == [wrong for operation in bots.told_of[1:] for wrong in bots.evidence.against_slack(operation)]
            assert bots.rows.audit_is_whole()
