"""Disks as signals: limits, the gap between beginning and ending, and what could not be read."""

from typing import Any

import pytest

from commands.alerts.conditions import HostChecked
from commands.alerts.disk_signals import make_disk_checks
from commands.health.disk_operation import DiskUsage
from commands.model.thresholds import Thresholds
from commands.values.units import GB
from tests.commands.canned import NOW
from tests.commands.health.test_disk_operation import FOLDER, LOST, A, B, disks, drives, system, wsl


async def check(*hosts: Any, **said: Any) -> tuple[HostChecked, ...]:
    """What a report on host-a (and others) makes; `said` has its sides."""
    report = await DiskUsage().read(disks(A, *hosts, said={("host-a", side): answer for side, answer in said.items()}))
    return make_disk_checks(report, Thresholds(), NOW)


def brief(checked: HostChecked) -> list[tuple[str, str, bool, str]]:
    return [(each.subject, each.severity.value, each.hovering, str(each.short)) for each in checked.signals]


@pytest.mark.parametrize(
    ("percent", "signals"),
    [
        (77, []),
        (78, [("disk/windows/F:", "medium", True, "F: 78% full")]),
        (79, [("disk/windows/F:", "medium", True, "F: 79% full")]),
        (80, [("disk/windows/F:", "medium", False, "F: 80% full")]),
        (89, [("disk/windows/F:", "medium", False, "F: 89% full")]),
        (90, [("disk/windows/F:", "high", False, "F: 90% full")]),
    ],
)
async def test_a_drive_begins_at_the_limit_and_ends_three_points_below(
    percent: int, signals: list[tuple[str, str, bool, str]]
) -> None:
    (checked,) = await check(windows=drives(C=40, F=percent))

    assert (signals, None) == (brief(checked), checked.subjects)


@pytest.mark.parametrize(("percent", "lingering"), [(87, None), (88, "high"), (89, "high"), (90, None)])
async def test_an_alert_of_high_severity_stays_so_until_three_points_below(percent: int, lingering: str | None) -> None:
    (checked,) = await check(windows=drives(C=40, F=percent))

    assert [lingering] == [signal.lingering for signal in checked.signals]


async def test_a_signal_has_the_words_of_its_finding() -> None:
    report = await DiskUsage().read(disks(A, said={("host-a", "windows"): drives(C=40, F=85)}))
    (checked,) = make_disk_checks(report, Thresholds(), NOW)

    assert [report.findings[0].why] == [signal.why for signal in checked.signals]


async def test_a_file_system_with_several_places_is_one_disk() -> None:
    (checked,) = await check(wsl=wsl(root=system("/", 91, size=50 * GB)))

    assert [("disk/wsl//", "high", False, "WSL2 / 91% full")] == brief(checked)


async def test_inodes_fill_a_file_system_as_bytes_do() -> None:
    crowded = system(FOLDER, 10, size=50 * GB).model_copy(update={"inodes_used": 85, "inodes_free": 15})
    (checked,) = await check(wsl=wsl(flatnet=crowded))

    assert [(f"disk/wsl/{FOLDER}", "medium", False, f"WSL2 {FOLDER} 85% of inodes")] == brief(checked)


async def test_of_a_side_that_was_not_read_nothing_is_judged() -> None:
    (checked,) = await check(windows=drives(C=40, F=95), wsl=LOST)

    assert frozenset({"disk/windows/C:", "disk/windows/F:"}) == checked.subjects


async def test_a_host_of_which_nothing_was_read_moves_nothing() -> None:
    checked = await check(B, windows=LOST, wsl=LOST)

    assert ["host-b"] == [each.host for each in checked]
