r"""Patterns as they are typed: the syntax with one meaning in .NET on Windows, PCRE in WSL2, Python and RE2 in the bot.

    allowed   characters, `.`, `[a-z]`, `[^"]`, `\d \w \s` and their opposites, `\b`, `^ $`, `( )`, `(?: )`, `|`,
              `* + ?` and `{1,3}`, also lazy (`.*?`), `\t`, `\x2e`, and any punctuation behind a backslash
    refused   backreferences, lookaround, possessive and atomic groups, named groups, flags, named classes: an engine
              lacks them, has another meaning for them, or may not terminate in useful time

The bot matches with RE2, in time proportional to the text. Its `\d`, `\w`, `\s` and `\b` cover ASCII only.
"""

import re
import time
import unicodedata
from collections.abc import Callable

import re2

from adapters.phrase import Phrase
from commands.values.arguments import BadArgument, shorten_argument

MAX_PATTERN_LENGTH = 200
"""Maximum characters of a pattern."""

MAX_REPETITIONS = 100
"""Maximum number of a repetition in braces."""

MAX_PROGRAM_SIZE = 2_000
"""Maximum RE2 instructions of a pattern. The slowest of this size searches half a megabyte within two seconds."""

MATCH_TIMEOUT = 2.0
"""Maximum CPU seconds of one search in the bot. Usual searches take a tenth of a second in all stored lines."""

_MEMORY_LIMIT = 2**20
"""Bytes for one compiled pattern and its states, enough for all states that occur in practice."""

_INVISIBLE_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories of control characters, surrogates and line ends."""

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
"""Within brackets: ranges that some engines refuse, and what Python reserves for set operations."""

_REFUSAL_REASONS = (
    (r"\(\?<?[=!]", Phrase("lookahead and lookbehind are not supported. Search for the text itself and filter the results")),
    (r"\\[1-9k]", Phrase("backreferences are not supported. Use a simpler pattern and filter the results")),
    (r"\(\?", Phrase("not supported on all hosts. Write groups as ( ) or (?: )")),
    (r"\\$", Phrase("a character is missing after the backslash. Write two backslashes for a literal one")),
    (r"\\", Phrase("not supported on all hosts. A backslash can precede punctuation or one of d D w W s S b B A t")),
    (r"\[", Phrase("close the character class, and escape literal brackets in it with a backslash")),
    (r"\{", Phrase("a literal brace needs a backslash before it")),
)
"""Reasons of a syntax error, by the rest of the pattern at its place. The first match counts."""

_TOO_SLOW = Phrase("the pattern takes too long on this many lines. Use smaller numbers in braces, or also choose a level")
_TOO_LARGE = Phrase("too many repetitions. Use smaller counts in braces, or * and +")


class BadPattern(BadArgument):
    """A pattern that engines read differently. `why` is the error alone, for surfaces without command-line options."""

    def __init__(self, phrase: Phrase, *, part: str, why: Phrase) -> None:
        super().__init__(phrase, part=part)
        self.why = why


def parse_pattern_text(text: str) -> str:
    """Parses a text to search for. Raises `BadArgument` if it is empty, too long or not visible."""
    if not text.strip():
        raise BadArgument(
            Phrase("the pattern is empty. Enter the text to search for, for example {example}", example="timeout"), part=text
        )
    if len(text) > MAX_PATTERN_LENGTH:
        raise BadArgument(Phrase("a pattern can have up to {n} characters", n=MAX_PATTERN_LENGTH), part=text)
    if any(unicodedata.category(character) in _INVISIBLE_CATEGORIES for character in text):
        raise BadArgument(Phrase("a pattern cannot contain line breaks or control characters"), part=text)
    return text


def parse_pattern(text: str) -> str:
    """Parses a regular expression that has one meaning in every engine. Raises `BadArgument` with the error."""
    _check_grammar(parse_pattern_text(text))
    try:
        program = re2.compile(text, _make_options(fixed=False, case=False))
    except re2.error as error:
        raise _make_pattern_error(
            text, shorten_argument(text), Phrase("RE2 error: {problem}", problem=_get_message(error))
        ) from error
    if program.programsize > MAX_PROGRAM_SIZE:
        raise _make_pattern_error(text, shorten_argument(text), _TOO_LARGE)
    return text


def escape_pattern(text: str) -> str:
    """Escapes a text into the regular expression that matches it literally."""
    return str(re2.escape(text))


def make_matcher(
    pattern: str, *, fixed: bool, case: bool, spent: Callable[[], float] = time.thread_time
) -> Callable[[str], bool]:
    """Makes a predicate of texts that contain a validated pattern; "" is in every text.

    The predicate raises `BadArgument` once all texts together took more than `MATCH_TIMEOUT` of the seconds that `spent`
    counts.
    """
    found = make_finder(pattern, fixed=fixed, case=case, spent=spent)
    return lambda text: found(text) is not None


def make_finder(
    pattern: str, *, fixed: bool, case: bool, spent: Callable[[], float] = time.thread_time
) -> Callable[[str], tuple[int, int] | None]:
    """Makes a function that returns the first match in a text (begin, end) or None; otherwise like `make_matcher`."""
    if not pattern:
        return lambda text: (0, 0)
    found = _make_search(pattern, fixed, case, spent)
    return lambda text: found(text, 0, len(text))


def make_part_matcher(
    pattern: str, *, fixed: bool, case: bool, spent: Callable[[], float] = time.thread_time
) -> Callable[[str, int, int], bool]:
    """Makes a predicate of parts of a text, from one place to another; otherwise like `make_matcher`.

    The text around the part decides where words and lines end.
    """
    found = _make_search(pattern, fixed, case, spent)
    return lambda text, begin, end: found(text, begin, end) is not None


def _make_search(
    pattern: str, fixed: bool, case: bool, spent: Callable[[], float]
) -> Callable[[str, int, int], tuple[int, int] | None]:
    search = re2.compile(pattern, _make_options(fixed=fixed, case=case)).search
    until = spent() + MATCH_TIMEOUT

    def search_part(text: str, begin: int, end: int) -> tuple[int, int] | None:
        if spent() > until:
            raise BadArgument(_TOO_SLOW, part=pattern)
        match = search(text, begin, end)
        return None if match is None else match.span()

    return search_part


def _check_grammar(text: str) -> None:
    opened, repeatable, at = 0, False, 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise _make_pattern_error(text, shorten_argument(text[at:]), _find_reason(text[at:]))
        kind = token.lastgroup
        opened += (kind == "open") - (kind == "close")
        if opened < 0:
            raise _make_pattern_error(
                text,
                shorten_argument(text[at:]),
                Phrase("unmatched closing bracket. Put a backslash before a literal bracket"),
            )
        if kind == "repeat":
            _check_repetition(text, token, repeatable)
        if kind == "class" and _RANGE_OF_CLASSES.search(token[0]):
            raise _make_pattern_error(
                text,
                shorten_argument(token[0]),
                Phrase("not supported on all hosts. Put a backslash before - and repeated symbols"),
            )
        repeatable = kind in ("class", "plain", "close")
        at = token.end()
    if opened:
        raise _make_pattern_error(
            text,
            shorten_argument(text),
            Phrase("unclosed bracket. Put a backslash before a literal bracket"),
        )


def _check_repetition(text: str, token: re.Match[str], repeatable: bool) -> None:
    here = shorten_argument(text[token.start() :])
    if not repeatable:
        raise _make_pattern_error(text, here, Phrase("nothing to repeat. Put a backslash before a literal symbol"))
    least, most = token["least"], token["most"]
    if max(int(least or 0), int(most or 0)) > MAX_REPETITIONS:
        raise _make_pattern_error(text, here, _TOO_LARGE)
    if most and int(most) < int(least):
        raise _make_pattern_error(text, here, Phrase("the smaller number must come first"))


def _find_reason(rest: str) -> Phrase:
    return next(phrase for shape, phrase in _REFUSAL_REASONS if re.match(shape, rest))


def _make_pattern_error(text: str, part: str, why: Phrase) -> BadPattern:
    return BadPattern(
        Phrase(
            "{part} is not allowed in a pattern: {why}. Use {option} to search for plain text",
            part=part,
            why=why,
            option="--fixed",
        ),
        part=text,
        why=Phrase("{part} is not allowed in a pattern: {why}", part=part, why=why),
    )


def _make_options(*, fixed: bool, case: bool) -> re2.Options:
    options = re2.Options()
    options.max_mem = _MEMORY_LIMIT
    options.log_errors = False
    options.never_capture = True
    options.literal = fixed
    options.case_sensitive = case
    return options


def _get_message(error: re2.error) -> str:
    said = error.args[0]
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
