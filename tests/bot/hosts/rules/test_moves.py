"""What a run leaves suspended, by its signed outcomes: whole, in part, or as before."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.action import BOT_NAME
from adapters.local.host_files import ReadHostFile
from adapters.phrase import Phrase
from bot.hosts.rules.suspension import derive_suspension, find_host
from bot.store.records import OperationRecord
from commands.hosts.suspend.records import REMOVE_WORDS, RESUME_WORDS
from commands.hosts.suspend.resume import HostResume
from commands.hosts.suspend.suspend import HostSuspend
from commands.model.plan import Part, Plan, PlannedAction, Result, Step, StepResult
from commands.model.suspension import Suspension
from commands.values.arguments import Target
from tests.bot.certificates.runs import Trail, make_record, make_trail
from tests.commands.canned import NOW
from tests.commands.hosts.suspend.canned_hosts import DB, DOWN, SUSPENSION, WEB, see, stopped

TARGET = Target(parts=("host-b",))
TEXT = Phrase("step")


async def suspending(**given: Any) -> OperationRecord:
    """A run that suspends host-b with two containers."""
    planned = await HostSuspend(target=TARGET, **given).plan(see(DB, WEB))
    return make_record(
        "host suspend",
        plan=planned.plan,
        arguments=planned.arguments,
        reason="RAM swap",
        requester="alice",
        operation="op-1",
    )


async def resuming() -> OperationRecord:
    planned = await HostResume(target=TARGET).plan(see(stopped(DB), stopped(WEB), told=DOWN, suspension=SUSPENSION))
    return make_record(RESUME_WORDS, plan=planned.plan, arguments=planned.arguments, operation="op-2")


def derive(record: OperationRecord, trail: Trail, current: Suspension | None = None) -> Suspension | None:
    return derive_suspension(record, trail, current, 7)


def key(plan: Plan, end: str) -> str:
    return next(step.key for step in plan.steps if step.key.endswith(end))


def only_some_undone(trail: Trail, *lost: str) -> Trail:
    """All that was touched is rolled back, but for these steps, of which that is unknown."""
    back = {
        name: StepResult(key=name, result=Result.UNKNOWN if name in lost else Result.UNDONE, began_at=NOW, ended_at=NOW)
        for name in trail.touched
    }
    return replace(trail, undone=back)


async def test_a_whole_run_suspends_the_host_until_its_owner_is_reminded() -> None:
    record = await suspending(for_=timedelta(hours=4))
    made = derive(record, make_trail(record))

    assert made is not None
    assert (7, "host-b", "RAM swap", "alice", "op-1", NOW, NOW + timedelta(hours=4), True, None) == (
        made.number,
        made.host,
        made.reason,
        made.owner,
        made.operation,
        made.since,
        made.remind_at,
        made.complete,
        made.note,
    )
    assert (SUSPENSION.containers, SUSPENSION.services) == (made.containers, made.services)
    assert made == derive(record, make_trail(record), made)


async def test_a_run_that_took_everything_back_suspends_nothing() -> None:
    record = await suspending()
    trail = make_trail(record, failed=key(record.plan, "/begin"))

    assert derive(record, only_some_undone(trail)) is None
    assert derive(record, make_trail(record, failed=record.plan.steps[0].key)) is None


async def test_a_run_that_could_not_take_all_back_leaves_a_part_that_is_counted() -> None:
    record = await suspending()
    trail = make_trail(record, failed=key(record.plan, f"stop/{DB.id}"))
    left = derive(record, only_some_undone(trail, key(record.plan, f"stop/{WEB.id}")))

    assert left is not None
    assert (False, "1 of 2 containers are stopped") == (left.complete, str(left.note))


async def test_going_on_keeps_who_suspended_it_and_when() -> None:
    record, partial = await suspending(), SUSPENSION.model_copy(update={"complete": False, "owner": "bob"})
    after = derive(record, make_trail(record), partial)

    assert after is not None
    assert (True, 1, "bob", partial.since) == (after.complete, after.number, after.owner, after.since)


@pytest.mark.parametrize(
    ("failed", "note"),
    [
        ("openresty/begin", "Nebula is started, OpenResty is not"),
        (f"start/{DB.id}/healthy", "0 of 2 containers are started"),
        (f"start/{WEB.id}/found", "1 of 2 containers are started"),
        ("start-types", "2 of 2 containers are started"),
    ],
)
async def test_a_resume_that_ends_in_a_stage_says_how_far_it_came(failed: str, note: str) -> None:
    record = await resuming()
    after = derive(record, make_trail(record, failed=key(record.plan, failed)), SUSPENSION)

    assert after is not None
    assert (False, note, SUSPENSION.containers) == (after.complete, str(after.note), after.containers)


async def test_a_resume_ends_it_and_one_that_changed_nothing_leaves_it() -> None:
    record = await resuming()

    assert derive(record, make_trail(record), SUSPENSION) is None
    assert derive(record, make_trail(record), None) is None
    assert SUSPENSION == derive(record, make_trail(record, failed=record.plan.steps[0].key), SUSPENSION)


@pytest.mark.parametrize(("result", "left"), [(Result.DONE, None), (Result.FAILED, SUSPENSION)])
def test_a_suspension_ends_when_its_host_is_taken_out_of_the_configuration(result: Result, left: Suspension | None) -> None:
    """Whatever else failed: a host that is away is owed its share."""
    steps = (
        Step(key="lighthouse/confirm", host="lighthouse", deed=PlannedAction.of(ReadHostFile(name="x")), phrase=TEXT),
        Step(key="host-b/host-file", host=BOT_NAME, deed=PlannedAction.of(ReadHostFile(name="x")), phrase=TEXT),
    )
    plan = Plan(parts=tuple(Part(host=step.host, steps=(step,)) for step in steps), about="host-b")
    record = make_record(REMOVE_WORDS, plan=plan, operation="op-3")
    written = StepResult(key="host-b/host-file", result=result, began_at=NOW, ended_at=NOW)
    trail = make_trail(record)
    trail = replace(trail, results={**trail.results, written.key: written})

    assert "host-b" == find_host(record)
    assert left == derive(record, trail, SUSPENSION)
