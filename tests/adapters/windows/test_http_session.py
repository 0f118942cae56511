"""The session under WinRM prepares the parts that all messages share once, and nothing else changes by that."""

from typing import Any

import pytest
import requests
from pydantic import SecretStr

from adapters.inventory import WindowsSide
from adapters.windows.http_session import make_http_session
from adapters.windows.tcp_socket import SocketHandle

URL = "https://192.0.2.11:5986/wsman"

LOG_INS: dict[str, dict[str, str]] = {
    "ntlm": {"transport": "ntlm"},
    "basic": {"transport": "basic"},
    "certificate": {"transport": "certificate", "certificate_file": "bot.pem", "key_file": "bot.key"},
}


def session_for(**log_in: str) -> requests.Session:
    side = WindowsSide.model_validate({"url": URL, "user": "flatnet-bot", "ca_file": "ca.pem", **log_in})
    return make_http_session(side, lambda name: SecretStr("a password"), SocketHandle())


def seen(message: requests.PreparedRequest) -> Any:
    return message.method, message.url, dict(message.headers or {}), message.body, sorted(message.hooks)


@pytest.mark.parametrize("log_in", LOG_INS.values(), ids=LOG_INS)
def test_every_message_is_what_requests_would_prepare_by_itself(log_in: dict[str, str]) -> None:
    session, usual = session_for(**log_in), session_for(**log_in)
    for body in (b"first", b"a longer second", None, b"", b"text", b"x" * 100_000):
        request = requests.Request("POST", URL, data=body)
        assert seen(requests.Session.prepare_request(usual, request)) == seen(session.prepare_request(request))


def test_what_is_done_to_one_message_reaches_no_other() -> None:
    session = session_for()
    first = session.prepare_request(requests.Request("POST", URL, data=b"one"))
    first.headers["Content-Type"] = "multipart/encrypted"
    second = session.prepare_request(requests.Request("POST", URL, data=b"two"))
    assert "application/soap+xml;charset=UTF-8" == second.headers["Content-Type"]
