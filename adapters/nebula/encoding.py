"""Nebula certificate as a value and its encodings: version 1 in protocol buffers, version 2 in DER.

A certificate can be encoded again. So its fingerprint is always computed, never trusted, and its signature can be verified
whichever way it was read.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Interface, IPv6Interface
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from adapters.nebula import der, pem, protobuf
from adapters.value import Value

LIST_LIMIT = 1_000
"""Networks or groups in one certificate."""
V2_NAME_LIMIT = 253
"""Bytes of a name. Nebula signs longer names, but cannot read them afterwards."""

Interface = IPv4Interface | IPv6Interface
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Hex = Annotated[str, Field(pattern=r"^([0-9a-f]{2}){0,80}$")]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Curve(StrEnum):
    """Curve of a certificate's key and of its CA's signature."""

    CURVE25519 = "CURVE25519"
    P256 = "P256"

    @property
    def key_bytes(self) -> int:
        """Size of a public key in bytes. P256 points are not compressed."""
        return 32 if self is Curve.CURVE25519 else 65

    @property
    def number(self) -> int:
        """The curve's number in both encodings."""
        return 0 if self is Curve.CURVE25519 else 1


class Certificate(Value):
    """One certificate. `public_key` and `signature` are in hexadecimal; `fingerprint` too: SHA-256, computed as Nebula does.

    `issuer` is the CA's fingerprint, "" in a CA. A host's `networks` are its addresses in the overlay. A CA's `networks`,
    `groups` and `unsafe_networks` are limits for its hosts. Names and groups are untrusted text with any characters.
    """

    version: Annotated[int, Field(ge=1, le=2)]
    name: Annotated[str, Field(max_length=pem.TEXT_LIMIT)]
    networks: Annotated[tuple[Interface, ...], Field(max_length=LIST_LIMIT)]
    unsafe_networks: Annotated[tuple[Interface, ...], Field(max_length=LIST_LIMIT)]
    groups: Annotated[tuple[str, ...], Field(max_length=LIST_LIMIT)]
    is_ca: bool
    not_before: AwareDatetime
    not_after: AwareDatetime
    issuer: Fingerprint | Annotated[str, Field(max_length=0)]
    public_key: Hex
    curve: Curve
    fingerprint: Fingerprint
    signature: Hex

    @model_validator(mode="after")
    def _check_nebula_rules(self) -> "Certificate":
        """Checks the rules that Nebula has for a certificate."""
        if len(self.public_key) != 2 * self.curve.key_bytes:
            raise ValueError("the public key has another size than its curve's")
        if not self.signature:
            raise ValueError("there is no signature")
        if any(moment < EPOCH or moment.microsecond for moment in (self.not_before, self.not_after)):
            raise ValueError("a date is before 1970, or not a full second")
        if not self.is_ca and not self.networks:
            raise ValueError("a host's certificate names no network")
        if not self.is_ca and any(int(network.ip) == 0 for network in self.networks):
            raise ValueError("a host's certificate has the zero address")
        if self.version == 1:
            if any(network.version == 6 for network in self.networks + self.unsafe_networks):
                raise ValueError("a certificate of version 1 cannot hold IPv6")
            return self
        if not 1 <= len(self.name.encode()) <= V2_NAME_LIMIT or not all(self.groups):
            raise ValueError("a name or a group is empty or too long")
        for networks in (self.networks, self.unsafe_networks):
            if list(networks) != sorted(set(networks), key=_get_sort_key):
                raise ValueError("networks are not in order, or doubled")
        return self


VERSION_BY_BANNER: Mapping[str, int] = {"NEBULA CERTIFICATE": 1, "NEBULA CERTIFICATE V2": 2}
"""Version of the certificate in a PEM block, by the block's banner."""


def decode_certificate(version: int, body: bytes) -> Certificate:
    """Decodes the bytes of a PEM block. Raises `ValueError` if they are no certificate, or not encoded as Nebula encodes."""
    certificate = build_certificate(_read_v1(body) if version == 1 else _read_v2(body))
    if encode_certificate(certificate) != body:
        raise ValueError("the certificate is damaged, or not encoded as Nebula encodes")
    return certificate


def build_certificate(fields: dict[str, Any], fingerprint: str = "") -> Certificate:
    """Builds the certificate and computes its fingerprint. Raises `ValueError` if a given fingerprint differs."""
    try:
        certificate = Certificate(**fields, fingerprint="0" * 64)
    except ValidationError as error:
        raise ValueError(f"the certificate is damaged: {describe_first_error(error)}") from None
    computed = hashlib.sha256(_encode_fingerprint_input(certificate)).hexdigest()
    if fingerprint and fingerprint != computed:
        raise ValueError("the fingerprint is not the certificate's")
    return certificate.model_copy(update={"fingerprint": computed})


def describe_first_error(error: ValidationError) -> str:
    """Describes the first validation error: its place and reason, without the content."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    return f"{place}: {reason}" if place else reason


def encode_certificate(certificate: Certificate) -> bytes:
    """Encodes a certificate as the bytes of its PEM block."""
    key, signature = bytes.fromhex(certificate.public_key), bytes.fromhex(certificate.signature)
    if certificate.version == 1:
        return protobuf.encode_chunk(1, _encode_v1_details(certificate)) + protobuf.encode_chunk(2, signature)
    curve = der.encode_element(0x81, bytes((certificate.curve.number,))) if certificate.curve.number else b""
    return der.encode_element(
        0x30, _encode_v2_details(certificate) + curve + der.encode_element(0x82, key) + der.encode_element(0x83, signature)
    )


def encode_signed_part(certificate: Certificate) -> bytes:
    """Encodes the part that the CA's signature covers."""
    if certificate.version == 1:
        return _encode_v1_details(certificate)
    return _encode_v2_details(certificate) + bytes((certificate.curve.number,)) + bytes.fromhex(certificate.public_key)


def _encode_fingerprint_input(certificate: Certificate) -> bytes:
    """Encodes the bytes that the fingerprint is computed from."""
    if certificate.version == 1:
        return encode_certificate(certificate)
    return encode_signed_part(certificate) + bytes.fromhex(certificate.signature)


def _to_datetime(seconds: int) -> datetime:
    try:
        return EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        raise ValueError("a date is beyond the year 9999") from None


def _to_seconds(moment: datetime) -> int:
    return int((moment - EPOCH).total_seconds())


def _decode_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ValueError("a name or a group is not UTF-8") from None


def _find_curve(number: int) -> Curve:
    for curve in Curve:
        if curve.number == number:
            return curve
    raise ValueError("the curve is unknown")


# version 1: protocol buffers, https://github.com/slackhq/nebula/blob/master/cert/cert_v1.proto


def _read_v1(body: bytes) -> dict[str, Any]:
    outer = _Fields(protobuf.read_fields(body))
    inner = _Fields(protobuf.read_fields(outer.get_chunk(1)))
    return {
        "version": 1,
        "name": _decode_text(inner.get_chunk(1)),
        "networks": _decode_pairs(inner.get_chunk(2)),
        "unsafe_networks": _decode_pairs(inner.get_chunk(3)),
        "groups": tuple(_decode_text(group) for group in inner.get_chunks(4)),
        "is_ca": inner.get_number(8) == 1,
        "not_before": _to_datetime(inner.get_number(5)),
        "not_after": _to_datetime(inner.get_number(6)),
        "issuer": inner.get_chunk(9).hex(),
        "public_key": inner.get_chunk(7).hex(),
        "curve": _find_curve(inner.get_number(100)),
        "signature": outer.get_chunk(2).hex(),
    }


class _Fields:
    """Fields of one message by number. Absent ones are empty, as in proto3."""

    def __init__(self, found: Iterable[tuple[int, int | bytes]]) -> None:
        self._found: dict[int, list[int | bytes]] = {}
        for number, value in found:
            self._found.setdefault(number, []).append(value)

    def get_chunks(self, number: int) -> list[bytes]:
        values = self._found.get(number, [])
        if len(values) > LIST_LIMIT:
            raise ValueError("a list is too long")
        found = [value for value in values if isinstance(value, bytes)]
        if len(found) != len(values):
            raise ValueError("a field is of the wrong kind")
        return found

    def get_chunk(self, number: int) -> bytes:
        found = self.get_chunks(number)
        return found[-1] if found else b""

    def get_number(self, number: int) -> int:
        value = self._found.get(number, [0])[-1]
        if not isinstance(value, int):
            raise ValueError("a field is of the wrong kind")
        return value


def _decode_pairs(packed: bytes) -> tuple[IPv4Interface, ...]:
    """Decodes networks from a packed field of alternating addresses and masks."""
    numbers = list(protobuf.read_varints(packed))
    if len(numbers) % 2 or len(numbers) > 2 * LIST_LIMIT or any(number > 0xFFFFFFFF for number in numbers):
        raise ValueError("networks are not pairs of an address and a mask")
    return tuple(_decode_network(address, mask) for address, mask in zip(numbers[::2], numbers[1::2], strict=True))


def _decode_network(address: int, mask: int) -> IPv4Interface:
    bits = mask.bit_count()
    if mask != _make_mask(bits):
        raise ValueError("a network's mask has holes")
    return IPv4Interface((address, bits))


def _make_mask(bits: int) -> int:
    return 0xFFFFFFFF ^ (0xFFFFFFFF >> bits)


def _encode_v1_details(certificate: Certificate) -> bytes:
    packed = [
        b"".join(
            protobuf.encode_varint(int(network.ip)) + protobuf.encode_varint(_make_mask(network.network.prefixlen))
            for network in networks
        )
        for networks in (certificate.networks, certificate.unsafe_networks)
    ]
    chunks = (1, certificate.name.encode()), (2, packed[0]), (3, packed[1])
    return b"".join(
        (
            *(protobuf.encode_chunk(field, value) for field, value in chunks if value),
            *(protobuf.encode_chunk(4, group.encode()) for group in certificate.groups),
            protobuf.encode_number(5, _to_seconds(certificate.not_before)),
            protobuf.encode_number(6, _to_seconds(certificate.not_after)),
            protobuf.encode_chunk(7, bytes.fromhex(certificate.public_key)),
            protobuf.encode_number(8, int(certificate.is_ca)),
            protobuf.encode_chunk(9, bytes.fromhex(certificate.issuer)) if certificate.issuer else b"",
            protobuf.encode_number(100, certificate.curve.number),
        )
    )


# version 2: ASN.1 DER, https://github.com/slackhq/nebula/blob/master/cert/cert_v2.asn1


def _read_v2(body: bytes) -> dict[str, Any]:
    whole = _read_elements(body).get(0x30, b"")
    outer = _read_elements(whole)
    inner = _read_elements(outer.get(0xA0, b""))
    return {
        "version": 2,
        "name": _decode_text(inner.get(0x80, b"")),
        "networks": _decode_prefixes(inner.get(0xA1, b"")),
        "unsafe_networks": _decode_prefixes(inner.get(0xA2, b"")),
        "groups": tuple(_decode_text(group) for _, group in der.read_elements(inner.get(0xA3, b""))),
        "is_ca": inner.get(0x84, b"\0") == b"\xff",
        "not_before": _to_datetime(int.from_bytes(inner.get(0x85, b""), "big")),
        "not_after": _to_datetime(int.from_bytes(inner.get(0x86, b""), "big")),
        "issuer": inner.get(0x87, b"").hex(),
        "curve": _find_curve(int.from_bytes(outer.get(0x81, b""), "big")),
        "public_key": outer.get(0x82, b"").hex(),
        "signature": outer.get(0x83, b"").hex(),
    }


def _read_elements(data: bytes) -> dict[int, bytes]:
    return dict(der.read_elements(data))


def _decode_prefixes(data: bytes) -> tuple[Interface, ...]:
    """Decodes networks, each an address of 4 or 16 bytes and the length of its prefix."""
    return tuple(_decode_prefix(content) for _, content in der.read_elements(data))


def _decode_prefix(content: bytes) -> Interface:
    address, bits = content[:-1], int.from_bytes(content[-1:], "big")
    if len(address) == 4 and bits <= 32:
        return IPv4Interface((address, bits))
    if len(address) != 16 or bits > 128:
        raise ValueError("a network is not an address with a prefix")
    network = IPv6Interface((address, bits))
    if network.ip.ipv4_mapped is not None:
        raise ValueError("a network is IPv4 written as IPv6")
    return network


def _encode_v2_details(certificate: Certificate) -> bytes:
    lists = (
        (0xA1, [_encode_network(network) for network in certificate.networks]),
        (0xA2, [_encode_network(network) for network in certificate.unsafe_networks]),
        (0xA3, [der.encode_element(0x0C, group.encode()) for group in certificate.groups]),
    )
    return der.encode_element(
        0xA0,
        b"".join(
            (
                der.encode_element(0x80, certificate.name.encode()),
                *(der.encode_element(tag, b"".join(listed)) for tag, listed in lists if listed),
                der.encode_element(0x84, b"\xff") if certificate.is_ca else b"",
                der.encode_element(0x85, der.encode_integer(_to_seconds(certificate.not_before))),
                der.encode_element(0x86, der.encode_integer(_to_seconds(certificate.not_after))),
                der.encode_element(0x87, bytes.fromhex(certificate.issuer)) if certificate.issuer else b"",
            )
        ),
    )


def _encode_network(network: Interface) -> bytes:
    return der.encode_element(0x04, network.ip.packed + bytes((network.network.prefixlen,)))


def _get_sort_key(network: Interface) -> tuple[int, int, int]:
    """Returns the key by which Nebula sorts networks: IPv4 first."""
    return network.version, int(network.ip), network.network.prefixlen
