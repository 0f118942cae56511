"""One order for every answer: critical, high, unknown, medium, low, well."""

from itertools import permutations

import pytest

from adapters.phrase import Phrase
from commands.model.finding import Finding, Grade, Severity, find_worst, find_worst_by_host, sort_worst_first
from commands.model.report import Cell, Row, rate_rows

ORDER = [
    (Severity.CRITICAL, True, Grade.CRITICAL),
    (Severity.HIGH, True, Grade.HIGH),
    (Severity.HIGH, False, Grade.UNKNOWN),
    (Severity.MEDIUM, True, Grade.MEDIUM),
    (Severity.LOW, True, Grade.LOW),
]


def finding(host: str, severity: Severity, *, reached: bool = True, subject: str = "x") -> Finding:
    return Finding(severity=severity, host=host, subject=subject, why=Phrase("why"), reached=reached)


def row(host: str) -> Row:
    return Row(host=host, cells=(Cell.of(host),))


def test_the_grades_stand_in_the_order_of_urgency() -> None:
    assert ["critical", "high", "unknown", "medium", "low", "well"] == sorted(Grade, key=lambda grade: grade.rank)


@pytest.mark.parametrize(("severity", "reached", "grade"), [*ORDER, (None, True, Grade.WELL), (None, False, Grade.WELL)])
def test_what_could_not_be_read_is_unknown(severity: Severity | None, reached: bool, grade: Grade) -> None:
    assert grade is Grade.of(severity, reached=reached)


@pytest.mark.parametrize("severity", Severity)
def test_an_unread_state_is_unknown_whatever_its_severity(severity: Severity) -> None:
    assert Grade.UNKNOWN is finding("host-a", severity, reached=False).grade


@pytest.mark.parametrize("mixed", list(permutations(range(len(ORDER)))))
def test_findings_and_rows_have_the_same_order_however_they_come(mixed: tuple[int, ...]) -> None:
    found = [finding(f"host-{n}", ORDER[n][0], reached=ORDER[n][1]) for n in mixed]
    ranked = sort_worst_first(found)

    rows = rate_rows([row("host-well"), *(row(each.host) for each in found)], ranked)

    assert [f"host-{n}" for n in range(len(ORDER))] == [each.host for each in ranked] == list(find_worst_by_host(ranked))
    assert [*(f"host-{n}" for n in range(len(ORDER))), "host-well"] == [each.host for each in rows]
    assert [*(grade for _, _, grade in ORDER), Grade.WELL] == [each.grade for each in rows]


def test_findings_of_the_same_grade_keep_the_order_of_their_rows() -> None:
    found = [finding("host-b", Severity.LOW), finding("host-b", Severity.HIGH), finding("host-a", Severity.HIGH)]
    ranked = sort_worst_first(found)

    assert [("host-b", "high"), ("host-a", "high"), ("host-b", "low")] == [(each.host, each.severity) for each in ranked]
    assert ["host-b", "host-a"] == [each.host for each in rate_rows([row("host-a"), row("host-b")], ranked)]


def test_the_worst_of_nothing_is_well() -> None:
    assert (Grade.WELL, Grade.UNKNOWN) == (find_worst(()), find_worst([Grade.LOW, Grade.UNKNOWN, Grade.MEDIUM]))
