"""The monthly report: what was seen, in shares of looks that are never rounded up, and what nobody knows."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from adapters.errors import Unreachable
from adapters.inventory import Host
from adapters.phrase import Phrase, Texts
from bot.answers.data import write_files
from bot.answers.slack import render
from bot.digests.reports.monthly import MonthlyInput, compose_monthly_report, compute_percent
from bot.model.alert import AlertEpisode
from bot.model.change import ApprovalState, BreakGlass, ChangeState, EndedOperation
from bot.model.month import Month
from bot.model.request import Answer
from bot.model.schedule import RunOutcome, RunTally
from bot.rendering.slack.blocks import MAX_BLOCKS, MAX_CHARACTERS
from bot.store.observations import Observation
from commands.alerts.traffic import TrafficCount
from commands.health.update_operation import UpdateList
from commands.model.finding import Severity
from commands.model.report import Mark, Report, TextFile
from tests.bot.alert_examples import FIRING
from tests.bot.answers.slack.test_answer import shown
from tests.bot.rendering.examples import ENGLISH, JAPANESE
from tests.bot.reported import OCTOBER, TOKYO, Sides, looks, view, windows, wsl
from tests.commands.canned import NOW
from tests.commands.canned_certs import host
from tests.commands.health import test_update_operation as test_updates

LIGHTHOUSE, A, B, C = host("lighthouse", 0), host("host-a", 1), host("host-b", 2), host("host-c", 3)
LOST = Unreachable(Phrase("no connection"))
ALL = 1488
"""Half-hourly looks in a month of 31 days."""

HOSTILE = "=cmd|' /C calc'!A0\n| x | <b>"


async def report(seen: Sequence[Observation] = (), *hosts: Host, said: Sides | None = None, **given: Any) -> Report:
    """Of these looks at hosts that have all updates, but for what is said."""
    hosts = hosts or (A, B)
    usual: Mapping[str, Any] = {
        "month": OCTOBER,
        "gateways": {each.name: each.gateway is not None for each in hosts},
        "updates": await UpdateList().read(view(*hosts, said=said)),
        "observations": {each.host: each for each in seen},
        "days": 31,
    }
    return compose_monthly_report(MonthlyInput(**{**usual, **given}))


def cells(report: Report, host: str = "host-a") -> dict[str, tuple[str, object, Mark]]:
    return {key: (str(cell.text), cell.value, cell.mark) for key, cell in report.cells_by_host[host].items()}


def sections(report: Report) -> dict[str, list[str]]:
    return {str(part.heading): [str(line) for line in part.lines] for part in report.sections}


def rests_on(report: Report) -> list[str]:
    return sections(report)["About this report"]


async def test_a_month_in_which_all_was_well() -> None:
    month = await report([looks("host-a", ALL, answers=ALL, answer_ms=ALL * 12), looks("host-b", ALL)])

    assert (
        "2026-10: hosts were reachable in 100% and healthy in 100% of checks. 0 changes finished. Security updates are "
        "pending on 0 hosts"
    ) == str(month.summary)
    assert ((), [None, None]) == (month.findings, [row.severity for row in month.rows])
    assert {
        "host": ("host-a", "host-a", Mark.PLAIN),
        "looks": ("1488", ALL, Mark.PLAIN),
        "reached_percent": ("100%", 100, Mark.PLAIN),
        "well_percent": ("100%", 100, Mark.PLAIN),
        "checks_failed": ("none", "", Mark.WELL),
        "gateway_ms": ("12 ms", 12, Mark.PLAIN),
        "requests": ("no data", None, Mark.UNKNOWN),
        "errors_percent": ("no data", None, Mark.UNKNOWN),
        "request_ms": ("no data", None, Mark.UNKNOWN),
        "slowest_ms": ("no data", None, Mark.UNKNOWN),
        "alerts": ("0", 0, Mark.PLAIN),
        "alert_seconds": ("none", 0, Mark.PLAIN),
        "security_updates": ("0", 0, Mark.WELL),
    } == cells(month)


async def test_without_any_look_nothing_is_known_of_any_host() -> None:
    """And nobody says that they were well."""
    month = await report(days=0)
    unknown = ("unknown", None, Mark.UNKNOWN)

    assert str(month.summary).startswith("2026-10: no checks were recorded, so host health is unknown. ")
    assert ("host-a", "host-b") == month.unreached_hosts
    assert [unknown] * 4 == [cells(month)[key] for key in ("reached_percent", "well_percent", "checks_failed", "gateway_ms")]
    assert ("none", 0, Mark.PLAIN) == cells(month)["looks"]
    assert "no checks on 31 of 31 days" in rests_on(month)


SEEN: dict[str, tuple[Observation, tuple[object, object, object], str]] = {
    "down the whole month": (
        looks("host-a", 0, unreached=ALL),
        (0, 0, ""),
        "2026-10: reachable in 0 of 1488 checks, healthy in 0",
    ),
    "down once": (
        looks("host-a", ALL - 1, unreached=1),
        (99.9, 99.9, ""),
        "reachable in 1487 of 1488 checks, healthy in 1487",
    ),
    "trouble, but reached": (
        looks("host-a", ALL - 3, troubled=3, failed={"api": 1, "bridge": 3}),
        (100, 99.7, "api=1 bridge=3"),
        "reachable in 1488 of 1488 checks, healthy in 1485 (unhealthy: Bridge 3, API 1)",
    ),
    "seen seldom": (looks("host-a", 2, unreached=1), (66.6, 66.6, ""), "reachable in 2 of 3 checks, healthy in 2"),
}


@pytest.mark.parametrize(("seen", "values", "why"), SEEN.values(), ids=SEEN)
async def test_a_host_that_was_not_always_well(seen: Observation, values: tuple[object, ...], why: str) -> None:
    month = await report([seen, looks("host-b", ALL)])

    assert values == tuple(cells(month)[key][1] for key in ("reached_percent", "well_percent", "checks_failed"))
    [finding] = month.findings
    assert ("host-a", Severity.LOW, True) == (finding.host, finding.severity, finding.reached)
    assert str(finding.why).endswith(why)


@pytest.mark.parametrize(
    ("part", "whole", "percent"), [(0, 5, 0), (1, 3, 33.3), (9999, 10_000, 99.9), (999_999, 1_000_000, 99.9), (5, 5, 100)]
)
def test_a_share_is_never_rounded_up(part: int, whole: int, percent: float) -> None:
    assert percent == compute_percent(part, whole)


async def test_the_summary_names_who_was_reached_the_least_and_of_whom_nothing_is_known() -> None:
    month = await report([looks("host-a", 6, unreached=4), looks("host-b", 9, unreached=1)], A, B, C)

    assert (
        "2026-10: hosts were reachable in 75% and healthy in 75% of checks. Least reachable: host-a 60%, host-b 90%. "
        "Unknown: host-c. 0 changes finished. Security updates are pending on 0 hosts"
    ) == str(month.summary)
    assert "0 to 10 checks per host" in rests_on(month)


async def test_the_worst_come_first_by_what_is_wrong_then_by_how_seldom_they_were_reached() -> None:
    lacks = test_updates.windows(test_updates.update("5030211", "Critical"))
    month = await report(
        [looks("host-a", 9, unreached=1), looks("host-b", 1, unreached=9), looks("host-c", 10), looks("lighthouse", 10)],
        LIGHTHOUSE,
        A,
        B,
        C,
        said={("host-c", "windows"): windows(C, updates=lacks)},
    )

    assert [
        ("host-c", Severity.HIGH),
        ("host-b", Severity.LOW),
        ("host-a", Severity.LOW),
        ("lighthouse", None),
    ] == [(row.host, row.severity) for row in month.rows]


TWO = test_updates.windows(test_updates.update("1"), test_updates.update("2"))
UPDATES: dict[str, tuple[Sides, tuple[str, object, Mark]]] = {
    "none": ({}, ("0", 0, Mark.WELL)),
    "on both sides": (
        {
            ("host-a", "windows"): windows(A, updates=TWO),
            ("host-a", "wsl"): wsl(A, updates=test_updates.wsl(test_updates.package("openssl", security=True))),
        },
        ("3", 3, Mark.BAD),
    ),
    "one side is silent: the sum is not known": (
        {("host-a", "windows"): windows(A, updates=TWO), ("host-a", "wsl"): wsl(A, updates=LOST)},
        ("Windows 2 security, WSL2 unreachable", None, Mark.UNKNOWN),
    ),
    "none in lists that are too old": (
        {("host-a", "wsl"): wsl(A, updates=test_updates.wsl(at=NOW - timedelta(days=30)))},
        ("Windows none, WSL2 none found", None, Mark.UNKNOWN),
    ),
}


@pytest.mark.parametrize(("said", "expected"), UPDATES.values(), ids=UPDATES)
async def test_security_updates_of_both_sides_together(said: Sides, expected: tuple[str, object, Mark]) -> None:
    assert expected == cells(await report([looks("host-a", ALL)], A, said=said))["security_updates"]


async def test_a_host_without_a_gateway_has_no_mean_and_one_that_never_answered_an_unknown_one() -> None:
    month = await report([looks("lighthouse", ALL), looks("host-a", ALL)], LIGHTHOUSE, A)

    assert ("N/A", None, Mark.ABSENT) == cells(month, "lighthouse")["gateway_ms"]
    assert ("unknown", None, Mark.UNKNOWN) == cells(month)["gateway_ms"]


async def test_a_host_that_has_left_the_inventory_is_still_told_of() -> None:
    month = await report([looks("host-a", ALL), looks("host-z", ALL)], A)

    assert ("1488", ALL, Mark.PLAIN) == cells(month, "host-z")["looks"]
    assert ("N/A", None, Mark.ABSENT) == cells(month, "host-z")["security_updates"]
    assert "no longer in the configuration: host-z" in rests_on(month)


RESTS: dict[str, tuple[Month, int, str]] = {
    "its time": (OCTOBER, 31, "period: 2026-09-30 15:00:00 UTC to 2026-10-31 15:00:00 UTC"),
    "its looks": (OCTOBER, 31, "1488 checks per host"),
    "of what they are shares": (
        OCTOBER,
        31,
        "percentages are shares of checks. The time between checks is not covered",
    ),
    "days without looks": (OCTOBER, 20, "no checks on 11 of 31 days"),
    "of when the updates are": (
        OCTOBER,
        31,
        "security updates are those pending now, not at the end of the month",
    ),
    "a month that has not ended": (Month.from_name("2026-11", TOKYO, NOW), 25, "the month has not ended yet"),
    "days of UTC": (
        Month.from_name("2026-08", TOKYO, NOW),
        31,
        "checks older than 90 days are kept as daily totals in UTC. The first and last day are not exact",
    ),
    "looks that are gone": (
        Month.from_name("2025-10", TOKYO, NOW),
        0,
        "checks are kept for 400 days. Some or all of this month is older",
    ),
}


@pytest.mark.parametrize(("month", "days", "line"), RESTS.values(), ids=RESTS)
async def test_it_says_what_it_rests_on(month: Month, days: int, line: str) -> None:
    assert line in rests_on(await report([looks("host-a", ALL)], A, month=month, days=days))


def ended(state: ChangeState = ChangeState.DONE, who: str = "alice", number: int = 1, **given: Any) -> EndedOperation:
    return EndedOperation(f"op-{number:012x}", "cert renew host-a", who, state, **given)


async def test_without_changes_and_runs_it_says_so() -> None:
    parts = sections(await report())

    assert (["none"], ["none"], ["no runs recorded"]) == (
        parts["Finished changes"],
        parts["Approvals"],
        parts["Schedules that did not run or failed"],
    )


async def test_changes_are_counted_by_how_they_ended_and_by_who_asked_and_what_went_wrong_is_named() -> None:
    states = [ChangeState.DONE] * 3 + [ChangeState.UNDONE, ChangeState.FAILED, ChangeState.UNKNOWN, ChangeState.CLOSED]
    changes = [ended(state, "bob" if n > 4 else "alice", n) for n, state in enumerate(states)]

    assert [
        "done: 3",
        "not done, rolled back: 1",
        "failed: 1",
        "result unknown: 1",
        "never started: 1",
        "requested by alice: 5",
        "requested by bob: 2",
        "cert renew host-a by alice, op-000000000003: not done, rolled back",
        "cert renew host-a by alice, op-000000000004: failed",
        "cert renew host-a by bob, op-000000000005: result unknown",
    ] == sections(await report(changes=changes))["Finished changes"]


async def test_many_failures_are_counted() -> None:
    changes = [ended(ChangeState.FAILED, number=n) for n in range(30)]
    lines = sections(await report(changes=changes))["Finished changes"]

    assert ("failed: 30", "… and 20 more", 13) == (lines[0], lines[-1], len(lines))


async def test_approvals_are_counted_by_what_became_of_them() -> None:
    given = [ApprovalState.USED] * 2 + [ApprovalState.DENIED, ApprovalState.EXPIRED, ApprovalState.WITHDRAWN]
    given += [ApprovalState.SUPERSEDED, ApprovalState.REFUSED]
    changes = [ended(approval=state) for state in given]

    assert [
        "approved: 2",
        "denied: 1",
        "expired: 1",
        "withdrawn: 1",
        "superseded (plan changed): 1",
        "void (permission lost): 1",
    ] == sections(await report(changes=changes))["Approvals"]


async def test_what_ran_without_approval_says_whether_somebody_has_reviewed_it() -> None:
    seen = BreakGlass(reviewed_by="carol", reviewed_at=NOW, review="agreed")
    changes = [ended(break_glass=BreakGlass()), ended(number=2, break_glass=seen)]

    assert [
        "cert renew host-a by alice, op-000000000001: waiting for review",
        "cert renew host-a by alice, op-000000000002: reviewed by carol",
    ] == sections(await report(changes=changes))["Emergency changes (break-glass)"]


async def test_due_times_that_nobody_ran_and_runs_that_failed() -> None:
    runs = [
        RunTally("digest", RunOutcome.DONE, 28, 2),
        RunTally("digest", RunOutcome.MISSED, 1, 0),
        RunTally("observe", RunOutcome.DONE, 1400, 0),
        RunTally("observe", RunOutcome.SKIPPED, 3, 0),
        RunTally("observe", RunOutcome.FAILED, 4, 1),
        RunTally("weekly", RunOutcome.DONE, 4, 0),
    ]

    assert [
        "digest: did not run 3 of 31 times",
        "observe: did not run 4 of 1408 times",
        "observe: failed 4 of 1408 times",
    ] == sections(await report(runs=runs))["Schedules that did not run or failed"]
    assert ["none"] == sections(await report(runs=runs[-1:]))["Schedules that did not run or failed"]


async def test_runs_of_long_ago_are_not_remembered_and_nobody_says_that_none_was_missed() -> None:
    month = await report(month=Month.from_name("2026-08", TOKYO, NOW), runs=[RunTally("digest", RunOutcome.DONE, 3, 0)])

    assert ["unknown: runs are kept for 90 days"] == sections(month)["Schedules that did not run or failed"]


async def test_what_whoever_asks_may_not_see_is_said_to_be_left_out() -> None:
    month = await report([looks("host-a", ALL)], A, changes=None, runs=None, alerts=None, backups=None)
    hidden = ["not shown: the person requesting this report has no access"]

    names = ("Alerts", "Finished changes", "Schedules that did not run or failed", "Backups")
    assert dict.fromkeys(names, hidden) == {
        heading: lines
        for heading, lines in sections(month).items()
        if heading not in ("About this report", "Traffic of gateways")
    }
    assert "changes finished" not in str(month.summary)


def files(report: Report, texts: Texts) -> tuple[TextFile, ...]:
    made = write_files(Answer(operation="op-1", understood="report monthly", body=report), texts)
    return tuple(file for file in made if isinstance(file, TextFile))


@pytest.mark.parametrize(
    ("texts", "parts"),
    [
        (
            ENGLISH,
            [
                "# Monthly report 2026-10",
                "## About this report",
                "- Period: 2026-10-01 00:00 JST to 2026-11-01 00:00 JST",
                "## Finished changes",
                "- Done: 1",
                "## Needs attention",
                "| host-a | low | 1,488 | 99.9% | 99.9% | ✓ none | ? unknown | ? no data | ? no data | ? no data | "
                "? no data | 0 | none | ✓ 0 |",
            ],
        ),
        (
            JAPANESE,
            [
                "# 月次レポート 2026-10",
                "## このレポートについて",
                "- 対象期間: 2026-10-01 00:00 JST から 2026-11-01 00:00 JST まで",
                "## 終了した変更",
                "- 完了: 1 件",
                "## 要対応",
                "| host-a | 軽微 | 1,488 | 99.9% | 99.9% | ✓ なし | ? 不明 | ? データなし | ? データなし | ? データなし | "
                "? データなし | 0 | なし | ✓ 0 |",
            ],
        ),
    ],
    ids=["en", "ja"],
)
async def test_it_is_a_markdown_file_in_the_language_of_its_reader(texts: Texts, parts: list[str]) -> None:
    month = await report([looks("host-a", ALL - 1, unreached=1)], A, changes=[ended()])
    markdown, _ = files(month, texts)

    assert "flatnet-2026-10.md" == markdown.name
    assert parts == [line for line in markdown.text.splitlines() if line in parts]


@pytest.mark.parametrize("texts", [ENGLISH, JAPANESE], ids=["en", "ja"])
async def test_its_table_is_a_csv_file_that_is_the_same_in_every_language(texts: Texts) -> None:
    month = await report(
        [looks("host-a", 1, unreached=2, failed={"api": 1}, answers=2, answer_ms=9)],
        A,
        B,
        traffic={"host-a": TrafficCount(OCTOBER.begin, OCTOBER.end, 1200, 2, 1000, 35_000, 2300)},
        alerts={"host-a": (AlertEpisode(FIRING, OCTOBER.begin, OCTOBER.begin + timedelta(hours=1)),)},
    )
    _, table, _ = files(month, texts)

    assert "flatnet-2026-10.csv" == table.name
    assert [
        "host,looks,reached_percent,well_percent,checks_failed,gateway_ms,requests,errors_percent,request_ms,slowest_ms,"
        "alerts,alert_seconds,security_updates",
        "host-b,0,unknown,unknown,unknown,unknown,unknown,unknown,unknown,unknown,unknown,unknown,0",
        "host-a,3,33.3,33.3,api=1,4,1200,0.17,35,2300,1,3600,0",
    ] == table.text.splitlines()


async def test_hostile_names_are_text_in_every_file() -> None:
    hostile = [ended(ChangeState.FAILED, who=HOSTILE)]
    month = await report([looks(HOSTILE, ALL)], A, changes=hostile, runs=[RunTally(HOSTILE, RunOutcome.FAILED, 1, 0)])
    markdown, table = files(month, ENGLISH)

    rows = list(csv.reader(io.StringIO(table.text)))
    assert {13} == {len(row) for row in rows}
    assert "'=cmd|' /C calc'!A0 | x | <b>" in [row[0] for row in rows]
    assert "<b>" not in markdown.text.replace("\\<b\\>", "")
    assert 2 + 2 == sum(line.startswith("| ") for line in markdown.text.splitlines())


MANY = tuple(host(f"host-{n:03}", n) for n in range(1, 255))
BAD = [looks(each.name, 700, unreached=700, troubled=88, failed={"nebula": 88, "bridge": 9}) for each in MANY]


@pytest.mark.slow
@pytest.mark.parametrize("texts", [ENGLISH, JAPANESE], ids=["en", "ja"])
async def test_254_hosts_are_one_message_and_all_of_them_are_in_the_files(texts: Texts) -> None:
    changes = [ended(ChangeState.FAILED, f"person-{n}", n, break_glass=BreakGlass()) for n in range(300)]
    runs = [RunTally(f"schedule-{n}", RunOutcome.FAILED, 3, 3) for n in range(100)]
    month = await report(BAD, *MANY, changes=changes, runs=runs)
    message = render(Answer(operation="op-1", understood="report monthly", body=month), texts)
    markdown, table = files(month, texts)

    assert len(message.blocks) <= MAX_BLOCKS
    assert sum(map(len, shown(message))) <= MAX_CHARACTERS
    assert message.text.splitlines()[0].startswith("2026-10")
    assert 1 + 254 == len(table.text.splitlines())
    assert 2 + 254 == sum(line.startswith("| ") for line in markdown.text.splitlines())


async def test_a_report_survives_being_stored() -> None:
    month = await report(BAD[:2], *MANY[:3], changes=[ended()])

    assert month == Report.model_validate_json(month.model_dump_json())
