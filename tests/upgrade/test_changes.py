"""Changes that the version before planned. What is approved is what runs, and this version runs each of them differently.

waiting, approved   closed at its start, which changes nothing; a new request, which says what runs now, takes its place
half run            unknown; its hosts stay held until a person has looked
"""

import json
import zlib
from collections.abc import Mapping

import pytest

from adapters.action_registry import hash_script
from adapters.phrase import Phrase
from bot.changes import attestation
from commands.model import plan as plans
from commands.model import plan_digest
from tests.scenarios.conftest import ask
from tests.upgrade.conftest import Build
from tests.upgrade.past import Past, fixture, operation

SCRIPTS_OF_BEFORE: Mapping[str, str] = fixture("scripts.json")
"""The hash of what the version before ran on a host, by kind of action. Stored digests hold these hashes."""

SCRIPTS_OF_TODAY = {kind: hash_script(kind) for kind in SCRIPTS_OF_BEFORE}

NOT_STARTED = ["request", "plan", "approval", "review", "end"]


@pytest.mark.parametrize("scripts", [SCRIPTS_OF_BEFORE, SCRIPTS_OF_TODAY], ids=["before", "today"])
async def test_a_stored_plan_is_whole_by_the_formula_that_it_does_not_name_where_no_script_of_it_was_edited(
    past: Build, monkeypatch: pytest.MonkeyPatch, scripts: Mapping[str, str]
) -> None:
    """Its digest holds the hashes of the scripts that it was approved with."""
    edited = {kind for kind in scripts if scripts[kind] != SCRIPTS_OF_BEFORE[kind]}
    monkeypatch.setattr(plan_digest, "hash_script", scripts.__getitem__)
    async with past() as p, p.looked_into() as house:
        changes = [str(row[0]) for row in p.rows("select operation from operations")]
        assert 12 == len(changes)
        for change in changes:
            assert "digest_formula" not in stored_plan(p, change)
            record = await house.change_services.operations.get(change)
            assert record is not None
            used = {action.kind for step in record.plan.steps for action in plans.list_actions(step)}
            assert (1, not used & edited) == (record.plan.digest_formula, attestation.is_digest_valid(record))


@pytest.mark.parametrize("name", ["nebula", "renew", "stop"])
async def test_a_waiting_change_is_closed_by_its_old_button_and_the_request_in_its_place_is_carried_out(
    past: Build, name: str
) -> None:
    async with past() as p, p.bot() as house:
        await p.resolve_half(house)
        before = running(p)
        await p.deliver(f"approve {name}")
        again = await p.find_successor(name)
        assert (before, NOT_STARTED) == (running(p), p.trail(name))
        await explains_upgrade(p, name, again)

        assert plans.NEWEST_FORMULA == stored_plan(p, again)["digest_formula"]
        await ask(house, f"approve {again}")
        assert ("done", True) == (await p.ends(again), before != running(p))
        assert (await house.audit.verify("system", "")).intact


async def test_a_change_that_was_approved_before_is_closed_once_its_lock_is_removed_and_asks_again(past: Build) -> None:
    async with past() as p, p.bot() as house:
        assert "ready" == p.state("ready")
        before = running(p)
        await ask(house, "lock remove 2")
        again = await p.find_successor("ready")
        assert (before, NOT_STARTED) == (running(p), p.trail("ready"))
        await explains_upgrade(p, "ready", again)

        await ask(house, f"approve {again}")
        assert ("done", True) == (await p.ends(again), before != running(p))


async def test_a_half_run_change_asks_no_host_for_anything_more_and_says_why(past: Build) -> None:
    """What the bot of before did last is unknown: its hosts stay held until a person has looked."""
    async with past() as p:
        assert "running" == p.state("half")
        before = running(p)
        async with p.bot() as house:
            assert "unknown" == await p.ends("half")
            await p.town.at_rest()
            ended = await house.change_services.lifecycle.find_change(operation("half"))
            assert str(ended.why) == (
                "flatnet-bot was upgraded during this change, and this version would not run what was approved. "
                f"Check the hosts, then report the result with op resolve {ended.operation}"
            )
            assert (before, {}) == (running(p), p.town.fleet["host-b"].windows.state.changes)
            assert ["request", "plan", "approval", "review", "run", "end"] == p.trail("half")
            await is_told_once(p, "flatnet-bot が更新されたため", ended.operation)
            assert [("host-a",), ("host-b",)] == claims(p)
            await p.resolve_half(house)
            assert [] == claims(p)


async def explains_upgrade(p: Past, name: str, again: str) -> None:
    """Check that a closed change says why, also in its thread."""
    [[why]] = p.rows("select why from operations where operation = ?", operation(name))
    assert str(Phrase.from_json(json.loads(why))) == (
        "the plan has changed (flatnet-bot was upgraded after this was requested, and this version runs its steps "
        f"differently). Approval is requested again as {again}"
    )
    await is_told_once(p, "依頼後に flatnet-bot が更新されたため", again)


async def is_told_once(p: Past, *held: str) -> None:
    """Wait for the one reply in a thread that holds all of this."""
    await p.until(lambda: [] != find_replies(p, *held), lambda: find_replies(p))
    await p.town.at_rest()
    assert 1 == len(find_replies(p, *held))


def running(p: Past) -> list[tuple[int, str]]:
    """Return the process and the state of each service of each host; a restart makes it another process."""
    return [(service.pid, service.status) for host in p.town.fleet.hosts for service in host.windows.state.services.values()]


def stored_plan(p: Past, change: str) -> dict[str, object]:
    """Return the JSON of a plan as it lies in the database."""
    [[plan]] = p.rows("select plan from operations where operation = ?", change)
    document: dict[str, object] = json.loads(zlib.decompress(plan))
    return document


def claims(p: Past) -> list[tuple[str]]:
    """Return the hosts that a change holds."""
    return p.rows("select host from claims order by host")


def find_replies(p: Past, *held: str) -> list[str]:
    """Find the texts of the replies in threads that hold all of this."""
    texts = [message.text for message in p.workspace._state.messages() if message.thread_ts]
    return [text for text in texts if all(each in text for each in held)]
