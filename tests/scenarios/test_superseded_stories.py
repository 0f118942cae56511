"""What was approved is what runs: hosts, addresses, scripts or rights that changed meanwhile stop it, and it says how."""

import pytest

from adapters import action_registry as actions
from bot.model.change import ChangeState
from tests.scenarios.changing import ADMIN, OPERATOR, Card, Shift, by_hand, roles, shift
from tests.scenarios.conftest import Build

RENEW = "cert renew host-a"

DONE = (ChangeState.DONE, "")


async def asks_again(s: Shift, card: Card, why: str) -> Card:
    """The card of the change that took this one's place and waits for people anew; the old one says why."""
    change = await s.until(card, lambda change: change.state.ended)
    assert ChangeState.CLOSED is change.state
    assert why in str(change.why)
    again = await s.find(change.after)
    assert (ChangeState.WAITING, card.operation) == ((await s.known(again)).state, (await s.known(again)).before)
    await s.shows(card, ChangeState.CLOSED)
    assert f"<@{OPERATOR}>" in await s.says(card, again.operation)
    assert ["request", "plan", "approval", "review", "end"] == s.trail(card)
    return again


@pytest.mark.slow
async def test_a_certificate_that_was_changed_by_hand_after_the_question_is_not_overwritten(town: Build) -> None:
    """Until somebody approves that, too."""
    async with shift(town) as s:
        card, old = await s.asked(RENEW), s.lies("host-a")
        by_hand(s, "host-a", "10.100.1.1/16")
        mine = s.lies("host-a")
        await s.press(ADMIN, card, "run.approve")
        again = await asks_again(s, card, f"host-a: approved: host-a has certificate {old[:12]}")
        assert mine == s.lies("host-a")
        await s.press(ADMIN, again, "run.approve")
        assert DONE == await s.ended(again)
        assert mine != s.lies("host-a") == s.runs("host-a")


@pytest.mark.slow
async def test_an_address_that_became_another_in_the_inventory_is_approved_anew(town: Build) -> None:
    async with shift(town) as s:
        card = await s.asked(RENEW)
        port = s.fleet["host-a"].ports["windows"]
        await s.edited(f"https://127.0.0.1:{port}/", f"https://localhost:{port}/")
        await s.press(ADMIN, card, "run.approve")
        again = await asks_again(
            s, card, f"address changed from https://127.0.0.1:{port}/wsman to https://localhost:{port}/wsman"
        )
        await s.press(ADMIN, again, "run.approve")
        assert DONE == await s.ended(again)


@pytest.mark.slow
async def test_a_script_that_is_another_than_when_it_was_asked_is_approved_anew(
    town: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shift(town) as s:
        card, old = await s.asked(RENEW), s.lies("host-a")
        present = actions.hash_script
        monkeypatch.setattr(actions, "hash_script", lambda kind: f"{present(kind)} of the next release")
        await s.press(ADMIN, card, "run.approve")
        await asks_again(s, card, "flatnet-bot was upgraded after this was requested")
        assert old == s.lies("host-a")


@pytest.mark.slow
async def test_of_two_renewals_of_one_host_the_second_waits_and_then_has_nothing_left_to_do(town: Build) -> None:
    """Nobody is asked again for what was done a minute ago."""
    async with shift(town) as s:
        first, second = await s.asked(RENEW), await s.asked(RENEW)
        hold = s.fleet["host-a"].windows.hold("stage-certificate", "before")
        await s.press(ADMIN, first, "run.approve")
        await hold.reached()
        await s.workspace.click(ADMIN, second.message, "run.approve")
        waiting = await s.until(second, lambda change: change.waits_for is not None)
        assert (ChangeState.READY, f"{first.operation}, running on host-a, lighthouse") == (
            waiting.state,
            str(waiting.waits_for),
        )
        hold.release()
        assert DONE == await s.ended(first)
        renewed = s.lies("host-a")
        state, why = await s.ended(second)
        assert (ChangeState.CLOSED, "") == (state, (await s.known(second)).after)
        assert f"nothing left to do: host-a was renewed by {first.operation}" in why
        assert f"<@{OPERATOR}>" in await s.says(second, first.operation)
        assert renewed == s.lies("host-a") == s.runs("host-a")


async def test_an_approval_does_not_count_any_more_when_its_approver_has_lost_the_role(town: Build) -> None:
    """A lock keeps it from starting meanwhile."""
    async with shift(town) as s:
        old = s.lies("host-a")
        await s.types(ADMIN, 'lock add host-a 1h "disk swap"')
        card = await s.approved(RENEW)
        assert "alice has locked host-a" in str((await s.known(card)).waits_for)
        await s.edited(*roles(ADMIN, "administrator", "viewer"))
        await s.types(OPERATOR, "lock remove 1")
        state, why = await s.ended(card)
        assert (ChangeState.CLOSED, old) == (state, s.lies("host-a"))
        assert "alice approved this but no longer has permission" in why
        assert f"<@{OPERATOR}>" in await s.says(card, ":no_entry_sign:")
        assert "run" not in s.trail(card)


async def test_whoever_asked_and_has_lost_the_role_gets_nothing_done(town: Build) -> None:
    async with shift(town) as s:
        card, old = await s.asked(RENEW), s.lies("host-a")
        await s.edited(*roles(OPERATOR, "operator", "viewer"))
        await s.press(ADMIN, card, "run.approve")
        state, why = await s.ended(card)
        assert (ChangeState.CLOSED, old) == (state, s.lies("host-a"))
        assert "could not start: cert renew requires one of these roles: administrator, operator" in why
