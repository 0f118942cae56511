"""Certificates of the fleet, as a report of `cert` has them."""

from datetime import timedelta

import pytest

from adapters.errors import Unreachable
from adapters.phrase import Phrase
from bot.alerts.rules.certificates import CertificateSurvey, list_certificates
from commands.certificates.operations import CertList
from tests.bot.alerts.expiring import Held, ca, host, report
from tests.commands import canned, canned_certs
from tests.commands.canned_certs import view

A, B, LIGHTHOUSE = (
    canned_certs.host("host-a", 1),
    canned_certs.host("host-b", 2),
    canned_certs.host("lh", 0, lighthouse=True),
)


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
