"""Three copies over one database, as processes: what only processes show. `python -m tests.chaos` plays many more rounds."""

import random
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bot.store.database import LEAD_LOST
from tests.chaos.copies import Copy
from tests.chaos.harms import hang_at_intent
from tests.chaos.rounds import World, build_world
from tests.postgres import PostgresServer
from tests.scenarios.forks import command

pytestmark = pytest.mark.slow  # every story starts programs

SECONDS = 5.0
"""Seconds that people work in a round."""


@asynccontextmanager
async def built(folder: Path, server: PostgresServer) -> AsyncIterator[World]:
    async with build_world(folder / "w", 3, server, folder / "logs") as world:
        yield replace(world, seconds=SECONDS)


@pytest.fixture
def world(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> Callable[[], AbstractAsyncContextManager[World]]:
    """`async with world() as w:` builds one."""
    return partial(built, tmp_path_factory.mktemp("w"), postgres_server)


async def test_a_leader_that_was_stopped_before_it_acted_acts_no_more_when_it_wakes(
    world: Callable[[], AbstractAsyncContextManager[World]],
) -> None:
    """It had written that it would act. Another copy has done so meanwhile, and this one ends as soon as it wakes."""
    async with world() as w:
        stopped = w.find_leader()
        result = await w.round(("hang at intent", hang_at_intent), random.Random(1))
        assert [] == result.verdict.wrong
        assert [LEAD_LOST] == [end.code for end in stopped.ends]
        assert stopped != w.find_leader()


async def ask(copy: Copy) -> subprocess.CompletedProcess[str]:
    """Type a command on the machine of a copy, again until it is answered, or told who leads."""
    while True:
        said = await command("do", "lock", "--config", str(copy.town.config))
        if said.returncode == 0 or "leads the bot" in said.stdout:
            return said


async def test_copies_that_start_at_once_agree_on_one_leader_whom_the_others_name(
    world: Callable[[], AbstractAsyncContextManager[World]],
) -> None:
    """A command at a machine whose copy stands by says where to go, and ends."""
    async with world() as w:
        leader = w.find_leader()
        told = {copy.name: await ask(copy) for copy in w.copies.all}
        assert 0 == told[leader.name].returncode
        others = [told[copy.name] for copy in w.copies.others(leader.name)]
        assert [(3, True)] * 2 == [(each.returncode, leader.name in each.stdout + each.stderr) for each in others]
