"""How values are stored: time as text that sorts, JSON as bounded ASCII, any text without harm."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.store.encoding import MAX_JSON_BYTES, encode_json, encode_time, escape_text
from bot.store.errors import TooLarge
from bot.store.schema.column_types import UtcText

MOMENTS = st.datetimes(timezones=st.timezones() | st.just(UTC), allow_imaginary=False).filter(lambda at: 1 < at.year < 9999)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def test_a_moment_is_stored_in_utc_and_can_be_read() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert encode_time(datetime(2026, 1, 31, 18, 0, tzinfo=tokyo)) == "2026-01-31T09:00:00.000000Z"


@given(MOMENTS)
def test_a_moment_comes_back_as_it_was(at: datetime) -> None:
    """Compared in UTC: in an hour that a clock repeats, Python calls no two zones' times equal."""
    back = UtcText().process_result_value(encode_time(at), None)  # type: ignore[arg-type]
    assert back == at.astimezone(UTC)
    assert back.utcoffset() == timedelta(0)


@given(MOMENTS, MOMENTS)
def test_stored_moments_sort_as_time_does(one: datetime, other: datetime) -> None:
    assert (encode_time(one) < encode_time(other)) == (one.astimezone(UTC) < other.astimezone(UTC))


def test_a_moment_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        encode_time(datetime(2026, 1, 31))  # noqa: DTZ001


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_json_is_stored_as_ascii_and_comes_back_as_it_was(value: dict[str, Any]) -> None:
    stored = encode_json(value)
    assert stored.isascii()
    assert json.loads(stored) == value


def test_the_same_json_is_stored_as_the_same_text() -> None:
    assert encode_json({"b": 1, "a": "\ud800\0"}) == encode_json({"a": "\ud800\0", "b": 1}) == r'{"a":"\ud800\u0000","b":1}'


def test_json_that_is_too_large_is_refused_with_its_size() -> None:
    frame = len(encode_json({"a": ""}))
    assert len(encode_json({"a": "x" * (MAX_JSON_BYTES - frame)})) == MAX_JSON_BYTES
    with pytest.raises(TooLarge, match=str(MAX_JSON_BYTES + 1)):
        encode_json({"a": "x" * (MAX_JSON_BYTES - frame + 1)})


@given(st.text(st.characters(codec=None)))
def test_any_text_can_be_stored_and_stays_readable(text: str) -> None:
    line = sqlite3.connect(":memory:")
    stored = escape_text(text)
    assert line.execute("SELECT ?, length(?)", (stored, stored)).fetchone() == (stored, len(stored))
    line.close()
