"""A whole change of the CA with one host away, by bots of which one is killed (-9) in each stage."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.control.client import ask
from bot.model.change import Change, ChangeState
from bot.model.request import Surface
from tests.lab.faults import Fault
from tests.lab.holds import Hold
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
    must_run,
    read_stage,
)

pytestmark = pytest.mark.slow

AWAY = "host-b"

BEFORE = Trust((OLD,), OLD)


def switch(t: Town, *, on: bool) -> None:
    """The machine of one host is there, or is not."""
    for side in t.fleet[AWAY].ports:
        t.fleet[AWAY].wire(side).fault = Fault.NONE if on else Fault.REFUSE


async def request(t: Town, words: str) -> str:
    """What the administrator at the terminal starts; the operation."""
    answer = await ask(t.settings.control_socket, f"{words} {ALONE}", Surface.DO)
    assert answer is not None
    assert isinstance(answer.body, Change), answer.body
    return answer.body.operation


async def refusal(t: Town, words: str) -> str:
    """Why a change is not even planned."""
    answer = await ask(t.settings.control_socket, f"{words} {ALONE}", Surface.DO)
    assert answer is not None
    return str(answer.body)


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


START = ("make-authority", "protect-key", "sign-canary")
TRUST = (("lighthouse", "stage-edit"), ("host-a", "begin-change"), ("host-b", "confirm-change"))
SIGN = (("host-a", "make-key-pair"), ("lighthouse", "sign-certificate"), ("host-b", "stage-certificate"))


async def test_a_rotation_outlives_a_kill_in_each_step(town: Build) -> None:
    """Each kind of step, in one host or another."""
    async with rehearsed_crew(town) as (t, bots):
        await killed_in(bots, "ca rotation start", *(("lighthouse", script) for script in START))
        await killed_in(bots, "ca rotation next", *TRUST)
        await killed_in(bots, "ca rotation next", *SIGN)
        assert ([], {Trust((OLD, NEW), NEW)}) == (find_cuts(t.fleet), set(describe(t.fleet).values()))
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
        assert {AWAY} == {name for pair in find_cuts(t.fleet) for name in pair if AWAY in pair} - {
            "host-a",
            "lighthouse",
        }
        await killed_in(bots, f"ca rotation next --only {AWAY}", (AWAY, "begin-change"))
        assert ([], {Trust((OLD, NEW), NEW)}) == (find_cuts(t.fleet), set(describe(t.fleet).values()))
        assert bots.rows.audit_is_whole()
