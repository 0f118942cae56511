"""Who decides on a change, and how often that counts: buttons, forms, words, and people who may not."""

import asyncio
import sqlite3
from contextlib import closing

import pytest

from bot.model.change import ChangeState
from tests.lab.workspace.faults import DELIVERY, Duplicated
from tests.scenarios.changing import ADMIN, DEVELOPER, GUEST, MEMBER, OPERATOR, VIEWER, Card, Shift, roles, shift
from tests.scenarios.conftest import PATIENCE, Build, Town

RESTART = "service restart openresty host-a"

DONE = (ChangeState.DONE, "")


def untouched(s: Shift, card: Card) -> None:
    """Nothing of it has begun."""
    assert "run" not in s.trail(card)
    assert 2400 == s.state("host-a").services["OpenResty"].pid


async def test_a_denial_takes_its_reason_from_a_form_and_whoever_asked_is_told(town: Build) -> None:
    async with shift(town) as s:
        card = await s.asked(RESTART)
        await s.fills(ADMIN, card, "form.deny", "deny.why", "not before the backup")
        assert (ChangeState.CLOSED, "denied by alice: not before the backup") == await s.ended(card)
        assert f"<@{OPERATOR}>" in await s.says(card, "not before the backup")
        assert "run.approve" not in await s.shows(card, ChangeState.CLOSED)
        untouched(s, card)
        assert ["request", "plan", "approval", "review", "end"] == s.trail(card)


async def test_whoever_asked_withdraws_it_and_nobody_approves_it_any_more(town: Build) -> None:
    async with shift(town) as s:
        card = await s.asked(RESTART)
        await s.press(OPERATOR, card, "run.withdraw")
        assert (ChangeState.CLOSED, "withdrawn by kenji") == await s.ended(card)
        assert "The requester has withdrawn this" in await s.press(ADMIN, card, "run.approve")
        untouched(s, card)


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (ADMIN, "You cannot approve your own request. Ask me"),
        (GUEST, "Guests cannot use this bot."),
        (VIEWER, "現在のロール: viewer"),
        (DEVELOPER, "roles administrator and operator (yours: developer). Ask me"),
    ],
    ids=["requester", "guest", "viewer", "developer"],
)
async def test_who_may_not_approve_is_told_why_and_nothing_moves(town: Build, user: str, said: str) -> None:
    """Privately; that somebody tried is an event."""
    async with shift(town) as s:
        card = await s.asked(RESTART, ADMIN)
        assert said in await s.press(user, card, "run.approve")
        assert ChangeState.WAITING is (await s.known(card)).state
        untouched(s, card)
        assert "refusal" == s.town.events()[-1]["kind"]
        assert [] == s.thread(card)


@pytest.mark.slow
async def test_two_approvers_in_the_same_moment_and_each_click_twice_start_it_once(town: Build) -> None:
    """The slower one is told who was faster; only one approval counts."""
    async with shift(town) as s:
        await s.edited(*roles(DEVELOPER, "developer", "operator"))
        card = await s.asked(RESTART)
        s.workspace.faults.switch_on(DELIVERY, Duplicated(2))
        await asyncio.gather(*(s.workspace.click(user, card.message, "run.approve") for user in (ADMIN, DEVELOPER)))
        assert DONE == await s.ended(card)
        await s.town.at_rest()
        assert 1 == s.trail(card).count("run")
        assert {1} == {len(s.told(user)) for user in (ADMIN, DEVELOPER)}
        assert 1 == sum("already approved this at" in said for user in (ADMIN, DEVELOPER) for said in s.told(user))


async def test_approving_in_a_terminal_is_approving(town: Build) -> None:
    async with shift(town) as s:
        card = await s.asked(RESTART)
        await s.shell(f"approve {card.operation}")
        assert DONE == await s.ended(card)
        assert ["me"] == [event["actor"] for event in s.events(card) if event["kind"] == "review"]


async def test_whoever_asked_in_slack_cannot_approve_in_a_terminal(town: Build) -> None:
    """Both are one person."""
    async with shift(town) as s:
        await s.edited('name = "me"\n', f'name = "me"\nslack = ["{MEMBER}"]\n')
        card = await s.asked(RESTART, MEMBER)
        refused = str(await s.shell(f"approve {card.operation}"))
        assert "you cannot approve your own request. Ask kenji or alice" in refused
        assert ChangeState.WAITING is (await s.known(card)).state
        untouched(s, card)


async def test_a_click_after_its_time_is_told_so_and_the_card_follows(town: Build) -> None:
    async with shift(town) as s:
        card = await s.asked(RESTART)
        overdue(s.town)
        assert "The approval period ended at" in await s.press(ADMIN, card, "run.approve")
        await s.house.wings.changes.coordinator.tick()
        assert ChangeState.CLOSED is (await s.ended(card))[0]
        untouched(s, card)
        assert "run.approve" not in await s.shows(card, ChangeState.CLOSED)
        assert f"<@{OPERATOR}>" in await s.says(card, ":hourglass:")


async def test_a_button_of_a_year_ago_is_told_that_nobody_knows_the_change_any_more(town: Build) -> None:
    async with town(hosts=1) as t:
        async with t.bot() as house:
            card = await Shift(t, house).asked(RESTART)
        with closing(sqlite3.connect(t.settings.database_file)) as line, line:
            line.execute("delete from operations")
        async with t.bot() as house:
            s = Shift(t, house)
            gone = f"Change {card.operation} not found"
            assert gone in await s.press(ADMIN, card, "run.approve")
            assert gone in await s.fills(ADMIN, card, "form.deny", "deny.why", "too late")
            assert 2400 == s.state("host-a").services["OpenResty"].pid


async def test_the_home_tab_shows_what_waits_and_its_buttons_decide(town: Build) -> None:
    async with shift(town) as s:
        card = await s.asked(RESTART)
        await s.workspace.open_home(ADMIN)
        home = await s.workspace.seen(lambda: s.workspace.home(ADMIN), timeout=PATIENCE)
        assert home is not None
        assert f"`/flatnet {RESTART}`" in str(home.blocks)
        await s.workspace.act(ADMIN, home, "home.approve")
        assert DONE == await s.ended(card)


async def test_whoever_asked_sees_nothing_to_decide_at_home(town: Build) -> None:
    async with shift(town) as s:
        await s.asked(RESTART)
        await s.workspace.open_home(OPERATOR)
        home = await s.workspace.seen(lambda: s.workspace.home(OPERATOR), timeout=PATIENCE)
        assert home is not None
        assert "home.approve" not in str(home.blocks)


def overdue(town: Town) -> None:
    """As if everything had been asked a year earlier."""
    with closing(sqlite3.connect(town.settings.database_file)) as line, line:
        for operation, end, approval in line.execute("select operation, expires_at, approval from operations").fetchall():
            past = f"{int(end[:4]) - 1}{end[4:]}"
            values = past, approval.replace(end, past), operation
            line.execute("update operations set expires_at = ?, approval = ? where operation = ?", values)
