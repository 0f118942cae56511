"""Changes that the version before planned. What is approved is what runs: a plan names its scripts by their hashes.

no script of the plan was edited since ─▶ its old buttons approve it, and it is carried out or finished
one was                                ─▶ it is closed and asked for again; one that is half run ends as unknown
"""

import json
import zlib
from collections.abc import Mapping

import pytest

from adapters.action_registry import hash_script
from bot.changes import attestation
from commands.model.plan import list_actions
from tests.scenarios.conftest import ask
from tests.upgrade.conftest import Build
from tests.upgrade.past import SCRIPTS_OF_BEFORE, Past, operation

CARRIED_OUT = ["request", "plan", "approval", "review", "run", "end"]

EDITED = {**SCRIPTS_OF_BEFORE, "windows.BeginChange": "the hash of an edited script"}
"""Scripts of a version that edited the one that every plan of before uses."""

ONLY_OF_RENEWALS = {**SCRIPTS_OF_BEFORE, "windows.MakeKeyPair": "the hash of an edited script"}
"""Scripts of a version that edited one that restarts do not use."""

TODAY = {kind: hash_script(kind) for kind in SCRIPTS_OF_BEFORE}
"""Scripts as they are now, edited or not."""


def pid(p: Past, host: str, service: str = "OpenResty") -> int:
    """Return the process of a service, which is another one after each restart."""
    return p.town.fleet[host].windows.state.services[service].pid


def stored_plan(p: Past, change: str) -> dict[str, object]:
    """Return the JSON of a plan as it lies in the database."""
    [[plan]] = p.rows("select plan from operations where operation = ?", change)
    document: dict[str, object] = json.loads(zlib.decompress(plan))
    return document


def digest(p: Past, change: str) -> str:
    """Return the digest that is stored with a plan."""
    [[digest]] = p.rows("select digest from operations where operation = ?", change)
    return str(digest)


@pytest.mark.parametrize("scripts", [SCRIPTS_OF_BEFORE, EDITED, ONLY_OF_RENEWALS, TODAY])
async def test_a_stored_plan_is_whole_by_the_formula_that_it_does_not_name_unless_one_of_its_scripts_was_edited(
    past: Build, scripts: Mapping[str, str]
) -> None:
    edited = {kind for kind in scripts if scripts[kind] != SCRIPTS_OF_BEFORE[kind]}
    async with past(scripts=scripts) as p, p.looked_into() as house:
        changes = [str(row[0]) for row in p.rows("select operation from operations")]
        assert 12 == len(changes)
        for change in changes:
            assert "digest_formula" not in stored_plan(p, change)
            record = await house.change_services.operations.get(change)
            assert record is not None
            used = {action.kind for step in record.plan.steps for action in list_actions(step)}
            assert "windows.BeginChange" in used
            assert (1, not used & edited) == (record.plan.digest_formula, attestation.is_digest_valid(record))


async def test_waiting_plans_of_unedited_scripts_are_approved_by_their_old_buttons_and_carried_out(past: Build) -> None:
    """Nothing asks again: planned anew at their start, they have the digest that was approved."""
    async with past() as p, p.bot() as house:
        assert "done" == await p.ends("half")
        old = pid(p, "host-a", "Nebula")
        digests = {name: digest(p, operation(name)) for name in ("nebula", "renew")}
        certificate = p.town.fleet.mesh.members["host-b"].running
        for name in digests:
            await p.deliver(f"approve {name}")
        assert ("done", "done") == (await p.ends("nebula"), await p.ends("renew"))
        assert CARRIED_OUT == p.trail("nebula") == p.trail("renew")
        assert digests == {name: digest(p, operation(name)) for name in digests}
        assert old != pid(p, "host-a", "Nebula")
        assert certificate != p.town.fleet.mesh.members["host-b"].running
        assert (await house.audit.verify("system", "")).intact


async def test_a_half_run_change_is_finished_and_nothing_is_done_twice(past: Build) -> None:
    """The first host was done before; the second one stood before its restart."""
    async with past() as p:
        assert "running" == p.state("half")
        before = pid(p, "host-a"), pid(p, "host-b")
        async with p.bot():
            assert "done" == await p.ends("half")
            await p.town.at_rest()
        assert (before[0], True) == (pid(p, "host-a"), before[1] != pid(p, "host-b"))
        outcomes = [
            event["data"]["result"]["key"]
            for event in p.town.events()
            if (event["operation"], event["kind"]) == (operation("half"), "outcome")
        ]
        assert [f"{host}/{step}" for host in ("host-a", "host-b") for step in ("begin", "gateway", "confirm")] == outcomes
        assert CARRIED_OUT == p.trail("half")
        assert [] == p.rows("select host from claims")


async def test_an_approved_change_starts_once_the_lock_of_before_is_removed(past: Build) -> None:
    async with past() as p, p.bot() as house:
        assert "ready" == p.state("ready")
        old = pid(p, "host-c")
        await ask(house, "lock remove 2")
        assert "done" == await p.ends("ready")
        assert old != pid(p, "host-c")


@pytest.mark.parametrize("name", ["nebula", "renew"])
async def test_a_waiting_plan_of_an_edited_script_is_closed_by_its_old_button_and_asks_again(past: Build, name: str) -> None:
    """Nothing was done until the new plan, which names the new scripts, was approved as well."""
    async with past(scripts=EDITED) as p, p.bot() as house:
        assert "unknown" == await p.ends("half")
        await ask(house, f"op resolve {operation('half')} 'OpenResty runs' --outcome done")
        await p.deliver(f"approve {name}")
        assert "closed" == await p.ends(name)
        closed = await house.change_services.lifecycle.find_change(operation(name))
        assert str(closed.why) == (
            "the plan has changed (the bot's scripts or rules have changed since approval). "
            f"Approval is requested again as {closed.after}"
        )
        assert ["request", "plan", "approval", "review", "end"] == p.trail(name)
        assert (2, ["waiting"]) == (stored_plan(p, closed.after)["digest_formula"], states(p, closed.after))
        await ask(house, f"approve {closed.after}")
        await p.until(lambda: ["done"] == states(p, closed.after), lambda: states(p, closed.after))


async def test_an_edited_script_concerns_the_plans_that_use_it(past: Build) -> None:
    async with past(scripts=ONLY_OF_RENEWALS) as p, p.bot():
        assert "done" == await p.ends("half")
        for name in ("nebula", "renew"):
            await p.deliver(f"approve {name}")
        assert ("done", "closed") == (await p.ends("nebula"), await p.ends("renew"))


async def test_a_half_run_change_of_an_edited_script_asks_no_host_for_anything_more_and_says_why(past: Build) -> None:
    """What the bot of before did last is unknown: its hosts stay held until a person has looked."""
    async with past(scripts=EDITED) as p:
        before = pid(p, "host-a"), pid(p, "host-b")
        async with p.bot() as house:
            assert "unknown" == await p.ends("half")
            await p.town.at_rest()
            ended = await house.change_services.lifecycle.find_change(operation("half"))
        assert str(ended.why) == (
            "flatnet-bot was upgraded during this change, and this version would not run what was approved. "
            f"Check the hosts, then report the result with op resolve {ended.operation}"
        )
        assert (before, {}) == ((pid(p, "host-a"), pid(p, "host-b")), p.town.fleet["host-b"].windows.state.changes)
        assert CARRIED_OUT == p.trail("half")
        assert [("host-a",), ("host-b",)] == p.rows("select host from claims order by host")
        assert 1 == len([text for text in replies(p) if "flatnet-bot が更新されたため" in text and ended.operation in text])


async def test_a_plan_that_is_another_now_asks_again_under_the_newest_formula(past: Build) -> None:
    async with past() as p, p.bot() as house:
        assert "done" == await p.ends("half")
        run_again(p, "host-b")
        await p.deliver("approve stop")
        assert "closed" == await p.ends("stop")
        [[again]] = p.rows("select after from operations where operation = ?", operation("stop"))
        assert 2 == stored_plan(p, again)["digest_formula"]
        await ask(house, f"approve {again}")
        await p.until(lambda: ["done"] == states(p, again), lambda: states(p, again))
        assert "Stopped" == p.town.fleet["host-b"].windows.state.services["OpenResty"].status


def states(p: Past, change: str) -> list[str]:
    """Return the stored state of a change, by its id."""
    return [str(state) for (state,) in p.rows("select state from operations where operation = ?", change)]


def replies(p: Past) -> list[str]:
    """Return the texts of all replies in threads."""
    return [message.text for message in p.workspace._state.messages() if message.thread_ts]


def run_again(p: Past, host: str) -> None:
    """Let all containers of a host run."""
    wsl = p.town.fleet[host].wsl
    assert wsl is not None
    for container in wsl.state.containers:
        container.state = "running"
