"""Answers about copies of the CA key: what the first sentence is, and what comes next."""

import pytest

from commands.certificates.ca_key.judgment import judge_key_backups
from commands.certificates.ca_key.reports import report_key_backups, report_open_drill
from commands.model.backup import NO_BACKUPS, KnownBackups, PlaceState
from commands.model.finding import Severity
from commands.model.report import Report
from tests.commands.canned import NOW
from tests.commands.certificates.ca_key.test_create import ALICE, BOB, copy
from tests.commands.certificates.ca_key.test_drills import DRILL, NAME, PARSED
from tests.commands.certificates.ca_key.test_judgment import WELL, whole


def report(known: KnownBackups, *recipients: object) -> Report:
    people = (ALICE, BOB) if recipients == () else ()
    return report_key_backups(known, judge_key_backups(known, people, None, NOW), people, NOW)


@pytest.mark.parametrize(
    ("known", "summary", "next_commands"),
    [
        (WELL, "1 copy of the CA key, verified, with a drill", ("ca backup verify",)),
        (NO_BACKUPS, "no copy of the CA key", ("ca backup create --new-recipients",)),
        (
            KnownBackups(keys=(whole(ALICE, BOB),)),
            "1 copy of the CA key. No restore drill of the CA key yet",
            ("ca backup drill",),
        ),
    ],
)
def test_the_first_sentence_says_what_is_due_and_the_command_does_it(
    known: KnownBackups, summary: str, next_commands: tuple[str, ...]
) -> None:
    made = report(known)
    assert summary in str(made.summary)
    assert next_commands == made.next


def test_without_recipients_and_copies_nothing_is_asked_for() -> None:
    made = report(NO_BACKUPS, None)
    assert ((), ()) == (made.findings, made.next)
    assert "docs/ca.md" in str(made.summary)


def test_each_copy_is_rated_by_what_was_found_of_it() -> None:
    keys = (
        whole(ALICE, BOB, first=PlaceState.WHOLE, second=PlaceState.WHOLE),
        copy(ALICE, BOB),
        whole(ALICE, BOB, second=PlaceState.DAMAGED),
        whole(ALICE, BOB, second=PlaceState.UNREACHABLE),
    )
    rows = report(KnownBackups(keys=keys)).rows
    assert [None, Severity.MEDIUM, Severity.HIGH, None] == [row.severity for row in rows]


def test_an_open_drill_shows_the_public_key_and_both_commands_with_its_name() -> None:
    made = report_open_drill(DRILL, PARSED, NOW)
    (steps,) = made.sections
    assert [False, True, True, True, False] == [NAME in str(line) for line in steps.lines]
    assert "PRIVATE" not in made.model_dump_json()
