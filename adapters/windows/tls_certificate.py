"""The certificate that a Windows host presents for WinRM over TLS, read from a handshake of its own.

The handshake is verified against the pinned CA and the host's name, as that of every connection is, but for its dates: the
end of an expired certificate is what must be known. Nothing is sent on the connection, and no one logs in.

A host that is being added is not trusted yet. Its certificate is read unverified (`scan_server_certificate`), for people to
compare with what the console of the host says.
"""

import asyncio
import hashlib
import ssl
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID
from pydantic import AwareDatetime

from adapters.action import Action
from adapters.inventory import WindowsSide
from adapters.value import Value

WINRM_TLS_PORT = 5986

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which the ssl module has no name for."""


class ServerCertificate(Value):
    """A verified certificate: SHA-256 in hexadecimal, the common names of its subject and of its CA, and its dates."""

    fingerprint: str
    name: str
    issuer: str
    begins_at: AwareDatetime
    ends_at: AwareDatetime


class OtherCertificate(ssl.SSLCertVerificationError):
    """The host presented another certificate than the pinned one."""


class ReadServerCertificate(Action[ServerCertificate]):
    """Reads the certificate that this host presents for WinRM. Only for a side whose `url` begins with https."""

    side = "windows"
    deadline = 8.0
    output_limit = 64_000

    @staticmethod
    def applies_to(side: WindowsSide | None) -> bool:
        """Returns whether a side uses TLS."""
        return side is not None and side.url.startswith("https:")


async def read_server_certificate(side: WindowsSide) -> ServerCertificate:
    """Reads the certificate. Raises the errors of sockets and of TLS."""
    parts = urlsplit(side.url)
    found = await _read_certificate(parts.hostname or "", parts.port or WINRM_TLS_PORT, _make_context(side))
    if side.certificate_sha256 not in ("", found.fingerprint):
        raise OtherCertificate("the certificate is not the pinned one")
    return found


async def scan_server_certificate(host: str, port: int = WINRM_TLS_PORT) -> ServerCertificate:
    """Reads the certificate of a host that is not trusted yet, without verifying it. Raises as `read_server_certificate`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return await _read_certificate(host, port, context)


async def _read_certificate(host: str, port: int, context: ssl.SSLContext) -> ServerCertificate:
    _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    try:
        return parse_server_certificate(writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
    finally:
        writer.transport.abort()  # a polite end would wait for the host's


def parse_server_certificate(der: bytes) -> ServerCertificate:
    """Parses the DER of a certificate. Raises `ValueError`."""
    certificate = x509.load_der_x509_certificate(der)
    return ServerCertificate(
        fingerprint=hashlib.sha256(der).hexdigest(),
        name=_find_common_name(certificate.subject),
        issuer=_find_common_name(certificate.issuer),
        begins_at=certificate.not_valid_before_utc,
        ends_at=certificate.not_valid_after_utc,
    )


def _make_context(side: WindowsSide) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=side.ca_file)
    context.check_hostname = not side.certificate_sha256  # a pin says more than a name
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    return context


def _find_common_name(name: x509.Name) -> str:
    """Finds the common name; the whole name if there is none."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()
