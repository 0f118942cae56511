"""What digests found is kept for three months, and the newest for as long as there is no newer."""

from datetime import timedelta

import pytest

from bot.digests.tables import RETENTION, DigestTable
from bot.store.database import Database
from tests.bot.store.conftest import Clock


@pytest.fixture
def digests(database: Database) -> DigestTable:
    return DigestTable(database)


async def test_the_newest_one_before_a_time_is_found_as_it_was(digests: DigestTable, clock: Clock) -> None:
    for day in range(3):
        await digests.store(f"op-{day}", clock() + timedelta(days=day), f'{{"host": "ホスト-{day}"}}')

    second = clock() + timedelta(days=1)
    assert ("op-1", second, '{"host": "ホスト-1"}') == await digests.find_latest(clock() + timedelta(days=2), "")
    assert None is await digests.find_latest(clock(), "")


async def test_one_that_is_worked_again_is_the_same_and_never_its_own_predecessor(
    digests: DigestTable, clock: Clock
) -> None:
    await digests.store("op-1", clock(), "1")
    clock.pass_by(days=1)
    await digests.store("op-2", clock(), "2")
    clock.pass_by(minutes=1)
    await digests.store("op-2", clock(), "2 again")
    clock.pass_by(minutes=1)

    assert "1" == (await digests.find_latest(clock(), "op-2") or ("", clock(), ""))[2]
    assert "2 again" == (await digests.find_latest(clock(), "op-3") or ("", clock(), ""))[2]


async def test_old_ones_go_and_the_newest_stays_however_old(digests: DigestTable, clock: Clock) -> None:
    for number in range(3):
        await digests.store(f"op-{number}", clock(), str(number))
        clock.pass_by(days=1)
    clock.at += RETENTION

    await digests.prune(clock())

    assert "op-2" == (await digests.find_latest(clock(), "") or ("",))[0]
    assert None is await digests.find_latest(clock(), "op-2")
