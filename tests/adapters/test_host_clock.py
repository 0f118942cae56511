"""A zone made of what a host says, beside the same zone as the world's data have it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.host_clock import CLOCK_HISTORY_DAYS, OFFSETS_LIMIT, HostZone, Offset
from adapters.logs import LogText
from tests.lab.local_time import offsets

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)

NAMES = ("UTC", "Asia/Tokyo", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca")


def host_zone(name: str) -> HostZone:
    told = offsets(ZoneInfo(name), NOW, CLOCK_HISTORY_DAYS)
    return HostZone([Offset(begins=begins, seconds=seconds) for begins, seconds in told])


ZONES = {name: host_zone(name) for name in NAMES}

MOMENTS = st.datetimes(datetime(2017, 1, 1), datetime(2026, 11, 25))  # noqa: DTZ001 - local, or UTC without saying so


@given(MOMENTS, st.sampled_from(NAMES), st.sampled_from([0, 1]))
def test_a_local_time_is_as_far_from_utc_as_in_its_zone(local: datetime, name: str, fold: int) -> None:
    there, told = (local.replace(tzinfo=zone, fold=fold) for zone in (ZoneInfo(name), ZONES[name]))
    assert there.utcoffset() == told.utcoffset()


@given(MOMENTS, st.sampled_from(NAMES))
def test_a_moment_has_the_local_time_of_its_zone(moment: datetime, name: str) -> None:
    at = moment.replace(tzinfo=UTC)
    there, told = (at.astimezone(zone) for zone in (ZoneInfo(name), ZONES[name]))
    assert (there.replace(tzinfo=None), there.fold) == (told.replace(tzinfo=None), told.fold)


@pytest.mark.parametrize("name", NAMES)
def test_every_hour_around_every_change_is_that_of_its_zone(name: str) -> None:
    zone = ZoneInfo(name)
    changes = [datetime.fromtimestamp(begins, UTC) for begins, _ in offsets(zone, NOW, CLOCK_HISTORY_DAYS)[1:]]
    near = [change + timedelta(minutes=15 * n, seconds=n % 2) for change in changes for n in range(-16, 17)]
    assert [(at.astimezone(zone).replace(tzinfo=None), at.astimezone(zone).fold) for at in near] == [
        (at.astimezone(ZONES[name]).replace(tzinfo=None), at.astimezone(ZONES[name]).fold) for at in near
    ]
    walls = [at.replace(tzinfo=None, fold=fold) for at in near for fold in (0, 1)]
    assert [wall.replace(tzinfo=zone).utcoffset() for wall in walls] == [
        wall.replace(tzinfo=ZONES[name]).utcoffset() for wall in walls
    ]


def test_the_first_offset_counts_for_all_before_it() -> None:
    old = datetime(1999, 1, 1, tzinfo=ZONES["Asia/Tokyo"])
    assert timedelta(hours=9) == old.utcoffset()


@pytest.mark.parametrize(
    "told",
    [
        pytest.param([(0, 86_400)], id="a day from UTC"),
        pytest.param([(-1, 0)], id="before 1970"),
        pytest.param([(4_102_444_801, 0)], id="after 2100"),
        pytest.param([(0, 0), (0, 3_600)], id="two at once"),
        pytest.param([(9, 0), (5, 3_600)], id="back in time"),
        pytest.param([(n, 0) for n in range(OFFSETS_LIMIT + 1)], id="too many"),
    ],
)
def test_what_no_host_says_of_its_clock_is_not_believed(told: list[tuple[int, int]]) -> None:
    with pytest.raises(ValidationError):
        LogText.model_validate({"lines": (), "offsets": [{"begins": at, "seconds": seconds} for at, seconds in told]})
