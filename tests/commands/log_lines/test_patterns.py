"""Patterns that people may search logs with: what every engine reads alike."""

import re
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from commands.log_lines.patterns import (
    MATCH_TIMEOUT,
    MAX_PATTERN_LENGTH,
    MAX_REPETITIONS,
    BadPattern,
    make_matcher,
    parse_pattern,
    parse_pattern_text,
)
from commands.values.arguments import BadArgument


@pytest.mark.parametrize(
    "pattern",
    [
        "timeout",
        "Handshake (timed out|message received)",
        r"vpnIp=10\.100\.\d{1,3}\.\d{1,3}",
        r"^\S+ - - \[.*\] \"(GET|POST) [^\"]*\" 5\d\d ",
        r"\bhost-[a-z]\b",
        "(?:a|b)+?c??d*?e{2,}?",
        r"[]\[\\^-]".replace("]", r"\]", 1),
        r"[\w.-]+@[\w-]+",
        r"\t\x2e\{\"level\":",
        "接続.*失敗",
        "a{0,100}",
        "}]",
        r"\(\)\?\*\+\|\$",
        "(|x)",
        " two  spaces ",
        "x" * MAX_PATTERN_LENGTH,
        ".{0,100}x.{0,20}",
        "(a+)+$",
    ],
)
def test_what_every_engine_reads_alike_is_taken_as_it_is(pattern: str) -> None:
    assert pattern == parse_pattern(pattern)
    re.compile(pattern)


@pytest.mark.parametrize(
    ("pattern", "part", "why"),
    [
        ("(?=x)", "(?=x)", "lookahead and lookbehind are not supported."),
        ("a(?!x)b", "(?!x)b", "lookahead and lookbehind are not supported."),
        ("(?<=a+)b", "(?<=a+)b", "lookahead and lookbehind are not supported."),
        ("(?<!a)b", "(?<!a)b", "lookahead and lookbehind are not supported."),
        (r"(a)\1", r"\1", "backreferences are not supported."),
        (r"\k<n>", r"\k<n>", "backreferences are not supported."),
        ("(?P<n>a)", "(?P<n>a)", "not supported on all hosts. Write groups as ( ) or (?: )"),
        ("(?<n>a)", "(?<n>a)", "Write groups as ( ) or (?: )"),
        ("(?i)a", "(?i)a", "Write groups as ( ) or (?: )"),
        ("(?>a+)", "(?>a+)", "Write groups as ( ) or (?: )"),
        ("(?#x)", "(?#x)", "Write groups as ( ) or (?: )"),
        ("a++", "+", "nothing to repeat."),
        ("a*+", "+", "nothing to repeat."),
        ("a{2}{3}", "{3}", "nothing to repeat."),
        ("*a", "*a", "nothing to repeat."),
        ("(*UTF8)", "*UTF8)", "nothing to repeat."),
        ("a|+", "+", "nothing to repeat."),
        ("^*", "*", "nothing to repeat."),
        (r"\b+", "+", "nothing to repeat."),
        ("a{,3}", "{,3}", "a literal brace needs a backslash before it"),
        ('{"level"', '{"level"', "a literal brace needs a backslash before it"),
        (f"a{{{MAX_REPETITIONS + 1}}}", "{101}", "too many repetitions."),
        ("a{3,1}", "{3,1}", "the smaller number must come first"),
        ("((a{50}){50}){50}", "((a{50}){50}){50}", "invalid repetition size"),
        (r"(\w{90}){9}", r"(\w{90}){9}", "too many repetitions."),
        (r"\p{Han}", r"\p{Han}", "A backslash can precede punctuation or one of d D w W s S b B A t"),
        (r"\Qa\E", r"\Qa\E", "A backslash can precede punctuation or one of d D w W s S b B A t"),
        (r"\Z", r"\Z", "A backslash can precede punctuation or one of d D w W s S b B A t"),
        (r"\h", r"\h", "A backslash can precede punctuation or one of d D w W s S b B A t"),
        (r"\_", r"\_", "A backslash can precede punctuation or one of d D w W s S b B A t"),
        (r"\u3042", r"\u3042", "A backslash can precede punctuation or one of d D w W s S b B A t"),
        (r"\xff", r"\xff", "A backslash can precede punctuation or one of d D w W s S b B A t"),
        ("a\\", "\\", "a character is missing after the backslash."),
        ("[a", "[a", "close the character class, and escape literal brackets in it with a backslash"),
        ("[]", "[]", "close the character class, and escape literal brackets in it"),
        ("[[:alpha:]]", "[[:alpha:]]", "close the character class, and escape literal brackets in it"),
        ("[a-z-[aeiou]]", "[a-z-[aeiou]]", "close the character class, and escape literal brackets in it"),
        (r"[\b]", r"[\b]", "close the character class, and escape literal brackets in it"),
        (r"[\d-z]", r"[\d-z]", "Put a backslash before - and repeated symbols"),
        ("[a--b]", "[a--b]", "Put a backslash before - and repeated symbols"),
        ("[a&&b]", "[a&&b]", "Put a backslash before - and repeated symbols"),
        ("[z-a]", "[z-a]", "RE2 error: invalid character class range: z-a"),
        ("(a", "(a", "unclosed bracket."),
        ("a)b(c", ")b(c", "unmatched closing bracket."),
    ],
)
def test_what_only_some_read_or_what_may_hang_is_refused_with_the_reason(pattern: str, part: str, why: str) -> None:
    with pytest.raises(BadPattern) as refused:
        parse_pattern(pattern)
    said = str(refused.value.phrase)
    assert f"{refused.value.why}. Use --fixed to search for plain text" == said
    assert (True, pattern) == (said.startswith(f"{part} is not allowed in a pattern: "), refused.value.part)
    assert why in said
    assert said.endswith(". Use --fixed to search for plain text")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the pattern is empty. Enter the text to search for, for example timeout"),
        (" \u3000", "the pattern is empty. Enter the text to search for, for example timeout"),
        ("x" * (MAX_PATTERN_LENGTH + 1), "a pattern can have up to 200 characters"),
        ("a\nb", "a pattern cannot contain line breaks or control characters"),
        ("a\0", "a pattern cannot contain line breaks or control characters"),
        ("a\ud800", "a pattern cannot contain line breaks or control characters"),
    ],
)
def test_plain_text_has_its_bounds_too(text: str, why: str) -> None:
    with pytest.raises(BadArgument) as refused:
        parse_pattern_text(text)
    assert why == str(refused.value.phrase)


def test_plain_text_may_be_what_no_pattern_is() -> None:
    assert r"*[(\1　あ" == parse_pattern_text(r"*[(\1　あ")
    assert make_matcher(r"*[(\1", fixed=True, case=False)(r"it says *[(\1")


PIECES = st.sampled_from(
    [
        *"aAb1 .^$|()[]{}*+?-,\\é",
        "(?:",
        "[^",
        "{2}",
        "{0,2}",
        r"\d",
        r"\W",
        r"\s",
        r"\b",
        r"\.",
        r"\x41",
        "a-b",
        "(?i)",
        "*?",
    ]
)


@given(st.lists(PIECES, min_size=1, max_size=8).map("".join), st.lists(st.text("aAbB1 .-é[", max_size=6), max_size=4))
def test_whatever_is_taken_is_found_where_python_finds_it(pattern: str, texts: list[str]) -> None:
    try:
        parse_pattern(pattern)
    except BadArgument:
        assume(False)
    for case in (True, False):
        python = re.compile(pattern, re.ASCII | (0 if case else re.IGNORECASE))
        found = make_matcher(pattern, fixed=False, case=case)
        assert [python.search(text) is not None for text in texts] == [found(text) for text in texts]


@given(st.text(max_size=MAX_PATTERN_LENGTH + 1))
def test_whatever_is_typed_is_taken_or_refused(text: str) -> None:
    assert text == taken_or_refused(text)


def taken_or_refused(text: str) -> str:
    """What is taken, or what the refusal names."""
    try:
        return parse_pattern(text)
    except BadArgument as error:
        return error.part


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){20}$", "^(a?){30}a{30}$", r"(\w+\s?)*:$"])
def test_a_pattern_that_hangs_other_engines_is_quick(pattern: str) -> None:
    found = make_matcher(parse_pattern(pattern), fixed=False, case=False)
    started = time.process_time()
    assert [False] * 20 == [found("a" * 3999 + "!") for _ in range(20)]
    assert 2 > time.process_time() - started


def test_a_search_is_given_up_when_its_time_is_over() -> None:
    """All texts together count, and nothing that was spent before."""
    passed = iter([7.0, 7.0, 7.0 + MATCH_TIMEOUT, 7.1 + MATCH_TIMEOUT])
    found = make_matcher("a", fixed=False, case=False, spent=lambda: next(passed))
    assert [True, False] == [found("a"), found("b")]
    with pytest.raises(BadArgument, match="the pattern takes too long on"):
        found("a")
