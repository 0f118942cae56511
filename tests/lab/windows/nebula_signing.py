"""What nebula-cert does inside: reading PEM as Go does, keys, signatures, a CA's limits, and its prints."""

import base64
import json
import re
from collections.abc import Iterable
from datetime import datetime
from ipaddress import IPv4Interface, ip_interface
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.nebula import pem
from adapters.nebula.certificates import Certificate, Curve, is_signed_by
from adapters.nebula.encoding import Interface, build_certificate, decode_certificate, encode_certificate, encode_signed_part
from tests.lab.windows.nebula_cert_usage import MODERN, OLD, Edition

CA_KEYS = {Curve.CURVE25519: ("NEBULA ED25519 PRIVATE KEY", 64), Curve.P256: ("NEBULA ECDSA P256 PRIVATE KEY", 32)}
ENCRYPTED_KEYS = ("NEBULA ED25519 ENCRYPTED PRIVATE KEY", "NEBULA ECDSA P256 ENCRYPTED PRIVATE KEY")
HOST_KEYS = {Curve.CURVE25519: "NEBULA X25519", Curve.P256: "NEBULA P256"}


class Failed(Exception):
    """What the program says after `Error:`."""


class Misused(Failed):
    """The same, and the usage of the mode follows."""


_BEGIN = re.compile(r"^-----BEGIN ([^\n]*?)-----[ \t\r]*$", re.MULTILINE)


def next_block(text: str) -> tuple[str, bytes, str]:
    """Banner, content and what follows of the first good block, as Go's `pem.Decode` finds it."""
    for begin in _BEGIN.finditer(text):
        end = text.find("\n-----END ", begin.end())
        last, _, rest = text[end + 1 :].partition("\n")
        if end < 0 or last.rstrip() != f"-----END {begin[1]}-----":
            continue
        lines = text[begin.end() : end].split("\n")
        while lines and (not lines[0].strip() or ":" in lines[0]):
            lines.pop(0)
        try:
            return begin[1], base64.b64decode("".join("".join(lines).split()), validate=True), rest
        except ValueError:
            continue
    raise Failed("input did not contain a valid PEM encoded block")


def first_certificate(text: str, edition: Edition = OLD) -> tuple[Certificate, str]:
    """The first certificate of a text and what follows it."""
    banner, body, rest = next_block(text)
    version = edition.banners.get(banner)
    if version is None:
        raise Failed(f"bytes did not contain a proper {'' if edition.modern else 'nebula '}certificate banner")
    if not body:
        raise Failed("nil byte array")
    try:
        return decode_certificate(version, body), rest
    except ValueError:
        raise Failed("bad wire format" if version == 2 else "proto: cannot parse invalid wire-format data") from None


def encode(certificate: Certificate) -> str:
    """The text of a certificate's file."""
    banner = next(banner for banner, version in MODERN.banners.items() if version == certificate.version)
    return pem.encode_block(banner, encode_certificate(certificate))


def signing_key(text: str) -> tuple[Curve, bytes]:
    """A CA's key; there is nobody to type a passphrase."""
    banner, body, _ = next_block(text)
    for curve, (expected, size) in CA_KEYS.items():
        if banner == expected and len(body) == size:
            return curve, body
        if banner == expected:
            kind = "Ed25519" if curve is Curve.CURVE25519 else "ECDSA P256"
            raise Failed(f"key was not {size} bytes, is invalid {kind} private key")
    raise Failed("bytes did not contain a proper nebula Ed25519/ECDSA private key banner")


def public_key(text: str) -> tuple[Curve, bytes]:
    """A host's public key."""
    banner, body, _ = next_block(text)
    for curve, name in HOST_KEYS.items():
        if banner == f"{name} PUBLIC KEY" and len(body) == curve.key_bytes:
            return curve, body
        if banner == f"{name} PUBLIC KEY":
            raise Failed(f"key was not {curve.key_bytes} bytes, is invalid {curve} public key")
    raise Failed("bytes did not contain a proper nebula public key banner")


def host_key(text: str) -> tuple[Curve, bytes]:
    """The curve of a host's private key, and its public half."""
    banner, body, _ = next_block(text)
    for curve, name in HOST_KEYS.items():
        if banner == f"{name} PRIVATE KEY" and len(body) != 32:
            kind = "CURVE25519" if curve is Curve.CURVE25519 else "P256"
            raise Failed(f"key was not 32 bytes, is invalid {kind} private key")
        if banner == f"{name} PRIVATE KEY":
            x25519_public = x25519.X25519PrivateKey.from_private_bytes(body).public_key().public_bytes_raw
            return curve, x25519_public() if curve is Curve.CURVE25519 else _p256_public(body)
    raise Failed("bytes did not contain a proper nebula private key banner")


def host_key_pair(curve: Curve) -> tuple[bytes, bytes]:
    """A new public and private key of a host; P256 has the same form for a CA."""
    if curve is Curve.CURVE25519:
        private = x25519.X25519PrivateKey.generate()
        return private.public_key().public_bytes_raw(), private.private_bytes_raw()
    scalar = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big")
    return _p256_public(scalar), scalar


def ca_key_pair(curve: Curve) -> tuple[bytes, bytes]:
    """A new public and private key of a CA."""
    if curve is Curve.P256:
        return host_key_pair(curve)
    private = ed25519.Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    return public, private.private_bytes_raw() + public


def belongs(ca: Certificate, curve: Curve, key: bytes) -> bool:
    """Whether a CA's private key is this certificate's. Ed25519 keys carry their public half, and Nebula believes it."""
    public = key[32:] if curve is Curve.CURVE25519 else _p256_public(key)
    return ca.curve is curve and ca.public_key == public.hex()


def _p256(scalar: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1())


def _p256_public(scalar: bytes) -> bytes:
    return _p256(scalar).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def signed(unsigned: Certificate, key: bytes) -> Certificate:
    """The certificate with its signature and its fingerprint."""
    data = encode_signed_part(unsigned)
    if unsigned.curve is Curve.CURVE25519:
        signature = ed25519.Ed25519PrivateKey.from_private_bytes(key[:32]).sign(data)
    else:
        signature = _p256(key).sign(data, ec.ECDSA(SHA256()))
    return build_certificate(unsigned.model_dump(exclude={"fingerprint"}) | {"signature": signature.hex()})


def expired(certificate: Certificate, now: datetime) -> bool:
    """Not yet valid counts, too."""
    return not certificate.not_before <= now <= certificate.not_after


def not_an_authority(certificate: Certificate) -> str:
    """Why a certificate cannot be trusted as a CA's; "" where it can."""
    if not certificate.is_ca:
        return "certificate is not a CA"
    return "" if is_signed_by(certificate, certificate) else "certificate is not self-signed"


def violated(certificate: Certificate, ca: Certificate, not_after: datetime, edition: Edition = OLD) -> str:
    """Which of a CA's limits the certificate breaks. `not_after`: to the microsecond, where it is being made."""
    kinds = ("a network", "an unsafe network") if edition.modern else ("an ip", "a subnet")
    if ca.not_after < not_after:
        return "certificate expires after signing certificate"
    if ca.not_before > certificate.not_before:
        return "certificate is valid before the signing certificate"
    for group in certificate.groups:
        if ca.groups and group not in ca.groups:
            return f"certificate contained a group not present on the signing ca: {group}"
    for kind, networks, limits in (
        (kinds[0], certificate.networks, ca.networks),
        (kinds[1], certificate.unsafe_networks, ca.unsafe_networks),
    ):
        for network in networks:
            inside = (network.ip in one.network and network.network.prefixlen >= one.network.prefixlen for one in limits)
            if limits and not any(inside):
                return f"certificate contained {kind} assignment outside the limitations of the signing ca: {network}"
    return ""


def networks(words: Iterable[str], kind: str) -> tuple[IPv4Interface, ...]:
    """Networks as they are typed."""
    found = []
    for word in words:
        try:
            network = ip_interface(word)
        except ValueError:
            network = None
        if network is None or not re.search(r"/\d+$", word):
            raise Misused(f"invalid {kind} definition: invalid CIDR address: {word}")
        if not isinstance(network, IPv4Interface):
            raise Misused(f"invalid {kind} definition: can only be ipv4, have {word}")
        found.append(network)
    return tuple(found)


def modern_networks(words: Iterable[str], flag: str, *, only_v4: bool) -> tuple[Interface, ...]:
    """Networks as they are typed to 1.10."""
    found = []
    for word in words:
        try:
            network = ip_interface(word) if "/" in word else None
        except ValueError:
            network = None
        if network is None:
            raise Misused(f"invalid -{flag} definition: {word}")
        if only_v4 and network.version != 4:
            raise Misused(f"invalid -{flag} definition: v1 certificates can only be ipv4, have {word}")
        found.append(network)
    return tuple(found)


def as_modern_table(certificate: Certificate) -> dict[str, Any]:
    """A certificate as 1.10 prints it: in version 2 lists without anything are null, key and curve beside the details."""
    nothing: list[str] | None = [] if certificate.version == 1 else None
    key = {"publicKey": certificate.public_key, "curve": certificate.curve.value}
    details = {
        "name": certificate.name,
        "networks": [str(network) for network in certificate.networks] or nothing,
        "unsafeNetworks": [str(network) for network in certificate.unsafe_networks] or nothing,
        "groups": list(certificate.groups) or nothing,
        "notBefore": f"{certificate.not_before:%Y-%m-%dT%H:%M:%SZ}",
        "notAfter": f"{certificate.not_after:%Y-%m-%dT%H:%M:%SZ}",
        "isCa": certificate.is_ca,
        "issuer": certificate.issuer,
    }
    outer = {"fingerprint": certificate.fingerprint, "signature": certificate.signature, "version": certificate.version}
    return {"details": details | key} | outer if certificate.version == 1 else {"details": details} | outer | key


def write_json(table: Any, **options: Any) -> str:
    """As Go writes JSON: sorted, and safe within HTML."""
    text = json.dumps(table, sort_keys=True, ensure_ascii=False, **options)
    return re.sub(r"[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def as_json(certificate: Certificate) -> str:
    """One line of `print -json` of 1.9."""
    printed = {
        "details": {
            "name": certificate.name,
            "ips": [str(network) for network in certificate.networks],
            "subnets": [str(network) for network in certificate.unsafe_networks],
            "groups": list(certificate.groups),
            "notBefore": f"{certificate.not_before:%Y-%m-%dT%H:%M:%SZ}",
            "notAfter": f"{certificate.not_after:%Y-%m-%dT%H:%M:%SZ}",
            "publicKey": certificate.public_key,
            "isCa": certificate.is_ca,
            "issuer": certificate.issuer,
            "curve": certificate.curve.value,
        },
        "fingerprint": certificate.fingerprint,
        "signature": certificate.signature,
    }
    return write_json(printed, separators=(",", ":"))


def as_text(certificate: Certificate) -> str:
    """What `print` says without `-json`."""
    lists = (
        ("Ips", [str(network) for network in certificate.networks]),
        ("Subnets", [str(network) for network in certificate.unsafe_networks]),
        ("Groups", [f'"{group}"' for group in certificate.groups]),
    )
    lines = ["NebulaCertificate {", "\tDetails {", f"\t\tName: {certificate.name}"]
    for name, listed in lists:
        lines += [f"\t\t{name}: [", *(f"\t\t\t{one}" for one in listed), "\t\t]"] if listed else [f"\t\t{name}: []"]
    return "\n".join(
        (
            *lines,
            f"\t\tNot before: {certificate.not_before:%Y-%m-%d %H:%M:%S} +0000 UTC",
            f"\t\tNot After: {certificate.not_after:%Y-%m-%d %H:%M:%S} +0000 UTC",
            f"\t\tIs CA: {str(certificate.is_ca).lower()}",
            f"\t\tIssuer: {certificate.issuer}",
            f"\t\tPublic key: {certificate.public_key}",
            f"\t\tCurve: {certificate.curve.value}",
            "\t}",
            f"\tFingerprint: {certificate.fingerprint}",
            f"\tSignature: {certificate.signature}",
            "}",
        )
    )
