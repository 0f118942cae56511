"""`cert --all` and the ledger's part of `cert show`: WinRM, the bot's own, strangers, and what renewals left behind."""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import Unreachable
from adapters.inventory import Host, WindowsSide
from adapters.nebula.certificates import parse_pem
from adapters.phrase import Phrase
from adapters.windows.nebula import LoggedHandshake
from adapters.windows.tls_certificate import ReadServerCertificate
from commands.certificates.operations import CertList, CertShow
from commands.health.verdict import collect_checks
from commands.model.certificates import (
    BOT_PLACE,
    NO_IDENTITIES,
    Identity,
    IdentityKind,
    KnownIdentities,
    Sighting,
    Way,
    make_identity,
)
from commands.model.check import Area
from commands.model.finding import Severity
from commands.model.operation import CertificateRules, FleetView
from commands.model.report import Report
from commands.values.arguments import Target
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA, OTHER_CA, files, host, server_certificate, view

TLS = WindowsSide(url="https://192.0.2.3:5986/wsman", user="flatnet", ca_file=Path("/ca.pem"))
LIGHTHOUSE, A = host("lighthouse", 0), host("host-a", 1)
B = host("host-b", 2).model_copy(update={"windows": TLS})
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
(AUTHORITY,) = parse_pem(CA.certificate)


def make(number: int, name: str = "laptop", address: str = "10.100.9.1", **fields: Any) -> Identity:
    usual = {
        "fingerprint": f"{number:012x}{0:052x}",
        "kind": IdentityKind.NEBULA,
        "name": name,
        "address": address,
        "issuer": AUTHORITY.fingerprint,
        "seen_at": NOW - HOUR,
    }
    return Identity.model_validate(usual | fields)


def know(*identities: Identity, **sightings: tuple[Sighting, ...]) -> KnownIdentities:
    seen = {each.fingerprint: (sighting("host-b"),) for each in identities if each.seen_at is not None}
    return KnownIdentities(identities, seen | sightings)


def sighting(place: str, way: Way = Way.HANDSHAKE, hours: float = 1) -> Sighting:
    return Sighting(place=place, way=way, at=NOW - hours * HOUR)


async def read(
    known: KnownIdentities = NO_IDENTITIES,
    said: Mapping[tuple[str, str], object] | None = None,
    hosts: tuple[Host, ...] = (LIGHTHOUSE, A, B),
    **rules: Any,
) -> Report:
    given: FleetView = replace(
        view(*hosts, said=said), identities=known, certificates=CertificateRules.model_validate(rules)
    )
    return await CertList(all=True).read(given)


def rows(report: Report, *kinds: str) -> list[dict[str, Any]]:
    """The rows of these kinds, by column."""
    keys = [column.key for column in report.columns]
    found = [dict(zip(keys, (cell.value for cell in row.cells), strict=True)) for row in report.rows]
    return [row for row in found if row["kind"] in kinds]


def told(report: Report) -> list[tuple[Severity, str, str, str]]:
    return [(each.severity, each.host, each.subject, str(each.short)) for each in report.findings]


async def test_without_all_nothing_more_is_read_or_shown() -> None:
    given = replace(
        view(LIGHTHOUSE, A, B), identities=know(make(1)), certificates=CertificateRules(bot_certificate=Path("/x"))
    )
    report = await CertList().read(given)
    assert [] == rows(report, "winrm", "bot", "stranger", "member", "abandoned")
    assert [] == told(report)
    assert next(column.detail for column in report.columns if column.key == "kind")


async def test_the_kind_of_each_certificate_is_a_column_of_its_own() -> None:
    report = await read(know(make(1)))
    assert "kind" == [column.key for column in report.columns if not column.detail][-1]
    assert 1 == len(rows(report, "ca"))
    assert 3 == len(rows(report, "host"))


async def test_winrm_certificates_have_their_ends_where_the_connection_uses_tls() -> None:
    report = await read()
    (only,) = rows(report, "winrm")
    assert ("host-b (WinRM)", 400, "host-a.example.com", "WinRM CA") == (
        only["host"],
        only["days"],
        only["name"],
        only["issuer"],
    )
    assert [] == told(report)


@pytest.mark.parametrize(
    ("days", "severity", "short"),
    [(29, Severity.LOW, "29 days left"), (6, Severity.HIGH, "6 days left"), (-2, Severity.CRITICAL, "expired")],
)
async def test_a_winrm_certificate_that_ends_is_a_finding_of_its_host(days: float, severity: Severity, short: str) -> None:
    def answer(action: object) -> object:
        return server_certificate(days) if isinstance(action, ReadServerCertificate) else files(B)

    report = await read(said={("host-b", "windows"): answer})
    assert [(severity, "host-b (WinRM)", "winrm-expiry", f"WinRM certificate: {short}")] == told(report)
    assert "winrm-certificate.sh" in str(report.findings[0].why)


async def test_a_host_that_does_not_answer_has_no_second_row_and_no_second_finding() -> None:
    report = await read(said={("host-b", "windows"): Unreachable(Phrase("connection refused"))})
    assert [("host-b", "windows")] == [(each.host, each.subject) for each in report.findings]
    assert [] == rows(report, "winrm")
    assert ("host-b",) == report.unreached_hosts


async def test_no_finding_of_another_certificate_counts_as_one_of_a_host() -> None:
    def answer(action: object) -> object:
        return server_certificate(6) if isinstance(action, ReadServerCertificate) else files(B)

    report = await read(know(make(1, "host-a", "10.100.77.1")), said={("host-b", "windows"): answer})
    severities = {row.host: row.severity for row in report.rows}
    assert (None, None) == (severities["host-a"], severities["host-b"])
    stored = [check for check in collect_checks(Area.CERTIFICATES, report, NOW) if check.host in ("host-a", "host-b")]
    assert [(), ()] == [check.findings for check in stored]


async def test_a_stranger_is_a_finding_of_low_severity_with_the_place_where_it_was_seen() -> None:
    report = await read(know(make(1)))
    (only,) = rows(report, "stranger")
    assert ("laptop (000000000001)", "10.100.9.1", AUTHORITY.fingerprint, f"{1:012x}{0:052x}") == (
        only["host"],
        only["address"],
        only["issuer"],
        only["whole_fingerprint"],
    )
    assert [(Severity.LOW, "laptop (000000000001)", "stranger", "unknown certificate laptop")] == told(report)
    assert "host-b accepted the certificate laptop (000000000001)" in str(report.findings[0].why)


async def test_a_member_that_the_configuration_names_is_no_finding() -> None:
    report = await read(know(make(1), make(2, name="printer")), members=("laptop",))
    assert [["laptop"], ["printer"]] == [[row["name"] for row in rows(report, kind)] for kind in ("member", "stranger")]
    assert 1 == len(report.findings)


OURS: dict[str, Identity] = {
    "an earlier certificate of a host": make(1, "host-a", "10.100.1.1", ends_at=NOW + DAY, begins_at=NOW - DAY),
    "a host of which a log has no address": make(1, "host-a", ""),
    "ended": make(1, ends_at=NOW, begins_at=NOW - DAY),
    "signed, never seen": make(1, seen_at=None, operation="op-1", signed_at=NOW),
    "a CA": make(1, kind=IdentityKind.AUTHORITY, ends_at=NOW + DAY),
    "a certificate of WinRM": make(1, kind=IdentityKind.WINRM, ends_at=NOW + DAY),
}


@pytest.mark.parametrize("story", OURS)
async def test_these_are_no_strangers(story: str) -> None:
    assert [] == rows(await read(know(OURS[story])), "stranger")


STRANGERS: dict[str, Identity] = {
    "the name of a host with another address": make(1, "host-a", "10.100.77.1"),
    "the address of a host with another name": make(1, "laptop", "10.100.1.1"),
    "a host that was removed": make(1, "host-old", operation="op-1", ends_at=NOW + DAY, begins_at=NOW - DAY),
}


@pytest.mark.parametrize("story", STRANGERS)
async def test_these_are_strangers(story: str) -> None:
    assert 1 == len(rows(await read(know(STRANGERS[story])), "stranger"))


@pytest.mark.parametrize("place", ["host-a", BOT_PLACE])
async def test_a_certificate_in_a_file_of_ours_is_no_stranger_whatever_its_name(place: str) -> None:
    known = know(make(1), **{f"{1:012x}{0:052x}": (sighting(place, Way.FILE), sighting("host-b"))})
    assert [] == rows(await read(known), "stranger")


async def test_a_stranger_that_was_not_seen_for_long_is_shown_and_is_no_finding() -> None:
    report = await read(know(make(1, seen_at=NOW - 31 * DAY)))
    assert (1, []) == (len(rows(report, "stranger")), told(report))


async def test_a_stranger_is_known_from_this_very_read_before_the_ledger_has_it() -> None:
    logged = LoggedHandshake(name="laptop", fingerprint="f" * 64, at=NOW - HOUR, issuer="", address="10.100.9.1")
    forged = LoggedHandshake(name="x", fingerprint="not hex", at=NOW)
    said = {("lighthouse", "windows"): files(LIGHTHOUSE, sightings=(logged, forged))}
    (only,) = rows(await read(said=said), "stranger")
    assert ("laptop", "f" * 64) == (only["name"], only["whole_fingerprint"])
    assert "lighthouse 2026-11-25T08:10:00+00:00" == only["seen"]


async def test_a_certificate_that_a_failed_renewal_left_behind_is_named_and_is_no_finding() -> None:
    left = make(1, "host-a", "10.100.1.1", seen_at=None, operation="op-7", signed_at=NOW - DAY, abandoned=True)
    report = await read(know(left.model_copy(update={"begins_at": NOW - DAY, "ends_at": NOW + DAY})))
    (only,) = rows(report, "abandoned")
    assert "op-7" == only["running"]
    assert [] == told(report)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "host.crt"


async def test_the_bots_own_certificate_is_shown_with_its_end(own: Path) -> None:
    own.write_text(CA.sign("flatnet-bot", "10.100.200.1/16")[0])
    report = await read(bot_certificate=own)
    (only,) = rows(report, "bot")
    assert ("flatnet-bot (bot)", 200, str(own), "10.100.200.1/16") == (
        only["host"],
        only["days"],
        only["file"],
        only["address"],
    )
    assert [] == told(report)


async def test_it_is_no_stranger_where_hosts_see_it(own: Path) -> None:
    pem, _ = CA.sign("flatnet-bot", "10.100.200.1/16")
    own.write_text(pem)
    identity = make_identity(parse_pem(pem)[0]).model_copy(update={"seen_at": NOW})
    assert [] == rows(await read(know(identity), bot_certificate=own), "stranger")


async def test_it_is_a_finding_before_it_ends(own: Path) -> None:
    own.write_text(CA.sign("flatnet-bot", "10.100.200.1/16", days=6)[0])
    report = await read(bot_certificate=own)
    assert [(Severity.HIGH, "flatnet-bot (bot)", "bot-expiry", "the bot's certificate: 6 days left")] == told(report)
    assert str(own) in str(report.findings[0].why)


async def test_it_is_a_finding_where_no_host_trusts_its_ca(own: Path) -> None:
    own.write_text(OTHER_CA.sign("flatnet-bot", "10.100.200.1/16")[0])
    report = await read(bot_certificate=own)
    assert [(Severity.HIGH, "flatnet-bot (bot)", "bot-certificate", "the bot's certificate: wrong CA")] == told(report)


KEY = "-----BEGIN NEBULA X25519 PRIVATE KEY-----\nAAAA\n-----END NEBULA X25519 PRIVATE KEY-----"
BROKEN: dict[str, tuple[Any, str]] = {
    "missing": (lambda path: None, "the file does not exist"),
    "a folder": (lambda path: path.mkdir(), "it is not a file"),
    "a pipe": (os.mkfifo, "it is not a file"),
    "too large": (lambda path: path.write_text("x" * 70_000), "it is larger than 64000 bytes"),
    "no certificate": (lambda path: path.write_text("x"), "it is not a certificate"),
    "a private key": (
        lambda path: path.write_text(
            "-----BEGIN NEBULA X25519 PRIVATE KEY-----\nAAAA\n-----END NEBULA X25519 PRIVATE KEY-----"
        ),
        "the file holds a NEBULA X25519 PRIVATE KEY",
    ),
    "bytes": (lambda path: path.write_bytes(b"\xff\xfe"), "it is not a certificate"),
    "a CA": (lambda path: path.write_text(CA.certificate), "is a CA certificate"),
}


@pytest.mark.parametrize("story", BROKEN)
async def test_a_wrong_file_is_a_finding_that_names_it(own: Path, story: str) -> None:
    lay, why = BROKEN[story]
    lay(own)
    (only,) = (await read(bot_certificate=own)).findings
    assert Severity.MEDIUM is only.severity
    assert str(own) in str(only.why)
    assert why in str(only.why)


@pytest.mark.parametrize(
    ("known", "line"),
    [
        (KnownIdentities(available=False), "the ledger of certificates could not be read"),
        (KnownIdentities(damaged=1), "1 entry of the ledger is damaged"),
        (KnownIdentities(damaged=3), "3 entries of the ledger are damaged"),
    ],
)
async def test_a_ledger_that_is_not_whole_is_said_and_stops_nothing(known: KnownIdentities, line: str) -> None:
    report = await read(known)
    assert str(report.sections[0].lines[0]).startswith(line)
    assert 3 == len(rows(report, "host"))


async def show(known: KnownIdentities) -> list[str]:
    given = replace(view(LIGHTHOUSE, A), identities=known)
    report = await CertShow(target=Target(parts=("host-a",))).read(given)
    return [str(line) for section in report.sections for line in section.lines]


async def test_the_ledgers_certificates_of_a_host_say_when_they_were_signed_and_seen() -> None:
    dates = {"begins_at": NOW - DAY, "ends_at": NOW + 10 * DAY}
    known = know(
        make(1, "host-a", "10.100.1.1", operation="op-1", signed_at=NOW - DAY, **dates),
        make(2, "host-a", "10.100.1.1", operation="op-2", signed_at=NOW - 2 * DAY, seen_at=None, abandoned=True, **dates),
        make(3, "other", "10.100.1.1", seen_at=NOW - 3 * DAY),
        make(4, "host-b", "10.100.2.1"),
    )
    assert [
        "000000000001: valid until 2026-12-05 09:10:00 UTC, signed by op-1 2026-11-24 09:10:00 UTC (86400 s ago), "
        "last seen by host-b 2026-11-25 08:10:00 UTC (3600 s ago)",
        "000000000002: valid until 2026-12-05 09:10:00 UTC, signed by op-2 2026-11-23 09:10:00 UTC (172800 s ago), "
        "rolled back, so it is not in use, never seen",
        "000000000003: expiry unknown, not signed by this bot, its name is other, "
        "last seen by host-b 2026-11-25 08:10:00 UTC (3600 s ago)",
    ] == await show(known)


async def test_many_certificates_of_a_host_are_counted() -> None:
    known = know(*(make(number, "host-a", "10.100.1.1") for number in range(15)))
    lines = await show(known)
    assert (11, "and 5 older") == (len(lines), lines[-1])


async def test_a_host_of_which_the_ledger_knows_nothing_has_no_section() -> None:
    assert [] == await show(KnownIdentities())
