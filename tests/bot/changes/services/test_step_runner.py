"""One step at a time: acted once, looked at after a crash, taken back where it did not go well."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.action import Action
from adapters.errors import (
    ActionFailed,
    AuthenticationFailed,
    DeadlineExceeded,
    HostError,
    NotAsked,
    OutcomeUnknown,
    ProtocolError,
    Unreachable,
)
from adapters.phrase import Phrase
from adapters.windows import commit_confirm as change
from adapters.windows import nebula
from bot.changes.rules.trail import StepEntry
from bot.changes.services.step_binding import PlanRun
from bot.model.change import ChangeState
from commands.model.plan import Plan, PlannedAction, Product, Result, Step
from tests.bot.running import House
from tests.bot.world import OPERATION, PUBLIC_KEY, Fault, World, lost, part, plan

P = Phrase("because")
WELL = [
    ("host-a", "MakeKeyPair"),
    ("host-a", "StageCertificate"),
    ("host-a", "BeginChange"),
    ("host-a", "ConfirmChange"),
]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    opened = await House(tmp_path, World()).open()
    yield opened
    await opened.aclose()


def step(key: str, of: Plan) -> Step:
    return next(step for step in of.steps if step.key == f"host-a-{key}")


async def result_of(house: House, key: str, of: Plan | None = None) -> tuple[Result, str]:
    came = (await house.journal().read_trail(OPERATION)).results[f"host-a-{key}"]
    return came.result, str(came.why)


async def test_a_change_that_goes_well_is_done_once_and_proven(house: House) -> None:
    ending = await house.carry_out(plan())
    assert (ChangeState.DONE, ("host-a",), ()) == (ending.state, ending.done, ending.left)
    assert WELL == house.world.effects


async def test_later_steps_get_what_earlier_ones_produced(house: House) -> None:
    await house.carry_out(plan())
    assert ("host-a", PUBLIC_KEY) in house.world.folders


async def test_a_step_with_an_outcome_is_never_done_again(house: House) -> None:
    """At-least-once delivery is harmless: the second run returns what the first one wrote."""
    order = PlanRun(OPERATION, "ana", plan())
    first = await house.runner().run_step(order, "host-a-keys")
    asked = len(house.world.asked)
    assert first == await house.runner().run_step(order, "host-a-keys")
    assert asked == len(house.world.asked)


MOMENTS = range(1, 45)
"""Before and after each event that is written, before each action, and between each effect and its answer."""


@pytest.mark.parametrize("at", MOMENTS)
async def test_killed_at_any_moment_of_a_change_that_goes_well_it_is_done_and_nothing_is_done_twice(
    house: House, at: int
) -> None:
    ending = await house.killed_and_carried_out(plan(), at)
    if ending is not None:
        assert ChangeState.DONE == ending.state
        assert WELL == house.world.effects


async def test_the_moments_reach_to_the_end_of_a_change(house: House) -> None:
    """Or the test above would leave some out."""
    assert None is await house.killed_and_carried_out(plan(), MOMENTS[-1])


BACK = [("host-a", "MakeKeyPair"), ("host-a", "StageCertificate"), ("host-a", "BeginChange"), ("host-a", "AbortChange")]


@pytest.mark.parametrize("at", range(1, 65))
async def test_killed_at_any_moment_of_a_change_that_fails_it_is_taken_back(house: House, at: int) -> None:
    house.world.handshakes = False
    ending = await house.killed_and_carried_out(plan(), at) or await house.carry_out(plan())
    assert ChangeState.UNDONE == ending.state
    assert [*BACK, ("host-a", "ForgetFolder")] == house.world.effects
    assert "reverted" == house.world.state()


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (Unreachable(P), Result.UNREACHABLE),
        (AuthenticationFailed(P), Result.UNREACHABLE),
        (NotAsked(P), Result.UNREACHABLE),
        (DeadlineExceeded(P), Result.UNREACHABLE),
        (ProtocolError(P), Result.UNREACHABLE),
        (ActionFailed(P, maybe_ran=False), Result.FAILED),
    ],
)
async def test_what_provably_did_not_happen_leaves_nothing_to_take_back(
    house: House, error: HostError, result: Result
) -> None:
    house.world.goes_wrong(nebula.MakeKeyPair, *[Fault(error)] * 3)
    ending = await house.carry_out(plan())
    assert (result, "because") == await result_of(house, "keys")
    assert ChangeState.FAILED == ending.state
    assert "host-a: generate a key pair: because. Result: nothing was changed on host-a" == str(ending.why)
    assert [] == house.world.effects


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", [nebula.MakeKeyPair, nebula.StageCertificate, change.BeginChange, change.ConfirmChange])
@pytest.mark.parametrize("error", [OutcomeUnknown(P), DeadlineExceeded(P, maybe_ran=True), ProtocolError(P, maybe_ran=True)])
async def test_a_lost_answer_is_never_taken_for_a_failure(
    house: House, what: type[Action[object]], when: str, error: HostError
) -> None:
    """Nobody knows whether it happened, so the host is asked, and it is done once in the end."""
    house.world.goes_wrong(what, Fault(error, "after" if when == "after" else "before"))
    assert ChangeState.DONE == (await house.carry_out(plan())).state
    assert WELL == house.world.effects


@pytest.mark.parametrize("what", [nebula.MakeKeyPair, nebula.StageCertificate, change.BeginChange, change.ConfirmChange])
async def test_a_step_waits_for_its_turn_while_the_bot_itself_keeps_the_host_busy(
    house: House, what: type[Action[object]]
) -> None:
    house.world.goes_wrong(what, Fault(NotAsked(P)), Fault(NotAsked(P)))
    assert ChangeState.DONE == (await house.carry_out(plan())).state
    assert WELL == house.world.effects


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", [nebula.MakeKeyPair, change.BeginChange, change.ConfirmChange])
async def test_the_answer_to_the_repetition_may_be_lost_too(house: House, what: type[Action[object]], when: str) -> None:
    """The effect is there all the same, or the step is repeated once more. It is done once."""
    house.world.goes_wrong(what, lost("before"), lost("after" if when == "after" else "before"))
    assert ChangeState.DONE == (await house.carry_out(plan())).state
    assert WELL == house.world.effects


async def test_a_host_that_loses_every_answer_is_not_asked_for_ever(house: House) -> None:
    house.world.goes_wrong(nebula.MakeKeyPair, *[lost("before")] * 9)
    await house.runner().run_step(PlanRun(OPERATION, "ana", plan()), "host-a-keys")
    assert 3 == house.world.asked.count(("host-a", "windows.MakeKeyPair"))


async def test_a_lost_answer_of_a_host_that_stays_silent_is_unknown(house: House) -> None:
    house.world.goes_wrong(change.BeginChange, lost())
    house.world.at_effect = lambda moment: None
    order = PlanRun(OPERATION, "ana", plan())
    runner = house.runner()
    for key in ("keys", "stage", "note"):
        await runner.run_step(order, f"host-a-{key}")
    house.world.at_effect = lambda moment: house.world.cut("host-a", 1000) if moment == "after" else None
    came = await runner.run_step(order, "host-a-begin")
    assert (Result.UNKNOWN, "the line broke") == (came.result, str(came.why))


async def test_a_cut_host_that_puts_the_change_back_alone_is_undone_and_that_is_proven(house: House) -> None:
    """Undoing cannot be delivered; the host's own deadline does it, and the bot waits until it can see that."""
    house.world.goes_wrong(change.BeginChange, lost())
    runner, order = house.runner(), PlanRun(OPERATION, "ana", plan())
    for key in ("keys", "stage", "note"):
        await runner.run_step(order, f"host-a-{key}")
    house.world.at_effect = lambda moment: house.world.cut("host-a", 130) if moment == "after" else None
    assert Result.UNKNOWN is (await runner.run_step(order, "host-a-begin")).result
    house.world.at_effect = lambda moment: None
    back = await runner.undo_step(order, "host-a-begin")
    assert Result.UNDONE is back.result
    assert ("host-a", "reverted alone") in house.world.effects


async def test_what_is_not_proven_to_be_taken_back_is_unknown(house: House) -> None:
    house.world.goes_wrong(change.BeginChange, lost())
    runner, order = house.runner(), PlanRun(OPERATION, "ana", plan())
    for key in ("keys", "stage", "note"):
        await runner.run_step(order, f"host-a-{key}")
    house.world.at_effect = lambda moment: house.world.cut("host-a", 10_000) if moment == "after" else None
    await runner.run_step(order, "host-a-begin")
    back = await runner.undo_step(order, "host-a-begin")
    assert (Result.UNKNOWN, "nothing answers") == (back.result, str(back.why))


async def test_a_refused_password_is_never_tried_again_while_looking(house: House) -> None:
    """Trying again may lock the account."""
    house.world.goes_wrong(change.ReadChange, Fault(AuthenticationFailed(P)))
    runner, order = house.runner(), PlanRun(OPERATION, "ana", plan())
    for key in ("keys", "stage", "note"):
        await runner.run_step(order, f"host-a-{key}")
    assert Result.UNKNOWN is (await runner.run_step(order, "host-a-begin")).result
    assert 1 == house.world.asked.count(("host-a", "windows.ReadChange"))


async def test_a_proof_that_does_not_come_in_its_patience_fails_and_says_what_was_expected(house: House) -> None:
    house.world.handshakes = False
    await house.carry_out(plan())
    assert (Result.FAILED, "expected found true, but the host reports found false") == await result_of(house, "seen")


async def test_a_proof_from_a_host_that_does_not_answer_is_unreachable(house: House) -> None:
    runner, order = house.runner(), PlanRun(OPERATION, "ana", plan())
    house.world.cut("lighthouse", 1000)
    assert Result.UNREACHABLE is (await runner.run_step(order, "host-a-note")).result


async def test_a_proof_waits_for_a_host_that_comes_back_in_time(house: House) -> None:
    runner, order = house.runner(), PlanRun(OPERATION, "ana", plan())
    for key in ("keys", "stage", "note", "begin"):
        await runner.run_step(order, f"host-a-{key}")
    house.world.cut("lighthouse", 20)
    assert Result.DONE is (await runner.run_step(order, "host-a-seen")).result


async def test_what_was_so_already_is_unchanged_and_is_not_taken_back(house: House) -> None:
    house.world.folders["host-a", r"F:\flatnet\op-1"] = "MakeKeyPair"
    house.world.handshakes = False
    await house.carry_out(plan())
    trail = await house.journal().read_trail(OPERATION)
    assert Result.UNCHANGED is trail.results["host-a-keys"].result
    assert {"host-a-begin"} == trail.undone.keys()


async def test_a_host_that_says_it_failed_is_believed_unless_it_is_so_all_the_same(house: House) -> None:
    house.world.goes_wrong(change.ConfirmChange, Fault(ActionFailed(P), "after"))
    assert ChangeState.DONE == (await house.carry_out(plan())).state


async def test_a_host_that_failed_half_way_is_put_back(house: House) -> None:
    house.world.goes_wrong(change.ConfirmChange, Fault(ActionFailed(P), "before"))
    ending = await house.carry_out(plan())
    assert (ChangeState.UNDONE, "host-a: keep it: because. Result: host-a is back to its previous state") == (
        ending.state,
        str(ending.why),
    )


async def test_a_host_that_refuses_before_it_begins_has_nothing_of_that_to_put_back(house: House) -> None:
    house.world.goes_wrong(change.BeginChange, Fault(ActionFailed(P), "before"))
    assert ChangeState.UNDONE is (await house.carry_out(plan())).state
    trail = await house.journal().read_trail(OPERATION)
    assert Result.FAILED is trail.results["host-a-begin"].result
    assert "host-a-begin" not in trail.undone


async def test_a_doubt_about_what_cannot_be_undone_ends_with_a_look(house: House) -> None:
    """Whether a confirmation arrived: the host is cut for a while, and has put the change back when it answers again."""
    runner, order, of = house.runner(), PlanRun(OPERATION, "ana", plan()), plan()
    for one in of.steps[:-1]:
        await runner.run_step(order, one.key)
    house.world.goes_wrong(change.ConfirmChange, lost("before"))
    house.world.at_effect = lambda moment: house.world.cut("host-a", 140) if moment == "before" else None
    assert Result.UNKNOWN is (await runner.run_step(order, "host-a-confirm")).result
    house.world.at_effect = lambda moment: None
    house.world.time.seconds += 140
    house.world.goes_wrong(change.ConfirmChange)
    ending = await house.carry_out(of)
    assert ChangeState.UNDONE == ending.state


def changed(step: Step, **update: object) -> Plan:
    """The usual plan with one step that is otherwise."""
    steps = tuple(one.model_copy(update=update) if one.key == step.key else one for one in part().steps)
    return plan().model_copy(update={"parts": (part().model_copy(update={"steps": steps}),)})


@pytest.mark.parametrize(
    "deed",
    [
        PlannedAction(kind="windows.PaintTheWall", arguments={}),
        PlannedAction(kind="windows.MakeKeyPair", arguments={"folder": 1}),
        PlannedAction(kind="wsl.MakeKeyPair", arguments={}),
        PlannedAction.of(nebula.ForgetFolder(folder="x"), folder=Product(step="host-a-none", field="folder")),
    ],
    ids=["unknown kind", "other arguments", "other side", "missing product"],
)
async def test_a_plan_that_this_version_cannot_read_fails_and_does_nothing(house: House, deed: PlannedAction) -> None:
    """It was stored by another version; running it anyway, or falling over it for ever, would both be wrong."""
    ending = await house.carry_out(changed(step("keys", plan()), deed=deed))
    assert ChangeState.FAILED == ending.state
    assert str(ending.why).startswith("host-a: generate a key pair: the plan can no longer be run")
    assert [] == house.world.asked


async def test_nothing_is_begun_that_could_not_be_taken_back(house: House) -> None:
    ending = await house.carry_out(
        changed(step("keys", plan()), undo=PlannedAction(kind="windows.PaintTheWall", arguments={}))
    )
    assert ChangeState.FAILED == ending.state
    assert [] == house.world.asked


async def test_a_host_that_left_the_inventory_fails_its_step(house: House) -> None:
    ending = await house.carry_out(changed(step("keys", plan()), host="host-z"))
    assert "host-z has no windows connection in the configuration" in str(ending.why)


async def test_a_forbidden_step_is_skipped_and_one_that_was_begun_is_settled(house: House) -> None:
    order = PlanRun(OPERATION, "ana", plan())
    skipped = await house.runner().run_step(order, "host-a-keys", stopped)
    assert (Result.SKIPPED, STOP) == (skipped.result, skipped.why)
    await house.journal().record_intent(_entry("host-a-stage"), "host-a", "windows.StageCertificate")
    settled = await house.runner().run_step(order, "host-a-stage", stopped)
    assert Result.SKIPPED is not settled.result


async def test_who_stops_it_while_the_intent_is_written_comes_in_time(house: House) -> None:
    """Writing may take seconds on a busy disk; the host is not asked after that."""
    answers: list[Phrase | None] = [STOP, None]

    async def late() -> Phrase | None:
        return answers.pop()

    came = await house.runner().run_step(PlanRun(OPERATION, "ana", plan()), "host-a-keys", late)
    assert (Result.SKIPPED, STOP, []) == (came.result, came.why, house.world.asked)
    assert frozenset({"host-a-keys"}) == (await house.journal().read_trail(OPERATION)).begun


def elsewhere(host: str) -> Plan:
    """The usual plan, approved while that host had another address."""
    roads = tuple(
        road.model_copy(update={"address": "http://192.0.2.99:5985/wsman"}) if road.host == host else road
        for road in plan().roads
    )
    return plan().model_copy(update={"roads": roads})


async def test_a_host_that_is_another_machine_by_now_is_asked_for_nothing(house: House) -> None:
    """A reload in the middle of a run must not move the rest of the steps."""
    came = await house.runner().run_step(PlanRun(OPERATION, "ana", elsewhere("host-a")), "host-a-keys")
    assert (Result.FAILED, []) == (came.result, house.world.asked)
    assert "the connection or identity of host-a differs from what was approved" in str(came.why)


async def test_what_was_begun_is_not_taken_back_on_another_machine(house: House) -> None:
    runner = house.runner()
    for key in ("keys", "stage", "note", "begin"):
        await runner.run_step(PlanRun(OPERATION, "ana", plan()), f"host-a-{key}")
    asked = len(house.world.asked)
    back = await runner.undo_step(PlanRun(OPERATION, "ana", elsewhere("host-a")), "host-a-begin")
    assert (Result.UNKNOWN, asked) == (back.result, len(house.world.asked))


async def test_a_proof_is_not_taken_from_another_machine(house: House) -> None:
    runner = house.runner()
    for key in ("keys", "stage", "note", "begin"):
        await runner.run_step(PlanRun(OPERATION, "ana", plan()), f"host-a-{key}")
    asked = len(house.world.asked)
    came = await runner.run_step(PlanRun(OPERATION, "ana", elsewhere("lighthouse")), "host-a-seen")
    assert (Result.FAILED, asked) == (came.result, len(house.world.asked))


async def test_an_answer_that_nobody_needs_is_not_kept_so_it_cannot_fail_a_step(house: House) -> None:
    """A peer's name that looks like a secret stood in what a proof read, after Nebula had been restarted."""
    runner, order = house.runner(secret=lambda text: "found" in text), PlanRun(OPERATION, "ana", plan())
    for key in ("keys", "stage", "note", "begin"):
        await runner.run_step(order, f"host-a-{key}")
    came = await runner.run_step(order, "host-a-seen")
    assert (Result.DONE, {}) == (came.result, came.product)


async def test_a_change_that_never_arrived_and_is_refused_when_asked_again_is_forbidden_for_good(house: House) -> None:
    """The host knows of none; the lost request may yet come, so the host is told that it is over."""
    house.world.goes_wrong(change.BeginChange, lost("before"), Fault(ActionFailed(P), "before"))
    ending = await house.carry_out(plan())
    assert (ChangeState.UNDONE, "reverted") == (ending.state, house.world.state())
    assert ("host-a", "AbortChange") in house.world.effects
    assert ("host-a", "BeginChange") not in house.world.effects


async def test_a_change_that_never_arrived_on_a_host_that_is_away_for_a_while_is_forbidden_when_it_is_back(
    house: House,
) -> None:
    runner, order = house.runner(), PlanRun(OPERATION, "ana", plan())
    for key in ("keys", "stage", "note"):
        await runner.run_step(order, f"host-a-{key}")
    house.world.goes_wrong(change.BeginChange, lost("before"))
    house.world.at_effect = lambda moment: house.world.cut("host-a", 70)
    assert Result.UNKNOWN is (await runner.run_step(order, "host-a-begin")).result
    house.world.at_effect = lambda moment: None
    back = await runner.undo_step(order, "host-a-begin")
    assert (Result.UNDONE, "reverted") == (back.result, house.world.state())


STOP = Phrase("ben stopped it")


async def stopped() -> Phrase | None:
    return STOP


def _entry(key: str) -> StepEntry:
    return StepEntry(OPERATION, "ana", key)
