"""Cron lines: what is one, and when its times come, also where clocks are changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.values.arguments import BadArgument
from commands.values.cron import count_due_times, find_last_due, find_next_due, parse_cron, parse_zone

TOKYO, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")

LINES = ("0 9 * * *", "30 2 * * *", "30 1 * * *", "*/30 * * * *", "15 * * * *", "0 */2 * * *", "0 9 * * 1-5", "0 9 1 * *")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize("line", [*LINES, "0 9 29 2 *", "0 9 * * MON", "0 9 L * *", "*/5 * * * *", "0,30 9-17 * * *"])
def test_a_cron_line_is_read(line: str) -> None:
    assert line == parse_cron(f"  {line.replace(' ', '   ')} ")


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "five fields"),
        ("daily", "five fields"),
        ("@daily", "five fields"),
        ("0 9 * *", "five fields"),
        ("0 0 9 * * *", "five fields"),
        ("60 9 * * *", "minute must be 0–59"),
        ("0 24 * * *", "hour must be 0–23"),
        ("0 9 32 * *", "day must be 1–31 and exist in that month"),
        ("0 9 31 2 *", "day must be 1–31 and exist in that month"),
        ("0 9 * 13 *", "month must be 1–12"),
        ("0 9 * * 8", "weekday must be 0–7"),
        ("0 9 * * 月", "weekday must be 0–7"),
        ("a b c d e", "minute must be 0–59"),
        ("*/0 9 * * *", "minute must be 0–59"),
        ("-1 9 * * *", "minute must be 0–59"),
        ("* * * * *", "it runs more often than every 5 minutes"),
        ("*/2 9 31 12 *", "it runs more often than every 5 minutes"),
        ("0,1 9 * * *", "it runs more often than every 5 minutes"),
        ("0 9 * * *" + " " * 50 + "x" * 200, "five fields"),
        (",".join(map(str, range(60))) + " 9 * * *", "five fields"),
    ],
)
def test_cron_nonsense_is_refused_with_what_is_wrong(typed: str, why: str) -> None:
    with pytest.raises(BadArgument, match=why):
        parse_cron(typed)


@given(st.text(alphabet="0123456789*/,-LW# MONTUE", max_size=40))
def test_whatever_is_typed_is_a_line_with_a_next_time_or_a_clear_error(typed: str) -> None:
    try:
        line = parse_cron(typed)
    except BadArgument:
        return
    assert find_next_due(line, TOKYO, at("2026-01-31T09:00Z")) is not None


@pytest.mark.parametrize(("typed", "name"), [("Asia/Tokyo", "Asia/Tokyo"), ("asia/tokyo", "Asia/Tokyo"), (" utc ", "UTC")])
def test_a_time_zone_is_read(typed: str, name: str) -> None:
    assert name == parse_zone(typed)


@pytest.mark.parametrize("typed", ["", "Asia/Tokio", "JST+9", "../../etc/passwd", "Asia"])
def test_a_zone_that_does_not_exist_is_refused(typed: str) -> None:
    with pytest.raises(BadArgument, match="is not a time zone"):
        parse_zone(typed)


def test_the_nearest_zones_are_offered() -> None:
    with pytest.raises(BadArgument) as refused:
        parse_zone("Asia/Tokio")
    assert "Asia/Tokyo" in refused.value.nearest


@pytest.mark.parametrize(
    ("now", "last", "next_"),
    [
        ("2026-01-30T23:59:59Z", "2026-01-30T00:00Z", "2026-01-31T00:00Z"),
        ("2026-01-31T00:00:00Z", "2026-01-31T00:00Z", "2026-02-01T00:00Z"),
        ("2026-01-31T00:00:00.9Z", "2026-01-31T00:00Z", "2026-02-01T00:00Z"),
        ("2026-01-31T00:00:01Z", "2026-01-31T00:00Z", "2026-02-01T00:00Z"),
    ],
)
def test_a_time_has_come_when_the_clock_shows_it(now: str, last: str, next_: str) -> None:
    """Nine in Tokyo is midnight in UTC."""
    assert (at(last), at(next_)) == (find_last_due("0 9 * * *", TOKYO, at(now)), find_next_due("0 9 * * *", TOKYO, at(now)))


@pytest.mark.parametrize(
    ("line", "day", "times"),
    [
        # On 8 March 2026 clocks in New York go from 02:00 to 03:00, on 1 November from 02:00 back to 01:00.
        ("30 2 * * *", "2026-03-08", ["2026-03-08T03:00-04:00"]),
        ("0 9 * * *", "2026-03-08", ["2026-03-08T09:00-04:00"]),
        ("*/30 1-3 * * *", "2026-03-08", ["01:00-05:00", "01:30-05:00", "03:00-04:00", "03:30-04:00"]),
        ("30 1 * * *", "2026-11-01", ["2026-11-01T01:30-04:00"]),
        ("0 2 * * *", "2026-11-01", ["2026-11-01T02:00-05:00"]),
        ("*/30 * * * *", "2026-11-01", None),
    ],
)
def test_where_clocks_change_nothing_daily_is_left_out_or_comes_twice(line: str, day: str, times: list[str] | None) -> None:
    begins, ends = at(f"{day}T00:00-04:00" if "11" in day else f"{day}T00:00-05:00"), None
    ends = begins + timedelta(hours=25 if "11" in day else 23)
    found, here = [], begins - timedelta(seconds=1)
    while (here := find_next_due(line, NEW_YORK, here) or ends) < ends:
        found.append(here)
    expected = (
        [begins + timedelta(minutes=30) * step for step in range(50)]
        if times is None
        else [at(time if "T" in time else f"{day}T{time}") for time in times]
    )
    assert expected == found


CHANGES = (
    "2026-03-08T07:00Z",
    "2026-11-01T06:00Z",
    "2026-03-29T01:00Z",
    "2026-10-25T01:00Z",
    "2026-04-04T15:00Z",
    "2026-10-03T15:30Z",
)
"""When clocks are changed in New York, Berlin and on Lord Howe, where it is by half an hour."""


@given(
    st.sampled_from(LINES),
    st.sampled_from([NEW_YORK, ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")]),
    st.sampled_from(CHANGES),
    st.integers(-36 * 3600, 36 * 3600),
)
def test_also_within_hours_of_a_change(line: str, zone: ZoneInfo, change: str, seconds: int) -> None:
    now = at(change) + timedelta(seconds=seconds)
    last, ahead = find_last_due(line, zone, now), find_next_due(line, zone, now)
    assert last is not None
    assert ahead is not None
    assert last <= now < ahead
    assert last == find_next_due(line, zone, last - timedelta(seconds=1))
    assert 0 == count_due_times(line, zone, last, ahead, 10)


@given(
    st.sampled_from(LINES),
    st.sampled_from([TOKYO, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")]),
    st.integers(0, 3 * 366 * 24 * 3600).map(lambda seconds: at("2025-01-01T00:00Z") + timedelta(seconds=seconds)),
)
def test_looking_back_finds_the_times_that_looking_ahead_finds(line: str, zone: ZoneInfo, now: datetime) -> None:
    """The newest time has come, nothing lies between it and now, and it is the next one after the moment before it."""
    last = find_last_due(line, zone, now)
    assert last is not None
    ahead = find_next_due(line, zone, now)
    assert ahead is not None
    assert last <= now < ahead
    assert 0 == count_due_times(line, zone, last, ahead, 10)
    assert last == find_next_due(line, zone, last - timedelta(seconds=1))


def test_times_between_two_points_are_counted_up_to_a_number() -> None:
    a, b = at("2026-01-01T00:00Z"), at("2026-01-11T00:00Z")
    assert (9, 3, 0) == (
        count_due_times("0 9 * * *", TOKYO, a, b, 99),
        count_due_times("0 9 * * *", TOKYO, a, b, 3),
        count_due_times("0 9 * * *", TOKYO, a, a, 9),
    )
