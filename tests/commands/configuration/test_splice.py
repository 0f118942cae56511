"""Splices and their diffs: only the bytes that are meant change, and approvers see all of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.phrase import Phrase
from commands.configuration.diff import MAX_CHANGED_LINE, diff_splices
from commands.configuration.splice import (
    Splice,
    Splices,
    UnsuitableText,
    apply_splices,
    find_splices,
    invert_splices,
    locate_offset,
    require_intended,
    restore_bytes,
    view_bytes,
)


@st.composite
def edits(draw: st.DrawFn) -> tuple[bytes, Splices]:
    """Draws a text with splices of it."""
    text = draw(st.binary(max_size=60))
    edges = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return text, tuple(Splice(begin, text[begin:end], draw(st.binary(max_size=5))) for begin, end in pairs)


@given(edits())
def test_an_edit_followed_by_its_inverse_leaves_the_bytes_as_they_were(edit: tuple[bytes, Splices]) -> None:
    text, splices = edit
    assert text == apply_splices(apply_splices(text, splices), invert_splices(splices))


@pytest.mark.parametrize("new", [b"a: 1\nc: 3\n", b"a: 1\r\nb: 2\r\n", b"", b"x", b"a: 1\nb: 2\n\n\n"])
def test_splices_lead_from_one_text_to_another(new: bytes) -> None:
    old = b"a: 1\nb: 2\n"
    assert new == apply_splices(old, find_splices(old, new))


@given(edits())
def test_bytes_outside_of_the_splices_do_not_change(edit: tuple[bytes, Splices]) -> None:
    text, splices = edit
    new, at, moved = apply_splices(text, splices), 0, 0
    for splice in (*splices, Splice(len(text), b"", b"")):
        outside = text[at : splice.offset]
        assert outside == new[at + moved : at + moved + len(outside)]
        at, moved = splice.end, moved + len(splice.inserted) - len(splice.removed)


@pytest.mark.parametrize(
    "splices",
    [
        (Splice(0, b"other", b""),),
        (Splice(1, b"bc", b""), Splice(2, b"cd", b"")),
        (Splice(2, b"", b"x"), Splice(1, b"", b"y")),
        (Splice(4, b"e", b""),),
    ],
)
def test_splices_that_do_not_fit_the_text_are_refused(splices: Splices) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        apply_splices(b"abcd", splices)


@given(st.binary(max_size=300))
def test_a_view_has_one_character_for_each_byte_and_no_others_that_count_as_white_space(text: bytes) -> None:
    view = view_bytes(text)
    assert len(text) == len(view)
    assert text == restore_bytes(view)
    assert all(character.isascii() or not character.isspace() for character in view)


def test_a_place_is_a_line_and_a_column_from_one() -> None:
    assert [(1, 1), (1, 3), (2, 1), (3, 2)] == [locate_offset(b"ab\n\r\nc", offset) for offset in (0, 2, 3, 6)]


@pytest.mark.parametrize(("inserted", "intended"), [(b"2", True), (b"3", False), (b"x", False)])
def test_a_text_that_differs_by_more_than_the_intended_change_is_refused(inserted: bytes, intended: bool) -> None:
    def parse(text: bytes) -> int:
        if not text.isdigit():
            raise UnsuitableText(Phrase("not a number"))
        return int(text)

    splices = (Splice(0, b"1", inserted),)
    if intended:
        assert b"2" == require_intended(b"1", splices, parse, lambda number: number + 1)
    else:
        with pytest.raises(UnsuitableText, match="more than intended"):
            require_intended(b"1", splices, parse, lambda number: number + 1)


TEXT = b"one\ntwo\nthree\nfour\nfive\nsix\n"


def test_a_diff_has_the_changed_lines_with_two_around_them() -> None:
    expected = ("@@ -2,5 +2,6 @@", " two", " three", "-four", "+fou", "+r", " five", " six")
    assert expected == diff_splices(TEXT, (Splice(17, b"", b"\n"),), str)


def test_changes_far_apart_have_a_part_each() -> None:
    lines = b"".join(b"%d\n" % n for n in range(10))
    splices = (Splice(0, b"0", b"a"), Splice(18, b"9\n", b""))
    assert ("@@ -1,3 +1,3 @@", "-0", "+a", " 1", " 2", "@@ -8,3 +8,2 @@", " 7", " 8", "-9") == diff_splices(
        lines, splices, str
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("# 中継\nx\n".encode(), "# 中継", id="UTF-8"),
        pytest.param("# 中継 表\nx\n".encode("cp932"), "# 中継 表", id="Shift-JIS"),
        pytest.param(b"# \xff\x81\nx\n", "# \\xff\\x81", id="neither"),
        pytest.param(b"# crlf\r\nx\r\n", "# crlf", id="CRLF"),
    ],
)
def test_a_line_is_shown_in_its_encoding(text: bytes, shown: str) -> None:
    at = text.index(b"\nx") + 1
    assert f" {shown}" in diff_splices(text, (Splice(at, b"x", b"y"),), str)


def test_characters_that_are_not_seen_are_shown_by_their_numbers() -> None:
    old, new = "a\u200bb\t\u202e\nx\n".encode(), "y\u3000\r\u2028z".encode()
    assert ("@@ -1,2 +1,2 @@", " a<U+200B>b\t<U+202E>", "-x", "+y<U+3000><U+000D><U+2028>z") == diff_splices(
        old, (Splice(old.index(b"x"), b"x", new),), str
    )


def test_texts_that_are_too_long_to_be_compared_by_line_are_shown_as_a_whole() -> None:
    old, new = b"a\n" * 1000 + b"b\n", b"c\n" + b"a\n" * 1000
    shown = diff_splices(old, (Splice(0, old, new),), str)
    assert ("@@ -1,1001 +1,1001 @@", *["-a"] * 1000, "-b", "+c", *["+a"] * 1000) == shown


def test_no_change_has_no_diff() -> None:
    assert () == diff_splices(TEXT, (), str)


def hide(text: str) -> str:
    return text.replace("secret", "[redacted]")


def test_a_secret_beside_a_change_is_hidden() -> None:
    assert ("@@ -1,2 +1,2 @@", " a [redacted]", "-x", "+y") == diff_splices(b"a secret\nx\n", (Splice(9, b"x", b"y"),), hide)


@pytest.mark.parametrize("splice", [Splice(0, b"a", b"b"), Splice(2, b"secret", b"public")])
def test_an_edit_whose_changed_line_would_hide_something_is_refused(splice: Splice) -> None:
    with pytest.raises(UnsuitableText, match="may contain a secret"):
        diff_splices(b"a secret\n", (splice,), hide)


def test_an_edit_that_writes_a_secret_is_refused() -> None:
    with pytest.raises(UnsuitableText, match="may contain a secret"):
        diff_splices(b"a public\n", (Splice(2, b"public", b"secret"),), hide)


def test_an_edit_of_a_line_too_long_to_be_shown_is_refused_and_other_lines_are_shortened() -> None:
    long = b"x" * (MAX_CHANGED_LINE + 1)
    with pytest.raises(UnsuitableText, match="more than 500 characters"):
        diff_splices(long, (Splice(0, b"x", b""),), str)
    diff = diff_splices(long + b"\ny\n", (Splice(len(long) + 1, b"y", b"z"),), str)
    assert f" {'x' * (MAX_CHANGED_LINE - 1)}…" == diff[1]
