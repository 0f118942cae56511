"""Times as people read them: the time itself, and once in brackets how far it is from now."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.locale.texts import get_texts
from commands.model.finding import relate_moment

NOW = datetime(2026, 11, 29, 1, 0, tzinfo=UTC)
TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("distance", "english", "japanese"),
    [
        (timedelta(days=20, hours=23), "2026-12-20 09:00 JST (in 20 days)", "2026-12-20 09:00 JST (20 日後)"),
        (timedelta(days=2), "2026-12-01 10:00 JST (in 2 days)", "2026-12-01 10:00 JST (2 日後)"),
        (timedelta(hours=47), "2026-12-01 09:00 JST (in 1 day, 23 hr)", "2026-12-01 09:00 JST (1 日 23 時間後)"),
        (timedelta(minutes=119), "2026-11-29 11:59 JST (in 1 hr, 59 min)", "2026-11-29 11:59 JST (1 時間 59 分後)"),
        (timedelta(seconds=119), "2026-11-29 10:01 JST (in 1 min)", "2026-11-29 10:01 JST (1 分後)"),
        (timedelta(seconds=59), "2026-11-29 10:00 JST (now)", "2026-11-29 10:00 JST (現在)"),
        (timedelta(), "2026-11-29 10:00 JST (now)", "2026-11-29 10:00 JST (現在)"),
        (timedelta(hours=-5), "2026-11-29 05:00 JST (5 hr ago)", "2026-11-29 05:00 JST (5 時間前)"),
        (timedelta(days=-400), "2025-10-25 10:00 JST (400 days ago)", "2025-10-25 10:00 JST (400 日前)"),
    ],
)
def test_a_time_says_once_how_far_it_is_in_one_language(distance: timedelta, english: str, japanese: str) -> None:
    phrase = relate_moment(NOW + distance, NOW)
    assert [english, japanese] == [phrase.render(get_texts(language, TOKYO)) for language in ("en", "ja")]


def test_the_distance_is_real_time_where_clocks_were_set_back_between() -> None:
    """From 01:30 summer time to 03:30 winter time are three hours."""
    night = datetime(2026, 10, 25, 1, 30, tzinfo=BERLIN)
    morning = datetime(2026, 10, 25, 3, 30, tzinfo=BERLIN)
    assert "2026-10-25 03:30 CET (in 3 hr)" == relate_moment(morning.astimezone(UTC), night.astimezone(UTC)).render(
        get_texts("en", BERLIN)
    )


@given(st.timedeltas(min_value=timedelta(days=-9000), max_value=timedelta(days=9000)))
def test_the_distance_is_never_said_to_be_more_than_it_is_and_loses_less_than_half(distance: timedelta) -> None:
    values = relate_moment(NOW + distance, NOW).values
    said = timedelta(seconds=values["span"].seconds) if "span" in values else timedelta()
    assert said <= abs(distance) < max(2 * said, timedelta(minutes=1))
