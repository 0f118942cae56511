"""Owed changes: a host that was silent is not forgotten, and is asked for when it comes back."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from adapters.phrase import Phrase
from bot.changes.tables.owed import OwedEffects, apply_effects
from bot.model.change import ChangeState
from bot.model.owed import OwedChange
from bot.model.request import Surface, SystemIdentity
from bot.runtime.clock import read_utc_time
from commands.model.owed import Matter
from tests.lab.faults import Fault
from tests.scenarios.changing import ADMIN, OPERATOR, Shift, shift
from tests.scenarios.conftest import Build

DONE = (ChangeState.DONE, "")


def switch(s: Shift, name: str, *, on: bool) -> None:
    """All programs of a host listen, or none does."""
    for side in s.fleet[name].ports:
        s.fleet[name].wire(side).fault = Fault.NONE if on else Fault.REFUSE


async def comes_back(s: Shift, name: str) -> None:
    """The host answers again, somebody looks, and the bot's next look for owed changes comes."""
    switch(s, name, on=True)
    await s.types(OPERATOR, "health all")
    await s.house.wings.changes.owed.asker.tick()


@pytest.mark.slow
async def test_a_silent_host_is_owed_its_renewal_and_asked_for_when_it_comes_back(town: Build) -> None:
    async with shift(town) as s:
        old = s.lies("host-b")
        switch(s, "host-b", on=False)
        card = await s.asked("cert renew host-a,host-b")
        assert "未実施 (ホストが応答したら再び依頼):" in s.card(card)
        await s.press(ADMIN, card, "run.approve")
        assert DONE == await s.ended(card)
        assert "完了 (host-b は未実施)" in await s.signed(card, ":warning:")
        assert f"<@{OPERATOR}>" in await s.says(card, "完了 (host-b は未実施)")
        assert "cert renew host-b" in await s.types(OPERATOR, "owed")
        assert "cert renew host-b" in await s.types(OPERATOR, "host show host-b")

        await comes_back(s, "host-b")
        (waiting,) = await s.house.wings.changes.lifecycle.list_waiting()
        again = await s.find(waiting.operation)
        assert ("cert renew host-b", "kenji") == ((await s.known(again)).words, (await s.known(again)).requester)
        assert old == s.lies("host-b")  # nothing runs before someone approves
        await comes_back(s, "host-b")
        assert 1 == len(await s.house.wings.changes.lifecycle.list_waiting())

        await s.press(ADMIN, again, "run.approve")
        assert DONE == await s.ended(again)
        assert old != s.lies("host-b") == s.runs("host-b")
        assert () == await s.house.wings.changes.owed.registry.list_open()
        assert ["owed", "plan", "approval", "review", "run", "end", "owed"] == s.trail(again)


async def owe_revocation(s: Shift) -> None:
    """A revocation of the future is owed to host-b."""
    left = OwedChange(
        host="host-b",
        kind="cert revoke",
        arguments={},
        words="cert revoke host-z --on host-b",
        matter=Matter.REVOCATION,
        why=Phrase("silent"),
        operation="op-000000000001",
        requester="kenji",
        identity=SystemIdentity(1000, "kenji"),
        surface=Surface.SHELL,
        channel="",
        since=read_utc_time() - timedelta(hours=1),
    )

    def work(connection: Connection) -> None:
        apply_effects(connection, OwedEffects((left,)), "op-000000000001", read_utc_time())

    await s.house.database.run(work)


@pytest.mark.slow
async def test_an_owed_revocation_keeps_nebula_down_and_is_given_up_only_with_approvals(town: Build) -> None:
    """Its operation does not exist in this version, and that hides it from nobody."""
    async with shift(town) as s:
        await s.ruled('[[approvals.rules]]\nrisk = "critical"\napprovers = 1\n')
        await owe_revocation(s)
        await comes_back(s, "host-b")
        assert "このバージョンのボットは cert revoke に対応していません" in await s.types(OPERATOR, "owed")
        assert "失効が未実施です" in await s.types(OPERATOR, "service restart nebula host-b")
        assert "owed abandon 1" in await s.types(OPERATOR, "owed drop 1 scrapped")

        card = await s.asked('owed abandon 1 --reason "host-b was scrapped"')
        assert "host-b は失効したものを受け入れたままになり" in s.card(card)
        await s.types(ADMIN, f"op show {card.operation}")
        await s.types(ADMIN, f"approve {card.operation} --name host-b")
        assert DONE == await s.ended(card)
        found = await s.house.wings.changes.owed.registry.list_recent()
        assert [(card.operation, "host-b was scrapped")] == [(owed.settled_by, owed.reason) for owed in found]
        restart = await s.asked("service restart nebula host-b")
        assert ChangeState.WAITING is (await s.known(restart)).state
