"""The monthly report says which hosts can rely on their backups."""

from datetime import date
from zoneinfo import ZoneInfo

from bot.backups.reports import build_backup_section
from bot.model.month import Month
from commands.model.backup import NO_BACKUPS, KnownBackups, PlaceState
from tests.commands.backups.test_findings import FRESH, made
from tests.commands.canned import NOW

MONTH = Month(date(2026, 11, 1), ZoneInfo("Asia/Tokyo"), NOW)


def lines(known: KnownBackups | None, *hosts: str) -> list[str]:
    return [str(line) for line in build_backup_section(known, hosts or ("host-a", "host-b"), MONTH).lines]


def test_a_fleet_with_fresh_backups() -> None:
    known = KnownBackups((made("host-a", 2), *FRESH, made("host-a", 30)))
    assert [
        "3 backups made and kept, 3 bytes",
        "every host and the bot have a verified backup of the last 8 days",
    ] == lines(known)


def test_each_lack_has_its_line_with_the_hosts() -> None:
    lost = made("host-b", 1).model_copy(update={"second": PlaceState.UNREACHABLE})
    known = KnownBackups((made("host-a", 9), lost, made("host-c", 1, verified=False)))
    assert [
        "3 backups made and kept, 3 bytes",
        "newest verified backup older than 8 days: host-a",
        "never verified: host-c",
        "without a backup: host-d, the bot",
        "second place unreachable when last verified: host-b",
    ] == lines(known, "host-a", "host-b", "host-c", "host-d")


def test_without_backups_or_the_right_to_see_them_it_says_so() -> None:
    assert (["no backups yet"], ["unknown"]) == (lines(NO_BACKUPS), lines(KnownBackups(available=False)))
    assert ["not shown: the person requesting this report has no access"] == lines(None)
