"""How many must approve, and what goes without: rules, small teams, break-glass."""

import asyncio

from bot.model.change import ChangeState
from bot.runtime.clock import read_utc_time
from tests.lab.workspace.faults import DELIVERY, Duplicated
from tests.scenarios.changing import ADMIN, DEVELOPER, OPERATOR, OPS, Card, roles, shift
from tests.scenarios.conftest import PATIENCE, Build

RESTART = "service restart openresty host-a"

DONE = (ChangeState.DONE, "")

WAIVER = '[[approvals.rules]]\noperations = ["service start"]\napprovers = 0\nping = ["alice"]\n'

START = "service start openresty host-a"

ME = ('roles = ["administrator", "operator"]', 'roles = ["viewer"]')
"""Whoever started the lab may nothing more."""


async def test_two_of_two_and_every_click_delivered_twice(town: Build) -> None:
    async with shift(town) as s:
        await s.edited(*roles(DEVELOPER, "developer", "operator"))
        await s.ruled('[[approvals.rules]]\nrisk = "disrupt"\napprovers = 2\n')
        card = await s.asked(RESTART)
        s.workspace.faults.switch_on(DELIVERY, Duplicated(2))
        await s.press(ADMIN, card, "run.approve")
        assert ChangeState.WAITING is (await s.known(card)).state
        await s.press(DEVELOPER, card, "run.approve")
        assert DONE == await s.ended(card)
        assert ["request", "plan", "approval", "review", "review", "run", "end"] == s.trail(card)


async def test_both_of_two_in_the_same_moment(town: Build) -> None:
    async with shift(town) as s:
        await s.edited(*roles(DEVELOPER, "developer", "operator"))
        await s.ruled('[[approvals.rules]]\nrisk = "disrupt"\napprovers = 2\n')
        card = await s.asked(RESTART)
        s.workspace.faults.switch_on(DELIVERY, Duplicated(2))
        await asyncio.gather(*(s.workspace.click(user, card.message, "run.approve") for user in (ADMIN, DEVELOPER)))
        assert DONE == await s.ended(card)
        assert {"alice", "dana"} == {event["actor"] for event in s.events(card) if event["kind"] == "review"}
        assert 1 == s.trail(card).count("run")


async def test_one_of_two_twice_is_one_of_two(town: Build) -> None:
    async with shift(town) as s:
        await s.edited(*roles(DEVELOPER, "developer", "operator"))
        await s.ruled('[[approvals.rules]]\nrisk = "disrupt"\napprovers = 2\n')
        card = await s.asked(RESTART)
        await s.press(ADMIN, card, "run.approve")
        assert "You already approved this at" in await s.press(ADMIN, card, "run.approve")
        assert ChangeState.WAITING is (await s.known(card)).state


async def test_what_is_asked_in_a_terminal_is_shown_where_approvals_are_and_approved_there(town: Build) -> None:
    async with shift(town) as s:
        await s.shell(RESTART)
        [change] = await s.house.wings.changes.lifecycle.list_waiting()
        card = await s.find(change.operation)
        await s.press(ADMIN, card, "run.approve")
        assert DONE == await s.ended(card)


async def test_without_such_a_channel_who_is_to_be_called_gets_the_card_alone(town: Build) -> None:
    async with shift(town) as s:
        await s.edited(f'channel = "{OPS}"\n', 'rules = [{risk = "disrupt", approvers = 1, ping = ["alice"]}]\n')
        await s.shell(RESTART)
        [change] = await s.house.wings.changes.lifecycle.list_waiting()
        [card] = await s.workspace.seen(lambda: s.workspace.direct(ADMIN), timeout=PATIENCE)
        assert () == s.workspace.messages(OPS)
        await s.workspace.click(ADMIN, card, "run.approve")
        assert DONE == await s.ended(Card(change.operation, card))


async def test_what_is_stopped_is_started_without_a_second_person_and_others_notice_it(town: Build) -> None:
    """What runs is left alone: there is nothing to do."""
    async with shift(town) as s:
        await s.ruled(WAIVER)
        assert DONE == await s.ended(await s.approved("service stop openresty host-a"))
        card = await s.asked(START)
        assert DONE == await s.ended(card)
        assert ["request", "plan", "waiver", "run", "end"] == s.trail(card)
        assert "kenji が approvals.rules[1] により承認なしで実行します" in await s.says(card, f"<@{ADMIN}> :zap:")
        pid = s.state("host-a").services["OpenResty"].pid
        assert "OpenResty はすでに稼働中です" in await s.types(OPERATOR, START)
        assert pid == s.state("host-a").services["OpenResty"].pid
        assert "service start (approvals.rules[1])" in await s.types(OPERATOR, "approval")


async def test_a_service_that_came_up_while_its_start_waited_is_left_alone(town: Build) -> None:
    async with shift(town) as s:
        await s.ruled(WAIVER)
        assert DONE == await s.ended(await s.approved("service stop openresty host-a"))
        await s.shell('lock add host-a 1h "disk swap"')
        await s.shell(START)
        [waiting, *_] = await s.house.wings.changes.lifecycle.list_recent(1)
        assert ChangeState.READY is waiting.state
        card = await s.find(waiting.operation)
        s.state("host-a").start_service("OpenResty", read_utc_time())
        pid = s.state("host-a").services["OpenResty"].pid
        await s.shell("lock remove 1")
        state, why = await s.ended(card)
        assert (ChangeState.CLOSED, True) == (state, why.endswith("nothing left to do"))
        assert pid == s.state("host-a").services["OpenResty"].pid


async def test_a_start_waits_for_approval_where_a_stricter_rule_applies(town: Build) -> None:
    async with shift(town) as s:
        await s.ruled(WAIVER + '[[approvals.rules]]\nrisk = "change"\n')
        assert DONE == await s.ended(await s.approved("service stop openresty host-a"))
        card = await s.asked(START)
        assert ChangeState.WAITING is (await s.known(card)).state
        assert "approval" in s.trail(card)


async def test_a_team_of_one_is_refused_at_once_and_told_of_break_glass(town: Build) -> None:
    async with shift(town) as s:
        await s.edited(*roles(OPERATOR, "operator", "viewer"))
        await s.edited(*ME)
        told = await s.types(ADMIN, RESTART)
        assert "Approval needs 1 other person with one of the roles" in told
        assert "In an emergency, --break-glass with a reason skips approval (everyone is notified)" in told
        assert [] == s.cards()
        assert "refusal" == s.town.events()[-1]["kind"]


async def test_in_a_team_of_two_each_approves_for_the_other(town: Build) -> None:
    async with shift(town) as s:
        await s.edited(*ME)
        for who, other in ((OPERATOR, ADMIN), (ADMIN, OPERATOR)):
            card = await s.asked(RESTART, who)
            await s.press(who, card, "run.approve")
            assert ChangeState.WAITING is (await s.known(card)).state
            await s.press(other, card, "run.approve")
            assert DONE == await s.ended(card)


async def test_who_breaks_the_glass_needs_the_role_and_a_reason(town: Build) -> None:
    async with shift(town) as s:
        assert "承認を省略できるのは管理者だけです" in await s.types(OPERATOR, f"{RESTART} --break-glass --reason now")
        assert "An emergency change needs a reason." in await s.types(ADMIN, f"{RESTART} --break-glass")
        assert [] == s.cards()
        assert 2400 == s.state("host-a").services["OpenResty"].pid


async def test_break_glass_runs_at_once_calls_the_approvers_and_stays_open_until_somebody_else_looked(town: Build) -> None:
    async with shift(town) as s:
        card = await s.asked(f'{RESTART} --break-glass --reason "the gateway is down"', ADMIN)
        assert DONE == await s.ended(card)
        assert ["request", "plan", "break_glass", "run", "end"] == s.trail(card)
        assert "the gateway is down" in await s.says(card, f"<@{OPERATOR}> :rotating_light:")
        assert card.operation in await s.types(OPERATOR, "approval")
        review = f'op review {card.operation} "agreed: it was down"'
        assert "You cannot review your own emergency change." in await s.types(ADMIN, review)
        await s.types(OPERATOR, review)
        assert f"<@{ADMIN}>" in await s.says(card, "agreed: it was down")
        assert ["kenji"] == [event["actor"] for event in s.events(card) if event["kind"] == "review"]
        assert card.operation not in await s.types(OPERATOR, "approval")
