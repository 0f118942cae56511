"""Patterns of secrets: what stands behind a name (`password=…`), in a header, in a URL, or looks like a vendor's token.

    all lines ─ which hints are in them? ─▶ none: nothing to do
                                        └─▶ a line with one of these ─▶ the named patterns, and the shapes of its literals

The patterns search one line at a time, so that no single search holds the interpreter for long. `bot.security.secret_shapes`
has the shapes of vendors. They are compiled when their literal is first seen.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from functools import cache, lru_cache

from bot.security.secret_shapes import SHAPES, SecretShape

MARK = "[redacted]"

_NAMES = (
    r"pass(?:word|wd|phrase)|passwort|pwd(?![ \t]*=[ \t]*[/~])|(?:client|signing|shared|webhook)[_-]?secret"
    r"|secret[_-]?(?:access[_-]?)?key"
    r"|api[_-]?key|(?:access|auth|refresh|bearer|bot|app|api|id|session|csrf|xsrf|private|oauth)[_-]?token"
)
"""Names before a secret; a longer name may end in one of them. Sudo's `PWD=/…` is a folder."""
_WHOLE_NAMES = r"(?<![\w-])(?:token|secret)"
"""Names before a secret that longer names of other things end in, too (`password_secret` names a file)."""
_ANY_NAME = rf"(?:{_NAMES}|{_WHOLE_NAMES})"
_NO_MARK = rf"(?!{re.escape(MARK)})"
_TELLING = r"[^\s\"'|<>,;(){}\[\]]"
"""Characters of a value behind a colon within a sentence."""

_PATTERNS = (
    # Slack's tokens and webhook URLs
    r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,}",
    r"hooks\.slack\.com/[a-z]+/[A-Za-z0-9/_%-]{8,}",
    # other vendors' tokens, shorter or longer than their shapes
    r"(?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,}|glpat-[A-Za-z0-9_.-]{20,}",
    r"(?<![\w-])sk-(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{20,}",
    r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]+)?",
    # HTTP's headers; the scheme of Authorization may stay
    r"(?P<header>(?i:(?:proxy-)?authorization)[\"']?[ \t]*[:=][ \t]*[\"']?"
    r"(?i:(?:basic|bearer|digest|negotiate|ntlm)[ \t]+)?)(?P<credentials>[^\s\"'\\][^\r\n\"'\\]*)",
    r"(?P<cookie>(?<![\w-])(?i:(?:set-)?cookie)[\"']?[ \t]*:[ \t]*[\"']?)(?P<jar>[^\s=;\"']+=[^\r\n\"'\\]*)",
    r"(?P<scheme>(?i:bearer)[ \t]+)(?P<bearer>[A-Za-z0-9._~+/-]{16,}=*)",
    r"(?P<basic>(?<![\w-])(?i:basic)[ \t]+)(?P<pair>[A-Za-z0-9+/]{8,}={0,2})(?![\w+/=])",
    r"(?P<url>[a-z]://[^\s/:@\"']{1,256}:)(?P<userinfo>[^\s/@\"']{1,256})(?=@)",
    # password=…, "password": "…", --password …, a line of YAML, and password: … in a line unless it is a word of a sentence
    rf"(?P<name>(?i:{_ANY_NAME})(?:\\?[\"'])?[ \t]*(?:=|:|=>)[ \t]*)"
    r"(?:(?P<double>\"(?:[^\"\\\r\n]|\\.)+\")|(?P<single>'[^'\r\n]+')|(?P<escaped>\\\"(?:[^\"\\]|\\[^\"])+\\\"))",
    rf"(?P<assigned>(?i:{_NAMES})[ \t]*=[ \t]*)(?P<bare>(?!\\+[\"'])[^\s\"'&;,<>]+)",
    rf"(?P<set>(?i:{_WHOLE_NAMES})[ \t]*=[ \t]*)(?P<long>(?!\\+[\"'])[^\s\"'&;,<>]{{6,}})",
    rf"(?P<option>--?(?i:{_NAMES}|token|secret)[ \t]+)(?P<word>[^\s\"'-][^\s\"']*)",
    rf"(?P<line>(?m:^)[ \t-]*[\w.-]{{0,64}}(?i:{_NAMES})[ \t]*:[ \t]+)(?P<rest>[^\s\"'|>][^\s\"']*)(?=[ \t\r]*(?m:$))",
    rf"(?P<field>(?i:{_NAMES})[ \t]*:[ \t]+){_NO_MARK}"
    rf"(?P<told>(?=[A-Za-z_-]*[^A-Za-z_\s\"'|<>,;(){{}}\[\].:-]){_TELLING}+|[\w-]+(?=[,;)}}\]]))",
    rf"(?P<entry>(?i:{_WHOLE_NAMES})[ \t]*:[ \t]+){_NO_MARK}(?P<key>(?=[A-Za-z_-]*\d){_TELLING}{{8,}})",
)
_SECRET = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS))

_NAME_HINTS = (
    *("authorization", "cookie", "bearer", "basic", "passw", "passphrase", "pwd", "secret", "token"),
    *("apikey", "api_key", "api-key"),
)
"""Lower-case parts, one of which is in every match of the patterns behind a name."""
_TOKEN_HINTS = (
    *("xox", "xapp-", "hooks.slack.com", "AKIA", "ASIA", "github_pat_", "glpat-", "sk-", "eyJ"),
    *(f"gh{letter}_" for letter in "pousr"),
)
"""Parts, one of which is in every match of the other patterns; only URLs with a password have `://` and `@` instead."""
_SECRET_NAME = re.compile(rf"(?i:{_ANY_NAME})\Z")
_KEPT_GROUPS = (
    *("header", "cookie", "scheme", "basic", "url", "name", "assigned", "set", "option", "line", "field", "entry"),
)
_QUOTED_GROUPS = {"double": '"', "single": "'", "escaped": '\\"'}


def redact_patterns(lines: Sequence[str]) -> list[str]:
    """Returns the lines without anything that looks like a secret."""
    whole = "\n".join(lines)
    lower = whole.lower()
    names = [hint for hint in _NAME_HINTS if hint in lower]
    tokens = [hint for hint in _TOKEN_HINTS if hint in whole]
    shapes = [shape for shape in SHAPES if _has_literal(shape, whole, lower)]
    url = "://" in whole and "@" in whole
    if not names and not tokens and not shapes and not url:
        return list(lines)

    def redact_line(line: str) -> str:
        small = line.lower()
        for shape in shapes:
            if _has_literal(shape, line, small):
                line = _compile(shape.pattern).sub(MARK, line)
        hinted = any(hint in small for hint in names) or any(hint in line for hint in tokens)
        return _SECRET.sub(_replace, line) if hinted or (url and "://" in line and "@" in line) else line

    return [redact_line(line) for line in lines]


@lru_cache(maxsize=1_024)
def is_secret_name(name: str) -> bool:
    """Returns whether a value under this name is a secret."""
    return _SECRET_NAME.search(name) is not None


def _has_literal(shape: SecretShape, text: str, lower: str) -> bool:
    """Returns whether one of a shape's literals is in a text, which is given in lower case, too."""
    searched = lower if shape.ignores_case else text
    return any(literal in searched for literal in shape.literals)


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _replace(found: re.Match[str]) -> str:
    """Returns the mark in place of the secret, after the part that may stay."""
    if found["pair"] is not None and not _is_user_and_password(found["pair"]):
        return found[0]
    kept = next((found[name] for name in _KEPT_GROUPS if found[name] is not None), "")
    around = next((quotes for name, quotes in _QUOTED_GROUPS.items() if found[name] is not None), "")
    return f"{kept}{around}{MARK}{around}"


def _is_user_and_password(encoded: str) -> bool:
    """Returns whether a word behind "Basic" is one of HTTP's (`user:password` in base64), and not one of a sentence."""
    try:
        return b":" in base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return False
