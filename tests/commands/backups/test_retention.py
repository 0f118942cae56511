"""Retention: which backups a prune removes, and which it never does."""

from datetime import UTC, datetime, timedelta

import pytest

from commands.backups.retention import choose_removed
from commands.model.backup import Backup
from tests.commands.backups.made import make_backup

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def aged(days: float, host: str = "host-a", *, verified: bool = False) -> Backup:
    at = NOW - timedelta(days=days)
    return make_backup(host, at, verified_at=at if verified else None)


def nightly(days: int, host: str = "host-a") -> list[Backup]:
    """One at 02:20 of each of the last days."""
    return [aged(number + 9.67 / 24, host) for number in range(days)]


def ages(backups: tuple[Backup, ...]) -> list[int]:
    return [(NOW - backup.at).days for backup in backups]


def test_of_nightly_backups_of_two_years_at_most_23_stay() -> None:
    made = nightly(730)
    removed = {backup.id for backup in choose_removed(made, NOW)}
    days = sorted((NOW - backup.at).days for backup in made if backup.id not in removed)
    assert list(range(7)) == days[:7]
    assert (True, True) == (7 + 4 + 12 - 3 <= len(days) <= 23, days[-1] < 366)


def test_the_newest_of_each_period_stays() -> None:
    made = [aged(0.1), aged(1.1), aged(1.2), aged(1.3)]
    assert [made[3], made[2]] == list(choose_removed(made, NOW))


def test_all_of_the_last_day_stay() -> None:
    assert () == choose_removed([aged(hours / 24) for hours in range(24)], NOW)


def test_backups_that_ended_long_ago_are_not_removed_for_their_age() -> None:
    assert () == choose_removed([aged(900), aged(901), aged(902)], NOW)


@pytest.mark.parametrize("verified", [40, 700])
def test_the_newest_verified_one_stays_whatever_its_age(verified: int) -> None:
    made = nightly(800)
    proven = made[verified].model_copy(update={"verified_at": NOW})
    older = made[verified + 1].model_copy(update={"verified_at": NOW})
    made[verified : verified + 2] = [proven, older]
    removed = choose_removed(made, NOW)
    assert proven not in removed


def test_hosts_do_not_count_for_one_another() -> None:
    first, second = nightly(7, "host-a"), nightly(7, "host-b")
    assert () == choose_removed([*first, *second], NOW)


def test_the_oldest_comes_first() -> None:
    removed = ages(choose_removed(nightly(100), NOW))
    assert sorted(removed, reverse=True) == removed
