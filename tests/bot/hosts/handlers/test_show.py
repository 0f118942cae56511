"""`host` and `host show` at the desk: the configuration and the rehearsals, without asking any host."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.endpoint import make_endpoint
from adapters.inventory import RemovedHost, WindowsSide
from adapters.phrase import Phrase
from adapters.windows.rehearsal import identify_guard
from bot.hosts.reports.host import HostRights, KnownHosts, build_host_list, build_host_report, list_certificate_facts
from bot.hosts.reports.stages import build_removed_section, list_open_removals, list_removal_commands
from bot.model.lock import Lock
from bot.model.owed import OwedChange
from bot.model.rehearsal import Rehearsal
from commands.model.certificates import Identity, IdentityKind
from commands.model.operation import Risk
from commands.model.owed import Matter
from commands.model.report import Mark, Report
from commands.model.suspension import Suspension
from tests.bot.changes.handlers.test_owed import owed
from tests.commands.canned import NOW, host
from tests.commands.cells import cell, read_facts
from tests.commands.hosts.suspend.canned_hosts import SUSPENSION

PLAIN = WindowsSide(url="http://192.0.2.1:5985/wsman", user="flatnet", allow_http=True)
LIGHTHOUSE = host("lighthouse", 0)
A, B = host("host-a", 1, windows=PLAIN, labels=("tokyo", "rack-1")), host("host-b", 2, windows=None)


def rehearsal(**given: Any) -> Rehearsal:
    usual = {
        "host": "host-a",
        "operation": "op-0123456789ab",
        "at": NOW - timedelta(days=3),
        "successful": True,
        "version": identify_guard(),
        "endpoint": make_endpoint(A, "windows"),
        "build": "10.0.20348",
        "powershell": "5.1.20348.2227",
        "edition": "Desktop",
        "culture": "ja-JP",
        "ui_culture": "en-US",
        "account": "S-1-5-18",
        "arguments_length": 27191,
        "clock_offset": -2.5,
        "seconds": {"apply": 3.5, "revert": 24.0},
    }
    return Rehearsal.model_validate(usual | given)


def known(*rehearsals: Rehearsal, suspended: Suspension | None = None) -> KnownHosts:
    """What the bot knows: these rehearsals, and the host that is suspended."""
    suspensions = {} if suspended is None else {suspended.host: suspended}
    return KnownHosts({each.host: each for each in rehearsals}, (), suspensions)


def facts(report: Report) -> dict[str, str]:
    return read_facts(report)


def test_the_list_has_the_inventory_and_a_column_for_rehearsals() -> None:
    """A fresh one by its time, the others by what is to be done about them; a host without Windows has none."""
    report = build_host_list((LIGHTHOUSE, A, B), known(rehearsal()), NOW)
    assert "3 hosts configured" == str(report.summary)
    assert [
        ["lighthouse", "", "not rehearsed yet", 0, True, 0, "10.100.0.1/16", True, False, False],
        ["host-a", "tokyo rack-1", "2026-11-22T09:10:00+00:00", 0, False, 1, "10.100.1.1/16", True, True, True],
        ["host-b", "", "", 0, False, 2, "10.100.2.1/16", False, True, True],
    ] == [[cell.value for cell in row.cells] for row in report.rows]
    assert ["not rehearsed yet", "259200 s ago", "no"] == [str(cell(report, row, "rehearsal").text) for row in report.rows]


def test_the_list_calls_no_host_healthy_because_none_was_asked() -> None:
    report = build_host_list((LIGHTHOUSE, A, B), known(rehearsal()), NOW)
    assert {Mark.PLAIN, Mark.ABSENT} == {cell.mark for row in report.rows for cell in row.cells}


def test_one_host_is_shown_with_all_that_its_rehearsal_measured() -> None:
    report = build_host_report(A, known(rehearsal()), NOW)
    assert "host-a has a fresh rehearsal" == str(report.summary)
    assert ("health host-a",) == report.next
    shown = facts(report)
    assert "http://192.0.2.1:5985/wsman" == shown["Windows"]
    assert {
        "Operation": "op-0123456789ab",
        "Windows version": "10.0.20348",
        "PowerShell": "5.1.20348.2227 Desktop",
        "Language": "ja-JP / en-US",
        "Account of the task": "SYSTEM",
        "Length of the task's arguments": "27191",
        "Clock difference": "-2.5 s",
        "Time to apply a change": "3.5 s",
        "Time to revert an unconfirmed change": "24.0 s",
    }.items() <= shown.items()


def test_the_times_of_a_rehearsal_are_in_the_order_of_its_phases() -> None:
    """Whatever the order in which the database returns them."""
    shown = facts(
        build_host_report(A, known(rehearsal(seconds={"abort": 1.0, "apply": 3.5, "confirm": 2.0, "revert": 24.0})), NOW)
    )
    assert ["3.5 s", "2.0 s", "24.0 s", "1.0 s"] == list(shown.values())[-4:]


def test_a_host_whose_rehearsal_failed_says_why_and_offers_another() -> None:
    report = build_host_report(A, known(rehearsal(successful=False, why=Phrase("not SYSTEM"), account="")), NOW)
    assert "host-a: the last rehearsal failed (not SYSTEM)" == str(report.summary)
    assert ("health host-a", "host rehearse host-a") == report.next
    assert "Windows version" not in facts(report)


def test_a_host_without_windows_is_offered_no_rehearsal() -> None:
    assert ("health host-b",) == build_host_report(B, known(), NOW).next


def test_a_suspended_host_that_left_the_configuration_is_not_offered_for_a_resume() -> None:
    listed = build_host_list((LIGHTHOUSE, A), known(suspended=SUSPENSION), NOW)
    assert ((), ("health",)) == (listed.sections, listed.next)


def test_a_suspended_host_says_since_when_and_offers_its_resume() -> None:
    listed = build_host_list((LIGHTHOUSE, A, B), known(suspended=SUSPENSION), NOW)
    shown = build_host_report(B, known(suspended=SUSPENSION), NOW)
    says = "suspended since 2026-11-25 07:10:00 UTC by alice: RAM swap"

    assert [f"host-b: {says}"] == [str(line) for section in listed.sections for line in section.lines]
    assert ("host resume host-b", "health") == listed.next
    assert (says, "host resume host-b") == (facts(shown)["Suspension"], shown.next[-1])


PRINT = "ab" * 32
CERTIFICATE = Identity(
    fingerprint=PRINT,
    kind=IdentityKind.NEBULA,
    name="host-a",
    address="10.100.1.1",
    begins_at=NOW - timedelta(days=300),
    ends_at=NOW + timedelta(days=65),
)


def test_one_host_shows_its_certificates_its_locks_and_the_rights_of_the_reader() -> None:
    lock = Lock("op-l", "host-a", "disk swap", "dee", added_at=NOW, ends_at=NOW + timedelta(hours=2))
    rights = HostRights(("cert renew", "service start"), {Risk.CHANGE: 1, Risk.DISRUPT: 1, Risk.CRITICAL: 2})
    ended = CERTIFICATE.model_copy(update={"fingerprint": "cd" * 32, "ends_at": NOW})
    seen = replace(known(rehearsal()), locks=(lock,), identities=(CERTIFICATE, ended), rights=rights)
    report = build_host_report(A, seen, NOW)
    shown = facts(report)
    assert ("cert renew, service start", "change 1, disruption 1, critical 2") == (
        shown["You can request"],
        shown["Approvals"],
    )
    assert shown["Lock"].startswith("dee has locked host-a until")
    assert shown["Certificate"].startswith("abababababab, expires")
    assert ("health host-a", "cert show host-a") == report.next


IDENTITIES: Mapping[str, tuple[dict[str, Any], str]] = {
    "read": ({}, "abababababab, expires 2027-01-29 09:10:00 UTC (in 65 d)"),
    "abandoned": ({"abandoned": True}, "abababababab, signed but not in use, expires"),
    "claimed by a log": ({"begins_at": None, "ends_at": None}, "abababababab, named by logs alone"),
}


@pytest.mark.parametrize("story", IDENTITIES)
def test_a_certificate_is_described_by_what_is_known_of_it(story: str) -> None:
    given, says = IDENTITIES[story]
    ((_, text),) = list_certificate_facts((CERTIFICATE.model_copy(update=given),), NOW)
    assert str(text).startswith(says.partition(" 2027")[0])


def test_of_many_certificates_the_newest_are_named() -> None:
    found = [*list_certificate_facts((CERTIFICATE,) * 5, NOW)]
    assert (4, "… and 2 more") == (len(found), str(found[-1][1]))


GONE = RemovedHost(name="host-c", id=3, since=NOW - timedelta(days=1), by="ana", lost=True, password_due=True)


def owe(words: str, host: str = "host-b") -> OwedChange:
    return owed(name=host, words=words, matter=Matter.REVOCATION)


def test_a_removed_host_is_listed_with_what_is_still_to_be_done() -> None:
    open_changes = (owe("host remove host-c --on host-b"), owe("host remove host-d --on host-b"), owe("cert renew host-b"))
    section = build_removed_section((GONE,), open_changes, NOW)
    assert section is not None
    described, accepting, password = map(str, section.lines)
    assert "host-c (ID 3), lost, removed by ana" in described
    assert "host-b may still accept it, until host remove host-c --on host-b has run there" in accepting
    assert "knows the WinRM password. Change it, then run host remove host-c --password-changed" in password


def test_a_removed_host_with_nothing_left_to_do_is_in_the_list_alone() -> None:
    done = GONE.model_copy(update={"password_due": False, "lost": False})
    section = build_removed_section((done,), (), NOW)
    assert section is not None
    assert (1, [], ()) == (len(section.lines), [*list_open_removals((done,), ())], list_removal_commands((done,)))
    assert build_removed_section((), (), NOW) is None
