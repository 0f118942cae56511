"""The successor of real CAs: what nebula-cert made with the same flags is taken for it, and anything else is not."""

import pytest

from adapters.nebula.certificates import Certificate, parse_pem
from commands.certificates.rotation.successor import Successor, find_spare_network, write_certificate
from tests.adapters.nebula_samples import Sample, samples
from tests.commands.canned_certs import host

LIGHTHOUSE = host("lighthouse", 0)
HOME = r"F:\flatnet\authorities\op-0123456789ab"


AUTHORITIES = [sample for sample in samples("certificates") if sample.name.startswith("ca")]


def parse(sample: Sample) -> tuple[Certificate, ...]:
    return parse_pem(sample.pem)


def follow(old: Certificate) -> Successor:
    """The successor that has the name of the old one, so that the old one could be it."""
    assert old.version in (1, 2)
    return Successor(old, old.name, 1 if old.version == 1 else 2, HOME, LIGHTHOUSE)


@pytest.mark.parametrize("sample", AUTHORITIES, ids=str)
def test_a_ca_of_the_same_flags_is_taken_for_the_successor(sample: Sample) -> None:
    (old,) = parse(sample)
    made = follow(old).build_make_action("nebula-cert.exe").parse({"certificate": sample.pem, "changed": True})
    assert (old.fingerprint, old.name) == (made.fingerprint, made.name)


@pytest.mark.parametrize("sample", AUTHORITIES, ids=str)
def test_a_real_certificate_is_written_byte_for_byte(sample: Sample) -> None:
    assert sample.pem == write_certificate(parse(sample)[0])


def test_the_samples_have_every_kind_of_ca() -> None:
    cas = [parse(sample)[0] for sample in AUTHORITIES]
    assert {(1, "CURVE25519"), (1, "P256"), (2, "CURVE25519"), (2, "P256")} <= {(ca.version, ca.curve.value) for ca in cas}
    assert any(ca.groups and ca.networks and ca.unsafe_networks for ca in cas)


@pytest.mark.parametrize(
    "update",
    [
        {"groups": ("flatnet",)},
        {"networks": ()},
        {"unsafe_networks": ()},
        {"name": "Another CA"},
    ],
    ids=lambda update: next(iter(update)),
)
def test_a_ca_with_other_limits_is_not_believed(update: dict[str, object]) -> None:
    sample = next(each for each in AUTHORITIES if each.name == "ca-limited")
    asked = follow(parse(sample)[0].model_copy(update=update)).build_make_action("nebula-cert.exe")
    with pytest.raises(ValueError, match="than was asked for"):
        asked.parse({"certificate": sample.pem, "changed": True})


def test_a_canary_has_an_address_that_its_ca_allows_and_no_host_has() -> None:
    found = {sample.name: find_spare_network(parse(sample)[0], LIGHTHOUSE) for sample in AUTHORITIES}
    assert ("10.100.255.254/16", "10.100.255.254/16") == (found["ca"], found["ca-limited"])
