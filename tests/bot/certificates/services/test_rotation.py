"""The rotation that is under way: events first, then the row, also through crashes and with rows that were edited."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from adapters.phrase import Phrase
from bot.audit_log.log import EventKind
from bot.certificates.services.rotation import RotationRegistry, RotationUnreadable
from bot.certificates.tables.rotations import RotationTable
from bot.store.database import Database
from bot.store.errors import DatabaseUnavailable, TooLarge
from bot.store.records import OperationRecord
from commands.certificates.rotation.records import FINISH_WORDS, NEXT_WORDS
from commands.certificates.rotation.states import PROGRESS_KEY, Progress
from commands.model.check import Area
from commands.model.report import Cell, Column, Report, Row
from commands.model.rotation import Rotation, RotationMember, RotationStage
from tests.bot.certificates.runs import STARTED, make_record, make_start, make_trail, signature
from tests.bot.changes.workflow_team import Log
from tests.commands.canned import NOW
from tests.commands.canned_certs import host, view
from tests.commands.canned_rotation import NEXT_CA

A_VIEW = view(host("host-a", 1))
LATER = NOW + timedelta(hours=1)
TRUST = make_record(NEXT_WORDS, "lighthouse/trust/begin", "host-a/trust/begin")
SIGN = make_record(NEXT_WORDS, "host-a/sign", operation="op-3")
SETTLE = make_record(FINISH_WORDS, "lighthouse/settle", operation="op-4")


class Table(RotationTable):
    """A table whose database fails from some point on."""

    broken = False

    async def store(self, rotation: Rotation) -> None:
        if self.broken:
            raise DatabaseUnavailable(Phrase("the disk is gone"))
        await super().store(rotation)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def table(database: Database) -> Table:
    return Table(database)


@pytest.fixture
def registry(table: Table, log: Log) -> RotationRegistry:
    return RotationRegistry(table, log)


async def run(registry: RotationRegistry, record: OperationRecord, answers: Mapping[str, Any] | None = None) -> None:
    await registry.follow_run(record, make_trail(record, answers))


async def start(registry: RotationRegistry, operation: str = "op-000000000001") -> None:
    await run(registry, make_start(operation), STARTED)


async def read(registry: RotationRegistry) -> Rotation:
    """The open rotation, as a plan gets it."""
    found = (await registry.complete(A_VIEW)).rotation
    assert found is not None
    return found


def causes(log: Log) -> list[str]:
    return [data["cause"] for kind, _, _, data in log.events if kind is EventKind.ROTATION]


async def test_runs_move_it_from_its_start_to_its_end(registry: RotationRegistry, table: Table, log: Log) -> None:
    await start(registry)
    assert (1, RotationStage.MADE) == ((made := await read(registry)).number, made.stage)
    await run(registry, TRUST)
    assert RotationStage.TRUSTING is (await read(registry)).stage
    await run(registry, SIGN, {"host-a/sign": signature(NEXT_CA)})
    expected = RotationMember(host="host-a", trusts_at=NOW, signed_at=NOW, seen_at=NOW)
    assert (RotationStage.SIGNING, expected) == ((signing := await read(registry)).stage, signing.find_member("host-a"))
    await run(registry, SETTLE)

    assert (await registry.complete(A_VIEW)).rotation is None
    assert await registry.read_known() is None
    ended = await table.find_started_by("op-000000000001")
    assert isinstance(ended, Rotation)
    assert (RotationStage.DONE, NOW) == (ended.stage, ended.ended_at)
    assert ["op-000000000001", "op-2", "op-3", "op-4"] == causes(log)


async def test_the_next_one_gets_the_next_number(registry: RotationRegistry) -> None:
    await start(registry)
    await run(registry, SETTLE)
    await start(registry, "op-5")

    assert (2, "op-5") == ((second := await read(registry)).number, second.operation)


async def test_a_second_one_beside_an_open_one_is_left_out(registry: RotationRegistry, log: Log) -> None:
    await start(registry)
    await start(registry, "op-5")

    assert "op-000000000001" == (await read(registry)).operation
    assert ["op-000000000001"] == causes(log)


async def test_a_run_that_comes_again_after_a_crash_changes_nothing(registry: RotationRegistry, log: Log) -> None:
    for _ in range(2):
        await start(registry)
    for _ in range(2):
        await run(registry, TRUST)

    assert ["op-000000000001", "op-2"] == causes(log)
    assert ["host-a", "lighthouse"] == [member.host for member in (await read(registry)).members]


async def test_a_start_that_crashed_behind_its_event_is_stored_when_it_comes_again(
    registry: RotationRegistry, table: Table, log: Log
) -> None:
    table.broken = True
    with pytest.raises(DatabaseUnavailable):
        await start(registry)
    assert RotationStage.MADE is (await read(registry)).stage
    table.broken = False
    await start(registry)

    assert await read(registry) == await table.find_open()
    assert ["op-000000000001"] == causes(log)


async def test_a_move_that_crashed_behind_its_event_has_happened(registry: RotationRegistry, table: Table, log: Log) -> None:
    await start(registry)
    table.broken = True
    with pytest.raises(DatabaseUnavailable):
        await run(registry, TRUST)
    assert RotationStage.TRUSTING is (await read(registry)).stage
    table.broken = False
    await run(registry, TRUST)

    assert ["op-000000000001", "op-2"] == causes(log)
    assert await read(registry) == await table.find_open()


async def test_an_end_that_crashed_behind_its_event_leaves_no_open_rotation(
    registry: RotationRegistry, table: Table
) -> None:
    await start(registry)
    table.broken = True
    with pytest.raises(DatabaseUnavailable):
        await run(registry, SETTLE)
    assert (await registry.complete(A_VIEW)).rotation is None
    table.broken = False
    assert (await registry.complete(A_VIEW)).rotation is None

    assert await table.find_open() is None


async def test_what_cannot_be_recorded_moves_nothing(registry: RotationRegistry, log: Log) -> None:
    await start(registry)
    log.full = True
    with pytest.raises(TooLarge):
        await run(registry, TRUST)
    log.full = False

    assert RotationStage.MADE is (await read(registry)).stage


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rotations SET stage = 'signing'",
        "UPDATE rotations SET new = old",
        "UPDATE rotations SET new = '{'",
        "UPDATE rotations SET lost = 1",
        "UPDATE rotation_members SET signed_at = trusts_at",
        "UPDATE rotation_members SET trusts_at = 'yesterday'",
        "DELETE FROM rotation_members",
        "INSERT INTO rotation_members (rotation, host, left_at) VALUES (1, 'host-z', '2026-01-01T00:00:00+00:00')",
    ],
)
async def test_an_edited_or_damaged_row_decides_nothing_and_is_mended(
    registry: RotationRegistry, table: Table, database: Database, statement: str
) -> None:
    await start(registry)
    await run(registry, TRUST)
    await database.run(lambda connection: connection.execute(text(statement)).rowcount)
    after = await read(registry)

    assert (RotationStage.TRUSTING, NEXT_CA.certificate, False) == (after.stage, after.new.certificate, after.lost)
    assert (NOW, None) == ((first := after.find_member("host-a")).trusts_at, first.signed_at)
    assert after.find_member("host-z").left_at is None
    assert after == await table.find_open()


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM rotations", "UPDATE rotations SET ended_at = started_at", "UPDATE rotations SET operation = 'x'"],
)
async def test_a_row_that_is_gone_ends_no_rotation(
    registry: RotationRegistry, table: Table, database: Database, log: Log, statement: str
) -> None:
    await start(registry)
    await run(registry, TRUST)
    await database.run(lambda connection: connection.execute(text("DELETE FROM rotation_members")).rowcount)
    await database.run(lambda connection: connection.execute(text(statement)).rowcount)
    if "operation" in statement:
        with pytest.raises(RotationUnreadable):
            await registry.complete(A_VIEW)
        return
    after = await read(registry)

    assert (RotationStage.TRUSTING, NOW) == (after.stage, after.find_member("host-a").trusts_at)
    assert after == await table.find_open()
    await start(registry, "op-5")
    assert ["op-000000000001", "op-2"] == causes(log)


async def test_a_row_of_a_rotation_that_is_over_stays_away(
    registry: RotationRegistry, table: Table, database: Database
) -> None:
    await start(registry)
    await run(registry, SETTLE)
    await database.run(lambda connection: connection.execute(text("DELETE FROM rotations")).rowcount)

    assert await registry.read_known() is None
    assert await table.find_open() is None


async def test_a_row_without_signed_events_is_believed_by_no_plan(
    registry: RotationRegistry, table: Table, log: Log
) -> None:
    await start(registry)
    log.forget("op-000000000001", EventKind.ROTATION)

    with pytest.raises(RotationUnreadable, match="the audit log does not have the state of the CA rotation"):
        await registry.complete(A_VIEW)
    assert await registry.read_known() is None


async def test_events_of_another_version_are_left_out(registry: RotationRegistry, log: Log) -> None:
    await start(registry)
    for data in ({}, {"first": False, "rotation": {}, "members": []}, {"rotation": None, "members": None, "first": True}):
        await log.record(EventKind.ROTATION, "system", "op-000000000001", data)

    assert RotationStage.MADE is (await read(registry)).stage


async def test_many_members_share_events(registry: RotationRegistry, log: Log) -> None:
    await start(registry)
    await run(registry, make_record(NEXT_WORDS, *(f"host-{number}/trust/begin" for number in range(250))))

    assert [0, 100, 100, 50] == [len(data["members"]) for _, _, _, data in log.events]
    assert 60_000 > max(len(json.dumps(data)) for _, _, _, data in log.events)
    assert 250 == len((await read(registry)).members)


def report(at: datetime, **progress: str) -> Report:
    """A report of `cert`; a host whose progress is "" did not answer."""
    return Report(
        title=Phrase("Certificates"),
        summary=Phrase("x"),
        columns=(Column(key="host", heading=Phrase("Host")), Column(key=PROGRESS_KEY, heading=Phrase("CA rotation"))),
        rows=tuple(
            Row(
                cells=(Cell.of(name), Cell(text="x", value=value or Progress.UNKNOWN.value)),
                host=name.replace("_", "-"),
                reached=bool(value),
            )
            for name, value in progress.items()
        ),
        taken_at=at,
    )


async def test_what_a_report_says_of_hosts_moves_their_rows(registry: RotationRegistry, log: Log) -> None:
    await start(registry)
    await run(registry, TRUST)
    await registry.follow(Area.CERTIFICATES, report(LATER, host_a="waits", host_b="trusts", host_c="", host_d="?"), LATER)
    found = {member.host: member for member in (await read(registry)).members}

    assert RotationMember(host="host-a", seen_at=LATER) == found["host-a"]
    assert RotationMember(host="host-b", trusts_at=LATER, seen_at=LATER) == found["host-b"]
    assert {"host-a", "host-b", "lighthouse"} == set(found)
    assert "reading" == causes(log)[-1]


async def test_a_host_that_was_only_seen_again_is_no_event(registry: RotationRegistry, log: Log) -> None:
    await start(registry)
    await run(registry, TRUST)
    before = causes(log)
    await registry.follow(Area.CERTIFICATES, report(LATER, host_a="trusts"), LATER)

    assert before == causes(log)
    assert LATER == (await read(registry)).find_member("host-a").seen_at


@pytest.mark.parametrize("area", [Area.DISKS, Area.SERVICES])
async def test_other_reports_say_nothing(registry: RotationRegistry, area: Area) -> None:
    await start(registry)
    await registry.follow(area, report(LATER, host_a="trusts"), LATER)

    assert () == (await read(registry)).members


async def test_a_report_whose_progress_cannot_be_stored_harms_nothing(registry: RotationRegistry, log: Log) -> None:
    await start(registry)
    log.full = True
    await registry.follow(Area.CERTIFICATES, report(LATER, host_a="trusts"), LATER)

    assert () == (await read(registry)).members


async def test_without_a_rotation_nothing_is_recorded(registry: RotationRegistry, log: Log) -> None:
    await run(registry, SIGN, {"host-a/sign": signature(NEXT_CA)})
    await registry.follow(Area.CERTIFICATES, report(LATER, host_a="trusts"), LATER)
    await run(registry, make_record("service restart nebula", "host-a/restart"))

    assert [] == log.events
