"""Normalizes typed text: reverts what Slack, phones and input methods do to it.
* Slack writes links, mentions and escapes: `<http://host-a|host-a>`, `<@U1|ana>`, `&amp;`.
* Phones and macOS make quotes and dashes typographic: “a”, `–details`, `—details`.
* Input methods write full-width: `ｈｅａｌｔｈ　－－ｄｅｔａｉｌｓ`.
* Pasted text brings back-ticks, non-breaking spaces, zero-width and right-to-left marks, NUL.

Letters of a language are not changed: the katakana long vowel (ー) is no dash.

A quoted text is the requester's own: a pattern, a reason, a title. Only what Slack did to it is reverted there, its quotes
become straight ones, and what is invisible goes.
"""

import re
import unicodedata
from dataclasses import dataclass

MAX_REQUEST_LENGTH = 4_000
"""Maximum characters of one request, the number that Slack advises for the text of a message."""

_DOUBLE_QUOTES, _SINGLE_QUOTES = '"“”„‟＂', "'‘’‚‛＇"
_REPLACEMENTS = {
    **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # full-width ASCII
    **dict.fromkeys(_DOUBLE_QUOTES, '"'),
    **dict.fromkeys(_SINGLE_QUOTES, "'"),
    **dict.fromkeys("‐‑﹣", "-"),
    "…": "...",
    "`": "",
    "｀": "",
}
_DASHES = "‒–—―−"
_LONG_DASHES = "—―"
_LINK = re.compile(r"<(?:https?://|mailto:|tel:)[^|<>]*\|([^<>]*)>|<(https?://[^|<>]*)>|<(?:mailto:|tel:)([^|<>]*)>")
_MENTION = re.compile(r"<(?:([@#][A-Z0-9]+)|!subteam\^([A-Z0-9]+)|!([a-z]+)(?:\^[^|<>]*)?)(?:\|[^<>]*)?>")
_ESCAPE = re.compile(r"&(?:amp;)*(lt|gt|amp);")
_ESCAPE_VALUES = {"lt": "<", "gt": ">", "amp": "&"}
_DASH_RUN = re.compile(rf"(?<!\S)(?=-*[{_DASHES}])([-{_DASHES}]+)(?=([A-Za-z][A-Za-z0-9-]*))")
_TOKEN = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*'|["'])+""")
_QUOTES = re.compile(r""""[^"]*"|'[^']*'|["']""")
_WORD_START = re.compile(r"(?:^|\s)(?:--[A-Za-z-]+=)?$")
_QUOTED = re.compile(r""""([^"]*)"|'([^']*)'""")
_QUOTED_OR_NOT = re.compile(
    "|".join(
        rf"{straight}(?P<{name}>[^{straight}]*){straight}"  # any other quotes between two straight ones are text
        rf"|[{every}](?P<any_{name}>[^{every}]*)[{every}]"
        for name, straight, every in (("double", '"', _DOUBLE_QUOTES), ("single", "'", _SINGLE_QUOTES))
    )
    + rf"|[^{_DOUBLE_QUOTES}{_SINGLE_QUOTES}]+|."
)
"""A quoted text, a text without quotes, or a quote that is not closed; the quotes may be of any style."""


@dataclass(frozen=True)
class Token:
    """One word without its quotes, and its place in the normalized text."""

    text: str
    start: int
    end: int
    quoted: bool = False
    """True if the word begins with a quote. Such a word is never an option."""


@dataclass(frozen=True)
class TypedText:
    """One request as normalized text and words.

    `cut`: the request was longer than `MAX_REQUEST_LENGTH`, and the rest is missing. `unclosed`: the place of an unclosed
    quote that begins a word or the value of an option. The words behind it are split as if they were not quoted.
    """

    text: str
    tokens: tuple[Token, ...]
    cut: bool = False
    unclosed: int | None = None


def normalize_text(raw: str) -> TypedText:
    """Normalizes a text and splits it into words. Never raises."""
    whole = _repair(raw[:MAX_REQUEST_LENGTH])
    text = whole[:MAX_REQUEST_LENGTH].rstrip()
    return TypedText(
        text,
        _split_tokens(text),
        cut=len(raw) > MAX_REQUEST_LENGTH or len(whole) > MAX_REQUEST_LENGTH,
        unclosed=_find_unclosed_quote(text),
    )


def normalize_characters(text: str) -> str:
    """Normalizes each character, within quotes, too: for a search, not for what is run."""
    return "".join(map(_normalize_character, text))


def quote(word: str) -> str:
    """Quotes a word where needed, so that it is parsed as this one word and never as an option."""
    if word and not re.search(r"[\s\"']", word) and word[0] not in "-" + _DASHES and _repair(word) == word:
        return word
    return '"' + word.replace('"', """"'"'\"""") + '"'


def _repair(raw: str) -> str:
    text = ""
    while (plainer := _normalize_parts(_strip_markup(raw))) != text:  # ends: what is replaced once is not replaced again
        raw = text = plainer
    return text.strip()


def _strip_markup(raw: str) -> str:
    while (plainer := _strip_markup_once(raw)) != raw:  # ends: every round makes the text shorter
        raw = plainer
    return raw


def _normalize_parts(raw: str) -> str:
    """Normalizes what is outside of quotes, and the quotes; a quoted text keeps its visible characters."""
    parts = [_normalize_part(part) for part in _QUOTED_OR_NOT.finditer(raw)]
    text = "".join(parts)
    quoted = [part.span() for part in _QUOTED.finditer(text)]

    def restore(run: re.Match[str]) -> str:
        return run[0] if any(start < run.start() < end for start, end in quoted) else _replace_dashes(run)

    return _DASH_RUN.sub(restore, text)


def _normalize_part(part: re.Match[str]) -> str:
    for name, straight in (("double", '"'), ("single", "'")):
        quoted = part[name] if part[name] is not None else part[f"any_{name}"]
        if quoted is not None:
            return f"{straight}{''.join(map(_clean_quoted_character, quoted))}{straight}"
    return "".join(map(_normalize_character, part[0]))


def _normalize_character(character: str) -> str:
    """Returns the character of a plain keyboard for this one; "" for an invisible one."""
    if character in _REPLACEMENTS:
        return _REPLACEMENTS[character]
    if character.isspace():
        return " "
    return _clean_quoted_character(character)


def _clean_quoted_character(character: str) -> str:
    """Returns the character itself, a space for a line end or a tab, or "" for an invisible one."""
    category = unicodedata.category(character)
    if category in ("Zl", "Zp") or (category == "Cc" and character.isspace()):
        return " "
    return "" if category in ("Cc", "Cf", "Cs") else character


def _strip_markup_once(text: str) -> str:
    """Replaces Slack's markup by the text that was typed."""
    text = _LINK.sub(lambda link: link[link.lastindex or 0], text)
    text = _MENTION.sub(lambda mention: mention[1] or f"@{mention[2] or mention[3]}", text)
    return _ESCAPE.sub(lambda escape: _ESCAPE_VALUES[escape[1]], text)


def _replace_dashes(run: re.Match[str]) -> str:
    """Restores hyphens: `–details` and `—d` were typed with two, `–d` with one."""
    hyphens = sum(2 if dash in _LONG_DASHES else 1 for dash in run[1])
    return "--" if hyphens > 1 or len(run[2]) > 1 else "-"


def _split_tokens(text: str) -> tuple[Token, ...]:
    """Splits words as a shell does, but without escapes: a backslash is part of a Windows path.

    An unpaired quote (it's broken) is an ordinary character.
    """
    return tuple(
        Token(_QUOTED.sub(lambda quoted: quoted[1] or quoted[2] or "", word[0]), *word.span(), quoted=word[0][0] in "\"'")
        for word in _TOKEN.finditer(text)
    )


def _find_unclosed_quote(text: str) -> int | None:
    alone = (quotes.start() for quotes in _QUOTES.finditer(text) if len(quotes[0]) == 1)
    return next((place for place in alone if _WORD_START.search(text[:place])), None)
