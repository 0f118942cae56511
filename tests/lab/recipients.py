"""People who can open an encrypted copy of a CA key: their keys and certificates."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from adapters.key_backup import DOCUMENT_ENCRYPTION, Recipient

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class KeyHolder:
    """One person: a private key and its certificate, both as PEM."""

    name: str
    key: str
    certificate: str

    @property
    def sha256(self) -> str:
        """SHA-256 of the certificate."""
        return hashlib.sha256(self._encoded).hexdigest()

    @property
    def recipient(self) -> Recipient:
        """The person as a recipient."""
        return Recipient(name=self.name, sha256=self.sha256, certificate=base64.b64encode(self._encoded).decode())

    @property
    def _encoded(self) -> bytes:
        return x509.load_pem_x509_certificate(self.certificate.encode()).public_bytes(Encoding.DER)


@cache
def make_holder(
    name: str,
    *,
    days: int = 36_500,
    encrypts: bool = True,
    purpose: x509.ObjectIdentifier | None = DOCUMENT_ENCRYPTION,
    key: str = "rsa",
    like: KeyHolder | None = None,
) -> KeyHolder:
    """Make a person whose certificate is valid for so many days from the beginning of 2026. `key`: rsa, small or ec.

    `like` is a person whose key this one has, too.
    """
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if like is not None:
        shared = load_pem_private_key(like.key.encode(), None)
        assert isinstance(shared, rsa.RSAPrivateKey)
        private = shared
    elif key == "ec":
        private = ec.generate_private_key(ec.SECP256R1())
    else:
        private = rsa.generate_private_key(65537, 1024 if key == "small" else 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(not encrypts, False, encrypts, False, False, False, False, False, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGIN)
        .not_valid_after(BEGIN + timedelta(days=days))
        .add_extension(usage, critical=True)
    )
    if purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    certificate = builder.sign(private, hashes.SHA256())
    return KeyHolder(
        name=name,
        key=private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        certificate=certificate.public_bytes(Encoding.PEM).decode(),
    )
