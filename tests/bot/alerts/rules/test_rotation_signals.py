"""The change of the CA as an alert: late by the end of the old CA, at a standstill by its last move."""

from datetime import datetime, timedelta

import pytest

from bot.alerts.rules.signals import RotationSight, make_rotation_signals
from commands.alerts.conditions import Condition, Signal
from commands.model.finding import Severity
from commands.model.rotation import RotationMember, RotationStage
from tests.commands.canned import NOW
from tests.commands.canned_rotation import rotation

HOSTS = ("lighthouse", "host-a", "host-b")
TRUSTING, SIGNING, DROPPING, ABORTING = (
    RotationStage.TRUSTING,
    RotationStage.SIGNING,
    RotationStage.DROPPING,
    RotationStage.ABORTING,
)


def signals(
    stage: RotationStage,
    ends: float = 200,
    moved: float = 0,
    *members: RotationMember,
    lost: bool = False,
    now: datetime = NOW,
) -> list[Signal]:
    """The signals on a rotation whose old CA ends in so many days and that moved so many days ago."""
    changing = rotation(stage, *members, lost=lost)
    old = changing.old.model_copy(update={"ends_at": NOW + timedelta(days=ends)})
    sight = RotationSight(changing.model_copy(update={"old": old}), NOW - timedelta(days=moved), HOSTS)
    return list(make_rotation_signals(sight, now))


@pytest.mark.parametrize("stage", [RotationStage.MADE, TRUSTING, SIGNING, DROPPING, ABORTING])
def test_a_rotation_that_goes_its_way_is_no_alert(stage: RotationStage) -> None:
    assert [] == signals(stage, ends=30.1, moved=6.9)


@pytest.mark.parametrize(
    ("days", "severity", "step", "short"),
    [
        (30, Severity.HIGH, 1, "CA rotation late: Flatnet CA expires in 30 days"),
        (14, Severity.CRITICAL, 2, "CA rotation late: Flatnet CA expires in 14 days"),
        (1, Severity.CRITICAL, 5, "CA rotation late: Flatnet CA expires in 1 day"),
        (0, Severity.CRITICAL, 6, "CA rotation late: Flatnet CA has expired"),
        (-2, Severity.CRITICAL, 8, "CA rotation late: Flatnet CA has expired"),
    ],
)
@pytest.mark.parametrize("stage", [RotationStage.MADE, TRUSTING, SIGNING])
def test_it_is_late_when_the_old_ca_ends_soon(
    stage: RotationStage, days: float, severity: Severity, step: int, short: str
) -> None:
    (found,) = signals(stage, ends=days, moved=30)

    assert ("rotation/late", Condition.ROTATION, "ca rotation") == (found.key, found.condition, found.next)
    assert (severity, step, short) == (found.severity, found.step, str(found.short))


@pytest.mark.parametrize("stage", [DROPPING, ABORTING])
def test_the_end_of_the_old_ca_matters_no_more_or_is_an_alert_of_that_ca(stage: RotationStage) -> None:
    assert [] == signals(stage, ends=3)


@pytest.mark.parametrize(("days", "step"), [(7, 1), (13.9, 1), (14, 2)])
@pytest.mark.parametrize("stage", [TRUSTING, SIGNING, DROPPING, ABORTING])
def test_it_is_at_a_standstill_after_a_week_and_again_after_each_further_one(
    stage: RotationStage, days: float, step: int
) -> None:
    (found,) = signals(stage, moved=days)

    assert ("rotation/standstill", Severity.MEDIUM, step) == (found.key, found.severity, found.step)


def test_the_reason_names_the_hosts_that_are_awaited() -> None:
    trusting = RotationMember(host="host-a", trusts_at=NOW)
    left = RotationMember(host="host-b", left_at=NOW)
    (found,) = signals(TRUSTING, 200, 7, trusting, left)

    assert (
        "1 of 3 hosts trust Flatnet CA 2, waiting for lighthouse, left behind: host-b. Until it is completed, hosts trust "
        "two CAs. Continue with the next round"
    ) == str(found.why)


@pytest.mark.parametrize(("moved", "expected"), [(0.9, []), (1, [Severity.HIGH])])
def test_without_the_old_ca_a_day_is_a_standstill(moved: float, expected: list[Severity]) -> None:
    """Whether that CA has ended says nothing then."""
    assert expected == [found.severity for found in signals(SIGNING, ends=-5, moved=moved, lost=True)]
