"""Stray keys in `cert` and `cert show`: what is found, how bad it is, and what a person does next."""

from datetime import timedelta
from typing import Any

import pytest

from adapters.errors import ActionFailed
from adapters.nebula.certificates import parse_pem
from adapters.phrase import Phrase
from adapters.windows.key_files import StrayKeys
from commands.certificates.operations import CertList, CertShow
from commands.model.finding import Severity
from commands.model.report import Report
from commands.values.arguments import Target
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA, host, view

A, LIGHTHOUSE = host("host-a", 1), host("lighthouse", 0)
OPERATIONS = r"F:\flatnet\operations"
OLD = rf"{OPERATIONS}\op-aaaaaaaaaaaa\host.key.old"
COPY = r"F:\flatnet\nebula\host-new.key"


def key(file: str, kind: str = "host", hours: float = 48, **given: Any) -> dict[str, Any]:
    return {"file": file, "kind": kind, "written_at": NOW - timedelta(hours=hours), **given}


def found(*keys: dict[str, Any], complete: bool = True) -> StrayKeys:
    return StrayKeys.model_validate({"keys": keys, "complete": complete, "clock": NOW})


async def listed(answer: object) -> Report:
    return await CertList().read(view(LIGHTHOUSE, A, said={("host-a", "windows keys"): answer}))


async def shown(answer: object) -> Report:
    said = {("host-a", "windows keys"): answer}
    return await CertShow(target=Target(parts=("host-a",))).read(view(LIGHTHOUSE, A, said=said))


@pytest.mark.parametrize(
    ("answer", "subject", "severity", "why"),
    [
        (
            found(key(COPY)),
            "stray-key",
            Severity.MEDIUM,
            rf"1 private key was left behind: {COPY}. Remove it on the host, unless a person still needs it",
        ),
        (
            found(key(OLD), key(rf"{OPERATIONS}\op-bbbbbbbbbbbb\host.key")),
            "old-key",
            Severity.MEDIUM,
            f"2 private keys of earlier renewals are left, the first is {OLD}. The next renewal wipes them. Remove them on "
            "the host if that is too late",
        ),
        (
            found(key(r"F:\flatnet\pki\ca.key", "authority")),
            "stray-ca-key",
            Severity.HIGH,
            r"the private key of a CA is also in F:\flatnet\pki\ca.key. Move it to a safe place, then remove it there",
        ),
        (
            ActionFailed(Phrase("the disk failed"), code="x"),
            "stray-keys",
            Severity.LOW,
            "could not check for private keys that were left behind: the disk failed",
        ),
    ],
    ids=["a copy", "old pairs", "a CA's key", "not searched"],
)
async def test_a_key_where_none_belongs_is_a_finding(answer: object, subject: str, severity: Severity, why: str) -> None:
    report = await listed(answer)

    assert [("host-a", subject, severity, why, "cert show host-a")] == [
        (each.host, each.subject, each.severity, str(each.why), each.next) for each in report.findings
    ]


async def test_no_stray_key_is_no_finding() -> None:
    assert () == (await listed(found())).findings


async def test_keys_of_an_operation_that_may_be_under_way_are_no_finding() -> None:
    assert () == (await listed(found(key(OLD, hours=0.9)))).findings
    assert ["stray-key"] == [each.subject for each in (await listed(found(key(COPY, hours=0.9)))).findings]


async def test_each_key_is_named_with_its_age_and_the_certificate_beside_it() -> None:
    pem, _ = CA.sign("host-a", str(A.overlay), 100)
    certificate = parse_pem(pem)[0]
    report = await shown(found(key(OLD, certificate=certificate), key(COPY), complete=False))
    section = report.sections[0]

    assert "Private keys to remove" == str(section.heading)
    lines = [str(line) for line in section.lines]
    assert f"certificate {certificate.fingerprint[:12]} of host-a, valid until" in lines[0]
    assert lines[0].startswith(f"{OLD}: written ")
    assert ["no certificate beside it", "not all folders were searched"] == [line.rpartition(", ")[2] for line in lines[1:]]


async def test_a_host_without_stray_keys_has_no_section_for_them() -> None:
    assert "Private keys to remove" not in [str(each.heading) for each in (await shown(found())).sections]
