"""The copies of the bot in answers: who leads, who could take over, and what is wrong."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.phrase import Phrase
from bot.reports.copies import list_copies
from bot.store.copies import LEADS, STANDS_BY, STOPPED, CopyReport, SeenCopy
from bot.store.known_copies import KnownCopies
from bot.store.lead import CopyIdentity, Leader

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def copy(name: str, role: str, *, why: Phrase | None = None, clock_ms: int = 0, age: float = 0.5) -> SeenCopy:
    report = CopyReport(CopyIdentity(name, "1.0", "d", "k"), "0016", role, why, clock_ms)
    return SeenCopy(report, NOW - timedelta(seconds=age), timedelta(seconds=age))


LEADER = copy("bot-a", LEADS)
READY = copy("bot-b", STANDS_BY)
WHY = Phrase("the audit key differs")


@pytest.mark.parametrize(
    ("copies", "summary", "problems"),
    [
        ((LEADER, READY), "bot-a leads, 1 more could take over", {}),
        ((LEADER, READY, copy("bot-c", STOPPED, age=900.0)), "bot-a leads, 1 more could take over", {}),
        (
            (LEADER, copy("bot-b", STANDS_BY, why=WHY)),
            "bot-a leads, 0 more could take over",
            {"copies.bot-b": "bot-b cannot take over: the audit key differs", "copies.standby": None},
        ),
        (
            (LEADER, READY, copy("bot-c", STANDS_BY, age=60.0)),
            "bot-a leads, 1 more could take over",
            {"copies.bot-c": "bot-c has not been seen for 60 s. Check its machine"},
        ),
        (
            (copy("bot-a", LEADS, age=60.0), READY),
            "no copy leads, 1 could take over",
            {"copies.bot-a": None, "copies.leader": None},
        ),
        ((LEADER,), "bot-a leads, 0 more could take over", {"copies.standby": None}),
        (
            (LEADER, copy("bot-b", STANDS_BY, clock_ms=-5001)),
            "bot-a leads, 1 more could take over",
            {"copies.bot-b.clock": None},
        ),
    ],
)
def test_copies_are_summarized_with_what_is_wrong(
    copies: tuple[SeenCopy, ...], summary: str, problems: dict[str, str | None]
) -> None:
    report = list_copies(KnownCopies(copies, Leader(7, LEADER.report.identity, NOW)), NOW)
    assert summary == str(report.summary)
    found = {each.subject: str(each.why) for each in report.findings}
    assert problems.keys() == found.keys()
    assert {name: why for name, why in problems.items() if why} == {
        name: found[name] for name, why in problems.items() if why
    }


def test_the_leader_shows_its_term() -> None:
    report = list_copies(KnownCopies((LEADER, READY), Leader(7, LEADER.report.identity, NOW)), NOW)
    assert [("bot-a", 7), ("bot-b", None)] == [(row.cells[0].value, row.cells[5].value) for row in report.rows]


def test_a_bot_over_a_file_is_the_only_copy_and_has_no_problem() -> None:
    report = list_copies(KnownCopies((LEADER,), None), NOW)
    assert ("bot-a leads, as the only copy", ()) == (str(report.summary), report.findings)
