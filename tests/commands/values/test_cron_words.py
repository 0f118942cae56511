"""Cron lines in words, which mean exactly the times at which the line is due."""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from adapters.phrase import Phrase
from bot.locale.texts import get_texts
from commands.values.cron import describe_cron

ENGLISH, JAPANESE = (get_texts(language, ZoneInfo("UTC")) for language in ("en", "ja"))


def say(line: str, zone: str = "Asia/Tokyo") -> list[str]:
    phrase = describe_cron(line, zone)
    return [] if phrase is None else [phrase.render(ENGLISH), phrase.render(JAPANESE)]


@pytest.mark.parametrize(
    ("line", "english", "japanese"),
    [
        ("0 18 * * 1-5", "weekdays at 18:00 (Tokyo)", "平日 18:00 (東京)"),
        ("0 18 * * MON-FRI", "weekdays at 18:00 (Tokyo)", "平日 18:00 (東京)"),
        ("10 9 * * *", "daily at 09:10 (Tokyo)", "毎日 09:10 (東京)"),
        ("0 13,17 * * *", "daily at 13:00 and 17:00 (Tokyo)", "毎日 13:00、17:00 (東京)"),
        ("30 8 * * 0,6", "weekends at 08:30 (Tokyo)", "土日 08:30 (東京)"),
        ("30 8 * * 6,7", "weekends at 08:30 (Tokyo)", "土日 08:30 (東京)"),
        ("5 9 * * 1", "Mondays at 09:05 (Tokyo)", "毎週月曜 09:05 (東京)"),
        ("0 9 * * 0,3", "Wednesdays and Sundays at 09:00 (Tokyo)", "毎週水曜、日曜 09:00 (東京)"),
        ("10 9 1 * *", "monthly on day 1 at 09:10 (Tokyo)", "毎月 1 日 09:10 (東京)"),
        ("0 9 1,15 * *", "monthly on day 1 and 15 at 09:00 (Tokyo)", "毎月 1、15 日 09:00 (東京)"),
        ("0 9 L * *", "monthly on the last day at 09:00 (Tokyo)", "毎月末日 09:00 (東京)"),
        ("*/30 * * * *", "every 30 minutes (Tokyo)", "30 分ごと (東京)"),
        ("0,30 * * * *", "every 30 minutes (Tokyo)", "30 分ごと (東京)"),
        ("*/10 * * * 1-5", "weekdays, every 10 minutes (Tokyo)", "平日、10 分ごと (東京)"),
        (
            "*/15 9-17 * * 1-5",
            "weekdays, every 15 minutes from 09:00 to 17:45 (Tokyo)",
            "平日、09:00～17:45 の間、15 分ごと (東京)",
        ),
        ("5 9-17 * * *", "hourly from 09:05 to 17:05 (Tokyo)", "09:05～17:05 の間、1 時間ごと (東京)"),
        ("0 * * * *", "every hour (Tokyo)", "1 時間ごと (東京)"),
        ("5 * * * *", "hourly at :05 (Tokyo)", "毎時 :05 (東京)"),
        ("5,35 * * * *", "hourly at :05 and :35 (Tokyo)", "毎時 :05、:35 (東京)"),
        ("5 */2 * * *", "every 2 hours from 00:05 (Tokyo)", "00:05 から 2 時間ごと (東京)"),
        ("0 */6 * * *", "daily at 00:00, 06:00, 12:00, and 18:00 (Tokyo)", "毎日 00:00、06:00、12:00、18:00 (東京)"),
    ],
)
def test_a_common_line_has_words(line: str, english: str, japanese: str) -> None:
    assert [english, japanese] == say(line)


@pytest.mark.parametrize(
    "line",
    [
        "0 9 1 * 1",  # on the first, and on Mondays
        "0 9 * 1 *",
        "0 9 * * 1#1",
        "0 9 * * 5L",
        "0 9 LW * *",
        "0 9 */2 * *",
        "1,2,3,4,7 * * * *",
        "7 1,2,3,5,9 * * *",
        "not a line",
        "0 25 * * *",
        "",
    ],
)
def test_another_line_has_no_words(line: str) -> None:
    assert [] == say(line)


@pytest.mark.parametrize(
    ("zone", "english", "japanese"),
    [
        ("Europe/Berlin", "Berlin", "ベルリン"),
        ("America/New_York", "New York", "ニューヨーク"),
        ("UTC", "UTC", "UTC"),
        ("<!channel>", "<!channel>", "<!channel>"),
        ("../../etc/passwd", "../../etc/passwd", "../../etc/passwd"),
        ("", "", ""),
    ],
)
def test_a_zone_is_named_by_its_city_and_an_unknown_one_as_it_is(zone: str, english: str, japanese: str) -> None:
    assert [f"daily at 09:00 ({english})", f"毎日 09:00 ({japanese})"] == say("0 9 * * *", zone)


def test_the_words_are_kept_with_a_stored_report() -> None:
    phrase = describe_cron("0 18 * * 1-5", "Asia/Tokyo")
    assert phrase is not None
    assert phrase == Phrase.from_json(phrase.to_json())


BEGIN, DAYS = datetime(2026, 1, 20, tzinfo=UTC), 50
"""Days from a January over the end of a short month."""

NAMES = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


def find_days(words: str) -> Callable[[date], bool]:
    """Interprets what words say of days, as a reader would."""
    if words == "weekdays":
        return lambda day: day.weekday() < 5
    if words == "weekends":
        return lambda day: day.weekday() >= 5
    if words == "monthly on the last day":
        return lambda day: day.day == monthrange(day.year, day.month)[1]
    if words.startswith("monthly on day "):
        numbers = {int(number) for number in re.findall(r"\d+", words)}
        return lambda day: day.day in numbers
    named = {NAMES.index(name) for name in re.findall(r"[A-Z]\w+", words)}
    return lambda day: not named or day.weekday() in named


def find_times(words: str) -> set[tuple[int, int]]:
    """Interprets what words say of times of the day, as a reader would."""
    clock = [(int(hour), int(minute)) for hour, minute in re.findall(r"(\d\d):(\d\d)", words)]
    every = re.search(r"every (?:(\d+) )?(minutes|hours?)", words)
    if every is None and "hourly at" in words:
        return {(hour, int(minute)) for hour in range(24) for minute in re.findall(r":(\d\d)", words)}
    if every is None and "hourly" not in words:
        return set(clock)
    step = timedelta(**{"minutes" if every and every[2] == "minutes" else "hours": int(every[1] or 1) if every else 1})
    (first, last) = [*clock, (23, 59)][:2] if clock else ((0, 0), (23, 59))
    at, ends = (BEGIN.replace(hour=hour, minute=minute) for hour, minute in (first, last))
    times = takewhile(lambda when: when <= ends, (at + n * step for n in range(24 * 60)))
    return {(when.hour, when.minute) for when in times}


def interpret(words: str) -> list[datetime]:
    """Lists the times that the words mean."""
    *before, times = re.split(r" at (?=\d)|, (?=every|hourly)", words.removesuffix(" (UTC)"))
    days = before[0] if before else "daily"
    may, at = find_days(days), sorted(find_times(times))
    found = []
    for day in (BEGIN + timedelta(days=number) for number in range(DAYS)):
        found += [day.replace(hour=hour, minute=minute) for hour, minute in at if may(day.date())]
    return found


def compute(line: str) -> list[datetime]:
    ends = BEGIN + timedelta(days=DAYS)
    return list(takewhile(lambda at: at < ends, CronSim(line, BEGIN - timedelta(minutes=1))))


def field(first: int, last: int, *usual: str) -> st.SearchStrategy[str]:
    number = st.integers(first, last)
    span = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
    step = st.tuples(st.just("*") | span | number.map(str), st.integers(1, last)).map(lambda parts: f"{parts[0]}/{parts[1]}")
    several = st.lists(number.map(str) | span, min_size=1, max_size=5).map(",".join)
    return st.sampled_from(usual) | number.map(str) | span | step | several


LINES = st.tuples(
    st.sampled_from(("0", "7", "59", "*/5", "*/12", "*/25", "0,30", "5,35", "1,2,3,4", "10-40/10", "3/15", "1-60/7")),
    field(0, 23, "*", "*", "0-23", "9-17", "*/2", "1-23/2"),
    field(1, 31, "*", "*", "*", "1", "L", "LW", "1-31"),
    st.sampled_from(("*", "*", "*", "1-12", "2", "*/2")),
    field(0, 7, "*", "*", "*", "1-5", "0,6", "6-7", "1#1", "5L", "0-6"),
).map(" ".join)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(LINES)
def test_the_words_mean_exactly_the_times_at_which_the_line_is_due(line: str) -> None:
    phrase = describe_cron(line, "UTC")
    assume(phrase is not None)
    assert phrase is not None
    assert compute(line) == interpret(phrase.render(ENGLISH))
