"""The rows of operations: everything comes back as it was, and a move is one step or none."""

import asyncio
import json
import sqlite3
import zlib
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from adapters.errors import Refused
from adapters.phrase import Moment, Phrase
from adapters.windows.commit_confirm import AbortChange
from bot.changes.tables.claims import AdmissionState as Everything
from bot.changes.tables.claims import OpenOperation, StartChoice, StartResult
from bot.changes.tables.locks import LockTable
from bot.changes.tables.operations import OperationTable
from bot.model.change import Approval, ApprovalState, BreakGlass, ChangeState, EndedOperation, HostClaim, Review
from bot.model.lock import Lock
from bot.model.request import Identity, Membership, SlackIdentity, Surface, SystemIdentity
from bot.store.database import Database
from bot.store.encoding import MAX_JSON_BYTES, MAX_REASON_LENGTH, decode_identity, encode_identity
from bot.store.errors import TooLarge
from bot.store.records import MAX_PLAN_BYTES, UNREADABLE_PLAN, OperationRecord
from bot.store.schema.tables import OPERATIONS
from commands.model.operation import Risk, Role
from commands.model.plan import Part, Plan, PlannedAction, Step
from tests.bot.store.conftest import Clock

SLACK = SlackIdentity("T1", "U1ANA", Membership.MEMBER, frozenset({"S1OPS"}))
TERMINAL = SystemIdentity(1000, "ben")


@pytest.fixture
def operations(database: Database) -> OperationTable:
    return OperationTable(database)


def plan(*hosts: str) -> Plan:
    def part(name: str) -> Part:
        action = AbortChange(operation="op-1")
        return Part(
            host=name,
            steps=(
                Step(
                    key=name,
                    host=name,
                    deed=PlannedAction.of(action),
                    phrase=Phrase("stop"),
                ),
            ),
        )

    return Plan(parts=tuple(map(part, hosts)))


def record(operation: str, clock: Clock, *hosts: str, **given: object) -> OperationRecord:
    """An operation that waits for one approval within an hour."""
    until = clock() + timedelta(hours=1)
    made = OperationRecord(
        operation=operation,
        words="turn host-a",
        kind="turn",
        arguments={"target": {"parts": ["host-a"]}},
        risk=Risk.DISRUPT,
        requester="ana",
        identity=SLACK,
        surface=Surface.SLACK,
        channel="C1",
        card="C1",
        reason="‮\0 \ud83d '; DROP TABLE operations; --",
        plan=plan(*hosts or ("host-a",)),
        digest="d1",
        asked_at=clock(),
        expires_at=until,
        approval=Approval(
            state=ApprovalState.PENDING,
            needed=1,
            rule="disrupt needs 1",
            roles=(Role.OPERATOR,),
            may=("ben",),
            groups=("S1OPS",),
            ping=("U2BEN",),
            expires_at=until,
        ),
    )
    return replace(made, **given)  # type: ignore[arg-type]


def ready(found: OperationRecord) -> OperationRecord:
    """As an approval makes it."""
    assert found.approval is not None
    approved = found.approval.model_copy(update={"state": ApprovalState.APPROVED})
    return replace(found, state=ChangeState.READY, ready_at=found.asked_at, approval=approved)


def everything(standing: Everything) -> StartChoice:
    """Start all that is ready, whatever the claims."""
    return StartChoice(tuple(one.operation for one in standing.open if one.ready), {})


async def test_an_operation_comes_back_as_it_was_kept(operations: OperationTable, clock: Clock) -> None:
    kept = await operations.add(record("op-1", clock))
    assert record("op-1", clock, reason="‮\\x00 \\ud83d '; DROP TABLE operations; --") == kept
    assert kept == await operations.get("op-1")
    assert await operations.get("op-2") is None


async def test_the_same_operation_again_is_the_one_that_is_kept(operations: OperationTable, clock: Clock) -> None:
    first = await operations.add(record("op-1", clock))
    assert first == await operations.add(record("op-1", clock, requester="cai"))


async def test_everything_that_may_change_comes_back_too(operations: OperationTable, clock: Clock) -> None:
    await operations.add(record("op-1", clock))
    review = Review(person="ben", approves=True, reason="ok", at=clock(), mention="U2BEN")

    def transition(found: OperationRecord) -> OperationRecord:
        assert found.approval is not None
        return replace(
            found,
            state=ChangeState.RUNNING,
            approval=found.approval.model_copy(update={"state": ApprovalState.USED, "reviews": (review,)}),
            reviewers={"ben": TERMINAL},
            break_glass=BreakGlass(reviewed_by="cai", reviewed_at=clock(), review="fine"),
            waits_for=Phrase("until {end}", end=Moment(clock())),
            running="turn host-a",
            stopping="dee",
            why=Phrase("so"),
            after="op-2",
            ready_at=clock(),
            started_at=clock(),
            ended_at=clock(),
        )

    moved = await operations.change("op-1", transition)
    assert moved is not None
    assert 2 == moved.version
    assert moved == await operations.get("op-1")


async def test_a_move_that_changes_nothing_is_no_new_version(operations: OperationTable, clock: Clock) -> None:
    kept = await operations.add(record("op-1", clock))
    assert kept == await operations.change("op-1", lambda found: found)
    assert await operations.change("op-9", lambda found: found) is None


async def test_a_refused_move_leaves_everything_as_it_was_also_for_those_beside_it(
    operations: OperationTable, clock: Clock
) -> None:
    await operations.add(record("op-1", clock))
    await operations.add(record("op-2", clock))

    def refuse(found: OperationRecord) -> OperationRecord:
        raise Refused(Phrase("no"))

    answers = await asyncio.gather(
        operations.change("op-1", refuse), operations.change("op-2", ready), return_exceptions=True
    )
    assert isinstance(answers[0], Refused)
    assert [ChangeState.WAITING, ChangeState.READY] == [one.state for one in await operations.list_recent(2)]


async def test_of_many_moves_at_once_each_sees_the_one_before(operations: OperationTable, clock: Clock) -> None:
    await operations.add(record("op-1", clock))
    await asyncio.gather(
        *(operations.change("op-1", lambda found: replace(found, stopping=found.stopping + "x")) for _ in range(20))
    )
    found = await operations.get("op-1")
    assert found is not None
    assert ("x" * 20, 21) == (found.stopping, found.version)


async def test_starting_claims_the_hosts_and_the_end_gives_them_back(operations: OperationTable, clock: Clock) -> None:
    await operations.add(ready(record("op-1", clock, "host-b", "host-a")))
    assert StartResult(("op-1",), ()) == await operations.start(clock(), everything)

    assert {"host-a": HostClaim("op-1", False), "host-b": HostClaim("op-1", False)} == await operations.find_claims()
    assert ("op-1",) == await operations.list_running()
    started = await operations.get("op-1")
    assert started is not None
    assert started.approval is not None
    assert (ChangeState.RUNNING, ApprovalState.USED, clock(), 2) == (
        started.state,
        started.approval.state,
        started.started_at,
        started.version,
    )
    await operations.change("op-1", lambda found: replace(found, state=ChangeState.UNKNOWN))
    assert {"host-a": HostClaim("op-1", True), "host-b": HostClaim("op-1", True)} == await operations.find_claims()
    await operations.change("op-1", lambda found: replace(found, state=ChangeState.FAILED))
    assert {} == await operations.find_claims()


async def test_two_can_never_hold_one_host_whatever_is_chosen(operations: OperationTable, clock: Clock) -> None:
    for operation in ("op-1", "op-2"):
        await operations.add(ready(record(operation, clock)))
    with pytest.raises(Exception, match=r"(?i)unique"):
        await operations.start(clock(), everything)
    assert () == await operations.list_running()


async def test_the_choice_sees_what_is_open_in_its_order_and_all_claims_and_locks(
    operations: OperationTable, database: Database, clock: Clock
) -> None:
    locks = LockTable(database)
    lock = await locks.add(Lock("op-l", "all", "so", "dee", clock(), clock() + timedelta(hours=2)))
    await locks.add(Lock("op-m", "all", "so", "dee", clock(), clock() + timedelta(minutes=1)))
    await operations.add(record("op-1", clock))
    clock.pass_by(minutes=1)
    await operations.add(ready(record("op-3", clock)))
    await operations.add(replace(ready(record("op-2", clock, "host-b")), ready_at=clock() - timedelta(seconds=1)))
    seen: list[Everything] = []

    def look(standing: Everything) -> StartChoice:
        seen.append(standing)
        return StartChoice((), {one.operation: Phrase("a look") for one in standing.open})

    assert StartResult((), ("op-2", "op-3", "op-1")) == await operations.start(clock(), look)
    assert StartResult((), ()) == await operations.start(clock(), look)
    assert (
        Everything(
            open=(
                OpenOperation("op-2", True, ("host-b",), None),
                OpenOperation("op-3", True, ("host-a",), None),
                OpenOperation("op-1", False, ("host-a",), None),
            ),
            claims={},
            locks=(lock,),
        )
        == seen[0]
    )


async def test_what_did_not_start_in_time_has_expired(operations: OperationTable, clock: Clock) -> None:
    await operations.add(record("op-1", clock))
    await operations.add(ready(record("op-2", clock)))
    await operations.add(replace(ready(record("op-3", clock)), approval=None, break_glass=BreakGlass()))
    await operations.add(ready(record("op-4", clock, "host-d")))
    await operations.start(clock(), lambda standing: StartChoice(("op-4",), {}))
    clock.pass_by(minutes=59, seconds=59)
    assert () == await operations.list_expired(clock())
    clock.pass_by(seconds=1)
    assert {"op-1", "op-2", "op-3"} == {one.operation for one in await operations.list_expired(clock())}


@pytest.mark.parametrize("stored", [zlib.compress(b'{"parts": 3}'), zlib.compress(b"?"), b"?"])
async def test_a_plan_that_cannot_be_read_keeps_nobody_from_seeing_and_closing_its_row(
    database: Database, operations: OperationTable, clock: Clock, stored: bytes
) -> None:
    await operations.add(record("op-1", clock))
    damage = update(OPERATIONS).values(plan=stored)
    await database.run(lambda connection: connection.execute(damage).rowcount)
    (found,) = await operations.list_recent(9)
    assert (UNREADABLE_PLAN, "d1") == (found.plan, found.digest)
    closed = await operations.change("op-1", lambda record: replace(record, state=ChangeState.CLOSED))
    assert closed is not None
    assert ChangeState.CLOSED is closed.state


async def test_what_has_expired_is_not_started_any_more(operations: OperationTable, clock: Clock) -> None:
    await operations.add(ready(record("op-1", clock)))
    clock.pass_by(hours=1)
    assert StartResult((), ()) == await operations.start(clock(), everything)


async def test_a_successor_and_the_move_of_the_one_before_are_one_step(operations: OperationTable, clock: Clock) -> None:
    await operations.add(record("op-1", clock))

    def refuse(found: OperationRecord) -> OperationRecord:
        raise Refused(Phrase("no"))

    with pytest.raises(Refused):
        await operations.replace_by_successor("op-1", refuse, record("op-2", clock))
    assert await operations.get("op-2") is None

    await operations.replace_by_successor(
        "op-1", lambda found: replace(found, after="op-2"), record("op-2", clock, before="op-1")
    )
    assert [("op-1", "", "op-2"), ("op-2", "op-1", "")] == [
        (one.operation, one.before, one.after) for one in await operations.list_recent(2)
    ]


async def test_what_ran_without_approval_is_open_until_somebody_looked(operations: OperationTable, clock: Clock) -> None:
    glass = BreakGlass()
    await operations.add(replace(ready(record("op-1", clock)), approval=None, break_glass=glass))
    assert () == await operations.list_unreviewed()
    await operations.start(clock(), everything)
    assert ["op-1"] == [one.operation for one in await operations.list_unreviewed()]
    seen = glass.model_copy(update={"reviewed_by": "ben", "reviewed_at": clock()})
    await operations.change("op-1", lambda found: replace(found, break_glass=seen))
    assert () == await operations.list_unreviewed()


async def test_a_plan_that_is_too_large_is_not_kept(operations: OperationTable, clock: Clock) -> None:
    large = Plan(parts=(), warnings=(Phrase("{text}", text="x" * MAX_PLAN_BYTES),))
    with pytest.raises(TooLarge, match="fewer hosts"):
        await operations.add(record("op-1", clock, plan=large))


async def test_an_end_does_not_fail_for_a_reason_that_is_too_long(operations: OperationTable, clock: Clock) -> None:
    await operations.add(record("op-1", clock))
    await operations.change("op-1", lambda found: replace(found, why=Phrase("{why}", why="x" * MAX_JSON_BYTES)))
    found = await operations.get("op-1")
    assert found is not None
    assert "x" * MAX_REASON_LENGTH + "…" == str(found.why)


async def test_a_large_plan_takes_little_room(operations: OperationTable, path: Path, clock: Clock) -> None:
    hosts = tuple(f"host-{number}" for number in range(254))
    await operations.add(record("op-1", clock, *hosts))
    with closing(sqlite3.connect(path)) as line:
        ((stored, names),) = line.execute("SELECT length(plan), hosts FROM operations").fetchall()
    assert stored < 10_000
    assert sorted(hosts) == json.loads(names)


@pytest.mark.parametrize("identity", [SLACK, TERMINAL, SlackIdentity("T", "U", Membership.UNKNOWN), SystemIdentity(0, "根")])
def test_whoever_came_is_known_again(identity: Identity) -> None:
    assert identity == decode_identity(encode_identity(identity))


@pytest.mark.parametrize("text", ["{}", '{"uid": 1}', "[]", '"ana"'])
def test_what_is_nobody_is_not_taken_for_somebody(text: str) -> None:
    with pytest.raises(ValueError, match="not an identity"):
        decode_identity(text)


async def test_what_ended_in_a_span_is_told_without_its_plan(operations: OperationTable, clock: Clock) -> None:
    """From the first moment on, and before the last one; what has not ended is not among it."""
    began = clock()
    glass = BreakGlass(reviewed_by="ben")
    for number, state in enumerate((ChangeState.DONE, ChangeState.CLOSED, ChangeState.FAILED, ChangeState.DONE)):
        ended = replace(record(f"op-{number}", clock), state=state, ended_at=clock())
        await operations.add(replace(ended, approval=None, break_glass=glass) if state is ChangeState.FAILED else ended)
        clock.pass_by(hours=1)
    await operations.add(record("op-waits", clock))

    assert (
        EndedOperation("op-1", "turn host-a", "ana", ChangeState.CLOSED, ApprovalState.PENDING),
        EndedOperation("op-2", "turn host-a", "ana", ChangeState.FAILED, None, glass),
    ) == await operations.list_ended(began + timedelta(hours=1), began + timedelta(hours=3))
    assert () == await operations.list_ended(clock(), clock() + timedelta(days=31))


async def test_what_touches_hosts_since_a_time_is_found_among_all_else(operations: OperationTable, clock: Clock) -> None:
    """What runs touches its hosts since it was asked for; what has ended did until then; of an unknown end nobody knows."""

    async def ended(name: str, state: ChangeState, *hosts: str) -> None:
        await operations.add(ready(record(name, clock, *hosts)))
        await operations.change(name, lambda found: replace(found, state=state, ended_at=clock()))

    await ended("op-early", ChangeState.DONE, "host-a")
    await ended("op-unknown", ChangeState.UNKNOWN, "host-a")
    await operations.add(ready(record("op-open", clock, "host-b", "host-a")))
    clock.pass_by(hours=2)
    since = clock()
    await ended("op-mine", ChangeState.FAILED, "host-a")
    clock.pass_by(minutes=1)
    for number in range(60):
        await ended(f"op-other-{number}", ChangeState.DONE, "host-ab", "host-c")

    async def found(most: int, *hosts: str) -> list[str]:
        return [each.operation for each in await operations.list_touching(hosts, since, most)]

    assert ["op-mine", "op-open", "op-unknown"] == await found(9, "host-a", "host-z")
    assert ["op-mine", "op-open"] == await found(2, "host-a")
    assert ["op-open"] == await found(9, "host-b")
    assert [] == await found(9)
    assert 60 == len(await found(100, "host-c"))


async def test_how_operations_stand_is_told_of_those_that_there_are(operations: OperationTable, clock: Clock) -> None:
    await operations.add(record("op-1", clock))
    await operations.add(ready(record("op-2", clock)))
    assert {"op-1": ChangeState.WAITING, "op-2": ChangeState.READY} == await operations.find_states({"op-1", "op-2", "op-3"})
    assert {} == await operations.find_states(())


async def test_hosts_are_left_of_what_ended_without_success_and_was_not_requested_again(
    operations: OperationTable, clock: Clock
) -> None:
    """The newest first, and not longer ago than asked."""
    since = clock()
    given = (
        ("op-old", ChangeState.FAILED, "", -1),
        ("op-failed", ChangeState.FAILED, "", 0),
        ("op-undone", ChangeState.UNDONE, "", 1),
        ("op-again", ChangeState.FAILED, "op-next", 1),
        ("op-done", ChangeState.DONE, "", 1),
        ("op-closed", ChangeState.CLOSED, "", 1),
    )
    for name, state, after, hours in given:
        ended = since + timedelta(hours=hours)
        await operations.add(replace(record(name, clock), state=state, after=after, ended_at=ended))
    await operations.add(record("op-waits", clock))

    assert ["op-undone", "op-failed"] == [found.operation for found in await operations.list_left_over(since, 9)]
    assert ["op-undone"] == [found.operation for found in await operations.list_left_over(since, 1)]


async def test_versions_are_those_of_what_has_not_ended_or_is_new(operations: OperationTable, clock: Clock) -> None:
    for name, state in (
        ("op-ended", ChangeState.DONE),
        ("op-unknown", ChangeState.UNKNOWN),
        ("op-waits", ChangeState.WAITING),
    ):
        await operations.add(replace(record(name, clock), state=state))
    clock.pass_by(hours=1)
    await operations.add(replace(record("op-new", clock), state=ChangeState.DONE))
    before = await operations.find_versions(clock())
    assert {"op-unknown", "op-waits", "op-new"} == before.keys()

    await operations.change("op-waits", lambda found: replace(found, state=ChangeState.READY))

    after = await operations.find_versions(clock())
    assert ["op-waits"] == [name for name in after if after[name] != before[name]]
