"""Protocol for running PowerShell scripts: a constant command line, a packed request, a framed answer.

A command line carries only `bootstrap.ps1`, with `once.ps1` or `resident.ps1` behind it. Script and arguments travel over
stdin as base64 of gzip of JSON, and the answer comes back as one line of ASCII that holds the request's nonce. So code
pages, quoting, length limits, progress records and noise on stdout do not matter, and no argument ever becomes code. An
answer is proven by the nonce, never by the exit code.
"""

import base64
import binascii
import gzip
import html
import json
import re
import zlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn

from adapters.error_text import TEXT_LIMIT, clean_line, describe_error
from adapters.errors import ActionFailed, ProtocolError
from adapters.phrase import Phrase

_COMMAND_LINE_LIMIT = 8_191
"""Characters that cmd.exe accepts. WinRS starts every command through it."""


_PROCESS_LIMIT = 32_767
"""Characters that CreateProcess accepts. The Task Scheduler starts programs through it. The program's path is short."""

_OPTIONS = "-NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand"

FRAME_END = b":END>>"
"""The end of a framed answer. What is packed in a frame cannot hold it."""

_FRAME = re.compile(rb"<<FLATNET:([^:<]*):([A-Za-z0-9+/=]*)" + FRAME_END)
"""A framed answer: its nonce, and what is packed in it."""

HOST_IDLE_SECONDS = 300
"""Seconds without a request after which a PowerShell that stays ends by itself."""

HOST_REQUESTS_LIMIT = 210
"""Requests after which a PowerShell that stays ends by itself."""


@cache
def build_command_line() -> str:
    """Builds the command line of a PowerShell that runs one script: the bootstrap, the same each time."""
    return _build_line(_load_code("once"))


@cache
def build_resident_line(idle_seconds: int = HOST_IDLE_SECONDS, requests_limit: int = HOST_REQUESTS_LIMIT) -> str:
    """Builds the command line of a PowerShell that stays and runs one script after another."""
    return _build_line(f"{_load_code('resident')}\nFlatnetStay {idle_seconds} {requests_limit}")


def _build_line(code: str) -> str:
    """Builds a command line that runs the bootstrap and then `code`."""
    encoded = _encode(f"{_load_code('bootstrap')}\n{code}")
    line = f"powershell.exe {_OPTIONS} {encoded}"
    if len(f"cmd.exe /C {line}") > _COMMAND_LINE_LIMIT:
        raise ValueError(f"bootstrap.ps1 is too long for cmd.exe: {len(line)} characters")
    return line


@cache
def build_guard_options() -> str:
    """Builds powershell.exe's options in the scheduled task that guards a change: constant code, like the bootstrap.

    Line ends beside braces are left out: the code is close to the limit.
    """
    code = re.sub(r"(?<=\{)\n|\n(?=\})", "", _load_code("guard"))
    options = f"{_OPTIONS} {_encode(code)}"
    if len(options) > _PROCESS_LIMIT - 300:
        raise ValueError(f"guard.ps1 is too long for one process's command line: {len(options)} characters")
    return options


def _load_code(name: str) -> str:
    """Loads a constant PowerShell file without comments, indentation and empty lines."""
    text = files("adapters.windows").joinpath(f"{name}.ps1").read_text("ascii")
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("#"))


def _encode(code: str) -> str:
    """Encodes code for `-EncodedCommand`."""
    return base64.b64encode(code.encode("utf-16-le")).decode()


@cache
def load_script(name: str) -> str:
    """Loads `scripts/<name>.ps1`. A line `# Part: files` is replaced by the functions in `scripts/parts/files.ps1`."""
    return re.sub(r"^# Part: (\w+)$", lambda part: load_script(f"parts/{part[1]}"), _load_file(name), flags=re.MULTILINE)


def _load_file(name: str) -> str:
    return files("adapters.windows").joinpath("scripts", f"{name}.ps1").read_text("utf-8")


def pack_request(nonce: str, script: str, arguments: Mapping[str, Any]) -> bytes:
    """Packs the line that the bootstrap reads from stdin."""
    document = json.dumps({"nonce": nonce, "script": script, "args": arguments}, allow_nan=False)
    return base64.b64encode(gzip.compress(document.encode(), mtime=0)) + b"\n"


def find_frame(stdout: bytes, nonce: str) -> re.Match[bytes] | None:
    """Finds the whole frame of an answer to `nonce`; its group 2 is the packed answer."""
    return next((frame for frame in _FRAME.finditer(stdout) if frame[1] == nonce.encode()), None)


def unpack_answer(stdout: bytes, nonce: str, limit: int, stderr: bytes = b"") -> Any:
    """Unpacks the object that the script returned, of at most `limit` bytes as JSON.

    Raises `ActionFailed` if the script failed; its `code` is the error's FullyQualifiedErrorId up to the first comma (the
    rest differs between versions of PowerShell). Raises `ProtocolError` if stdout holds no answer to `nonce`; `stderr` then
    helps to find the reason.
    """
    frame = find_frame(stdout, nonce)
    if frame is None:
        _raise_no_answer(stdout, stderr)
    match _unpack_document(frame[2], limit):
        case {"ok": True, "data": data}:
            return data
        case {"ok": False, "error": {"message": str(message), "type": str(kind), "id": str(identity)}}:
            raise ActionFailed(
                Phrase(
                    "Windows reported an error: {message}. Fix it on the host, then try again", message=clean_line(message)
                ),
                code=(identity or kind).partition(",")[0],
            )
        case _:
            raise ProtocolError(Phrase("unexpected response format from PowerShell. Try again"), maybe_ran=True)


def decode_stderr(stderr: bytes) -> str:
    """Decodes PowerShell's stderr to plain text. Redirected, its errors come as CLIXML, mixed with progress records."""
    text = stderr.decode("utf-8", "replace")
    if not text.startswith("#< CLIXML"):
        return text.strip()
    errors = "".join(re.findall(r'<S S="Error">([^<]*)</S>', text))
    return html.unescape(re.sub(r"_x([0-9A-Fa-f]{4})_", lambda code: chr(int(code[1], 16)), errors)).strip()


def _unpack_document(packed: bytes, limit: int) -> Any:
    try:
        unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        text = unzip.decompress(base64.b64decode(packed, validate=True), limit)  # gzip could expand it a thousandfold
        if not unzip.eof:
            raise ValueError("cut short, or longer than any answer")
        return json.loads(text)
    except (ValueError, RecursionError, binascii.Error, zlib.error) as error:
        raise ProtocolError(
            Phrase("could not decompress PowerShell's response ({reason}). Try again", reason=describe_error(error)),
            maybe_ran=True,
        ) from error


def _raise_no_answer(stdout: bytes, stderr: bytes) -> NoReturn:
    words = clean_line(decode_stderr(stderr)) or clean_line(stdout[-TEXT_LIMIT:].decode("utf-8", "replace"))
    if not words:
        raise ProtocolError(
            Phrase("PowerShell exited without a result. Check the host's event log for a crash"), maybe_ran=True
        )
    raise ProtocolError(Phrase("PowerShell exited without a result. Output: {words}", words=words), maybe_ran=True)
