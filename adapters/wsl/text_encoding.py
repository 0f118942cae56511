"""Decoder of log lines, line by line: one log may hold the output of several programs, each in its own encoding.

A line is UTF-8 if it can be, else Shift-JIS (code page 932) if it can be. It is UTF-16 if about half of it is NUL (a
quarter at least), even if splitting at line ends has cut a character. Otherwise it stays readable, and bytes that could
not be decoded become U+FFFD.
"""

import codecs
import re
from collections.abc import Sequence

from adapters.logs import LINE_READ_LIMIT

_ENCODINGS = {"utf-8": "utf-8", "cp932": "shift_jis"}
"""Python's names, in the order in which they are tried, and the names shown to people."""

_PRIVATE_USE = re.compile("[\uf8f0-\uf8f3]")
"""Characters that Python's code page 932 makes of single bytes outside that code page."""

_TIME_PREFIX = re.compile(rb"\d{4}-\d\d-\d\dT\S{1,32} ")
"""Time that podman puts before a container's own bytes."""


def decode_lines(lines: Sequence[bytes]) -> tuple[tuple[str, ...], str]:
    """Decodes the lines, each without its carriage return. Returns them and the encodings of those beyond ASCII."""
    decoded = [_decode_line(line) for line in lines]
    names = {name for text, name in decoded if not text.isascii() or name != "utf-8"}
    return tuple(text.removesuffix("\r") for text, _ in decoded), ", ".join(sorted(names)) or "utf-8"


def _decode_line(line: bytes) -> tuple[str, str]:
    if line and len(line) / 4 <= line.count(0) <= len(line) * 5 / 8:
        return _decode_utf16(line), "utf-16"
    wholes = (line, line[:-1]) if len(line) > LINE_READ_LIMIT else (line,)  # the last character may be cut
    tries = ((whole, encoding) for encoding in _ENCODINGS for whole in wholes)
    found = ((_try_encoding(whole, encoding), _ENCODINGS[encoding]) for whole, encoding in tries)
    return next(
        ((text, name) for text, name in found if text is not None), (line.decode("utf-8", errors="replace"), "utf-8")
    )


def _try_encoding(line: bytes, encoding: str) -> str | None:
    try:
        text = line.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if encoding == "cp932" and _PRIVATE_USE.search(text) else text


def _decode_utf16(line: bytes) -> str:
    before = time[0] if (time := _TIME_PREFIX.match(line)) else b""
    body = line.removeprefix(before)
    if body.startswith(codecs.BOM_UTF16_BE):
        return before.decode() + body[2:].decode("utf-16-be", errors="replace").rstrip("\x00\ufffd")
    if len(body) % 2 and body.startswith(b"\x00"):  # the second half of a line end in little-endian bytes
        body = body[1:]
    elif len(body) % 2 and body.endswith(b"\x00"):  # the first half of one in big-endian bytes
        return before.decode() + body[:-1].decode("utf-16-be", errors="replace")
    return before.decode() + body.removeprefix(codecs.BOM_UTF16_LE).decode("utf-16-le", errors="replace")
