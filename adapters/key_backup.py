"""Encrypted copies of CA keys: their files, and the people who can open them.

    ca-key.cms      the key in a CMS message (RFC 5652, EnvelopedData, AES-256), as PEM: `openssl cms -decrypt` opens it
    ca.crt          the certificate of the CA
    manifest.json   the CA, the recipients, the time, sizes and hashes

The files are the same at both places: on the lighthouse in `paths.backups\\ca\\ID`, on the bot in `ca/ID` of its folder of
backups.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from adapters.errors import FlatnetError
from adapters.nebula.der import encode_element, read_elements
from adapters.phrase import Phrase
from adapters.transfer import Sha256, TransferSize
from adapters.value import Value

KEY_FILE, CERTIFICATE_FILE, MANIFEST_FILE = "ca-key.cms", "ca.crt", "manifest.json"
KEY_FILES = (KEY_FILE, CERTIFICATE_FILE, MANIFEST_FILE)

KEY_FILE_LIMIT = 64_000
"""Bytes of one of the files. A message for 32 recipients has 20,000."""

MIN_RECIPIENTS, MAX_RECIPIENTS = 2, 32
"""One person alone may lose the key to it, or leave."""

MIN_RSA_BITS = 2048

DOCUMENT_ENCRYPTION = ObjectIdentifier("1.3.6.1.4.1.311.80.1")
"""Extended key usage of certificates for Protect-CmsMessage."""

_USABLE_FOR = {DOCUMENT_ENCRYPTION, ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}

KeyBackupId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?-[0-9a-f]{12}$")]
"""Name of a copy: the lighthouse, and the digits of the operation that made it. Also the name of its folders."""

RecipientName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,80}$")]


class UnusableRecipient(FlatnetError):
    """A certificate for which nothing can be encrypted. The phrase has the reason and what to do."""


class Recipient(Value):
    """One person who can open the copy: a name, and the person's certificate (DER as base64) with its SHA-256."""

    name: RecipientName
    sha256: Sha256
    certificate: Annotated[str, Field(max_length=12_000)]

    @model_validator(mode="after")
    def _check_pinned(self) -> Self:
        if hashlib.sha256(self.encoded).hexdigest() != self.sha256:
            raise ValueError("the certificate of a recipient is not the one that is pinned")
        return self

    @property
    def encoded(self) -> bytes:
        return base64.b64decode(self.certificate, validate=True)

    @property
    def ends_at(self) -> datetime:
        """Time from which nothing should be encrypted for this certificate any more."""
        return x509.load_der_x509_certificate(self.encoded).not_valid_after_utc

    @property
    def public_key(self) -> bytes:
        """Public key of the certificate. Two certificates with one key belong to one person."""
        key = x509.load_der_x509_certificate(self.encoded).public_key()
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def identifier(self) -> tuple[bytes, int]:
        """Issuer and serial number, by which a CMS message names its recipients."""
        parsed = x509.load_der_x509_certificate(self.encoded)
        return parsed.issuer.public_bytes(), parsed.serial_number


def parse_recipient(name: str, content: bytes, sha256: str) -> Recipient:
    """Parses a recipient's certificate (PEM or DER). Raises `UnusableRecipient`.

    Dates are not checked: they are those of the day on which a copy is made.
    """
    try:
        is_text = content.lstrip().startswith(b"-----")
        parsed = (x509.load_pem_x509_certificate if is_text else x509.load_der_x509_certificate)(content)
        fault = _find_fault(parsed)
    except ValueError:  # also of an extension that is damaged
        raise UnusableRecipient(Phrase("holds no readable certificate. Put one certificate there, as PEM or DER")) from None
    encoded = parsed.public_bytes(Encoding.DER)
    found = hashlib.sha256(encoded).hexdigest()
    if fault is not None:
        raise UnusableRecipient(fault)
    if found != sha256:
        phrase = Phrase(
            "is not the pinned certificate: its SHA-256 is {found}. Ask the recipient which one is right", found=found
        )
        raise UnusableRecipient(phrase)
    return Recipient(name=name, sha256=found, certificate=base64.b64encode(encoded).decode("ascii"))


def _find_fault(certificate: x509.Certificate) -> Phrase | None:
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_RSA_BITS:
        return Phrase("needs an RSA key of at least {bits} bits. Use another certificate", bits=MIN_RSA_BITS)
    for_signing = Phrase("is for signing only, so nothing can be encrypted for it. Use one with keyEncipherment")
    extensions = certificate.extensions
    try:
        if not extensions.get_extension_for_class(x509.KeyUsage).value.key_encipherment:
            return for_signing
    except x509.ExtensionNotFound:
        pass
    try:
        return None if _USABLE_FOR & set(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) else for_signing
    except x509.ExtensionNotFound:
        return None


class KeyFile(Value):
    """One file of a copy."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,20}\.[a-z]{1,8}$")]
    size: Annotated[TransferSize, Field(le=KEY_FILE_LIMIT)]
    sha256: Sha256


class NamedRecipient(Value):
    """A recipient as the manifest names one."""

    name: RecipientName
    sha256: Sha256


class KeyManifest(Value):
    """Content of `manifest.json`. `authority` is the fingerprint of the CA, `files` are the two others."""

    format: Annotated[int, Field(ge=1, le=1)]
    id: KeyBackupId
    host: Annotated[str, Field(max_length=64)]
    operation: Annotated[str, Field(max_length=64)]
    at: AwareDatetime
    authority: Sha256
    recipients: Annotated[tuple[NamedRecipient, ...], Field(min_length=1, max_length=MAX_RECIPIENTS)]
    files: Annotated[tuple[KeyFile, ...], Field(min_length=2, max_length=2)]

    def find_hash(self, name: str) -> str:
        """Finds the hash of one of the other files; "" if it is not named."""
        return next((each.sha256 for each in self.files if each.name == name), "")


def parse_manifest(content: bytes) -> KeyManifest:
    """Parses a manifest. Raises `ValueError` for anything else, also for one of a newer format."""
    if len(content) > KEY_FILE_LIMIT:
        raise ValueError("the manifest is too long")
    return KeyManifest.model_validate_json(json.dumps(json.loads(content.decode("utf-8-sig"))))


_ENVELOPED_DATA = bytes.fromhex("2a864886f70d010703")
_SEQUENCE, _SET, _OID, _INTEGER, _CONTEXT_0 = 0x30, 0x31, 0x06, 0x02, 0xA0


def read_cms_recipients(text: str) -> frozenset[tuple[bytes, int]]:
    """Reads issuer and serial number of each recipient of an encrypted CMS message (PEM). Raises `ValueError`.

    RFC 5652, 6.1: ContentInfo { OID, [0] EnvelopedData { version, [0] originator?, SET of RecipientInfo, … } }.
    """
    _, content_info = _take(read_elements(decode_cms(text)), _SEQUENCE)
    outer = read_elements(content_info)
    if _take(outer, _OID)[1] != _ENVELOPED_DATA:
        raise ValueError("the message is not an encrypted one")
    _, wrapped = _take(outer, _CONTEXT_0)
    _, enveloped = _take(read_elements(wrapped), _SEQUENCE)
    inner = read_elements(enveloped)
    _take(inner, _INTEGER)
    tag, content = next(inner, (0, b""))
    if tag == _CONTEXT_0:
        tag, content = next(inner, (0, b""))
    if tag != _SET:
        raise ValueError("the message has no recipients")
    return frozenset(_read_recipient(*each) for each in read_elements(content))


def decode_cms(text: str) -> bytes:
    """Decodes the one PEM block of a CMS message. Raises `ValueError`."""
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) < 3 or (lines[0], lines[-1]) != ("-----BEGIN CMS-----", "-----END CMS-----"):
        raise ValueError("the file holds no CMS message")
    return base64.b64decode("".join(lines[1:-1]), validate=True)


def _read_recipient(tag: int, content: bytes) -> tuple[bytes, int]:
    if tag != _SEQUENCE:
        raise ValueError("a recipient is not named by a certificate")
    fields = read_elements(content)
    _take(fields, _INTEGER)
    _, identifier = _take(fields, _SEQUENCE)
    named = read_elements(identifier)
    issuer, (_, serial) = _take(named, _SEQUENCE), _take(named, _INTEGER)
    return encode_element(*issuer), int.from_bytes(serial, "big", signed=True)


def _take(elements: Iterator[tuple[int, bytes]], tag: int) -> tuple[int, bytes]:
    found = next(elements, (0, b""))
    if found[0] != tag:
        raise ValueError("the message is damaged")
    return found
