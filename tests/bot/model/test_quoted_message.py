"""Quoted messages: the time and the source of the note that is made of a message."""

from datetime import UTC, datetime

import pytest

from bot.model.incident import QuotedMessage


@pytest.mark.parametrize(
    ("ts", "at"),
    [
        ("1769828280.000200", datetime(2026, 1, 31, 2, 58, 0, 200, tzinfo=UTC)),
        ("1769828280.5", datetime(2026, 1, 31, 2, 58, 0, 500_000, tzinfo=UTC)),
        ("1769828280.999999999", datetime(2026, 1, 31, 2, 58, 0, 999_999, tzinfo=UTC)),
    ],
)
def test_a_timestamp_of_slack_is_the_time_of_the_message(ts: str, at: datetime) -> None:
    assert at == QuotedMessage("C0OPS", ts, "ana").at
