"""Texts inside JSON strings: what redaction searches and what may be decoded are the same spellings."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.security.json_spelling import decode_json_spelling, list_json_spellings
from bot.security.redaction import Redactor

SECRET = "p&s<ö>/w"
CHARACTERS = st.sampled_from([*SECRET, '"', "\\", "\n", "\u2028", "😀", "x"])
TEXTS = st.lists(CHARACTERS, max_size=12).map("".join)


@pytest.mark.parametrize(
    ("written", "decoded"),
    [
        pytest.param(r"a\u0026b\u003cc", "a&b<c", id="Go"),
        pytest.param(r"ö\u0026", "ö&", id="Go, other letters as they are"),
        pytest.param(r"a\u2028b", "a\u2028b", id="Go, a line separator"),
        pytest.param(r"\u00F6\u003C", "ö<", id="capital digits"),
        pytest.param(r"\u00f6\/", "ö/", id="PHP"),
        pytest.param(r"\ud83d\ude00", "😀", id="a pair of surrogates"),
        pytest.param(r"\"a\"\n\\u0026", '"a"\n\\u0026', id="an escaped backslash before what looks like an escape"),
        pytest.param(r"a\u0026b&c", r"a\u0026b&c", id="the same character in two ways"),
        pytest.param(r"\u003c\u003C", r"\u003c\u003C", id="small and capital digits"),
        pytest.param(r"a\/b/c", r"a\/b/c", id="one slash of two"),
        pytest.param(r"\u0061", r"\u0061", id="a letter that needs no escape"),
        pytest.param(r"a\u00", r"a\u00", id="cut within an escape"),
        pytest.param("a\\", "a\\", id="cut behind a backslash"),
        pytest.param('a"b\\n', 'a"b\\n', id="more than a string"),
    ],
)
def test_a_text_is_decoded_only_from_a_known_spelling(written: str, decoded: str) -> None:
    assert decoded == decode_json_spelling(written)


@given(TEXTS)
def test_every_spelling_is_the_text_or_json_of_it(text: str) -> None:
    spellings = list(list_json_spellings(text))
    assert {text} == {json.loads(f'"{each}"') for each in spellings[::2]}
    assert {text} == {json.loads(f'"{json.loads(chr(34) + each + chr(34))}"') for each in spellings[1::2]}


def _list_escapes(character: str) -> list[str]:
    """Lists the ways to write a character in a JSON string, also such that no encoder uses."""
    code = f"{ord(character):04x}"
    escapes = [rf"\u{code}", rf"\u{code.upper()}"] if len(code) == 4 else []
    return [*escapes, json.dumps(character)[1:-1], *([r"\/"] if character == "/" else [])]


@given(st.data(), TEXTS, TEXTS)
def test_a_registered_secret_is_never_decoded_from_a_redacted_text(data: st.DataObject, before: str, after: str) -> None:
    """However each of its characters is escaped, and wherever the text is cut."""
    text = f"{before}{SECRET}{after}"
    written = "".join(data.draw(st.sampled_from([each, *_list_escapes(each)])) for each in text)
    redacted = Redactor([SECRET]).redact_log(written)
    cut = data.draw(st.integers(0, len(redacted)))
    assert SECRET not in decode_json_spelling(redacted[cut:])
    assert SECRET not in decode_json_spelling(redacted[:cut])


@given(TEXTS, TEXTS)
def test_the_spelling_of_a_part_is_part_of_the_spelling_of_the_whole(before: str, after: str) -> None:
    whole, parts = list(list_json_spellings(f"{before}{SECRET}{after}")), list(list_json_spellings(SECRET))
    assert [True] * len(parts) == [part in each for part, each in zip(parts, whole, strict=True)]
