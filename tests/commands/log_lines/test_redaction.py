"""What a pattern finds is the same whatever stands behind a mark: nobody learns a secret by asking."""

import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.logs import LINE_READ_LIMIT
from bot.security.redaction import Redactor
from bot.security.secret_patterns import MARK
from commands.log_lines.lines import map_positions, sanitize_line
from commands.log_lines.patterns import make_matcher, make_part_matcher
from commands.log_lines.redaction import REDACTION_MARK, redact_and_filter

REGISTERED = "Zq7xKp2mWv"
LINES: tuple[Callable[[str], list[str]], ...] = (
    lambda secret: [f"login password={secret}"],
    lambda secret: ["hello", f"password={secret}"],
    lambda secret: [f"using {REGISTERED if secret == 'tr0ub4dor3' else secret} now"],
    lambda secret: [f"visit \x1b]8;;https://x/?password={secret}\x1b\\here\x1b]8;;\x1b\\"],
    lambda secret: [f"\x1b[31mERROR\x1b[0m password={secret} in \x1b[1mbold\x1b[0m"],
    lambda secret: ["-----BEGIN PRIVATE KEY-----", f"password={secret}", "hello"],
    lambda secret: ["hello " + "x" * LINE_READ_LIMIT + f" password={secret}"],
    lambda secret: [f"hello {'x' * 4_500} password={secret}"],
    lambda secret: [f"a [redacted] password={secret} hello [redacted]"],
)
ASKED = (
    *("password=t", "redacted|password=t", r"\]$|password=t", "hello|password=t", "visit here|password=t"),
    *(
        "^ERROR|password=t",
        r"in bold|tr0u",
        "BEGIN|hello|password=t",
        "(hello|using) Z",
        "using Z|now",
        r"password=\b",
        r"=\Bt",
    ),
    *("t", "tr0ub4dor3", r"\bnow|Zq7", "here|tr0", "x|tr0ub", "hello$|password=t", "ord=t|lo", "d=t|a"),
)


def answered(raw: Sequence[str], pattern: str, tail: int = 5_000) -> tuple[str, ...]:
    """What a person sees of it: the host searches lines as they are, the bot what is left of them."""
    finds = make_matcher(pattern, fixed=False, case=False)
    found = [line for line in raw if finds(line)][-tail:]
    clean = Redactor([REGISTERED, "pX3vNq8rLt"]).redact_log
    brought = [line[:LINE_READ_LIMIT] for line in found]
    kept = redact_and_filter(brought, clean, make_part_matcher(pattern, fixed=False, case=False))
    assert [at for at, _ in kept] == sorted({at for at, _ in kept})
    return tuple(line for _, line in kept)


@pytest.mark.parametrize("pattern", ASKED)
@pytest.mark.parametrize("lines", LINES, ids=range(len(LINES)))
def test_an_answer_does_not_depend_on_the_secret(lines: Callable[[str], list[str]], pattern: str) -> None:
    """Of two secrets one begins as the pattern asks; both are such as redaction knows."""
    assert answered(lines("tr0ub4dor3"), pattern) == answered(lines("pX3vNq8rLt"), pattern)


@pytest.mark.parametrize(
    ("line", "pattern", "shown"),
    [
        ("login password=hunter2", "password=", "login password=[redacted]"),
        ("login password=hunter2", "login|hunter", "login password=[redacted]"),
        ("login password=hunter2 failed", "failed$", "login password=[redacted] failed"),
        ("\x1b[31mERROR\x1b[0m password=hunter2", "ERROR", "ERROR password=[redacted]"),
        ("\x1b[31mERROR\x1b[0m all is lost", "error", "ERROR all is lost"),
        ("one\ttwo", "two", "one two"),
        ("one\t\ttwo password=hunter2", r"one\s+two", "one two password=[redacted]"),
        ("\x1b[31mERROR\x1b[0m: it \x1b[1mfailed\x1b[0m", "ERROR.*failed", "ERROR: it failed"),
        (
            "\x1b[31mERROR\x1b[0m: it failed, token=hunter2 api_token=hunter2",
            "ERROR.*failed",
            "ERROR: it failed, token=[redacted] api_token=[redacted]",
        ),
        ("a\u200bb", "a.*b", "ab"),
        ("a [redacted] b", "redacted", "a [redacted] b"),
    ],
)
def test_a_line_is_found_by_all_that_is_seen_of_it(line: str, pattern: str, shown: str) -> None:
    assert (shown,) == answered([line], pattern)


def test_a_line_that_fits_across_a_secret_alone_is_left_out() -> None:
    """`[^x]` in place of the dot would tell by and by which characters it has."""
    assert () == answered(["login password=hunter2 failed"], "login.*failed")


def test_without_a_pattern_every_line_stays() -> None:
    clean = Redactor([]).redact_log
    assert ((0, "password=[redacted]"), (1, "red")) == redact_and_filter(["password=hunter2", "\x1b[31mred"], clean, None)
    assert () == redact_and_filter([], clean, None)


def test_the_mark_is_that_of_redaction() -> None:
    assert MARK == REDACTION_MARK


@given(st.text(st.sampled_from("a \t\r\x1b[3m]0;\x07\u200b\ud83d\u2028é\\"), max_size=40))
def test_the_places_of_a_harmless_line_are_those_of_its_characters(text: str) -> None:
    shown = sanitize_line(text)
    where = map_positions(text)
    assert len(shown) == len(where)
    assert all(text[place] == shown[at] or shown[at] in " \ufffd" for at, place in enumerate(where))
    assert where == sorted(set(where))
    assert not re.search(r"[\x00-\x1f]", shown)
