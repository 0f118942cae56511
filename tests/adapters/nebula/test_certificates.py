"""Certificates are read as Nebula reads them, or refused with a reason; held against what real nebula-cert programs made."""

import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_interface
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.nebula import pem
from adapters.nebula.certificates import Certificate, Curve, is_signed_by, parse_pem, parse_print_output, parse_public_key
from adapters.nebula.encoding import encode_certificate
from tests.adapters.nebula_samples import PROGRAMS, Sample, sample, samples

GOOD = samples("certificates")
BROKEN = samples("broken")

STRICTER = {
    ("1.9.3-v1", "host-zero-network"): "zero address",  # newer programs cannot read it either
}
"""Good certificates for the program that made them, and why we refuse them."""

STRICTER_BROKEN = {
    "bom-bundle": "byte order mark",  # nebula skips the first certificate in silence
    "broken-then-cert": "not base64",  # the same
    "unfinished-then-cert": "do not belong together",  # the same
    "pem-header": "not base64",  # nobody writes headers
    "no-signature": "no signature",  # 1.9.3 prints it; nothing can verify it
    "extra-byte": "ends within an element",  # version 2 ignores what comes behind
}
"""Damaged files that nebula-cert takes, and why we do not."""


def test_a_certificate_is_read_into_a_value() -> None:
    """What a value holds, in full."""
    (host,) = parse_pem(sample("1.9.3-v1", "host-a").pem)

    assert (
        Certificate(
            version=1,
            name="host-a",
            networks=(ip_interface("10.100.1.1/16"),),
            unsafe_networks=(),
            groups=("flatnet", "gateway"),
            is_ca=False,
            not_before=datetime(2026, 11, 25, 11, 12, 3, tzinfo=UTC),
            not_after=datetime(2027, 11, 25, 11, 12, 3, tzinfo=UTC),
            issuer="a4e24309986477e7e01d9450e58efc4211a30236c36c4777bf51289d370c2233",
            public_key="b2813270bd0651838872489218423f04d96121cb7725b834ea2da51e30d94213",
            curve=Curve.CURVE25519,
            fingerprint="abfefe15c1d2e3c5597b18ab720bdaa972a6cfa28c113afb668abc06eb59335e",
            signature=(
                "7a728d0748b9bb0774748f4a8a73e09f2a786aed865632022039f8eebf8a66f5"
                "3eda68bfcfb4246642d9139853ad5cfd12cf64e149920e857682ecc52f631408"
            ),
        )
        == host
    )


@pytest.mark.parametrize("one", GOOD, ids=str)
def test_the_file_and_what_nebula_cert_prints_of_it_are_the_same_certificates(one: Sample) -> None:
    """Each shape of the printed JSON, each version, odd names and groups, other time zones."""
    reason = STRICTER.get((one.program, one.name))
    if reason or not one.printed:
        with pytest.raises(ValueError, match=reason or "empty or too long"):
            parse_pem(one.pem)
        return

    read = parse_pem(one.pem)

    assert parse_print_output(one.printed) == read
    assert "".join(pem.encode_block(banner, body) for banner, body in pem.read_blocks(one.pem)) == one.pem
    assert [body for _, body in pem.read_blocks(one.pem)] == [encode_certificate(certificate) for certificate in read]


@pytest.mark.parametrize("one", BROKEN, ids=str)
def test_a_damaged_file_is_refused_where_nebula_cert_refuses_it(one: Sample) -> None:
    """Where it is taken, it is what nebula-cert prints; what we refuse beyond that has its reason."""
    stricter = STRICTER_BROKEN.get(one.name)
    if one.exit or stricter:
        with pytest.raises(ValueError, match=r"." if one.exit else stricter):
            parse_pem(one.pem)
        return

    assert parse_print_output(one.printed) == parse_pem(one.pem)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_signature_is_the_issuers_and_nobody_elses(program: str) -> None:
    """Both curves; every host against every CA."""
    read = [certificate for one in GOOD if one.program == program and one.printed for certificate in _readable(one)]
    authorities = {ca.fingerprint: ca for ca in read if ca.is_ca}
    hosts = {host.fingerprint: host for host in read if not host.is_ca}

    assert {Curve.CURVE25519, Curve.P256} == {host.curve for host in hosts.values()}
    for host in hosts.values():
        signers = {fingerprint for fingerprint, ca in authorities.items() if is_signed_by(host, ca)}
        assert {host.issuer} & authorities.keys() == signers, host.name
    for ca in authorities.values():
        assert [ca.fingerprint] == [other.fingerprint for other in authorities.values() if is_signed_by(ca, other)]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", ["changed-name", "flipped-signature"])
def test_a_changed_certificate_is_read_but_its_signature_is_not_the_cas(program: str, name: str) -> None:
    """Nebula prints it as it stands; only the signature tells."""
    (broken,) = (one for one in BROKEN if (one.program, one.name) == (program, name))
    (changed,) = parse_pem(broken.pem)
    (host,) = parse_pem(sample(program, "host-a").pem)
    (ca,) = parse_pem(sample(program, "ca").pem)

    assert (True, False) == (is_signed_by(host, ca), is_signed_by(changed, ca))


def test_a_certificate_that_signs_but_is_no_ca_signs_nothing() -> None:
    """Nor does one whose key is right, but whose fingerprint is not the issuer's."""
    (host,) = parse_pem(sample("1.9.3-v1", "host-a").pem)
    (ca,) = parse_pem(sample("1.9.3-v1", "ca").pem)

    assert not is_signed_by(host, ca.model_copy(update={"is_ca": False}))
    assert not is_signed_by(host, ca.model_copy(update={"fingerprint": "0" * 64}))
    assert not is_signed_by(host.model_copy(update={"public_key": ca.public_key}), ca)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", ["host-pub", "host-p256-pub"])
def test_a_public_key_file_holds_the_key_of_its_certificate(program: str, name: str) -> None:
    """Both curves."""
    one = sample(program, name)
    (certificate,) = parse_pem(one.pem)

    assert certificate.public_key == parse_public_key(one.public_key)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no PEM block"),
        (pem.encode_block("NEBULA X25519 PRIVATE KEY", bytes(32)), "holds a NEBULA X25519 PRIVATE KEY, not a public key"),
        (pem.encode_block("NEBULA ED25519 PUBLIC KEY", bytes(32)), "not a public key"),
        (pem.encode_block("NEBULA X25519 PUBLIC KEY", bytes(31)), "another size"),
        (pem.encode_block("NEBULA P256 PUBLIC KEY", bytes(32)), "another size"),
        (pem.encode_block("NEBULA X25519 PUBLIC KEY", bytes(32)) * 2, "more than one block"),
    ],
)
def test_what_is_no_public_key_file_is_refused(text: str, reason: str) -> None:
    """A private key least of all; and its content is not told."""
    with pytest.raises(ValueError, match=reason):
        parse_public_key(text)


@pytest.mark.parametrize("banner", ["NEBULA X25519 PRIVATE KEY", "NEBULA ED25519 ENCRYPTED PRIVATE KEY", "CERTIFICATE"])
@pytest.mark.parametrize("before", ["", "certificate"])
def test_a_key_where_a_certificate_should_be_is_named_and_not_shown(banner: str, before: str) -> None:
    """Alone, or behind a certificate."""
    key = pem.encode_block(banner, b"secret bytes of a key, 32 of them")
    with pytest.raises(ValueError, match=f"holds a {banner}, not a certificate") as refused:
        parse_pem((sample("1.9.3-v1", "host-a").pem if before else "") + key)

    assert key.split("\n")[1] not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: "\ufeff" + text, "byte order mark"),
        (lambda text: text.replace("\n", "\r"), "END line is damaged"),
        (lambda text: " " + text, "END line is damaged"),
        (lambda text: text + "remark\n", "text after the last block"),
        (lambda text: text[:150], "ends within a block"),
        (lambda text: text.replace("END NEBULA CERTIFICATE", "END NEBULA CERTIFICATE V2"), "do not belong together"),
        (lambda text: text.replace("n", "é"), "not base64"),
        (lambda text: text * 65, "too many blocks"),
        (lambda text: text + "\n" * 64_000, "larger than any"),
    ],
)
def test_a_damaged_file_is_refused_with_a_reason(change: Callable[[str], str], reason: str) -> None:
    """The first thing that is wrong is told."""
    with pytest.raises(ValueError, match=reason):
        parse_pem(change(sample("1.9.3-v1", "host-a").pem))


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": "host-b"}, "fingerprint is not the certificate's"),
        ({"groups": ["flatnet"]}, "fingerprint is not the certificate's"),
        ({"notAfter": "2037-11-25T11:12:03Z"}, "fingerprint is not the certificate's"),
        ({"notAfter": "2027-11-25T11:12:03.5Z"}, "not a full second"),
        ({"notBefore": "1969-11-25T11:12:03Z"}, "before 1970"),
        ({"notAfter": "9999-12-31T23:59:59-23:59"}, "beyond the year 9999"),
        ({"notAfter": "tomorrow"}, "notAfter"),
        ({"isCa": "yes"}, "isCa"),
        ({"issuer": "xx"}, "issuer"),
        ({"networks": ["10.100.1.1/99"]}, "not an address"),
        ({"networks": ["fe80::1%eth0/64"]}, "has a zone"),
        ({"networks": []}, "no network"),
        ({"networks": "10.100.1.1/16"}, "networks"),
        ({"name": None}, "name"),
    ],
)
def test_a_printed_certificate_that_was_changed_is_refused(program: str, change: dict[str, object], reason: str) -> None:
    """Its fingerprint is counted over everything else; it does not have to be believed."""
    text = sample(program, "host-a").printed
    printed = json.loads(text)
    details = (printed[0] if isinstance(printed, list) else printed)["details"]
    renamed = {"ips" if key == "networks" and "ips" in details else key: value for key, value in change.items()}
    details.update(renamed)

    with pytest.raises(ValueError, match=reason.replace("networks", "networks|ips")):
        parse_print_output(json.dumps(printed))


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", "[[]]", "[" * 100_000, "{" * 100_000, "x" * 512_001, "\n"])
def test_what_nebula_cert_never_prints_is_refused(text: str) -> None:
    """Nesting and size are bounded."""
    with pytest.raises(ValueError, match=r"nebula-cert prints|no certificate|more was printed"):
        parse_print_output(text)


@given(st.text(max_size=300) | st.text("-BEGINEDNULACRTF V2=\n\r aA0", max_size=300))
def test_any_text_is_a_certificate_or_a_value_error(text: str) -> None:
    """Nothing else comes out of the three readers."""
    for read in (parse_pem, parse_print_output, parse_public_key):
        _tried(read, text)
        _tried(read, pem.encode_block("NEBULA CERTIFICATE", text.encode()))
        _tried(read, pem.encode_block("NEBULA CERTIFICATE V2", text.encode()))


@settings(max_examples=300)
@given(st.sampled_from([one for one in GOOD if one.name != "bundle"]), st.data())
def test_a_bent_certificate_is_another_certificate_or_a_value_error(one: Sample, data: st.DataObject) -> None:
    """Bytes changed, left out, put in: what is still read has another fingerprint, and the CA did not sign it."""
    ((banner, body),) = pem.read_blocks(one.pem)
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 4)))
    bent = body[:start] + data.draw(st.binary(max_size=4)) + body[end:]
    if bent == body:
        return
    try:
        read = parse_pem(pem.encode_block(banner, bent))
    except ValueError:
        return
    for certificate in read:
        assert one.printed.count(certificate.fingerprint) == 0
        assert encode_certificate(certificate) == bent


@pytest.mark.skipif(shutil.which("nebula-cert") is None, reason="needs Debian's nebula-cert")
def test_what_debians_nebula_cert_makes_now_is_read_as_it_prints_it(tmp_path: Path) -> None:
    """The installed program, both curves, with and without a public key of the host's own."""

    def run(*arguments: str) -> str:
        done = subprocess.run(["nebula-cert", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=30)
        assert (0, "") == (done.returncode, done.stderr)
        return done.stdout

    for curve in ("25519", "P256"):
        ca, ca_key, host = f"{curve}-ca.crt", f"{curve}-ca.key", f"{curve}-host"
        run(
            "ca",
            "-name",
            "実験 CA",
            "-curve",
            curve,
            "-out-crt",
            ca,
            "-out-key",
            ca_key,
            "-groups",
            "a,b",
            "-ips",
            "10.0.0.0/8",
        )
        run("keygen", "-curve", curve, "-out-key", f"{host}.key", "-out-pub", f"{host}.pub")
        signing = ("sign", "-ca-crt", ca, "-ca-key", ca_key, "-name", host, "-ip", "10.1.2.3/16", "-groups", "b,a")
        run(*signing, "-subnets", "192.168.7.0/24,172.16.0.0/12", "-in-pub", f"{host}.pub", "-out-crt", f"{host}.crt")
        texts = {name: (tmp_path / name).read_text("utf-8") for name in (ca, f"{host}.crt", f"{host}.pub")}
        (authority,), (made,) = parse_pem(texts[ca]), parse_pem(texts[f"{host}.crt"])

        assert parse_print_output(run("print", "-json", "-path", ca)) == (authority,)
        assert parse_print_output(run("print", "-json", "-path", f"{host}.crt")) == (made,)
        assert is_signed_by(made, authority)
        assert parse_public_key(texts[f"{host}.pub"]) == made.public_key


def _readable(one: Sample) -> tuple[Certificate, ...]:
    return () if (one.program, one.name) in STRICTER else parse_pem(one.pem)


def _tried(read: Callable[[str], object], text: str) -> object:
    try:
        return read(text)
    except ValueError:
        return ()


def test_a_large_bundle_is_read_within_its_bounds() -> None:
    """As large as the bounds allow, in a moment; base64 of rubbish as large as that is refused in a moment."""
    assert 64 == len(parse_pem(sample("1.9.3-v1", "host-a").pem * 64))
    with pytest.raises(ValueError, match=r"damaged|field|data|number"):
        parse_pem(pem.encode_block("NEBULA CERTIFICATE", base64.b64decode("/" * 62_000)))
