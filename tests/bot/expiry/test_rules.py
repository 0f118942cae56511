"""When a certificate's end is said, and when that is settled."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from adapters.errors import Unreachable
from adapters.phrase import Phrase
from bot.expiry.rules import (
    CertificateSurvey,
    ObservedCertificate,
    find_due_threshold,
    find_settlement,
    is_premature,
    list_certificates,
    parse_threshold,
)
from bot.model.expiry_notice import Settlement, SettlementKind
from bot.store.notices import StoredNotice
from commands.certs.assessment import CA_EXPIRY_LIMITS, CA_WARNING_TIMES, HOST_EXPIRY_LIMITS, HOST_WARNING_TIMES
from commands.certs.operations import CertList
from commands.model.report import Mark
from tests.bot.expiring import NOW, Held, ca, host, report, unread
from tests.commands import canned, canned_certs
from tests.commands.canned_certs import view

TOKYO = NOW.astimezone(ZoneInfo("Asia/Tokyo"))
A, B, LIGHTHOUSE = (
    canned_certs.host("host-a", 1),
    canned_certs.host("host-b", 2),
    canned_certs.host("lh", 0, lighthouse=True),
)


def expiring(
    days: float, *, authority: bool = False, begins_at: datetime = NOW - timedelta(days=300)
) -> ObservedCertificate:
    return ObservedCertificate("x", "" if authority else "x", authority, "f" * 64, begins_at, NOW + timedelta(days=days))


def test_a_host_is_warned_of_at_the_limits_of_cert_and_a_ca_at_both() -> None:
    assert HOST_WARNING_TIMES == tuple(limit for limit, _ in HOST_EXPIRY_LIMITS)
    assert [1, 3, 7, 14, 30] == [limit.days for limit in HOST_WARNING_TIMES]
    assert [1, 3, 7, 14, 30, 60, 90, 180] == [limit.days for limit in CA_WARNING_TIMES]
    assert {limit for limit, _ in CA_EXPIRY_LIMITS} <= set(CA_WARNING_TIMES)


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (30.01, None),
        (30, "30d"),
        (20, "30d"),
        (14, "14d"),
        (5, "7d"),
        (0.5, "1d"),
        (0, "expired 2026-01-30"),
        (-400, "expired 2026-01-30"),
    ],
)
def test_of_the_thresholds_that_a_host_crossed_the_tightest_is_said(days: float, said: str | None) -> None:
    assert said == find_due_threshold(expiring(days), (), TOKYO)


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (181, None),
        (180, "180d"),
        (89, "90d"),
        (60, "60d"),
        (29, "30d"),
    ],
)
def test_a_ca_is_warned_of_earlier(days: float, said: str | None) -> None:
    assert said == find_due_threshold(expiring(days, authority=True), (), TOKYO)


@pytest.mark.parametrize(
    ("days", "known", "said"),
    [
        (5, {"7d"}, None),
        (5, {"7d", "14d", "30d"}, None),
        (5, {"14d", "30d"}, "7d"),
        (20, {"14d", "30d"}, None),
        (-1, {"1d", "expired 2026-01-30"}, None),
        (-1, {"1d", "3d", "7d", "14d", "30d", "expired 2026-01-29"}, "expired 2026-01-30"),
    ],
)
def test_what_was_said_is_not_said_again(days: float, known: set[str], said: str | None) -> None:
    assert said == find_due_threshold(expiring(days), known, TOKYO)


def test_an_expired_one_is_said_for_each_day_of_the_zone() -> None:
    """16:00 in London is the next day in Tokyo."""
    late = datetime(2026, 1, 30, 16, 0, tzinfo=UTC)
    days = {
        zone: find_due_threshold(expiring(-1), (), late.astimezone(ZoneInfo(zone)))
        for zone in ("Europe/London", "Asia/Tokyo")
    }
    assert {"Europe/London": "expired 2026-01-30", "Asia/Tokyo": "expired 2026-01-31"} == days


@pytest.mark.parametrize(
    ("days", "threshold", "early"),
    [
        (14, "14d", False),
        (14.01, "14d", True),
        (0, "expired 2026-01-30", False),
        (0.01, "expired 2026-01-30", True),
        (5, "expired 2027-03-06", True),
        (-1, "expired 2027-03-06", False),
        (-1, "1d", False),
    ],
)
def test_what_was_said_and_is_not_so_yet_was_premature(days: float, threshold: str, early: bool) -> None:
    assert early == is_premature(expiring(days), threshold, TOKYO)


def test_of_one_that_is_not_valid_yet_nothing_is_known_to_be_premature() -> None:
    """A clock that starts in 1970 takes back nothing."""
    assert not is_premature(expiring(20_000, begins_at=NOW + timedelta(days=10_000)), "14d", TOKYO)


def test_one_that_is_not_valid_yet_is_not_warned_of() -> None:
    assert None is find_due_threshold(expiring(5, begins_at=NOW + timedelta(hours=1)), (), TOKYO)


@pytest.mark.parametrize(("threshold", "span"), [("30d", timedelta(days=30)), ("expired 2026-01-30", timedelta(0))])
def test_a_threshold_stands_for_the_time_that_is_left(threshold: str, span: timedelta) -> None:
    assert span == parse_threshold(threshold)


async def test_certificates_are_read_from_what_cert_says_of_real_ones() -> None:
    """Whole fingerprints, exact ends, the CA once; nothing of a host that does not answer."""
    silent = Unreachable(Phrase("no answer; check that the host is up"))
    said = await CertList().read(view(A, B, LIGHTHOUSE, said={("host-b", "windows"): silent}))
    found = {each.name: each for each in list_certificates(said)}
    assert {"Flatnet CA", "host-a", "lh"} == set(found)
    assert (True, "") == (found["Flatnet CA"].authority, found["Flatnet CA"].host)
    assert (False, "host-a") == (found["host-a"].authority, found["host-a"].host)
    assert {64} == {len(each.fingerprint) for each in found.values()}
    held = canned.NOW + timedelta(days=200)
    assert abs(found["host-a"].ends_at - held) < timedelta(hours=1)
    assert [False, False] == [found[name].bound for name in ("host-a", "lh")]


async def test_all_hosts_of_a_real_fleet_said_whom_they_trust_unless_one_was_silent() -> None:
    silent = Unreachable(Phrase("no answer; check that the host is up"))
    names = ("host-a", "host-b", "lh")
    assert CertificateSurvey.from_report(await CertList().read(view(A, B, LIGHTHOUSE)), names).trust_known
    assert not CertificateSurvey.from_report(
        await CertList().read(view(A, B, LIGHTHOUSE, said={("host-b", "windows"): silent})), names
    ).trust_known


@pytest.mark.parametrize(
    ("held", "bound"),
    [
        ((ca(days=400), host(days=200)), False),
        ((ca(days=200), host(days=200 - 1 / 86_400)), True),
        ((ca(days=200), host(days=200 - 2 / 86_400)), False),
        ((ca(days=200), ca("New CA", days=900), host(days=200)), False),
        ((host(days=200),), False),
    ],
)
def test_a_certificate_that_ends_one_second_before_the_last_ca_is_bound_to_it(held: tuple[Held, ...], bound: bool) -> None:
    assert bound == list_certificates(report(*held))[-1].bound


def test_a_cas_certificate_in_the_place_of_a_hosts_is_none_of_that_host() -> None:
    wrong = report(
        ca(), host().row.model_copy(update={"cells": (*host().row.cells[:2], *ca().row.cells[2:6], host().row.cells[6])})
    )
    assert [("Flatnet CA", "")] == [(each.name, each.host) for each in list_certificates(wrong)]


def notice(of: Held) -> StoredNotice:
    return StoredNotice(of.fingerprint, "7d", of.name, of.host, not of.host, of.ends_at, "notice-1")


OLD, LATER = host(days=5), NOW + timedelta(days=365)
RENEWED = Settlement(how=SettlementKind.RENEWED, until=LATER)


@pytest.mark.parametrize(
    ("now_there", "hosts", "how"),
    [
        pytest.param(report(OLD), {"host-a"}, None, id="still there"),
        pytest.param(report(host(days=8)), {"host-a"}, Settlement(how=SettlementKind.PREMATURE), id="not so yet"),
        pytest.param(report(OLD.renewed(LATER)), {"host-a"}, RENEWED, id="renewed"),
        pytest.param(
            report(OLD.renewed(OLD.ends_at)),
            {"host-a"},
            Settlement(how=SettlementKind.REPLACED, until=OLD.ends_at),
            id="another one that ends no later",
        ),
        pytest.param(report(unread("host-a")), {"host-a"}, None, id="not read"),
        pytest.param(report(unread("host-a", Mark.ABSENT)), {"host-a"}, None, id="no certificate there any more"),
        pytest.param(report(host("host-b")), {"host-a", "host-b"}, None, id="not asked"),
        pytest.param(report(host("host-b")), {"host-b"}, Settlement(how=SettlementKind.GONE), id="gone"),
        pytest.param(report(unread("host-b")), {"host-b"}, Settlement(how=SettlementKind.GONE), id="gone, others silent"),
        pytest.param(report(OLD.renewed(LATER), unread("host-b")), {"host-a", "host-b"}, RENEWED, id="others silent"),
    ],
)
def test_a_notice_about_a_host_is_settled_only_by_what_is_known(
    now_there: object, hosts: set[str], how: Settlement | None
) -> None:
    assert how == find_settlement(notice(OLD), CertificateSurvey.from_report(now_there, hosts), NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now_there", "hosts", "how"),
    [
        pytest.param(report(ca(days=7), host()), {"host-a"}, None, id="still trusted"),
        pytest.param(report(ca(days=8), host()), {"host-a"}, Settlement(how=SettlementKind.PREMATURE), id="not so yet"),
        pytest.param(
            report(ca("New CA"), host()), {"host-a"}, Settlement(how=SettlementKind.UNTRUSTED), id="trusted by nobody"
        ),
        pytest.param(report(ca("New CA"), host(), unread("host-b")), {"host-a", "host-b"}, None, id="one host silent"),
        pytest.param(report(ca("New CA"), host()), {"host-a", "host-b"}, None, id="one host not asked"),
        pytest.param(report(ca("New CA"), host(trusted="")), {"host-a"}, None, id="a CA file not readable"),
        pytest.param(
            report(ca("New CA"), host(), unread("web", Mark.ABSENT)),
            {"host-a", "web"},
            Settlement(how=SettlementKind.UNTRUSTED),
            id="a host without certificates does not matter",
        ),
    ],
)
def test_a_notice_about_a_ca_is_settled_once_every_host_said_whom_it_trusts(
    now_there: object, hosts: set[str], how: Settlement | None
) -> None:
    assert how == find_settlement(notice(ca(days=7)), CertificateSurvey.from_report(now_there, hosts), NOW)  # type: ignore[arg-type]
