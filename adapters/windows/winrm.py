"""WinRM, the road to Windows: the only importer of pywinrm and of the requests under it.

pywinrm's `Protocol` speaks WS-Man. What it does not give is here: log-in by NTLM, certificate or (over
TLS) password to a host that has proven itself, an answer of bounded size in bounded time, and every
error of the libraries as a `HostError`. When a shell is used again is `adapters.windows.session`'s.
"""

import http.client
import secrets
import ssl
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit
from xml.etree import ElementTree

import requests
import urllib3.exceptions
from pydantic import SecretStr
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests_ntlm import HttpNtlmAuth
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
from adapters.error_text import causes, own_trouble, reason
from adapters.errors import ActionFailed, AuthenticationFailed, DeadlineExceeded, FlatnetError, HostError, ProtocolError
from adapters.inventory import WindowsSide
from adapters.phrase import Phrase
from adapters.windows.action import WindowsAction
from adapters.windows.fault_codes import (
    late,
    lost,
    not_winrm,
    refused_by_fault,
    refused_by_status,
    refused_login,
    unproven,
    unreachable,
    unusable_files,
)
from adapters.windows.powershell import command_line
from adapters.windows.serial_executor import Turns
from adapters.windows.session import ShellSession
from adapters.windows.tcp_socket import Line, connections_held_by

Result = TypeVar("Result")

GRACE = 0.25
"""Seconds beyond the deadline in which the thread may still say itself what went wrong."""

CONNECT_LIMIT = 5.0
"""Seconds for a TCP connection: a dead host is known early, and its thread is free again."""

OPERATION_LIMIT = 10
"""Seconds after which the host ends a Receive without output, so that the deadline is looked at."""

CONNECTION_IDLE_LIMIT = 60.0
"""Seconds after which a kept connection is not trusted: the host may have closed it, and NTLM's sealing is lost with it."""

RESPONSE_LIMIT = 1_000_000
"""Bytes of one HTTP response; pywinrm announces envelopes of at most 153,600."""

_CUT_SHORT = (http.client.RemoteDisconnected, http.client.IncompleteRead)
"""What http.client counts among broken HTTP, though it is only a connection that ended."""

_MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"

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
    # what pywinrm, spnego and the XML parser raise over an answer that is not what they expect
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
"""Everything that a call into pywinrm can raise."""


class WinRmConnection:
    """An open line to the Windows side of one host; see `adapters.connection.Connection`."""

    def __init__(
        self,
        side: WindowsSide,
        secret: Callable[[str], SecretStr],
        pool: ThreadPoolExecutor,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._turns = Turns(lambda: ShellSession(_PywinrmWire(side, secret, monotonic), monotonic), pool)

    async def perform(self, action: Action[Answer]) -> Answer:
        """Run the action's script; only a `WindowsAction` has one."""
        if not isinstance(action, WindowsAction):
            raise TypeError(f"{type(action).__name__} is not an action of the Windows side")
        try:
            return await self._turns.run(lambda session: self._carry_out(session, action), action.deadline + GRACE)
        except TimeoutError as error:
            raise DeadlineExceeded.after(action.deadline, maybe_ran=action.changes) from error

    async def aclose(self) -> None:
        """Delete the shell on the host and close the connection, within a few seconds."""
        await self._turns.aclose()

    def _carry_out(self, session: ShellSession, action: WindowsAction[Answer]) -> Answer:
        """In a thread, which the deadline begins with; the answer is parsed here too, for the event loop is everybody's."""
        try:
            return action.parse(session.perform(action, secrets.token_hex(8), self._monotonic() + action.deadline))
        except ActionFailed as failure:
            raise action.explain(failure) from failure.__cause__
        except ValueError as error:
            raise ProtocolError(
                Phrase(
                    "the answer of {script} has an unknown form; check the versions of PowerShell and bot",
                    script=action.script,
                ),
                maybe_ran=action.changes,
            ) from error


class _PywinrmWire:
    """The messages of `adapters.windows.session.Wire`, spoken by pywinrm. One thread at a time, except for `cut`."""

    def __init__(self, side: WindowsSide, secret: Callable[[str], SecretStr], monotonic: Callable[[], float]) -> None:
        self.end = 0.0
        self.worked = False
        self._side = side
        self._secret = secret
        self._monotonic = monotonic
        self._address = urlsplit(side.url).netloc
        self._line = Line()
        # pywinrm wants a user, but the log-in is `_http_session`'s: only how NTLM seals messages is pywinrm's part.
        self._wsman = WsMan(side.url, transport="ntlm", username="-", password="", proxy=None)
        self._used_at = monotonic()

    def open_shell(self, idle_seconds: int) -> str:
        return self._exchange(
            self._wsman.open_shell,
            codepage=65001,
            noprofile=True,
            idle_timeout=f"PT{idle_seconds}S",
            env_vars={"WSL_UTF8": "1"},
        )

    def start(self, shell: str) -> str:
        return self._exchange(self._wsman.run_command, shell, command_line(), console_mode_stdin=False)

    def send(self, shell: str, command: str, piece: bytes, last: bool) -> None:
        self._exchange(self._wsman.send_command_input, shell, command, piece, end=last)

    def receive(self, shell: str, command: str) -> tuple[bytes, bytes, bool]:
        return self._exchange(self._output_so_far, shell, command)

    def end_command(self, shell: str, command: str) -> None:
        self._exchange(self._wsman.cleanup_command, shell, command)

    def delete_shell(self, shell: str) -> None:
        self._exchange(self._wsman.close_shell, shell, close_session=False)

    def hang_up(self) -> None:
        transport = self._wsman.transport
        transport.close_session()
        transport.encryption = None
        self._line.release()
        self.worked = False

    def cut(self) -> None:
        self._line.cut()

    def _output_so_far(self, shell: str, command: str) -> tuple[bytes, bytes, bool]:
        try:
            stdout, stderr, _, done = self._wsman.get_command_output_raw(shell, command)
        except WinRMOperationTimeoutError:
            return b"", b"", False
        return stdout, stderr, done

    def _exchange(self, call: Callable[..., Result], *arguments: Any, **options: Any) -> Result:
        """One call into pywinrm within what is left of the time, over a connection that can be trusted."""
        now = self._monotonic()
        left = self.end - now
        if left <= 0:
            raise late(self._address)
        if now - self._used_at > CONNECTION_IDLE_LIMIT:
            self.hang_up()
        transport = self._wsman.transport
        transport.read_timeout_sec = (min(left, CONNECT_LIMIT), left)  # type: ignore[assignment]  # requests takes a pair
        self._wsman.operation_timeout_sec = min(OPERATION_LIMIT, max(1, int(left)))
        session = transport.session or _http_session(self._side, self._secret, self._line)
        try:
            if transport.session is None:
                self._adopt(session)
            result = call(*arguments, **options)
        except LIBRARY_ERRORS as error:
            failure = translate(error, self._address, worked=self.worked)
            self.worked |= isinstance(error, WSManFaultError)  # a fault is an answer too
            raise failure from error
        self._used_at = self._monotonic()
        self.worked = True
        return result

    def _adopt(self, session: requests.Session) -> None:
        transport = self._wsman.transport
        if urlsplit(self._side.url).scheme == "http":
            transport.setup_encryption(session)  # first: nothing ever crosses plain HTTP unsealed
        transport.session = session


class _Adapter(HTTPAdapter):
    """HTTP on a line that can be cut, with responses of bounded size."""

    def __init__(self, line: Line) -> None:
        self._connections = connections_held_by(line)
        super().__init__(pool_connections=1, pool_maxsize=1)

    def get_connection_with_tls_context(self, request: Any, *rest: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(request, *rest, **options)
        pool.ConnectionCls = self._connections[urlsplit(request.url).scheme]
        return pool

    def build_response(self, req: Any, resp: Any) -> Any:
        """WinRM names the length of every response and packs none; anything else could be endless."""
        if resp.length_remaining is None or resp.length_remaining > RESPONSE_LIMIT or "Content-Encoding" in resp.headers:
            resp.close()
            raise requests.exceptions.ContentDecodingError("a response without a length, too long, or packed")
        return super().build_response(req, resp)


def _http_session(side: WindowsSide, secret: Callable[[str], SecretStr], line: Line) -> requests.Session:
    """A session that trusts one CA, no proxy and no environment, and follows no redirection."""
    session = requests.Session()
    session.trust_env = False
    session.max_redirects = 0
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(line))
    session.headers.update(
        {"Content-Type": "application/soap+xml;charset=UTF-8", "User-Agent": "flatnet-bot", "Accept-Encoding": "identity"}
    )
    if side.ca_file is not None:
        session.verify = str(side.ca_file)
    match side.transport:
        case "certificate":
            session.cert = (str(side.certificate_file), str(side.key_file))
            session.headers["Authorization"] = _MUTUAL
        case "basic":
            session.auth = HTTPBasicAuth(side.user, _password(side, secret))
        case "ntlm":
            session.auth = HttpNtlmAuth(side.user, _password(side, secret))
    return session


def _password(side: WindowsSide, secret: Callable[[str], SecretStr]) -> str:
    try:
        return secret(side.password_secret).get_secret_value()
    except FlatnetError as error:
        raise AuthenticationFailed(error.phrase) from error


def translate(error: Exception, address: str, *, worked: bool) -> HostError:
    """One of `LIBRARY_ERRORS` as what it means for the host, on a connection that had worked or not."""
    if (ours := own_trouble(error)) is not None:
        return ours
    chain = list(causes(error))

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in chain)

    match error:
        case WSManFaultError():
            return refused_by_fault(error.wsman_fault_code, error.reason, address)
        case WinRMTransportError():
            return refused_by_status(error.code, address)
        case WinRMOperationTimeoutError():
            return late(address)
        case AuthenticationError() | InvalidCredentialError() | PermissionError(errno=None):  # the last is requests_ntlm's
            return refused_login(address)
    if caused_by(ssl.SSLError, requests.exceptions.SSLError, urllib3.exceptions.SSLError):
        ended = worked or caused_by(ssl.SSLEOFError, ssl.SSLZeroReturnError)
        if ended and not caused_by(ssl.SSLCertVerificationError):
            return lost(address)
        return unproven(address, reason(error))
    if caused_by(requests.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError):
        return unreachable(address, reason(error))
    if caused_by(requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError):
        return late(address)
    if any(isinstance(cause, http.client.HTTPException) and not isinstance(cause, _CUT_SHORT) for cause in chain):
        return not_winrm(address, reason(error))
    if caused_by(ConnectionError, requests.ConnectionError, requests.exceptions.ChunkedEncodingError, *_CUT_SHORT):
        return lost(address)
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return unusable_files(reason(error))
    return not_winrm(address, reason(error))
