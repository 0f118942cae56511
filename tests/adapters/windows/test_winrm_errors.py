"""Every exception that pywinrm and the libraries under it can raise has its meaning, in one place."""

import http.client
import inspect
import ssl
import struct
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest
import requests
import spnego
import spnego.exceptions
import urllib3.exceptions
import winrm.exceptions
from requests.exceptions import ChunkedEncodingError, ConnectTimeout, ReadTimeout, SSLError
from urllib3.connection import HTTPConnection
from winrm.exceptions import InvalidCredentialsError, WinRMOperationTimeoutError, WinRMTransportError, WSManFaultError

from adapters.errors import (
    ActionFailed,
    AuthenticationFailed,
    DeadlineExceeded,
    HostError,
    HostIdentityError,
    NotAsked,
    ProtocolError,
    Unreachable,
)
from adapters.windows.winrm import LIBRARY_ERRORS, map_winrm_error

ADDRESS = "192.0.2.11:5986"
MODULES = (requests.exceptions, urllib3.exceptions, winrm.exceptions, spnego.exceptions, http.client, ssl)


def exceptions_of(module: ModuleType) -> Iterator[type[Exception]]:
    """The module's exceptions, without its warnings."""
    for _, kind in inspect.getmembers(module, inspect.isclass):
        if issubclass(kind, Exception) and not issubclass(kind, Warning) and kind is not Exception:
            yield kind


EXCEPTIONS = sorted(
    {kind for module in MODULES for kind in exceptions_of(module)}, key=lambda kind: (kind.__module__, kind.__name__)
)


@pytest.mark.parametrize("kind", EXCEPTIONS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_exception_of_the_libraries_is_foreseen(kind: type[Exception]) -> None:
    """A new version of a library that brings a new root of exceptions fails here."""
    assert issubclass(kind, LIBRARY_ERRORS)


@pytest.mark.parametrize("kind", EXCEPTIONS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_exception_of_the_libraries_becomes_a_host_error_that_claims_nothing(kind: type[Exception]) -> None:
    error = kind.__new__(kind)
    error.args = _ARGUMENTS.get(kind, ())
    for name, value in _ATTRIBUTES.get(kind, {}).items():
        setattr(error, name, value)
    meaning = map_winrm_error(error, ADDRESS, worked=False)
    assert (True, False) == (isinstance(meaning, HostError), meaning.maybe_ran)


_ARGUMENTS: dict[type[Exception], tuple[Any, ...]] = {
    WinRMTransportError: ("http", 500, ""),
    spnego.exceptions.FeatureMissingError: (spnego.NegotiateOptions.use_ntlm,),
}
_ATTRIBUTES: dict[type[Exception], dict[str, Any]] = {WSManFaultError: {"wsman_fault_code": 1, "reason": "no"}}


def fault(code: int | None) -> WSManFaultError:
    return WSManFaultError(500, "message", "<xml/>", "the reason", wsman_fault_code=code)


def wrapped(inner: Exception) -> requests.ConnectionError:
    """As requests hands on what urllib3 met."""
    return requests.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted.", inner))


def never_connected(cause: OSError) -> requests.ConnectionError:
    error = urllib3.exceptions.NewConnectionError(HTTPConnection("192.0.2.11"), "no")
    error.__cause__ = cause
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(_NO_POOL, "/wsman", error))


def ssl_error(inner: ssl.SSLError) -> SSLError:
    return SSLError(urllib3.exceptions.MaxRetryError(_NO_POOL, "/wsman", urllib3.exceptions.SSLError(inner)))


_NO_POOL: Any = None

MEANINGS: list[tuple[Exception, type[HostError]]] = [
    (never_connected(ConnectionRefusedError(111, "Connection refused")), Unreachable),
    (never_connected(OSError(113, "No route to host")), Unreachable),
    (never_connected(OSError(24, "Too many open files")), NotAsked),
    (wrapped(OSError(23, "Too many open files in system")), NotAsked),
    (OSError(24, "Too many open files", "/etc/flatnet/ca.pem"), NotAsked),
    (ConnectTimeout(), Unreachable),
    (ReadTimeout(), DeadlineExceeded),
    (requests.ConnectionError(urllib3.exceptions.ReadTimeoutError(_NO_POOL, "/wsman", "late")), DeadlineExceeded),
    (wrapped(TimeoutError()), DeadlineExceeded),
    (WinRMOperationTimeoutError(), DeadlineExceeded),
    (wrapped(http.client.RemoteDisconnected("")), Unreachable),
    (wrapped(ConnectionResetError()), Unreachable),
    (ChunkedEncodingError(urllib3.exceptions.IncompleteRead(3, 4)), Unreachable),
    (ssl_error(ssl.SSLEOFError()), Unreachable),
    (wrapped(http.client.BadStatusLine("SSH-2.0")), ProtocolError),
    (wrapped(http.client.LineTooLong("header line")), ProtocolError),
    (ssl_error(ssl.SSLCertVerificationError()), HostIdentityError),
    (ssl_error(ssl.SSLError("handshake failure")), HostIdentityError),
    (OSError("Could not find a suitable TLS CA certificate bundle"), HostIdentityError),
    (PermissionError(13, "Permission denied", "/etc/flatnet/client.key"), HostIdentityError),
    (InvalidCredentialsError(), AuthenticationFailed),
    (PermissionError("Access denied: Server did not respond with NTLM challenge token"), AuthenticationFailed),
    (spnego.exceptions.BadMICError(), ProtocolError),
    (requests.TooManyRedirects(), ProtocolError),
    (WinRMTransportError("http", 400, ""), Unreachable),
    (WinRMTransportError("http", 503, ""), Unreachable),
    (WinRMTransportError("http", 404, ""), ProtocolError),
    (WinRMTransportError("http", 413, ""), ProtocolError),
    (fault(2150858843), Unreachable),
    (fault(5), AuthenticationFailed),
    (fault(2150859173), ActionFailed),
    (fault(2150859174), ActionFailed),
    (fault(None), ActionFailed),
    (ElementTree.ParseError("not well-formed"), ProtocolError),
    (struct.error(), ProtocolError),
    (StopIteration(), ProtocolError),
    (KeyError("content-type"), ProtocolError),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), ProtocolError),
]


@pytest.mark.parametrize(("error", "kind"), MEANINGS, ids=lambda value: repr(value)[:60])
def test_an_exception_means(error: Exception, kind: type[HostError]) -> None:
    assert kind is type(map_winrm_error(error, ADDRESS, worked=False))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ssl_error(ssl.SSLError("decryption failed or bad record mac")), Unreachable),
        (ssl_error(ssl.SSLCertVerificationError()), HostIdentityError),
    ],
    ids=["broken line", "another certificate"],
)
def test_a_host_that_had_proven_itself_is_doubted_only_for_its_certificate(error: Exception, kind: type[HostError]) -> None:
    assert kind is type(map_winrm_error(error, ADDRESS, worked=True))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (never_connected(ConnectionRefusedError(111, "Connection refused")), "connection refused"),
        (fault(2150858999), "the reason"),
        (WinRMTransportError("http", 404, ""), "404"),
        (wrapped(http.client.BadStatusLine("SSH-2.0")), ADDRESS),
    ],
)
def test_a_meaning_says_why_and_where(error: Exception, words: str) -> None:
    assert words in str(map_winrm_error(error, ADDRESS, worked=False))


@pytest.mark.parametrize(
    ("code", "name"), [(2150859173, "quota-shells"), (2150859174, "quota-operations"), (42, "42"), (None, "")]
)
def test_a_fault_keeps_its_code_for_programs(code: int | None, name: str) -> None:
    meaning = map_winrm_error(fault(code), ADDRESS, worked=False)
    assert isinstance(meaning, ActionFailed)
    assert name == meaning.code
