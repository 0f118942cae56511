"""Channels in lists are named for the reader: a public one by its name, a private one without it."""

import pytest

from bot.schedules.reports import ReportPlace

NAMES = {"C0OPS": "#ops", "C0BOARD": ""}


@pytest.mark.parametrize(
    ("reader_in", "channel", "expected"),
    [
        ("", "C0OPS", "#ops"),
        ("C0OPS", "C0OPS", "#ops"),
        ("", "C0BOARD", "a private channel"),
        ("C0OPS", "C0BOARD", "a private channel"),
        ("C0BOARD", "C0BOARD", "this channel"),
        ("", "C0LOST", "C0LOST"),
        ("C0LOST", "C0LOST", "this channel"),
    ],
)
def test_a_channel_has_a_name_wherever_one_may_be_said(reader_in: str, channel: str, expected: str) -> None:
    assert expected == str(ReportPlace(reader_in, NAMES).name_channel(channel))
