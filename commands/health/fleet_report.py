"""Reads that assess hosts one by one, and their common report: a row for each host, the worst first.

hosts ─ assess (concurrently) ─▶ AssessedHost* ─ ranked ─▶ Report

Reads many hosts concurrently, and reports progress: the hosts that are still awaited.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import ClassVar, TypeVar

from adapters.action import Action, Answer
from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host
from adapters.phrase import Phrase
from commands.health.assessment import Judgment, SideAnswers, summarize_troubled
from commands.model.finding import NO_HOSTS, Finding, list_next_commands, list_some, sort_worst_first
from commands.model.operation import FleetRead, FleetView, ReadProgress
from commands.model.report import Cell, Column, Report, Row
from commands.values.arguments import ALL_HOSTS, TargetArgument

ReadValue = TypeVar("ReadValue")


async def read_all_hosts(
    hosts: Iterable[Host],
    look: Callable[[Host], Awaitable[ReadValue]],
    view: FleetView,
    report: Callable[[Sequence[ReadValue]], Report] | None = None,
) -> tuple[ReadValue, ...]:
    """Calls `look` for every host concurrently, and returns the results in order. `look` returns failures as values.

    `report` builds the report on some of the results, which progress offers before all hosts have answered.
    """
    hosts = tuple(hosts)
    awaited = [host.name for host in hosts]
    answered: list[tuple[int, ReadValue]] = []

    def report_progress() -> None:
        count = len(answered)  # the list only grows, so its beginning is a snapshot that costs nothing for each host
        build = None if report is None or not count else lambda: report(_put_in_order(answered[:count]))
        view.progress(ReadProgress(len(hosts), tuple(awaited), build))

    async def look_and_report(number: int, host: Host) -> ReadValue:
        result = await look(host)
        awaited.remove(host.name)
        answered.append((number, result))
        report_progress()
        return result

    if hosts:
        report_progress()
    async with asyncio.TaskGroup() as group:
        looks = [group.create_task(look_and_report(number, host)) for number, host in enumerate(hosts)]
    return tuple(look.result() for look in looks)


def _put_in_order(answered: Iterable[tuple[int, ReadValue]]) -> list[ReadValue]:
    """Puts results into the order of their hosts. They came in the order of time."""
    return [result for _, result in sorted(answered, key=itemgetter(0))]


async def read_side(host: Host, action: Action[Answer] | None, view: FleetView) -> Answer | HostError | None:
    """Reads one side of a host; None without an action."""
    if action is None:
        return None
    seen: ReadResult[Answer] = await view.fleet.read(host, action)
    return seen.outcome


MAX_NAMED = 3
"""Maximum hosts in a summary, remarks on a single host, and next commands. A notification is read on a phone."""


@dataclass(frozen=True)
class AssessedHost:
    """One host of a report: its judgment, its cells after the name, its findings.

    `next` is the next command if this host needs attention; None: its findings have theirs. `tie` orders hosts of the same
    severity. `answers` are those of its sides, for reads that report a fleet without any answer.
    """

    host: Host
    judgment: Judgment
    cells: tuple[Cell, ...]
    findings: tuple[Finding, ...]
    next: str | None = None
    tie: float = 0.0
    answers: SideAnswers | None = None

    @property
    def rank(self) -> tuple[int, float]:
        """Sort key: the worst host first, a healthy one last."""
        return self.judgment.rank, self.tie

    @property
    def silent(self) -> bool:
        """True if no side of this host answered."""
        return self.answers is not None and self.answers.silent

    @property
    def row(self) -> Row:
        name = self.host.name
        judged = self.judgment
        return Row(cells=(Cell.of(name), *self.cells), host=name, severity=judged.severity, reached=judged.reached)


class AssessmentRead(FleetRead):
    """A read that assesses hosts one by one."""

    title: ClassVar[Phrase]
    columns: ClassVar[tuple[Column, ...]]
    """Columns of the report: the host's name, then one for each of `AssessedHost.cells`."""
    terse: ClassVar[bool] = False
    """True for a shorter report: no table if nothing is wrong; for a single host the summary names its problems."""

    target: TargetArgument = ALL_HOSTS
    details: bool = False

    async def read(self, view: FleetView) -> Report:
        def report(assessed: Sequence[AssessedHost]) -> Report:
            related = sorted(self.relate(assessed, view), key=lambda each: each.rank)
            return build_fleet_report(self, related, view.now())

        hosts = self.resolve_hosts(view.fleet.inventory)
        return report(await read_all_hosts(hosts, self.make_assessor(view), view, report))

    def make_assessor(self, view: FleetView) -> Callable[[Host], Awaitable[AssessedHost]]:
        """Makes the function that reads and judges one host."""
        raise NotImplementedError

    def relate(self, assessed: Sequence[AssessedHost], view: FleetView) -> Sequence[AssessedHost]:
        """Relates what one cause explains on several hosts. Most reads judge each host alone."""
        return assessed

    def summarize_healthy(self, hosts: Sequence[Host]) -> Phrase:
        """Summarizes hosts of which none needs attention."""
        raise NotImplementedError


def build_fleet_report(operation: AssessmentRead, ranked: Sequence[AssessedHost], at: datetime) -> Report:
    """Makes the report on hosts that were assessed; they come worst first."""
    troubled = [each for each in ranked if each.judgment.remarks]
    findings = sort_worst_first(finding for each in troubled for finding in each.findings)
    commands = tuple(each.next for each in troubled if each.next is not None)
    return Report(
        title=operation.title,
        summary=_summarize(operation, ranked, troubled),
        columns=operation.columns,
        rows=tuple(each.row for each in ranked),
        findings=findings,
        brief=operation.terse and not troubled,
        details=operation.details,
        taken_at=at,
        next=commands[:MAX_NAMED] or list_next_commands(findings, MAX_NAMED),
    )


def _summarize(operation: AssessmentRead, ranked: Sequence[AssessedHost], troubled: Sequence[AssessedHost]) -> Phrase:
    """Summarizes the report, true and complete enough for a phone's notification; both lists come worst first."""
    if not ranked:
        return NO_HOSTS
    if not troubled:
        return operation.summarize_healthy([each.host for each in ranked])
    if operation.terse and len(ranked) == 1:
        judged = ranked[0].judgment
        worst = list_some([remark.headline for remark in judged.causes or judged.worst], MAX_NAMED)
        return Phrase("{host} needs attention: {worst}", host=ranked[0].host.name, worst=worst)
    if all(each.silent for each in ranked) and any(each.answers.askable for each in ranked if each.answers):
        return Phrase("none of the {total} hosts respond. Check the bot's own network first", total=len(ranked))
    causes = [each for each in troubled if each.judgment.causes] or troubled
    return summarize_troubled([(each.host, each.judgment) for each in causes], len(ranked), MAX_NAMED)
