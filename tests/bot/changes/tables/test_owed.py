"""The rows of owed changes: each comes back as it was, is left once, and settled once."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Text, literal, update

from adapters.phrase import Phrase
from bot.changes.tables.operations import OperationTable, Transition
from bot.changes.tables.owed import Deed, OwedEffects, OwedTable, find_settled
from bot.model.change import ChangeState
from bot.model.owed import OwedChange
from bot.model.request import Membership, SlackIdentity, Surface
from bot.store.database import Database
from bot.store.records import OperationRecord
from bot.store.schema.tables import OWED
from commands.model.owed import KnownOwed, Matter
from tests.bot.changes.tables.test_operations import record
from tests.bot.store.conftest import Clock

SLACK = SlackIdentity("T1", "U1ANA", Membership.MEMBER, frozenset({"S1OPS"}))


@pytest.fixture
def operations(database: Database) -> OperationTable:
    return OperationTable(database)


@pytest.fixture
def table(database: Database) -> OwedTable:
    return OwedTable(database)


def owed(clock: Clock, host: str = "host-e", **given: object) -> OwedChange:
    """A renewal of one host that op-1 had to leave out."""
    made = OwedChange(
        host=host,
        kind="cert renew",
        arguments={"target": {"parts": [host]}},
        words=f"cert renew {host}",
        matter=Matter.CHANGE,
        why=Phrase("could not check the host: {why}", why=Phrase("timeout")),
        operation="op-1",
        requester="ana",
        identity=SLACK,
        surface=Surface.SLACK,
        channel="C1",
        since=clock(),
    )
    return replace(made, **given)  # type: ignore[arg-type]


def to(state: ChangeState) -> Transition:
    def transition(found: OperationRecord) -> OperationRecord:
        return replace(found, state=state)

    return transition


async def leave(operations: OperationTable, clock: Clock, *left: OwedChange, operation: str = "op-1") -> None:
    """A run that ends and leaves these."""
    await operations.add(record(operation, clock, "host-a", state=ChangeState.RUNNING))
    await operations.end(operation, to(ChangeState.DONE), OwedEffects(left), clock())


async def test_a_row_comes_back_as_it_was_left(operations: OperationTable, table: OwedTable, clock: Clock) -> None:
    left = owed(clock)
    await leave(operations, clock, left)
    assert (replace(left, number=1),) == await table.list_open()
    assert KnownOwed((replace(left, number=1).brief,)) == await table.find_known()


async def test_an_end_that_is_reported_again_leaves_nothing_twice(
    operations: OperationTable, table: OwedTable, clock: Clock
) -> None:
    await leave(operations, clock, owed(clock))
    await table.settle(1, "ben", clock(), "scrapped")
    await operations.end("op-1", to(ChangeState.DONE), OwedEffects((owed(clock),)), clock())
    assert () == await table.list_open()


async def test_the_same_command_is_owed_once_and_keeps_its_age(
    operations: OperationTable, table: OwedTable, clock: Clock
) -> None:
    first = owed(clock)
    await leave(operations, clock, first)
    clock.pass_by(days=1)
    await leave(operations, clock, owed(clock, operation="op-2"), owed(clock, "host-f"), operation="op-2")
    assert [("host-e", first.since), ("host-f", clock())] == [(each.host, each.since) for each in await table.list_open()]


async def test_a_settled_one_keeps_its_number_and_a_later_one_has_its_own(
    operations: OperationTable, table: OwedTable, clock: Clock
) -> None:
    await leave(operations, clock, owed(clock))
    await table.settle(1, "ben", clock(), "scrapped")
    clock.pass_by(days=500)
    await leave(operations, clock, owed(clock), operation="op-2")
    settled = await table.find(1)
    assert settled is not None
    assert ("ben", "scrapped", False) == (settled.settled_by, settled.reason, settled.is_open)
    assert [2] == [each.number for each in await table.list_open()]
    assert [2] == [each.number for each in await table.list_since(clock() - timedelta(days=7))]


async def test_a_settled_one_is_listed_for_a_while(operations: OperationTable, table: OwedTable, clock: Clock) -> None:
    await leave(operations, clock, owed(clock))
    await table.settle(1, "ben", clock())
    assert [1] == [each.number for each in await table.list_since(clock() - timedelta(days=1))]


async def test_only_the_first_settles_it(operations: OperationTable, table: OwedTable, clock: Clock) -> None:
    await leave(operations, clock, owed(clock))
    await table.settle(1, "ben", clock(), "scrapped")
    await table.settle(1, "cai", clock(), "later")
    await table.mark_asked(1, "op-9", clock(), None)
    found = await table.find(1)
    assert found is not None
    assert ("ben", "scrapped", "") == (found.settled_by, found.reason, found.asked)


async def test_a_run_that_did_the_same_there_settles_it(operations: OperationTable, table: OwedTable, clock: Clock) -> None:
    await leave(operations, clock, owed(clock), owed(clock, "host-f"))
    await operations.add(record("op-2", clock, "host-e", state=ChangeState.RUNNING))
    done = OwedEffects(done=(Deed("host-e", "cert renew host-e"), Deed("host-f", "service start nebula host-f")))
    assert [1] == [each.number for each in find_settled(await table.list_open(), done.done)]
    await operations.end("op-2", to(ChangeState.DONE), done, clock())
    assert ["host-f"] == [each.host for each in await table.list_open()]


async def test_what_asks_for_it_and_why_nothing_does_are_kept(
    operations: OperationTable, table: OwedTable, clock: Clock
) -> None:
    await leave(operations, clock, owed(clock))
    await table.mark_asked(1, "", clock(), Phrase("ana may not do this any more"))
    (found,) = await table.list_open()
    assert ("", clock(), "ana may not do this any more") == (found.asked, found.asked_at, str(found.note))


async def test_a_matter_of_another_version_counts_as_the_gravest_and_hides_no_other_row(
    operations: OperationTable, table: OwedTable, database: Database, clock: Clock
) -> None:
    await leave(operations, clock, owed(clock), owed(clock, "host-f"))
    damage = update(OWED).where(OWED.c.number == 1).values({"matter": "rotation"})
    await database.run(lambda connection: connection.execute(damage).rowcount)
    assert [Matter.REVOCATION, Matter.CHANGE] == [each.matter for each in await table.list_open()]


@pytest.mark.parametrize(
    "damage",
    [
        {"arguments": "{"},
        {"arguments": "7"},
        {"identity": "{}"},
        {"identity": '{"team": 1, "user": 2, "standing": "member", "groups": 3}'},
        {"surface": "radio"},
        {"why": '{"template": "{host}", "values": []}'},
        {"note": '{"template": "{"}'},
        {"since": "yesterday"},
        {"since": "2026-01-31T09:00:00"},
        {"asked_at": ""},
    ],
)
async def test_a_damaged_row_hides_no_other_row(
    operations: OperationTable, table: OwedTable, database: Database, clock: Clock, damage: dict[str, str]
) -> None:
    await leave(operations, clock, owed(clock), owed(clock, "host-f"))
    statement = update(OWED).where(OWED.c.number == 1).values({name: literal(value, Text) for name, value in damage.items()})
    await database.run(lambda connection: connection.execute(statement).rowcount)
    assert [("host-e", True), ("host-f", False)] == [(each.host, each.damaged) for each in await table.list_open()]


async def test_an_operation_that_is_not_there_leaves_nothing(
    operations: OperationTable, table: OwedTable, clock: Clock
) -> None:
    assert None is await operations.end("op-9", to(ChangeState.DONE), OwedEffects((owed(clock),)), clock())
    assert () == await table.list_open()
