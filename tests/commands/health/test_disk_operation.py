"""`disk`: what is full, what is only large, and what is not known."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.errors import Unreachable
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.disks import Drive, WindowsDisks
from adapters.wsl.disks import FileSystem, Folder, Folders, PodmanUse, WslDisks
from adapters.wsl.podman import UnreadPart
from commands.health.disk_operation import DiskUsage
from commands.model.finding import Severity
from commands.model.operation import FleetView
from commands.model.report import Mark, Report
from commands.model.thresholds import Thresholds
from commands.values.units import GB, KB, MB, TB, compute_percent, format_size
from tests.commands.canned import ROTATED, host, log, view

A, B, C = host("host-a", 1), host("host-b", 2), host("host-c", 3)
LIGHTHOUSE = host("lighthouse", 0)
LOST = Unreachable(Phrase("connection refused; look at its cable"))
FOLDER, STORAGE = "/var/lib/flatnet", "/var/lib/containers/storage"


def drives(**percents: int | None) -> WindowsDisks:
    """Drives of 200 GB in use to these percents, None for one of which Windows tells nothing."""
    made = (_drive(letter, percent) for letter, percent in percents.items())
    return WindowsDisks(drives=tuple(made), logs=ROTATED)


def _drive(letter: str, percent: int | None) -> Drive:
    if percent is None:
        return Drive(name=f"{letter}:", size=None, free=None)
    return Drive(name=f"{letter}:", size=200 * GB, free=2 * GB * (100 - percent))


def system(place: str, percent: int, size: int = 1000 * GB) -> FileSystem:
    return FileSystem(place=place, size=size, used=size * percent // 100, free=size * (100 - percent) // 100)


def wsl(**given: Any) -> WslDisks:
    """WSL2 with one file system, used to a tenth."""
    usual = {
        "root": system("/", 10),
        "flatnet": system(FOLDER, 10),
        "storage": system(STORAGE, 10),
        "folders": Folders(
            whole=Folder(path=FOLDER, size=3 * MB),
            parts=(Folder(path=f"{FOLDER}/registry", size=2 * MB), Folder(path=f"{FOLDER}/ipam", size=4 * KB)),
        ),
        "podman": (
            PodmanUse(kind="Images", size=3 * GB, reclaimable=GB),
            PodmanUse(kind="Local Volumes", size=512 * MB, reclaimable=0),
        ),
    }
    return WslDisks(**{**usual, **given})


def disks(*hosts: Host, said: Mapping[tuple[str, str], object] | None = None) -> FleetView:
    """Hosts whose disks have room, but for what is `said`."""
    room = {(each.name, "windows"): drives(C=40, F=30) for each in hosts} | {(each.name, "wsl"): wsl() for each in hosts}
    return view(*hosts, said=room | dict(said or {}))


def cells(report: Report, name: str = "host-a") -> dict[str, tuple[str, Mark]]:
    (row,) = [row for row in report.rows if row.host == name]
    keys = [column.key for column in report.columns]
    return {key: (str(cell.text), cell.mark) for key, cell in zip(keys, row.cells, strict=True)}


def found(report: Report) -> list[tuple[str, Severity, str]]:
    return [(finding.host, finding.severity, str(finding.why)) for finding in report.findings]


async def test_disks_with_room_are_one_line_and_a_table() -> None:
    report = await DiskUsage().read(disks(A, B, LIGHTHOUSE))

    assert "all 3 hosts have enough free disk space" == str(report.summary)
    assert ((), (), False) == (report.findings, report.next, report.brief)
    assert {
        "host": ("host-a", Mark.PLAIN),
        "drive": ("C: 40%", Mark.WELL),
        "wsl_disk": ("/ 10%", Mark.WELL),
        "flatnet": ("3.0 MB", Mark.PLAIN),
        "podman": ("3.5 GB", Mark.PLAIN),
        "logs": ("91 MB", Mark.PLAIN),
    } == cells(report.initial)


async def test_details_have_all_drives_file_systems_folders_and_logs() -> None:
    said = {("host-a", "wsl"): wsl(flatnet=system(FOLDER, 20, size=50 * GB)), ("host-a", "windows"): drives(C=40, E=None)}
    shown = cells((await DiskUsage(details=True).read(disks(A, said=said))).initial)

    assert "C: 40% of 200 GB, E: unknown" == shown["drives"][0]
    assert f"/, {STORAGE} 10% of 1000 GB, {FOLDER} 20% of 50 GB" == shown["file_systems"][0]
    assert "registry 2.0 MB, ipam 4.0 KB" == shown["folders"][0]
    assert "images 3.0 GB (1.0 GB), volumes 512 MB (0 bytes)" == shown["podman_uses"][0]
    assert shown["log_files"][0].startswith("nebula.log 1.9 MB (and 3 rotated), access.log")


async def test_as_data_sizes_are_bytes_and_fullness_is_a_number() -> None:
    report = await DiskUsage(details=True).read(disks(A))
    values = dict(zip([column.key for column in report.columns], [cell.value for cell in report.rows[0].cells], strict=True))

    assert (40, 10, 3 * MB) == (values["drive"], values["wsl_disk"], values["flatnet"])
    assert f"C:=40%/{200 * GB} F:=30%/{200 * GB}" == values["drives"]
    assert f"registry={2 * MB} ipam={4 * KB}" == values["folders"]
    assert f"Images={3 * GB}/{GB} Local-Volumes={512 * MB}/0" == values["podman_uses"]


@pytest.mark.parametrize(
    ("percent", "severity", "mark"),
    [
        (79, None, Mark.WELL),
        (80, Severity.MEDIUM, Mark.BAD),
        (89, Severity.MEDIUM, Mark.BAD),
        (90, Severity.HIGH, Mark.BAD),
        (100, Severity.HIGH, Mark.BAD),
    ],
)
@pytest.mark.parametrize("side", ["windows", "wsl"])
async def test_how_full_is_too_full(percent: int, severity: Severity | None, mark: Mark, side: str) -> None:
    full = drives(C=percent) if side == "windows" else wsl(root=system("/", percent, size=50 * GB))
    report = await DiskUsage().read(disks(A, said={("host-a", side): full}))

    assert [severity] == [row.severity for row in report.rows]
    assert ([] if severity is None else [severity]) == [finding.severity for finding in report.findings]
    assert mark is cells(report)["drive" if side == "windows" else "wsl_disk"][1]


@pytest.mark.parametrize(
    ("percent", "severity", "mark", "text"),
    [
        (10, None, Mark.WELL, "/ 10%"),
        (79, None, Mark.WELL, "/ 79% of inodes"),
        (80, Severity.MEDIUM, Mark.BAD, "/ 80% of inodes"),
        (90, Severity.HIGH, Mark.BAD, "/ 90% of inodes"),
        (100, Severity.HIGH, Mark.BAD, "/ 100% of inodes"),
    ],
)
async def test_a_file_system_without_inodes_is_full_whatever_space_it_has(
    percent: int, severity: Severity | None, mark: Mark, text: str
) -> None:
    crowded = system("/", 10, size=50 * GB).model_copy(update={"inodes_used": percent, "inodes_free": 100 - percent})
    report = await DiskUsage().read(disks(A, said={("host-a", "wsl"): wsl(root=crowded)}))

    assert (text, mark) == cells(report)["wsl_disk"]
    why = (
        f"WSL2 / has used {percent}% of its inodes, which limit the number of files. Remove small files. To find them, run "
        "in WSL2: sudo du --inodes -xd2 /"
    )
    assert ([] if severity is None else [("host-a", severity, why)]) == found(report)


async def test_limits_are_the_operators_own() -> None:
    look = disks(A)
    strict = FleetView(look.fleet, look.now, Thresholds(disk_warning_percent=35, disk_critical_percent=40))
    assert [("host-a", Severity.HIGH)] == [finding[:2] for finding in found(await DiskUsage().read(strict))]


@pytest.mark.parametrize("limits", [{"disk_warning_percent": 90}, {"disk_critical_percent": 70}])
def test_a_warning_that_would_never_come_first_is_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match="set disk_warning_percent lower than disk_critical_percent"):
        Thresholds(**limits)


async def test_the_worst_come_first_and_say_what_to_do() -> None:
    said = {
        ("host-b", "windows"): drives(C=85, F=91),
        ("host-c", "wsl"): wsl(flatnet=system(FOLDER, 95, size=50 * GB)),
    }
    report = await DiskUsage().read(disks(A, B, C, said=said))

    assert "2 of 3 hosts need attention: host-c WSL2 /var/lib/flatnet 95% full, host-b F: 91% full" == str(report.summary)
    assert ["host-c", "host-b", "host-a"] == [row.host for row in report.rows]
    assert ("disk host-c --details", "disk host-b --details") == report.next
    assert [
        (
            "host-c",
            Severity.HIGH,
            (
                "WSL2 /var/lib/flatnet is 95% full (2.5 GB free of 50 GB). To fix this, run sudo du -xh -d2 / in WSL2 to "
                "see usage, and sudo podman image prune to remove unused images"
            ),
        ),
        (
            "host-b",
            Severity.HIGH,
            r"F: is 91% full (18 GB free of 200 GB). To fix this, remove old backups and rotated logs in F:\flatnet",
        ),
        (
            "host-b",
            Severity.MEDIUM,
            "C: is 85% full (30 GB free of 200 GB). To fix this, free up space on the host: cleanmgr /d C:",
        ),
    ] == found(report)


async def test_among_hosts_alike_the_fullest_comes_first() -> None:
    said = {("host-b", "windows"): drives(F=70), ("host-c", "wsl"): wsl(root=system("/", 60, size=50 * GB))}
    assert ["host-b", "host-c", "host-a"] == [row.host for row in (await DiskUsage().read(disks(A, B, C, said=said))).rows]


async def test_places_on_one_file_system_are_judged_once() -> None:
    """Each was asked by itself, and a container wrote meanwhile; podman does not know of root's reserve."""
    root = FileSystem(place="/", size=100 * GB, used=90 * GB, free=5 * GB)
    flatnet = FileSystem(place=FOLDER, size=100 * GB, used=90 * GB + MB, free=5 * GB - MB)
    storage = FileSystem(place=STORAGE, size=100 * GB, used=90 * GB - MB, free=10 * GB + MB)
    said = {("host-a", "wsl"): wsl(root=root, flatnet=flatnet, storage=storage)}

    ((_, severity, why),) = found(await DiskUsage().read(disks(A, said=said)))

    assert severity is Severity.HIGH
    assert why.startswith(f"WSL2 /, {FOLDER}, {STORAGE} is 95% full (5.0 GB free of 100 GB)")


@pytest.mark.parametrize(("used", "shown"), [(0, "/ 0%"), (1, "/ 1%"), (790, "/ 79%"), (791, "/ 80%"), (1000, "/ 100%")])
async def test_a_percentage_of_wsl_is_rounded_up_as_df_does(used: int, shown: str) -> None:
    root = FileSystem(place="/", size=2000, used=used, free=1000 - used)
    only = wsl(root=root, flatnet=root, storage=root)
    assert shown == cells(await DiskUsage().read(disks(A, said={("host-a", "wsl"): only})))["wsl_disk"][0]


async def test_file_systems_of_one_size_that_differ_are_two() -> None:
    said = {("host-a", "wsl"): wsl(storage=system(STORAGE, 92))}
    assert [f"WSL2 {STORAGE} 92% full"] == [
        str(finding.why).partition(" (")[0].replace("is ", "")
        for finding in (await DiskUsage().read(disks(A, said=said))).findings
    ]


async def test_a_host_without_wsl2_has_none_of_its_cells() -> None:
    shown = cells(await DiskUsage().read(disks(LIGHTHOUSE)), "lighthouse")
    assert [("N/A", Mark.ABSENT)] * 6 == [
        shown[key] for key in ("wsl_disk", "flatnet", "podman", "file_systems", "folders", "podman_uses")
    ]
    assert ("C: 40%", Mark.WELL) == shown["drive"]


async def test_a_side_that_is_not_reached_is_not_known_and_hides_no_other() -> None:
    report = await DiskUsage().read(disks(A, said={("host-a", "wsl"): LOST, ("host-a", "windows"): drives(F=95)}))

    assert ("host-a",) == report.unreached_hosts
    assert ["F: is", "WSL2: connection"] == [" ".join(why.split()[:2]) for _, _, why in found(report)]
    assert ("unreachable", Mark.UNKNOWN) == cells(report)["wsl_disk"] == cells(report)["podman_uses"]


async def test_a_host_of_which_no_side_answers_is_one_finding_that_details_take_apart() -> None:
    lost = {("host-a", "wsl"): LOST, ("host-a", "windows"): LOST, ("lighthouse", "windows"): LOST}
    report = await DiskUsage().read(disks(A, LIGHTHOUSE, said=lost))

    assert [("host-a", "host"), ("lighthouse", "host")] == [(each.host, each.subject) for each in report.findings]
    assert ["windows", "wsl", "windows"] == [finding.subject for finding in report.show(details=True).findings]
    assert not any(finding.reached for finding in report.findings)


UNREAD = UnreadPart(phrase=Phrase("sudo: a password is required"))


async def test_what_could_not_be_read_is_unknown_with_one_finding_for_one_reason() -> None:
    said = {("host-a", "wsl"): wsl(storage=UNREAD, podman=UNREAD, folders=UNREAD)}
    report = await DiskUsage().read(disks(A, said=said))

    assert [("host-a", Severity.MEDIUM, "sudo: a password is required")] == found(report)
    shown = cells(report)
    assert ("/ 10%", Mark.UNKNOWN) == shown["wsl_disk"]
    assert [("unavailable", Mark.UNKNOWN)] * 2 == [shown["flatnet"], shown["podman"]]
    assert [("unknown", Mark.UNKNOWN)] * 2 == [shown["folders"], shown["podman_uses"]]


async def test_a_full_file_system_is_bad_though_another_could_not_be_read() -> None:
    said = {("host-a", "wsl"): wsl(root=system("/", 93), flatnet=UNREAD, storage=system(STORAGE, 93))}
    report = await DiskUsage().read(disks(A, said=said))
    assert [Severity.HIGH, Severity.MEDIUM] == [severity for _, severity, _ in found(report)]
    assert Mark.BAD is cells(report)["wsl_disk"][1]


@pytest.mark.parametrize("told", [WindowsDisks(drives=None, logs=ROTATED), drives(), drives(C=None)])
async def test_drives_of_which_windows_does_not_tell_are_unknown(told: WindowsDisks) -> None:
    report = await DiskUsage().read(disks(A, said={("host-a", "windows"): told}))
    assert "Get-CimInstance Win32_LogicalDisk" in found(report)[0][2]
    assert ("unavailable", Mark.UNKNOWN) == cells(report)["drive"]
    assert ("91 MB", Mark.PLAIN) == cells(report)["logs"]


async def test_a_locked_drive_may_be_the_fullest() -> None:
    report = await DiskUsage().read(disks(A, said={("host-a", "windows"): drives(C=40, E=None)}))
    assert ("C: 40%", Mark.UNKNOWN) == cells(report)["drive"]


async def test_logs_that_windows_does_not_tell_of_leave_their_size_in_doubt() -> None:
    told = WindowsDisks(drives=drives(C=1).drives, logs=(log("nebula", state="unknown", size=0), log("access")))
    report = await DiskUsage().read(disks(A, said={("host-a", "windows"): told}))
    assert Mark.UNKNOWN is cells(report)["logs"][1]
    assert "nebula.log unavailable, access.log 1.9 MB (and 3 rotated)" == cells(report)["log_files"][0]


async def test_without_hosts_it_says_what_to_do() -> None:
    assert "Add them to the configuration file" in str((await DiskUsage().read(disks())).summary)


async def test_a_report_survives_being_stored() -> None:
    report = await DiskUsage().read(disks(A, B, said={("host-b", "wsl"): LOST}))
    assert report == Report.model_validate_json(report.model_dump_json())


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KB"),
        (10 * KB - 1, "9.9 KB"),
        (MB - 1, "1023 KB"),
        (int(1.55 * GB), "1.5 GB"),
        (999 * GB, "999 GB"),
        (TB, "1.0 TB"),
        (5000 * TB, "5000 TB"),
    ],
)
def test_a_size_is_never_rounded_up(number: int, text: str) -> None:
    assert text == str(format_size(number))


@pytest.mark.parametrize(("used", "free", "percent"), [(0, 1, 0), (1, 0, 100), (899, 101, 89), (0, 0, None)])
def test_percent_is_of_what_can_be_used_rounded_down(used: int, free: int, percent: int | None) -> None:
    assert percent == compute_percent(used, free)
