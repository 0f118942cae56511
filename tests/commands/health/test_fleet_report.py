"""The common part of all reads of a fleet: order, commands to type next, and a fleet without hosts."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

import pytest

from adapters.errors import NotAsked, Unreachable
from adapters.inventory import Host
from adapters.phrase import Phrase
from commands.health.assessment import HealthAnswers, Judgment, Remark
from commands.health.disk_operation import DiskUsage
from commands.health.fleet_report import AssessedHost, AssessmentRead
from commands.health.operation import Health
from commands.health.update_operation import UpdateList
from commands.model.finding import Severity
from commands.model.operation import FleetView
from commands.model.report import Column, Report
from commands.services.operations import ServiceList
from tests.commands.canned import host, view

A, B, C = host("host-a", 1), host("host-b", 2), host("host-c", 3)
LOST = Unreachable(Phrase("connection refused"))
UNASKED = NotAsked(Phrase("no open files left"))


class Round(AssessmentRead):
    """A read whose hosts are assessed as a test says."""

    words: ClassVar = ("round",)
    title: ClassVar = Phrase("Round")
    columns: ClassVar = (Column(key="host", heading=Phrase("Host")),)
    assessed: ClassVar[dict[str, AssessedHost]] = {}

    def make_assessor(self, view: FleetView) -> Callable[[Host], Awaitable[AssessedHost]]:
        async def assess(host: Host) -> AssessedHost:
            return self.assessed.get(host.name) or well(host)

        return assess

    def summarize_healthy(self, hosts: Sequence[Host]) -> Phrase:
        return Phrase("all {n} are fine", n=len(hosts))


def well(host: Host, **given: Any) -> AssessedHost:
    return AssessedHost(host, Judgment({}), (), (), **given)


def bad(host: Host, severity: Severity, command: str, **given: Any) -> AssessedHost:
    remark = Remark("lamp", severity, Phrase("lamp out"), Phrase("the lamp is out"))
    return AssessedHost(host, Judgment({}, (remark,)), (), (remark.build_finding(host.name, command),), **given)


async def make_round(*assessed: AssessedHost, terse: bool = False) -> Report:
    kind: type[Round] = type("Round", (Round,), {"terse": terse, "assessed": {each.host.name: each for each in assessed}})
    return await kind().read(view(A, B, C))


@pytest.mark.parametrize("kind", [Health, ServiceList, DiskUsage, UpdateList, Round])
async def test_without_hosts_a_read_says_what_to_do(kind: type[AssessmentRead]) -> None:
    report = await kind().read(view())

    assert "no hosts configured. Add them to the configuration file" == str(report.summary)
    assert ((), (), ()) == (report.rows, report.findings, report.next)


async def test_the_worst_comes_first_and_of_equals_the_one_with_the_lesser_tie() -> None:
    report = await make_round(
        bad(A, Severity.LOW, "look a"), bad(B, Severity.HIGH, "look b", tie=-3), bad(C, Severity.HIGH, "look c", tie=-7)
    )

    assert ["host-c", "host-b", "host-a"] == [row.host for row in report.rows]
    assert "3 of 3 hosts need attention: host-c lamp out, host-b lamp out, host-a lamp out" == str(report.summary)


async def test_the_next_commands_are_those_of_the_findings_each_once() -> None:
    report = await make_round(bad(A, Severity.LOW, "look"), bad(B, Severity.HIGH, "mend"), bad(C, Severity.LOW, "look"))

    assert ("mend", "look") == report.next


async def test_the_next_commands_are_those_of_the_hosts_where_these_have_their_own() -> None:
    report = await make_round(
        bad(A, Severity.LOW, "look", next="round a"), bad(B, Severity.HIGH, "mend", next="round b"), well(C, next="round c")
    )

    assert ("round b", "round a") == report.next


@pytest.mark.parametrize("terse", [True, False])
async def test_a_terse_read_leaves_the_table_out_where_all_is_well(*, terse: bool) -> None:
    report = await make_round(terse=terse)

    assert ("all 3 are fine", terse) == (str(report.summary), report.brief)


@pytest.mark.parametrize(
    ("errors", "summary"),
    [
        ((LOST, LOST, UNASKED), "none of the 3 hosts respond. Check the bot's own network first"),
        ((UNASKED, UNASKED, UNASKED), "3 of 3 hosts need attention: host-a lamp out, host-b lamp out, host-c lamp out"),
        ((LOST, LOST, None), "3 of 3 hosts need attention: host-a lamp out, host-b lamp out, host-c lamp out"),
    ],
)
async def test_a_fleet_is_silent_where_no_host_answers_and_at_least_one_was_asked(
    errors: tuple[Unreachable | NotAsked | None, ...], summary: str
) -> None:
    hosts = zip((A, B, C), errors, strict=True)
    assessed = [bad(each, Severity.HIGH, "look", answers=HealthAnswers(each, error, None, None)) for each, error in hosts]

    assert summary == str((await make_round(*assessed)).summary)
