"""Audit events and moves of alerts as timeline entries: which become one, and what it says."""

import json
from typing import Any

import pytest

from bot.incidents.rules.projection import (
    Gap,
    PlannedWork,
    find_look_words,
    is_about_change,
    make_alert_entry,
    make_change_entry,
    make_gap_entry,
    make_look_entry,
    parse_plan,
)
from bot.model.alert import AlertState
from bot.model.incident import EntryKind
from tests.bot.incidents.recorded import NOW, look, plan, step, stored

WORK = PlannedWork("service restart nebula host-a", ("host-a",))


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("request", look("disk host-a"), "disk host-a"),
        ("request", look("disk host-a", surface="shell", channel=""), "disk host-a"),
        ("request", look("dsk host-a", outcome="unknown command"), ""),
        ("request", look("disk host-a", surface="schedule"), ""),
        ("refusal", look("disk host-a", outcome="not allowed"), ""),
        ("audit_read", {"verify": True}, ""),
        ("request", {}, ""),
    ],
    ids=["slack", "terminal", "not understood", "schedule", "refused", "no request", "without data"],
)
def test_a_look_is_a_request_of_a_person_that_was_answered(kind: str, data: dict[str, Any], words: str) -> None:
    assert words == find_look_words(stored(kind, data))


def test_the_entry_of_a_look_names_who_looked_where_and_no_answer() -> None:
    made = make_look_entry(stored("request", look("disk host-a")), "disk host-a", ("host-a",), NOW)
    assert ("audit:7", EntryKind.LOOK, "ana", "disk host-a", ("host-a",), "op-1", NOW) == (
        made.source,
        made.kind,
        made.author,
        made.words,
        made.hosts,
        made.operation,
        made.happened_at,
    )
    assert "checked host-a" == str(made.text)


CHANGES: list[tuple[str, dict[str, Any], str | None]] = [
    ("plan", plan("host-a"), "requested, plan 01234567"),
    ("plan", plan("host-a", reason="no tunnel"), "requested, plan 01234567: no tunnel"),
    ("plan", plan("host-a", dry_run=True), None),
    ("waiver", {"rule": "night shift"}, "approved by rule night shift"),
    ("break_glass", {"reason": "all down"}, "break-glass, without approval: all down"),
    ("review", {"approves": True, "reason": ""}, "approved"),
    ("review", {"approves": False, "reason": "not now"}, "denied: not now"),
    ("review", {"approves": False, "reason": ""}, "denied"),
    ("review", {"break_glass": True, "review": "was right"}, "break-glass reviewed: was right"),
    ("refusal", {"rule": "too late", "outcome": "denied by ben"}, "the decision came too late, and did not count"),
    ("run", {"digest": "0123456789abcdef"}, "started"),
    ("end", {"state": "done", "why": ""}, "done"),
    ("end", {"state": "failed", "why": "the service did not start"}, "failed: the service did not start"),
    ("end", {"state": "unknown", "why": "host-a does not answer"}, "result unknown: host-a does not answer"),
    ("end", {"state": "closed", "approval": "expired", "why": ""}, "expired"),
    ("end", {"state": "closed", "approval": None, "why": ""}, "closed"),
    ("end", {"state": "of a later version"}, None),
    ("owed", {"owed": "left", "items": ["host-b"]}, "owed to host-b"),
    ("owed", {"owed": "settled", "items": [3, 4]}, "settled what was owed (3, 4)"),
    ("owed", {"owed": "fulfilled", "items": [3]}, "settled what was owed (3)"),
    ("owed", {"owed": "not requested", "items": [3]}, None),
]


@pytest.mark.parametrize(("kind", "data", "text"), CHANGES)
def test_a_change_is_told_from_its_request_to_its_outcome(kind: str, data: dict[str, Any], text: str | None) -> None:
    made = make_change_entry(stored(kind, data), WORK, NOW)
    assert text == (None if made is None else str(made.text))


@pytest.mark.parametrize(
    ("kind", "data", "about"),
    [
        ("plan", plan("host-a"), True),
        ("refusal", {"rule": "too late"}, True),
        ("refusal", {"rule": "not the requester"}, False),
        ("refusal", look("service restart nebula host-a", rule="role"), False),
        ("intent", {"step": "1"}, False),
        ("lock", {"lock": "added"}, False),
    ],
)
def test_of_refusals_only_one_that_takes_back_a_decision_is_told(kind: str, data: dict[str, Any], about: bool) -> None:
    assert about is is_about_change(stored(kind, data))


def test_an_event_whose_plan_is_not_known_is_no_entry() -> None:
    assert make_change_entry(stored("run", {}), None, NOW) is None


def test_what_is_dropped_names_its_own_host_and_command() -> None:
    event = stored("owed", {"owed": "dropped", "items": [3], "host": "host-b", "words": "update host-b", "reason": "gone"})
    made = make_change_entry(event, None, NOW)
    assert made is not None
    assert ("dropped what was owed (3): gone", ("host-b",), "update host-b") == (str(made.text), made.hosts, made.words)


@pytest.mark.parametrize("actor", ["flatnet-bot", "system"])
def test_what_the_bot_does_by_itself_has_no_author(actor: str) -> None:
    made = make_change_entry(stored("end", {"state": "done"}, actor=actor), WORK, NOW)
    assert made is not None
    assert "" == made.author


def test_the_hosts_of_a_plan_are_those_it_changes_and_those_it_leaves_out() -> None:
    assert PlannedWork("service restart nebula host-a", ("host-a", "host-b")) == (
        parse_plan(stored("plan", plan("host-a", left_out=["host-b"])))
    )


@pytest.mark.parametrize(
    ("state", "actor", "text"),
    [
        (AlertState.FIRING, "", "#12 host-a: Nebula stopped: fired, high"),
        (AlertState.ACKNOWLEDGED, "ana", "#12 host-a: Nebula stopped: acknowledged"),
        (AlertState.RESOLVED, "", "#12 host-a: Nebula stopped: resolved"),
    ],
)
def test_a_move_of_an_alert_names_the_alert_and_its_person(state: AlertState, actor: str, text: str) -> None:
    made = make_alert_entry(step(state, actor=actor), NOW)
    assert made is not None
    assert (text, actor, ("host-a",), 12) == (str(made.text), made.author, made.hosts, made.about)


def test_an_alert_of_the_bot_itself_has_no_host() -> None:
    made = make_alert_entry(step(AlertState.FIRING, host=""), NOW)
    assert made is not None
    assert ((), "#12 Nebula stopped: fired, high") == (made.hosts, str(made.text))


def test_an_alert_that_people_do_not_see_yet_is_no_entry() -> None:
    assert make_alert_entry(step(AlertState.PENDING), NOW) is None


@pytest.mark.parametrize(
    ("gap", "text"),
    [
        (Gap(5, 5, NOW), "1 audit event is missing or not signed (5 to 5): entries may be missing here"),
        (Gap(5, 9, NOW), "5 audit events are missing or not signed (5 to 9): entries may be missing here"),
    ],
)
def test_a_gap_counts_its_events(gap: Gap, text: str) -> None:
    assert text == str(make_gap_entry(gap, NOW).text)


def test_typed_words_are_values_and_no_templates() -> None:
    made = make_change_entry(stored("plan", plan("host-a", reason="{digest} <!channel>")), WORK, NOW)
    assert made is not None
    assert "{digest} <!channel>" == json.loads(json.dumps(made.text.to_json()))["values"]["reason"]
