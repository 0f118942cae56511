"""One operation carried out: compared once, stopped between steps, taken back where it failed, ended from the log alone."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import Refused, Unreachable
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from adapters.windows import commit_confirm as change
from bot.access.policy import Refusal
from bot.audit_log.log import AuditLog, EventKind
from bot.changes.rules.trail import STEP_KINDS
from bot.changes.services.engine import apply_v1
from bot.changes.services.executor import Executor
from bot.model.change import ChangeState
from bot.model.lock import Lock
from bot.store.audit_chain import MIN_KEY_BYTES, AuditKey, AuditKeys
from bot.store.errors import DatabaseBusy
from bot.store.records import UNREADABLE_PLAN, OperationRecord
from commands.model.operation import CannotPlan
from commands.model.owed import Matter
from commands.model.plan import LeftOutHost, Part, Plan, PlannedAction, PlannedChange, Result
from commands.model.plan_digest import compute_digest
from tests.bot.records import asked_for, running
from tests.bot.running import House, Kill, Killed
from tests.bot.world import BEGAN, OPERATION, World, inventory, lost, part, plan

HOSTS = ("host-a", "host-b")
LOCK = Lock("op-9", "host-b", "the office moves", "ben", BEGAN, BEGAN + timedelta(hours=1))


@dataclass
class Story:
    """The story of one change, in memory, as `bot.changes.services.coordinator` keeps it."""

    record: OperationRecord
    digest: str = ""
    """Of the plan that is made at the start; "" for the approved one."""
    refused: Refusal | None = None
    unplanned: Exception | None = None
    matter: Matter = Matter.CHANGE
    independent: bool = False
    told: list[str] = field(default_factory=list)
    after: dict[str, Any] = field(default_factory=dict)
    """What happens when a step is told of: called with its key."""

    async def get(self, operation: str) -> OperationRecord | None:
        return self.record if operation == self.record.operation else None

    async def check_still_allowed(self, record: OperationRecord) -> Refusal | None:
        self.told.append("rights")
        return self.refused

    def find_matter(self, record: OperationRecord) -> Matter:
        return self.matter

    def is_independent(self, record: OperationRecord) -> bool:
        return self.independent

    async def replan(self, record: OperationRecord) -> tuple[PlannedChange, str]:
        self.told.append("planned again")
        if self.unplanned is not None:
            raise self.unplanned
        return PlannedChange(arguments={}, plan=record.plan), self.digest or record.digest

    async def refuse(self, record: OperationRecord, refused: Refusal) -> None:
        self._end(ChangeState.CLOSED, refused.reason)

    async def supersede(self, record: OperationRecord, planned: PlannedChange) -> None:
        self._end(ChangeState.CLOSED, Phrase("the plan is another now"))

    async def list_unrehearsed(self, record: OperationRecord) -> tuple[str, ...]:
        return ()

    async def record_progress(self, operation_id: str, key: str) -> None:
        self.told.append(key)
        if key in self.after:
            self.after[key]()

    async def finish_run(self, operation_id: str, state: ChangeState, why: Phrase | None) -> None:
        self._end(state, why)

    def stop(self) -> None:
        self.record = replace(self.record, stopping="ben")

    def _end(self, state: ChangeState, why: Phrase | None) -> None:
        self.record = replace(self.record, state=state, why=why)


@dataclass
class Locks:
    locks: tuple[Lock, ...] = ()

    async def find_forbidding_lock(self, hosts: Iterable[str], inventory: Inventory) -> Lock | None:
        return next((lock for lock in self.locks if lock.target in hosts), None)


@dataclass
class Run:
    """A bot that carries an operation out, and what stands around it."""

    house: House
    story: Story
    locks: Locks = field(default_factory=Locks)

    def applying(self, kill: Kill) -> Executor:
        return Executor(
            find_record=self.story.get,
            coordinator=self.story,
            locks=self.locks,
            audit=self.house.audit,
            intent_log=self.house.journal(kill),
            runner=self.house.runner(kill),
            inventory=inventory,
        )

    async def once(self, kill: Kill | None = None) -> ChangeState:
        await apply_v1(self.applying(kill or Kill()), OPERATION)
        return self.story.record.state

    async def kinds(self) -> list[str]:
        """The events of the operation, in order."""
        return [event.kind for event in await self.house.audit.list_signed(OPERATION, STEP_KINDS)]

    @property
    def why(self) -> str:
        return str(self.story.record.why)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    opened = await House(tmp_path, World()).open()
    yield opened
    await opened.aclose()


@pytest.fixture
async def run(house: House) -> Run:
    record = running(*HOSTS)
    await asked_for(record, house.audit)
    return Run(house, Story(record))


async def test_a_change_of_two_hosts_is_done_and_every_step_is_told(run: Run) -> None:
    assert ChangeState.DONE is await run.once()
    assert ["rights", "planned again", *(step.key for step in run.story.record.plan.steps)] == run.story.told
    assert ["run", *["intent", "outcome"] * 12, "end"] == await run.kinds()


@pytest.mark.parametrize(("matter", "state"), [(Matter.CHANGE, ChangeState.DONE), (Matter.REVOCATION, ChangeState.FAILED)])
async def test_a_revocation_that_is_done_and_owed_to_another_host_has_failed(
    house: House, matter: Matter, state: ChangeState
) -> None:
    record = running(*HOSTS)
    silent = LeftOutHost(host="host-c", why=Phrase("silent"), owed=True)
    owing = record.plan.model_copy(update={"left_out": (silent,)})
    record = replace(record, plan=owing, digest=compute_digest(owing, record.kind, record.arguments))
    await asked_for(record, house.audit)
    run = Run(house, Story(record, matter=matter))
    assert state is await run.once()


async def test_an_operation_that_does_not_run_is_left_alone(run: Run) -> None:
    """Ended meanwhile, by a person who looked, or by a delivery that came twice."""
    run.story.record = replace(run.story.record, state=ChangeState.DONE)
    assert ChangeState.DONE is await run.once()
    assert ([], []) == (run.story.told, await run.kinds())


async def test_an_operation_that_nobody_knows_is_left_alone(run: Run) -> None:
    assert {} == await apply_v1(run.applying(Kill()), "op-7")


async def test_a_right_that_is_gone_closes_it_before_anything_happens(run: Run) -> None:
    run.story.refused = Refusal("roles", Phrase("ana may not any more"))
    assert ChangeState.CLOSED is await run.once()
    assert ("ana may not any more", []) == (run.why, run.house.world.asked)


async def test_an_audit_log_in_doubt_closes_it_before_anything_happens(run: Run) -> None:
    run.house.audit.report(Phrase("the audit log was cut"))
    assert ChangeState.CLOSED is await run.once()
    assert ("the audit log was cut", []) == (run.why, run.house.world.asked)


async def test_a_lock_on_any_of_its_hosts_closes_it_before_anything_happens(run: Run) -> None:
    run.locks.locks = (LOCK,)
    assert ChangeState.CLOSED is await run.once()
    assert "ben has locked host-b until 2026-01-31 10:00:00 UTC: the office moves" == run.why
    assert [] == run.house.world.asked


@pytest.mark.parametrize(
    "error", [Unreachable(Phrase("no answer")), CannotPlan(Phrase("no answer")), Refused(Phrase("no answer"))]
)
async def test_what_cannot_be_planned_now_closes_it_and_says_why(run: Run, error: Exception) -> None:
    run.story.unplanned = error
    assert ChangeState.CLOSED is await run.once()
    assert ("no answer", []) == (run.why, run.house.world.asked)


async def test_another_plan_than_was_approved_is_never_run(run: Run) -> None:
    run.story.digest = "another digest"
    assert ChangeState.CLOSED is await run.once()
    assert ("the plan is another now", []) == (run.why, run.house.world.asked)


PAINT = tuple(step.model_copy(update={"deed": PlannedAction(kind="windows.Paint", arguments={})}) for step in part().steps)
OTHER_VERSION = Plan(parts=(Part(host="host-a", steps=PAINT),))


def forged(record: OperationRecord) -> OperationRecord:
    """The record with other steps than those that were approved: all for host-a."""
    return replace(record, plan=plan("host-a"))


def forged_whole(record: OperationRecord) -> OperationRecord:
    """The same, with the digest that fits."""
    other = forged(record)
    return replace(other, digest=compute_digest(other.plan, other.kind, other.arguments))


async def test_who_asked_is_who_the_audit_log_says_asked(run: Run) -> None:
    """Or they would exchange that name, and approve what they asked for."""
    run.story.record = replace(run.story.record, requester="ben")
    assert ChangeState.CLOSED is await run.once()
    assert [] == run.house.world.asked


@pytest.mark.parametrize("exchanged", [forged, forged_whole, lambda record: replace(record, plan=OTHER_VERSION)])
async def test_a_stored_plan_that_is_not_the_one_that_was_asked_about_is_never_run(
    run: Run, exchanged: Callable[[OperationRecord], OperationRecord]
) -> None:
    """Planned again it would be the approved one; but what would run is what lies in the row."""
    run.story.digest = run.story.record.digest
    run.story.record = exchanged(run.story.record)
    if exchanged is forged_whole:
        run.story.digest = run.story.record.digest
    assert ChangeState.CLOSED is await run.once()
    assert [] == run.house.world.asked
    assert run.why.startswith("the stored plan does not match the audit log")


async def test_a_stored_plan_that_this_version_cannot_read_is_closed_and_says_so(run: Run) -> None:
    run.story.record = replace(run.story.record, plan=UNREADABLE_PLAN)
    assert ChangeState.CLOSED is await run.once()
    assert "the plan was stored by a different version of flatnet-bot and cannot be read by this one" == run.why


@pytest.mark.parametrize("exchanged", [forged, forged_whole, lambda record: replace(record, plan=UNREADABLE_PLAN)])
async def test_a_plan_that_is_exchanged_in_the_middle_of_a_run_asks_no_host_for_anything_more(
    run: Run, exchanged: Callable[[OperationRecord], OperationRecord]
) -> None:
    """Not even to take something back: what it would take back is not what was approved either."""
    asked: list[int] = []

    def exchange() -> None:
        run.story.record = exchanged(run.story.record)
        asked.append(len(run.house.world.asked))

    run.story.after["host-a-confirm"] = exchange
    assert ChangeState.UNKNOWN is await run.once()
    readable = run.story.record.plan is not UNREADABLE_PLAN
    assert readable is run.why.startswith("the stored plan does not match the audit log: the database was changed")
    assert run.why.endswith(". Check the hosts, then report the result with op resolve op-1")
    confirmed = 2  # the step that was under way, and its proof
    assert [len(run.house.world.asked) - confirmed] == asked


@pytest.mark.parametrize("exchanged", [forged, forged_whole, lambda record: replace(record, plan=OTHER_VERSION)])
async def test_a_plan_that_is_exchanged_while_the_bot_is_away_is_not_gone_on_with(
    run: Run, exchanged: Callable[[OperationRecord], OperationRecord]
) -> None:
    """An upgrade in the middle of a run is like that, too: other scripts would run than were approved."""
    with pytest.raises(Killed):
        await run.once(Kill(20))
    run.story.record = exchanged(run.story.record)
    asked = len(run.house.world.asked)
    assert ChangeState.UNKNOWN is await run.once()
    assert asked == len(run.house.world.asked)


async def test_a_run_that_the_audit_log_does_not_tell_of_is_none(run: Run) -> None:
    """An event RUN that somebody else wrote would spare the comparison, the rights and the locks."""
    event = {"digest": run.story.record.digest}
    keys, heads = AuditKeys(AuditKey(b"x" * MIN_KEY_BYTES)), run.house.folder / "forged.jsonl"
    forger = await AuditLog.open(run.house.database, keys, heads, run.house.world.time.now)
    await forger.record(EventKind.RUN, "ana", OPERATION, event)
    await forger.aclose()
    assert ChangeState.CLOSED is await run.once()
    assert [] == run.house.world.asked
    assert "was not written by this bot" in run.why


async def test_a_resumed_run_never_compares_again(run: Run) -> None:
    """Its own effects changed the hosts, so another digest is no wonder."""
    with pytest.raises(Killed):
        await run.once(Kill(20))
    run.story.digest = "another digest"
    run.story.refused = Refusal("roles", Phrase("ana may not any more"))
    assert ChangeState.DONE is await run.once()


async def test_a_database_that_is_busy_is_no_reason_to_close_it(run: Run) -> None:
    run.story.unplanned = DatabaseBusy(Phrase("busy"))
    with pytest.raises(DatabaseBusy):
        await run.once()
    assert ChangeState.RUNNING is run.story.record.state


async def test_who_stops_it_between_two_hosts_leaves_one_done_and_one_as_it_was(run: Run) -> None:
    run.story.after["host-b-keys"] = run.story.stop
    await run.once()
    assert (ChangeState.FAILED, "stopped by ben. Result: done on host-a, not started on host-b") == (
        run.story.record.state,
        run.why,
    )


async def test_who_stops_it_in_the_middle_of_a_host_has_that_host_put_back(run: Run) -> None:
    """The step that is under way ends first; then what was done on that host is taken back."""
    applying = run.applying(Kill())

    def stop_while_asked() -> None:
        run.house.world.at_effect = lambda moment: run.story.stop()

    run.story.after["host-a-begin"] = stop_while_asked
    await apply_v1(applying, OPERATION)
    assert (ChangeState.UNDONE, "stopped by ben. Result: host-a is back to its previous state, not started on host-b") == (
        run.story.record.state,
        run.why,
    )
    assert "reverted" == run.house.world.state()


async def test_a_lock_that_comes_meanwhile_stops_before_the_host_that_it_forbids(run: Run) -> None:
    def lock() -> None:
        run.locks.locks = (LOCK,)

    run.story.after["host-a-begin"] = lock
    await run.once()
    trail = await run.house.journal().read_trail(OPERATION)
    assert Result.SKIPPED is trail.results["host-b-keys"].result
    assert ChangeState.FAILED is run.story.record.state
    assert run.why.startswith("stopped by a lock: ben has locked host-b")
    assert run.why.endswith("done on host-a, not started on host-b")


async def test_the_first_host_that_fails_ends_it_and_is_put_back(run: Run) -> None:
    def no_handshake() -> None:
        run.house.world.handshakes = False

    run.story.after["host-b-begin"] = no_handshake
    await run.once()
    assert (ChangeState.FAILED, "reverted", "confirmed") == (
        run.story.record.state,
        run.house.world.state("host-b"),
        run.house.world.state("host-a"),
    )
    assert run.why.endswith("done on host-a, host-b is back to its previous state")


async def test_an_end_that_nobody_knows_is_unknown_and_names_the_words_for_a_person_who_looks(run: Run) -> None:
    """The answer is lost, and the host never comes back: neither proven done, nor proven taken back."""

    def cut_after(moment: str) -> None:
        if moment == "after":
            run.house.world.cut("host-a", 100_000)

    applying = run.applying(Kill())
    run.house.world.goes_wrong(change.BeginChange, lost())
    run.story.after["host-a-begin"] = lambda: setattr(run.house.world, "at_effect", cut_after)
    await apply_v1(applying, OPERATION)
    assert ChangeState.UNKNOWN is run.story.record.state
    assert run.why.endswith("then report the outcome with op resolve op-1")
    assert run.why.startswith("unknown whether this was rolled back on host-a: restart Nebula")


@pytest.mark.parametrize("at", [*range(1, 106, 8), 100, 101, 102, 103, 104, 105])
async def test_killed_at_any_moment_it_ends_once_and_every_effect_is_there_once(run: Run, at: int) -> None:
    try:
        await run.once(Kill(at))
    except Killed:
        assert ChangeState.RUNNING is run.story.record.state
        await run.once()
    kinds = await run.kinds()
    assert (ChangeState.DONE, 1, 1) == (run.story.record.state, kinds.count("run"), kinds.count("end"))
    effects = run.house.world.effects
    assert len(effects) == len(set(effects)) == 8


async def fail_alone(run: Run, kill: Kill | None = None) -> ChangeState:
    """The parts are independent, and host-a does not come back."""
    run.story.independent = True
    run.house.world.deaf = "host-a"
    return await run.once(kill)


async def test_of_independent_parts_the_next_runs_after_one_that_failed_and_was_rolled_back(run: Run) -> None:
    assert ChangeState.FAILED is await fail_alone(run)
    assert ("reverted", "confirmed") == (run.house.world.state("host-a"), run.house.world.state("host-b"))
    assert run.why.startswith("lighthouse: find the handshake: expected")
    assert run.why.endswith("Result: done on host-b, host-a is back to its previous state")


async def test_of_independent_parts_each_that_failed_is_named(run: Run) -> None:
    run.house.world.handshakes = False
    assert ChangeState.UNDONE is await fail_alone(run)
    assert 2 == run.why.count("find the handshake: expected")
    assert run.why.endswith("Result: host-a is back to its previous state, host-b is back to its previous state")


async def test_who_stops_independent_parts_stops_them_all(run: Run) -> None:
    run.story.after["host-a-begin"] = run.story.stop
    assert ChangeState.UNDONE is await fail_alone(run)
    assert run.why.endswith("host-a is back to its previous state, not started on host-b")


async def test_a_lock_on_one_host_of_independent_parts_passes_over_that_host_alone(run: Run) -> None:
    run.story.independent = True
    run.locks.locks = ()

    def lock() -> None:
        run.locks.locks = (replace(LOCK, target="host-a"),)

    run.story.after["host-a-stage"] = lock
    assert ChangeState.FAILED is await run.once()
    assert run.why.startswith("stopped by a lock: ben has locked host-a")
    assert "done on host-b" in run.why


@pytest.mark.parametrize("at", range(1, 106, 6))
async def test_independent_parts_that_are_killed_at_any_moment_end_as_if_they_were_not(run: Run, at: int) -> None:
    try:
        await fail_alone(run, Kill(at))
    except Killed:
        await run.once()
    kinds = await run.kinds()
    assert (ChangeState.FAILED, 1, 1) == (run.story.record.state, kinds.count("run"), kinds.count("end"))
    assert ("reverted", "confirmed") == (run.house.world.state("host-a"), run.house.world.state("host-b"))
    effects = run.house.world.effects
    assert len(effects) == len(set(effects))
