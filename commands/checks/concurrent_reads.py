"""Reads many hosts concurrently, and reports progress: the hosts that are still awaited."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from operator import itemgetter
from typing import TypeVar

from adapters.action import Action, Answer
from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host
from commands.model.operation import FleetView, ReadProgress
from commands.model.report import Report

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
