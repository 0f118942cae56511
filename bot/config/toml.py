"""Text of TOML files: decoded, and syntax errors with their lines. Pure.

Positions of keys in a TOML file, so that a complaint can name its line. Pure.

`tomllib` gives values without positions. This module reads headers and keys only. A key inside a multi-line value or an
inline table has no position of its own.
"""

import re
import tomllib
from collections import Counter

from adapters.phrase import Phrase
from bot.config.errors import Complaint


def decode_text(content: bytes, limit: int) -> str | Complaint:
    """Decodes the content of a file of at most `limit` bytes; a complaint if it is longer, or not UTF-8."""
    if len(content) > limit:
        return Complaint("", None, Phrase("is larger than {n} bytes", n=limit))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return Complaint("", line, Phrase("is not UTF-8. Save it as UTF-8"))


def make_syntax_complaint(error: tomllib.TOMLDecodeError, text: str) -> Complaint:
    """Makes the complaint for text that is no TOML."""
    line = getattr(error, "lineno", None)
    if line is None:  # before Python 3.14 the position is only in the message
        place = str(error).rpartition("(at line ")[2].partition(",")[0]
        line = int(place) if place.isdigit() else text.count("\n") + 1
    reason = str(error).partition(" (at ")[0]
    return Complaint("", line, Phrase("invalid TOML: {reason}", reason=reason))


KeyPath = tuple[str | int, ...]
"""Path of a key: names, and indexes into arrays of tables."""

_HEADER = re.compile(r"^\s*(\[{1,2})\s*([A-Za-z0-9_.\"'-]+)\s*\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_.\"'-]+)\s*=")


def find_lines(text: str) -> dict[KeyPath, int]:
    """Returns the line numbers (from 1) of all headers and keys that could be located, by key path."""
    found: dict[KeyPath, int] = {}
    tables: Counter[KeyPath] = Counter()
    here: KeyPath = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header:
            here = _locate_header(_split_key(header[2]), tables, array=header[1] == "[[")
            found.setdefault(here, number)
        elif key := _KEY.match(line):
            found.setdefault(here + _split_key(key[1]), number)
    return found


def find_line(path: KeyPath, lines: dict[KeyPath, int]) -> int | None:
    """Returns the line of a key, or of the nearest table around it; None if there is none."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def _split_key(dotted: str) -> KeyPath:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _locate_header(path: KeyPath, tables: Counter[KeyPath], *, array: bool) -> KeyPath:
    """Returns the path of a header, with the indexes of the array elements to which it belongs."""
    placed: KeyPath = ()
    for part in path[:-1]:
        placed += (part,)
        if placed in tables:
            placed += (tables[placed] - 1,)
    placed += (path[-1],)
    if array:
        tables[placed] += 1
        return (*placed, tables[placed] - 1)
    return placed
