"""A change of the CA in the operators' channel: who must approve each round, and what the cards say."""

import pytest

from bot.model.change import ChangeState
from tests.lab.faults import Fault
from tests.scenarios.changing import ADMIN, OPERATOR, Card, Shift, hurried
from tests.scenarios.conftest import Build
from tests.scenarios.rotating import HURRY, NEW, OLD, Trust, add_recipients, describe, must_run, read_stage

pytestmark = pytest.mark.slow

DONE = (ChangeState.DONE, "")

REASON = '--reason "the CA ends next year"'


async def approved_by_two(s: Shift, words: str) -> Card:
    """A critical change: alice types its name in Slack, the administrator at the terminal types it there."""
    card = await s.asked(words)
    name = (await s.known(card)).plan.object_name
    await s.types(ADMIN, f"op show {card.operation}")
    await s.types(ADMIN, f"approve {card.operation} --name {name}")
    assert ChangeState.WAITING is (await s.known(card)).state
    await s.shell(f"op show {card.operation}")
    await s.shell(f"approve {card.operation} --name {name}")
    return card


async def test_each_round_has_its_own_approvals_and_its_card_names_who_is_cut_off(town: Build) -> None:
    async with town(hosts=2, lighthouse=True) as t:
        add_recipients(t.config)
        async with t.bot(hurried(t.fleet, HURRY)) as house:
            s = Shift(t, house)
            await must_run(house, "host rehearse all")
            assert DONE == await s.ended(await approved_by_two(s, f"ca rotation start {REASON}"))

            for side in t.fleet["host-b"].ports:
                t.fleet["host-b"].wire(side).fault = Fault.REFUSE
            trusting = await s.approved("ca rotation next")
            assert DONE == await s.ended(trusting)
            assert "host-b" in await s.signed(trusting, ":warning:")

            leaving = await approved_by_two(s, f"ca rotation next --leave host-b {REASON}")
            warned = [str(phrase) for phrase in (await s.known(leaving)).plan.warnings]
            assert "host-b: cut off from every host with a new certificate until its return" in warned
            assert DONE == await s.ended(leaving)
            assert Trust((OLD, NEW), NEW) == describe(t.fleet)["host-a"]

            t.fleet["host-b"].mend()
            await s.types(OPERATOR, "health all")
            await house.wings.changes.owed.asker.tick()
            listed = await house.wings.changes.lifecycle.list_waiting()
            (waiting,) = [change for change in listed if change.words == "ca rotation next --only host-b"]
            back = await s.find(waiting.operation)
            await s.press(ADMIN, back, "run.approve")
            assert DONE == await s.ended(back)
            assert ({Trust((OLD, NEW), NEW)}, "signing") == (set(describe(t.fleet).values()), read_stage(t))
            assert () == await house.wings.changes.owed.registry.list_open()
