"""HTTP session under WinRM: logs in by NTLM, certificate or (over TLS) password to a verified host; bounded responses."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from pydantic import SecretStr
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests_ntlm import HttpNtlmAuth

from adapters.errors import AuthenticationFailed, FlatnetError
from adapters.inventory import WindowsSide
from adapters.windows.tcp_socket import SocketHandle, make_connection_classes

RESPONSE_LIMIT = 1_000_000
"""Bytes of one HTTP response. pywinrm announces envelopes of at most 153,600."""

_MUTUAL_AUTHENTICATION = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"


class _BoundedAdapter(HTTPAdapter):
    """HTTP adapter with connections that can be aborted and responses of bounded size.

    `pinned` is the SHA-256 of the only certificate that is accepted, beside what the CA asks; "" for none.
    """

    def __init__(self, handle: SocketHandle, pinned: str) -> None:
        self._connections = make_connection_classes(handle)
        self._pinned = pinned
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> Any:
        if self._pinned:
            options["assert_fingerprint"] = self._pinned
        return super().init_poolmanager(*arguments, **options)

    def get_connection_with_tls_context(self, request: Any, *rest: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(request, *rest, **options)
        pool.ConnectionCls = self._connections[urlsplit(request.url).scheme]
        return pool

    def build_response(self, req: Any, resp: Any) -> Any:
        """Rejects a response without a length, too long, or packed. WinRM sends none of these, and they could be endless."""
        if resp.length_remaining is None or resp.length_remaining > RESPONSE_LIMIT or "Content-Encoding" in resp.headers:
            resp.close()
            raise requests.exceptions.ContentDecodingError("a response without a length, too long, or packed")
        return super().build_response(req, resp)


class _WsmanSession(requests.Session):
    """HTTP session in which all but the body of a message is prepared once: sealing alone changes more."""

    _first: requests.PreparedRequest | None = None

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        if self._first is None or not request.data:
            self._first = super().prepare_request(request)
            return self._first.copy()
        message = self._first.copy()
        message.prepare_body(request.data, None)
        return message


def make_http_session(side: WindowsSide, secret: Callable[[str], SecretStr], handle: SocketHandle) -> requests.Session:
    """Makes a session that trusts one CA, or one certificate of it.

    It ignores proxies and the environment, and follows no redirection.
    """
    session = _WsmanSession()
    session.trust_env = False
    session.max_redirects = 0
    session.mount("http://", _BoundedAdapter(handle, pinned=""))
    session.mount("https://", _BoundedAdapter(handle, side.certificate_sha256))
    session.headers.update(
        {"Content-Type": "application/soap+xml;charset=UTF-8", "User-Agent": "flatnet-bot", "Accept-Encoding": "identity"}
    )
    if side.ca_file is not None:
        session.verify = str(side.ca_file)
    match side.transport:
        case "certificate":
            session.cert = (str(side.certificate_file), str(side.key_file))
            session.headers["Authorization"] = _MUTUAL_AUTHENTICATION
        case "basic":
            session.auth = HTTPBasicAuth(side.user, _get_password(side, secret))
        case "ntlm":
            session.auth = HttpNtlmAuth(side.user, _get_password(side, secret))
    return session


def _get_password(side: WindowsSide, secret: Callable[[str], SecretStr]) -> str:
    try:
        return secret(side.password_secret).get_secret_value()
    except FlatnetError as error:
        raise AuthenticationFailed(error.phrase) from error
