"""Silences and maintenance in answers: what is muted now, by whom, until when; a mistake is seen when it is made."""

from datetime import timedelta

import pytest

from adapters.inventory import Inventory
from bot.alerts.reports.mutes import (
    AlertSight,
    build_maintenance_section,
    build_mute_section,
    confirm_mute,
    count_maintenance,
    list_mutes,
)
from bot.model.alert import Alert, Mute, MuteKind
from commands.model.report import Report
from tests.bot.alerts.muting import INVENTORY, NOW, alert, maintenance, mute
from tests.bot.rendering.examples import ENGLISH, JAPANESE

ALERTS = (alert(1, "host-a", "nebula"), alert(2, "host-a", "disk/windows/F:"), alert(3, "host-c", "gateway"))


def sight(*alerts: Alert) -> AlertSight:
    return AlertSight(alerts, INVENTORY, NOW)


def cells(report: Report) -> list[list[object]]:
    return [[cell.value for cell in row.cells] for row in report.rows]


def test_a_list_has_what_is_muted_now_owner_reason_and_end() -> None:
    ended = mute("host-a", -10, 3, added_at=NOW - timedelta(hours=1), removed_by="ben")
    over = mute("host-a", -10, 4, added_at=NOW - timedelta(hours=1))
    report = list_mutes(MuteKind.SILENCE, (mute("host-a", 120, 1), mute("disk", 60, 2), ended, over), sight(*ALERTS))

    assert "2 silences are active. 2 open alerts are muted now" == str(report.summary)
    assert ["what", "muted", "owner", "reason", "ends_at", "state", "number"] == [column.key for column in report.columns]
    assert [
        ["host-a", 2, "ana", "cable swap", "2026-01-31T11:00:00+00:00", "active", 1],
        ["disk", 1, "ana", "cable swap", "2026-01-31T10:00:00+00:00", "active", 2],
        ["host-a", 0, "ana", "cable swap", "2026-01-31T08:50:00+00:00", "removed", 3],
        ["host-a", 0, "ana", "cable swap", "2026-01-31T08:50:00+00:00", "ended", 4],
    ] == cells(report)
    assert ("silence remove 1", "silence remove 2") == report.next


@pytest.mark.parametrize(
    ("kind", "found", "english", "japanese"),
    [
        (MuteKind.SILENCE, (), "no silences are active", "有効なサイレンスはありません"),
        (MuteKind.MAINTENANCE, (), "no host is in maintenance", "メンテナンス中のホストはありません"),
        (
            MuteKind.SILENCE,
            (mute("host-b"),),
            "1 silence is active. No open alert is muted now",
            "有効なサイレンスが 1 件あります。ミュート中のアラートはありません",
        ),
        (
            MuteKind.MAINTENANCE,
            (maintenance("tokyo"), maintenance("host-a", 90, 2)),
            "2 hosts in maintenance. 2 open alerts are muted now",
            "メンテナンス中のホスト 2 台。発生中のアラート 2 件をミュート中です",
        ),
    ],
)
def test_the_list_is_summed_up(kind: MuteKind, found: tuple[Mute, ...], english: str, japanese: str) -> None:
    summary = list_mutes(kind, found, sight(*ALERTS)).summary
    assert (english, japanese) == (summary.render(ENGLISH), summary.render(JAPANESE))


@pytest.mark.parametrize(
    ("added", "summary", "named"),
    [
        (mute("host-b"), "host-b is silenced until {end}. No open alert is muted now", []),
        (
            mute("host-c"),
            "host-c is silenced until {end}. 1 open alert is muted now",
            ["host-c: gateway broken"],
        ),
        (
            mute("all"),
            "all is silenced until {end}. All 3 open alerts are muted now",
            ["host-a: nebula broken, host-a: disk/windows/F: broken, host-c: gateway broken"],
        ),
        (
            maintenance("host-a"),
            "host-a is in maintenance until {end}. 2 open alerts are muted now",
            ["host-a: nebula broken, host-a: disk/windows/F: broken"],
        ),
    ],
)
def test_a_new_one_says_what_it_mutes_nothing_or_everything_too(added: Mute, summary: str, named: list[str]) -> None:
    report = confirm_mute(added, sight(*ALERTS))
    assert summary.format(end="2026-01-31 10:00:00 UTC (in 3600 s)") == str(report.summary)
    assert named == [str(line) for section in report.sections for line in section.lines]
    assert (f"{added.kind} remove 1",) == report.next


def test_the_section_of_an_answer_has_the_soonest_end_first_and_what_is_active_alone() -> None:
    gone = mute("host-c", -1, 3, added_at=NOW - timedelta(hours=1))
    section = build_mute_section((mute("host-a", 120), maintenance("tokyo", 60, 2), gone), sight(*ALERTS))
    assert [
        "tokyo is in maintenance until 2026-01-31 10:00:00 UTC (in 3600 s): cable swap (ana, 2 open alerts muted)",
        "host-a is silenced until 2026-01-31 11:00:00 UTC (in 7200 s): cable swap (ana, 2 open alerts muted)",
    ] == [str(line) for line in section.lines]


def test_maintenance_of_several_hosts_is_one_line_with_those_that_are_asked_about() -> None:
    work = maintenance("tokyo")
    section = build_maintenance_section(
        {"host-a": work, "host-b": work, "host-c": maintenance("host-c", 5, 2)}, ("host-b",), NOW
    )
    assert section is not None
    assert ["host-b until 2026-01-31 10:00:00 UTC (in 3600 s): cable swap (ana)"] == list(map(str, section.lines))
    assert None is build_maintenance_section({"host-a": work}, ("host-b",), NOW)


@pytest.mark.parametrize(
    ("hosts", "problems", "english", "japanese"),
    [
        (1, 0, "1 host in maintenance", "メンテナンス中のホスト 1 台"),
        (2, 1, "2 hosts in maintenance (1 problem muted)", "メンテナンス中のホスト 2 台 (問題 1 件をミュート中)"),
    ],
)
def test_what_is_left_out_is_counted(hosts: int, problems: int, english: str, japanese: str) -> None:
    counted = count_maintenance(hosts, problems)
    assert (english, japanese) == (counted.render(ENGLISH), counted.render(JAPANESE))


def test_a_fleet_without_hosts_or_alerts_has_nothing_muted() -> None:
    nothing = AlertSight((), Inventory(), NOW)
    assert [] == [str(line) for line in build_mute_section((), nothing).lines]
    assert (0, ()) == (nothing.count_muted((mute("all"),)), nothing.list_muted(mute("all")))
