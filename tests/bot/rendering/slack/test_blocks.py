"""Nothing foreign gets out of its place."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rendering.slack.blocks import escape, format_code, make_section
from bot.security.untrusted_text import shorten, to_one_line
from tests.bot.rendering.anything import HOSTILE, WHATEVER


@WHATEVER
@given(HOSTILE, st.integers(min_value=10, max_value=400))
def test_escaped_text_has_no_mention_no_link_no_code_and_no_line_of_its_own(text: str, most: int) -> None:
    escaped = escape(text, most)
    assert set() == set(escaped) & set("<>`\n\r\t\0\x1b\u202e\u200b")
    assert [] == re.findall(r"&(?!(?:amp|lt|gt);)", escaped)
    assert len(escaped) <= most
    escaped.encode()


@WHATEVER
@given(HOSTILE)
def test_code_is_one_span_whatever_is_in_it(text: str) -> None:
    span = format_code(text)
    assert span == "" or (span.startswith("`") and span.endswith("`") and span.count("`") == 2 and len(span) > 2)


@WHATEVER
@given(HOSTILE)
def test_one_line_changes_nothing_when_it_is_done_twice(text: str) -> None:
    assert to_one_line(text) == to_one_line(to_one_line(text))


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("<!channel> down", "&lt;!channel&gt; down"),
        ("<@U123|bob>", "&lt;@U123|bob&gt;"),
        ("a & b", "a &amp; b"),
        ("```rm```", "ˋˋˋrmˋˋˋ"),
        ("first\nsecond\ttab", "first second tab"),
        ("nul\0 bell\a esc\x1b[2J", "nul␀ bell␇ esc␛[2J"),
        ("abc\u202egnp.exe", "abcgnp.exe"),
        ("zero\u200bwidth", "zerowidth"),
        ("half \ud83d pair", "half pair"),
        ("日本語 テスト", "日本語 テスト"),
    ],
)
def test_foreign_text_is_shown_for_what_it_is(foreign: str, shown: str) -> None:
    assert shown == escape(foreign)


def test_a_cut_never_leaves_half_an_entity() -> None:
    assert ["a…", "a…", "a…", "a…", "a&amp;…"] == [escape("a&bcdefghi", most) for most in (3, 4, 5, 6, 7)]


def test_a_cut_is_shown() -> None:
    assert ["short", "too l…"] == [shorten("short", 6), shorten("too long", 6)]


def test_text_in_blocks_is_not_searched_for_links() -> None:
    assert {"type": "mrkdwn", "text": "http://host", "verbatim": True} == make_section("http://host")["text"]
