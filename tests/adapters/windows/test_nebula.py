"""Answers of hosts about certificates, held against what was asked for."""

from typing import Any

import pytest

from adapters.nebula import pem
from adapters.nebula.certificates import parse_pem
from adapters.windows.nebula import (
    FindHandshake,
    LoggedHandshake,
    MakeKeyPair,
    ReachAddress,
    ReadCertificates,
    SignCertificate,
)
from tests.adapters.windows.nebula_hosts import CA, ENDING, FIND, KEY_TEXT, MAKE, NOW, READ, SIGN, original, signed
from tests.lab.windows.twins import answer

ANOTHER_KEY = pem.encode_block("NEBULA X25519 PUBLIC KEY", bytes(32))

ANSWER = {"certificate": signed(), "ca": CA, "changed": True}


def asked(**fields: Any) -> SignCertificate:
    return SignCertificate.model_validate(SIGN.model_dump() | fields)


def test_a_signed_certificate_comes_with_its_own_fingerprint_and_end() -> None:
    (certificate,) = parse_pem(signed())
    made = SIGN.parse(ANSWER)
    assert (certificate.fingerprint, certificate.not_after, True) == (made.fingerprint, made.not_after, made.changed)


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"name": "host-b"}, "name"),
        ({"networks": ("10.100.2.1/16",)}, "address"),
        ({"networks": ("10.100.1.1/24",)}, "address"),
        ({"unsafe_networks": ("10.87.1.0/24",)}, "network behind it"),
        ({"groups": ("flatnet",)}, "group"),
        ({"groups": ("flatnet", "gateway", "lighthouse")}, "group"),
        ({"public_key": ANOTHER_KEY}, "public key"),
        ({"ca_fingerprint": ENDING.fingerprint}, "CA"),
        ({"lifetime": 24}, "lifetime"),
    ],
    ids=["name", "address", "mask", "routes", "fewer groups", "more groups", "key", "CA", "lifetime"],
)
def test_a_certificate_that_is_not_what_was_asked_for_is_no_answer(fields: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=f"another {what} than was asked for"):
        asked(**fields).parse(ANSWER)


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        ANSWER | {"certificate": ""},
        ANSWER | {"certificate": KEY_TEXT},
        ANSWER | {"certificate": signed() + signed()},
        ANSWER | {"certificate": CA},
        ANSWER | {"ca": ENDING.certificate},
        ANSWER | {"ca": signed()},
        ANSWER | {"changed": "yes"},
    ],
)
def test_what_is_no_certificate_and_its_ca_is_no_answer(data: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (the texts are of many makers)
        SIGN.parse(data)


def test_a_certificate_with_another_signature_is_no_answer() -> None:
    """The CA is named as the issuer, but did not sign this."""
    lines = signed().splitlines()
    lines[-2] = ("B" if lines[-2][0] == "A" else "A") + lines[-2][1:]
    with pytest.raises(ValueError, match=r"another .* than was asked for|damaged"):
        SIGN.parse(ANSWER | {"certificate": "\n".join(lines) + "\n"})


def test_a_key_pair_is_only_ever_its_public_half() -> None:
    assert isinstance(MAKE, MakeKeyPair)
    with pytest.raises(ValueError, match="PRIVATE KEY, not a public key") as raised:
        MAKE.parse({"public_key": KEY_TEXT, "changed": True})
    assert KEY_TEXT.splitlines()[1][:9] not in str(raised.value)
    with pytest.raises(ValueError, match="no public key"):
        MAKE.parse({})


def test_only_the_newest_handshake_of_each_name_is_a_sighting() -> None:
    """What cannot be read is none."""
    assert isinstance(READ, ReadCertificates)
    data = answer(READ.script, READ.build_arguments(), original("host-b"), NOW)
    (old,) = data["handshakes"]
    found = READ.parse(data | {"handshakes": [old, "junk", 5, old.replace("fingerprint=", "fingerprint=ff")]})
    assert [("host-a", True)] == [(each.name, each.fingerprint.startswith("ff")) for each in found.sightings]


@pytest.mark.parametrize(
    "begins",
    [
        pytest.param("", id="disable_timestamp"),
        pytest.param('time="2026-11-25 09:05:44" ', id="a format without a zone"),
        pytest.param('time="Nov 25 09:05:44" ', id="a format of its own"),
    ],
)
def test_a_handshake_without_a_readable_time_is_a_sighting_at_an_unknown_time(begins: str) -> None:
    assert isinstance(READ, ReadCertificates)
    data = answer(READ.script, READ.build_arguments(), original("host-b"), NOW)
    line = f'{begins}level=info msg="Handshake message received" certName=host-a durationNs=8111136 fingerprint=f768'
    found = READ.parse(data | {"handshakes": [line]})
    assert (LoggedHandshake(name="host-a", fingerprint="f768", at=None),) == found.sightings


@pytest.mark.parametrize("data", [None, {}, {"handshakes": "x"}, {"handshakes": []}])
def test_what_tells_nothing_of_certificates_is_no_answer(data: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        READ.parse(data)


def test_a_handshake_counts_without_a_time_that_can_be_read() -> None:
    """Some logs have their own format of time."""
    assert isinstance(FIND, FindHandshake)
    line = f'msg="Handshake message received" certName={FIND.name} fingerprint={FIND.fingerprint}'
    found = FIND.parse({"lines": [line]})
    assert (True, None) == (found.found, found.at)


@pytest.mark.parametrize("address", ["", "lighthouse", "10.100.0.1/16", "10.100.0.1; calc"])
def test_only_addresses_are_pinged(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        ReachAddress(address=address)


def test_a_certificate_lives_at_least_an_hour() -> None:
    """nebula-cert takes no time at all for as long as the CA lives."""
    with pytest.raises(ValueError, match="lifetime"):
        asked(lifetime=0)
