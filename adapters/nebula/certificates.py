"""Nebula certificates as values: read from PEM (versions 1 and 2) and from the output of `nebula-cert print -json`.

    PEM text ─▶ blocks ─▶ version 1: protocol buffers ─┬─▶ Certificate ─▶ encoded again, must be the same bytes
                          version 2: ASN.1 DER        ─┘
    JSON text of 1.9 (a line for each), of 1.10 and newer (one list; version 2 in another shape) ─▶ Certificate

Input is untrusted until it is a `Certificate`. Invalid input raises a `ValueError` whose text gives the reason and holds no
content.

Stricter than Nebula on purpose: no block is skipped silently (a byte order mark makes Nebula skip the first one), no
unknown fields, no names that are not UTF-8, no certificate without a signature, keys of the curve's size only.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_interface

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from adapters.nebula import pem
from adapters.nebula.encoding import (
    VERSION_BY_BANNER,
    Certificate,
    Curve,
    Fingerprint,
    Interface,
    build_certificate,
    decode_certificate,
    describe_first_error,
    encode_signed_part,
)

__all__ = ["Certificate", "Curve", "is_signed_by", "parse_pem", "parse_print_output", "parse_public_key"]

PRINTED_LIMIT = 512_000
"""Characters of the output of `nebula-cert` for the largest file that `adapters.nebula.pem` accepts."""

_PUBLIC_KEYS: Mapping[str, Curve] = {"NEBULA X25519 PUBLIC KEY": Curve.CURVE25519, "NEBULA P256 PUBLIC KEY": Curve.P256}


def parse_pem(text: str) -> tuple[Certificate, ...]:
    """Reads the certificates of a file: one, or a bundle of CAs. Raises `ValueError` for another or a damaged file."""
    found = []
    for banner, body in pem.read_blocks(text):
        version = VERSION_BY_BANNER.get(banner)
        if version is None:
            raise ValueError(f"the file holds a {banner}, not a certificate")
        found.append(decode_certificate(version, body))
    return tuple(found)


def parse_print_output(text: str) -> tuple[Certificate, ...]:
    """Reads the output of `nebula-cert print -json`, in any of its shapes.

    Raises `ValueError` for any other text, and if the printed fingerprint is wrong.
    """
    if len(text) > PRINTED_LIMIT:
        raise ValueError("more was printed than any certificate file needs")
    try:
        if text.lstrip().startswith("["):
            printed = _PRINTED_LIST.validate_json(text)
        else:
            printed = [_PrintedCertificate.model_validate_json(line) for line in text.split("\n") if line.strip()]
    except ValidationError as error:
        raise ValueError(f"not what nebula-cert prints: {describe_first_error(error)}") from None
    if not 1 <= len(printed) <= pem.BLOCK_LIMIT:
        raise ValueError("no certificate was printed, or too many")
    return tuple(one.to_certificate() for one in printed)


def parse_public_key(text: str) -> str:
    """Returns the key of a PUBLIC KEY file, in hexadecimal. Raises `ValueError` for another or a damaged file."""
    blocks = list(pem.read_blocks(text))
    if len(blocks) != 1:
        raise ValueError("more than one block, where one public key was expected")
    banner, body = blocks[0]
    curve = _PUBLIC_KEYS.get(banner)
    if curve is None:
        raise ValueError(f"the file holds a {banner}, not a public key")
    if len(body) != curve.key_bytes:
        raise ValueError("the public key has another size than its curve's")
    return body.hex()


def is_signed_by(certificate: Certificate, ca: Certificate) -> bool:
    """Returns whether a CA signed a certificate: it is named as the issuer, and the signature is valid.

    True of a CA and itself. Dates and the CA's limits are not checked.
    """
    named = certificate == ca if certificate.is_ca else certificate.issuer == ca.fingerprint
    if not ca.is_ca or not named or certificate.curve is not ca.curve:
        return False
    signature, signed = bytes.fromhex(certificate.signature), encode_signed_part(certificate)
    key = bytes.fromhex(ca.public_key)
    try:
        if ca.curve is Curve.CURVE25519:
            ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
        else:
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
            point.verify(signature, signed, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


class _PrintedDetails(BaseModel):
    model_config = ConfigDict(strict=True)

    name: str
    networks: list[str] | None = Field(validation_alias=AliasChoices("networks", "ips"))
    unsafe_networks: list[str] | None = Field(validation_alias=AliasChoices("unsafeNetworks", "subnets"))
    groups: list[str] | None
    is_ca: bool = Field(alias="isCa")
    not_before: AwareDatetime = Field(alias="notBefore")
    not_after: AwareDatetime = Field(alias="notAfter")
    issuer: str
    public_key: str = Field("", alias="publicKey")
    curve: str = ""


class _PrintedCertificate(BaseModel):
    """One printed certificate. Version 2 has curve and key beside the details; 1.9 prints no version."""

    model_config = ConfigDict(strict=True)

    details: _PrintedDetails
    fingerprint: Fingerprint
    signature: str
    version: int = 1
    public_key: str = Field("", alias="publicKey")
    curve: str = ""

    def to_certificate(self) -> Certificate:
        """Builds the certificate. Raises `ValueError` if the printed fingerprint differs from the computed one."""
        details = self.details
        fields = {
            "version": self.version,
            "name": details.name,
            "networks": _parse_interfaces(details.networks),
            "unsafe_networks": _parse_interfaces(details.unsafe_networks),
            "groups": tuple(details.groups or ()),
            "is_ca": details.is_ca,
            "not_before": _to_utc(details.not_before),
            "not_after": _to_utc(details.not_after),
            "issuer": details.issuer,
            "public_key": self.public_key or details.public_key,
            "curve": self.curve or details.curve,
            "signature": self.signature,
        }
        return build_certificate(fields, self.fingerprint)


def _parse_interfaces(printed: list[str] | None) -> tuple[Interface, ...]:
    try:
        found = tuple(ip_interface(network) for network in printed or ())
    except ValueError:
        raise ValueError("a network is not an address with a prefix") from None
    if any("%" in network for network in printed or ()):
        raise ValueError("a network has a zone")
    return found


def _to_utc(moment: datetime) -> datetime:
    """Converts a time to UTC: printed times have the time zone of the machine that printed them."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a date is beyond the year 9999") from None


_PRINTED_LIST = TypeAdapter(list[_PrintedCertificate])
