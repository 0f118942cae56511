"""The report of an incident: nothing is guessed, durations are between what is known, and every fact has its source."""

from dataclasses import replace
from datetime import datetime

import pytest

from bot.incidents.model import Acknowledgment, Duration, MilestoneTime, ReportedAlert, ReportSources
from bot.incidents.rules.milestones import make_report
from bot.model.incident import EntryKind, IncidentState
from commands.model.lanes import LaneState, MarkKind, Milestone
from tests.bot.incidents.report_example import ENTRIES, INCIDENT, SOURCES, at, entry

STARTED, DETECTED, OPENED, ACKNOWLEDGED, MITIGATED, RESOLVED = Milestone


def milestones(sources: ReportSources) -> dict[Milestone, tuple[datetime | None, str]]:
    return {each.milestone: (each.at, each.source) for each in make_report(sources).milestones}


def test_every_milestone_of_the_night_has_its_source() -> None:
    expected = (
        MilestoneTime(STARTED, at(-12), "audit:401"),
        MilestoneTime(DETECTED, at(-10), "alert:12"),
        MilestoneTime(OPENED, at(0), "audit:401"),
        MilestoneTime(ACKNOWLEDGED, at(3), "alert:12/2"),
        MilestoneTime(MITIGATED, at(41), "audit:415"),
        MilestoneTime(RESOLVED, at(70), "audit:417"),
    )
    assert expected == make_report(SOURCES).milestones


def test_what_nobody_said_and_no_alert_showed_is_not_known_and_measures_nothing() -> None:
    unknown = replace(
        SOURCES,
        incident=replace(INCIDENT, began_at=None, mitigated_at=None, resolved_at=None, state=IncidentState.OPEN),
        alerts=(),
    )
    found = make_report(unknown)
    assert [OPENED] == [each.milestone for each in found.milestones if each.at is not None]
    assert [""] * 5 == [each.source for each in found.milestones if each.at is None]
    assert () == found.durations


def test_only_durations_between_known_milestones_are_measured() -> None:
    found = make_report(replace(SOURCES, incident=replace(INCIDENT, began_at=None, mitigated_at=None)))
    expected = (
        Duration(DETECTED, ACKNOWLEDGED, 780.0),
        Duration(DETECTED, RESOLVED, 4_800.0),
        Duration(OPENED, RESOLVED, 4_200.0),
    )
    assert expected == found.durations


def test_a_clock_that_was_set_back_measures_nothing() -> None:
    found = make_report(replace(SOURCES, incident=replace(INCIDENT, resolved_at=at(-60), mitigated_at=None)))
    assert [(DETECTED, ACKNOWLEDGED), (STARTED, DETECTED)] == sorted((each.since, each.until) for each in found.durations)
    assert found.chart.began < at(-60)
    assert at(3) < found.chart.ended


@pytest.mark.parametrize(
    ("alert", "added", "expected"),
    [
        (ReportedAlert(7, "host-a", False, at(-29), None), (), "alert:7"),
        (ReportedAlert(7, "host-a", False, at(-60 * 72), None), (), ""),
        (ReportedAlert(7, "host-a", False, at(-60 * 72), None), (7,), "alert:7"),
    ],
    ids=["just before", "open for days", "open for days, and added by a person"],
)
def test_an_alert_of_long_before_did_not_detect_the_incident(
    alert: ReportedAlert, added: tuple[int, ...], expected: str
) -> None:
    sources = replace(SOURCES, incident=replace(INCIDENT, began_at=None, alerts=added), alerts=(alert,))
    assert expected == milestones(sources)[DETECTED][1]


def test_the_first_acknowledgment_counts_whichever_alert_it_is_of() -> None:
    alerts = (
        ReportedAlert(12, "host-a", False, at(-10), None, (Acknowledgment(at(9), "alice", 2),)),
        ReportedAlert(13, "host-b", False, at(1), None, (Acknowledgment(at(20), "bob", 5), Acknowledgment(at(4), "bob", 3))),
    )
    assert (at(4), "alert:13/3") == milestones(replace(SOURCES, alerts=alerts))[ACKNOWLEDGED]


def test_an_incident_of_a_version_without_timelines_names_the_requests_that_opened_and_resolved_it() -> None:
    old = replace(SOURCES, entries=(), alerts=(), incident=replace(INCIDENT, began_at=None, mitigated_at=None))
    found = milestones(old)
    assert {OPENED: (at(0), "operation:op-a0a0a0a0a0a0"), RESOLVED: (at(70), "operation:op-b1b1b1b1b1b1")} == {
        milestone: told for milestone, told in found.items() if told[0] is not None
    }


def test_a_host_that_was_silent_and_the_time_of_a_stopped_bot_are_unknown() -> None:
    lanes = {lane.host: lane for lane in make_report(SOURCES).chart.lanes}
    assert ["", "host-a", "host-b", "lighthouse"] == [*lanes]
    assert {"host-a": 46 * 60, "host-b": 0, "lighthouse": 0} == {
        host: lane.measure(LaneState.ALERTING) for host, lane in lanes.items() if host
    }
    assert {"host-a": 3 * 60, "host-b": 30 * 60, "lighthouse": 3 * 60} == {
        host: lane.measure(LaneState.UNKNOWN) for host, lane in lanes.items() if host
    }


def test_the_marks_are_the_changes_of_a_host_and_what_people_wrote() -> None:
    lanes = {lane.host: [(mark.at, mark.kind) for mark in lane.marks] for lane in make_report(SOURCES).chart.lanes}
    assert [(at(minutes), MarkKind.CHANGE) for minutes in (20, 31, 34)] == lanes["host-a"]
    assert [(at(minutes), MarkKind.PERSON) for minutes in (9, 24, 41, 52, 70)] == lanes[""]


def test_an_open_incident_is_drawn_until_now_and_its_alerts_are_still_open() -> None:
    now = at(120)
    still = replace(
        SOURCES,
        incident=replace(INCIDENT, resolved_at=None, state=IncidentState.OPEN),
        alerts=(ReportedAlert(12, "host-a", False, at(-10), None),),
        downtimes=(),
        at=now,
    )
    chart = make_report(still).chart
    assert now < chart.ended
    assert (chart.ended, LaneState.ALERTING) == (chart.lanes[1].spans[-1].ended, chart.lanes[1].spans[-1].state)


def test_an_incident_that_was_resolved_at_once_can_be_drawn() -> None:
    short = replace(SOURCES, incident=replace(INCIDENT, began_at=None, mitigated_at=None, resolved_at=at(0)), alerts=())
    assert make_report(replace(short, entries=())).chart.began < at(0)


def test_marks_outside_of_the_picture_are_left_out() -> None:
    far = entry(99, -900, EntryKind.NOTE, "the day before")
    early = replace(SOURCES, entries=(far, *ENTRIES))
    assert all(at(-900) != mark.at for lane in make_report(early).chart.lanes for mark in lane.marks)
