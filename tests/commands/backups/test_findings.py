"""Which hosts cannot rely on their backups."""

from datetime import datetime, timedelta

import pytest

from commands.backups.findings import BackupProblem, Lack, find_problems, find_unread_second
from commands.model.backup import Backup, KnownBackups, PlaceState
from commands.model.finding import Severity
from tests.commands.backups.examples import backup_of
from tests.commands.canned import NOW

HOSTS = ("host-a", "host-b")
BOT = "flatnet-bot"


def made(host: str, days: float, *, verified: bool = True) -> Backup:
    at = NOW - timedelta(days=days)
    backup, _ = backup_of(host, {"cni": b"c"}, at=at, operation=f"op-{int(days * 100):012d}")
    return backup.model_copy(update={"verified_at": NOW if verified else None})


FRESH = (made("host-b", 1), made(BOT, 1))

CASES: dict[str, tuple[tuple[Backup, ...], list[tuple[str, Lack, float | None]]]] = {
    "all verified this week": ((made("host-a", 7.9), *FRESH), []),
    "eight days to the second": ((made("host-a", 8), *FRESH), []),
    "older than eight days": ((made("host-a", 8.1), *FRESH), [("host-a", Lack.OLD, 8.1)]),
    "a newer one that was not verified": (
        (made("host-a", 1, verified=False), made("host-a", 9), *FRESH),
        [("host-a", Lack.OLD, 9)],
    ),
    "an older one that is verified is enough": ((made("host-a", 1, verified=False), made("host-a", 6), *FRESH), []),
    "never verified": (
        (made("host-a", 1, verified=False), made("host-a", 3, verified=False), *FRESH),
        [("host-a", Lack.NEVER, 3)],
    ),
    "a host without any": (FRESH, [("host-a", Lack.NONE, None)]),
    "the bot without any": ((made("host-a", 1), made("host-b", 1)), [(BOT, Lack.NONE, None)]),
    "a host that is not configured any more": ((made("host-a", 1), made("host-z", 99), *FRESH), []),
    "no backups at all": ((), []),
}


@pytest.mark.parametrize("story", CASES)
def test_a_host_has_a_problem_if_its_newest_verified_backup_is_too_old_or_none_is(story: str) -> None:
    backups, expected = CASES[story]

    def ago(since: datetime | None) -> float | None:
        return None if since is None else (NOW - since) / timedelta(days=1)

    found = find_problems(backups, HOSTS, NOW)
    assert expected == [(each.host, each.lack, ago(each.since)) for each in found]


def test_each_problem_names_the_command_that_helps() -> None:
    old, never = BackupProblem("host-a", Lack.OLD, NOW), BackupProblem("host-a", Lack.NEVER, NOW, "host-a-0123456789ab")
    own = BackupProblem(BOT, Lack.NONE)
    assert ["backup create host-a", "backup verify host-a-0123456789ab", "backup create --bot"] == [
        each.next for each in (old, never, own)
    ]
    assert [Severity.MEDIUM, Severity.LOW, Severity.LOW] == [each.to_finding().severity for each in (old, never, own)]
    assert "no backup yet" == str(own.to_finding().why)


def test_a_second_place_that_could_not_be_read_counts_for_the_newest_backup_alone() -> None:
    lost = {"second": PlaceState.UNREACHABLE}
    backups = (made("host-a", 1), made("host-a", 2).model_copy(update=lost), made("host-b", 1).model_copy(update=lost))
    assert ("host-b",) == find_unread_second(KnownBackups(backups))
