r"""Spellings of a text inside a JSON string, as the encoders of programs write them. Pure.

    Python, PHP   ö as \u00f6, or as it is; PHP's slash as \/
    Go            & < > as \u0026 \u003c \u003e, and Unicode's line separators as \u2028 \u2029
    .NET, Java    hexadecimal digits in upper case

A spelling replaces each character by itself. So the spelling of a text contains the spelling of each of its parts.
Redaction searches a secret in all these spellings. Therefore a redacted text in one of them can be decoded without
showing a secret. A text in any other spelling stays as it is.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

_GO = {"&": r"\u0026", "<": r"\u003c", ">": r"\u003e", "\u2028": r"\u2028", "\u2029": r"\u2029"}
_SLASH = {"/": r"\/"}
_ESCAPE = re.compile(r"\\(?:u[0-9a-f]{4}|[^u])")


@dataclass(frozen=True)
class _Spelling:
    """A way to write a text; `table` has the escapes of characters that JSON allows as they are."""

    ascii_only: bool
    table: dict[int, str]
    upper: bool

    def spell(self, text: str) -> str:
        """Returns the text as it stands between the quotes of a JSON string."""
        written = json.dumps(text, ensure_ascii=self.ascii_only)[1:-1].translate(self.table)
        return _ESCAPE.sub(_capitalize_digits, written) if self.upper else written


def _capitalize_digits(escape: re.Match[str]) -> str:
    return escape[0][:2] + escape[0][2:].upper()


_SPELLINGS = tuple(
    _Spelling(ascii_only, str.maketrans(table), upper)
    for ascii_only, table, upper in product((True, False), ({}, _GO, _SLASH, _GO | _SLASH), (False, True))
)


def list_json_spellings(text: str) -> Iterator[str]:
    """Lists a text's spellings inside a JSON string, and inside one that is part of another JSON string."""
    for spelling in _SPELLINGS:
        once = spelling.spell(text)
        yield once
        yield spelling.spell(once)


def decode_json_spelling(text: str) -> str:
    """Decodes a part of a JSON string. A text that is not one of the known spellings stays as it is."""
    try:
        decoded = str(json.loads(f'"{text}"'))
    except ValueError:
        return text
    return decoded if any(spelling.spell(decoded) == text for spelling in _SPELLINGS) else text
