"""How a client logs in to a lab host: NTLM with message encryption, a password, or a certificate.

All three belong to one TCP connection, as on Windows.
"""

import base64
import binascii
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import spnego
from spnego.exceptions import SpnegoError

SEALED = "application/HTTP-SPNEGO-session-encrypted"
MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
BOUNDARY = b"--Encrypted Boundary"


@contextmanager
def ntlm_users(folder: Path, users: Mapping[str, str]) -> Iterator[None]:
    """The accounts (name to password) that NTLM knows in this process meanwhile: spnego reads them from one file."""
    file = folder / "ntlm-users"
    file.touch(mode=0o600)
    file.write_text("".join(f":{name}:{password}\n" for name, password in users.items()), "utf-8")
    before = os.environ.get("NTLM_USER_FILE")
    os.environ["NTLM_USER_FILE"] = str(file)
    try:
        yield
    finally:
        if before is None:
            del os.environ["NTLM_USER_FILE"]
        else:
            os.environ["NTLM_USER_FILE"] = before


class NtlmLogin:
    """An NTLM log-in on one connection, and the sealing of messages that follows from it."""

    def __init__(self) -> None:
        self._context: Any = None

    @property
    def complete(self) -> bool:
        return self._context is not None and bool(self._context.complete)

    @property
    def user(self) -> str:
        """Who has logged in, without the domain."""
        return str(self._context.client_principal or "").rpartition("\\")[2]

    def step(self, token: str) -> str | None:
        """The server's next token, "" when the log-in is complete, None when it failed."""
        if self.complete:
            self._context = None  # the client begins anew
        try:
            if self._context is None:
                self._context = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
            answer = self._context.step(base64.b64decode(token, validate=True))
        except (SpnegoError, ValueError, struct.error, binascii.Error):
            self._context = None
            return None
        return base64.b64encode(answer or b"").decode()

    def unseal(self, body: bytes) -> bytes:
        """The messages in a multipart/encrypted body; a `ValueError` where it was sealed for another connection."""
        parts = [part for part in body.split(BOUNDARY + b"\r\n") if part]
        return b"".join(self._unseal(head, payload) for head, payload in zip(parts[::2], parts[1::2], strict=True))

    def _unseal(self, head: bytes, payload: bytes) -> bytes:
        if not self.complete:
            raise ValueError("sealed before the log-in")
        data = payload.removesuffix(BOUNDARY + b"--\r\n").removeprefix(b"\tContent-Type: application/octet-stream\r\n")
        (length,) = struct.unpack("<i", data[:4])
        try:
            message: bytes = self._context.unwrap_winrm(data[4 : 4 + length], data[4 + length :])
        except SpnegoError as error:
            raise ValueError("sealed with another key") from error
        if len(message) != int(head.partition(b"Length=")[2]):
            raise ValueError("not of the length that it names")
        return message

    def seal(self, message: bytes) -> bytes:
        """The message as a multipart/encrypted body."""
        sealed = self._context.wrap_winrm(message)
        return b"".join(
            (
                BOUNDARY + b"\r\n\tContent-Type: " + SEALED.encode() + b"\r\n",
                b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n" % len(message),
                BOUNDARY + b"\r\n\tContent-Type: application/octet-stream\r\n",
                struct.pack("<i", len(sealed.header)) + sealed.header + sealed.data,
                BOUNDARY + b"--\r\n",
            )
        )


def basic_credentials(value: str) -> tuple[str, str]:
    """User and password of a Basic header; empty where it is none."""
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return user, password
