"""WinRM connection to Windows: the only importer of pywinrm.

pywinrm's `Protocol` speaks WS-Man over an `adapters.windows.http_session`. This module adds answers of bounded duration, and
a `HostError` for every error of the libraries. Reuse of shells is in `adapters.windows.session`.
"""

import asyncio
import http.client
import secrets
import ssl
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit
from xml.etree import ElementTree

import requests
import urllib3.exceptions
from pydantic import SecretStr
from spnego.exceptions import FeatureMissingError, InvalidCredentialError, NativeError, SpnegoError
from winrm.exceptions import (
    AuthenticationError,
    WinRMError,
    WinRMOperationTimeoutError,
    WinRMTransportError,
    WSManFaultError,
)
from winrm.protocol import Protocol as WsMan

from adapters.action import Action, Answer
from adapters.error_text import describe_error, map_local_error, walk_causes
from adapters.errors import ActionFailed, DeadlineExceeded, HostError, ProtocolError
from adapters.inventory import WindowsSide
from adapters.phrase import Phrase
from adapters.term import FindTerm, find_no_term
from adapters.windows.action import WindowsAction
from adapters.windows.http_session import make_http_session
from adapters.windows.powershell import build_command_line, build_resident_line
from adapters.windows.resident import Pause
from adapters.windows.serial_executor import SerialExecutor
from adapters.windows.session import ShellSession
from adapters.windows.tcp_socket import SocketHandle
from adapters.windows.tls_certificate import (
    OtherCertificate,
    ReadServerCertificate,
    ServerCertificate,
    read_server_certificate,
)
from adapters.windows.winrm_errors import (
    make_deadline_error,
    make_identity_error,
    make_login_error,
    make_lost_error,
    make_pin_error,
    make_protocol_error,
    make_tls_file_error,
    make_unreachable_error,
    map_fault,
    map_http_status,
)

Result = TypeVar("Result")

ANSWER_GRACE = 0.25
"""Seconds beyond the deadline in which the thread may still raise its own error."""

CONNECT_TIMEOUT = 5.0
"""Seconds for a TCP connection. A dead host is detected early, and its thread becomes free."""

OPERATION_TIMEOUT = 10
"""Seconds after which the host ends a Receive without output, so that the deadline is checked."""

CONNECTION_IDLE_TIMEOUT = 60.0
"""Seconds after which a kept connection is not reused. The host may have closed it, and NTLM's sealing is lost with it."""

_OTHER_FINGERPRINT = "Fingerprints did not match"
"""urllib3's words for a certificate that is not the pinned one. It has no class of its own for that."""

_ENDED_EARLY = (http.client.RemoteDisconnected, http.client.IncompleteRead)
"""Errors that http.client counts as broken HTTP, although a connection only ended."""

LIBRARY_ERRORS = (
    OSError,  # requests.RequestException, sockets, ssl, files of certificates, requests_ntlm's PermissionError
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    WinRMError,
    WinRMTransportError,
    WinRMOperationTimeoutError,
    FeatureMissingError,
    NativeError,
    SpnegoError,
    # raised by pywinrm, spnego and the XML parser over an unexpected answer
    ElementTree.ParseError,
    struct.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    StopIteration,
    TypeError,
    ValueError,
)
"""All errors that a call into pywinrm can raise."""


@dataclass(frozen=True)
class RequestForm:
    """Form of the requests of a connection.

    `find_term` is asked for the term that each change carries. `adapt_line` replaces each command line that starts
    PowerShell by another one.
    """

    find_term: FindTerm = find_no_term
    adapt_line: Callable[[str], str] = str


class WinRmConnection:
    """Connection to the Windows side of one host; see `adapters.connection.Connection`."""

    def __init__(
        self,
        side: WindowsSide,
        secret: Callable[[str], SecretStr],
        pool: ThreadPoolExecutor,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        form: RequestForm = RequestForm(),
    ) -> None:
        self._side = side
        self._form = form
        self._monotonic = monotonic
        pause = Pause(monotonic)
        self._executor = SerialExecutor(
            lambda: ShellSession(_PywinrmTransport(side, secret, monotonic, form.adapt_line), monotonic, pause), pool
        )

    async def perform(self, action: Action[Answer]) -> Answer:
        """Runs the script of a `WindowsAction`, or reads the certificate of the connection."""
        if isinstance(action, ReadServerCertificate):
            return cast(Answer, await self._read_server_certificate(action))
        if not isinstance(action, WindowsAction):
            raise TypeError(f"{type(action).__name__} is not an action of the Windows side")
        try:
            return await self._executor.run(
                lambda session: self._run_action(session, action), action.deadline + ANSWER_GRACE
            )
        except TimeoutError as error:
            raise DeadlineExceeded.after(action.deadline, maybe_ran=action.changes) from error

    async def aclose(self) -> None:
        """Deletes the shell on the host and closes the connection, within a few seconds."""
        await self._executor.aclose()

    async def _read_server_certificate(self, action: ReadServerCertificate) -> ServerCertificate:
        """Reads it beside the session, which may be busy. A handshake needs neither a thread nor a login."""
        address = urlsplit(self._side.url).netloc
        try:
            async with asyncio.timeout(action.deadline):
                return await read_server_certificate(self._side)
        except TimeoutError as error:
            raise DeadlineExceeded.after(action.deadline, maybe_ran=False) from error
        except (OSError, ValueError) as error:
            raise map_winrm_error(error, address, worked=False) from error

    def _run_action(self, session: ShellSession, action: WindowsAction[Answer]) -> Answer:
        """Runs the action in a thread; the deadline starts now. The answer is parsed here, to keep the event loop free."""
        try:
            return action.parse(
                session.perform(action, secrets.token_hex(8), self._monotonic() + action.deadline, self._form.find_term())
            )
        except ActionFailed as failure:
            raise action.explain(failure) from failure.__cause__
        except (ValueError, OverflowError) as error:  # the latter by a number that no time or integer can hold
            raise ProtocolError(
                Phrase(
                    "unexpected output format from {script}. Check the versions of PowerShell and the bot",
                    script=action.script,
                ),
                maybe_ran=action.changes,
            ) from error


class _PywinrmTransport:
    """The messages of `adapters.windows.session.ShellTransport` over pywinrm. One thread at a time, except for `abort`."""

    def __init__(
        self,
        side: WindowsSide,
        secret: Callable[[str], SecretStr],
        monotonic: Callable[[], float],
        adapt_line: Callable[[str], str],
    ) -> None:
        self.end = 0.0
        self.worked = False
        self._side = side
        self._secret = secret
        self._monotonic = monotonic
        self._adapt_line = adapt_line
        self._address = urlsplit(side.url).netloc
        self._handle = SocketHandle()
        # pywinrm needs a user, but `make_http_session` logs in. pywinrm only seals messages by NTLM.
        self._wsman = WsMan(side.url, transport="ntlm", username="-", password="", proxy=None)
        self._used_at = monotonic()

    def open_shell(self, idle_seconds: int) -> str:
        return self._call(
            self._wsman.open_shell,
            codepage=65001,
            noprofile=True,
            idle_timeout=f"PT{idle_seconds}S",
            env_vars={"WSL_UTF8": "1"},
        )

    def start_command(self, shell: str) -> str:
        return self._start(shell, build_command_line())

    def start_resident(self, shell: str) -> str:
        return self._start(shell, build_resident_line())

    def send_input(self, shell: str, command: str, piece: bytes, last: bool) -> None:
        self._call(self._wsman.send_command_input, shell, command, piece, end=last)

    def receive_output(self, shell: str, command: str) -> tuple[bytes, bytes, bool]:
        return self._call(self._read_output, shell, command)

    def end_command(self, shell: str, command: str) -> None:
        self._call(self._wsman.cleanup_command, shell, command)

    def delete_shell(self, shell: str) -> None:
        self._call(self._wsman.close_shell, shell, close_session=False)

    def disconnect(self) -> None:
        transport = self._wsman.transport
        transport.close_session()
        transport.encryption = None
        self._handle.release()
        self.worked = False

    def abort(self) -> None:
        self._handle.abort()

    def _start(self, shell: str, line: str) -> str:
        return self._call(self._wsman.run_command, shell, self._adapt_line(line), console_mode_stdin=False)

    def _read_output(self, shell: str, command: str) -> tuple[bytes, bytes, bool]:
        try:
            stdout, stderr, _, done = self._wsman.get_command_output_raw(shell, command)
        except WinRMOperationTimeoutError:
            return b"", b"", False
        return stdout, stderr, done

    def _call(self, call: Callable[..., Result], *arguments: Any, **options: Any) -> Result:
        """Makes one call into pywinrm within the remaining time, over a connection that can be trusted."""
        now = self._monotonic()
        left = self.end - now
        if left <= 0:
            raise make_deadline_error(self._address)
        if now - self._used_at > CONNECTION_IDLE_TIMEOUT:
            self.disconnect()
        transport = self._wsman.transport
        transport.read_timeout_sec = (min(left, CONNECT_TIMEOUT), left)  # type: ignore[assignment]  # requests takes a pair
        self._wsman.operation_timeout_sec = min(OPERATION_TIMEOUT, max(1, int(left)))
        session = transport.session or make_http_session(self._side, self._secret, self._handle)
        try:
            if transport.session is None:
                self._use_session(session)
            result = call(*arguments, **options)
        except LIBRARY_ERRORS as error:
            failure = map_winrm_error(error, self._address, worked=self.worked)
            self.worked |= isinstance(error, WSManFaultError)  # a fault is also an answer
            raise failure from error
        self._used_at = self._monotonic()
        self.worked = True
        return result

    def _use_session(self, session: requests.Session) -> None:
        """Uses a new session for the following calls."""
        transport = self._wsman.transport
        if urlsplit(self._side.url).scheme == "http":
            transport.setup_encryption(session)  # first, so that nothing crosses plain HTTP unsealed
        transport.session = session


def _names_other_fingerprint(cause: BaseException) -> bool:
    return isinstance(cause, urllib3.exceptions.SSLError) and _OTHER_FINGERPRINT in str(cause)


def map_winrm_error(error: Exception, address: str, *, worked: bool) -> HostError:
    """Maps one of `LIBRARY_ERRORS` to a `HostError`. `worked`: the connection had carried an answer before."""
    if (local := map_local_error(error)) is not None:
        return local
    chain = list(walk_causes(error))

    def has_cause(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in chain)

    match error:
        case WSManFaultError():
            return map_fault(error.wsman_fault_code, error.reason, address)
        case WinRMTransportError():
            return map_http_status(error.code, address)
        case WinRMOperationTimeoutError():
            return make_deadline_error(address)
        case AuthenticationError() | InvalidCredentialError() | PermissionError(errno=None):  # the last is requests_ntlm's
            return make_login_error(address)
    if any(isinstance(cause, OtherCertificate) or _names_other_fingerprint(cause) for cause in chain):
        return make_pin_error(address)
    if has_cause(ssl.SSLError, requests.exceptions.SSLError, urllib3.exceptions.SSLError):
        ended = worked or has_cause(ssl.SSLEOFError, ssl.SSLZeroReturnError)
        if ended and not has_cause(ssl.SSLCertVerificationError):
            return make_lost_error(address)
        return make_identity_error(address, describe_error(error))
    if has_cause(requests.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError):
        return make_unreachable_error(address, describe_error(error))
    if has_cause(requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError):
        return make_deadline_error(address)
    if any(isinstance(cause, http.client.HTTPException) and not isinstance(cause, _ENDED_EARLY) for cause in chain):
        return make_protocol_error(address, describe_error(error))
    if has_cause(ConnectionError, requests.ConnectionError, requests.exceptions.ChunkedEncodingError, *_ENDED_EARLY):
        return make_lost_error(address)
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return make_tls_file_error(describe_error(error))
    return make_protocol_error(address, describe_error(error))
