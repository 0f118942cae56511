"""Sanitizes untrusted text (from hosts, people, files) for every surface.

Surfaces' own markup is handled elsewhere: `bot.rendering.slack.blocks` escapes Slack's, and
`bot.answers.terminal` uses none.

Typed text without its secrets. Phones and input methods write some so that only plain characters show them.

A quoted text keeps the characters that were typed (`commands.values.normalize`), but a secret in it is still one.
"""

import unicodedata
from collections.abc import Callable

from commands.values.normalize import normalize_characters

ELLIPSIS = "…"

_CONTROLS = {code: " " if chr(code).isspace() else chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡", 0x85: " "}
"""NUL becomes ␀, ESC becomes ␛: visible and without effect; line separators become a space."""


def to_one_line(text: str) -> str:
    """Return `text` on one line: white space becomes one space, control characters become pictures.

    Invisible characters that change what is visible are removed: right-to-left marks, zero-width
    characters, halves of surrogate pairs (which UTF-8 output cannot carry).
    """
    line = text.translate(_CONTROLS)
    if not line.isprintable():
        line = "".join(filter(_is_visible, line))
    return " ".join(line.split())


def shorten(text: str, most: int) -> str:
    """Return at most `most` characters of `text`; an ellipsis marks the cut."""
    return text if len(text) <= most else text[: most - 1] + ELLIPSIS


def _is_visible(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs")


def clean_lines(text: str) -> str:
    """Keep lines and spaces, and remove characters that could move a cursor or hide a word."""
    return "".join(f"{''.join(filter(_is_visible, line.translate(_CONTROLS)))}\n" for line in text.splitlines())


def redact_typed(text: str, clean: Callable[[str], str]) -> str:
    """Returns the text itself if it holds no secret. `clean` puts the mark in place of secrets."""
    plain = normalize_characters(text)
    shown = clean(plain)
    return clean(text) if shown == plain else shown
