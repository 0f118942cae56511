"""Removes secrets from everything that is shown: Slack, terminal, logs, errors, files, exports. It cannot be switched off.

    registered values   every configured secret: as it is, and encoded in JSON, a URL, HTML, base64, hexadecimal
    keys                private keys in PEM
    patterns            vendors' tokens, headers, `password=…` (`bot.security.secret_patterns`)

A key is its first line, its last line, and what looks like key data after the first or before the last. So a log line
that only contains "BEGIN PRIVATE KEY" hides these words and no other line. The number of lines stays the same.

Stored data is not rewritten: code that is about to store calls `holds_secret` and refuses. A truncated secret is not
found, so redact first and shorten then. Values of fewer than six characters are not searched for: they would remove
innocent words (also in answers), and so reveal themselves.
"""

import base64
import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote, quote_plus

from bot.security.json_spelling import list_json_spellings
from bot.security.secret_patterns import MARK, is_secret_name, redact_patterns

MIN_LENGTH = 6
"""Minimum characters of a value that is searched for."""
MIN_PART_LENGTH = 8
"""Minimum characters of a value's part that is searched for: a line of a key, a piece of base64."""

_KEY_KIND = r"[A-Z0-9 ]{0,60}PRIVATE KEY(?: BLOCK)?-----"
_KEY_EDGE = re.compile(rf"-----(?P<edge>BEGIN|END) {_KEY_KIND}")
_KEY_FIRST_LINE = re.compile(rf"-----BEGIN {_KEY_KIND}[ \t\r]*\Z")
"""End of a line that is followed by a key's other lines."""
_KEY_BEGUN = re.compile(rf"-----BEGIN {_KEY_KIND}[^\"'\r]*")
"""A key without its last line: up to the next quote, because a key on one line stands in quotes."""
_KEY_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\\#"
"""Characters of a key on one line, with its line ends (`\\n`, syslog's `#012`)."""
_LOG_PREFIX = (
    r"(?P<before>[ \t]*(?:(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^ ]{0,20}|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) "
    r"(?:std(?:out|err) [FP] |[\w.-]{1,255} [^\s:\[]{1,64}(?:\[\d{1,10}\])?: )?[ \t]*)?)"
)
"""Prefix of podman, the journal and syslog before a program's output."""
_KEY_LINE = re.compile(
    rf"{_LOG_PREFIX}(?P<key>[A-Za-z0-9+/]+={{0,2}}|{re.escape(MARK)}"
    r"|(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset): .{0,200})?"
)
"""A line between the first and the last one of a key; the mark stands in place of a registered value."""
_KEY_LINE_ALONE = re.compile(
    rf"{_LOG_PREFIX}(?=\S*[A-Z])(?=\S*[a-z])"
    r"(?P<key>[A-Za-z0-9+/]{60,}={0,2}|(?=\S*[0-9])(?:[A-Za-z0-9+/]{16,}={1,2}|[A-Za-z0-9+/]{24,}))"
)
"""A line of a key without its surroundings: of OpenSSL's or OpenSSH's width, or shorter like the last line of a key, or a
whole key of 32 bytes (Nebula's, WireGuard's). Fingerprints and container ids have lower-case letters only."""
_KEY_LAST_LINE = re.compile(rf"{_LOG_PREFIX}-----END {_KEY_KIND}")
"""Start of a line that follows a key's other lines."""
_NEVER = re.compile(r"(?!)")


def _redact_keys(lines: Iterable[str], alone: re.Pattern[str]) -> list[str]:
    """Remove private keys from lines; `alone` matches lines of a key whose first and last line are missing."""
    kept: list[str] = []
    within = False
    for line in lines:
        if "PRIVATE KEY" in line and _KEY_EDGE.search(line):
            if _KEY_LAST_LINE.match(line):
                _mark_preceding_lines(kept)
            kept.append(_redact_key_edges(line))
            within = _KEY_FIRST_LINE.search(line) is not None
        else:
            marked = _mark_key_line(line, _KEY_LINE if within else alone)
            kept.append(line if marked is None else marked)
            within = marked is not None
    return kept


def _redact_key_edges(line: str) -> str:
    """Remove the parts of keys from a line, from the BEGIN of each to its END."""
    kept, at, begun = "", 0, -1
    for edge in _KEY_EDGE.finditer(line):
        if edge["edge"] == "BEGIN":
            begun = edge.start() if begun < 0 else begun
        else:
            before = line[at:begun] if begun >= 0 else line[at : edge.start()].rstrip(_KEY_CHARACTERS)
            kept, at, begun = f"{kept}{before}{MARK}", edge.end(), -1
    return kept + _KEY_BEGUN.sub(MARK, line[at:])


def _mark_preceding_lines(kept: list[str]) -> None:
    """Mark the preceding lines that may belong to a key whose last line comes now."""
    for place in range(len(kept) - 1, -1, -1):
        marked = None if MARK in kept[place] else _mark_key_line(kept[place], _KEY_LINE)
        if marked is None:
            return
        kept[place] = marked


def _mark_key_line(line: str, shape: re.Pattern[str]) -> str | None:
    """Return the line with its part of a key replaced by the mark; None if it has another shape."""
    whole = line.rstrip()
    found = shape.fullmatch(whole)
    if found is None:
        return None
    return f"{found['before']}{MARK}{line[len(whole) :]}" if found["key"] else line


class Redactor:
    """Removes the registered values, and everything that looks like a secret, from text and JSON.

    Redacting twice changes nothing more.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._looks: list[str] = []
        self.add_values(values)

    def add_values(self, values: Iterable[str]) -> None:
        """Search for these values, too, from now on; a new configuration may have brought them."""
        looks = {*self._looks, *(look for value in values for look in _list_spellings(value))}
        self._looks = sorted(looks, key=lambda look: (-len(look), look))

    def redact(self, text: str) -> str:
        """Return the text without secrets."""
        return self._redact(text, _NEVER)

    def redact_log(self, text: str) -> str:
        """Return the lines of a log without secrets. A log is read in parts, so both ends of a key may be missing."""
        return self._redact(text, _KEY_LINE_ALONE)

    def redact_json(self, value: Any) -> Any:
        """Return a JSON value without secrets, keys included; a value under a key like `password` is removed whole."""
        return _redact_json(value, cache(self.redact))  # keys repeat, and log lines may occur in several places

    def holds_secret(self, value: Any) -> bool:
        """Return whether redaction would change a text, or anything in a JSON value."""
        if isinstance(value, str):
            return self.redact(value) != value
        if isinstance(value, Mapping):
            named = (_is_named_secret(name, part) and part != MARK for name, part in value.items())
            return any(named) or any(map(self.holds_secret, (*value.keys(), *value.values())))
        return isinstance(value, list | tuple) and any(map(self.holds_secret, value))

    def _redact(self, text: str, alone: re.Pattern[str]) -> str:
        for look in self._looks:
            if look in text:
                text = text.replace(look, "\n".join([MARK] * (look.count("\n") + 1)))
        return "\n".join(redact_patterns(_redact_keys(text.split("\n"), alone)))


def _redact_json(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {
            _redact_json(name, clean): MARK if _is_named_secret(name, part) else _redact_json(part, clean)
            for name, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [_redact_json(part, clean) for part in value]
    return value


def _is_named_secret(name: Any, value: Any) -> bool:
    return isinstance(name, str) and isinstance(value, str) and bool(value) and is_secret_name(name)


def _list_spellings(value: str) -> Iterator[str]:
    """Yield all encodings of a secret value inside another text."""
    value = value.strip()
    if len(value) < MIN_LENGTH or value in MARK:
        return
    parts = {value} | {line.strip() for line in value.splitlines() if len(line.strip()) >= 2 * MIN_PART_LENGTH}
    for part in parts:
        if not part.startswith("-----"):
            yield from (spelled for spell in _ENCODERS if len(spelled := spell(part)) >= MIN_LENGTH)
            yield from list_json_spellings(part)
            for encoding in ("utf-8", "utf-16-le"):
                data = part.encode(encoding, "surrogatepass")
                yield from (data.hex(), data.hex().upper())
                yield from _encode_base64(data)


_ENCODERS: tuple[Callable[[str], str], ...] = (
    str,
    quote,
    quote_plus,
    lambda text: quote(text, safe=""),
    lambda text: re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quote(text, safe="")),
    lambda text: html.escape(text, quote=False),
    html.escape,
    lambda text: text.replace("'", "''"),
    lambda text: text.replace('"', '""'),
    lambda text: repr(text)[1:-1],
)


def _encode_base64(data: bytes) -> Iterator[str]:
    """Yield the characters that the value alone determines, for each of its three possible offsets."""
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + data).decode("ascii").rstrip("=")
        end = len(whole) if (before + len(data)) % 3 == 0 else len(whole) - 1
        inner = whole[(0, 2, 3)[before] : end]
        if len(inner) >= MIN_PART_LENGTH:
            yield from (inner, inner.replace("+", "-").replace("/", "_"))
