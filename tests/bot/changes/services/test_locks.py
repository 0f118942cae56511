"""Locks: what they forbid, to whom they say so, and that they never mean less than they say."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.policy import Permit, Refusal
from bot.audit_log.log import EventKind
from bot.changes.rules.approval import NotAllowed
from bot.changes.rules.locks import describe_lock, find_forbidding_lock, find_locked_hosts
from bot.changes.services.locks import NoSuchLock
from bot.model.lock import Lock
from commands.values.arguments import Target
from tests.bot.changes.workflow_team import BEGINNING, Bot
from tests.commands.canned import host


def allowed(lock: Lock) -> Permit:
    """Whoever it is may."""
    return Permit("a rule")


NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
INVENTORY = Inventory(
    hosts=(
        host("lighthouse", 0),
        host("host-a", 1, labels=("tokyo",)),
        host("host-b", 2, labels=("tokyo",)),
        host("host-c", 3),
    )
)


def lock(target: str, minutes: int = 60, number: int = 1) -> Lock:
    return Lock(f"op-{number}", target, "disk swap", "dee", NOW, NOW + timedelta(minutes=minutes), number=number)


@pytest.mark.parametrize(
    ("target", "hosts", "forbids"),
    [
        ("host-a", ("host-a",), True),
        ("host-a", ("host-b",), False),
        ("host-a", ("host-b", "host-a"), True),
        ("host-a,host-c", ("host-c",), True),
        ("tokyo", ("host-b",), True),
        ("tokyo", ("host-c",), False),
        ("host-*", ("host-c",), True),
        ("host-*", ("lighthouse",), False),
        ("all", ("lighthouse",), True),
        ("all", ("no-longer-there",), True),
        ("no-longer-there", ("no-longer-there",), True),
        ("no-longer-there", ("host-a",), False),
        ("no-longer-there,host-a", ("host-a",), True),
        ("kyoto-*", ("host-a",), False),
        ("host-a", (), False),
    ],
)
def test_a_lock_forbids_what_its_target_means_now_and_what_it_says(
    target: str, hosts: tuple[str, ...], forbids: bool
) -> None:
    assert forbids is (find_forbidding_lock((lock(target),), hosts, INVENTORY, NOW) is not None)


@pytest.mark.parametrize(("minutes", "forbids"), [(1, True), (0, False), (-1, False)])
def test_a_lock_that_has_ended_forbids_nothing(minutes: int, forbids: bool) -> None:
    assert forbids is (find_forbidding_lock((lock("all", minutes),), ("host-a",), INVENTORY, NOW) is not None)


def test_of_several_locks_the_one_that_lasts_longest_is_told() -> None:
    locks = (lock("host-a", 10, 1), lock("tokyo", 90, 2), lock("all", 30, 3))
    assert locks[1] == find_forbidding_lock(locks, ("host-a",), INVENTORY, NOW)
    assert "dee has locked tokyo until 2026-01-31 10:30:00 UTC: disk swap" == str(describe_lock(locks[1]))


async def test_a_lock_is_written_down_and_kept_once_for_one_request(bot: Bot) -> None:
    kept = [await bot.locks.add("op-l", Target(parts=("host-a",)), timedelta(hours=1), "swap", "dee") for _ in range(2)]
    assert kept[0] == kept[1]
    assert (1, "host-a", BEGINNING + timedelta(hours=1)) == (kept[0].number, kept[0].target, kept[0].ends_at)
    assert tuple(kept[:1]) == await bot.locks.list_locks()
    assert [("lock", "dee")] * 2 == bot.log.told("op-l")


async def test_a_lock_that_was_removed_says_by_whom_and_is_listed_for_a_day(bot: Bot) -> None:
    kept = await bot.locks.add("op-l", Target(parts=("host-a",)), timedelta(hours=1), "swap", "dee")
    bot.pass_by(minutes=5)
    removed = await bot.locks.remove("op-m", kept.number, "ben", allowed)
    assert ("ben", BEGINNING + timedelta(minutes=5)) == (removed.removed_by, removed.ends_at)
    assert await bot.locks.find_forbidding_lock(("host-a",), bot.planner.inventory) is None
    assert ("lock", "ben") == bot.log.told("op-m")[0]

    again = await bot.locks.remove("op-n", kept.number, "ana", allowed)
    assert removed == again
    bot.pass_by(hours=23)
    assert (removed,) == await bot.locks.list_locks()
    bot.pass_by(hours=1)
    assert () == await bot.locks.list_locks()


async def test_who_may_not_unlock_the_hosts_of_a_lock_removes_nothing_and_that_is_written_down(bot: Bot) -> None:
    kept = await bot.locks.add("op-l", Target(parts=("host-a",)), timedelta(hours=1), "swap", "dee")
    with pytest.raises(NotAllowed, match="not your host"):
        await bot.locks.remove("op-m", kept.number, "ben", lambda lock: Refusal("label", Phrase("not your host")))
    assert kept == await bot.locks.find_forbidding_lock(("host-a",), bot.planner.inventory)
    assert {"rule": "label", "outcome": "not your host"} == bot.log.last(EventKind.REFUSAL)


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("all", ("lighthouse", "host-a", "host-b", "host-c")),
        ("tokyo", ("host-a", "host-b")),
        ("host-c,no-longer-there", ("host-c",)),
        ("no-longer-there", ()),
    ],
)
def test_a_lock_is_judged_on_all_hosts_that_it_means_now(target: str, names: tuple[str, ...]) -> None:
    assert names == tuple(host.name for host in find_locked_hosts(lock(target), INVENTORY))


async def test_a_number_that_no_lock_has_is_told_so_and_numbers_are_never_used_again(bot: Bot) -> None:
    with pytest.raises(NoSuchLock, match="no lock 7"):
        await bot.locks.remove("op-m", 7, "ben", allowed)
    first = await bot.locks.add("op-1", Target(parts=("host-a",)), timedelta(minutes=1), "swap", "dee")
    bot.pass_by(days=30)
    second = await bot.locks.add("op-2", Target(parts=("host-a",)), timedelta(minutes=1), "swap", "dee")
    assert [1, 2] == [first.number, second.number]
    assert second == await bot.locks.find_forbidding_lock(("host-a",), bot.planner.inventory)
