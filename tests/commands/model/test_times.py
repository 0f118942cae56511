"""Points in time as people type them: spans, clocks, whole times; in zones whose clocks are changed."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from commands.catalogue import CATALOGUE
from commands.incidents.acts import IncidentNote
from commands.language.grammar import parse_operation, render_operation
from commands.logs.operations import LOG_HISTORY_LIMIT, LogRead
from commands.model.operation import Operation
from commands.model.times import (
    ClockTime,
    TimePoint,
    make_time_option,
    render_time,
    resolve_clock_times,
    resolve_instant,
    resolve_interval,
)
from commands.values.arguments import BadArgument
from commands.values.normalize import normalize_text

TOKYO, BERLIN, LORD_HOWE = (ZoneInfo(name) for name in ("Asia/Tokyo", "Europe/Berlin", "Australia/Lord_Howe"))
LOS_ANGELES, CAIRO, HAVANA = (ZoneInfo(name) for name in ("America/Los_Angeles", "Africa/Cairo", "America/Havana"))
NOW = datetime(2026, 1, 31, 3, 0, tzinfo=UTC)
"""Noon in Tokyo, four in the morning in Berlin."""

PARSE = make_time_option(LOG_HISTORY_LIMIT).parse


def since(typed: str, zone: ZoneInfo, now: datetime = NOW) -> TimePoint | None:
    """What `--since` means to somebody in a zone."""
    operation = parse_operation(normalize_text(f"log nebula --since {typed}"), CATALOGUE, CATALOGUE)
    assert isinstance(operation, LogRead)
    return resolve_clock_times(operation, zone, now).since


def refusal(typed: str, zone: ZoneInfo, now: datetime = NOW) -> BadArgument:
    with pytest.raises(BadArgument) as refused:
        since(typed, zone, now)
    return refused.value


@pytest.mark.parametrize(
    ("typed", "zone", "meant"),
    [
        ("11:59", TOKYO, "2026-01-31T11:59+09:00"),
        ("12:00", TOKYO, "2026-01-31T12:00+09:00"),
        ("12:01", TOKYO, "2026-01-30T12:01+09:00"),
        ("9:05", TOKYO, "2026-01-31T09:05+09:00"),
        ("09:05:07", TOKYO, "2026-01-31T09:05:07+09:00"),
        ("９：０５", TOKYO, "2026-01-31T09:05+09:00"),
        ("12:01", BERLIN, "2026-01-30T12:01+01:00"),
        ("2026-01-29T23:30", TOKYO, "2026-01-29T23:30+09:00"),
        ("2026-01-29t23:30", TOKYO, "2026-01-29T23:30+09:00"),
        ('"2026-01-29 23:30"', TOKYO, "2026-01-29T23:30+09:00"),
        ("2025-07-01T00:00", BERLIN, "2025-07-01T00:00+02:00"),
        ("2026-01-29T23:30Z", TOKYO, "2026-01-29T23:30+00:00"),
        ("2026-01-29T23:30-0330", TOKYO, "2026-01-29T23:30-03:30"),
        ("2026-01-29T23:30:05.250Z", TOKYO, "2026-01-29T23:30:05.250000+00:00"),
        ('"2026/01/29 23:30:05"', TOKYO, "2026-01-29T23:30:05+09:00"),
        ("30m", TOKYO, "30m"),
        ("today", TOKYO, "2026-01-31T00:00+09:00"),
        ("Yesterday", TOKYO, "2026-01-30T00:00+09:00"),
        ("yesterday", LOS_ANGELES, "2026-01-29T00:00-08:00"),
        ("昨日", BERLIN, "2026-01-30T00:00+01:00"),
        ("今日", BERLIN, "2026-01-31T00:00+01:00"),
    ],
)
def test_a_time_is_that_of_the_zone_and_says_so(typed: str, zone: ZoneInfo, meant: str) -> None:
    when = since(typed, zone)
    assert when is not None
    assert meant == render_time(when)


@pytest.mark.parametrize(
    "typed",
    ["", "tomorrow", "14", "14h20", "25:00", "12:60", "2026-01-29", "2026-02-30T10:00", "1999-01-01T00:00", "01/29 10:00",
     "10:00:00.",
     "10:00Z", "10:00+09:00", "2026-01-29T10:00+24:00", "2026-01-29T10:00+9", "-5m", "١٤:٢٠", "9" * 5_000],
)  # fmt: skip
def test_anything_else_is_refused_with_examples(typed: str) -> None:
    with pytest.raises(BadArgument) as refused:
        PARSE(typed)
    assert "Use for example 30m, 2h" in str(refused.value.phrase)
    assert len(str(refused.value.phrase)) < 150


@pytest.mark.parametrize(
    ("typed", "now", "day"),
    [
        ("2025-03-30T02:30", NOW, "2025-03-30"),
        ("02:30", datetime(2026, 3, 29, 1, 40, tzinfo=UTC), "2026-03-29"),
        ("02:30", datetime(2026, 3, 29, 22, 0, tzinfo=UTC), "2026-03-29"),
    ],
    ids=["in the past", "within the hour", "for the whole day"],
)
def test_a_time_that_clocks_never_showed_is_refused(typed: str, now: datetime, day: str) -> None:
    refused = refusal(typed, BERLIN, now)
    assert f"02:30 did not exist on {day} (clocks were set forward). Use another time" == str(refused.phrase)


def test_a_time_that_clocks_showed_twice_is_asked_for_more_exactly() -> None:
    refused = refusal("2025-10-26T02:30", BERLIN)
    assert ("2025-10-26T02:30+02:00", "2025-10-26T02:30+01:00") == refused.nearest
    assert all(each == render_time(since(each, BERLIN) or NOW) for each in refused.nearest)
    assert ("2025-04-06T01:45+11:00", "2025-04-06T01:45+10:30") == refusal("2025-04-06T01:45", LORD_HOWE).nearest


@pytest.mark.parametrize(
    ("now", "meant"),
    [
        (datetime(2026, 3, 29, 0, 40, tzinfo=UTC), "2026-03-28T02:30+01:00"),
        (datetime(2025, 10, 26, 0, 20, tzinfo=UTC), "2025-10-25T02:30+02:00"),
        (datetime(2025, 10, 26, 0, 40, tzinfo=UTC), "2025-10-26T02:30+02:00"),
        (datetime(2025, 10, 26, 1, 10, tzinfo=UTC), "2025-10-26T02:30+02:00"),
    ],
    ids=["they will skip it today", "not yet", "once", "once, and clocks are set back already"],
)
def test_what_clocks_do_later_today_is_no_matter(now: datetime, meant: str) -> None:
    assert meant == render_time(since("02:30", BERLIN, now) or NOW)


@pytest.mark.parametrize(
    ("zone", "now", "meant"),
    [
        (CAIRO, datetime(2026, 4, 24, 10, 0, tzinfo=UTC), datetime(2026, 4, 23, 22, 0, tzinfo=UTC)),
        (HAVANA, datetime(2025, 11, 2, 20, 0, tzinfo=UTC), datetime(2025, 11, 2, 4, 0, tzinfo=UTC)),
    ],
    ids=["clocks skip midnight", "clocks show midnight twice"],
)
def test_a_day_begins_with_its_first_instant(zone: ZoneInfo, now: datetime, meant: datetime) -> None:
    assert meant == since("today", zone, now)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("--since 11:20 --until 11:30", "--since 2026-01-31T11:20+09:00 --until 2026-01-31T11:30+09:00"),
        ("--since 23:00 --until 01:00", "--since 2026-01-30T23:00+09:00 --until 2026-01-31T01:00+09:00"),
        ("--since 11:20 --until 11:20", "--since 2026-01-31T11:20+09:00 --until 2026-02-01T11:20+09:00"),
        ("--since 11:50 --until 12:30", "--since 2026-01-31T11:50+09:00 --until 2026-01-31T12:30+09:00"),
        ("--since 2026-01-15T23:00 --until 01:00", "--since 2026-01-15T23:00+09:00 --until 2026-01-16T01:00+09:00"),
        ("--since 13h --until 23:30", "--since 13h --until 2026-01-30T23:30+09:00"),
        ("--since 20m --until 23:30", "--since 20m --until 2026-01-31T23:30+09:00"),
        ("--until 12:30", "--until 2026-01-30T12:30+09:00"),
        ("--since 11:50 --until 5m", "--since 2026-01-31T11:50+09:00 --until 5m"),
        ("--since yesterday --until today", "--since 2026-01-30T00:00+09:00 --until 2026-01-31T00:00+09:00"),
        ("--since yesterday --until 18:00", "--since 2026-01-30T00:00+09:00 --until 2026-01-30T18:00+09:00"),
    ],
)
def test_until_is_the_first_such_time_after_since(typed: str, meant: str) -> None:
    """It is noon."""
    for words in ("log nebula", "audit search"):
        operation = parse_operation(normalize_text(f"{words} {typed}"), CATALOGUE, CATALOGUE)
        assert f"{words} {meant}" == render_operation(resolve_clock_times(operation, TOKYO, NOW))


def test_log_collect_takes_times_on_a_clock() -> None:
    operation = parse_operation(normalize_text("log collect host-a --since 11:20"), CATALOGUE, CATALOGUE)
    assert "log collect host-a --since 2026-01-31T11:20+09:00" == render_operation(
        resolve_clock_times(operation, TOKYO, NOW)
    )


@pytest.mark.parametrize(
    ("when", "why"),
    [
        (NOW + timedelta(seconds=1), r"is in the future \(now: 2026-01-31 03:00:00 UTC\)"),
        (datetime(2099, 1, 1, tzinfo=TOKYO), "is in the future"),
        (NOW - LOG_HISTORY_LIMIT - timedelta(seconds=1), "is too far in the past. Use a time within the last 366d"),
    ],
)
def test_what_is_yet_to_come_or_too_long_ago_is_refused(when: datetime, why: str) -> None:
    with pytest.raises(BadArgument, match=why):
        resolve_instant(when, NOW, LOG_HISTORY_LIMIT)


def test_a_time_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(BadArgument, match="--since must be before --until"):
        resolve_interval(timedelta(minutes=5), NOW - timedelta(minutes=5), NOW, LOG_HISTORY_LIMIT)
    assert (None, NOW) == resolve_interval(None, NOW, NOW, LOG_HISTORY_LIMIT)


def test_spans_and_times_are_points_in_time() -> None:
    assert NOW - timedelta(minutes=30) == resolve_instant(timedelta(minutes=30), NOW, LOG_HISTORY_LIMIT)
    assert NOW == resolve_instant(NOW.astimezone(TOKYO), NOW, LOG_HISTORY_LIMIT)


TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(lambda at: at.replace(microsecond=0))  # noqa: DTZ001
OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(TIMES, OFFSETS)
def test_what_is_shown_can_be_typed(at: datetime, offset: timezone) -> None:
    assert at.replace(tzinfo=offset) == PARSE(render_time(at.replace(tzinfo=offset)))
    for clock in (ClockTime(at.date(), at.time()), ClockTime(None, at.time())):
        assert clock == PARSE(render_time(clock))


@given(TIMES, st.sampled_from([TOKYO, BERLIN, LORD_HOWE]))
@example(datetime(2025, 3, 30, 2, 30), BERLIN)  # noqa: DTZ001 - a gap
@example(datetime(2025, 10, 26, 2, 30), BERLIN)  # noqa: DTZ001 - a fold
@example(datetime(2025, 4, 6, 1, 45), LORD_HOWE)  # noqa: DTZ001
def test_a_placed_time_is_what_clocks_in_the_zone_showed(at: datetime, zone: ZoneInfo) -> None:
    asked = LogRead(source="nebula", since=ClockTime(at.date(), at.time()), until=timedelta(hours=1))
    try:
        meant: Operation = resolve_clock_times(asked, zone, NOW)
    except BadArgument:
        early, late = (at.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
        assert early != late
        return
    assert isinstance(meant, LogRead)
    assert isinstance(meant.since, datetime)
    assert at == meant.since.astimezone(zone).replace(tzinfo=None)
    assert meant == parse_operation(normalize_text(render_operation(meant)), CATALOGUE, CATALOGUE)


@given(st.text(alphabet="0123456789:-+TZtz hmdw", max_size=30))
def test_no_text_breaks_it(text: str) -> None:
    try:
        when = PARSE(text)
    except BadArgument:
        return
    assert when == PARSE(render_time(when))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("11:55", "2026-11-25T11:55+09:00"), ("00:30", "2026-11-25T00:30+09:00"), ("30m", "30m")],
)
def test_the_time_of_an_event_needs_no_day_for_the_last_hours(typed: str, meant: str) -> None:
    now = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
    note = IncidentNote(text="x", at=PARSE(typed))
    assert f"incident note x --at {meant}" == render_operation(resolve_clock_times(note, TOKYO, now))


def test_the_time_of_an_event_that_lies_ahead_is_refused_with_that_of_the_day_before() -> None:
    now = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
    with pytest.raises(BadArgument) as refused:
        resolve_clock_times(IncidentNote(text="x", at=PARSE("12:05")), TOKYO, now)
    assert "12:05 is in the future" in str(refused.value.phrase)
    assert ("2026-11-24T12:05+09:00",) == refused.value.nearest
