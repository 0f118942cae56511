"""Log lines of any encoding come out as text that a person can read."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wsl.text_encoding import decode_lines

TIME = "2026-11-25T19:44:41.430655634Z "
WORDS = "INFO 接続 from 10.87.1.10"


def split(text: str, encoding: str) -> list[bytes]:
    """As programs do that take every 0x0A for the end of a line."""
    return text.encode(encoding).split(b"\n")


@pytest.mark.parametrize(
    ("lines", "text", "encoding"),
    [
        pytest.param([], [], "utf-8", id="nothing"),
        pytest.param([b"plain", b""], ["plain", ""], "utf-8", id="ASCII"),
        pytest.param([WORDS.encode()], [WORDS], "utf-8", id="UTF-8"),
        pytest.param([WORDS.encode("cp932"), b"plain"], [WORDS, "plain"], "shift_jis", id="Shift-JIS"),
        pytest.param([WORDS.encode("cp932"), WORDS.encode()], [WORDS, WORDS], "shift_jis, utf-8", id="both"),
        pytest.param(split(f"{WORDS}\r\n{WORDS}\r", "utf-16-le"), [WORDS, WORDS], "utf-16", id="UTF-16, little-endian"),
        pytest.param(split(f"接 {WORDS}\n接 {WORDS}\n", "utf-16-be")[:2], [f"接 {WORDS}"] * 2, "utf-16", id="big-endian"),
        pytest.param([codecs.BOM_UTF16_LE + WORDS.encode("utf-16-le")], [WORDS], "utf-16", id="with its mark"),
        pytest.param([codecs.BOM_UTF16_BE + WORDS.encode("utf-16-be")], [WORDS], "utf-16", id="with the other mark"),
        pytest.param([TIME.encode() + WORDS.encode("utf-16-le") * 9], [TIME + WORDS * 9], "utf-16", id="of a container"),
        pytest.param([TIME.encode() + WORDS.encode("cp932")], [TIME + WORDS], "shift_jis", id="Shift-JIS of a container"),
        pytest.param([b"a\xff\xfe\x81"], ["a\ufffd\ufffd\ufffd"], "utf-8", id="bytes that are no text"),
        pytest.param(["a\ufffd\ue000".encode()], ["a\ufffd\ue000"], "utf-8", id="UTF-8 with signs that look broken"),
        pytest.param([b"\x00" * 9], ["\x00" * 9], "utf-8", id="a hole in a file"),
        pytest.param([b"a\x1b[31m\x07\r"], ["a\x1b[31m\x07"], "utf-8", id="control characters are data"),
        pytest.param([("字" * 6001).encode("cp932")[:-1]], ["字" * 6000], "shift_jis", id="cut through its last character"),
    ],
)
def test_a_line_is_readable(lines: list[bytes], text: list[str], encoding: str) -> None:
    assert (tuple(text), encoding) == decode_lines(lines)


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_no_bytes_are_too_strange(lines: list[bytes]) -> None:
    texts, _ = decode_lines(lines)
    assert len(lines) == len(texts)
    "".join(texts).encode()  # no half of a pair, which nobody could send on
