"""Changes that the version before planned: whole by their own formula, approved, carried out, finished where half run."""

import json
import zlib
from functools import partial

from bot.changes import attestation
from tests.scenarios.conftest import ask
from tests.upgrade.conftest import Build
from tests.upgrade.past import Past, operation

CARRIED_OUT = ["request", "plan", "approval", "review", "run", "end"]


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


async def test_every_stored_plan_is_whole_by_the_formula_that_it_does_not_name(past: Build) -> None:
    async with past() as p, p.looked_into() as house:
        changes = [str(row[0]) for row in p.rows("select operation from operations")]
        assert 12 == len(changes)
        for change in changes:
            assert "digest_formula" not in stored_plan(p, change)
            record = await house.change_services.operations.get(change)
            assert record is not None
            assert record.plan.steps
            assert (1, True) == (record.plan.digest_formula, attestation.is_digest_valid(record))


async def test_waiting_plans_are_approved_by_their_old_buttons_and_carried_out(past: Build) -> None:
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


async def test_a_plan_that_is_another_now_asks_again_under_the_newest_formula(past: Build) -> None:
    async with past() as p, p.bot() as house:
        assert "done" == await p.ends("half")
        run_again(p, "host-b")
        await p.deliver("approve stop")
        assert "closed" == await p.ends("stop")
        [[again]] = p.rows("select after from operations where operation = ?", operation("stop"))
        assert 2 == stored_plan(p, again)["digest_formula"]
        await ask(house, f"approve {again}")
        states = partial(p.rows, "select state from operations where operation = ?", again)
        await p.until(lambda: [("done",)] == states(), states)
        assert "Stopped" == p.town.fleet["host-b"].windows.state.services["OpenResty"].status


def run_again(p: Past, host: str) -> None:
    """Let all containers of a host run."""
    wsl = p.town.fleet[host].wsl
    assert wsl is not None
    for container in wsl.state.containers:
        container.state = "running"
