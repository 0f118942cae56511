"""A month of a zone: which one is meant, where it begins and ends, and its days."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.model.month import Month
from commands.digests import parse_month
from commands.values.arguments import BadArgument

TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "now", "expected"),
    [
        ("", "2026-03-01T00:10", "2026-02"),
        ("", "2026-03-03T12:00", "2026-02"),
        ("", "2026-01-31T23:59", "2026-01"),
        ("", "2026-01-31T14:59", "2025-12"),
        ("", "2026-01-31T15:00", "2026-01"),
        ("2024-02", "2026-03-01T00:10", "2024-02"),
        ("2026-03", "2026-03-01T00:10", "2026-03"),
    ],
)
def test_left_out_it_is_the_last_whole_month_where_the_bot_lives(name: str, now: str, expected: str) -> None:
    assert expected == Month.from_name(name, TOKYO, at(now)).name


def test_a_month_that_has_not_begun_is_refused() -> None:
    with pytest.raises(BadArgument, match="2026-04 has not started"):
        Month.from_name("2026-04", TOKYO, at("2026-03-31T14:59"))


def test_it_begins_and_ends_at_midnight_in_its_zone() -> None:
    month = Month.from_name("2026-02", TOKYO, at("2026-03-01T00:10"))

    assert (at("2026-01-31T15:00"), at("2026-02-28T15:00"), True) == (month.begin, month.end, month.whole)
    assert [timedelta(days=1)] * 28 == [end - begin for begin, end in month.days]


def test_a_month_that_has_not_ended_goes_until_now() -> None:
    month = Month.from_name("2026-03", TOKYO, at("2026-03-02T18:00"))

    assert (at("2026-03-02T18:00"), False) == (month.end, month.whole)
    assert [timedelta(days=1), timedelta(days=1), timedelta(hours=3)] == [end - begin for begin, end in month.days]


@pytest.mark.parametrize(("name", "hours"), [("2026-03", 23), ("2026-10", 25)])
def test_days_on_which_clocks_are_changed_are_shorter_or_longer(name: str, hours: int) -> None:
    month = Month.from_name(name, BERLIN, at("2026-12-01T00:00"))
    days = list(month.days)

    assert {timedelta(hours=24): 30, timedelta(hours=hours): 1} == {
        length: sum(end - begin == length for begin, end in days) for length in {end - begin for begin, end in days}
    }
    assert [end for _, end in days[:-1]] == [begin for begin, _ in days[1:]]


@pytest.mark.parametrize("typed", ["2026-01", "2026-1", "2026/01", "2026年1月", " 2026-01 "])
def test_a_month_is_read_as_people_write_it(typed: str) -> None:
    assert "2026-01" == parse_month(typed)


@pytest.mark.parametrize(
    "typed", ["", "2026", "2026-00", "2026-13", "202601", "26-01", "1999-12", "january", "2026-01-05", "x" * 99]
)
def test_what_is_no_month_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(BadArgument, match=r"is not a month\. Use the format 2026-01"):
        parse_month(typed)
