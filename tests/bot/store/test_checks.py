"""The newest check of each host and area: whichever is written first, of hosts that exist, as it was."""

import asyncio
import json
from datetime import timedelta

import pytest
from sqlalchemy import update

from adapters.phrase import Phrase
from bot.store.checks import CheckTable
from bot.store.database import Database
from bot.store.schema.tables import CHECKS
from commands.model.check import Area, StoredCheck
from commands.model.finding import Finding, Severity
from tests.bot.store.conftest import Clock

HOSTILE = "<!channel> *x* \x00 \ud800 '; DROP TABLE checks; -- \u202e{why} {0}"


@pytest.fixture
def checks(database: Database) -> CheckTable:
    return CheckTable(database)


def finding(why: str, severity: Severity = Severity.HIGH) -> Finding:
    return Finding(
        severity=severity,
        host="host-b",
        subject="drive",
        why=Phrase("{it}", it=why),
        short=Phrase("{it}", it=why),
        next="disk",
    )


def check(clock: Clock, *found: Finding, ago: float = 0, area: Area = Area.DISKS, host: str = "host-b") -> StoredCheck:
    return StoredCheck(host=host, area=area, at=clock() - timedelta(seconds=ago), findings=found)


async def test_a_check_is_found_as_it_was(checks: CheckTable, clock: Clock) -> None:
    stored = [check(clock, finding("full")), check(clock, area=Area.UPDATES), check(clock, host="ホスト")]
    stored.append(check(clock, area=Area.CERTIFICATES).model_copy(update={"ends_at": clock() + timedelta(days=3)}))
    await checks.store(stored)

    assert {(each.host, each.area): each for each in stored} == await checks.find_by_host(["host-b", "ホスト"])
    assert {} == await checks.find_by_host(["host-c"]) == await checks.find_by_host([])


@pytest.mark.parametrize("ages", [(60, 0), (0, 60)])
async def test_the_newest_check_stays_whichever_is_written_first(
    checks: CheckTable, clock: Clock, ages: tuple[float, float]
) -> None:
    for ago in ages:
        await checks.store([check(clock, finding(f"{ago} s ago"), ago=ago)])

    (kept,) = (await checks.find_by_host(["host-b"])).values()
    assert clock() == kept.at


async def test_two_answers_that_write_at_the_same_time_leave_the_newer_one_of_each_host(
    checks: CheckTable, clock: Clock
) -> None:
    hosts = [f"host-{n}" for n in range(254)]
    answers = [[check(clock, finding(f"{ago}"), host=host, ago=ago) for host in hosts] for ago in (3, 1, 2)]
    await asyncio.gather(*(checks.store(answer) for answer in answers))

    assert {timedelta(seconds=1)} == {clock() - each.at for each in (await checks.find_by_host(hosts)).values()}


async def test_hostile_text_is_a_value_like_any_other(checks: CheckTable, clock: Clock) -> None:
    stored = check(clock, finding(HOSTILE))
    await checks.store([stored])

    assert [stored] == list((await checks.find_by_host(["host-b"])).values())


async def test_hosts_that_left_have_no_checks(checks: CheckTable, clock: Clock) -> None:
    await checks.store([check(clock), check(clock, host="host-c")])
    await checks.delete_others(["host-c", "host-x"])

    assert [("host-c", Area.DISKS)] == list(await checks.find_by_host(["host-b", "host-c"]))


async def test_what_is_forgotten_is_unknown_and_a_read_that_began_before_does_not_bring_it_back(
    checks: CheckTable, clock: Clock
) -> None:
    await checks.store([check(clock, finding("old"), ago=60), check(clock, finding("other"), area=Area.UPDATES)])
    await checks.forget(["host-b"], [Area.DISKS], clock())
    await checks.store([check(clock, finding("late"), ago=1)])

    known = await checks.find_by_host(["host-b"])
    assert ((), False) == (known["host-b", Area.DISKS].findings, known["host-b", Area.DISKS].complete)
    assert known["host-b", Area.UPDATES].complete

    clock.pass_by(seconds=1)
    await checks.store([check(clock, finding("new"))])
    assert (await checks.find_by_host(["host-b"]))["host-b", Area.DISKS].complete


async def test_a_check_that_is_too_large_proves_nothing(checks: CheckTable, clock: Clock) -> None:
    await checks.store([check(clock, finding("x" * 100_000)), check(clock, host="host-c")])

    known = await checks.find_by_host(["host-b", "host-c"])
    assert {"host-b": False, "host-c": True} == {host: each.complete for (host, _), each in known.items()}


@pytest.mark.parametrize(
    "damage",
    [
        {"findings": "no JSON"},
        {"findings": "{}"},
        {"findings": json.dumps([{"severity": "dire"}])},
        {"area": "weather"},
    ],
)
async def test_a_row_of_another_version_is_left_out(
    checks: CheckTable, clock: Clock, database: Database, damage: dict[str, str]
) -> None:
    await checks.store([check(clock), check(clock, host="host-c")])
    await database.run(
        lambda connection: connection.execute(update(CHECKS).where(CHECKS.c.host == "host-b").values(damage)) and 0
    )

    assert [("host-c", Area.DISKS)] == list(await checks.find_by_host(["host-b", "host-c"]))
