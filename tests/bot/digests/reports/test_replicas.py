"""The copies of the bot in answers: who leads, who could take over, and what is wrong."""

from datetime import UTC, datetime, timedelta
from importlib import metadata
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adapters.phrase import Phrase
from bot.digests.reports.replicas import list_copies
from bot.ports.context import RequestContext
from bot.requests.about import AboutHandlers
from bot.store.errors import DatabaseUnavailable
from bot.store.known_replicas import KnownCopies
from bot.store.leadership import CopyIdentity, Leader
from bot.store.replicas import LEADS, STANDS_BY, STOPPED, CopyReport, SeenCopy
from commands.about import Version
from commands.model.finding import Severity
from tests.commands.cells import cell

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def copy(name: str, role: str, *, why: Phrase | None = None, clock_ms: int = 0, age: float = 0.5) -> SeenCopy:
    report = CopyReport(CopyIdentity(name, "1.0", "d", "k"), "0001", role, why, clock_ms)
    return SeenCopy(report, NOW - timedelta(seconds=age), timedelta(seconds=age))


LEADER = copy("bot-a", LEADS)
READY = copy("bot-b", STANDS_BY)
WHY = Phrase("the audit key differs")


@pytest.mark.parametrize(
    ("copies", "summary", "problems"),
    [
        ((LEADER, READY), "bot-a leads, 1 more could take over", {}),
        (
            (LEADER, READY, copy("bot-c", STOPPED, age=900.0)),
            "bot-a leads, 1 more could take over",
            {"copies.bot-c": "bot-c was stopped 900 s ago. Start it on its machine"},
        ),
        ((LEADER, READY, copy("bot-c", STANDS_BY, age=8 * 86_400.0)), "bot-a leads, 1 more could take over", {}),
        (
            (LEADER, READY, copy("bot-c", LEADS, age=3.0)),
            "bot-a leads, 1 more could take over",
            {"copies.bot-c": "bot-c has not been seen for 3 s. Check its machine"},
        ),
        (
            (LEADER, READY, copy("bot-c", STANDS_BY, why=WHY, age=7200.0)),
            "bot-a leads, 1 more could take over",
            {
                "copies.bot-c": "bot-c has not been seen for 7200 s. Check its machine. It could not take over then: the "
                "audit key differs"
            },
        ),
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


def test_a_copy_that_could_not_take_over_is_not_shown_as_healthy_and_one_that_is_gone_has_no_known_role() -> None:
    copies = (LEADER, copy("bot-b", STANDS_BY, why=WHY), copy("bot-c", STANDS_BY, age=60.0), copy("bot-d", LEADS, age=3.0))
    report = list_copies(KnownCopies(copies, Leader(7, LEADER.report.identity, NOW)), NOW)
    medium = Severity.MEDIUM
    assert [
        ("bot-a", "leads", None),
        ("bot-b", "stands by", medium),
        ("bot-c", "unknown", medium),
        ("bot-d", "led before", medium),
    ] == [(cell(report, row, "copy").text, str(cell(report, row, "role").text), row.severity) for row in report.rows]


def test_the_leader_shows_its_term() -> None:
    report = list_copies(KnownCopies((LEADER, READY), Leader(7, LEADER.report.identity, NOW)), NOW)
    assert [("bot-a", 7), ("bot-b", None)] == [
        (cell(report, row, "copy").value, cell(report, row, "term").value) for row in report.rows
    ]


@pytest.mark.parametrize(
    ("known", "summary"),
    [
        (KnownCopies((LEADER,), None), "flatnet-bot {}"),
        (
            KnownCopies((LEADER, READY), Leader(7, LEADER.report.identity, NOW)),
            "flatnet-bot {}: bot-a leads, 1 more could take over",
        ),
        (DatabaseUnavailable(Phrase("the database is away")), "flatnet-bot {}"),
    ],
)
async def test_the_version_names_the_leader_where_there_are_copies(
    known: KnownCopies | DatabaseUnavailable, summary: str
) -> None:
    async def read_copies() -> KnownCopies:
        if isinstance(known, DatabaseUnavailable):
            raise known
        return known

    context = cast("RequestContext", SimpleNamespace(config=SimpleNamespace(read_copies=read_copies)))
    report = await AboutHandlers((), cast("Any", None)).show_version(Version(), context)
    assert summary.format(metadata.version("flatnet-bot")) == str(report.summary)


def test_a_bot_over_a_file_is_the_only_copy_and_has_no_problem() -> None:
    report = list_copies(KnownCopies((LEADER,), None), NOW)
    assert ("bot-a leads, as the only copy", ()) == (str(report.summary), report.findings)
