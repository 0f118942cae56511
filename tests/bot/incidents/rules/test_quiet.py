"""Quiet incidents: what is due, in tables of times."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.incidents.rules.quiet import Reminder, Silence, find_due, find_reminders
from bot.model.incident import Incident, IncidentState
from commands.model.finding import Severity

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 1, 30, 17, 0, tzinfo=UTC)
"""Two in the morning in Tokyo."""

INCIDENT = Incident(
    operation="op-1",
    channel="C0ROOM",
    title="host-a answers 502",
    target="host-a",
    opened_by="ana",
    opened_at=NOW,
    number=3,
    severity=Severity.HIGH,
    lead="ana",
)
FRESH = Silence(NOW)
LEAD, CHANNEL, OFFER, CALL = Reminder.LEAD, Reminder.CHANNEL, Reminder.OFFER, Reminder.CALL


def play(incident: Incident, minutes: int, silence: Silence = FRESH) -> dict[int, list[Reminder]]:
    """Plays a silence without any entry, and returns what was due in which minute."""
    played: dict[int, list[Reminder]] = {}
    for minute in range(minutes + 1):
        now = NOW + timedelta(minutes=minute)
        silence = silence.see_severity(incident.severity, now)
        for reminder in find_reminders(incident, silence, TOKYO, now):
            played.setdefault(minute, []).append(reminder)
            silence = silence.remember(reminder, now)
    return played


@pytest.mark.parametrize(
    ("severity", "state", "played"),
    [
        (Severity.CRITICAL, IncidentState.OPEN, {15: [LEAD], 30: [OFFER, LEAD], 45: [CHANNEL], 60: [CALL]}),
        (Severity.HIGH, IncidentState.OPEN, {60: [LEAD], 120: [LEAD], 180: [CHANNEL]}),
        (Severity.MEDIUM, IncidentState.OPEN, {240: [LEAD], 480: [LEAD], 720: [CHANNEL]}),
        (Severity.LOW, IncidentState.OPEN, {420: [LEAD], 1860: [LEAD], 3300: [CHANNEL]}),
        (None, IncidentState.OPEN, {420: [LEAD], 1860: [LEAD], 3300: [CHANNEL]}),
        (Severity.CRITICAL, IncidentState.MITIGATED, {420: [LEAD], 1860: [LEAD], 3300: [CHANNEL]}),
        (Severity.CRITICAL, IncidentState.RESOLVED, {}),
        (Severity.CRITICAL, IncidentState.DUPLICATE, {}),
    ],
)
def test_the_lead_is_asked_twice_then_the_channel_and_others_are_called_once(
    severity: Severity | None, state: IncidentState, played: dict[int, list[Reminder]]
) -> None:
    assert played == play(replace(INCIDENT, severity=severity, state=state), 4_320)


@pytest.mark.parametrize(
    ("since", "due"),
    [
        ("2026-01-31T02:00", "2026-01-31T09:00"),
        ("2026-01-31T05:00", "2026-01-31T09:00"),
        ("2026-01-31T06:00", "2026-02-01T09:00"),
        ("2026-01-31T22:00", "2026-02-01T09:00"),
    ],
)
def test_a_low_incident_waits_for_the_next_morning_in_the_bots_zone(since: str, due: str) -> None:
    begins = datetime.fromisoformat(since).replace(tzinfo=TOKYO)
    expected = datetime.fromisoformat(due).replace(tzinfo=TOKYO)
    assert expected == find_due(replace(INCIDENT, severity=Severity.LOW), begins, TOKYO)


@pytest.mark.parametrize(("promised", "due"), [(None, 60), (30, 60), (90, 90)])
def test_an_update_that_was_promised_for_later_is_waited_for(promised: int | None, due: int) -> None:
    promise = None if promised is None else NOW + timedelta(minutes=promised)
    assert NOW + timedelta(minutes=due) == find_due(replace(INCIDENT, next_update_at=promise), NOW, TOKYO)


def test_others_are_not_called_while_an_update_is_promised() -> None:
    promised = replace(INCIDENT, severity=Severity.CRITICAL, next_update_at=NOW + timedelta(minutes=60))
    assert {30: [OFFER], 60: [LEAD], 75: [LEAD], 90: [CALL, CHANNEL]} == play(promised, 120)


def test_an_entry_begins_a_new_silence_and_a_call_is_made_once_only() -> None:
    critical = replace(INCIDENT, severity=Severity.CRITICAL)
    heard = Silence(NOW - timedelta(hours=2), 3, NOW, NOW - timedelta(hours=2), NOW - timedelta(hours=1)).hear(NOW)
    assert {15: [LEAD], 30: [LEAD], 45: [CALL, CHANNEL]} == play(critical, 120, heard)
    assert {15: [LEAD], 30: [LEAD], 45: [CHANNEL]} == play(critical, 120, replace(heard, called_at=NOW))


def test_an_incident_that_becomes_critical_is_offered_others_30_minutes_later() -> None:
    silence = Silence(NOW).see_severity(Severity.HIGH, NOW)
    assert silence.critical_since is None
    later = NOW + timedelta(minutes=20)
    assert later == silence.see_severity(Severity.CRITICAL, later).critical_since
    assert later == silence.see_severity(Severity.CRITICAL, later).see_severity(Severity.CRITICAL, NOW).critical_since


@pytest.mark.parametrize("hours", [9, -9])
def test_time_for_which_the_bot_was_down_or_the_clock_was_wrong_does_not_count(hours: int) -> None:
    """The clock differs by hours; what was asked before stays asked, and the next reminder waits for its whole time."""
    there = NOW + timedelta(hours=hours)
    before = Silence(there, 1, there, there, there, None)
    critical = replace(INCIDENT, severity=Severity.CRITICAL)
    assert {15: [LEAD], 30: [CHANNEL], 45: [CALL]} == play(critical, 120, before.begin_anew(NOW))
