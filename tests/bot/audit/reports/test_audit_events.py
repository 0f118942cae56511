"""The audit log in lists: one row an operation with its outcome, or one row an event."""

import json
from zoneinfo import ZoneInfo

import pytest

from adapters.phrase import Phrase
from bot.audit import reports as audit_events
from bot.audit_log.log import EventKind
from bot.audit_log.search import AuditedOperation, FoundOperations
from bot.locale.texts import get_texts
from bot.store.audit_chain import StoredEvent
from commands.model.report import Mark, Report
from tests.bot.rendering.changes import ASKED
from tests.commands.cells import cell

JAPANESE = get_texts("ja", ZoneInfo("Asia/Tokyo"))


def cells(report: Report) -> list[dict[str, str]]:
    """The text of each cell, by the heading of its column."""
    headings = [str(column.heading) for column in report.columns]
    return [{heading: str(cell.text) for heading, cell in zip(headings, row.cells, strict=True)} for row in report.rows]


def recorded(kind: str, operation: str = "op-0123456789ab", **data: object) -> StoredEvent:
    return StoredEvent(7, ASKED.isoformat(), kind, "alice", operation, json.dumps(data), "key", "", "mac")


REQUEST = recorded("request", understood="cert renew host-a", text="CERT renew host-a")
PLAN = recorded("plan", words="cert renew host-a", steps=4)
REFUSED_DECISION = recorded("refusal", rule="own request", outcome="you cannot approve your own request")


def outcome(*events: StoredEvent) -> tuple[str, Mark]:
    each = AuditedOperation(events[0].operation, events, 4, 12)
    report = audit_events.list_operations(FoundOperations((each,)), ASKED)
    shown = cell(report, report.rows[0], "outcome")
    return str(shown.text), shown.mark


def test_an_operation_is_one_row_with_its_words_time_person_outcome_and_steps() -> None:
    each = AuditedOperation(REQUEST.operation, (REQUEST, PLAN, recorded("end", state="done", approval="used")), 4, 12)
    report = audit_events.list_operations(FoundOperations((each,)), ASKED)
    assert [
        {
            "Command": "cert renew host-a",
            "Time": "2026-03-01 08:50:00 UTC (now)",
            "User": "alice",
            "Result": "done",
            "Steps": "4",
            "Events": "12",
            "Operation": "op-0123456789ab",
        }
    ] == cells(report)
    assert (("audit show op-0123456789ab",), "1 operation") == (report.next, str(report.summary))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((REQUEST, PLAN, recorded("end", state="failed", approval="used")), ("failed", Mark.BAD)),
        ((REQUEST, PLAN, recorded("end", state="unknown", approval=None)), ("result unknown", Mark.BAD)),
        ((REQUEST, PLAN, recorded("end", state="undone", approval="used")), ("rolled back", Mark.PLAIN)),
        (
            (REQUEST, PLAN, recorded("end", state="done"), recorded("owed", owed="left", items=["host-e"])),
            ("done, except host-e (owed)", Mark.PLAIN),
        ),
        ((REQUEST, PLAN, recorded("end", state="done"), recorded("owed", owed="settled", items=[3])), ("done", Mark.PLAIN)),
        ((REQUEST, PLAN, recorded("end", state="closed", approval="denied")), ("denied", Mark.PLAIN)),
        ((REQUEST, PLAN, recorded("end", state="closed", approval="pending")), ("closed", Mark.PLAIN)),
        ((REQUEST, PLAN, recorded("end", state="teleported")), ("last event: end", Mark.PLAIN)),
        ((REQUEST, PLAN, recorded("end", state=["done"])), ("last event: end", Mark.PLAIN)),
        ((REQUEST, PLAN, recorded("end", state="done", approval="used"), REFUSED_DECISION), ("done", Mark.PLAIN)),
        ((REQUEST, PLAN, recorded("end", state="done", approval=None), recorded("review")), ("done", Mark.PLAIN)),
        ((REQUEST, PLAN, recorded("approval", needed=1), REFUSED_DECISION), ("last event: approval request", Mark.PLAIN)),
        ((REQUEST, PLAN, recorded("run", words="cert renew host-a")), ("started, no end recorded", Mark.PLAIN)),
        ((REQUEST, PLAN, recorded("approval", needed=1)), ("last event: approval request", Mark.PLAIN)),
        ((recorded("refusal", understood="lock add all", rule="role"),), ("rejected", Mark.BAD)),
        ((REQUEST,), ("", Mark.PLAIN)),
        ((REQUEST, recorded("lock", lock="added")), ("last event: lock", Mark.PLAIN)),
    ],
)
def test_the_outcome_is_what_the_log_has_and_no_more(events: tuple[StoredEvent, ...], expected: tuple[str, Mark]) -> None:
    assert expected == outcome(*events)


def test_an_event_without_an_operation_is_a_row_of_its_own_that_says_what_it_is() -> None:
    start = recorded("start", "", version="0.1", pid=8354)
    [line] = cells(audit_events.list_operations(FoundOperations((AuditedOperation("", (start,), 0, 1),)), ASKED))
    assert ("start: version: 0.1, pid: 8354", "", "", "1", "") == (
        line["Command"],
        line["Result"],
        line["Steps"],
        line["Events"],
        line["Operation"],
    )


def test_where_older_operations_match_too_the_summary_says_so() -> None:
    each = AuditedOperation("", (recorded("stop", ""),), 0, 1)
    report = audit_events.list_operations(FoundOperations((each, each), more=True), ASKED)
    assert "the newest 2 operations. Older ones match, too" == str(report.summary)
    assert () == report.next


def test_where_events_may_be_left_out_the_summary_says_so() -> None:
    assert "the newest 1 events. Older ones may match, too" == str(audit_events.list_events((REQUEST,), 1, ASKED).summary)


def test_nothing_found_is_no_row() -> None:
    assert "no matching events" == str(audit_events.list_operations(FoundOperations(()), ASKED).summary)


def test_the_kinds_of_rows_and_events_are_in_the_reader_s_language() -> None:
    each = AuditedOperation("", (recorded("stop", ""),), 0, 1)
    report = audit_events.list_operations(FoundOperations((each,)), ASKED)
    shown = cell(report, report.rows[0], "words")
    assert isinstance(shown.text, Phrase)
    assert "停止" in shown.text.render(JAPANESE)


def test_an_event_is_told_by_its_plain_values_without_those_that_say_nothing() -> None:
    data = '{"result": {"began_at": "2026", "key": "host-a/keys", "result": "done", "why": null}, "undo": false}'
    event = StoredEvent(1, ASKED.isoformat(), "outcome", "alice", "op-1", data, "key", "", "mac")
    assert "key: host-a/keys, result: done" == cells(audit_events.list_events((event,), 100, ASKED))[0]["Content"]


def event(kind: str) -> StoredEvent:
    return StoredEvent(1, ASKED.isoformat(), kind, "alice", "op-1", "{}", "key", "", "mac")


@pytest.mark.parametrize("kind", EventKind)
def test_the_kind_of_an_event_has_a_label_and_keeps_its_stored_value(kind: EventKind) -> None:
    report = audit_events.list_events((event(kind.value),), 100, ASKED)
    shown = cell(report, report.rows[0], "kind")
    assert kind.value == shown.value
    assert isinstance(shown.text, Phrase)
    assert str(shown.text) != shown.text.render(get_texts("ja", ZoneInfo("Asia/Tokyo")))


def test_a_kind_of_a_later_version_is_shown_as_it_is_stored() -> None:
    assert "teleport" == cells(audit_events.list_events((event("teleport"),), 100, ASKED))[0]["Kind"]


def test_nothing_found_is_said_so() -> None:
    assert "no matching events" == str(audit_events.list_events((), 100, ASKED).summary)
