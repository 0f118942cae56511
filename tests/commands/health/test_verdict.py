"""One verdict: what other checks found lately is part of it, with its age; what nobody checked is unknown, said once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from adapters.errors import Unreachable
from adapters.phrase import Phrase
from commands.certificates.operations import CertList
from commands.health.disk_operation import DiskUsage
from commands.health.operation import Health
from commands.health.verdict import STORED_AREAS, build_unchecked_section, collect_checks, fold_checks, suggest_checks
from commands.model.check import MAX_AGES, NO_CHECKS, Area, KnownChecks, StoredCheck
from commands.model.finding import Finding, Severity
from commands.model.report import Report
from commands.values.arguments import Target
from tests.commands import canned_certs
from tests.commands.canned import NOW, Said, host, log, view, windows
from tests.commands.health import test_disk_operation as disks
from tests.commands.health import test_update_operation as updates

A, B = host("host-a", 1), host("host-b", 2)
LOST = Unreachable(Phrase("no connection"))
FULL = Finding(
    severity=Severity.HIGH,
    host="host-b",
    subject="drive",
    why=Phrase("C: is 97% full"),
    short=Phrase("C: 97% full"),
    next="disk host-b --details",
)


def check(
    area: Area = Area.DISKS, *found: Finding, host: str = "host-b", complete: bool = True, **ago: float
) -> StoredCheck:
    return StoredCheck(host=host, area=area, at=NOW - timedelta(**ago), findings=found, complete=complete)


def known(*checks: StoredCheck, areas: Sequence[Area] = (Area.DISKS,)) -> KnownChecks:
    return KnownChecks({(each.host, each.area): each for each in checks}, tuple(areas))


def everything(*checks: StoredCheck) -> KnownChecks:
    """These checks, and well ones of every other area of both hosts."""
    well = (check(area, host=name) for area in STORED_AREAS for name in ("host-a", "host-b"))
    return known(*well, *checks, areas=STORED_AREAS)


async def healthy(checks: KnownChecks, said: Said | None = None) -> Report:
    return await Health().read(replace(view(A, B, said=said), checks=checks))


@pytest.mark.parametrize("area", Area)
@pytest.mark.parametrize(("late", "folded"), [(timedelta(0), 1), (timedelta(microseconds=1), 0)])
def test_a_check_counts_until_its_maximum_age(area: Area, late: timedelta, folded: int) -> None:
    old = StoredCheck(host="host-b", area=area, at=NOW - MAX_AGES[area] - late, findings=(FULL,))

    checks = known(old, areas=(area,))

    assert folded == len(fold_checks("host-b", checks, NOW))
    assert (not folded) == bool(checks.list_unknown(["host-b"], area, NOW))


def test_services_count_for_two_minutes_and_everything_else_for_twenty_six_hours() -> None:
    hours = timedelta(hours=26)
    assert {
        Area.SERVICES: timedelta(minutes=2),
        Area.DISKS: hours,
        Area.CERTIFICATES: hours,
        Area.UPDATES: hours,
    } == MAX_AGES


@pytest.mark.parametrize(
    ("ago", "short", "why"),
    [
        ({"seconds": 119}, "C: 97% full", "C: is 97% full"),
        ({"seconds": 120}, "C: 97% full (checked 120 s ago)", "checked 120 s ago: C: is 97% full"),
        ({"minutes": 3, "seconds": 59}, "C: 97% full (checked 180 s ago)", "checked 180 s ago: C: is 97% full"),
        ({"hours": 3, "minutes": 59}, "C: 97% full (checked 10800 s ago)", "checked 10800 s ago: C: is 97% full"),
        ({"seconds": -5}, "C: 97% full", "C: is 97% full"),
    ],
)
def test_what_was_not_read_now_has_its_age_in_whole_minutes(ago: dict[str, float], short: str, why: str) -> None:
    old = StoredCheck(host="host-b", area=Area.DISKS, at=NOW - timedelta(**ago), findings=(FULL,))
    (found,) = fold_checks("host-b", known(old), NOW)

    assert (short, why, "disk host-b --details") == (str(found.short), str(found.why), found.next)
    assert NOW - timedelta(**ago) == found.checked_at


async def test_a_host_with_a_full_disk_is_not_called_healthy() -> None:
    report = await healthy(everything(check(Area.DISKS, FULL, hours=3)))

    assert "1 of 2 hosts needs attention: host-b C: 97% full (checked 10800 s ago)" == str(report.summary)
    assert [("host-b", Severity.HIGH), ("host-a", None)] == [(row.host, row.severity) for row in report.rows]
    assert (("disk host-b --details",), ()) == (report.next, report.sections)
    assert not report.brief


async def test_log_rotation_is_part_of_the_verdict_because_it_is_read_anyway() -> None:
    said = {("host-a", "windows"): windows(logs=(log("nebula", size=200 * 2**20), log("access"), log("error")))}
    report = await healthy(everything(), said)

    assert "1 of 2 hosts needs attention: host-a nebula.log too large" == str(report.summary)
    assert [("logs", Severity.LOW, "health host-a --details")] == [(f.subject, f.severity, f.next) for f in report.findings]


async def test_an_old_finding_never_hides_that_a_host_is_dead_now() -> None:
    said = {("host-b", side): LOST for side in ("windows", "wsl", "gateway")}
    report = await healthy(everything(check(Area.DISKS, FULL, hours=3)), said)

    assert "1 of 2 hosts needs attention: host-b unreachable, C: 97% full (checked 10800 s ago)" == str(report.summary)
    assert [("drive", True), ("host", False)] == [(each.subject, each.reached) for each in report.findings]


async def test_a_fleet_that_was_never_checked_is_healthy_with_one_quiet_section() -> None:
    report = await healthy(known(areas=STORED_AREAS))

    assert ("all 2 hosts are healthy", (), True) == (str(report.summary), report.findings, report.brief)
    assert [("Unknown: no full check in the last 26 h, or since the last change", ["disks, certificates, updates"])] == [
        (str(part.heading), list(map(str, part.lines))) for part in report.sections
    ]
    assert ("disk", "cert", "update") == report.next


def test_hosts_that_lack_the_same_checks_share_a_line() -> None:
    hosts = ["host-a", "host-b"]
    checks = known(
        check(Area.DISKS, host="host-a"),
        check(Area.UPDATES, host="host-a"),
        check(Area.CERTIFICATES, days=2),
        areas=STORED_AREAS,
    )
    section = build_unchecked_section(hosts, checks, NOW)

    assert section is not None
    assert ["disks, updates: host-b", "certificates"] == list(map(str, section.lines))
    assert ("disk", "cert", "update") == suggest_checks(hosts, checks, NOW)


def test_what_was_read_in_part_is_unknown_beside_what_it_found() -> None:
    checks = known(check(Area.DISKS, FULL).model_copy(update={"complete": False}))

    assert ["C: 97% full"] == [str(each.short) for each in fold_checks("host-b", checks, NOW)]
    assert frozenset({"host-b"}) == checks.list_unknown(["host-b"], Area.DISKS, NOW)


def test_nothing_is_said_where_nothing_is_folded() -> None:
    assert build_unchecked_section(["host-a"], NO_CHECKS, NOW) is None
    assert () == suggest_checks(["host-a"], NO_CHECKS, NOW)


async def test_a_read_leaves_a_check_for_each_host_that_it_reached() -> None:
    said = {
        ("host-b", "windows"): disks.drives(C=97),
        ("host-c", "windows"): LOST,
        ("host-c", "wsl"): LOST,
        ("host-d", "wsl"): LOST,
    }
    report = await DiskUsage().read(disks.disks(A, B, host("host-c", 3), host("host-d", 4), said=said))

    left = {each.host: each for each in collect_checks(Area.DISKS, report, NOW)}
    assert {"host-a": True, "host-b": True, "host-d": False} == {name: each.complete for name, each in left.items()}
    assert [["drive"], [], []] == [[f.subject for f in left[name].findings] for name in ("host-b", "host-a", "host-d")]


async def test_a_check_of_certificates_keeps_when_they_expire() -> None:
    report = await CertList().read(canned_certs.view(canned_certs.host("host-a", 1)))
    expiry = report.cells_by_host["host-a"]["ends_at"].value
    checks = {area: collect_checks(area, report, NOW)[0].ends_at for area in (Area.CERTIFICATES, Area.DISKS)}
    assert {Area.CERTIFICATES: datetime.fromisoformat(str(expiry)), Area.DISKS: None} == checks


async def test_a_certificate_that_could_not_be_read_leaves_an_earlier_check_in_place() -> None:
    hosts = [canned_certs.host(name, number) for number, name in enumerate(("host-a", "host-b"), start=1)]
    report = await CertList().read(canned_certs.view(*hosts, said={("host-b", "windows"): LOST}))

    assert ["host-a"] == [each.host for each in collect_checks(Area.CERTIFICATES, report, NOW)]


async def test_of_a_silent_host_nobody_says_that_it_was_not_checked() -> None:
    """That nothing is known of it is its finding already."""
    said = {("host-b", side): LOST for side in ("windows", "wsl", "gateway")}
    report = await healthy(known(areas=STORED_AREAS), said)

    assert ["disks, certificates, updates"] == [str(line) for part in report.sections for line in part.lines]
    assert [("host", False)] == [(each.subject, each.reached) for each in report.findings]


async def test_pending_updates_have_other_subjects_than_a_side_that_does_not_respond() -> None:
    report = await updates.read(A, host_a_windows=updates.windows(updates.update("5030211")))

    assert [["update-windows"]] == [[f.subject for f in each.findings] for each in collect_checks(Area.UPDATES, report, NOW)]
    assert ["windows"] == [finding.subject for finding in report.findings]


async def test_what_was_folded_in_is_not_stored_again_as_if_it_were_new() -> None:
    report = await healthy(everything(check(Area.DISKS, FULL, hours=3)))

    assert [(), ()] == [each.findings for each in collect_checks(Area.SERVICES, report, NOW)]


async def test_a_removed_or_renamed_host_has_no_checks() -> None:
    renamed = host("host-x", 2)
    looked = replace(view(A, renamed), checks=everything(check(Area.DISKS, FULL, hours=3)))
    report = await Health().read(looked)

    assert ("all 2 hosts are healthy", ()) == (str(report.summary), report.findings)
    assert ["disks, certificates, updates: host-x"] == [str(line) for part in report.sections for line in part.lines]


async def test_only_the_hosts_meant_are_folded() -> None:
    looked = replace(view(A, B), checks=known(check(Area.DISKS, FULL)))
    report = await Health(target=Target(parts=("host-a",))).read(looked)
    assert ((), ["disks"]) == (report.findings, [str(line) for part in report.sections for line in part.lines])
