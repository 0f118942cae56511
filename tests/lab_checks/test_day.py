"""The demo's day: when it is, when its time leaps, and what a bot would have seen before it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.lab.day import LENGTH, SharedClock, latest, moments
from tests.lab.past import looks
from tests.lab.story import PAST, Trouble

MONDAY = datetime.fromisoformat("2026-11-23T08:30:00+09:00")


@pytest.mark.parametrize(
    ("real", "began"),
    [
        ("2026-11-24T09:10:00+09:00", "2026-11-23T08:30:00+09:00"),
        ("2026-11-24T09:09:59+09:00", "2026-11-16T08:30:00+09:00"),
        ("2026-11-23T12:00:00+09:00", "2026-11-16T08:30:00+09:00"),
        ("2026-11-29T20:00:00+00:00", "2026-11-23T08:30:00+09:00"),
    ],
)
def test_it_is_the_newest_monday_and_tuesday_that_are_over(real: str, began: str) -> None:
    """Nothing that the demo shows lies in the future."""
    assert datetime.fromisoformat(began) == latest(datetime.fromisoformat(real))


def test_time_leaps_to_all_that_is_due_on_two_mornings_and_in_between() -> None:
    times = [f"{at:%a %H:%M}" for at in moments(MONDAY)]
    assert ["Mon 08:31", "Mon 08:32", "Mon 08:33"] == times[:3]
    assert ["Mon 12:58", "Mon 12:59", "Mon 13:00", "Mon 13:05", "Mon 14:00"] == times[12:17]
    assert ["Tue 09:00", "Tue 09:05", "Tue 09:10"] == times[-3:]
    assert (43, LENGTH) == (len(times), moments(MONDAY)[-1] - MONDAY)


def test_a_day_that_has_begun_leaps_to_what_is_left_of_it() -> None:
    """Whoever waits before Enter loses nothing but the time."""
    late = MONDAY + timedelta(minutes=3, seconds=20)
    assert ["Mon 08:36", "Mon 08:40"] == [f"{at:%a %H:%M}" for at in moments(late)][:2]
    assert moments(MONDAY)[-1] == moments(late)[-1]


def test_a_leap_is_seen_by_everybody_who_shares_the_clock(tmp_path: Path) -> None:
    """Before the first one it is the real time; from then on it goes on from there."""
    mine, theirs = SharedClock(tmp_path / "clock"), SharedClock(tmp_path / "clock")
    assert abs(theirs.now() - datetime.now(UTC)) < timedelta(minutes=1)
    mine.leap(MONDAY)
    assert timedelta() <= theirs.now() - MONDAY < timedelta(minutes=1)
    assert [tmp_path / "clock"] == list(tmp_path.iterdir())


def test_the_fortnight_before_it_has_a_look_every_half_hour_but_on_one_day() -> None:
    seen = list(looks(["host-a"], (), MONDAY))
    assert 12 * 48 + 17 == len(seen)
    assert {1} == {each.observation_count for each in seen}
    assert datetime.fromisoformat("2026-11-10T00:00:00+09:00") == seen[0].at
    assert "2026-11-14" not in {f"{each.at:%Y-%m-%d}" for each in seen}


def test_troubles_are_seen_while_they_last() -> None:
    """A check fails, or nothing is reached."""
    found = looks(["host-a"], (Trouble("host-a", 2, 1, "gateway"), Trouble("host-a", 1, 0.5)), MONDAY)
    ends = {"well": 0, "gateway": 0, "unreached": 0}
    for each in found:
        ends["unreached" if each.unreached else "gateway" if each.failed else "well"] += 1
    assert {"well": 12 * 48 + 17 - 72, "gateway": 48, "unreached": 24} == ends


def test_what_is_wrong_at_the_end_is_what_the_story_tells() -> None:
    assert {"host-b", "host-d", "host-e"} == {trouble.host for trouble in PAST if not trouble.until}
