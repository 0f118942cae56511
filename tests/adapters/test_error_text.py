"""Why something failed: common causes in everybody's language, the rest in one bounded line."""

import asyncio
import socket
import ssl
from typing import Any

import pytest

from adapters.error_text import TEXT_LIMIT, clean_line, describe_error, map_local_error
from adapters.phrase import Phrase


def wrapped(cause: BaseException) -> Exception:
    """As libraries hand on what they met."""
    error = RuntimeError("All connection attempts failed")
    error.__cause__ = cause
    return error


def untrusted(code: int) -> ssl.SSLCertVerificationError:
    error: Any = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "OpenSSL's own words"
    return error  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 22)"), "connection refused"),
        (OSError(113, "No route to host"), "no route to the host"),
        (TimeoutError(110, "Connection timed out"), "timed out"),
        (TimeoutError(), "timed out"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "no such host name"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "the name server does not respond"),
        (FileNotFoundError(2, "No such file or directory", "/keys/bot"), "no such file"),
        (untrusted(10), "its certificate has expired"),
        (untrusted(20), "its certificate is from an unknown certificate authority"),
        (untrusted(62), "its certificate is for another name"),
        (wrapped(wrapped(ConnectionRefusedError(111, "Connection refused"))), "connection refused"),
        (RuntimeError("aborted", ConnectionResetError(104, "Connection reset by peer")), "connection reset"),
    ],
)
def test_a_common_cause_is_a_phrase_however_deep_it_lies(error: Exception, words: str) -> None:
    assert Phrase(words) == describe_error(error)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (ssl.SSLError(2, "wrong version number"), "wrong version number"),
        (untrusted(99), "OpenSSL's own words"),
        (ValueError("not\na\x00number"), "not a number"),
        (wrapped(ValueError("")), "All connection attempts failed"),
        (ValueError(), "ValueError"),
    ],
)
def test_what_is_not_common_keeps_its_own_words(error: Exception, words: str) -> None:
    assert words == describe_error(error)


async def test_a_refused_connection_is_one_over_asyncio_too() -> None:
    """Its text names the address, so only its code can be known."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(OSError) as caught:  # noqa: PT011
            await asyncio.open_connection(*bound.getsockname())
    assert Phrase("connection refused") == describe_error(caught.value)


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (OSError(24, "Too many open files"), True),
        (OSError(23, "Too many open files in system"), True),
        (wrapped(wrapped(OSError(24, "Too many open files"))), True),
        (wrapped(ExceptionGroup("several addresses", [OSError(101, "unreachable"), OSError(24, "files")])), True),
        (OSError(113, "No route to host"), False),
        (ssl.SSLError(24, "a number of OpenSSL's"), False),
        (ValueError("24"), False),
    ],
)
def test_what_the_bot_lacks_is_told_from_what_is_wrong_with_a_host(error: Exception, ours: bool) -> None:
    assert ours == (map_local_error(error) is not None)


@pytest.mark.parametrize(
    ("words", "as_shown"),
    [
        ("two\r\nlines\tand\x00more", "two lines and more"),
        ("\u202eturned round", "turned round"),
        ("Access is denied.", "Access is denied"),
        ("Reading package lists...", "Reading package lists..."),
        ("x" * 1000, "x" * TEXT_LIMIT + "…"),
        ("", ""),
    ],
)
def test_somebodys_own_words_are_shown_in_one_bounded_line(words: str, as_shown: str) -> None:
    assert as_shown == clean_line(words)
