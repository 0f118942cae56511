"""Snapshot of an incident: what was stored of its hosts when it was opened, each value with its age."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.incidents.rules.likely_causes import Evidence
from bot.incidents.rules.opening import MAX_ALERTS, Sightings, Snapshot, take_snapshot
from bot.model.alert import AlertState
from commands.alerts.conditions import Condition
from commands.model.finding import Severity
from tests.bot.alert_examples import BEGAN, change
from tests.bot.incidents.rules.test_likely_causes import HOSTS, NOW, ORPHANS, ROOT, alert, evidence, ran

SINCE = NOW - timedelta(minutes=30)
ALL_SEEN = Sightings(SINCE, frozenset(HOSTS))
SILENT = alert(4, "host-d", "host", condition=Condition.SILENT)


def taken(known: Evidence, sightings: Sightings = ALL_SEEN, *, said: bool = False) -> Snapshot:
    return take_snapshot(known, sightings, said=said)


@pytest.mark.parametrize(
    ("known", "sightings", "counts"),
    [
        (evidence(), ALL_SEEN, "0 with alerts, 0 unknown, 4 without alerts"),
        (evidence(ROOT, *ORPHANS), ALL_SEEN, "3 with alerts, 0 unknown, 1 without alerts"),
        (evidence(ROOT, SILENT), ALL_SEEN, "1 with alerts, 1 unknown, 2 without alerts"),
        (evidence(ROOT), Sightings(SINCE), "1 with alerts, 3 unknown, 0 without alerts"),
        (evidence(), Sightings(SINCE, silent=frozenset(HOSTS)), "0 with alerts, 4 unknown, 0 without alerts"),
        (evidence(alert(9, "host-z")), ALL_SEEN, "0 with alerts, 0 unknown, 4 without alerts"),
    ],
    ids=["no alerts", "alerts", "a silent host", "not checked lately", "nothing answers", "an alert of another host"],
)
def test_hosts_are_counted_by_what_is_known_of_them(known: Evidence, sightings: Sightings, counts: str) -> None:
    """No host counts as healthy because nothing is known of it."""
    assert f"4 hosts: {counts} (checked since 2026-11-25 03:00:05 UTC)" == str(taken(known, sightings).verdict)


def test_hosts_of_which_nothing_is_known_are_named_with_the_reason() -> None:
    sightings = Sightings(SINCE, frozenset({"host-a"}), frozenset({"host-b"}))
    assert (
        "not responding since 2026-11-25 03:00:05 UTC: host-b",
        "not checked since 2026-11-25 03:00:05 UTC: host-c",
    ) == tuple(map(str, taken(evidence(SILENT), sightings).unknown))


@pytest.mark.parametrize(
    ("known", "said", "expected"),
    [
        (evidence(), False, "the beginning is not known"),
        (evidence(ROOT), False, "began at 2026-11-25 03:10:05 UTC, with the first alert"),
        (evidence(), True, "began at 2026-11-25 03:10:05 UTC, as reported"),
    ],
)
def test_the_beginning_has_its_source(known: Evidence, said: bool, expected: str) -> None:
    assert expected == str(taken(known, said=said).began)


def test_alerts_are_described_worst_first_with_their_age() -> None:
    acknowledged = change(
        ORPHANS[0], severity=Severity.HIGH, state=AlertState.ACKNOWLEDGED, acknowledged_by="ben", checked_at=NOW
    )
    assert (
        "critical: host-b: Nebula stopped (alert 1), since 2026-11-25 03:10:05 UTC (checked 1140 s ago)",
        "high, acknowledged by ben: host-a: API broken (alert 2), since 2026-11-25 03:10:05 UTC (checked 0 s ago)",
    ) == tuple(map(str, taken(evidence(acknowledged, ROOT)).alerts))


def test_more_alerts_than_a_phone_shows_are_counted() -> None:
    alerts = taken(evidence(*(alert(number, "host-a", f"api/{number}") for number in range(MAX_ALERTS + 2)))).alerts
    assert (MAX_ALERTS + 1, "2 more alerts") == (len(alerts), str(alerts[-1]))


def test_changes_of_the_hour_before_are_named_even_if_they_are_not_the_likely_cause() -> None:
    changes = (ran("host-a", timedelta(minutes=50), "op-2"), ran("host-a", timedelta(minutes=5)), ran("host-z", timedelta()))
    shot = taken(evidence(ROOT, *ORPHANS, changes=changes))
    assert (
        "changed: service restart nebula host-a by ben, 300 s before it began (op-000000000001)",
        "changed: service restart nebula host-a by ben, 3000 s before it began (op-2)",
    ) == tuple(map(str, shot.changes))
    assert "Likely: host-b: Nebula stopped (alert 1) explains 2 other alerts" == str(shot.likely_line)


def test_the_timeline_gets_one_text_and_the_hosts_whose_readers_may_read_it() -> None:
    shot = taken(replace(evidence(ORPHANS[0]), hosts=("host-a",)), Sightings(BEGAN, frozenset(HOSTS)))
    assert (
        "Likely: host-b: 1 other host names it as the cause of its problem (host-a). "
        "Began at 2026-11-25 03:10:05 UTC, with the first alert. "
        "1 host: 1 with alerts, 0 unknown, 0 without alerts (checked since 2026-11-25 03:10:05 UTC)"
    ) == str(shot.summarize())
    assert ("host-a", "host-b") == shot.hosts
