"""The ends of an acknowledgement."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from commands.alerts.operations import AlertAcknowledge, find_morning
from commands.values.errors import GrammarError

TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")
NIGHT = datetime(2026, 11, 25, 3, tzinfo=TOKYO)


@pytest.mark.parametrize(
    ("now", "morning"),
    [
        (datetime(2026, 11, 25, 14, tzinfo=TOKYO), datetime(2026, 11, 26, 9, tzinfo=TOKYO)),
        (datetime(2026, 11, 25, 23, 59, tzinfo=TOKYO), datetime(2026, 11, 26, 9, tzinfo=TOKYO)),
        (datetime(2026, 11, 25, 3, tzinfo=TOKYO), datetime(2026, 11, 25, 9, tzinfo=TOKYO)),
        (datetime(2026, 11, 25, 5, 0, tzinfo=TOKYO), datetime(2026, 11, 25, 9, tzinfo=TOKYO)),
        (datetime(2026, 11, 25, 5, 1, tzinfo=TOKYO), datetime(2026, 11, 26, 9, tzinfo=TOKYO)),
        (datetime(2026, 3, 29, 1, 30, tzinfo=BERLIN), datetime(2026, 3, 29, 9, tzinfo=BERLIN)),
        (datetime(2026, 10, 25, 4, tzinfo=BERLIN), datetime(2026, 10, 25, 9, tzinfo=BERLIN)),
    ],
)
def test_the_next_morning_is_at_least_four_hours_away(now: datetime, morning: datetime) -> None:
    assert morning.astimezone(UTC) == find_morning(now.astimezone(UTC), ZoneInfo(str(now.tzinfo)))


@pytest.mark.parametrize(
    ("asked", "end"),
    [
        (AlertAcknowledge(number=7), NIGHT + timedelta(hours=2)),
        (AlertAcknowledge(number=7, for_=timedelta(minutes=30)), NIGHT + timedelta(minutes=30)),
        (AlertAcknowledge(number=7, until="morning"), NIGHT + timedelta(hours=6)),
        (AlertAcknowledge(number=7, until="change"), None),
    ],
)
def test_an_acknowledgement_ends_when_it_was_asked_to_else_after_two_hours(
    asked: AlertAcknowledge, end: datetime | None
) -> None:
    assert end == asked.find_end(NIGHT, TOKYO)


def test_an_acknowledgement_has_one_end() -> None:
    with pytest.raises(GrammarError, match="use either --for or --until, not both"):
        AlertAcknowledge(number=7, for_=timedelta(hours=2), until="morning").find_end(NIGHT, TOKYO)
