"""`backup` says which backups cannot be relied on, and which hosts lack a verified one, in every reader's language."""

from zoneinfo import ZoneInfo

from adapters.phrase import Phrase
from bot.locale.texts import get_texts
from commands.backups.listing import build_list
from commands.backups.verdict import Inspection, NoCopy, judge_backup
from commands.model.backup import KnownBackups, PlaceState
from tests.commands.backups.test_findings import FRESH, made
from tests.commands.canned import NOW


def test_a_stored_fault_is_shown_in_the_language_of_its_reader() -> None:
    gone = NoCopy(PlaceState.ABSENT, Phrase("{file} is missing", file="cni.tar"))
    judged = judge_backup(made("host-a", 1), Inspection(NoCopy(PlaceState.NONE), gone), NOW)
    (finding,) = build_list(KnownBackups((judged.backup, made("host-a", 2), *FRESH)), ("host-a",), NOW).findings
    assert str(finding.why).endswith("cannot be relied on: second place: cni.tar is missing")
    assert "第 2 の保管先: cni.tar がありません" in finding.why.render(get_texts("ja", ZoneInfo("UTC")))


def test_hosts_without_a_verified_backup_of_the_last_days_are_findings() -> None:
    known = KnownBackups((made("host-a", 9), made("host-c", 1, verified=False), *FRESH))
    report = build_list(known, ("host-a", "host-b", "host-c", "host-d"), NOW)
    assert ["host-a", "host-c", "host-d"] == [finding.host for finding in report.findings]
    assert ["host-a", "host-c"] == [row.host for row in report.rows][:2]


def test_a_fleet_without_backups_has_no_findings() -> None:
    assert () == build_list(KnownBackups(), ("host-a",), NOW).findings
