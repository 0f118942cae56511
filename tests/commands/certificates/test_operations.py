"""`cert`, `cert show`, `ca show`, `cert export`: what is said of certificates, and what to type next."""

from datetime import timedelta
from typing import Any

import pytest

from adapters.errors import Unreachable
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.nebula import LoggedHandshake
from commands.certificates.operations import CaShow, CertExport, CertList, CertShow
from commands.model.finding import Finding, Severity
from commands.model.report import Cell, Report, TextFile
from commands.values.arguments import BadArgument, Target
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA, OTHER_CA, authority, files, host, view
from tests.commands.cells import cell

A, B, LIGHTHOUSE = host("host-a", 1), host("host-b", 2), host("lighthouse", 0)
LOST = Unreachable(Phrase("connection refused; look at its cable"))
NO_WINDOWS = host("host-z", 9).model_copy(update={"windows": None})


async def found(host: Host, **given: Any) -> list[Finding]:
    """The findings of a fleet in which one host says this of itself."""
    report = await CertList().read(view(LIGHTHOUSE, A, B, said={(host.name, "windows"): files(host, **given)}))
    return list(report.findings)


def short(findings: list[Finding]) -> list[tuple[str, Severity]]:
    return [(finding.subject, finding.severity) for finding in findings]


def cells(report: Report, row: int = 0) -> dict[str, Cell]:
    return {column.key: cell for column, cell in zip(report.columns, report.rows[row].cells, strict=True)}


async def test_a_fleet_whose_certificates_are_well_says_which_is_the_first_to_end() -> None:
    report = await CertList().read(view(LIGHTHOUSE, A, B, said={("host-b", "windows"): files(B, days=150)}))

    assert "all 4 certificates are valid. host-b expires first: 150 days left" == str(report.summary)
    assert ((), ()) == (report.findings, report.next)
    assert NOW == report.taken_at


async def test_rows_come_worst_first_then_by_the_days_left() -> None:
    said = {("host-b", "windows"): files(B, days=20), ("host-c", "windows"): LOST}
    report = await CertList().read(view(LIGHTHOUSE, A, B, host("host-c", 3), NO_WINDOWS, said=said))

    assert [
        ("host-c", "unreachable"),
        ("host-b", "20 days left"),
        ("lighthouse", "200 days left"),
        ("host-a", "200 days left"),
        ("Flatnet CA", "265 days left"),
        ("host-z", "N/A"),
    ] == [(cell(report, row, "host").value, str(cell(report, row, "days").text)) for row in report.rows]
    assert ("host-c",) == report.unreached_hosts
    assert "2 of 5 certificates need attention: host-c Windows unreachable, host-b 20 days left" == str(report.summary)


async def test_one_line_has_all_that_the_round_asks_for() -> None:
    line = cells(await CertList(target=Target(parts=("host-a",))).read(view(LIGHTHOUSE, A)))

    assert {
        "host": "host-a",
        "kind": "host",
        "days": 200,
        "running": "same",
        "name": "host-a",
        "address": "10.100.1.1/16",
        "groups": "flatnet gateway",
        "ends_at": "2027-06-13T09:10:00+00:00",
        "key": "matches",
        "key_readers": "",
    }.items() <= {key: cell.value for key, cell in line.items()}.items()
    assert "Flatnet CA" == line["issuer"].text
    assert str(line["whole_fingerprint"].value).startswith(str(line["fingerprint"].value))


@pytest.mark.parametrize(
    ("days", "severity"),
    [
        (31, None),
        (30, Severity.LOW),
        (14, Severity.MEDIUM),
        (7, Severity.HIGH),
        (3, Severity.HIGH),
        (1, Severity.CRITICAL),
        (0.5, Severity.CRITICAL),
        (-1, Severity.CRITICAL),
    ],
)
async def test_a_certificate_that_ends_is_graver_the_nearer_its_end_is(days: float, severity: Severity | None) -> None:
    findings = await found(A, days=days)

    assert ([] if severity is None else [("expiry", severity)]) == short(findings)
    assert all(finding.next == "cert renew host-a" for finding in findings)


@pytest.mark.parametrize(
    ("days", "severity"),
    [
        (181, None),
        (180, Severity.LOW),
        (90, Severity.MEDIUM),
        (60, Severity.HIGH),
        (14, Severity.CRITICAL),
        (-1, Severity.CRITICAL),
    ],
)
async def test_a_ca_warns_half_a_year_before_its_end_once_for_all_hosts(days: float, severity: Severity | None) -> None:
    ca = authority(days=days)
    lives = min(days, 31) - 0.001
    said = {(each.name, "windows"): files(each, ca, lives) for each in (LIGHTHOUSE, A)}
    report = await CertList().read(view(LIGHTHOUSE, A, said=said))
    findings = [finding for finding in report.findings if finding.next == "ca show"]

    assert ([] if severity is None else [("ca-expiry", severity)]) == short(findings)
    assert all(finding.host == "lighthouse" for finding in findings)


async def test_few_words_say_whose_certificate_it_is() -> None:
    """They stand beside findings of other kinds in a digest, and a CA is not the host that it is read on."""
    ca = authority(days=10)
    said = {("lighthouse", "windows"): files(LIGHTHOUSE, ca, 9), ("host-a", "windows"): LOST}
    report = await CertList().read(view(LIGHTHOUSE, A, said=said))

    assert [
        ("host-a", "windows", "Windows unreachable"),
        ("lighthouse", "ca-expiry", "CA Flatnet CA: 10 days left"),
        ("lighthouse", "expiry", "certificate: 9 days left"),
    ] == sorted((finding.host, finding.subject, str(finding.short)) for finding in report.findings)


WRONG: list[tuple[dict[str, Any], str, Severity, str]] = [
    ({"name": "host-q"}, "name", Severity.MEDIUM, "the certificate is for host-q, but the host is host-a"),
    (
        {"address": "10.100.7.1/16"},
        "address",
        Severity.HIGH,
        "the certificate has the address 10.100.7.1/16, but the configuration has 10.100.1.1/16",
    ),
    (
        {"groups": "flatnet"},
        "groups",
        Severity.MEDIUM,
        "the certificate is missing the groups gateway, which firewall rules require",
    ),
    (
        {"signed": OTHER_CA},
        "ca",
        Severity.HIGH,
        (
            r"none of the CAs in F:\flatnet\config\nebula\ca.crt signed this host's certificate. The certificate and the "
            r"CA do not match"
        ),
    ),
    ({"trusted": OTHER_CA}, "ca", Severity.HIGH, "this certificate is not signed by any CA that lighthouse trusts"),
    (
        {"ca": CA.certificate + OTHER_CA.certificate, "ca_printed": CA.printed + OTHER_CA.printed},
        "ca",
        Severity.MEDIUM,
        "this host and lighthouse trust different CAs",
    ),
    (
        {"key_matches": False, "test_says": "not a pair"},
        "key",
        Severity.HIGH,
        "Nebula rejects this certificate and key pair: not a pair",
    ),
    (
        {"key_present": False},
        "key",
        Severity.HIGH,
        r"no private key at F:\flatnet\config\nebula\host.key. Nebula will not start next time",
    ),
    (
        {"readers": ("BUILTIN\\Users",)},
        "readers",
        Severity.HIGH,
        (
            "BUILTIN\\Users can read the private key. Run on the host: icacls F:\\flatnet\\config\\nebula\\host.key "
            '/remove "BUILTIN\\Users"'
        ),
    ),
    (
        {"printed": ""},
        "parsers",
        Severity.MEDIUM,
        "nebula-cert on the host and the bot read the certificate differently. Check the version of nebula-cert",
    ),
    (
        {"ca_printed": OTHER_CA.printed},
        "parsers",
        Severity.MEDIUM,
        "nebula-cert on the host and the bot read the CA certificate differently. Check the version of nebula-cert",
    ),
    (
        {"configured_certificate": r"F:\flatnet\config\nebula\host-a.crt"},
        "config",
        Severity.MEDIUM,
        (
            r"config.yaml has F:\flatnet\config\nebula\host-a.crt, but the configuration has "
            r"F:\flatnet\config\nebula\host.crt. Fix one of them"
        ),
    ),
    (
        {"configured_ca": "inline"},
        "config",
        Severity.MEDIUM,
        r"config.yaml contains the certificates inline. Move them to F:\flatnet\config\nebula\ca.crt",
    ),
    (
        {"configured_key": ""},
        "config",
        Severity.MEDIUM,
        r"config.yaml does not set the path of F:\flatnet\config\nebula\host.key. Add it under pki",
    ),
    (
        {"clock": NOW + timedelta(seconds=61)},
        "clock",
        Severity.MEDIUM,
        "the Windows clock is 61 s ahead. Run on the host: w32tm /resync",
    ),
    (
        {"ca_key": True},
        "ca-key",
        Severity.HIGH,
        r"the CA's private key is on this host. Move F:\flatnet\config\nebula\ca.key to the lighthouse or to a safe place",
    ),
    (
        {"written_at": NOW - timedelta(days=1)},
        "running",
        Severity.MEDIUM,
        "the certificate file is newer than the running Nebula. Restart Nebula to use it",
    ),
    (
        {"certificate": ""},
        "certificate",
        Severity.HIGH,
        (
            r"no certificate at F:\flatnet\config\nebula\host.crt. Fix the path in the configuration, or put the "
            r"certificate there"
        ),
    ),
    (
        {"certificate": "junk"},
        "certificate",
        Severity.HIGH,
        r"F:\flatnet\config\nebula\host.crt is not a readable certificate: the file holds no PEM block",
    ),
    (
        {"certificate": CA.certificate, "printed": CA.printed},
        "certificate",
        Severity.HIGH,
        r"F:\flatnet\config\nebula\host.crt is a CA certificate, not a host certificate",
    ),
    (
        {"ca": ""},
        "ca",
        Severity.HIGH,
        (
            r"no CA certificate at F:\flatnet\config\nebula\ca.crt. Fix the path in the configuration, or put the "
            r"certificate there"
        ),
    ),
]


@pytest.mark.parametrize(("given", "subject", "severity", "why"), WRONG)
async def test_what_is_wrong_with_a_host_is_said_with_its_reason(
    given: dict[str, Any], subject: str, severity: Severity, why: str
) -> None:
    told = [(finding.subject, finding.severity, str(finding.why)) for finding in await found(A, **given)]

    assert (subject, severity, why) in told


@pytest.mark.parametrize(
    ("given", "subject"),
    [({"ca_key": False}, "ca-key"), ({"ca_key_encrypted": True}, "ca-key"), ({"days": 20}, "expiry")],
)
async def test_the_lighthouse_is_judged_too(given: dict[str, Any], subject: str) -> None:
    assert [(subject, "lighthouse")] == [(finding.subject, finding.host) for finding in await found(LIGHTHOUSE, **given)]


@pytest.mark.parametrize(("seconds", "subjects"), [(60, []), (-60, []), (61, ["clock"]), (-61, ["clock"])])
async def test_a_clock_may_be_off_by_a_minute(seconds: int, subjects: list[str]) -> None:
    assert subjects == [finding.subject for finding in await found(A, clock=NOW + timedelta(seconds=seconds))]


def logged(fingerprint: str, hours: float | None) -> LoggedHandshake:
    at = None if hours is None else NOW - timedelta(hours=hours)
    return LoggedHandshake(name="host-a", fingerprint=fingerprint, at=at)


@pytest.mark.parametrize(
    ("sightings", "running"),
    [
        ((), "older"),
        ((("own", 1),), "same"),
        ((("own", 3), ("other", 1)), "another"),
        ((("other", 3), ("own", 1)), "same"),
        ((("other", 30),), "older"),
        ((("own", None),), "same"),
        ((("other", None),), "older"),
        ((("own", 1), ("other", None)), "same"),
        ((("other", 1), ("own", None)), "another"),
    ],
)
async def test_what_others_saw_last_tells_which_certificate_runs(
    sightings: tuple[tuple[str, float | None], ...], running: str
) -> None:
    """The file was written a day ago and Nebula started before: only a handshake since then tells better."""
    said = files(A, written_at=NOW - timedelta(days=1))
    own = (await CertList().read(view(A, said={("host-a", "windows"): said}))).rows[0].cells
    whole = str(own[1 + 9].value)
    seen = tuple(logged(whole if which == "own" else "ab" * 32, hours) for which, hours in sightings)
    told = {("host-a", "windows"): said}
    for each, sighting in zip((LIGHTHOUSE, B), seen, strict=False):
        told[each.name, "windows"] = files(each, sightings=(sighting,))
    report = await CertList().read(view(A, LIGHTHOUSE, B, said=told))
    line = next(row for row in report.rows if row.host == "host-a")

    assert running == line.cells[2].value
    assert ("service restart nebula host-a",) * (running != "same") == report.next


async def test_a_handshake_of_unknown_time_is_shown_as_such() -> None:
    told = {("host-b", "windows"): files(B, sightings=(logged("ab" * 32, None),))}
    report = await CertList(details=True).read(view(A, LIGHTHOUSE, B, said=told))
    cells = dict(zip([column.key for column in report.columns], report.rows[0].cells, strict=True))
    assert ("host-b, time unknown: abababababab", f"host-b - {'ab' * 32}") == (str(cells["seen"].text), cells["seen"].value)


async def test_an_expired_certificate_is_not_said_to_have_a_wrong_key() -> None:
    """`nebula -test` refuses it for its date."""
    assert [("expiry", Severity.CRITICAL)] == short(await found(A, days=-1, key_matches=False))


async def test_words_to_type_next_come_worst_first_and_each_once() -> None:
    said = {("host-a", "windows"): files(A, days=3), ("host-b", "windows"): files(B, days=-1, groups="flatnet")}
    report = await CertList().read(view(LIGHTHOUSE, A, B, said=said))

    assert ("cert renew host-b", "cert renew host-a", "cert show host-b") == report.next


async def test_everything_about_one_host_stands_from_top_to_bottom() -> None:
    report = await CertShow(target=Target(parts=("host-a",))).read(
        view(LIGHTHOUSE, A, said={("host-a", "windows"): files(A, days=10, readers=("Users",))})
    )
    facts = {cell(report, row, "fact").value: cell(report, row, "value") for row in report.rows}

    assert "Certificate of host-a" == str(report.title)
    assert {"host", "days", "running", "issuer", "whole_fingerprint", "trusted", "key_readers", "clock"} <= facts.keys()
    assert "Users" == facts["key_readers"].value
    assert ["readers", "expiry"] == [finding.subject for finding in report.findings]
    assert ("cert renew host-a",) == report.next


async def test_show_takes_one_host_only() -> None:
    with pytest.raises(BadArgument, match=r"all matches 2 hosts\. Specify one host"):
        await CertShow(target=Target(parts=("all",))).read(view(LIGHTHOUSE, A))


async def test_showing_an_unreachable_host_says_why_nothing_is_known() -> None:
    report = await CertShow(target=Target(parts=("host-a",))).read(view(LIGHTHOUSE, A, said={("host-a", "windows"): LOST}))

    assert ["Windows: connection refused; look at its cable"] == [str(finding.why) for finding in report.findings]
    assert () == report.rows


async def test_the_ca_is_shown_with_the_hosts_that_trust_it() -> None:
    report = await CaShow().read(view(LIGHTHOUSE, A, B))
    facts = {cell(report, row, "fact").value: cell(report, row, "value").value for row in report.rows}

    assert "the certificate of Flatnet CA is valid: 265 days left" == str(report.summary)
    assert "lighthouse host-a host-b" == facts["trusted"]


async def test_the_export_is_a_file_with_what_nebula_cert_prints_and_says_what_is_missing() -> None:
    report = await CertExport().read(view(LIGHTHOUSE, A, B, said={("host-b", "windows"): LOST}))
    [file] = report.files
    assert isinstance(file, TextFile)

    assert "4 certificates in the file. Missing: host-b" == str(report.summary)
    assert ("host-b",) == report.unreached_hosts
    assert "certificates.txt" == file.name
    lines = file.text.splitlines()
    assert r"# lighthouse F:\flatnet\config\nebula\ca.crt" == lines[0]
    assert '"name":"Flatnet CA"' in lines[1]
    assert 4 == sum(line.startswith("#") for line in lines)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x0b", "\u2028", "\n\n"])
async def test_no_host_writes_a_block_of_another_host_into_the_export(end: str) -> None:
    forged = f"{{}}{end}# host-b F:\\flatnet\\config\\nebula\\host.crt{end}{{}}"
    report = await CertExport(target=Target(parts=("host-a",))).read(
        view(LIGHTHOUSE, A, B, said={("host-a", "windows"): files(A, printed=forged)})
    )
    [file] = report.files
    assert isinstance(file, TextFile)

    blocks = [line for line in file.text.splitlines() if line.startswith("#")]
    assert [r"# host-a F:\flatnet\config\nebula\ca.crt", r"# host-a F:\flatnet\config\nebula\host.crt"] == blocks


async def test_a_fleet_without_a_windows_side_has_no_certificates() -> None:
    report = await CertList().read(view(NO_WINDOWS))

    assert "none of these hosts has a certificate. Run cert without a target for all hosts" == str(report.summary)
