r"""Writes `bot/security/secret_shapes.py` from the rules of gitleaks: `python -m tests.secret_shapes FILE COMMIT`.

FILE is gitleaks' `config/gitleaks.toml` of that commit. A rule is taken if the secret itself says what it is (`npm_…`).
Rules that need a vendor's name beside any hexadecimal number are left out, because logs are full of such numbers.

Go's patterns become Python's: inline flags get a group, `\z` becomes `\Z`, and the character behind the secret is looked at
but not taken, so that it stays.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "bot" / "security" / "secret_shapes.py"

LEFT_OUT = (
    ("aws-amazon-bedrock-api-key-short-lived", "names a prefix alone"),
    ("airtable-personnal-access-token", "its beginning is in most paths"),
    ("facebook-access-token", "digits with a percent sign are in many lines"),
    ("flutterwave-public-key", "is public"),
    ("freemius-secret-key", "is about PHP files"),
    ("jwt", "the bot has its own, shorter pattern"),
    ("jwt-base64", "the bot looks for encoded secrets itself"),
    ("private-key", "keys have many lines (`bot.security.redaction`)"),
    ("sidekiq-sensitive-url", "is a URL with a password"),
    ("sourcegraph-access-token", "takes any 40 hexadecimal digits"),
    ("square-access-token", "its beginning is in base64 of zeros"),
    ("vault-service-token", "takes any word behind `s.`"),
)
_LEFT_OUT_KINDS = ("curl-", "generic-", "hashicorp-tf-p", "kubernetes-", "nuget-", "slack-", "github-", "gitlab-pat")
_NEAR_A_NAME = r"[\w.-]{0,50}?"
_BEHIND = re.compile(r"\(\?:\[\\x60'\"\\s;\]\|\\\\\[nr\]\|\$(?:\|\\b)?\)$|\(\?:\[\^[^]]+\]\|\\z\)$")
_FLAG = re.compile(r"\(\?i\)")
_NO_MORE, _WHOLE_WORD = "(?![A-Za-z0-9])", r"[\w-]*"
"""Ends of a pattern: it matches a whole word, or it takes the rest of the word, too."""

_OWN_PATTERNS = {"azure-ad-client-secret": r"(?<![\w~.-])\w[\w~.]{2}\dQ~[\w~.-]{31,34}(?![\w~-])"}
"""Patterns for rules that take the characters around the secret."""

_OWN_LITERALS = {
    "facebook-page-access-token": ("EAAM", "EAAC"),
    "intra42-client-secret": ("s-s4t2ud-", "s-s4t2af-"),
}
"""Literals for rules whose keywords are not all within the secret."""

HEADER = '''"""Shapes of tokens that their vendors make recognizable. Data, written by `tests/secret_shapes.py`.

From the rules of gitleaks (config/gitleaks.toml, commit {commit}),
https://github.com/gitleaks/gitleaks, under the MIT License:

{license}
"""

from typing import NamedTuple


class SecretShape(NamedTuple):
    """Shape of one kind of secret: every match of `pattern` contains one of the `literals`."""

    literals: tuple[str, ...]
    pattern: str

    @property
    def ignores_case(self) -> bool:
        """The literals are in lower case, and so must be the text in which they are searched."""
        return self.pattern.startswith("(?i:")


SHAPES = (
'''
LICENSE = """Copyright (c) 2019 Zachary Rice

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to
permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of
the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO
THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT,
TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE."""


def translate(rules: list[Mapping[str, Any]]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yields the literals and the pattern of each rule that is taken."""
    left_out = {name for name, _ in LEFT_OUT}
    for rule in rules:
        pattern: str = rule.get("regex", "")
        near = pattern.removeprefix("(?i)").startswith(_NEAR_A_NAME)
        if pattern and not near and rule["id"] not in left_out and not rule["id"].startswith(_LEFT_OUT_KINDS):
            literals = _OWN_LITERALS.get(rule["id"]) or _find_literals(rule["keywords"], pattern)
            yield literals, _OWN_PATTERNS.get(rule["id"]) or _translate_pattern(pattern)


def _translate_pattern(pattern: str) -> str:
    bare, count = _BEHIND.subn("", pattern)
    first, *rest = _FLAG.split(bare.replace(r"\z", r"\Z").replace("[[:alnum:]]", "[A-Za-z0-9]"))
    spelled = first + "".join(f"(?i:{part}" for part in rest)
    within = _count_open(first) if rest else 0  # a flag ends with the group that it is in
    spelled = spelled[: len(spelled) - within] + ")" * len(rest) + spelled[len(spelled) - within :]
    return spelled + (_NO_MORE if count else "" if pattern.endswith(r"\b") else _WHOLE_WORD)


def _count_open(text: str) -> int:
    """Returns the number of groups that are still open."""
    bare = re.sub(r"\\.|\[[^]]*\]", "", text)
    return bare.count("(") - bare.count(")")


def _find_literals(keywords: list[str], pattern: str) -> tuple[str, ...]:
    """Returns the keywords as the pattern writes them; in lower case if it ignores the case of letters."""
    text = pattern.replace("\\", "")
    if pattern.startswith("(?i)"):
        return tuple(keywords)
    places = ((each, text.lower().find(each)) for each in keywords)
    found = tuple(text[at : at + len(each)] for each, at in places if at >= 0)
    return found or tuple(keywords)


def _write(shapes: Iterable[tuple[tuple[str, ...], str]]) -> Iterator[str]:
    for literals, pattern in shapes:
        parts = [pattern[at : at + 90] for at in range(0, len(pattern), 90)]
        yield f"    SecretShape({literals!r}, " + " ".join(f"r{_quote(part)}" for part in parts) + "),\n"


def _quote(part: str) -> str:
    return f'"{part}"' if '"' not in part else f"'{part}'"


if __name__ == "__main__":
    rules = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["rules"]
    shapes = sorted(translate(rules), key=lambda shape: (shape[0], -len(shape[1])))  # the longer form of a token first
    body = "".join(_write(shapes))
    TARGET.write_text(HEADER.format(commit=sys.argv[2], license=LICENSE) + body + ")\n", encoding="utf-8")
