"""A bot killed (-9) in each stage of a suspension and of a resume: the next one ends it, and the host is whole."""

from functools import partial

import pytest

from bot.model.change import ChangeState
from tests.scenarios.changing import Card
from tests.scenarios.conftest import PATIENCE, Build, Town
from tests.scenarios.crashing import Crew, crew
from tests.scenarios.moving import manage, open_shop, wsl
from tests.scenarios.test_suspension_stories import RESUME, SUSPEND

pytestmark = pytest.mark.slow


def look(t: Town) -> tuple[set[str], set[str], set[tuple[str, str]]]:
    """Services of host-b, their start types, and its containers with their policies."""
    services = t.fleet["host-b"].windows.state.services.values()
    containers: set[tuple[str, str]] = {(each.state, each.policy) for each in wsl(t.fleet, "host-b").containers}
    return {each.status for each in services}, {each.start_type for each in services}, containers


async def lives_through(bots: Crew, words: str, parts: tuple[str, ...]) -> None:
    """Each bot dies right after it wrote that it begins a step; the next one goes on, and the last one ends the change."""
    card = await bots.asked(words)
    await bots.approves(card)
    for part in parts:
        await bots.town.workspace.seen(partial(has_begun, bots.town, card, part), timeout=PATIENCE)
        await bots.dies()
        await bots.begins()
    ended = await bots.ended(card)
    assert (words, ChangeState.DONE) == (words, ended), str(bots.rows.record(card.operation).why)


def has_begun(t: Town, card: Card, part: str) -> bool:
    """Whether the audit log has the intent of a step whose key has this part."""
    mine = (event for event in t.events() if event["operation"] == card.operation and event["kind"] == "intent")
    return any(part in str(event["data"]) for event in mine)


STOPS, STARTS = ("stop/", "start-types", "confirm"), ("nebula/begin", "/move", "policy/")
"""Parts of the keys of the steps at which a bot dies, in the order of the plans."""


async def test_a_suspension_and_a_resume_go_on_where_the_bot_was_killed(town: Build) -> None:
    async with town(hosts=2, lighthouse=True) as t:
        open_shop(t.fleet, "host-b")
        manage(t)
        async with crew(t) as bots:
            before = look(t)
            await lives_through(bots, SUSPEND, STOPS)
            assert ({"Stopped"}, {"Manual"}, {("exited", "no")}) == look(t)
            await lives_through(bots, RESUME, STARTS)
            assert before == look(t)
            assert bots.rows.audit_is_whole()
