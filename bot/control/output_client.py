"""Asks a running bot for output that is ready to print. Uses the standard library alone, for `do` must start at once.

    POST /ask   {"text": …, "surface": "do", "output": {"form": …, "language": …, …}}  ─▶  {"exit", "stdout", "stderr"}

`bot.control.client` speaks to the same socket where the whole answer is needed.
"""

import base64
import errno
import http.client
import json
import os
import socket
from pathlib import Path
from typing import Any

from bot.model.output import EXIT_CODES, Form, Output, Terminal

MAX_OUTPUT = 64 * 1024 * 1024
"""Bytes of one output; an archive of logs is the largest."""

DEADLINE = 120.0
"""Seconds in which the output is expected: more than any read of a whole fleet takes."""

NO_LISTENER = (errno.ENOENT, errno.ECONNREFUSED)
"""Error numbers of connecting if no bot listens."""

OK, REFUSED = 200, 403
"""The two statuses: the requested value, or a failure."""

MAX_PATH_BYTES = 107
"""Bytes of a socket's path (sun_path of Linux, minus its terminator)."""


class NotConnected(Exception):
    """A bot may listen, but this process cannot connect. `reason` is the system's error."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class AnswerLost(Exception):
    """The request was sent, and no usable answer came. It may have been carried out."""


class AnswerUnreadable(Exception):
    """The bot answered, and the answer could not be parsed: another version runs, or it failed."""


class RequestRefused(Exception):
    """The bot refused the request. `document` is its failure as JSON."""

    def __init__(self, document: bytes) -> None:
        super().__init__("refused")
        self.document = document


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, deadline: float) -> None:
        super().__init__("bot", timeout=deadline)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fspath(self._path))


def request_output(path: Path, text: str, form: Form, terminal: Terminal, deadline: float = DEADLINE) -> Output | None:
    """Have the running bot answer and render; None if none runs.

    Raises `NotConnected`, `RequestRefused`, `AnswerLost` or `AnswerUnreadable`.
    """
    words = text.encode("utf-8", "backslashreplace").decode("utf-8")  # a terminal may hand in bytes that are no text
    connection = _UnixConnection(path, deadline)
    try:
        connection.connect()
    except OSError as error:
        connection.close()
        if error.errno in NO_LISTENER:
            return None
        raise NotConnected(error) from error
    try:
        connection.request("POST", "/ask", _write_request(words, form, terminal), {"Content-Type": "application/json"})
        response = connection.getresponse()
        body = response.read(MAX_OUTPUT + 1)
        if response.length:
            raise http.client.IncompleteRead(body[:0], response.length)
    except (OSError, http.client.HTTPException) as error:
        raise AnswerLost(str(error)) from error
    finally:
        connection.close()
    if response.status == REFUSED:
        raise RequestRefused(body)
    return _read_output(response.status, body)


def _write_request(words: str, form: Form, terminal: Terminal) -> bytes:
    output = {
        "form": form,
        "language": terminal.language,
        "columns": terminal.columns,
        "is_terminal": terminal.is_terminal,
        "environment": dict(terminal.environment),
    }
    return json.dumps({"text": words, "surface": "do", "output": output}).encode()


def _read_output(status: int, body: bytes) -> Output:
    try:
        document: dict[str, Any] = json.loads(body)
        code, stdout, stderr = document["exit"], document["stdout"], document["stderr"]
        if status != OK or code not in EXIT_CODES or not isinstance(stderr, str):
            raise ValueError("unexpected answer")
        return Output(code, base64.b64decode(stdout, validate=True), stderr)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise AnswerUnreadable(str(error)) from error
