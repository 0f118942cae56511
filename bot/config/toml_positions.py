"""Where in a TOML file a key stands, so that a complaint can name its line.

`tomllib` gives values without positions; this reads headers and keys only, and answers None
where it cannot tell (a value spread over lines, an inline table).
"""

import re
from collections import Counter

KeyPath = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[{1,2})\s*([A-Za-z0-9_.\"'-]+)\s*\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_.\"'-]+)\s*=")


def lines_of(text: str) -> dict[KeyPath, int]:
    """Key path to line number (from 1) for every header and key that can be placed."""
    found: dict[KeyPath, int] = {}
    tables: Counter[KeyPath] = Counter()
    here: KeyPath = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header:
            here = _placed(_split(header[2]), tables, array=header[1] == "[[")
            found.setdefault(here, number)
        elif key := _KEY.match(line):
            found.setdefault(here + _split(key[1]), number)
    return found


def line_of(path: KeyPath, lines: dict[KeyPath, int]) -> int | None:
    """The line of a key, or of the nearest table around it."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def _split(dotted: str) -> KeyPath:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _placed(path: KeyPath, tables: Counter[KeyPath], *, array: bool) -> KeyPath:
    """The path of a header, with the index of the array element that it belongs to."""
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
