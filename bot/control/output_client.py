"""Asks a running bot for output that is ready to print. Uses the standard library alone, for `do` must start at once.

    POST /ask   {"text": …, "surface": "do", "output": {"form": …, "language": …, …}}  ─▶  {"exit", "stdout", "stderr"}
      with `Progress-Columns: 80` ─▶ lines {"progress": "[####---] 4/6 …"} as long as it takes, and that as the last line

`bot.control.client` speaks to the same socket where the whole answer is needed.
"""

import base64
import errno
import http.client
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.model.output import EXIT_CODES, Form, Output, ShowLine, Terminal

MAX_OUTPUT = 64 * 1024 * 1024
"""Bytes of one output; an archive of logs is the largest."""

DEADLINE = 120.0
"""Seconds in which the output is expected: more than any read of a whole fleet takes."""

PROGRESS_HEADER = "Progress-Columns"
"""Header of a request that wants lines of progress, with the columns of its terminal."""

PROGRESS_TYPE = "application/x-ndjson"
"""Content type of a response with lines of progress. Its last line is the answer."""

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


@dataclass(frozen=True)
class OutputRequest:
    """A request for output: the words, the form, the terminal, and what shows progress; None if nothing does."""

    text: str
    form: Form
    terminal: Terminal
    show: ShowLine | None = None


def request_output(path: Path, wanted: OutputRequest, deadline: float = DEADLINE) -> Output | None:
    """Have the running bot answer and render; None if none runs.

    Raises `NotConnected`, `RequestRefused`, `AnswerLost` or `AnswerUnreadable`.
    """
    connection = _UnixConnection(path, deadline)
    try:
        connection.connect()
    except OSError as error:
        connection.close()
        if error.errno in NO_LISTENER:
            return None
        raise NotConnected(error) from error
    headers = {"Content-Type": "application/json"}
    if wanted.show is not None:
        headers[PROGRESS_HEADER] = str(wanted.terminal.columns)
    try:
        connection.request("POST", "/ask", _write_request(wanted), headers)
        response = connection.getresponse()
        body = _read_body(response, wanted.show)
    except (OSError, http.client.HTTPException) as error:
        raise AnswerLost(str(error)) from error
    finally:
        connection.close()
    if response.status == REFUSED:
        raise RequestRefused(body)
    return _read_output(response.status, body)


def _read_body(response: http.client.HTTPResponse, show: ShowLine | None) -> bytes:
    """Read the answer, and show the lines of progress before it. Raises `IncompleteRead` if it is cut."""
    if show is None or response.headers.get_content_type() != PROGRESS_TYPE:
        body = response.read(MAX_OUTPUT + 1)
        if response.length:
            raise http.client.IncompleteRead(body[:0], response.length)
        return body
    while (body := response.readline(MAX_OUTPUT + 1)).endswith(b"\n"):
        show(parse_progress(body))
    if not body:
        raise http.client.IncompleteRead(body)
    return body


def parse_progress(line: bytes) -> str:
    """Parse a line of progress; "" if it is none. Characters that a terminal would obey are dropped."""
    try:
        said = json.loads(line)["progress"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return "".join(filter(str.isprintable, said)) if isinstance(said, str) else ""


def _write_request(wanted: OutputRequest) -> bytes:
    terminal = wanted.terminal
    words = wanted.text.encode("utf-8", "backslashreplace").decode("utf-8")  # a terminal may hand in bytes that are no text
    output = {
        "form": wanted.form,
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
