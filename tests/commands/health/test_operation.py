"""`health` over a whole fleet: order, counts, summaries, words to type next."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.action import Action, Answer
from adapters.errors import NotAsked, Unreachable
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.health.fleet_report import read_all_hosts
from commands.health.operation import Health
from commands.model.finding import Severity
from commands.model.operation import FleetView, ReadProgress
from commands.model.report import Mark, Report
from commands.model.thresholds import Thresholds
from commands.values.arguments import NoSuchHost, Target
from tests.commands.canned import NOW, CannedConnection, container, gateway, host, log, view, windows, wsl

A, B, C = host("host-a", 1), host("host-b", 2), host("host-c", 3)
LIGHTHOUSE = host("lighthouse", 0)
LOST = Unreachable(Phrase("connection refused; look at its cable"))
ALL_LOST = {(each.name, side): LOST for each in (A, B, C) for side in ("windows", "wsl", "gateway")}


def rows(report: Report) -> list[tuple[str, Severity | None]]:
    return [(row.host, row.severity) for row in report.rows]


async def test_a_healthy_fleet_is_one_line() -> None:
    report = await Health().read(view(LIGHTHOUSE, A, B))

    assert "all 3 hosts are healthy" == str(report.summary)
    assert report.brief
    assert ((), ()) == (report.findings, report.next)
    assert [("lighthouse", None), ("host-a", None), ("host-b", None)] == rows(report)
    assert NOW == report.taken_at


async def test_the_worst_hosts_come_first_and_the_summary_says_it_all() -> None:
    said = {
        ("host-b", "windows"): windows(nebula="Stopped"),
        ("host-c", "windows"): LOST,
        ("host-c", "wsl"): LOST,
        ("host-c", "gateway"): LOST,
    }
    report = await Health().read(view(A, C, B, LIGHTHOUSE, said=said))

    assert "2 of 4 hosts need attention: host-b Nebula stopped, host-c unreachable" == str(report.summary)
    assert [
        ("host-b", Severity.CRITICAL),
        ("host-c", Severity.HIGH),
        ("host-a", None),
        ("lighthouse", None),
    ] == rows(report)
    assert [("host-b", "nebula"), ("host-c", "host")] == [(finding.host, finding.subject) for finding in report.findings]
    assert ("host-c",) == report.unreached_hosts
    assert ("service start nebula host-b", "health host-c --details") == report.next
    assert not report.brief


async def test_one_silent_side_leaves_the_other_sides_judged() -> None:
    report = await Health().read(view(A, said={("host-a", "gateway"): LOST}))

    assert [Mark.PLAIN, Mark.WELL, Mark.WELL, Mark.UNKNOWN, Mark.WELL, Mark.WELL, Mark.WELL] == [
        cell.mark for cell in report.initial.rows[0].cells
    ]
    assert "host-a needs attention: gateway API unreachable" == str(report.summary)


async def test_a_fleet_of_which_nothing_is_heard_points_at_the_bots_own_network() -> None:
    report = await Health().read(view(A, B, C, said=ALL_LOST))

    assert "none of the 3 hosts respond. Check the bot's own network first" == str(report.summary)
    assert ("host-a", "host-b", "host-c") == report.unreached_hosts
    assert [Severity.HIGH] * 3 == [row.severity for row in report.rows]


async def test_a_fleet_that_could_not_be_asked_is_not_said_to_be_silent() -> None:
    """The bot's own trouble is no word on any host."""
    said = dict.fromkeys(ALL_LOST, NotAsked(Phrase("no open files left; raise the limit")))
    report = await Health().read(view(A, B, C, said=said))

    assert "3 of 3 hosts need attention: host-a not checked, host-b not checked, host-c not checked" == str(report.summary)
    assert {"the host was not checked: no open files left; raise the limit"} == {str(each.why) for each in report.findings}


async def test_a_host_of_which_no_side_answers_is_one_finding_that_details_take_apart() -> None:
    """Each side has its own reason; one line is enough until somebody asks for them."""
    short = await Health().read(view(A, said=ALL_LOST))
    long = short.show(details=True)

    assert "host-a needs attention: unreachable" == str(short.summary) == str(long.summary)
    assert [("host", "health host-a --details")] == [(finding.subject, finding.next) for finding in short.findings]
    assert [
        ("windows", "Windows: connection refused; look at its cable"),
        ("api", "gateway API: connection refused; look at its cable"),
        ("wsl", "WSL2: connection refused; look at its cable"),
    ] == [(finding.subject, str(finding.why)) for finding in long.findings]
    assert not any(finding.reached for finding in short.findings + long.findings)


async def test_the_summary_names_a_few_hosts_and_counts_the_rest() -> None:
    hosts = [host(f"host-{number}", number) for number in range(1, 6)]
    said = {(each.name, "windows"): windows(nebula="Stopped") for each in hosts}

    report = await Health().read(view(*hosts, said=said))

    assert (
        "5 of 5 hosts need attention: host-1 Nebula stopped, host-2 Nebula stopped, host-3 Nebula stopped and 2 more"
    ) == str(report.summary)


async def test_only_the_hosts_meant_are_asked() -> None:
    report = await Health(target=Target(parts=("host-b",))).read(view(A, B))

    assert ["host-b"] == [row.host for row in report.rows]
    assert "host-b is healthy" == str(report.summary)


async def test_an_unknown_host_ends_the_request_before_anything_is_asked() -> None:
    with pytest.raises(NoSuchHost):
        await Health(target=Target(parts=("host-z",))).read(view(A, said={("host-a", "windows"): RuntimeError("asked")}))


async def test_an_empty_inventory_says_what_to_do() -> None:
    report = await Health().read(view())

    assert "no hosts configured. Add them to the configuration file" == str(report.summary)


@pytest.mark.parametrize(("seconds", "subjects"), [(0, []), (29, []), (-29, []), (31, ["clock"]), (-31, ["clock"])])
async def test_the_clock_of_each_host_is_compared_with_the_bots(seconds: int, subjects: list[str]) -> None:
    said = {("host-a", "windows"): windows(clock=NOW + timedelta(seconds=seconds))}

    report = await Health().read(view(A, said=said))

    assert subjects == [finding.subject for finding in report.findings]


async def test_a_look_that_others_had_begun_makes_no_clock_wrong() -> None:
    """What one joins may have been seen before one asked: that is no clock that is behind."""
    time = NOW

    class Slow(CannedConnection):
        async def perform(self, action: Action[Answer]) -> Answer:
            await asked.wait()
            return await super().perform(action)

    asked = asyncio.Event()
    fleet = Fleet(Inventory(hosts=(LIGHTHOUSE,)), lambda host, side: Slow(windows(clock=NOW)))
    strict = FleetView(fleet, lambda: time, Thresholds(clock_difference=0.1))
    first = asyncio.create_task(Health().read(strict))
    await asyncio.sleep(0.3)
    time = NOW + timedelta(seconds=0.3)
    late = asyncio.create_task(Health().read(strict))
    await asyncio.sleep(0.01)
    asked.set()

    assert ["lighthouse is healthy"] * 2 == [str(report.summary) for report in await asyncio.gather(first, late)]


async def test_details_add_versions_clock_uptime_gateway_and_containers_and_are_never_brief() -> None:
    said = {
        ("host-a", "windows"): windows(clock=NOW + timedelta(seconds=5)),
        ("host-a", "wsl"): wsl(A, containers=(container("web-1"), container("web-2"))),
        ("host-b", "windows"): LOST,
        ("host-b", "wsl"): LOST,
    }
    report = (await Health(details=True).read(view(A, B, LIGHTHOUSE, said=said))).initial

    extra = {row.host: [str(cell.text) for cell in row.cells[7:]] for row in report.rows}
    assert [
        "1.9.3",
        "1.25.3",
        "10.0.20348",
        "5.1.20348.1",
        "5 s ahead",
        "86405 s",
        "12 ms",
        "web-1 running, web-2 running",
        "nebula.log 1.9 MB (and 3 rotated), access.log 1.9 MB (and 3 rotated), error.log 1.9 MB (and 3 rotated)",
    ] == extra["host-a"]
    assert [*["unknown"] * 6, "12 ms", *["unknown"] * 2] == extra["host-b"]
    assert ["N/A", "nebula.log 1.9 MB (and 3 rotated)"] == extra["lighthouse"][-2:]
    assert {len(report.columns)} == {len(row.cells) for row in report.rows}
    assert not report.brief
    assert ([None] * 2, ()) == ([finding.next for finding in report.findings], report.next)


async def test_details_are_always_read_and_shown_at_first_only_where_they_were_asked_for() -> None:
    """So that a button can show them without asking the hosts again."""
    short, long = await Health().read(view(A)), await Health(details=True).read(view(A))

    assert short.model_copy(update={"details": True}) == long
    assert (7, 16) == (len(short.initial.columns), len(long.initial.columns))
    assert long.initial == short.show(details=True)
    assert short.initial == long.show(details=False)


async def test_what_is_wrong_with_log_rotation_is_part_of_the_verdict() -> None:
    """It is read with the six checks, though its table is shown with the details only."""
    said = {("host-a", "windows"): windows(logs=(log("nebula", size=200 * 2**20), log("access"), log("error")))}
    report = await Health().read(view(A, B, said=said))

    assert "1 of 2 hosts needs attention: host-a nebula.log too large" == str(report.summary)
    assert [("host-a", "logs", Severity.LOW)] == [(each.host, each.subject, each.severity) for each in report.findings]
    assert [("host-a", Severity.LOW), ("host-b", None)] == rows(report)
    tables = [report.initial, report.show(details=True)]
    assert [False, True] == ["log_rotation" in [column.key for column in table.columns] for table in tables]


async def test_a_worse_finding_keeps_a_host_s_place_beside_its_logs() -> None:
    said = {("host-a", "windows"): windows(nebula="Stopped", logs=(log("nebula", size=200 * 2**20),))}
    long = (await Health().read(view(A, said=said))).show(details=True)

    assert [("host-a", Severity.CRITICAL)] == rows(long)
    assert ["nebula", "logs"] == [finding.subject for finding in long.findings]


async def test_a_gateway_whose_health_page_is_silent_took_no_time_that_is_known() -> None:
    report = await Health(details=True).read(view(A, said={("host-a", "gateway"): gateway(A, healthy=LOST, answer_ms=None)}))

    told = dict(zip((column.key for column in report.columns), report.rows[0].cells, strict=True))["api_ms"]
    assert ("unknown", None, Mark.UNKNOWN) == (str(told.text), told.value, told.mark)


async def test_a_bug_in_one_look_is_not_taken_for_a_hosts_failure() -> None:
    with pytest.raises(ExceptionGroup):
        await Health().read(view(A, said={("host-a", "wsl"): RuntimeError("a bug")}))


async def test_a_report_survives_being_stored() -> None:
    report = await Health(details=True).read(view(A, B, said={("host-b", "gateway"): gateway(B, healthy=False)}))

    assert report == Report.model_validate_json(report.model_dump_json())


async def test_progress_counts_hosts_and_names_those_that_are_awaited() -> None:
    """All of them at first, one fewer each time, none at the end."""
    seen: list[ReadProgress] = []
    await Health().read(replace(view(A, B, C), progress=seen.append))

    assert ReadProgress(3, ("host-a", "host-b", "host-c")) == seen[0]
    assert [(3, 0), (2, 1), (1, 2), (0, 3)] == [(len(each.awaited), each.answered) for each in seen]


async def test_progress_offers_the_report_on_the_hosts_that_have_answered() -> None:
    """The report is that of the moment, worst first, whenever it is built."""
    seen: list[ReadProgress] = []
    said = {("host-b", "windows"): windows(nebula="Stopped")}
    whole = await Health().read(replace(view(A, B, C, said=said), progress=seen.append))

    assert seen[0].build_report is None
    for each in seen[1:]:
        assert each.build_report is not None
        answered = {"host-a", "host-b", "host-c"} - set(each.awaited)
        assert sorted(answered, key=lambda name: (name != "host-b", name)) == [row.host for row in each.build_report().rows]
    assert seen[-1].build_report is not None
    assert whole == seen[-1].build_report()


async def test_without_hosts_there_is_no_progress() -> None:
    seen: list[ReadProgress] = []
    await read_all_hosts((), Health().make_assessor(view(A)), replace(view(A), progress=seen.append))

    assert [] == seen


async def test_the_headline_the_table_the_findings_and_the_buttons_have_one_order() -> None:
    """An unreachable host is less urgent than a problem of high severity, and more than one of medium severity."""
    said = {
        **{("host-a", side): LOST for side in ("windows", "wsl", "gateway")},
        ("host-b", "wsl"): wsl(B, containers=(container("web-1", "exited", 1),)),
        ("host-c", "wsl"): wsl(C, forwarding=False),
        ("host-d", "windows"): windows(nebula="Stopped"),
    }
    report = await Health().read(view(A, B, C, host("host-d", 4), said=said))

    ordered = ["host-d", "host-c", "host-a", "host-b"]
    assert ordered == [row.host for row in report.rows] == [finding.host for finding in report.findings]
    assert (
        "4 of 4 hosts need attention: host-d Nebula stopped, host-c Forwarding off, host-a unreachable and 1 more"
    ) == str(report.summary)
    assert ordered[:3] == [words.removesuffix(" --details").split()[-1] for words in report.next]


async def test_a_partial_report_has_its_hosts_in_the_order_of_the_whole_one() -> None:
    """Whoever answers first."""
    seen: list[ReadProgress] = []
    answered = {"host-a": asyncio.Event(), "host-b": asyncio.Event(), "host-c": asyncio.Event()}

    async def look(each: Host) -> str:
        await answered[each.name].wait()
        return each.name

    def report(names: Sequence[str]) -> Report:
        return Report(title=Phrase("Names"), summary=Phrase("{names}", names=" ".join(names)))

    reading = asyncio.create_task(read_all_hosts((A, B, C), look, replace(view(A), progress=seen.append), report))
    for name in ("host-c", "host-a", "host-b"):
        answered[name].set()
        await asyncio.sleep(0.001)
    assert ("host-a", "host-b", "host-c") == await reading
    built = [each.build_report() for each in seen if each.build_report]
    assert ["host-c", "host-a host-c", "host-a host-b host-c"] == [str(each.summary) for each in built]
