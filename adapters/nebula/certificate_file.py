"""A certificate file of Nebula on the machine of the bot itself. Its private key is never opened."""

import asyncio
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from adapters.nebula.certificates import Certificate, parse_pem
from adapters.phrase import Phrase

FILE_LIMIT = 64_000
"""Bytes of a certificate file. One certificate has about five hundred."""


@dataclass(frozen=True)
class CertificateFile:
    """A file that was read: its first certificate, or the reason for which there is none."""

    certificate: Certificate | None = None
    why: Phrase | None = None


async def read_certificate_file(path: Path) -> CertificateFile:
    """Reads a file beside the event loop. What is wrong with it is a value."""
    return await asyncio.to_thread(_read_file, path)


def _read_file(path: Path) -> CertificateFile:
    try:
        content = _read_bytes(path)
    except FileNotFoundError:
        return CertificateFile(why=Phrase("the file does not exist"))
    except PermissionError:
        return CertificateFile(why=Phrase("the account of the bot may not read it. Certificates are not secret: chmod 644"))
    except OSError as error:
        return CertificateFile(why=Phrase("{reason}", reason=error.strerror or type(error).__name__))
    if content is None:
        return CertificateFile(why=Phrase("it is not a file"))
    if len(content) > FILE_LIMIT:
        return CertificateFile(why=Phrase("it is larger than {n} bytes", n=FILE_LIMIT))
    try:
        return CertificateFile(parse_pem(content.decode("utf-8"))[0])
    except ValueError as error:
        return CertificateFile(why=Phrase("it is not a certificate: {reason}", reason=str(error)))


def _read_bytes(path: Path) -> bytes | None:
    """Reads a regular file; None for anything else. A pipe could keep the thread forever."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(handle, FILE_LIMIT + 1) if stat.S_ISREG(os.fstat(handle).st_mode) else None
    finally:
        os.close(handle)
