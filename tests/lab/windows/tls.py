"""Certificates for a whole lab fleet: a CA, the server's and a client's certificate, and a stranger's.

Made once into a folder; all servers of a process share the two contexts, but those that have a certificate of their own.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFETIME = timedelta(days=730)


@dataclass(frozen=True)
class Tls:
    """The contexts that servers use: their own, and the stranger's that `Fault.IDENTITY` shows.

    `sha256` is the fingerprint of their own certificate, 64 lower-case digits.
    """

    own: ssl.SSLContext
    stranger: ssl.SSLContext
    sha256: str


@dataclass(frozen=True)
class Certificates:
    """Where the files lie. `ca_file` is what a bot pins, `client_file` and `client_key_file` what it may log in with.

    `issue` makes the contexts of a server that has a certificate of its own, from the name of its files.
    """

    ca_file: Path
    client_file: Path
    client_key_file: Path
    stranger_ca_file: Path
    tls: Tls
    issue: Callable[[str], Tls]


def make_certificates(folder: Path, server_lifetime: timedelta = LIFETIME) -> Certificates:
    """Make CA, server and client certificates and a stranger's into `folder`; a negative lifetime is over."""
    own, stranger = _Authority("Flatnet lab CA"), _Authority("Some other CA")
    ca_file = _write(folder / "ca.crt", own.pem)
    stranger_ca_file = _write(folder / "stranger-ca.crt", stranger.pem)
    client_file, client_key_file = own.issue(folder, "client", "flatnet-bot")
    strange = _context(*stranger.issue(folder, "stranger", "lab-host"), ca_file)

    def issue(file: str, lifetime: timedelta = LIFETIME) -> Tls:
        certificate, key = own.issue(folder, file, "lab-host", lifetime)
        digest = x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256())
        return Tls(own=_context(certificate, key, ca_file), stranger=strange, sha256=digest.hex())

    return Certificates(
        ca_file=ca_file,
        client_file=client_file,
        client_key_file=client_key_file,
        stranger_ca_file=stranger_ca_file,
        tls=issue("server", server_lifetime),
        issue=issue,
    )


class _Authority:
    """A CA that signs with a key nobody else has."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self._certificate = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=False,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=True,
                    crl_sign=True,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .sign(self._key, hashes.SHA256())
        )
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, folder: Path, file: str, name: str, lifetime: timedelta = LIFETIME) -> tuple[Path, Path]:
        """A certificate for `name` on localhost and 127.0.0.1, and its key, as files."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
        certificate = (
            self._builder(_name(name), key, lifetime)
            .add_extension(alternatives, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return (
            _write(folder / f"{file}.crt", certificate.public_bytes(serialization.Encoding.PEM)),
            _write(folder / f"{file}.key", secret),
        )

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, lifetime: timedelta = LIFETIME
    ) -> x509.CertificateBuilder:
        ends = datetime.now(UTC) + lifetime
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(ends, datetime.now(UTC)) - timedelta(hours=1))
            .not_valid_after(ends)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _context(certificate: Path, key: Path, client_ca: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _write(path: Path, content: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path
