"""`update` over a whole fleet: what is pending, how old that is, what is awaited, and what nobody knows."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.errors import NotAsked, Unreachable
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.updates import UnreadUpdates, Update, WindowsUpdates
from adapters.wsl.podman import UnreadPart
from adapters.wsl.updates import Package, WslUpdates
from commands.health.update_operation import UpdateList
from commands.model.finding import Severity
from commands.model.operation import FleetView
from commands.model.report import Mark, Report
from commands.values.arguments import Target
from tests.commands import canned
from tests.commands.canned import NOW, host

A, B = host("host-a", 1), host("host-b", 2)
LIGHTHOUSE = host("lighthouse", 0)
LOST = Unreachable(Phrase("connection refused; look at its cable"))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def windows(*updates: Update, unread: str = "", at: datetime | None = NOW - HOUR, **given: Any) -> WindowsUpdates:
    """A Windows that awaits no restart and looked an hour ago."""
    told = UnreadUpdates(phrase=Phrase("{why}", why=unread)) if unread else updates
    return WindowsUpdates(**{"updates": told, "total": len(updates), "searched_at": at, "restart": False} | given)


def wsl(*packages: Package, unread: str = "", at: datetime | None = NOW - HOUR, **given: Any) -> WslUpdates:
    """A WSL2 that awaits no restart and whose lists are an hour old."""
    told = UnreadPart(phrase=Phrase("{why}", why=unread)) if unread else packages
    return WslUpdates(**{"packages": told, "listed_at": at, "restart": False} | given)


def update(article: str, rating: Any = "", *, security: bool = True) -> Update:
    return Update(title=f"Update (KB{article})", articles=(article,), rating=rating, security=security)


def package(name: str, *, security: bool = False) -> Package:
    return Package(name=name, installed="1", candidate="2", security=security)


def view(*hosts: Host, **said: object) -> FleetView:
    """Hosts that have all updates, but for what is said: `host_a_windows=…`."""
    told = {(each.name, side): well for each in hosts for side, well in (("windows", windows()), ("wsl", wsl()))}
    return canned.view(*hosts, said={**told, **{split(key): what for key, what in said.items()}})


def split(key: str) -> tuple[str, str]:
    name, _, side = key.rpartition("_")
    return name.replace("_", "-"), side


async def read(*hosts: Host, **said: object) -> Report:
    return await UpdateList().read(view(*hosts, **said))


def cells(report: Report, row: int = 0) -> dict[str, tuple[str, Mark]]:
    """The cells of one host by their column."""
    found = zip(report.columns, report.rows[row].cells, strict=True)
    return {column.key: (str(cell.text), cell.mark) for column, cell in found}


def findings(report: Report) -> list[tuple[str, Severity]]:
    return [(finding.subject, finding.severity) for finding in report.findings]


async def test_a_fleet_that_has_all_updates_is_one_line() -> None:
    report = await read(LIGHTHOUSE, A, B)

    assert "no security updates are pending on any of 3 hosts" == str(report.summary)
    assert (True, ()) == (report.brief, report.findings)


async def test_one_host_that_has_all_updates_is_named() -> None:
    assert "no security updates are pending on host-a" == str((await read(A)).summary)


async def test_both_sides_stand_in_one_row_with_the_age_of_what_they_say() -> None:
    report = await read(
        A,
        host_a_windows=windows(update("1"), update("2"), update("3", security=False)),
        host_a_wsl=wsl(package("libc6", security=True), package("curl"), at=NOW - DAY),
    )

    assert {
        "host": ("host-a", Mark.PLAIN),
        "windows": ("2 security, 1 other", Mark.BAD),
        "windows_scan": ("3600 s ago", Mark.PLAIN),
        "wsl": ("1 security, 1 other", Mark.BAD),
        "wsl_lists": ("86400 s ago", Mark.PLAIN),
        "restart": ("no", Mark.WELL),
        "windows_updates": ("Update (KB1), Update (KB2), Update (KB3)", Mark.PLAIN),
        "wsl_packages": ("libc6 2, curl 2", Mark.PLAIN),
    } == cells(report)
    assert ["host-a", 2, 3600, 1, 86400, "", "KB1, KB2, KB3", "libc6, curl"] == [each.value for each in report.rows[0].cells]
    assert 6 == len(report.initial.columns)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param({"host_a_windows": windows(update("1", "Important"))}, [("windows", Severity.MEDIUM)], id="security"),
        pytest.param({"host_a_windows": windows(update("1", "Critical"))}, [("windows", Severity.HIGH)], id="critical"),
        pytest.param({"host_a_windows": windows(update("1", security=False))}, [], id="other updates are no finding"),
        pytest.param({"host_a_wsl": wsl(package("a", security=True))}, [("wsl", Severity.MEDIUM)], id="a package"),
        pytest.param({"host_a_wsl": wsl(package("a"))}, [], id="other packages are no finding"),
        pytest.param({"host_a_windows": windows(unread="denied")}, [("windows", Severity.MEDIUM)], id="Windows unread"),
        pytest.param({"host_a_wsl": wsl(unread="no lists")}, [("wsl", Severity.MEDIUM)], id="WSL2 unread"),
        pytest.param({"host_a_windows": windows(at=NOW - 7 * DAY)}, [], id="a look that is a week old"),
        pytest.param({"host_a_windows": windows(at=NOW - 8 * DAY)}, [("windows-scan", Severity.LOW)], id="an old look"),
        pytest.param({"host_a_windows": windows(at=None)}, [("windows-scan", Severity.LOW)], id="a look of unknown age"),
        pytest.param({"host_a_wsl": wsl(at=NOW - 8 * DAY)}, [("wsl-lists", Severity.LOW)], id="old lists"),
        pytest.param({"host_a_wsl": wsl(at=None)}, [("wsl-lists", Severity.LOW)], id="lists of unknown age"),
        pytest.param({"host_a_windows": windows(at=NOW + DAY)}, [], id="a clock that is ahead"),
        pytest.param({"host_a_windows": windows(restart=True)}, [("windows-restart", Severity.LOW)], id="Windows restart"),
        pytest.param({"host_a_wsl": wsl(restart=True)}, [("wsl-restart", Severity.LOW)], id="WSL2 restart"),
        pytest.param({"host_a_wsl": wsl(restart=None)}, [], id="nobody knows of a restart"),
        pytest.param({"host_a_windows": LOST}, [("windows", Severity.HIGH)], id="Windows does not answer"),
        pytest.param({"host_a_windows": LOST, "host_a_wsl": LOST}, [("host", Severity.HIGH)], id="nothing answers"),
    ],
)
async def test_what_somebody_should_know(said: dict[str, object], expected: list[tuple[str, Severity]]) -> None:
    assert expected == findings(await read(A, **said))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            {"host_a_windows": windows(update("1"), update("2", "Critical"))},
            (
                "Windows: 2 security updates are pending: KB2 (critical), KB1. Install on the host under Settings > "
                "Windows Update"
            ),
        ),
        (
            {"host_a_wsl": wsl(package("libc6", security=True))},
            "WSL2: 1 security update is pending: libc6. To install, run in WSL2: sudo apt upgrade",
        ),
        (
            {"host_a_wsl": wsl(at=NOW - 20 * DAY)},
            (
                "WSL2: updates last checked 1.728e+06 s ago, newer ones are unknown. To check again, run in WSL2: sudo apt "
                "update"
            ),
        ),
        (
            {"host_a_windows": windows(at=None)},
            (
                "Windows: last update check unknown. To check again, run on the host as an administrator: (New-Object "
                "-ComObject Microsoft.Update.AutoUpdate).DetectNow()"
            ),
        ),
        (
            {"host_a_windows": windows(unread="denied; look there")},
            "Windows: could not read pending updates: denied; look there",
        ),
        (
            {"host_a_wsl": wsl(restart=True)},
            "WSL2: restart required to finish updates. When the containers are not in use, run on the host: wsl --shutdown",
        ),
    ],
)
async def test_each_finding_says_what_to_do(said: dict[str, object], words: str) -> None:
    (finding,) = (await read(A, **said)).findings
    assert (words, "update host-a --details") == (str(finding.why), finding.next)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(wsl(), ("none", Mark.WELL), id="none, and that is fresh"),
        pytest.param(wsl(at=NOW - 8 * DAY), ("none found", Mark.UNKNOWN), id="none in old lists"),
        pytest.param(wsl(at=None), ("none found", Mark.UNKNOWN), id="none in lists of unknown age"),
        pytest.param(wsl(unread="no lists"), ("unavailable", Mark.UNKNOWN), id="unread"),
        pytest.param(wsl(package("a")), ("1 other", Mark.WELL), id="nothing for security"),
        pytest.param(wsl(package("a", security=True), at=None), ("1 security", Mark.BAD), id="pending for certain"),
        pytest.param(LOST, ("unreachable", Mark.UNKNOWN), id="no response"),
    ],
)
async def test_none_is_said_only_where_it_is_known(said: object, expected: tuple[str, Mark]) -> None:
    assert expected == cells(await read(A, host_a_wsl=said))["wsl"]


async def test_none_in_old_lists_is_no_number_for_machines_either() -> None:
    report = await read(A, host_a_wsl=wsl(at=NOW - 8 * DAY))
    assert [0, None] == [report.rows[0].cells[column].value for column in (1, 3)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, ("no", Mark.WELL)),
        ({"host_a_windows": windows(restart=True), "host_a_wsl": wsl(restart=True)}, ("Windows, WSL2", Mark.BAD)),
        ({"host_a_windows": windows(restart=True), "host_a_wsl": LOST}, ("Windows", Mark.BAD)),
        ({"host_a_windows": windows(unread="denied", restart=True)}, ("Windows", Mark.BAD)),
        ({"host_a_wsl": wsl(restart=None)}, ("unknown", Mark.UNKNOWN)),
        ({"host_a_wsl": LOST}, ("unknown", Mark.UNKNOWN)),
    ],
)
async def test_an_awaited_restart_names_its_sides(said: dict[str, object], expected: tuple[str, Mark]) -> None:
    assert expected == cells(await read(A, **said))["restart"]


async def test_the_lighthouse_has_no_wsl2_and_lacks_nothing_by_it() -> None:
    report = await read(LIGHTHOUSE)

    found = cells(report)
    assert {("N/A", Mark.ABSENT)} == {found[key] for key in ("wsl", "wsl_lists", "wsl_packages")}
    assert ("no", Mark.WELL) == found["restart"]
    assert () == report.findings


async def test_the_worst_hosts_come_first_and_the_summary_names_them() -> None:
    report = await read(
        LIGHTHOUSE,
        A,
        B,
        lighthouse_windows=windows(restart=True),
        host_b_windows=windows(update("1", "Critical"), update("2")),
    )

    assert (
        "2 of 3 hosts need attention: host-b 2 security updates (Windows), lighthouse restart required (Windows)"
    ) == str(report.summary)
    assert ["host-b", "lighthouse", "host-a"] == [row.host for row in report.rows]
    assert ("update host-b --details", "update lighthouse --details") == report.next


async def test_one_host_tells_all_its_remarks_in_the_summary() -> None:
    report = await read(A, host_a_windows=windows(unread="denied"), host_a_wsl=wsl(package("a", security=True), at=None))

    assert (
        "host-a needs attention: updates unavailable (Windows), 1 security update (WSL2), last update check unknown (WSL2)"
    ) == str(report.summary)


async def test_a_fleet_of_which_nothing_is_heard_points_at_the_bots_own_network() -> None:
    lost = dict.fromkeys(("host_a_windows", "host_a_wsl", "host_b_windows", "host_b_wsl"), LOST)
    report = await read(A, B, **lost)

    assert "none of the 2 hosts respond. Check the bot's own network first" == str(report.summary)
    assert ("host-a", "host-b") == report.unreached_hosts


async def test_a_fleet_that_could_not_be_asked_is_not_said_to_be_silent() -> None:
    keys = ("host_a_windows", "host_a_wsl", "host_b_windows", "host_b_wsl")
    report = await read(A, B, **dict.fromkeys(keys, NotAsked(Phrase("no open files left"))))

    assert "2 of 2 hosts need attention: host-a not checked, host-b not checked" == str(report.summary)


async def test_updates_beyond_the_list_and_packages_kept_back_are_counted() -> None:
    report = await read(
        A, host_a_windows=windows(update("1"), total=250), host_a_wsl=wsl(package("a", security=True), kept=3)
    )

    found = cells(report)
    assert "1 security, 249 other" == found["windows"][0]
    assert "a 2 (3 more held back by apt)" == found["wsl_packages"][0]


async def test_an_update_without_a_number_is_called_by_its_title() -> None:
    long = Update(title="Driver " * 20, articles=(), rating="", security=True)
    report = await read(A, host_a_windows=windows(long))

    assert "pending: Driver Driver Driver Driver Driver Driv…. Install on the host" in str(report.findings[0].why)


async def test_only_the_hosts_meant_are_asked() -> None:
    report = await UpdateList(target=Target(parts=("host-b",))).read(view(A, B, host_a_windows=RuntimeError("asked")))

    assert ["host-b"] == [row.host for row in report.rows]


async def test_an_empty_inventory_says_what_to_do() -> None:
    assert "no hosts configured. Add them to the configuration file" == str((await read()).summary)


async def test_a_report_survives_being_stored() -> None:
    report = await read(A, B, host_a_windows=windows(update("1", "Critical")), host_b_wsl=wsl(at=None))

    assert report == Report.model_validate_json(report.model_dump_json())
