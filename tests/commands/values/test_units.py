"""Spans of time as people type them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.values.arguments import BadArgument
from commands.values.units import make_duration_parser, parse_duration, render_duration


@pytest.mark.parametrize(
    ("typed", "span"),
    [
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("30d", timedelta(days=30)),
        ("2w", timedelta(weeks=2)),
        ("1h30m", timedelta(minutes=90)),
        ("1d 12h", timedelta(hours=36)),
        ("2H", timedelta(hours=2)),
        ("0h5m", timedelta(minutes=5)),
        ("9999w", timedelta(weeks=9999)),
    ],
)
def test_a_span_is_read(typed: str, span: timedelta) -> None:
    assert span == parse_duration(typed)


@pytest.mark.parametrize(
    "typed", ["", " ", "m", "30", "0m", "-5m", "1.5h", "30m1h", "1h1h", "5s", "tomorrow", "٣٠m", "10000d", "1h" + "0" * 5000]
)
def test_anything_else_is_refused_with_examples(typed: str) -> None:
    with pytest.raises(BadArgument) as refused:
        parse_duration(typed)
    assert "Use for example 30m, 2h, 1h30m, 7d" in str(refused.value.phrase)
    assert len(str(refused.value.phrase)) < 120


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        (timedelta(minutes=5), "5m"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(hours=24), "1d"),
        (timedelta(weeks=2), "14d"),
        (timedelta(minutes=1, seconds=59), "1m"),
        (timedelta(seconds=59), "0m"),
    ],
)
def test_a_span_is_shown_to_the_minute(span: timedelta, shown: str) -> None:
    assert shown == render_duration(span)


@given(st.integers(min_value=1, max_value=9999 * 1440).map(lambda minutes: timedelta(minutes=minutes)))
def test_what_is_shown_can_be_typed(span: timedelta) -> None:
    assert span == parse_duration(render_duration(span))


@pytest.mark.parametrize("typed", ["5m", "1h", "7d", "1w"])
def test_spans_within_the_bounds_are_taken(typed: str) -> None:
    assert parse_duration(typed) == make_duration_parser(timedelta(minutes=5), timedelta(days=7))(typed)


@pytest.mark.parametrize("typed", ["4m", "8d"])
def test_spans_beyond_the_bounds_are_refused_with_the_bounds(typed: str) -> None:
    with pytest.raises(BadArgument) as refused:
        make_duration_parser(timedelta(minutes=5), timedelta(days=7))(typed)
    assert f"{typed} is out of range. Use 5m to 7d" == str(refused.value.phrase)
