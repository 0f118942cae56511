"""What the bot keeps, in lines: what people look for first, and ids last, for they are only typed."""

from datetime import timedelta

from bot.changes.reports import listing as listings
from bot.model.change import Approval, ApprovalState, ChangeState
from bot.model.lock import Lock
from commands.model.report import Mark, Report
from tests.bot.rendering import changes
from tests.bot.rendering.changes import ASKED, OPERATION


def cells(report: Report) -> list[dict[str, str]]:
    """The text of each cell, by the heading of its column."""
    headings = [str(column.heading) for column in report.columns]
    return [{heading: str(cell.text) for heading, cell in zip(headings, row.cells, strict=True)} for row in report.rows]


def test_what_waits_says_who_asks_how_many_approved_and_until_when() -> None:
    report = listings.list_pending((changes.WAITING,), {}, ASKED)
    assert [
        {
            "Command": "cert renew host-a",
            "User": "alice",
            "Approvals": "0 of 1",
            "Approvers": "bob or carol",
            "Expires": "2026-03-01 09:50:00 UTC (in 3600 s)",
            "ID": OPERATION,
        }
    ] == cells(report)
    assert (f"approval show {OPERATION}",) == report.next


def test_what_needs_no_approval_is_listed_with_its_rule() -> None:
    [section] = listings.list_pending((), {"service start": "approvals.rules[2]"}, ASKED).sections
    assert ("Without approval", ["service start (approvals.rules[2])"]) == (
        str(section.heading),
        [str(line) for line in section.lines],
    )


def test_changes_are_no_hosts_so_none_is_called_well() -> None:
    report = listings.list_recent_changes((changes.DONE, changes.FAILED, changes.GLASS), ASKED)
    assert {Mark.PLAIN} == {cell.mark for row in report.rows for cell in row.cells}
    assert ["done", "failed", "running now"] == [each["State"] for each in cells(report)]


def test_a_change_that_ran_without_approval_is_listed_with_the_others() -> None:
    approval = Approval(state=ApprovalState.APPROVED, needed=0, rule="approvals.rules[1]", expires_at=ASKED)
    waived = changes.DONE.model_copy(update={"approval": approval})
    assert ["done"] == [each["State"] for each in cells(listings.list_recent_changes((waived,), ASKED))]


def test_the_summary_of_changes_says_what_runs_or_else_what_waits() -> None:
    assert "1 change is running" == str(listings.list_recent_changes((changes.WAITING, changes.RUNNING), ASKED).summary)
    assert "1 change is waiting for approval, none is running" == str(
        listings.list_recent_changes((changes.WAITING,), ASKED).summary
    )
    assert "no changes running" == str(listings.list_recent_changes((changes.DONE,), ASKED).summary)
    unknown = changes.change(ChangeState.UNKNOWN)
    assert str(listings.list_recent_changes((unknown,), ASKED).summary).startswith(f"the result of {OPERATION} is unknown.")


def test_a_lock_names_its_hosts_first_and_its_number_last() -> None:
    lock = Lock("op-1", "all", "work", "alice", ASKED, ASKED + timedelta(hours=1), number=3)
    [line] = cells(listings.list_locks((lock,), ASKED))
    assert ["Host", "User", "Reason", "Expires", "State", "Number"] == list(line)
    assert ("all", "active", "3") == (line["Host"], line["State"], line["Number"])
