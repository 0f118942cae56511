"""A whole change of the CA with one host away, by bots of which one is killed (-9) in each stage."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from bot.control.client import ask
from bot.model.change import Change, ChangeState
from bot.model.request import Answer, Surface
from tests.lab.faults import Fault
from tests.lab.holds import Hold
from tests.lab.windows.mesh import PATHS
from tests.scenarios.changing import hurried
from tests.scenarios.conftest import PATIENCE, Build, Town
from tests.scenarios.crashing import Crew, crew
from tests.scenarios.rotating import (
    ALONE,
    HURRY,
    NEW,
    OLD,
    Trust,
    add_recipients,
    describe,
    find_cuts,
    list_private_keys,
    must_run,
    pass_drill,
    read_stage,
)

pytestmark = pytest.mark.slow

AWAY = "host-b"

BEFORE = Trust((OLD,), OLD)


def switch(t: Town, *, on: bool) -> None:
    """The machine of one host is there, or is not."""
    for side in t.fleet[AWAY].ports:
        t.fleet[AWAY].wire(side).fault = Fault.NONE if on else Fault.REFUSE


async def ask_running(t: Town, words: str) -> Answer:
    """The answer of the bot that runs."""
    answer = await ask(t.settings.control_socket, words, Surface.DO)
    assert answer is not None
    return answer


async def request(t: Town, words: str) -> str:
    """What the administrator at the terminal starts; the operation."""
    answer = await ask_running(t, f"{words} {ALONE}")
    assert isinstance(answer.body, Change), answer.body
    return answer.body.operation


async def refusal(t: Town, words: str) -> str:
    """Why a change is not even planned."""
    return str((await ask_running(t, f"{words} {ALONE}")).body)


async def killed_in(bots: Crew, words: str, *kills: tuple[str, str]) -> None:
    """A bot is killed once a script has had its effect on a host, and the next one goes on; the last ends the change."""
    operation = ""
    for host, script in kills:
        hold = bots.town.fleet[host].windows.hold(script, "after")
        if operation:
            await bots.begins(greeted=False)
        else:
            operation = await request(bots.town, words)
        await reach(hold, f"{words}: {script} on {host}")
        await bots.dies()
        hold.release()
    await bots.begins()
    async with asyncio.timeout(PATIENCE):
        while not bots.rows.record(operation).state.ended:
            await asyncio.sleep(0.05)
    record = bots.rows.record(operation)
    assert (words, ChangeState.DONE, []) == (words, record.state, list(bots.evidence.effects.repeated(record))), record.why


async def reach(hold: Hold, what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await hold.reached()
    except TimeoutError:
        raise AssertionError(f"never came: {what}") from None


@asynccontextmanager
async def rehearsed_crew(town: Build) -> AsyncIterator[tuple[Town, Crew]]:
    """A bot at work in a town whose hosts have rehearsed."""
    async with town(hosts=2, lighthouse=True) as t:
        add_recipients(t.config)
        async with t.bot(hurried(t.fleet, HURRY)) as house:
            await must_run(house, "host rehearse all")
        async with crew(t) as bots:
            yield t, bots


def require_end(t: Town) -> None:
    """The rotation is over on all hosts, none is cut off, and the lighthouse has one key in the place of the old one."""
    assert ("done", []) == (read_stage(t), find_cuts(t.fleet))
    assert {Trust((NEW,), NEW)} == set(describe(t.fleet).values())
    assert [PATHS.ca_key] == list_private_keys(t.fleet)


START = ("make-authority", "protect-key", "sign-canary")
TRUST = (("lighthouse", "stage-edit"), ("host-a", "begin-change"), ("host-b", "confirm-change"))
FINISH = (("host-a", "begin-change"), ("lighthouse", "install-authority"), ("lighthouse", "wipe-authority"))
SIGN = (("host-a", "make-key-pair"), ("lighthouse", "sign-certificate"), ("host-b", "stage-certificate"))


async def test_a_rotation_outlives_a_kill_in_each_step(town: Build) -> None:
    """Each kind of step, in one host or another."""
    async with rehearsed_crew(town) as (t, bots):
        await killed_in(bots, "ca rotation start", *(("lighthouse", script) for script in START))
        await killed_in(bots, "ca rotation next", *TRUST)
        await killed_in(bots, "ca rotation next", *SIGN)
        assert {Trust((OLD, NEW), NEW)} == set(describe(t.fleet).values())
        await pass_drill(partial(ask_running, t), t)
        await killed_in(bots, "ca rotation finish", *FINISH)
        require_end(t)
        assert bots.rows.audit_is_whole()


async def test_a_rotation_with_a_host_away_outlives_a_kill_in_each_stage(town: Build) -> None:
    async with rehearsed_crew(town) as (t, bots):
        await killed_in(bots, "ca rotation start", ("lighthouse", "make-authority"))
        assert "made" == read_stage(t)

        switch(t, on=False)
        await killed_in(bots, "ca rotation next", ("host-a", "begin-change"))
        assert Trust((OLD, NEW), OLD) == describe(t.fleet)["host-a"] == describe(t.fleet)["lighthouse"]
        assert BEFORE == describe(t.fleet)[AWAY]
        assert "trusting" == read_stage(t)

        assert "must trust the new CA first" in await refusal(t, "ca rotation next")
        await killed_in(bots, f"ca rotation next --leave {AWAY}", ("host-a", "begin-change"))
        assert Trust((OLD, NEW), NEW) == describe(t.fleet)["host-a"] == describe(t.fleet)["lighthouse"]
        assert "signing" == read_stage(t)

        switch(t, on=True)
        assert {("lighthouse", AWAY), (AWAY, "host-a")} < set(find_cuts(t.fleet))
        await killed_in(bots, f"ca rotation next --only {AWAY}", (AWAY, "begin-change"))
        assert ([], {Trust((OLD, NEW), NEW)}) == (find_cuts(t.fleet), set(describe(t.fleet).values()))

        await pass_drill(partial(ask_running, t), t)
        await killed_in(bots, "ca rotation finish", (AWAY, "confirm-change"))
        require_end(t)
        assert bots.rows.audit_is_whole()
