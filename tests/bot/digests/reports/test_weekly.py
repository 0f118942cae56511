"""The weekly report: disks, log rotation and certificates, the worst first; one line where all is well."""

import pytest

from adapters.errors import Unreachable
from adapters.inventory import Host
from adapters.phrase import Phrase, Texts
from bot.answers.slack import render
from bot.digests.reports.weekly import WeeklyInput, compose_weekly_report
from bot.model.request import Answer
from bot.rendering.slack.blocks import MAX_BLOCKS, MAX_CHARACTERS
from commands.certificates.operations import CertList
from commands.health.disk_operation import DiskUsage
from commands.health.operation import Health
from commands.model.finding import Severity
from commands.model.report import Mark, Report
from tests.bot.answers.slack.test_answer import shown
from tests.bot.rendering.examples import ENGLISH, JAPANESE
from tests.bot.reported import Sides, view, windows, wsl
from tests.commands import canned
from tests.commands.canned import NOW, ROTATED, log
from tests.commands.canned_certs import files, host
from tests.commands.health import test_disk_operation as test_disks
from tests.commands.health.test_disk_operation import drives

LIGHTHOUSE, A, B, C = host("lighthouse", 0), host("host-a", 1), host("host-b", 2), host("host-c", 3)
FLEET = (LIGHTHOUSE, A, B, C)
LOST = Unreachable(Phrase("no connection"))
LARGE = canned.windows(logs=(log("nebula", size=300_000_000), *ROTATED[1:]))


async def report(said: Sides | None = None, *hosts: Host) -> Report:
    looked = view(*hosts or FLEET, said=said)
    health, disks, certificates = await Health().read(looked), await DiskUsage().read(looked), await CertList().read(looked)
    return compose_weekly_report(WeeklyInput(NOW, health, disks, certificates))


def lost(host: Host) -> Sides:
    return {(host.name, side): LOST for side in ("windows", "wsl", "gateway")}


def found(report: Report) -> list[tuple[str, str, Severity]]:
    return [(finding.host, finding.subject, finding.severity) for finding in report.findings]


def sections(report: Report) -> dict[str, list[str]]:
    return {str(part.heading): [str(line) for line in part.lines] for part in report.sections}


async def test_all_well_is_one_line() -> None:
    week = await report()

    assert (
        "weekly report: all 4 hosts have enough free disk space. All logs are rotated. All 5 certificates are valid. "
        "lighthouse expires first: 200 days left"
    ) == str(week.summary)
    assert (True, (), (), ()) == (week.brief, week.findings, week.sections, week.next)


async def test_logs_that_are_small_and_were_never_rotated_are_not_called_rotated() -> None:
    young = canned.windows(logs=tuple(log(each.name, rotated=0, rotated_size=0, rotated_at=None) for each in ROTATED))
    week = await report({("host-b", "windows"): windows(B, system=young)})

    assert (True, ()) == (week.brief, week.findings)
    assert ". No log is too large. " in str(week.summary)
    assert "rotated" not in str(week.summary)


async def test_a_fleet_without_hosts_says_what_to_do() -> None:
    nothing = compose_weekly_report(
        WeeklyInput(NOW, await Health().read(view()), await DiskUsage().read(view()), await CertList().read(view()))
    )

    assert "weekly report: no hosts configured. Add them to the configuration file" == str(nothing.summary)


async def test_what_is_wrong_comes_worst_first_whatever_it_is_about() -> None:
    week = await report(
        {
            ("host-a", "windows"): windows(A, system=LARGE),
            ("host-b", "windows"): windows(B, disks=drives(C=95)),
            ("host-c", "windows"): windows(C, certificates=files(C, days=10)),
        }
    )

    assert [
        ("host-b", "drive", Severity.HIGH),
        ("host-c", "expiry", Severity.MEDIUM),
        ("host-a", "logs", Severity.LOW),
    ] == found(week)
    assert [
        ("host-b", Severity.HIGH),
        ("host-c", Severity.MEDIUM),
        ("host-a", Severity.LOW),
        ("lighthouse", None),
    ] == [(row.host, row.severity) for row in week.rows]
    assert (
        "weekly report: 3 of 4 hosts need attention: host-b C: 95% full, host-c certificate: 10 days left, host-a "
        "nebula.log too large"
    ) == str(week.summary)
    assert ("disk host-b --details", "cert renew host-c", "health host-a --details") == week.next


async def test_its_parts_are_disks_by_fullness_logs_by_size_and_certificates_by_days_left() -> None:
    many = tuple(host(f"host-{n}", n) for n in range(1, 8))
    said: Sides = {
        (each.name, "windows"): windows(
            each, disks=drives(C=80 + n), system=LARGE if n in (2, 3) else None, certificates=files(each, days=100 + n)
        )
        for n, each in enumerate(many)
    }
    whole = [log(each.name, size=400_000_000) for each in ROTATED]
    said["host-4", "windows"] = windows(
        many[3], disks=drives(C=83).model_copy(update={"logs": tuple(whole)}), system=LARGE, certificates=files(many[3])
    )
    parts = sections(await report(said, *many))

    assert [f"host-{n + 1}: C: {80 + n}%" for n in (6, 5, 4, 3, 2)] == parts["Fullest disks"]
    assert [
        ("host-4", "nebula.log too large"),
        ("host-3", "nebula.log too large"),
    ] == [tuple(line.split(" (")[0].split(": ")) for line in parts["Logs that need attention (largest first)"]]
    assert [f"host-{n}: {99 + n} days left" for n in (1, 2, 3, 5, 6)] == parts["Next certificates to expire"]


async def test_a_host_that_is_silent_is_said_to_be_so_once_and_stays_unknown_everywhere() -> None:
    week = await report(lost(B))

    assert [("host-b", "host", Severity.HIGH)] == found(week)
    assert ("host-b",) == week.unreached_hosts
    assert [Mark.UNKNOWN] * 4 == [cell.mark for cell in week.rows[0].cells[1:]]
    parts = sections(week)
    assert ["unknown: host-b"] == parts["Logs that need attention (largest first)"]
    assert "unknown: host-b" in parts["Fullest disks"]
    assert "unknown: host-b" in parts["Next certificates to expire"]


async def test_logs_that_nobody_could_look_at_are_not_well_though_the_disks_were_read() -> None:
    week = await report({("host-a", "windows"): windows(A, system=LOST)})

    assert [("host-a", "windows", Severity.HIGH)] == found(week)
    assert "logs are rotated" not in str(week.summary)


async def test_what_health_finds_beside_the_logs_is_the_daily_round_s() -> None:
    assert [] == found(await report({("host-a", "windows"): windows(A, system=canned.windows("Stopped"))}))


async def test_the_lighthouse_has_no_wsl2_and_lacks_nothing_by_it() -> None:
    (row,) = (await report(None, LIGHTHOUSE)).rows

    assert [Mark.PLAIN, Mark.WELL, Mark.ABSENT, Mark.WELL, Mark.PLAIN] == [cell.mark for cell in row.cells]


async def test_where_no_disk_can_be_read_nobody_says_that_all_is_well() -> None:
    said: Sides = {(each.name, "windows"): windows(each, disks=LOST) for each in FLEET}
    said |= {(each.name, "wsl"): wsl(each, disks=LOST) for each in FLEET[1:]}

    assert str((await report(said)).summary).startswith("weekly report: 4 of 4 hosts need attention: ")


@pytest.mark.slow
@pytest.mark.parametrize("texts", [ENGLISH, JAPANESE], ids=["en", "ja"])
async def test_254_full_hosts_are_one_message(texts: Texts) -> None:
    many = tuple(host(f"host-{n:03}", n) for n in range(1, 255))
    said: Sides = {
        (each.name, "windows"): windows(each, disks=drives(C=95), system=LARGE, certificates=LOST) for each in many
    }
    week = await report(said, *many)
    message = render(Answer(operation="op-1", understood="report weekly", body=week), texts)

    assert len(message.blocks) <= MAX_BLOCKS
    assert sum(map(len, shown(message))) <= MAX_CHARACTERS
    assert "254" in message.text.splitlines()[0]


async def test_a_report_survives_being_stored() -> None:
    week = await report({("host-b", "windows"): windows(B, disks=test_disks.drives(C=95))})

    assert week == Report.model_validate_json(week.model_dump_json())
