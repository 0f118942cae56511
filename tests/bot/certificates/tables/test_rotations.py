"""The rows of rotations: one is open, they are read as they were stored, and a damaged one is no missing one."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bot.certificates.tables.rotations import DamagedRotation, RotationTable
from bot.store.database import Database
from commands.model.rotation import Rotation, RotationMember, RotationStage
from tests.commands.canned import NOW
from tests.commands.canned_rotation import rotation

WHOLE = rotation(
    RotationStage.SIGNING,
    RotationMember(host="host-a", trusts_at=NOW, signed_at=NOW, dropped_at=NOW, seen_at=NOW),
    RotationMember(host="host-b", left_at=NOW),
    canary="a certificate",
    lost=True,
    lazy=True,
)


@pytest.fixture
def table(database: Database) -> RotationTable:
    return RotationTable(database)


def ended(changing: Rotation, **fields: object) -> Rotation:
    return changing.model_copy(update={"stage": RotationStage.DONE, "ended_at": NOW, **fields})


async def test_a_rotation_is_read_as_it_was_stored(table: RotationTable) -> None:
    await table.store(WHOLE)

    assert WHOLE == await table.find_open()
    assert WHOLE == await table.find_started_by(WHOLE.operation)


async def test_nothing_is_found_where_there_is_nothing(table: RotationTable) -> None:
    assert (None, None, 0) == (await table.find_open(), await table.find_started_by("op-1"), await table.count())


async def test_a_stored_rotation_is_replaced_with_the_members_that_are_given(table: RotationTable) -> None:
    await table.store(WHOLE)
    moved = RotationMember(host="host-a", trusts_at=NOW + timedelta(days=1))
    await table.store(WHOLE.model_copy(update={"stage": RotationStage.ABORTING, "members": (moved,)}))

    expected = WHOLE.model_copy(update={"stage": RotationStage.ABORTING, "members": (moved, WHOLE.members[1])})
    assert expected == await table.find_open()


async def test_one_rotation_is_open(table: RotationTable) -> None:
    await table.store(ended(WHOLE))
    second = rotation(RotationStage.MADE, number=2, operation="op-2")
    await table.store(second)

    assert (second, 2) == (await table.find_open(), await table.count())
    assert ended(WHOLE) == await table.find_started_by(WHOLE.operation)
    with pytest.raises(IntegrityError):
        await table.store(rotation(RotationStage.MADE, number=3, operation="op-3"))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("old", "{"),
        ("new", '{"fingerprint": "junk"}'),
        ("new", "[" * 20_000),
        ("stage", "resting"),
        ("started_at", "yesterday"),
    ],
)
async def test_a_damaged_rotation_names_the_operation_that_has_its_content(
    database: Database, table: RotationTable, column: str, value: str
) -> None:
    await table.store(WHOLE)
    await damage(database, f"UPDATE rotations SET {column} = :value", value)

    assert DamagedRotation(WHOLE.number, WHOLE.operation) == await table.find_open()


async def test_a_damaged_member_has_not_begun(database: Database, table: RotationTable) -> None:
    await table.store(WHOLE)
    await damage(database, "UPDATE rotation_members SET trusts_at = :value WHERE host = 'host-a'", "yesterday")
    read = await table.find_open()

    assert isinstance(read, Rotation)
    assert ["host-b"] == [member.host for member in read.members]


async def damage(database: Database, statement: str, value: str) -> None:
    await database.run(lambda connection: connection.execute(text(statement), {"value": value}).rowcount)
