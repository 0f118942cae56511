"""The report of an incident as text and as JSON: all that is known, and no less said of what is not."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.phrase import ENGLISH, Phrase
from bot.answers.data import remove_files, write_files
from bot.incidents.model import AuditProof, ReportSources
from bot.incidents.reports.report import KIND_NAMES, MAX_LISTED, compose_message
from bot.incidents.rules.milestones import make_report
from bot.model.change import ApprovalState, ChangeState
from bot.model.incident import EntryKind, IncidentState
from bot.model.request import Answer
from commands.model.report import Report, TextFile
from tests.bot.incidents.report_example import DIGEST, ENTRIES, INCIDENT, RENEWAL, SHA256, SOURCES, at, entry

INTACT = Phrase("1204 audit events verified")


def sections(sources: ReportSources) -> dict[str, list[str]]:
    report = compose_message(make_report(sources))
    return {str(section.heading): [str(line) for line in section.lines] for section in report.sections}


def files(sources: ReportSources) -> dict[str, str]:
    answer = Answer(operation="op-1", understood="incident report 3", body=compose_message(make_report(sources)))
    return {file.name: file.text for file in write_files(answer, ENGLISH) if isinstance(file, TextFile)}


def document(sources: ReportSources) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(files(sources)["incident-3.json"])
    return read


def test_the_facts_of_a_change_are_its_digest_and_its_outcome() -> None:
    [line] = sections(SOURCES)["Changes"]
    assert line == (
        f"cert renew host-a ({RENEWAL}), requested by alice: done at 2026-11-28 02:39:00 UTC. Plan {DIGEST}, audit event 409"
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"state": None, "ended_at": None}, "no end recorded"),
        ({"state": ChangeState.UNKNOWN}, "unknown at 2026-11-28 02:39:00 UTC"),
        ({"state": ChangeState.CLOSED, "approval": ApprovalState.DENIED}, "denied at 2026-11-28 02:39:00 UTC"),
    ],
    ids=["still running", "outcome unknown", "never ran"],
)
def test_the_outcome_of_a_change_is_never_better_than_recorded(values: dict[str, Any], expected: str) -> None:
    changed = replace(SOURCES, changes=(replace(SOURCES.changes[0], **values),))
    assert expected in sections(changed)["Changes"][0]


def test_a_change_says_what_it_owes_that_it_skipped_approval_and_that_its_plan_is_missing() -> None:
    changed = replace(SOURCES.changes[0], owed=("host-b",), break_glass=True, digest="", plan=0, requester="")
    [line] = sections(replace(SOURCES, changes=(changed,)))["Changes"]
    assert "requested by not known: done" in line
    assert line.endswith("Its plan is not in the audit log. Break-glass. Owed to host-b")


def test_evidence_has_size_and_hash_and_a_look_without_a_recorded_file_is_named() -> None:
    lost = replace(SOURCES, unrecorded=(ENTRIES[3],))
    assert sections(lost)["Evidence"] == [
        f"evidence-20261128-021100.zip, 47 KB, SHA-256 {SHA256} (log collect host-a by alice at 2026-11-28 02:11:00 UTC, "
        "audit event 407)",
        "log collect host-a by alice at 2026-11-28 02:11:00 UTC: no hash of a delivered file is recorded",
    ]
    assert [6] == document(lost)["evidence_without_hash"]


def test_what_is_withheld_or_expired_is_counted_and_never_named() -> None:
    assert ["2 entries that not every reader here may see"] == sections(SOURCES)["Not included"]
    assert "Not included" not in sections(replace(SOURCES, withheld=0))
    both = replace(SOURCES, withheld=1, expired=3)
    assert sections(both)["Not included"] == [
        "1 entry that not every reader here may see",
        "3 alerts or plans that are no longer stored",
    ]
    assert (1, 3) == (document(both)["withheld"], document(both)["expired"])


@pytest.mark.parametrize(
    ("proof", "expected"),
    [
        (AuditProof(401, 417, True, INTACT), ["audit events 401 to 417: verified, as they were written"]),
        (
            AuditProof(401, 417, False, Phrase("audit event 405 was modified")),
            ["audit events 401 to 417: NOT proven. Audit event 405 was modified"],
        ),
        (
            AuditProof(401, 417, None, Phrase("the disk is full")),
            ["audit events 401 to 417: not checked. The disk is full"],
        ),
        (
            AuditProof(401, 417, True, INTACT, (4, 9)),
            [
                "audit events 401 to 417: verified, as they were written",
                "entries that their sources do not prove: 4, 9",
            ],
        ),
        (AuditProof(0, 0, True, INTACT), ["the timeline names no audit event"]),
    ],
    ids=["verified", "changed", "not checked", "a row differs", "nothing to prove"],
)
def test_the_proof_is_said_as_it_is(proof: AuditProof, expected: list[str]) -> None:
    assert expected == sections(replace(SOURCES, proof=proof))["Proof"]


def test_the_cause_is_as_it_was_typed_and_not_known_before() -> None:
    assert ["the certificate of host-a had expired (as bob wrote it)"] == sections(SOURCES)["Cause"]
    assert ["not known"] == sections(replace(SOURCES, incident=replace(INCIDENT, was="")))["Cause"]


def test_a_correction_stands_beside_the_original() -> None:
    [line] = [line for line in files(SOURCES)["incident-3.md"].splitlines() if "certificate has expired" in line]
    assert (
        "Nebula says: certificate has expired \\[corrected by alice, entry 16: it said so at 02:12, not at 02:14\\]" in line
    )


def test_the_checks_of_one_person_in_a_row_share_a_row_and_the_json_has_each() -> None:
    looks = tuple(
        entry(20 + number, 5 + number, EntryKind.LOOK, "…", words=f"disk host-{name}", hosts=(f"host-{name}",))
        for number, name in enumerate("aab")
    )
    many = replace(SOURCES, entries=looks)
    [line] = [line for line in files(many)["incident-3.md"].splitlines() if "disk host-a" in line]
    assert line == (
        "| 2026-11-28 02:10:00 UTC | 20, 21, 22 | check | alice | 3 checks of host-a, host-b, until 2026-11-28 02:12:00 UTC "
        "| disk host-a, disk host-b | audit event 420, audit event 421, audit event 422 |"
    )
    assert [20, 21, 22] == [each["number"] for each in document(many)["timeline"]]


def test_typed_text_is_text_in_the_markdown_file() -> None:
    evil = entry(18, 71, EntryKind.NOTE, "<!channel> [x](https://evil.example)\n# heading | cell")
    text = files(replace(SOURCES, entries=(*ENTRIES, evil)))["incident-3.md"]
    assert "\\<!channel\\> \\[x\\](https\\://evil.example) # heading \\| cell" in text


def test_the_json_has_every_entry_and_says_null_for_what_is_not_known() -> None:
    read = document(replace(SOURCES, incident=replace(INCIDENT, began_at=None)))
    assert "flatnet-incident-report/1" == read["schema"]
    assert {"at": None, "source": None} == read["milestones"]["started"]
    assert {"at": "2026-11-28T02:46:00+00:00", "source": "audit:415"} == read["milestones"]["mitigated"]
    assert [each.number for each in ENTRIES] == [each["number"] for each in read["timeline"]]
    assert [(DIGEST, "done")] == [(each["digest"], each["state"]) for each in read["changes"]]
    assert [(SHA256, 48_213)] == [(each["sha256"], each["bytes"]) for each in read["evidence"]]
    assert {"first": 401, "last": 417, "verified": True, "text": "1204 audit events verified", "differing": []} == read[
        "proof"
    ]


def test_times_in_the_json_are_in_utc() -> None:
    assert {"+00:00"} == {each["happened_at"][-6:] for each in document(SOURCES)["timeline"]}
    assert datetime(2026, 11, 28, 3, 15, 30, tzinfo=UTC) == datetime.fromisoformat(document(SOURCES)["made_at"])


def test_a_message_lists_so_many_changes_and_the_files_list_all() -> None:
    many = replace(SOURCES, changes=[*SOURCES.changes] * (MAX_LISTED + 5), entries=ENTRIES * MAX_LISTED)
    lines = sections(many)["Changes"]
    assert (MAX_LISTED + 1, "and 5 more") == (len(lines), lines[-1])
    assert MAX_LISTED + 5 == files(many)["incident-3.md"].count(DIGEST)


def test_a_stored_answer_has_neither_the_files_nor_the_document() -> None:
    answer = Answer(operation="op-1", understood="incident report 3", body=compose_message(make_report(SOURCES)))
    body = remove_files(answer).body
    assert isinstance(body, Report)
    assert ((), None) == (body.files, body.document)


def test_every_kind_of_entry_has_a_name() -> None:
    assert {*EntryKind} == {*KIND_NAMES}


def test_an_open_incident_says_since_when() -> None:
    still = replace(
        SOURCES, incident=replace(INCIDENT, resolved_at=None, mitigated_at=None, state=IncidentState.OPEN), at=at(9)
    )
    assert "the gateway of host-a answers 502 (host-a,host-b): open since 2026-11-28 02:05:00 UTC" == str(
        compose_message(make_report(still)).summary
    )
