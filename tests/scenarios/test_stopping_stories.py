"""Changes that somebody stops in the middle, by a button or by a lock on everything, and what becomes of the rest."""

import pytest

from bot.changes.slack.card import STOPPED_SYMBOL
from bot.model.change import ChangeState
from tests.scenarios.changing import ADMIN, OPERATOR, Shift, shift
from tests.scenarios.conftest import Build

BOTH = "cert renew host-a,host-b"

DONE = (ChangeState.DONE, "")


def only_the_first(s: Shift, old: dict[str, str]) -> None:
    """host-a has its new certificate; host-b runs with the old one, and nothing is left of the attempt."""
    assert old["host-a"] != s.lies("host-a") == s.runs("host-a")
    assert old["host-b"] == s.lies("host-b") == s.runs("host-b")
    assert [] == s.left("host-b") + s.left("lighthouse")


@pytest.mark.slow
async def test_a_stop_in_the_middle_puts_that_host_back_and_another_change_does_the_rest(town: Build) -> None:
    """Even when the new pair is in place already, and not yet proven."""
    async with shift(town) as s:
        old = {name: s.lies(name) for name in ("host-a", "host-b")}
        hold = s.fleet["host-b"].windows.hold("begin-change", "after")
        card = await s.approved(BOTH)
        await hold.reached()
        await s.shows(card, ChangeState.RUNNING)
        await s.press_now(OPERATOR, card, "run.stop")
        hold.release()
        assert (
            ChangeState.FAILED,
            "stopped by kenji. Result: done on host-a, host-b is back to its previous state",
        ) == await s.ended(card)
        only_the_first(s, old)
        assert {"host-b/begin": "undone", "host-b/reach/host-b": "skipped"}.items() <= s.outcomes(card).items()
        await s.signed(card, STOPPED_SYMBOL)
        await s.says(card, f"<@{OPERATOR}> {STOPPED_SYMBOL}")
        await s.press_now(OPERATOR, card, "run.continue")
        rest = await s.find((await s.known(card)).after)
        assert ("cert renew host-b", ChangeState.WAITING) == ((await s.known(rest)).words, (await s.known(rest)).state)
        first = s.lies("host-a")
        await s.press(ADMIN, rest, "run.approve")
        assert DONE == await s.ended(rest)
        assert old["host-b"] != s.lies("host-b") == s.runs("host-b")
        assert first == s.lies("host-a")


async def test_a_stop_before_the_next_host_leaves_that_one_alone(town: Build) -> None:
    async with shift(town) as s:
        old = {name: s.lies(name) for name in ("host-a", "host-b")}
        hold = s.fleet["host-a"].windows.hold("wipe-keys", "after")
        card = await s.approved(BOTH)
        await hold.reached()
        await s.types(OPERATOR, f"op cancel {card.operation}")
        hold.release()
        assert (ChangeState.FAILED, "stopped by kenji. Result: done on host-a, not started on host-b") == await s.ended(card)
        only_the_first(s, old)


async def test_nobody_else_stops_it_but_an_administrator(town: Build) -> None:
    async with shift(town) as s:
        card = await s.asked(BOTH, ADMIN)
        await s.types(OPERATOR, f"op cancel {card.operation}")
        assert ChangeState.WAITING is (await s.known(card)).state
        assert ("refusal", "kenji") == (s.town.events()[-1]["kind"], s.town.events()[-1]["actor"])


async def test_a_lock_on_everything_stops_what_runs_and_what_would_start_until_it_goes(town: Build) -> None:
    async with shift(town) as s:
        old = {name: s.lies(name) for name in ("host-a", "host-b")}
        hold = s.fleet["host-b"].windows.hold("make-key-pair", "before")
        card = await s.approved(BOTH)
        await hold.reached()
        await s.types(ADMIN, 'lock add all 1h "something smells of smoke"')
        other = await s.approved("service restart openresty host-a")
        hold.release()
        state, why = await s.ended(card)
        assert ChangeState.FAILED is state
        assert why.startswith("stopped by a lock: alice has locked all until")
        assert why.endswith("something smells of smoke. Result: done on host-a, host-b is back to its previous state")
        only_the_first(s, old)
        assert (ChangeState.READY, 2400) == ((await s.known(other)).state, s.state("host-a").services["OpenResty"].pid)
        assert "All changes are locked: alice has locked all" in await s.types(ADMIN, "lock")
        await s.types(ADMIN, "lock remove 1")
        assert DONE == await s.ended(other)
        locks = [(event["actor"], event["data"]["lock"]) for event in s.town.events() if event["kind"] == "lock"]
        assert [("alice", "added"), ("alice", "removed")] == locks
