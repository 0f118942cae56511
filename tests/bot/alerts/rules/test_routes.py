"""Routes: the first that fits counts, and quiet hours are those on the wall."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.access.people import Person
from bot.alerts.rules.routes import Router, Routing
from bot.config.alerts import AlertRoute, AlertSettings, QuietHours, covers
from bot.model.alert import Alert
from commands.alerts.conditions import Condition
from commands.model.finding import Severity
from tests.bot.alert_examples import FIRING, change

CRITICAL, HIGH, MEDIUM, LOW = Severity
PEOPLE = (Person(name="ana", slack=("U0ANA", "W0ANA")), Person(name="boss", slack=("U0BOSS",)), Person(name="sam"))
LABELS = {"host-a": frozenset({"tokyo", "edge"}), "host-b": frozenset({"osaka"})}
BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(begin=time(22), end=time(7))


def router(*routes: AlertRoute, zone: ZoneInfo = BERLIN, quiet: QuietHours | None = None) -> Router:
    return Router(AlertSettings(routes=routes, quiet_hours=quiet), "C0NOTICES", PEOPLE, LABELS, zone)


def route(**fields: Any) -> AlertRoute:
    return AlertRoute.model_validate(fields)


def alert(severity: Severity = CRITICAL, host: str = "host-a") -> Alert:
    return change(FIRING, severity=severity, host=host)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (alert(CRITICAL), "C0TOKYO"),
        (alert(HIGH), "C0TOKYO"),
        (alert(MEDIUM), "C0MEDIUM"),
        (alert(LOW), "C0NOTICES"),
        (alert(CRITICAL, "host-b"), "C0NOTICES"),
        (alert(MEDIUM, "host-b"), "C0MEDIUM"),
        (alert(CRITICAL, ""), "C0NOTICES"),
        (alert(CRITICAL, "host-new"), "C0NOTICES"),
    ],
)
def test_the_first_route_that_fits_severity_and_label_counts(given: Alert, expected: str) -> None:
    routes = (
        route(severities=[CRITICAL, HIGH], labels=["tokyo", "kyoto"], channel="C0TOKYO"),
        route(severities=[MEDIUM], channel="C0MEDIUM"),
        route(severities=[MEDIUM, LOW], labels=["tokyo"]),
    )
    assert expected == router(*routes).find_routing(given).channel


def test_a_route_notifies_people_by_all_their_ids_and_groups_each_once() -> None:
    both = route(mention=["ana", "S0NIGHT", "ana", "sam"], escalate="30m", escalate_to=["boss"], repeat="5m")
    assert Routing(
        "C0NOTICES",
        ("U0ANA", "W0ANA", "S0NIGHT"),
        repeat=timedelta(minutes=5),
        escalate=timedelta(minutes=30),
        second_step=("U0BOSS",),
    ) == router(both).find_routing(alert())


@pytest.mark.parametrize(
    ("severity", "repeat"),
    [(CRITICAL, timedelta(minutes=15)), (HIGH, timedelta(hours=1)), (MEDIUM, None), (LOW, None)],
)
def test_without_a_route_an_alert_goes_to_the_notices_and_is_repeated_by_its_severity(
    severity: Severity, repeat: timedelta | None
) -> None:
    assert Routing("C0NOTICES", repeat=repeat) == router().find_routing(alert(severity))


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        ({}, {"severities": [CRITICAL]}, True),
        ({}, {"labels": ["tokyo"]}, True),
        ({"severities": [CRITICAL, HIGH]}, {"severities": [HIGH]}, True),
        ({"severities": [HIGH]}, {"severities": [CRITICAL, HIGH]}, False),
        ({"severities": list(Severity)}, {}, True),
        ({"severities": [HIGH]}, {}, False),
        ({"labels": ["tokyo", "osaka"]}, {"labels": ["osaka"]}, True),
        ({"labels": ["tokyo"]}, {"labels": ["tokyo", "osaka"]}, False),
        ({"labels": ["tokyo"]}, {}, False),
        ({"labels": ["tokyo"], "severities": [HIGH]}, {"labels": ["tokyo"]}, False),
    ],
)
def test_a_route_is_never_reached_if_an_earlier_one_fits_all_that_it_fits(
    earlier: dict[str, Any], later: dict[str, Any], expected: bool
) -> None:
    assert expected == covers(route(**earlier), route(**later))


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 6, 1, 19, 59, tzinfo=UTC), False),
        (datetime(2026, 6, 1, 20, 0, tzinfo=UTC), True),
        (datetime(2026, 6, 2, 4, 59, tzinfo=UTC), True),
        (datetime(2026, 6, 2, 5, 0, tzinfo=UTC), False),
        # 25 October 2026: clocks go from 3:00 back to 2:00. The night is an hour longer
        (datetime(2026, 10, 24, 20, 0, tzinfo=UTC), True),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), True),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), True),
        (datetime(2026, 10, 25, 5, 59, tzinfo=UTC), True),
        (datetime(2026, 10, 25, 6, 0, tzinfo=UTC), False),
        # 29 March 2026: clocks go from 2:00 to 3:00. It is an hour shorter
        (datetime(2026, 3, 28, 21, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 29, 4, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 29, 5, 0, tzinfo=UTC), False),
    ],
)
def test_quiet_hours_are_those_on_the_wall_over_midnight_and_changes_of_the_clocks(at: datetime, expected: bool) -> None:
    assert expected == router(quiet=NIGHT).is_quiet(alert(LOW), at)


def test_quiet_hours_that_begin_in_an_hour_which_is_skipped_hold_from_its_end() -> None:
    """Also where they end in it: no alert waits for a time that does not come."""
    hours = QuietHours(begin=time(2, 15), end=time(2, 45))
    spring = [datetime(2026, 3, 29, 0, 59, tzinfo=UTC), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)]
    assert [False, False] == [router(quiet=hours).is_quiet(alert(LOW), at) for at in spring]
    early = QuietHours(begin=time(1), end=time(2, 30))
    assert [True, False] == [router(quiet=early).is_quiet(alert(LOW), at) for at in spring]


@pytest.mark.parametrize("severity", [CRITICAL, HIGH, MEDIUM])
def test_no_worse_severity_than_low_waits(severity: Severity) -> None:
    assert not router(quiet=NIGHT).is_quiet(alert(severity), datetime(2026, 6, 1, 23, tzinfo=UTC))


def test_without_quiet_hours_nothing_waits() -> None:
    assert not router().is_quiet(alert(LOW), datetime(2026, 6, 1, 23, tzinfo=UTC))


@pytest.mark.parametrize("severity", Severity)
def test_certificates_are_mentioned_at_their_thresholds_and_not_in_between(severity: Severity) -> None:
    """Whatever the route says."""
    often = router(route(repeat="5m"))
    for condition in (Condition.CERTIFICATE, Condition.AUTHORITY):
        assert None is often.find_routing(change(alert(severity), condition=condition)).repeat
    assert timedelta(minutes=5) == often.find_routing(alert(severity)).repeat
