r"""Patterns as people type them: what .NET on Windows, PCRE in WSL2, Python and RE2 in the bot read alike.

    allowed   characters, `.`, `[a-z]`, `[^"]`, `\d \w \s` and their opposites, `\b`, `^ $`, `( )`, `(?: )`, `|`,
              `* + ?` and `{1,3}`, also lazy (`.*?`), `\t`, `\x2e`, and any punctuation behind a backslash
    refused   references back, looking around, possessive and atomic groups, names, flags, classes by name: an engine
              lacks them, or means something else by them, or may run for ever

The bot matches with RE2, in time proportional to the text. Its `\d`, `\w`, `\s` and `\b` know ASCII alone.
"""

import re
import time
import unicodedata
from collections.abc import Callable

import re2

from adapters.phrase import Phrase
from commands.values.arguments import BadArgument, shown

PATTERN_LIMIT = 200
"""Characters of a pattern."""

REPEAT_LIMIT = 100
"""The largest number of a repetition in braces."""

PROGRAM_LIMIT = 2_000
"""RE2's instructions of a compiled pattern: half a megabyte is searched for the worst of this size within two seconds."""

PATIENCE = 2.0
"""Seconds of CPU that one search in the bot may take: what people look for takes a tenth of one in all that is kept."""

_MEMORY = 2**20
"""Bytes for one compiled pattern and its states: enough for all states that patterns of that size have in practice."""

_UNSEEN = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, halves of characters and ends of lines."""

_IN_CLASS = r"\\[dDwWstSnrf]|\\x[0-7][0-9A-Fa-f]|\\[!-/:-@\[-^`{-~]"
_TOKEN = re.compile(
    rf"""
      (?P<class>  \[\^? (?: {_IN_CLASS} | [^\[\]\\] )+ \] )
    | (?P<edge>   [\^$] | \\[bBA] )
    | (?P<plain>  {_IN_CLASS} | \\[ ] | [^\\\[(){{*+?|^$] )
    | (?P<open>   \( (?: \?: )? (?! \? ) )
    | (?P<close>  \) )
    | (?P<bar>    \| )
    | (?P<repeat> (?: [*+?] | \{{ (?P<least>\d{{1,5}}) (?: , (?P<most>\d{{0,5}}) )? \}} ) \?? )
    """,
    re.VERBOSE | re.ASCII,
)
_RANGE_OF_CLASSES = re.compile(r"\\[dDwWsS]-[^\]]|-\\[dDwWsS]|--|&&|\|\||~~")
"""Within brackets: what some engines refuse, and what Python keeps for sets."""

_REASONS = (
    (r"\(\?<?[=!]", Phrase("it looks around, which may take for ever; search for the text itself and filter the answer")),
    (r"\\[1-9k]", Phrase("it refers back to a group, which may take for ever; search for less and filter the answer")),
    (r"\(\?", Phrase("not every host understands it; groups are ( ) or (?: )")),
    (r"\\$", Phrase("a character is missing behind the backslash; write two for the backslash itself")),
    (r"\\", Phrase("not every host understands it; a backslash stands before punctuation or one of d D w W s S b B A t")),
    (r"\[", Phrase("brackets need a beginning, characters and an end; those within get a backslash")),
    (r"\{", Phrase("a brace that repeats nothing needs a backslash")),
)
"""Why nothing can be read at a place of a pattern; the first that fits the rest of it."""

_TOO_SLOW = Phrase("the pattern takes too long on so many lines; use smaller numbers in braces, or choose a level as well")
_TOO_LARGE = Phrase("it repeats too much; use smaller numbers in braces, or * and +")


class BadPattern(BadArgument):
    """A pattern that not every engine reads alike. `why` is what is wrong, for where there are no options to type."""

    def __init__(self, phrase: Phrase, *, part: str, why: Phrase) -> None:
        super().__init__(phrase, part=part)
        self.why = why


def pattern_text(text: str) -> str:
    """Words to search for, as they were typed; `BadArgument` where there are none, or too many."""
    if not text.strip():
        raise BadArgument(
            Phrase("the pattern is empty; write what the lines have, for example {example}", example="timeout"), part=text
        )
    if len(text) > PATTERN_LIMIT:
        raise BadArgument(Phrase("a pattern has at most {n} characters", n=PATTERN_LIMIT), part=text)
    if any(unicodedata.category(character) in _UNSEEN for character in text):
        raise BadArgument(Phrase("a pattern has visible characters on one line; leave out what cannot be seen"), part=text)
    return text


def checked_pattern(text: str) -> str:
    """A regular expression that every engine reads alike; `BadArgument` with what is wrong where it is none."""
    _check_grammar(pattern_text(text))
    try:
        program = re2.compile(text, _options(fixed=False, case=False))
    except re2.error as error:
        raise _bad(text, shown(text), Phrase("RE2 says: {problem}", problem=_said(error))) from error
    if program.programsize > PROGRAM_LIMIT:
        raise _bad(text, shown(text), _TOO_LARGE)
    return text


def literal(text: str) -> str:
    """The regular expression that finds a text as it stands."""
    return str(re2.escape(text))


def matcher(
    pattern: str, *, fixed: bool, case: bool, spent: Callable[[], float] = time.thread_time
) -> Callable[[str], bool]:
    """Whether a text has a pattern that was checked already; "" is in every text.

    `BadArgument` once all texts together have taken more of the seconds that `spent` counts than `PATIENCE`.
    """
    found = finder(pattern, fixed=fixed, case=case, spent=spent)
    return lambda text: found(text) is not None


def finder(
    pattern: str, *, fixed: bool, case: bool, spent: Callable[[], float] = time.thread_time
) -> Callable[[str], tuple[int, int] | None]:
    """Where a text first has it (begin, end), None where it has not; else as `matcher`."""
    if not pattern:
        return lambda text: (0, 0)
    found = _search(pattern, fixed, case, spent)
    return lambda text: found(text, 0, len(text))


def within(
    pattern: str, *, fixed: bool, case: bool, spent: Callable[[], float] = time.thread_time
) -> Callable[[str, int, int], bool]:
    """Whether a part of a text has it, from one place to another; what is around tells where words and lines end. Else as
    `matcher`."""
    found = _search(pattern, fixed, case, spent)
    return lambda text, begin, end: found(text, begin, end) is not None


def _search(
    pattern: str, fixed: bool, case: bool, spent: Callable[[], float]
) -> Callable[[str, int, int], tuple[int, int] | None]:
    search = re2.compile(pattern, _options(fixed=fixed, case=case)).search
    until = spent() + PATIENCE

    def found(text: str, begin: int, end: int) -> tuple[int, int] | None:
        if spent() > until:
            raise BadArgument(_TOO_SLOW, part=pattern)
        match = search(text, begin, end)
        return None if match is None else match.span()

    return found


def _check_grammar(text: str) -> None:
    opened, repeatable, at = 0, False, 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise _bad(text, shown(text[at:]), _reason(text[at:]))
        kind = token.lastgroup
        opened += (kind == "open") - (kind == "close")
        if opened < 0:
            raise _bad(
                text, shown(text[at:]), Phrase("a bracket is closed that was not opened; write a backslash before it")
            )
        if kind == "repeat":
            _check_repetition(text, token, repeatable)
        if kind == "class" and _RANGE_OF_CLASSES.search(token[0]):
            raise _bad(
                text,
                shown(token[0]),
                Phrase("not every host understands it; put a backslash before - and signs that stand twice"),
            )
        repeatable = kind in ("class", "plain", "close")
        at = token.end()
    if opened:
        raise _bad(text, shown(text), Phrase("a bracket is not closed; write a backslash before one that is meant itself"))


def _check_repetition(text: str, token: re.Match[str], repeatable: bool) -> None:
    here = shown(text[token.start() :])
    if not repeatable:
        raise _bad(
            text, here, Phrase("there is nothing before it that can be repeated; write a backslash before the sign itself")
        )
    least, most = token["least"], token["most"]
    if max(int(least or 0), int(most or 0)) > REPEAT_LIMIT:
        raise _bad(text, here, _TOO_LARGE)
    if most and int(most) < int(least):
        raise _bad(text, here, Phrase("the smaller number comes first"))


def _reason(rest: str) -> Phrase:
    return next(phrase for shape, phrase in _REASONS if re.match(shape, rest))


def _bad(text: str, part: str, why: Phrase) -> BadPattern:
    return BadPattern(
        Phrase(
            "{part} cannot stand in a pattern: {why}; {option} takes it as plain text", part=part, why=why, option="--fixed"
        ),
        part=text,
        why=Phrase("{part} cannot stand in a pattern: {why}", part=part, why=why),
    )


def _options(*, fixed: bool, case: bool) -> re2.Options:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    options.never_capture = True
    options.literal = fixed
    options.case_sensitive = case
    return options


def _said(error: re2.error) -> str:
    said = error.args[0]
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
