"""Typed text without its secrets. Phones and input methods write some so that only plain characters show them.

A quoted text keeps the characters that were typed (`commands.values.normalize`), but a secret in it is still one.
"""

from collections.abc import Callable

from commands.values.normalize import normalize_characters


def redact_typed(text: str, clean: Callable[[str], str]) -> str:
    """Returns the text itself if it holds no secret. `clean` puts the mark in place of secrets."""
    plain = normalize_characters(text)
    shown = clean(plain)
    return clean(text) if shown == plain else shown
